package kitchen

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// pickupPrefix begins the id of the workflow that has a day's slots.
const pickupPrefix = "pickup-"

// mostPlaces is how many orders have a place on one day at most, and mostReleased how many
// are remembered that have given theirs back: all of them must fit into what Temporal
// keeps in one piece. A reservation may come a minute late, not a thousand orders late.
const (
	mostPlaces   = 10_000
	mostReleased = 1_000
)

// PickupWorkflowID is the id of the workflow that has the places of a day's slots.
func PickupWorkflowID(day Date) string { return pickupPrefix + day.String() }

// DateFromPickupWorkflowID is the inverse of PickupWorkflowID.
func DateFromPickupWorkflowID(workflowID string) (Date, error) {
	day, found := strings.CutPrefix(workflowID, pickupPrefix)
	if !found {
		return Date{}, fmt.Errorf("workflow id %q does not start with %q", Excerpt(workflowID), pickupPrefix)
	}
	return ParseDate(day)
}

// PickupPlan is what a kitchen file says of the slots of one day. It is part of
// recorded histories: fields may be added, never renamed or given another meaning.
type PickupPlan struct {
	Day Date `json:"day"`
	// Spans are when the bakery is open; none if it is closed.
	Spans []OpenSpan `json:"spans"`
	Slot  Duration   `json:"slot"`
	// Capacity is how many pieces are handed out in one slot.
	Capacity int `json:"capacity"`
	// EndsAt is when the day is over.
	EndsAt time.Time `json:"endsAt"`
}

// OpenSpan is a time without a break in which the bakery is open.
type OpenSpan struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Slots are when the day's slots begin. Each is as long as the others, also on a day
// on which the clocks change, and ends while the bakery is open.
func (p PickupPlan) Slots() []time.Time {
	slots := []time.Time{}
	if p.Slot <= 0 {
		return slots
	}
	for _, span := range p.Spans {
		for at := span.From; !at.Add(time.Duration(p.Slot)).After(span.To); at = at.Add(time.Duration(p.Slot)) {
			slots = append(slots, at)
		}
	}
	return slots
}

// Has reports whether a slot begins at an instant.
func (p PickupPlan) Has(at time.Time) bool { return slices.ContainsFunc(p.Slots(), at.Equal) }

// Pickup is when an order is to be fetched, as it was agreed when it was placed. It is
// part of recorded histories.
type Pickup struct {
	At time.Time `json:"at"`
	// BeginAt is when the kitchen begins.
	BeginAt time.Time  `json:"beginAt"`
	Plan    PickupPlan `json:"plan"`
}

// PickupFor is the pickup of an order that is placed now; nil for one that is wanted
// as soon as possible.
func (o *Opening) PickupFor(order Order) *Pickup {
	if order.PickupAt.IsZero() {
		return nil
	}
	at := order.PickupAt.UTC()
	return &Pickup{At: at, BeginAt: at.Add(-o.Lead.For(order.Pieces())), Plan: o.Plan(o.DateOf(at))}
}

// Reservation asks for a place in a slot.
type Reservation struct {
	// Holder is who gets the place: one life of an order. An order that was refused and
	// is placed once more is another holder.
	Holder string     `json:"holder"`
	Slot   time.Time  `json:"slot"`
	Pieces int        `json:"pieces"`
	Plan   PickupPlan `json:"plan"`
	// Run is the run of the order that asks. One that asks again because it was reset is
	// not answered what another has heard before.
	Run string `json:"run,omitempty"`
}

// PickupRefusal is why an order gets no place. The zero value is none.
type PickupRefusal string

// The refusals.
const (
	// PickupFull: others have taken the slot.
	PickupFull PickupRefusal = "full"
	// PickupOver: the slot has begun.
	PickupOver PickupRefusal = "over"
	// PickupNoSlot: no slot begins then.
	PickupNoSlot PickupRefusal = "no-slot"
	// PickupReleased: the order has given its place back.
	PickupReleased PickupRefusal = "released"
	// PickupUnanswered: nobody could say in time.
	PickupUnanswered PickupRefusal = "unanswered"
)

// NoPlaceError says that an order gets no place in a slot.
type NoPlaceError struct {
	Why PickupRefusal `json:"why"`
	// Free are the next slots of the day that have room for the order.
	Free []time.Time `json:"free,omitempty"`
}

// Error says why.
func (e *NoPlaceError) Error() string {
	switch e.Why {
	case PickupFull:
		return "the slot is full"
	case PickupOver:
		return "the slot is over"
	case PickupNoSlot:
		return "no slot begins then"
	case PickupReleased:
		return "the order has given its place back"
	}
	return "nobody could say in time whether the slot has room"
}

// PickupDay is who has a place in the slots of one day. It is part of recorded
// histories.
type PickupDay struct {
	// Plan is that of the newest reservation.
	Plan   PickupPlan `json:"plan"`
	Places []Place    `json:"places,omitempty"`
}

// Place is what an order has of a slot.
type Place struct {
	Holder string    `json:"holder"`
	Slot   time.Time `json:"slot"`
	Pieces int       `json:"pieces"`
	// Released is set once the order has given the place back. It is remembered, so
	// that a reservation that comes late takes none for an order that is over.
	Released bool `json:"released,omitempty"`
}

// nextFree is how many free slots a refusal names.
const nextFree = 5

// Check returns a *NoPlaceError if the order gets no place. One that has its place
// gets it again.
func (d *PickupDay) Check(now time.Time, r Reservation) error {
	if place := d.place(r.Holder); place != nil {
		switch {
		case place.Released:
			return &NoPlaceError{Why: PickupReleased}
		case !place.Slot.Equal(r.Slot):
			return &NoPlaceError{Why: PickupNoSlot}
		}
		return nil
	}
	switch {
	case !r.Plan.Has(r.Slot):
		return &NoPlaceError{Why: PickupNoSlot}
	case !r.Slot.After(now):
		return &NoPlaceError{Why: PickupOver}
	case d.held() >= mostPlaces:
		return &NoPlaceError{Why: PickupFull}
	case d.Taken(r.Slot)+r.Pieces > r.Plan.Capacity:
		return &NoPlaceError{Why: PickupFull, Free: d.free(now, r)}
	}
	return nil
}

// Reserve gives the order its place, or returns why it gets none.
func (d *PickupDay) Reserve(now time.Time, r Reservation) error {
	if r.Holder == "" || r.Pieces < 1 {
		return errors.New("a reservation has a holder and at least one piece")
	}
	if err := d.Check(now, r); err != nil {
		return err
	}
	d.Plan = r.Plan
	if d.place(r.Holder) == nil {
		d.Places = append(d.Places, Place{Holder: r.Holder, Slot: r.Slot, Pieces: r.Pieces})
	}
	return nil
}

// Release takes a holder's place back, if it has one, and keeps it from getting one
// later.
func (d *PickupDay) Release(holder string) {
	if place := d.place(holder); place != nil && place.Released {
		return
	}
	d.Places = slices.DeleteFunc(d.Places, func(p Place) bool { return p.Holder == holder })
	d.Places = append(d.Places, Place{Holder: holder, Released: true}) // the last of those
	if tooMany := len(d.Places) - d.held() - mostReleased; tooMany > 0 {
		d.Places = slices.DeleteFunc(d.Places, func(p Place) bool {
			forgotten := p.Released && tooMany > 0
			if forgotten {
				tooMany--
			}
			return forgotten
		})
	}
}

// Held are the places that orders have.
func (d *PickupDay) Held() []Place {
	return slices.DeleteFunc(slices.Clone(d.Places), func(p Place) bool { return p.Released })
}

func (d *PickupDay) held() int {
	held := 0
	for _, place := range d.Places {
		if !place.Released {
			held++
		}
	}
	return held
}

// Taken is how many pieces of a slot are taken.
func (d *PickupDay) Taken(slot time.Time) int {
	taken := 0
	for _, place := range d.Places {
		if !place.Released && place.Slot.Equal(slot) {
			taken += place.Pieces
		}
	}
	return taken
}

// Slots are the slots in which somebody has a place, with how many pieces are taken.
func (d *PickupDay) Slots() []TakenSlot {
	slots := []TakenSlot{}
	for _, place := range d.Places {
		if place.Released {
			continue
		}
		i := slices.IndexFunc(slots, func(s TakenSlot) bool { return s.At.Equal(place.Slot) })
		if i < 0 {
			slots = append(slots, TakenSlot{At: place.Slot, Taken: place.Pieces})
			continue
		}
		slots[i].Taken += place.Pieces
	}
	slices.SortFunc(slots, func(a, b TakenSlot) int { return a.At.Compare(b.At) })
	return slots
}

// TakenSlot is how many pieces of a slot are taken.
type TakenSlot struct {
	At    time.Time `json:"at"`
	Taken int       `json:"taken"`
}

func (d *PickupDay) place(holder string) *Place {
	i := slices.IndexFunc(d.Places, func(p Place) bool { return p.Holder == holder })
	if i < 0 {
		return nil
	}
	return &d.Places[i]
}

// free are the next slots with room for a reservation: those after its own first.
func (d *PickupDay) free(now time.Time, r Reservation) (free []time.Time) {
	for _, after := range []bool{true, false} {
		for _, slot := range r.Plan.Slots() {
			if len(free) < nextFree && slot.After(r.Slot) == after && slot.After(now) && d.Taken(slot)+r.Pieces <= r.Plan.Capacity {
				free = append(free, slot)
			}
		}
	}
	return free
}

// Reserved is what came of a reservation.
type Reserved struct {
	// Refused is why there is no place; nil if there is one.
	Refused *NoPlaceError `json:"refused,omitempty"`
}
