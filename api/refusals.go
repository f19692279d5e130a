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
	if is, ok := errors.AsType[*floor.InvalidAckError](err); ok {
		return invalidAck(is)
	}
	if is, ok := errors.AsType[*floor.TakenError](err); ok {
		return &problemError{Type: wire.ProblemTicketTaken, By: is.Owner, Detail: is.Owner + " has the ticket in hand."}
	}
	if is, ok := errors.AsType[*floor.EndedError](err); ok {
		return ticketEnded(is)
	}
	if is, ok := errors.AsType[*floor.UnconfirmedError](err); ok {
		return &problemError{Type: wire.ProblemUnavailable, Cause: is.Err,
			Detail: "Kafka did not take the ack in time. It may count all the same: look at the board before you say it again."}
	}
	if is, ok := errors.AsType[*live.AddressFullError](err); ok {
		return &problemError{Type: wire.ProblemTooManyConnections, RetryAfter: liveRetryAfter,
			Detail: fmt.Sprintf("Your address has its %d live connections with this process: close one, or connect again later.", is.Limit)}
	}
	if is, ok := errors.AsType[*live.FullError](err); ok {
		return &problemError{Type: wire.ProblemUnavailable, Detail: fmt.Sprintf("This process has its %d live connections: connect again later.", is.Limit)}
	}
	if _, ok := errors.AsType[*live.TooManyChannelsError](err); ok {
		return &problemError{Type: wire.ProblemRefused, Detail: fmt.Sprintf("A connection follows at most %d channels: leave one, or open another connection.", live.MaxChannels)}
	}
	for _, known := range []struct {
		err         error
		problemType wire.ProblemType
		detail      string
	}{
		{floor.ErrTicketNotFound, wire.ProblemTicketNotFound, "The ticket is not on this stage's board: look at GET /api/v1/stations/{stage}/tickets."},
		{floor.ErrStillReading, wire.ProblemUnavailable, "This process has not read the log to its end and does not know the ticket yet. Nothing was written: ask again."},
		{floor.ErrNoChannel, wire.ProblemNotFound, "There is no such channel: use counter, kitchen, station/ with a stage, or order/ with an order's id."},
		{live.ErrStopping, wire.ProblemUnavailable, "This process is about to stop: connect again."},
		{live.ErrNotWebSocket, wire.ProblemUpgradeRequired, "This address is a WebSocket: connect with ws:// or wss://."},
		{live.ErrCrossSite, wire.ProblemCrossSite, "Pages of another site may not connect: open this server's own pages. Behind a proxy, the proxy must pass the Host header on."},
	} {
		if errors.Is(err, known.err) {
			return &problemError{Type: known.problemType, Detail: known.detail}
		}
	}
	return nil
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
