package kitchen

import (
	"cmp"
	"fmt"
	"time"
)

// Date is a day of the calendar, in no time zone. The zero value is no day.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// ParseDate reads a date such as 2026-11-28.
func ParseDate(text string) (Date, error) {
	at, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return Date{}, fmt.Errorf("%q is no date: write it like 2026-11-28", Excerpt(text))
	}
	return DateIn(at, time.UTC), nil
}

// DateIn is the date at an instant in a time zone.
func DateIn(at time.Time, location *time.Location) Date {
	year, month, day := at.In(location).Date()
	return Date{year, month, day}
}

// Next is the day after.
func (d Date) Next() Date { return d.Add(1) }

// Add is the date a number of days later.
func (d Date) Add(days int) Date {
	return DateIn(d.noonUTC().AddDate(0, 0, days), time.UTC)
}

// Weekday is the day of the week.
func (d Date) Weekday() time.Weekday { return d.noonUTC().Weekday() }

// After reports whether d is later than other.
func (d Date) After(other Date) bool {
	return cmp.Or(cmp.Compare(d.Year, other.Year), cmp.Compare(d.Month, other.Month), cmp.Compare(d.Day, other.Day)) > 0
}

// IsZero reports whether d is no day.
func (d Date) IsZero() bool { return d == Date{} }

func (d Date) noonUTC() time.Time { return time.Date(d.Year, d.Month, d.Day, 12, 0, 0, 0, time.UTC) }

// String writes the date as ParseDate reads it.
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, int(d.Month), d.Day) }

// MarshalText implements encoding.TextMarshaler.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Date) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDate(string(text))
	return err
}
