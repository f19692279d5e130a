package station

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cupcakery/cupcakery/internal/retry"
	"github.com/cupcakery/cupcakery/kitchen"
)

// Robot works at a station by itself. While nothing waits, it takes tickets over
// whose owners are silent.
type Robot struct {
	Station *Station
	// WorkTime is how long each ticket takes. A robot that takes no time
	// publishes done without having published started, unless it takes the ticket
	// over.
	WorkTime time.Duration
	// FailRate is the share of the work that fails, from 0 to 1.
	FailRate float64
	// Reasons are why work fails, all equally often. A reason that leads to a
	// remake scraps all pieces. Defaults to those of the default kitchen file.
	Reasons []kitchen.Reason
	// Parallel is how many tickets are worked on at once. Defaults to 1.
	Parallel int
	// StopWithin is how long a stop waits for the work in hand. Defaults to
	// 30 s. What is not finished then is issued again.
	StopWithin time.Duration
	// Chance returns numbers from 0 up to but not including 1. It is called
	// by one goroutine at a time. Defaults to a random one.
	Chance func() float64

	mu sync.Mutex // held while Chance is called
}

func (r *Robot) check() error {
	var faults []error
	if r.Station == nil {
		faults = append(faults, errors.New("station: missing: a robot works at one"))
	}
	if r.WorkTime < 0 {
		faults = append(faults, fmt.Errorf("work time: %s must not be negative", r.WorkTime))
	}
	if !(r.FailRate >= 0 && r.FailRate <= 1) {
		faults = append(faults, fmt.Errorf("fail rate: %v must be from 0 to 1", r.FailRate))
	}
	if r.Parallel < 0 {
		faults = append(faults, fmt.Errorf("parallel: %d must be at least 1", r.Parallel))
	}
	return errors.Join(faults...)
}

func (r *Robot) setDefaults() {
	if len(r.Reasons) == 0 {
		r.Reasons = kitchen.Default().Reasons
	}
	if r.Parallel == 0 {
		r.Parallel = 1
	}
	if r.StopWithin == 0 {
		r.StopWithin = 30 * time.Second
	}
	if r.Chance == nil {
		r.Chance = rand.Float64
	}
}

// Run works until the context ends, then finishes what is in hand and returns
// nil. The station must go on until then.
func (r *Robot) Run(ctx context.Context) error {
	if err := r.check(); err != nil {
		return fmt.Errorf("start a robot: %w", err)
	}
	r.setDefaults()
	// What is in hand goes on after ctx has ended, for a while.
	inHand, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		retry.Pause(inHand, r.StopWithin)
		cancel()
	})()
	var arms sync.WaitGroup
	for range r.Parallel {
		arms.Go(func() {
			for {
				item, over, err := r.Station.startNext(ctx, inHand, r.WorkTime > 0)
				if err != nil {
					return // the robot or its station has been stopped
				}
				r.work(inHand, item, over)
			}
		})
	}
	arms.Wait()
	return nil
}

// work does one ticket, unless it leaves the hand before.
func (r *Robot) work(ctx context.Context, item Item, over <-chan struct{}) {
	timer := time.NewTimer(r.WorkTime)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return
	case <-over:
		return
	case <-timer.C:
	}
	// If it leaves the hand just now, the station refuses the answer.
	ticketID := item.Ticket.TicketID
	var err error
	if reason, failed := r.fails(); failed && item.Ticket.Kind != kitchen.TicketUndo {
		scrapped := 0
		if reason.Then == kitchen.OutcomeRemake {
			scrapped = item.Ticket.Pieces()
		}
		err = r.Station.Fail(ctx, ticketID, reason.Code, "", scrapped)
	} else {
		err = r.Station.Done(ctx, ticketID)
	}
	var withdrawn *WithdrawnError
	if err != nil && !errors.As(err, &withdrawn) {
		r.Station.config.Logger.InfoContext(ctx, "A robot's work did not count",
			"pickup_code", item.Ticket.PickupCode, "stage", item.Ticket.Stage, "reason", err)
	}
}

// fails draws whether a piece of work fails, and why.
func (r *Robot) fails() (kitchen.Reason, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Chance() >= r.FailRate {
		return kitchen.Reason{}, false
	}
	return r.Reasons[int(r.Chance()*float64(len(r.Reasons)))], true
}
