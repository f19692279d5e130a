package kitchen

import (
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the binary must know time zones on a machine that has no files of them
)

// The limits of the kitchen file on slots.
const (
	MinSlot     = 5 * time.Minute
	MaxSlot     = 4 * time.Hour
	MaxCapacity = 10_000
	// MaxLead is the longest base of the lead time, and MaxLeadPerDozen the longest
	// time that a dozen adds.
	MaxLead         = 7 * 24 * time.Hour
	MaxLeadPerDozen = 4 * time.Hour
	// MaxAhead is how many days ahead a slot may be taken at most.
	MaxAhead = 365

	maxSpans      = 6
	maxClosed     = 366
	minutesOfADay = 24 * 60
	dozen         = 12
)

// Opening says when customers may fetch what they order.
type Opening struct {
	// TimeZone is the name of the bakery's time zone, such as Europe/Berlin.
	TimeZone string `json:"timezone"`
	// Hours are when the bakery is open on each day of the week, Sunday first.
	Hours [7][]Span `json:"hours"`
	// Closed are days on which it is not open at all.
	Closed []Date `json:"closed"`
	// Slot is how long a slot is, and Capacity how many pieces are handed out in one.
	Slot     Duration `json:"slot"`
	Capacity int      `json:"capacity"`
	Lead     Lead     `json:"lead"`
	// Ahead is how many days ahead a slot can be taken.
	Ahead int `json:"ahead"`

	location *time.Location
}

// Lead is how long the kitchen needs for an order.
type Lead struct {
	Base     Duration `json:"base"`
	PerDozen Duration `json:"perDozen"`
}

// For is how long the kitchen needs for so many pieces: each dozen that is begun
// counts.
func (l Lead) For(pieces int) time.Duration {
	dozens := (max(0, pieces) + dozen - 1) / dozen
	return time.Duration(l.Base) + time.Duration(dozens)*time.Duration(l.PerDozen)
}

// Span is a part of a day by the clock on the wall, in minutes from midnight.
type Span struct{ From, To int }

// ParseSpan reads a span such as 08:00-18:00. The end of a day is 24:00.
func ParseSpan(text string) (Span, error) {
	from, to, _ := strings.Cut(text, "-")
	begin, errFrom := minutesOf(from)
	end, errTo := minutesOf(to)
	switch {
	case errFrom != nil || errTo != nil:
		return Span{}, fmt.Errorf("%q are no hours: write them like 08:00-18:00, at most 00:00-24:00", Excerpt(text))
	case end <= begin:
		return Span{}, fmt.Errorf("%q ends before it begins: give what is after midnight to the next day, as 00:00-02:00", Excerpt(text))
	}
	return Span{begin, end}, nil
}

func minutesOf(clock string) (int, error) {
	if clock == "24:00" {
		return minutesOfADay, nil
	}
	at, err := time.Parse("15:04", clock)
	if err != nil || len(clock) != len("15:04") {
		return 0, fmt.Errorf("%q is no time of day", clock)
	}
	return at.Hour()*60 + at.Minute(), nil
}

// String writes the span as ParseSpan reads it.
func (s Span) String() string {
	return fmt.Sprintf("%02d:%02d-%02d:%02d", s.From/60, s.From%60, s.To/60, s.To%60)
}

// MarshalText implements encoding.TextMarshaler.
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Span) UnmarshalText(text []byte) (err error) {
	*s, err = ParseSpan(string(text))
	return err
}

// Location is the bakery's time zone.
func (o *Opening) Location() *time.Location {
	if o.location == nil {
		return time.UTC // nobody has said another
	}
	return o.location
}

// setTimeZone sets the time zone by its name.
func (o *Opening) setTimeZone(name string) error {
	location, err := time.LoadLocation(name)
	// Local would be another zone on each machine, and none would be UTC unseen.
	if err != nil || name == "" || name == "Local" {
		return fmt.Errorf("%q is no time zone: use a name such as Europe/Berlin, America/New_York or UTC", Excerpt(name))
	}
	o.TimeZone, o.location = name, location
	return nil
}

// DateOf is the bakery's date at an instant.
func (o *Opening) DateOf(at time.Time) Date { return DateIn(at, o.Location()) }

// Begin is when a day begins by the bakery's clock.
func (o *Opening) Begin(day Date) time.Time { return firstAt(day, 0, o.Location()).UTC() }

// Plan is what the opening hours say of one day.
func (o *Opening) Plan(day Date) PickupPlan {
	plan := PickupPlan{Day: day, Spans: []OpenSpan{}, Slot: o.Slot, Capacity: o.Capacity, EndsAt: firstAt(day.Next(), 0, o.Location()).UTC()}
	if slices.Contains(o.Closed, day) {
		return plan
	}
	for _, span := range o.Hours[day.Weekday()] {
		open := OpenSpan{From: firstAt(day, span.From, o.Location()).UTC(), To: firstAt(day, span.To, o.Location()).UTC()}
		if open.To.After(open.From) { // a span may lie in the hour that a clock skips
			plan.Spans = append(plan.Spans, open)
		}
	}
	return plan
}

// IsOpen reports whether the bakery is open at an instant.
func (o *Opening) IsOpen(at time.Time) bool {
	plan := o.Plan(o.DateOf(at))
	return slices.ContainsFunc(plan.Spans, func(s OpenSpan) bool { return !at.Before(s.From) && at.Before(s.To) })
}

// NextOpening is when the bakery opens next after an instant; found is false if it
// does not within a year.
func (o *Opening) NextOpening(after time.Time) (at time.Time, found bool) {
	for day, n := o.DateOf(after), 0; n <= MaxAhead; day, n = day.Next(), n+1 {
		for _, span := range o.Plan(day).Spans {
			if span.From.After(after) {
				return span.From, true
			}
		}
	}
	return time.Time{}, false
}

// ReadyAt is the earliest time at which so many pieces can be fetched that are
// ordered now.
func (o *Opening) ReadyAt(now time.Time, pieces int) time.Time { return now.Add(o.Lead.For(pieces)) }

// LastDay is the last day for which a slot can be taken now.
func (o *Opening) LastDay(now time.Time) Date { return o.DateOf(now).Add(o.Ahead) }

// Earliest is the first slot for so many pieces that are ordered now, whoever else
// has ordered; found is false if there is none on any day that can be asked for.
func (o *Opening) Earliest(now time.Time, pieces int) (slot time.Time, found bool) {
	ready := o.ReadyAt(now, pieces)
	for day := o.DateOf(ready); !day.After(o.LastDay(now)); day = day.Next() {
		for _, slot := range o.Plan(day).Slots() {
			if !slot.Before(ready) {
				return slot, true
			}
		}
	}
	return time.Time{}, false
}

// CheckPickup returns an error that says why nobody can fetch so many pieces at a
// time, if they order now. Whether the slot has room is another question.
func (o *Opening) CheckPickup(now, at time.Time, pieces int) error {
	day := o.DateOf(at)
	plan := o.Plan(day)
	earliest := func() string {
		slot, found := o.Earliest(now, pieces)
		if !found {
			return "and no later slot can be taken yet"
		}
		return "the first slot for this order is " + o.Say(slot)
	}
	switch {
	case at.Before(now):
		return fmt.Errorf("%s is over: %s", o.Say(at), earliest())
	case pieces > o.Capacity:
		return fmt.Errorf("one slot has room for %s, the order has %d: split it over several slots", cupcakes(o.Capacity), pieces)
	case day.After(o.LastDay(now)):
		return fmt.Errorf("%s is too far ahead: slots can be taken up to %s", o.Say(at), o.LastDay(now))
	case len(plan.Spans) == 0:
		return fmt.Errorf("the bakery is closed on %s: %s", day, earliest())
	case !plan.Has(at):
		return fmt.Errorf("%s is no slot: use the beginning of one, as GET /api/v1/slots lists them", o.Say(at))
	case at.Before(o.ReadyAt(now, pieces)):
		return fmt.Errorf("%s is too soon for %s: %s", o.Say(at), cupcakes(pieces), earliest())
	}
	return nil
}

func cupcakes(n int) string {
	if n == 1 {
		return "1 cupcake"
	}
	return fmt.Sprintf("%d cupcakes", n)
}

// Say is an instant as people in the bakery say it. The offset tells apart the two
// times that the clock shows twice when it is put back.
func (o *Opening) Say(at time.Time) string {
	return at.In(o.Location()).Format("Mon 2 Jan 2006 15:04 MST")
}

// firstAt is when the clock on the wall first shows so many minutes after midnight on
// a day, or when it first shows more because it skips that.
func firstAt(day Date, minutes int, location *time.Location) time.Time {
	wall := time.Date(day.Year, day.Month, day.Day, 0, minutes, 0, 0, time.UTC)
	// No zone is as far from UTC as this, so the clock does not show it yet.
	for from := wall.Add(-26 * time.Hour).In(location); ; {
		_, offset := from.Zone()
		at := wall.Add(-time.Duration(offset) * time.Second).In(location)
		if at.Before(from) {
			at = from // the clock has just been put past it
		}
		_, until := from.ZoneBounds()
		if until.IsZero() || at.Before(until) {
			return at
		}
		from = until.In(location)
	}
}
