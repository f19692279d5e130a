package api

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

const (
	// slotsFor is how long what is left of a day is told again before its workflow is
	// asked once more: each question makes a worker's work.
	slotsFor = time.Second
	// daysKept is of how many days it is kept.
	daysKept = 400
)

// slotBook knows what is taken of each day's slots. All who ask about a day at a time
// share one question, and its answer for a moment, also if that is an error. What it says
// may be gone by then in any case: the order itself gets a place or none.
type slotBook struct {
	look   func(context.Context, kitchen.Date) ([]kitchen.TakenSlot, error)
	logger *slog.Logger
	now    func() time.Time

	mu   sync.Mutex // guards which days are known
	days map[kitchen.Date]*slotDay
}

type slotDay struct {
	mu     sync.Mutex // guards the answer; held during a question
	looked time.Time
	taken  []kitchen.TakenSlot
	err    error
}

func newSlotBook(look func(context.Context, kitchen.Date) ([]kitchen.TakenSlot, error), logger *slog.Logger) *slotBook {
	return &slotBook{look: look, logger: logger, now: time.Now, days: make(map[kitchen.Date]*slotDay)}
}

// taken are the slots of a day in which somebody has a place, or
// workflows.ErrDayEnded.
func (b *slotBook) taken(day kitchen.Date) ([]kitchen.TakenSlot, error) {
	known := b.day(day)
	known.mu.Lock()
	defer known.mu.Unlock()
	if !known.looked.IsZero() && b.now().Sub(known.looked) < slotsFor {
		return known.taken, known.err
	}
	// Not the context of who asks: others wait for the answer too.
	ctx, cancel := context.WithTimeout(context.Background(), followWithin)
	defer cancel()
	hadEnded := errors.Is(known.err, workflows.ErrDayEnded)
	known.taken, known.err = b.look(ctx, day)
	known.looked = b.now()
	if errors.Is(known.err, workflows.ErrDayEnded) && !hadEnded {
		b.logger.Error("the workflow of a day's slots was ended from outside, so nobody can order for that day until it is reset", slog.String("workflow", kitchen.PickupWorkflowID(day)))
	}
	return known.taken, known.err
}

// changed forgets what is known of a day.
func (b *slotBook) changed(day kitchen.Date) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.days, day)
}

func (b *slotBook) day(day kitchen.Date) *slotDay {
	b.mu.Lock()
	defer b.mu.Unlock()
	known := b.days[day]
	if known == nil {
		if len(b.days) >= daysKept {
			clear(b.days) // of days that are over, mostly
		}
		known = &slotDay{}
		b.days[day] = known
	}
	return known
}
