package station

import (
	"errors"
	"fmt"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

var (
	// ErrNotHere says that no such ticket is at this station, or no longer.
	ErrNotHere = errors.New("this ticket is not at this station")
	// ErrNotStarted says that a ticket was answered before it was started.
	ErrNotStarted = errors.New("nobody has started this ticket: start it first")
	// ErrBusy says that another call about the same ticket is under way.
	ErrBusy = errors.New("this ticket is being answered already")
	// ErrStopped says that the station has stopped.
	ErrStopped = errors.New("the station has stopped")
)

// PausedError says that somebody has paused the station: nothing can be begun there.
type PausedError struct{ By, Reason string }

// Error tells who, and why if they said so.
func (e *PausedError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("%s has paused this station: nothing can be begun here until it goes on", e.By)
	}
	return fmt.Sprintf("%s has paused this station (%s): nothing can be begun here until it goes on", e.By, e.Reason)
}

// TakenError says that the log gives a ticket to somebody else.
type TakenError struct {
	// By is who was first, with what and when.
	By   string
	Kind kitchen.AckKind
	At   time.Time
}

// Error tells who was first. It names no order: who reads it may not be the
// customer.
func (e *TakenError) Error() string {
	what := map[kitchen.AckKind]string{
		kitchen.AckStarted: "has started it",
		kitchen.AckDone:    "has done it",
		kitchen.AckFailed:  "has reported that it failed",
		kitchen.AckUndone:  "has undone it",
	}[e.Kind]
	return fmt.Sprintf("%s was first: %s %s", e.By, e.By, what)
}

// WithdrawnError says that a ticket's order was cancelled.
type WithdrawnError struct {
	// Undo is the number of the ticket to undo the work, or 0 if that is not
	// at this station.
	Undo int
}

// Error names no order either.
func (e *WithdrawnError) Error() string {
	if e.Undo == 0 {
		return "withdrawn: this work was cancelled"
	}
	return fmt.Sprintf("withdrawn: this work was cancelled; see its UNDO ticket #%d", e.Undo)
}

func takenBy(ack *kitchen.Ack) error { return &TakenError{By: ack.By, Kind: ack.Kind, At: ack.At} }
