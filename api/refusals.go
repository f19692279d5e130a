package api

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cupcakery/cupcakery/floor"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/live"
	"github.com/cupcakery/cupcakery/wire"
)

// refusal is the problem that an error of the floor or of a live connection is
// to a client; nil if it is none of theirs.
func refusal(err error) *problemError {
	if invalid, is := errors.AsType[*floor.InvalidAckError](err); is {
		return invalidAck(invalid)
	}
	if taken, is := errors.AsType[*floor.TakenError](err); is {
		return &problemError{Type: wire.ProblemTicketTaken, By: taken.Owner, Detail: taken.Owner + " has the ticket in hand."}
	}
	if ended, is := errors.AsType[*floor.EndedError](err); is {
		return ticketEnded(ended)
	}
	if unconfirmed, is := errors.AsType[*floor.UnconfirmedError](err); is {
		return &problemError{Type: wire.ProblemUnavailable, Cause: unconfirmed.Err,
			Detail: "Kafka did not take the ack in time. It may count all the same: look at the board before you say it again."}
	}
	if full, is := errors.AsType[*live.AddressFullError](err); is {
		return &problemError{Type: wire.ProblemTooManyConnections, RetryAfter: liveRetryAfter,
			Detail: fmt.Sprintf("Your address has its %d live connections with this process: close one, or connect again later.", full.Limit)}
	}
	if full, is := errors.AsType[*live.FullError](err); is {
		return &problemError{Type: wire.ProblemUnavailable, Detail: fmt.Sprintf("This process has its %d live connections: connect again later.", full.Limit)}
	}
	for known, problem := range refusals {
		if errors.Is(err, known) {
			return &problem
		}
	}
	return nil
}

// refusals are the errors that say the same each time.
var refusals = map[error]problemError{
	floor.ErrTicketNotFound: {Type: wire.ProblemTicketNotFound, Detail: "The ticket is not on this stage's board: look at GET /api/v1/stations/{stage}/tickets."},
	floor.ErrStillReading:   {Type: wire.ProblemUnavailable, Detail: "This process has not read the log to its end and does not know the ticket yet. Nothing was written: ask again."},
	floor.ErrNoChannel:      {Type: wire.ProblemNotFound, Detail: "There is no such channel: use counter, kitchen, station/ with a stage, or order/ with an order's id."},
	live.ErrTooManyChannels: {Type: wire.ProblemRefused, Detail: fmt.Sprintf("A connection follows at most %d channels: leave one, or open another connection.", live.MaxChannels)},
	live.ErrStopping:        {Type: wire.ProblemUnavailable, Detail: "This process is about to stop: connect again."},
	live.ErrNotWebSocket:    {Type: wire.ProblemUpgradeRequired, Detail: "This address is a WebSocket: connect with ws:// or wss://."},
	live.ErrCrossSite:       {Type: wire.ProblemCrossSite, Detail: "Pages of another site may not connect: open this server's own pages. Behind a proxy, the proxy must pass the Host header on."},
}

// invalidAck names the field that the kitchen finds fault with.
func invalidAck(err *floor.InvalidAckError) *problemError {
	pointer, detail := "", err.Error()
	for _, field := range []string{"kind", "reason", "note", "scrapped"} {
		if rest, found := strings.CutPrefix(detail, field+": "); found {
			pointer, detail = "/"+field, rest
			break
		}
	}
	return fieldsProblem(wire.ProblemInvalidAck, []wire.FieldError{{Pointer: &pointer, Detail: detail}})
}

func ticketEnded(err *floor.EndedError) *problemError {
	detail := fmt.Sprintf("%s was first: the ticket is %s.", err.By, err.State)
	switch {
	case err.By == "":
		detail = "The order was cancelled: stop, and look for the ticket that says what becomes of what was made."
	case err.State == kitchen.TicketFailed:
		detail = fmt.Sprintf("%s let the ticket fail: it waits for its next attempt, or for what its order decides.", err.By)
	}
	return &problemError{Type: wire.ProblemTicketEnded, By: err.By, Detail: detail}
}
