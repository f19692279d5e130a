package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	// ackWithin bounds how long Kafka may take to take an ack and to give it
	// back in the log.
	ackWithin = 5 * time.Second
	// sayAtMost is how often an ack is written for a ticket that is issued
	// again each time before the log has it.
	sayAtMost = 3
)

// GetBoard shows a station's board.
func (s *Server) GetBoard(_ context.Context, request GetBoardRequestObject) (GetBoardResponseObject, error) {
	s.floor.mu.Lock()
	defer s.floor.mu.Unlock()
	return GetBoard200JSONResponse(s.floor.stations[request.Stage].board()), nil
}

// AckTicket says something about a ticket and answers with what the log makes
// of it.
func (s *Server) AckTicket(ctx context.Context, request AckTicketRequestObject) (AckTicketResponseObject, error) {
	by, _ := sessionOf(ctx)
	ctx, cancel := context.WithTimeout(requestContext(ctx), ackWithin)
	defer cancel()
	entry, err := s.floor.say(ctx, by.Name, request.Stage, request.Ticket, *request.Body)
	s.metrics.acks.WithLabelValues(string(request.Body.Kind), ackOutcome(err)).Inc()
	if err != nil {
		return nil, err
	}
	return AckTicket200JSONResponse(s.floor.boardTicket(entry)), nil
}

// ackOutcome is what became of an ack, for the metrics.
func ackOutcome(err error) string {
	if err == nil {
		return "counts"
	}
	if kindOf(asProblem(err).Type).Status >= 500 {
		return "unknown"
	}
	return "refused"
}

// say writes an ack and waits until the log has it. The log decides: what is
// looked at before only spares it words that cannot count.
func (f *floor) say(ctx context.Context, by string, stage kitchen.Stage, ticketID string, said wire.Ack) (board.Entry, error) {
	for range sayAtMost {
		ack, entry, heard, err := f.prepare(by, stage, ticketID, said)
		if err != nil || heard == nil {
			return entry, err
		}
		entry, err = f.writeAndHear(ctx, ack, heard)
		if err != nil {
			return entry, err
		}
		if again, err := verdict(ack, entry); !again {
			return entry, err
		}
	}
	return board.Entry{}, unsaid(errors.New("the ticket was issued again each time before the log had the ack"))
}

// prepare makes the ack of what somebody says, and a channel that gives where
// its ticket stands right after it in the log. There is no channel if the log
// has said the same already.
func (f *floor) prepare(by string, stage kitchen.Stage, ticketID string, said wire.Ack) (kitchen.Ack, board.Entry, <-chan board.Entry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	entry, known := f.board.Get(ticketID)
	if !known || entry.Ticket.Attempt == 0 || entry.Ticket.Stage != stage {
		if !f.behind.Since.IsZero() {
			return kitchen.Ack{}, entry, nil, &problemError{Type: wire.ProblemUnavailable, Detail: "This process has not read the log to its end and does not know the ticket yet. Nothing was written: ask again."}
		}
		return kitchen.Ack{}, entry, nil, &problemError{Type: wire.ProblemTicketNotFound, Detail: "The ticket is not on this stage's board: look at GET /api/v1/stations/{stage}/tickets."}
	}
	at := f.now().UTC()
	if !at.After(f.lastAck) { // or two acks of one moment would be one to us
		at = f.lastAck.Add(1)
	}
	f.lastAck = at
	ack := kitchen.Ack{
		At:       at,
		Attempt:  entry.Attempt,
		By:       by,
		Kind:     said.Kind,
		Note:     said.Note,
		OrderID:  entry.Ticket.OrderID,
		Reason:   said.Reason,
		Scrapped: said.Scrapped,
		Stage:    stage,
		TicketID: ticketID,
	}
	if entry.State == kitchen.TicketStarted && entry.By == by {
		ack.StartedAt = entry.StartedAt
	}
	if err := ack.Check(); err != nil {
		return ack, entry, nil, ackProblem(err)
	}
	if err := entry.Ticket.CheckScrapped(ack.Scrapped); err != nil {
		return ack, entry, nil, ackProblem(fmt.Errorf("scrapped: %w", err))
	}
	if saidAlready(ack, entry) {
		return ack, entry, nil, nil
	}
	if err := objection(ack, entry); err != nil {
		return ack, entry, nil, err
	}
	heard := make(chan board.Entry, 1)
	f.awaited[saying{ticketID, at.UnixNano()}] = heard
	return ack, entry, heard, nil
}

// ackProblem puts the kitchen's words about a field where clients look for
// them.
func ackProblem(err error) error {
	pointer, detail := "", err.Error()
	for _, field := range []string{"kind", "reason", "note", "scrapped"} {
		if rest, found := strings.CutPrefix(detail, field+": "); found {
			pointer, detail = "/"+field, rest
			break
		}
	}
	return fieldsProblem(wire.ProblemInvalidAck, []wire.FieldError{{Pointer: &pointer, Detail: detail}})
}

// saidAlready reports whether the log has the same from the same person: on
// another of her tabs, or before she came back.
func saidAlready(ack kitchen.Ack, entry board.Entry) bool {
	return entry.Ack != nil && entry.Ack.Kind == ack.Kind && entry.By == ack.By
}

// objection is why an ack cannot count, as far as the log is known.
func objection(ack kitchen.Ack, entry board.Entry) error {
	switch {
	case entry.Ended() || entry.State == kitchen.TicketFailed:
		return ended(entry)
	case entry.Withdrawn:
		return &problemError{Type: wire.ProblemTicketEnded, Detail: "The order was cancelled: stop, and look for the ticket that says what becomes of what was made."}
	case entry.State == kitchen.TicketStarted && entry.By != ack.By:
		return taken(entry)
	}
	return nil
}

func taken(entry board.Entry) error {
	return &problemError{Type: wire.ProblemTicketTaken, By: entry.By, Detail: entry.By + " has the ticket in hand."}
}

func ended(entry board.Entry) error {
	detail := fmt.Sprintf("%s was first: the ticket is %s.", entry.By, entry.State)
	if entry.State == kitchen.TicketFailed {
		detail = fmt.Sprintf("%s let the ticket fail: it waits for its next attempt, or for what its order decides.", entry.By)
	}
	return &problemError{Type: wire.ProblemTicketEnded, By: entry.By, Detail: detail}
}

// verdict is what the log has made of an ack, by where its ticket stands right
// after it. The ack has to be said again if the ticket was issued again before
// it and nothing else stands in its way.
func verdict(ack kitchen.Ack, entry board.Entry) (again bool, err error) {
	switch {
	case entry.Ack != nil && entry.Ack.SaidAt().Equal(ack.At) && saidAlready(ack, entry):
		return false, nil
	case saidAlready(ack, entry) && ack.Kind != kitchen.AckFailed:
		return false, nil // the same person, a moment before
	case ack.Kind == kitchen.AckFailed && !entry.Ended() && entry.Attempt > ack.Attempt:
		return false, nil // the failed attempt is over, and the next is here already
	}
	if err := objection(ack, entry); err != nil {
		return false, err
	}
	return true, nil
}

// writeAndHear writes an ack and waits for its place in the log.
func (f *floor) writeAndHear(ctx context.Context, ack kitchen.Ack, heard <-chan board.Entry) (board.Entry, error) {
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.awaited, saying{ack.TicketID, ack.At.UnixNano()})
	}()
	written := make(chan error, 1)
	go func() { written <- f.writer.PublishAck(ctx, ack) }() // ends with ctx
	for {
		select {
		case entry := <-heard:
			return entry, nil
		case err := <-written:
			if err != nil && ctx.Err() == nil {
				return board.Entry{}, unsaid(err)
			}
			written = nil // it is in the log; wait until it is read
		case <-ctx.Done():
			return board.Entry{}, unsaid(ctx.Err())
		}
	}
}

// unsaid tells that nobody knows whether an ack is in the log.
func unsaid(cause error) error {
	return &problemError{Type: wire.ProblemUnavailable, Cause: cause,
		Detail: "Kafka did not take the ack in time. It may count all the same: look at the board before you say it again."}
}

// answer tells whoever waits for an ack of this process where its ticket
// stands now. The lock is held.
func (f *floor) answer(ack kitchen.Ack) {
	own := saying{ack.TicketID, ack.SaidAt().UnixNano()} // its record may date it otherwise
	heard, ok := f.awaited[own]
	if !ok {
		return // nobody waits any more
	}
	delete(f.awaited, own)
	entry, _ := f.board.Get(ack.TicketID)
	heard <- entry
}
