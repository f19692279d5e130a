package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/floor"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/live"
	"github.com/cupcakery/cupcakery/staff"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

// problemError is an error that knows its answer. Its cause is for the log, all
// else for the client.
type problemError struct {
	Type   wire.ProblemType
	Detail string
	Errors []wire.FieldError
	// RetryAfter is when the client may ask again, if the type has no time of
	// its own.
	RetryAfter time.Duration
	// By is who was first to say something about a ticket.
	By string
	// Total is what an order costs now whose price has changed; nil if it has none.
	Total *kitchen.Money
	// Free are slots that have room instead of a full one.
	Free []time.Time
	// OpensAt is when the bakery opens next.
	OpensAt time.Time
	Cause   error
}

func (e *problemError) Error() string {
	text := fmt.Sprintf("%s: %s", e.Type, e.Detail)
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

func (e *problemError) Unwrap() error { return e.Cause }

// fieldsProblem is a problem with one or more faulty fields, and lists the first
// of them.
func fieldsProblem(problemType wire.ProblemType, faults []wire.FieldError) *problemError {
	first := faults[0]
	where := first.Parameter + first.Header
	if first.Pointer != nil {
		where = *first.Pointer
	}
	detail := first.Detail
	if where != "" {
		detail = where + ": " + detail
	}
	switch count := len(faults); {
	case count > maxFaults:
		detail = fmt.Sprintf("more than %d places are at fault, errors has the first %d; mend these: %s", maxFaults, maxFaults, detail)
		faults = faults[:maxFaults]
	case count > 1:
		detail = fmt.Sprintf("%d places are at fault, errors has all of them; the first is %s", len(faults), detail)
	}
	return &problemError{Type: problemType, Detail: detail, Errors: faults}
}

// asProblem decides which problem an error is. Each case stands in the table of
// TestErrorToProblem.
func asProblem(err error) *problemError {
	if problem, ok := errors.AsType[*problemError](err); ok {
		return problem
	}
	if problem := refusal(err); problem != nil {
		return problem
	}
	switch {
	case errors.Is(err, errErased):
		return asErased(err)
	case workflows.IsNotFound(err):
		return &problemError{Type: wire.ProblemOrderNotFound, Cause: err, Detail: "No order has this id: check it against the answer to the order's creation."}
	case encryption.IsMissingKey(err):
		return &problemError{Type: wire.ProblemUnavailable, Cause: err, Detail: "Orders are encrypted here, and this server does not have the key. Whoever operates it gives it the deployment's keyset; its log says which key is missing."}
	case isMissingNamespace(err):
		return unpreparedProblem(err)
	case isOutage(err):
		return &problemError{Type: wire.ProblemUnavailable, Cause: err, Detail: fmt.Sprintf("Ask again in %d seconds.", inSeconds(retryAfter))}
	}
	return &problemError{Type: wire.ProblemInternal, Cause: err, Detail: "The cause is in the server's log, under this answer's requestId."}
}

func tooManyAttempts(limit *staff.LimitError) *problemError {
	where, remedy := "on this device", ""
	switch limit.Limit {
	case staff.LimitAddress:
		where, remedy = "from your address", ", or sign in on a device on which you have signed in before"
	case staff.LimitName:
		where, remedy = "under this name", ", or sign in on a device on which you have signed in before"
	}
	return &problemError{Type: wire.ProblemTooManyAttempts, RetryAfter: limit.Wait, Cause: limit,
		Detail: fmt.Sprintf("There were too many wrong PINs %s: try again in %d seconds%s.", where, inSeconds(limit.Wait), remedy)}
}

func unpreparedProblem(cause error) *problemError {
	return &problemError{Type: wire.ProblemUnavailable, Cause: cause,
		Detail: "Temporal, which keeps the orders, is not prepared for them. Nothing was started. Whoever operates this server runs cupcakery temporal apply; cupcakery temporal check says what is missing."}
}

func isMissingNamespace(err error) bool {
	_, is := errors.AsType[*serviceerror.NamespaceNotFound](err)
	return is
}

// isOutage reports whether Temporal could not be reached, is overloaded, or
// is not set up yet: the same request may succeed later.
func isOutage(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return true
	}
	for current := err; current != nil; current = errors.Unwrap(current) {
		switch current.(type) {
		case *serviceerror.Unavailable, *serviceerror.DeadlineExceeded, *serviceerror.ResourceExhausted, *serviceerror.Canceled,
			*serviceerror.NamespaceNotFound, *serviceerror.NamespaceUnavailable:
			return true
		}
	}
	switch status.Code(err) {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted:
		return true
	}
	return false
}

// isLoggedElsewhere reports whether an error only means that Temporal or Kafka
// cannot be reached. The client of Temporal and the reader of the log each log
// the beginning of an outage once, so requests that meet it need not. A change
// that no worker carries out is another matter.
func isLoggedElsewhere(err error) bool {
	if _, unanswered := errors.AsType[*client.WorkflowUpdateServiceTimeoutOrCanceledError](err); unanswered {
		return false
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	_, late := errors.AsType[*serviceerror.DeadlineExceeded](err)
	_, temporal := errors.AsType[*serviceerror.Unavailable](err)
	_, kafka := errors.AsType[*events.UnavailableError](err)
	return late || temporal || kafka
}

// refusal is the problem that an error of the floor, of a live connection or of
// a sign-in is to a client; nil if it is none of theirs.
func refusal(err error) *problemError {
	if limit, is := errors.AsType[*staff.LimitError](err); is {
		return tooManyAttempts(limit)
	}
	if invalid, is := errors.AsType[*floor.InvalidAckError](err); is {
		return invalidAck(invalid)
	}
	if taken, is := errors.AsType[*floor.TakenError](err); is {
		return &problemError{Type: wire.ProblemTicketTaken, By: taken.Owner, Detail: taken.Owner + " has the ticket in hand."}
	}
	if ended, is := errors.AsType[*floor.EndedError](err); is {
		return ticketEnded(ended)
	}
	if paused, is := errors.AsType[*floor.PausedError](err); is {
		return stationPaused(paused)
	}
	if unconfirmed, is := errors.AsType[*floor.FlagUnconfirmedError](err); is {
		return &problemError{Type: wire.ProblemUnavailable, Cause: unconfirmed.Err,
			Detail: "Kafka did not take it in time. It may count all the same: look at the kitchen's state before you say it again."}
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
			problem.Cause = err
			return &problem
		}
	}
	return nil
}

// refusals has the problems of errors that carry no details.
var refusals = map[error]problemError{
	floor.ErrTicketNotFound: {Type: wire.ProblemTicketNotFound, Detail: "The ticket is not on this stage's board: look at GET /api/v1/stations/{stage}/tickets."},
	floor.ErrNotInHand:      {Type: wire.ProblemTicketNotInHand, Detail: "Nobody has the ticket in hand: there is nothing to put back or to take over. Whoever wants it starts it."},
	floor.ErrNoLog:          {Type: wire.ProblemUnavailable, Detail: "This process works without Kafka, which would keep that: nothing was changed."},
	floor.ErrStillReading:   {Type: wire.ProblemUnavailable, Detail: "This process has not read the log to its end and does not know the ticket yet. Nothing was written: ask again."},
	floor.ErrNoChannel:      {Type: wire.ProblemNotFound, Detail: "There is no such channel: use counter, kitchen, menu, overview, station/ with a stage, or order/ with an order's id."},
	staff.ErrNoStaff:        {Type: wire.ProblemNoStaff, Detail: "This is for staff, and the server has none: start it with --staff FILE or CUPCAKERY_STAFF; cupcakery staff hash makes a line of the file."},
	staff.ErrWrongNameOrPIN: {Type: wire.ProblemWrongNameOrPIN, Detail: "Nobody has this name and this PIN: check both. After a few wrong PINs you have to wait."},
	staff.ErrBusy:           {Type: wire.ProblemTooManyAttempts, RetryAfter: retryAfter, Detail: "Too many people are signing in at this moment: try again in a few seconds."},
	live.ErrTooManyChannels: {Type: wire.ProblemRefused, Detail: fmt.Sprintf("A connection follows at most %d channels: leave one, or open another connection.", live.MaxChannels)},
	live.ErrStopping:        {Type: wire.ProblemUnavailable, Detail: "This process is about to stop: connect again."},
	live.ErrNotWebSocket:    {Type: wire.ProblemUpgradeRequired, Detail: "This address is a WebSocket: connect with ws:// or wss://."},
	live.ErrCrossSite:       {Type: wire.ProblemCrossSite, Detail: "Pages of another site may not connect: open this server's own pages. Behind a proxy, the proxy must pass the Host header on."},
}

// invalidAck names the field that the kitchen finds fault with.
func invalidAck(err *floor.InvalidAckError) *problemError {
	pointer, detail := "", err.Error()
	for _, field := range []string{"kind", "takeOver", "from", "reason", "note", "scrapped"} {
		if rest, found := strings.CutPrefix(detail, field+": "); found {
			pointer, detail = "/"+field, rest
			break
		}
	}
	return fieldsProblem(wire.ProblemInvalidAck, []wire.FieldError{{Pointer: &pointer, Detail: detail}})
}

func stationPaused(err *floor.PausedError) *problemError {
	why := ""
	if err.Reason != "" {
		why = " (" + err.Reason + ")"
	}
	return &problemError{Type: wire.ProblemStationPaused, By: err.By, Detail: fmt.Sprintf("%s has paused this station%s: nothing can be begun here until it goes on.", err.By, why)}
}

func ticketEnded(err *floor.EndedError) *problemError {
	detail := fmt.Sprintf("%s was first: the ticket is %s.", err.By, err.State)
	switch {
	case err.By == "":
		detail = "This work was cancelled: stop, and look for the ticket that says what becomes of what was made."
	case err.State == kitchen.TicketFailed:
		detail = fmt.Sprintf("%s let the ticket fail: it waits for its next attempt, or for what its order decides.", err.By)
	}
	return &problemError{Type: wire.ProblemTicketEnded, By: err.By, Detail: detail}
}
