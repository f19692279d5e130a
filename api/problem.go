package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/staff"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

const (
	problemContentType = "application/problem+json"
	problemPrefix      = "/problems/"
	// retryAfter is when a client may ask again while Temporal is away.
	retryAfter = 2 * time.Second
)

// problemKind is a sort of problem: what all problems of one type share.
type problemKind struct {
	Type    wire.ProblemType
	Status  int
	Title   string
	Meaning string
}

// problemKinds lists every sort; the specification has the same types.
var problemKinds = []problemKind{
	{wire.ProblemBodyTooLarge, http.StatusRequestEntityTooLarge, "The body is too large",
		"A request's body may have at most 64 KiB. Send less; a large order can be sent as several."},
	{wire.ProblemCrossSite, http.StatusForbidden, "The request comes from another site",
		"Only this server's own pages may change something in the name of whoever is signed in, sign somebody in, or open /api/v1/live. The browser says that another site has sent this request. " +
			"If it was this server's page, the proxy in front of it does not pass the Host header on as it was."},
	{wire.ProblemIdempotencyConflict, http.StatusConflict, "The Idempotency-Key was used for something else",
		"A key stands for one request: one order, or one change of an order. Use a new key for a new request; to repeat a request whose answer was lost, send the very same one."},
	{wire.ProblemInternal, http.StatusInternalServerError, "Something went wrong here",
		"This is a fault of the server, not of the request. Its log has the cause under the answer's requestId. Asking again may help."},
	{wire.ProblemInvalidAck, http.StatusUnprocessableEntity, "The ack breaks a rule",
		"What is said about the ticket can be read, but a field is missing, unknown, of another type or out of its limits, or does not fit the kind of ticket. " +
			"The answer's errors name the fields and the remedy. Nothing was written."},
	{wire.ProblemInvalidOrder, http.StatusUnprocessableEntity, "The order breaks a rule",
		"The order can be read, but a field is missing, unknown, of another type, out of its limits or not on the menu. " +
			"The answer's errors name every such field and the remedy. GET /api/v1/menu has the menu and the limits."},
	{wire.ProblemInvalidParameter, http.StatusBadRequest, "A parameter is wrong",
		"A query parameter, a header or a part of the path is unknown or malformed. The answer's errors name each one and the remedy."},
	{wire.ProblemInvalidSignIn, http.StatusUnprocessableEntity, "The sign-in breaks a rule",
		"Send a name and a PIN of 6 to 12 digits, both as texts. The answer's errors name every field that is at fault. The attempt does not count."},
	{wire.ProblemInvalidUpdate, http.StatusUnprocessableEntity, "The change breaks a rule",
		"What is asked of the order can be read, but a field is missing, unknown, of another type or out of its limits. " +
			"The answer's errors name every such field and the remedy. Nothing was changed."},
	{wire.ProblemKitchenFull, http.StatusServiceUnavailable, "The kitchen is full",
		"As many orders or cupcakes are open as this kitchen takes at once, by its kitchen file. Nothing was ordered. Order again after the seconds that the Retry-After header gives, with the same Idempotency-Key or another. " +
			"An order that was taken before is answered as ever."},
	{wire.ProblemMalformedBody, http.StatusBadRequest, "The body cannot be read",
		"The body must be one JSON value in UTF-8, complete, with nothing after it and with no field named twice."},
	{wire.ProblemMethodNotAllowed, http.StatusMethodNotAllowed, "The method is not allowed here",
		"The answer's Allow header lists the methods that are."},
	{wire.ProblemNoStaff, http.StatusForbidden, "The server has no staff",
		"This is for staff who have signed in, and the server was started without a staff file, or with an empty one. " +
			"Whoever operates it names one with --staff or CUPCAKERY_STAFF; cupcakery staff hash makes the lines that it needs."},
	{wire.ProblemNotAllowed, http.StatusForbidden, "This is for another role",
		"Who is signed in may not do this. The answer's detail says whose work it is."},
	{wire.ProblemNotFound, http.StatusNotFound, "There is nothing here",
		"GET / lists the addresses of this server, /openapi.yaml describes them."},
	{wire.ProblemNotSignedIn, http.StatusUnauthorized, "Nobody is signed in",
		"This is for staff: sign in with POST /api/v1/session. A session ends after twelve hours, with a new PIN, and when everybody is signed out."},
	{wire.ProblemOrderNotFound, http.StatusNotFound, "There is no such order",
		"No order has this id, or it was closed so long ago that Temporal does not keep it any more."},
	{wire.ProblemRefused, http.StatusConflict, "The order cannot be changed like this",
		"Where the order stands does not allow what was asked; the answer's detail says why. Nothing was changed. " +
			"GET /api/v1/orders/{id} shows where it stands and, if it needs attention, what can be decided."},
	{wire.ProblemTicketEnded, http.StatusConflict, "The ticket has ended",
		"Somebody else has finished the ticket, it has failed and waits for its next attempt, or its order was cancelled; the answer's detail says which, and by who it was. " +
			"GET /api/v1/stations/{stage}/tickets shows what there is to do."},
	{wire.ProblemTicketNotFound, http.StatusNotFound, "There is no such ticket",
		"The ticket is not on this stage's board: it never was, belongs to another stage, or ended so long ago that the board has forgotten it."},
	{wire.ProblemTicketTaken, http.StatusConflict, "Somebody else has the ticket",
		"Somebody else was first to take the ticket in hand; the answer's by says who. It is free again if it is issued again without an answer."},
	{wire.ProblemTimeout, http.StatusRequestTimeout, "The request took too long to arrive",
		"Send the whole request at once. Nothing was started."},
	{wire.ProblemTooManyAttempts, http.StatusTooManyRequests, "Too many attempts to sign in",
		"Wrong PINs are limited for each name and for each address, so that PINs cannot be guessed. A device on which the person has signed in before has attempts of its own, which strangers cannot use up. Try again after the seconds that the Retry-After header gives."},
	{wire.ProblemTooManyConnections, http.StatusTooManyRequests, "Too many live connections from one address",
		"A process takes a limited number of live connections from one address, so that nobody keeps others out. Close one, or connect again after the seconds that the Retry-After header gives. " +
			"Behind a proxy that the server does not trust (--trusted-proxies) everybody has the proxy's address."},
	{wire.ProblemTooManyOrders, http.StatusTooManyRequests, "Too many orders from one address",
		"From one address so many orders are taken in an hour, so that nobody's stand before everybody's; an order of more than 100 pieces counts as several. Nothing was ordered. Order again after the seconds that the Retry-After header gives. " +
			"An order that was taken before is answered as ever. Staff who have signed in may order for their customers without this limit. " +
			"Behind a proxy that the server does not trust (--trusted-proxies) everybody has the proxy's address."},
	{wire.ProblemUnavailable, http.StatusServiceUnavailable, "No answer in time",
		"Temporal, which keeps the orders, the worker that carries out changes of an order, or Kafka, which takes acks, did not answer in time; or nobody has prepared Temporal for orders yet (cupcakery temporal apply); or there are as many live connections as this process takes. Ask again after the seconds that the Retry-After header gives. " +
			"A request to create or to change an order may have succeeded all the same: repeat it as it was, with the same Idempotency-Key, and it is done once. " +
			"An ack may count all the same: look at the board before saying it again."},
	{wire.ProblemUnsupportedMediaType, http.StatusUnsupportedMediaType, "The body is of another type",
		"Send JSON, uncompressed, with the header Content-Type: application/json."},
	{wire.ProblemUpgradeRequired, http.StatusUpgradeRequired, "The address is a WebSocket",
		"Connect with a WebSocket client: new WebSocket(\"wss://…/api/v1/live\") in a browser."},
	{wire.ProblemWrongNameOrPIN, http.StatusUnauthorized, "The name or the PIN is wrong",
		"Nobody of the staff has this name and this PIN. Which of the two is wrong is not told. The name must be written as in the staff file."},
}

func kindOf(problemType wire.ProblemType) problemKind {
	for _, kind := range problemKinds {
		if kind.Type == problemType {
			return kind
		}
	}
	panic("no problem of type " + string(problemType))
}

// problemError is an error that knows its answer. What it says is for the
// client; its cause is for the log only.
type problemError struct {
	Type   wire.ProblemType
	Detail string
	Errors []wire.FieldError
	// RetryAfter is when the client may ask again, if the type has no time of
	// its own.
	RetryAfter time.Duration
	// By is who was first, of a ticket.
	By    string
	Cause error
}

func (e *problemError) Error() string {
	text := fmt.Sprintf("%s: %s", e.Type, e.Detail)
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

func (e *problemError) Unwrap() error { return e.Cause }

// fieldsProblem is a problem with one or more fields, of which the first are
// told.
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

// asProblem decides what a client is told of an error. Each branch has its
// case in the table of TestErrorToProblem.
func asProblem(err error) *problemError {
	if problem, ok := errors.AsType[*problemError](err); ok {
		return problem
	}
	if problem := signInProblem(err); problem != nil {
		return problem
	}
	if workflows.IsNotFound(err) {
		return &problemError{Type: wire.ProblemOrderNotFound, Detail: "No order has this id: check it against the answer to the order's creation.", Cause: err}
	}
	if isMissingNamespace(err) {
		return asProblem(unpreparedProblem(err))
	}
	if isOutage(err) {
		return &problemError{Type: wire.ProblemUnavailable, Detail: fmt.Sprintf("Ask again in %d seconds.", int(retryAfter.Seconds())), Cause: err}
	}
	return &problemError{Type: wire.ProblemInternal, Detail: "The cause is in the server's log, under this answer's requestId.", Cause: err}
}

// signInProblem is what somebody is told who could not sign in; nil if err is
// about something else.
func signInProblem(err error) *problemError {
	if errors.Is(err, staff.ErrNoStaff) {
		return &problemError{Type: wire.ProblemNoStaff, Cause: err,
			Detail: "This is for staff, and the server has none: start it with --staff FILE or CUPCAKERY_STAFF; cupcakery staff hash makes a line of the file."}
	}
	if errors.Is(err, staff.ErrWrongNameOrPIN) {
		return &problemError{Type: wire.ProblemWrongNameOrPIN, Cause: err, Detail: "Nobody has this name and this PIN: check both. After a few wrong PINs one has to wait."}
	}
	if errors.Is(err, staff.ErrBusy) {
		return &problemError{Type: wire.ProblemTooManyAttempts, RetryAfter: retryAfter, Cause: err, Detail: "Too many people sign in at this moment: try again in a few seconds."}
	}
	if limit, ok := errors.AsType[*staff.LimitError](err); ok {
		tooMany := fmt.Sprintf("There were too many wrong PINs %s: try again in %d seconds",
			map[staff.Limit]string{staff.LimitAddress: "from your address", staff.LimitDevice: "on this device", staff.LimitName: "under this name"}[limit.Limit], inSeconds(limit.Wait))
		if limit.Limit != staff.LimitDevice {
			tooMany += ", or sign in on a device on which you have signed in before"
		}
		return &problemError{Type: wire.ProblemTooManyAttempts, RetryAfter: limit.Wait, Cause: err, Detail: tooMany + "."}
	}
	return nil
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

// fail answers with the problem that err is, and logs what the client is not
// told.
func (s *Server) fail(c *gin.Context, err error) {
	problem := asProblem(err)
	kind := kindOf(problem.Type)
	if kind.Status >= http.StatusInternalServerError && problem.Type != wire.ProblemKitchenFull && !clientLeft(c) {
		level := slog.LevelError
		switch {
		case isSaidOnce(err):
			level = slog.LevelDebug
		case problem.Type == wire.ProblemUnavailable:
			level = slog.LevelWarn
		}
		s.logger.LogAttrs(c.Request.Context(), level, "a request failed",
			slog.String("route", route(c)), slog.String("request_id", requestID(c)), slog.Any("error", withoutOrderIDs(err)))
	}
	if c.Writer.Written() {
		return // the answer is on its way, and nothing can be taken back
	}
	switch kind.Status {
	case http.StatusServiceUnavailable:
		c.Header("Retry-After", strconv.Itoa(inSeconds(cmp.Or(problem.RetryAfter, retryAfter))))
	case http.StatusTooManyRequests:
		c.Header("Retry-After", strconv.Itoa(inSeconds(problem.RetryAfter)))
	case http.StatusUnauthorized:
		c.Header("WWW-Authenticate", `Session realm="Cupcakery staff"`)
	}
	body, err := json.Marshal(wire.Problem{
		Type:      problem.Type,
		Title:     kind.Title,
		Status:    kind.Status,
		Detail:    problem.Detail,
		Errors:    problem.Errors,
		By:        problem.By,
		RequestID: requestID(c),
	})
	if err != nil {
		panic(err) // strings and numbers only
	}
	c.Abort()
	c.Data(kind.Status, problemContentType, append(body, '\n'))
}

// inSeconds is a time to wait in seconds, rounded up.
func inSeconds(wait time.Duration) int { return int((wait + time.Second - 1) / time.Second) }

// isSaidOnce reports whether an error only means that Temporal or Kafka cannot
// be reached. The log has that once when it begins, from the client of Temporal
// and from the reader of the log, and not for each request that meets it. A
// change that no worker carries out is another matter.
func isSaidOnce(err error) bool {
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

func clientLeft(c *gin.Context) bool {
	return errors.Is(c.Request.Context().Err(), context.Canceled)
}

// showProblem explains a problem's type to whoever opens it.
func (s *Server) showProblem(c *gin.Context) {
	for _, kind := range problemKinds {
		if string(kind.Type) == problemPrefix+c.Param("slug") {
			c.String(http.StatusOK, "%s\n\nType:   %s\nStatus: %d\n\n%s\n", kind.Title, kind.Type, kind.Status, strings.TrimSpace(kind.Meaning))
			return
		}
	}
	s.notFound(c)
}
