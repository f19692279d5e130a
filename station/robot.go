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
	// Jitter is how much longer or shorter a ticket may take than WorkTime, as a
	// share of it from 0 to 1. Each ticket's time is drawn, all equally often.
	Jitter float64
	// FailRate is the share of the work that fails, from 0 to 1.
	FailRate float64
	// Judge says of a ticket, to make, whether work on it fails, and why, before
	// FailRate is asked. Optional.
	Judge func(kitchen.Ticket) (reason kitchen.Reason, failed bool)
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

	shifts sync.Mutex // guards what follows
	shift  *shift     // the one that is on, or the next one while the robot stands aside
	aside  bool
}

// shift is a time during which a robot works. It takes no more before it is over, or an
// arm could take what another puts back at its end.
type shift struct {
	begun, taking, over    context.Context
	begin, takeNoMore, end context.CancelFunc
}

func newShift() *shift {
	s := new(shift)
	s.begun, s.begin = context.WithCancel(context.Background())
	s.taking, s.takeNoMore = context.WithCancel(context.Background())
	s.over, s.end = context.WithCancel(context.Background())
	return s
}

// finish ends the shift: first nothing more is taken, then what is in hand is put back.
func (s *shift) finish() {
	s.takeNoMore()
	s.end()
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
	if !(r.Jitter >= 0 && r.Jitter <= 1) {
		faults = append(faults, fmt.Errorf("jitter: %v must be from 0 to 1", r.Jitter))
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
		arms.Go(func() { r.workAway(ctx, inHand) })
	}
	arms.Wait()
	return nil
}

// StepAside has the robot put back what it has in hand and take nothing more, until
// ComeBack. Both may be called at any time, from anywhere.
func (r *Robot) StepAside() {
	r.shifts.Lock()
	defer r.shifts.Unlock()
	if r.aside {
		return
	}
	r.currentShift().finish()
	r.aside, r.shift = true, newShift()
}

// ComeBack has a robot that has stepped aside work again.
func (r *Robot) ComeBack() {
	r.shifts.Lock()
	defer r.shifts.Unlock()
	if !r.aside {
		return
	}
	r.aside = false
	r.shift.begin()
}

// currentShift is the one that is on, or the next one. The lock is held.
func (r *Robot) currentShift() *shift {
	if r.shift == nil {
		r.shift = newShift()
		r.shift.begin()
	}
	return r.shift
}

// workAway is what one arm does, until the robot or its station is stopped.
func (r *Robot) workAway(ctx, inHand context.Context) {
	for {
		r.shifts.Lock()
		shift := r.currentShift()
		r.shifts.Unlock()
		select {
		case <-shift.begun.Done():
		case <-ctx.Done():
			return
		case <-r.Station.ctx.Done():
			return
		}
		waiting, stop := context.WithCancel(shift.taking)
		forget := context.AfterFunc(ctx, stop)
		item, over, err := r.Station.startNext(waiting, inHand, r.WorkTime > 0)
		forget()
		stop()
		switch {
		case err == nil:
			r.work(inHand, item, over, shift.over)
		case shift.taking.Err() == nil || ctx.Err() != nil:
			return // the robot or its station has been stopped
		}
	}
}

// work does one ticket, unless it leaves the hand before. At the end of the shift it
// is put back.
func (r *Robot) work(ctx context.Context, item Item, over <-chan struct{}, shift context.Context) {
	ticketID := item.Ticket.TicketID
	timer := time.NewTimer(r.takes())
	defer timer.Stop()
	endOfShift := shift.Done()
	if r.WorkTime == 0 {
		endOfShift = nil // nobody was told that it was begun: it is finished at once
	}
	select {
	case <-ctx.Done():
		return
	case <-over:
		return
	case <-endOfShift:
		r.tell(ctx, item, r.Station.Release(ctx, ticketID))
		return
	case <-timer.C:
	}
	// If it leaves the hand just now, the station refuses the answer.
	var err error
	if reason, failed := r.fails(item.Ticket); failed {
		scrapped := 0
		if reason.Then == kitchen.OutcomeRemake {
			scrapped = item.Ticket.Pieces()
		}
		err = r.Station.Fail(ctx, ticketID, reason.Code, "", scrapped)
	} else {
		err = r.Station.Done(ctx, ticketID)
	}
	r.tell(ctx, item, err)
}

// tell logs that what a robot did with a ticket did not count.
func (r *Robot) tell(ctx context.Context, item Item, err error) {
	var withdrawn *WithdrawnError
	if err != nil && !errors.As(err, &withdrawn) {
		r.Station.config.Logger.InfoContext(ctx, "A robot's work did not count",
			"pickup_code", item.Ticket.PickupCode, "stage", item.Ticket.Stage, "reason", err)
	}
}

// takes draws how long a ticket takes.
func (r *Robot) takes() time.Duration {
	if r.Jitter == 0 {
		return r.WorkTime
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return time.Duration(float64(r.WorkTime) * (1 + r.Jitter*(2*r.Chance()-1)))
}

// fails says whether work on a ticket fails, and why. Undoing never does.
func (r *Robot) fails(ticket kitchen.Ticket) (kitchen.Reason, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	failed := r.Chance() < r.FailRate
	if ticket.Kind == kitchen.TicketUndo {
		return kitchen.Reason{}, false
	}
	if r.Judge != nil {
		if reason, judged := r.Judge(ticket); judged {
			return reason, true
		}
	}
	if !failed {
		return kitchen.Reason{}, false
	}
	return r.Reasons[int(r.Chance()*float64(len(r.Reasons)))], true
}
