package kitchen

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// standingAheadAtMost is how many days before its pickup an order of a standing order
// is placed: early enough to get its place in a slot, and for somebody to hear of it if
// it gets none.
const standingAheadAtMost = 7

// standingFromAtMost is how many days ahead the first day of a standing order may be.
const standingFromAtMost = 366

// PlacedAtHour is the hour at which orders of standing orders are placed, by the
// bakery's clock. No zone's clock skips it, as some do with midnight.
const PlacedAtHour = 12

// Weekday is a day of the week by its name, such as monday.
type Weekday string

// Weekdays are all of them, Sunday first, as time.Weekday counts them.
func Weekdays() []Weekday {
	days := make([]Weekday, 7)
	for day := range days {
		days[day] = Weekday(strings.ToLower(time.Weekday(day).String()))
	}
	return days
}

// Number is the day as Go counts it; -1 if there is no such day.
func (w Weekday) Number() int { return slices.Index(Weekdays(), w) }

// StandingOrder is an order that comes again on some days of every week. It is part of
// recorded histories: fields may be added, never renamed or given another meaning.
type StandingOrder struct {
	// Order has no total and no pickup time: those are each order's own.
	Order Order     `json:"order"`
	Days  []Weekday `json:"days"`
	// At is when it is fetched, by the bakery's clock, such as 08:30.
	At string `json:"at"`
	// From is the first day on which it may be fetched.
	From Date `json:"from,omitzero"`
	// Until is the last one; zero if there is none.
	Until Date `json:"until,omitzero"`
}

// Check returns every fault of a standing order that is taken now, in the order of its
// fields.
func (s StandingOrder) Check(k *Kitchen, now time.Time) []FieldError {
	var c orderCheck
	for _, fault := range k.CheckOrder(s.Order) {
		c.addf("/order"+fault.Pointer, "%s", fault.Detail)
	}
	if s.Order.Total != nil {
		c.addf("/order/total", "a standing order has no total: each of its orders has the prices of the day on which it is placed")
	}
	if !s.Order.PickupAt.IsZero() {
		c.addf("/order/pickupAt", "a standing order is fetched on its days: say so with days and at")
	}
	opening, pieces := &k.Opening, s.Order.Pieces()
	if pieces > opening.Capacity {
		c.addf("/order/lines", "one slot has room for %s, the order has %d", cupcakes(opening.Capacity), pieces)
	}
	minutes, err := minutesOf(s.At)
	if err != nil || minutes == minutesOfADay {
		c.addf("/at", "%q is no time of day: write it like 08:30", Excerpt(s.At))
	}
	if len(s.Days) == 0 {
		c.addf("/days", "must have at least one day of the week")
	}
	for i, day := range s.Days {
		at := fmt.Sprintf("/days/%d", i)
		switch {
		case day.Number() < 0:
			c.addf(at, "%q is no day of the week: use monday, tuesday and so on", Excerpt(string(day)))
		case slices.Contains(s.Days[:i], day):
			c.addf(at, "%s is in the list already: leave one of them out", day)
		case err == nil && minutes < minutesOfADay:
			c.add(opening.checkStanding(day, minutes), at)
		}
	}
	if s.From.After(opening.DateOf(now).Add(standingFromAtMost)) {
		c.addf("/from", "must not be more than a year ahead")
	}
	if !s.Until.IsZero() && (s.From.After(s.Until) || opening.DateOf(now).After(s.Until)) {
		c.addf("/until", "must not be before the first day, and not be over")
	}
	ahead := opening.StandingAhead()
	switch earliest := time.Duration(ahead)*24*time.Hour - PlacedAtHour*time.Hour; {
	case ahead == 0:
		c.addf("", "slots can be taken here only for the same day, so nothing can be ordered for every week: opening.ahead of the kitchen file must be at least 1")
	case opening.Lead.For(pieces) > earliest:
		c.addf("/order/lines", "the kitchen needs %s for %s, and the orders are placed %d days ahead", opening.Lead.For(pieces), cupcakes(pieces), ahead)
	}
	return c.faults
}

// checkStanding returns an error unless a slot begins so many minutes after midnight on
// a day of the week, other than on closed days.
func (o *Opening) checkStanding(day Weekday, minutes int) error {
	spans := o.Hours[day.Number()]
	slot := int(time.Duration(o.Slot) / time.Minute)
	var hours []string
	for _, span := range spans {
		if slot > 0 && minutes >= span.From && minutes+slot <= span.To && (minutes-span.From)%slot == 0 {
			return nil
		}
		hours = append(hours, span.String())
	}
	if len(hours) == 0 {
		return fmt.Errorf("the bakery is closed on every %s: leave it out", day)
	}
	return fmt.Errorf("no slot begins then on a %s: the bakery is open %s, with a slot every %d minutes", day, strings.Join(hours, " and "), slot)
}

// StandingAhead is how many days ahead an order of a standing order is placed; 0 if
// there can be none.
func (o *Opening) StandingAhead() int { return min(standingAheadAtMost, o.Ahead) }

// IsOn reports whether the standing order has an order for a day.
func (s StandingOrder) IsOn(day Date) bool {
	return slices.ContainsFunc(s.Days, func(w Weekday) bool { return w.Number() == int(day.Weekday()) }) &&
		!s.From.After(day) && (s.Until.IsZero() || !day.After(s.Until))
}

// OrderOn is the order for a day. Its pickup time is by the bakery's clock; on a day on
// which that changes, so that other slots begin than on all others, it is that of the last
// slot before.
func (s StandingOrder) OrderOn(day Date, o *Opening) (Order, error) {
	minutes, err := minutesOf(s.At)
	if err != nil {
		return Order{}, err
	}
	order := s.Order
	order.PickupAt = firstAt(day, minutes, o.Location()).UTC()
	if o.checkStanding(Weekdays()[day.Weekday()], minutes) != nil {
		return order, nil // a slot of no day
	}
	slots := o.Plan(day).Slots()
	if after := slices.IndexFunc(slots, order.PickupAt.Before); after > 0 {
		slots = slots[:after]
	}
	if last := len(slots) - 1; last >= 0 && slots[last].Before(order.PickupAt) {
		order.PickupAt = slots[last].UTC()
	}
	return order, nil
}

// PlacedOn is when the order for a day is placed that is placed so many days ahead.
func (o *Opening) PlacedOn(day Date, ahead int) time.Time {
	return firstAt(day.Add(-ahead), PlacedAtHour*60, o.Location())
}

// FirstOf is the first day on which a standing order that is taken now can be fetched;
// found is false if there is none within its time.
func (s StandingOrder) FirstOf(o *Opening, now time.Time) (day Date, found bool) {
	day = o.DateOf(now)
	if s.From.After(day) {
		day = s.From
	}
	for range 7 * 53 {
		if s.IsOn(day) {
			order, err := s.OrderOn(day, o)
			isNow := !day.After(o.LastDay(now))
			if err == nil && (!isNow || o.CheckPickup(now, order.PickupAt, order.Pieces()) == nil) {
				return day, true
			}
		}
		day = day.Next()
	}
	return Date{}, false
}
