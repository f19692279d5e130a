package floor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	// ackWithin bounds how long Kafka may take to take an ack and to give it
	// back in the log.
	ackWithin = 5 * time.Second
	// ackAttempts is how often an ack is published for a ticket that is issued
	// again each time before the log has the ack.
	ackAttempts = 3
)

// Why an ack was not published.
var (
	// ErrTicketNotFound means that the ticket is not on the stage's board.
	ErrTicketNotFound = errors.New("the ticket is not on this stage's board")
	// ErrStillReading means the same of a floor that is behind the log.
	ErrStillReading = errors.New("the log has not been read to its end, and the ticket is not known yet")
)

// InvalidAckError means that an ack breaks a rule of the kitchen.
type InvalidAckError struct{ Err error }

func (e *InvalidAckError) Error() string { return e.Err.Error() }

// Unwrap returns the rule.
func (e *InvalidAckError) Unwrap() error { return e.Err }

// TakenError means that an ack does not count because somebody else is the
// ticket's owner.
type TakenError struct{ Owner string }

func (e *TakenError) Error() string { return e.Owner + " has the ticket in hand" }

// EndedError means that an ack does not count because the ticket has ended, or
// waits for its next attempt.
type EndedError struct {
	// By is who ended it; empty if it was withdrawn.
	By    string
	State kitchen.TicketState
}

func (e *EndedError) Error() string {
	if e.By == "" {
		return "the ticket is withdrawn"
	}
	return fmt.Sprintf("the ticket is %s by %s", e.State, e.By)
}

// UnconfirmedError means that nobody knows whether an ack is in the log.
type UnconfirmedError struct{ Err error }

func (e *UnconfirmedError) Error() string {
	return fmt.Sprintf("the ack was not seen in the log within %s: %v", ackWithin, e.Err)
}

// Unwrap returns the cause.
func (e *UnconfirmedError) Unwrap() error { return e.Err }

// ownAck tells this process's own acks apart.
type ownAck struct {
	ticketID string
	at       int64
}

// Ack publishes an ack, waits until the log has it, and returns its ticket as it
// is then. The log decides: what is checked before only spares it acks that
// cannot count.
func (f *Floor) Ack(ctx context.Context, by string, stage kitchen.Stage, ticketID string, asked wire.Ack) (wire.BoardTicket, error) {
	ctx, cancel := context.WithTimeout(ctx, ackWithin)
	defer cancel()
	for range ackAttempts {
		ack, entry, resolved, err := f.prepareAck(by, stage, ticketID, asked)
		if err != nil {
			return wire.BoardTicket{}, err
		}
		if resolved == nil {
			return f.boardTicket(entry), nil
		}
		entry, err = f.publishAck(ctx, ack, resolved)
		if err != nil {
			return wire.BoardTicket{}, err
		}
		if retry, err := ackOutcome(ack, entry); err != nil {
			return wire.BoardTicket{}, err
		} else if !retry {
			return f.boardTicket(entry), nil
		}
	}
	return wire.BoardTicket{}, &UnconfirmedError{errors.New("the ticket was issued again each time before the log had the ack")}
}

// prepareAck makes an ack, and a channel that gives its ticket as it is right
// after the ack in the log. There is no channel if the log has the same ack
// already.
func (f *Floor) prepareAck(by string, stage kitchen.Stage, ticketID string, asked wire.Ack) (kitchen.Ack, board.Entry, <-chan board.Entry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	entry, known := f.board.Get(ticketID)
	if !known || entry.Ticket.Attempt == 0 || entry.Ticket.Stage != stage {
		if !f.Behind().Since.IsZero() {
			return kitchen.Ack{}, entry, nil, ErrStillReading
		}
		return kitchen.Ack{}, entry, nil, ErrTicketNotFound
	}
	at := f.now().UTC()
	if !at.After(f.lastAckAt) { // or two acks of one moment would be one to us
		at = f.lastAckAt.Add(1)
	}
	f.lastAckAt = at
	ack := kitchen.Ack{
		At:       at,
		Attempt:  entry.Attempt,
		By:       by,
		Kind:     asked.Kind,
		Note:     asked.Note,
		OrderID:  entry.Ticket.OrderID,
		Reason:   asked.Reason,
		Scrapped: asked.Scrapped,
		Stage:    stage,
		TicketID: ticketID,
	}
	if entry.State == kitchen.TicketStarted && entry.By == by {
		ack.StartedAt = entry.StartedAt
	}
	if err := ack.Check(); err != nil {
		return ack, entry, nil, &InvalidAckError{err}
	}
	if err := entry.Ticket.CheckScrapped(ack.Scrapped); err != nil {
		return ack, entry, nil, &InvalidAckError{fmt.Errorf("scrapped: %w", err)}
	}
	if isRepeated(ack, entry) {
		return ack, entry, nil, nil
	}
	if err := whyAckIsStale(ack, entry); err != nil {
		return ack, entry, nil, err
	}
	resolved := make(chan board.Entry, 1)
	f.ownAcks[ownAck{ticketID, at.UnixNano()}] = resolved
	return ack, entry, resolved, nil
}

// isRepeated reports whether the ticket's last ack is the same, from the same
// person: on another tab, or before a reload.
func isRepeated(ack kitchen.Ack, entry board.Entry) bool {
	return entry.Ack != nil && entry.Ack.Kind == ack.Kind && entry.By == ack.By
}

// whyAckIsStale is why an ack cannot count, as far as the log is known; nil if
// it can.
func whyAckIsStale(ack kitchen.Ack, entry board.Entry) error {
	switch {
	case entry.Ended() || entry.State == kitchen.TicketFailed:
		return &EndedError{By: entry.By, State: entry.State}
	case entry.Withdrawn:
		return &EndedError{}
	case entry.State == kitchen.TicketStarted && entry.By != ack.By:
		return &TakenError{Owner: entry.By}
	}
	return nil
}

// ackOutcome is what an ack has led to, by its ticket right after it in the log.
// The ack has to be published again if the ticket was issued again before it and
// nothing else stands in its way.
func ackOutcome(ack kitchen.Ack, entry board.Entry) (retry bool, err error) {
	switch {
	case entry.Ack != nil && entry.Ack.SaidAt().Equal(ack.At) && isRepeated(ack, entry):
		return false, nil
	case isRepeated(ack, entry) && ack.Kind != kitchen.AckFailed:
		return false, nil // the same person, a moment before
	case ack.Kind == kitchen.AckFailed && !entry.Ended() && entry.Attempt > ack.Attempt:
		return false, nil // the failed attempt is over, and the next is here already
	}
	if err := whyAckIsStale(ack, entry); err != nil {
		return false, err
	}
	return true, nil
}

// publishAck publishes an ack and waits for its ticket as it is right after it
// in the log.
func (f *Floor) publishAck(ctx context.Context, ack kitchen.Ack, resolved <-chan board.Entry) (board.Entry, error) {
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.ownAcks, ownAck{ack.TicketID, ack.At.UnixNano()})
	}()
	published := make(chan error, 1)
	go func() { published <- f.writer.PublishAck(ctx, ack) }() // ends with ctx
	for {
		select {
		case entry := <-resolved:
			return entry, nil
		case err := <-published:
			if err != nil && ctx.Err() == nil {
				return board.Entry{}, &UnconfirmedError{err}
			}
			published = nil // it is in the log; wait until it is read
		case <-ctx.Done():
			return board.Entry{}, &UnconfirmedError{ctx.Err()}
		}
	}
}

// resolve hands an own ack's ticket, as it is now, to whoever waits for it. The
// lock is held.
func (f *Floor) resolve(ack kitchen.Ack) {
	own := ownAck{ack.TicketID, ack.SaidAt().UnixNano()} // its record may date it otherwise
	resolved, ok := f.ownAcks[own]
	if !ok {
		return // nobody waits any more
	}
	delete(f.ownAcks, own)
	entry, _ := f.board.Get(ack.TicketID)
	resolved <- entry
}
