package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/cupcakery/cupcakery/wire"
)

const (
	problemContentType = "application/problem+json"
	problemPrefix      = "/problems/"
	// retryAfter is when a client may ask again while Temporal is away.
	retryAfter = 2 * time.Second
)

// problemKind is what all problems of one type share.
type problemKind struct {
	Type    wire.ProblemType
	Status  int
	Title   string
	Meaning string
}

// problemKinds has every type of the specification.
var problemKinds = []problemKind{
	{wire.ProblemBodyTooLarge, http.StatusRequestEntityTooLarge, "The body is too large",
		"A request's body may have at most 64 KiB. Send less; a large order can be sent as several."},
	{wire.ProblemClosed, http.StatusConflict, "The bakery is closed",
		"Outside of its opening hours the bakery takes no order for as soon as possible. The answer's opensAt says when it opens next. Nothing was ordered. " +
			"An order for a slot is taken at any time: GET /api/v1/slots lists the slots."},
	{wire.ProblemCrossSite, http.StatusForbidden, "The request comes from another site",
		"Only this server's own pages may act for somebody who is signed in, sign somebody in, or open /api/v1/live. The browser says that this request comes from another site. " +
			"If it comes from this server's page, the proxy in front of the server must pass the Host header on unchanged."},
	{wire.ProblemIdempotencyConflict, http.StatusConflict, "The Idempotency-Key was used for something else",
		"A key stands for one request: one order, or one change of an order. Use a new key for a new request; to repeat a request whose answer was lost, send the very same one."},
	{wire.ProblemInternal, http.StatusInternalServerError, "Something went wrong here",
		"This is a fault of the server, not of the request. Its log has the cause under the answer's requestId. Asking again may help."},
	{wire.ProblemInvalidAck, http.StatusUnprocessableEntity, "The ack breaks a rule",
		"The ack can be read, but a field is missing, unknown, of another type or out of its limits, or does not fit the kind of ticket. " +
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
		"As many orders or cupcakes are open as the kitchen file allows at once. Nothing was ordered. Order again after the number of seconds in the Retry-After header, with the same Idempotency-Key or another. " +
			"A repeated request for an order that was taken before is answered as always."},
	{wire.ProblemMalformedBody, http.StatusBadRequest, "The body cannot be read",
		"The body must be one JSON value in UTF-8, complete, with nothing after it and with no field named twice."},
	{wire.ProblemMethodNotAllowed, http.StatusMethodNotAllowed, "The method is not allowed here",
		"The answer's Allow header lists the methods that are."},
	{wire.ProblemNoLedger, http.StatusNotFound, "The server has no ledger",
		"What is more than some hours old is told from the ledger, and the server was started without one. Its operator runs cupcakery ledger, which keeps it in a PostgreSQL database, " +
			"and names the database to the API with --ledger-database or CUPCAKERY_LEDGER_DATABASE."},
	{wire.ProblemNoStaff, http.StatusForbidden, "The server has no staff",
		"This is for staff who have signed in, and the server was started without a staff file, or with an empty one. " +
			"Its operator names one with --staff or CUPCAKERY_STAFF; cupcakery staff hash makes the lines that it needs."},
	{wire.ProblemNotAllowed, http.StatusForbidden, "This is for another role",
		"The person who is signed in may not do this. The answer's detail says who may."},
	{wire.ProblemNotFound, http.StatusNotFound, "There is nothing here",
		"GET / lists the addresses of this server, /openapi.yaml describes them."},
	{wire.ProblemNotSignedIn, http.StatusUnauthorized, "Nobody is signed in",
		"This is for staff: sign in with POST /api/v1/session. A session ends after twelve hours, with a new PIN, and when everybody is signed out."},
	{wire.ProblemOrderErased, http.StatusGone, "The order was erased",
		"Its customer is forgotten: what they ordered, wrote and were called is deleted, and what is left of it counts as nobody's. It is shown to nobody and cannot be changed. " +
			"An Idempotency-Key that has made it makes no other order: use a new key."},
	{wire.ProblemOrderNotFound, http.StatusNotFound, "There is no such order",
		"No order has this id, or it was closed so long ago that Temporal no longer keeps it."},
	{wire.ProblemPriceChanged, http.StatusConflict, "The price has changed",
		"The order does not cost what the request says that its customer has seen; the answer's total is what it costs now. Nothing was ordered. GET /api/v1/menu has the prices: show them, and send the order again with the new total."},
	{wire.ProblemRefused, http.StatusConflict, "The order cannot be changed like this",
		"The order's present state does not allow what was asked; the answer's detail says why. Nothing was changed. " +
			"GET /api/v1/orders/{id} shows where it stands and, if it needs attention, what can be decided."},
	{wire.ProblemSlotFull, http.StatusConflict, "The slot is full",
		"Others have taken the slot, or there is not enough left for so many cupcakes. The answer's free has the next slots of the day that have room. Nothing was ordered: " +
			"order for another slot, with the same Idempotency-Key or another."},
	{wire.ProblemSoldOut, http.StatusConflict, "Something is sold out",
		"Staff have said that a flavour on the order cannot be made at present. Nothing was ordered: errors names the lines. The menu (GET /api/v1/menu) tells what is sold out and, if that is known, until when. Orders that were taken before are made as ever."},
	{wire.ProblemStationPaused, http.StatusConflict, "The station is paused",
		"Somebody has paused the station, so nobody can begin anything there. What is in hand can be finished. Whoever works there lets it go on (DELETE /api/v1/kitchen/paused/{stage})."},
	{wire.ProblemTicketEnded, http.StatusConflict, "The ticket has ended",
		"Somebody else has finished the ticket, it has failed and waits for its next attempt, or its work was cancelled; the answer's detail says which, and its by says who it was. " +
			"GET /api/v1/stations/{stage}/tickets shows what there is to do."},
	{wire.ProblemTicketNotFound, http.StatusNotFound, "There is no such ticket",
		"The ticket is not on this stage's board: it never existed, belongs to another stage, or ended so long ago that the board has forgotten it."},
	{wire.ProblemTicketNotInHand, http.StatusConflict, "Nobody has the ticket",
		"The ticket waits, so there is nothing to put back, and nobody to take it over from: somebody has put it back, or let it fail, in the meantime. Whoever wants it starts it."},
	{wire.ProblemTicketTaken, http.StatusConflict, "Somebody else has the ticket",
		"Somebody else has the ticket in hand; the answer's by says who. They have it until it ends or they put it back. Once they are silent, somebody else may take it over from them; " +
			"that counts only while the ticket is theirs."},
	{wire.ProblemTimeout, http.StatusRequestTimeout, "The request took too long to arrive",
		"Send the whole request at once. Nothing was started."},
	{wire.ProblemTooManyAttempts, http.StatusTooManyRequests, "Too many attempts to get in",
		"Wrong PINs are limited for each name and for each address, so that PINs cannot be guessed. A device on which the person has signed in before has attempts of its own, which strangers cannot use up. Wrong tokens of the screen on the wall are limited for each address in the same way. Try again after the number of seconds in the Retry-After header."},
	{wire.ProblemTooManyConnections, http.StatusTooManyRequests, "Too many live connections from one address",
		"A process takes a limited number of live connections from one address, so that nobody keeps others out. Close one, or connect again after the number of seconds in the Retry-After header. " +
			"Behind a proxy that the server does not trust (--trusted-proxies) everybody has the proxy's address."},
	{wire.ProblemTooManyOrders, http.StatusTooManyRequests, "Too many orders from one address",
		"The number of orders from one address in an hour is limited, so that nobody's orders hold up everybody else's; an order of more than 100 pieces counts as several. Nothing was ordered. Order again after the number of seconds in the Retry-After header. " +
			"A repeated request for an order that was taken before is answered as always. Staff who have signed in may order for their customers without this limit. " +
			"Behind a proxy that the server does not trust (--trusted-proxies) everybody has the proxy's address."},
	{wire.ProblemUnavailable, http.StatusServiceUnavailable, "No answer in time",
		"Temporal, which keeps the orders, the worker that carries out changes of an order, Kafka, which takes acks, or the ledger's database, which has the history, did not answer in time; or nobody has prepared Temporal for orders yet (cupcakery temporal apply); or there are as many live connections as this process takes. Ask again after the number of seconds in the Retry-After header. " +
			"A request to create or to change an order may have succeeded all the same: repeat it as it was, with the same Idempotency-Key, and it is done once. " +
			"An ack may count all the same: look at the board before sending it again."},
	{wire.ProblemUnsupportedMediaType, http.StatusUnsupportedMediaType, "The body is of another type",
		"Send JSON, uncompressed, with the header Content-Type: application/json."},
	{wire.ProblemUpgradeRequired, http.StatusUpgradeRequired, "The address is a WebSocket",
		"Connect with a WebSocket client: new WebSocket(\"wss://…/api/v1/live\") in a browser."},
	{wire.ProblemWrongNameOrPIN, http.StatusUnauthorized, "The name or the PIN is wrong",
		"Nobody on the staff has this name and this PIN. The answer does not tell which of the two is wrong. The name must be written as in the staff file."},
}

func kindOf(problemType wire.ProblemType) problemKind {
	for _, kind := range problemKinds {
		if kind.Type == problemType {
			return kind
		}
	}
	panic("no problem of type " + string(problemType))
}

// fail answers with the problem that an error is, and logs its cause, which the
// client does not learn.
func (s *Server) fail(c *gin.Context, err error) {
	problem := asProblem(err)
	kind := kindOf(problem.Type)
	if kind.Status >= http.StatusInternalServerError && problem.Type != wire.ProblemKitchenFull && !clientLeft(c) {
		level := slog.LevelError
		switch {
		case isLoggedElsewhere(err):
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
		Free:      problem.Free,
		OpensAt:   problem.OpensAt,
		Total:     problem.Total,
		RequestID: requestID(c),
	})
	if err != nil {
		panic(err) // strings and numbers only
	}
	c.Abort()
	c.Data(kind.Status, problemContentType, append(body, '\n'))
}

func clientLeft(c *gin.Context) bool {
	return errors.Is(c.Request.Context().Err(), context.Canceled)
}

// inSeconds is a time to wait in seconds, rounded up.
func inSeconds(wait time.Duration) int { return int((wait + time.Second - 1) / time.Second) }

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
