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
	// publishWithin bounds how long Kafka may take to take an ack and to give it
	// back in the log.
	publishWithin = 5 * time.Second
	// renewalsEach is how many renewals of an owner are written at most while
	// they may be silent; further ones are answered without writing.
	renewalsEach = 4
)

// Why an ack was not published.
var (
	// ErrTicketNotFound means that the ticket is not on the stage's board.
	ErrTicketNotFound = errors.New("the ticket is not on this stage's board")
	// ErrStillReading means the same of a floor that is behind the log.
	ErrStillReading = errors.New("the log has not been read to its end, and the ticket is not known yet")
	// ErrNotInHand means that nobody has the ticket in hand that is to be put
	// back or taken over.
	ErrNotInHand = errors.New("nobody has the ticket in hand")
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

// PausedError means that nobody can begin anything at the station.
type PausedError struct{ By, Reason string }

func (e *PausedError) Error() string { return "the station is paused by " + e.By }

// UnconfirmedError means that nobody knows whether an ack is in the log.
type UnconfirmedError struct{ Err error }

func (e *UnconfirmedError) Error() string {
	return fmt.Sprintf("the ack was not seen in the log within %s: %v", publishWithin, e.Err)
}

// Unwrap returns the cause.
func (e *UnconfirmedError) Unwrap() error { return e.Err }

// ownAck tells this process's own acks apart.
type ownAck struct {
	ticketID string
	at       int64
}

// heardAck is what an own ack has done in the log, and its ticket right after it.
type heardAck struct {
	effect board.Effect
	entry  board.Entry
}

// Ack publishes an ack, waits until the log has it, and returns its ticket as it
// is then. The log decides: what is checked before only spares it acks that
// cannot count.
func (f *Floor) Ack(ctx context.Context, by string, stage kitchen.Stage, ticketID string, asked wire.Ack) (wire.BoardTicket, error) {
	ctx, cancel := context.WithTimeout(ctx, publishWithin)
	defer cancel()
	ack, entry, resolved, err := f.prepareAck(by, stage, ticketID, asked)
	if err != nil {
		return wire.BoardTicket{}, err
	}
	if resolved != nil {
		heard, err := f.publishAck(ctx, ack, resolved)
		if err != nil {
			return wire.BoardTicket{}, err
		}
		if err := whyInVain(ack, heard); err != nil {
			return wire.BoardTicket{}, err
		}
		entry = heard.entry
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.boardTicket(entry), nil
}

// prepareAck makes an ack, and a channel that gives what it has done in the log.
// There is no channel if there is nothing to write.
func (f *Floor) prepareAck(by string, stage kitchen.Stage, ticketID string, asked wire.Ack) (kitchen.Ack, board.Entry, <-chan heardAck, error) {
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
		From:     asked.From,
		Kind:     asked.Kind,
		Note:     asked.Note,
		OrderID:  entry.Ticket.OrderID,
		Reason:   asked.Reason,
		Scrapped: asked.Scrapped,
		Stage:    stage,
		TakeOver: asked.TakeOver,
		TicketID: ticketID,
	}
	if entry.By == by && entry.State != kitchen.TicketFailed {
		ack.StartedAt = entry.StartedAt
	}
	if err := ack.Check(); err != nil {
		return ack, entry, nil, &InvalidAckError{err}
	}
	if err := entry.Ticket.CheckScrapped(ack.Scrapped); err != nil {
		return ack, entry, nil, &InvalidAckError{fmt.Errorf("scrapped: %w", err)}
	}
	isOwner := entry.State == kitchen.TicketStarted && entry.By == by
	if flag, paused := f.flags.Get(kitchen.FlagPaused, string(stage)); paused && ack.Kind == kitchen.AckStarted && !isOwner {
		return ack, entry, nil, &PausedError{flag.By, flag.Reason}
	}
	if needed, err := f.isNeeded(ack, entry); err != nil || !needed {
		return ack, entry, nil, err
	}
	resolved := make(chan heardAck, 1)
	f.ownAcks[ownAck{ticketID, at.UnixNano()}] = resolved
	return ack, entry, resolved, nil
}

// isNeeded reports whether an ack is worth writing: it is not if the ticket
// stands already as it says, and there is an error if it cannot count. The lock
// is held.
func (f *Floor) isNeeded(ack kitchen.Ack, entry board.Entry) (needed bool, err error) {
	within := entry.Ticket.AckWithin()
	isOwner := entry.State == kitchen.TicketStarted && entry.By == ack.By
	switch {
	case entry.Ended() && entry.IssuedAfterEnd && entry.Ack.Kind == ack.Kind:
		return true, nil // its order has lost the end
	case isRepeated(ack, entry):
		return isOwner && within > 0 && f.silence(entry) > within/renewalsEach, nil
	case ack.Kind == kitchen.AckStarted && !ack.TakeOver && f.silence(entry) > within && within > 0 && entry.Sign.Appended:
		return true, nil // the log finds out whether the owner was silent for too long
	}
	return true, whyStale(ack, entry)
}

// silence is how long the owner of a ticket was not heard of. The lock is held.
func (f *Floor) silence(entry board.Entry) time.Duration {
	if entry.State != kitchen.TicketStarted || entry.Withdrawn {
		return 0
	}
	return f.board.Age(entry.Sign, f.reading.Elapsed())
}

// isRepeated reports whether the ticket stands already as the ack says, by the
// same person: on another tab, or before a reload.
func isRepeated(ack kitchen.Ack, entry board.Entry) bool {
	return entry.Ack != nil && entry.Ack.Kind == ack.Kind && entry.By == ack.By
}

// whyStale is why an ack of somebody at a board cannot count for a ticket as it
// stands; nil if it can. Only who has a ticket in hand may end it here.
func whyStale(ack kitchen.Ack, entry board.Entry) error {
	takes := ack.Kind == kitchen.AckStarted && ack.TakeOver
	switch {
	case entry.Ended() || entry.State == kitchen.TicketFailed:
		return &EndedError{By: entry.By, State: entry.State}
	case entry.Withdrawn:
		return &EndedError{}
	case entry.State == kitchen.TicketWaiting && (takes || ack.Kind == kitchen.AckReleased):
		return ErrNotInHand
	case entry.State == kitchen.TicketStarted && entry.By != ack.By && !(takes && entry.By == ack.From):
		return &TakenError{Owner: entry.By}
	}
	return nil
}

// whyInVain is why an ack that lies in the log has not done what its sender
// wants; nil if the ticket stands as the ack says.
func whyInVain(ack kitchen.Ack, heard heardAck) error {
	entry := heard.entry
	counts := heard.effect != board.Stale && heard.effect != board.Unjudged
	switch {
	case counts && !entry.Ended(), isRepeated(ack, entry), entry.IssuedAfterEnd && entry.Ack.Kind == ack.Kind:
		return nil
	}
	if err := whyStale(ack, entry); err != nil {
		return err
	}
	// The attempt failed a moment before, and the next is here already.
	ended := &EndedError{State: kitchen.TicketFailed}
	if entry.LastFailure != nil {
		ended.By = entry.LastFailure.By
	}
	return ended
}

// publishAck publishes an ack and waits for what it does in the log.
func (f *Floor) publishAck(ctx context.Context, ack kitchen.Ack, resolved <-chan heardAck) (heardAck, error) {
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.ownAcks, ownAck{ack.TicketID, ack.At.UnixNano()})
	}()
	published := make(chan error, 1)
	go func() { published <- f.writer.PublishAck(ctx, ack) }() // ends with ctx
	for {
		select {
		case heard := <-resolved:
			return heard, nil
		case err := <-published:
			if err != nil && ctx.Err() == nil {
				return heardAck{}, &UnconfirmedError{err}
			}
			published = nil // it is in the log; wait until it is read
		case <-ctx.Done():
			return heardAck{}, &UnconfirmedError{ctx.Err()}
		}
	}
}

// resolve hands what an own ack has done, and its ticket as it is now, to whoever
// waits for it. The lock is held.
func (f *Floor) resolve(ack kitchen.Ack, effect board.Effect) {
	own := ownAck{ack.TicketID, ack.SaidAt().UnixNano()} // its record may date it otherwise
	resolved, ok := f.ownAcks[own]
	if !ok {
		return // nobody waits any more
	}
	delete(f.ownAcks, own)
	entry, _ := f.board.Get(ack.TicketID)
	resolved <- heardAck{effect, entry}
}
