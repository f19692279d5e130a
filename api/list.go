package api

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/floor"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

const (
	listWithin      = 5 * time.Second
	defaultPageSize = 50
	// soughtAtOnce is how many orders a look at Temporal goes through for a search, and
	// soughtEach how often one request looks.
	soughtAtOnce, soughtEach = 200, 5
	// queueAtOnce is how many tickets of a queue a page looks at.
	queueAtOnce = 200
	// namesAreEncrypted answers who looks for a customer where Temporal may not know
	// customers' names.
	namesAreEncrypted = "customers' names are encrypted here, so nobody can search for one: find the order by its pickup code, or by q"
)

// ListOrders finds orders in Temporal's visibility store, and in the log where
// they are.
func (s *Server) ListOrders(ctx context.Context, request ListOrdersRequestObject) (ListOrdersResponseObject, error) {
	ctx, cancel := context.WithTimeout(ctx, listWithin)
	defer cancel()
	list, filters := s.placedOrders, request.Params
	if filters.Customer != nil && s.follower.codec.Encrypts() {
		return nil, fieldsProblem(wire.ProblemInvalidParameter, []wire.FieldError{{Parameter: "customer", Detail: namesAreEncrypted}})
	}
	wanted, err := s.wantedOrders(filters)
	if err != nil {
		return nil, err
	}
	switch {
	case filters.Stage != nil:
		list = s.queuedOrders
	case filters.Q != nil, filters.Day != nil:
		list = s.soughtOrders
	}
	page := wire.OrderPage{Behind: s.floor.Behind(), Orders: []wire.OrderSummary{}}
	found, next, err := list(ctx, wanted, cmp.Or(orZero(filters.Limit), defaultPageSize))
	if err != nil {
		return nil, err
	}
	page.Orders, page.NextPageToken = append(page.Orders, found...), next
	return ListOrders200JSONResponse(page), nil
}

// placedOrders is a page of the orders that match, as Temporal sorts them, and the
// token of the next page.
func (s *Server) placedOrders(ctx context.Context, filters wanted, limit int) (orders []wire.OrderSummary, next string, err error) {
	orders, next, err = s.findOrders(ctx, filters.query, orZero(filters.PageToken), limit)
	if err != nil {
		return nil, "", err
	}
	orders = slices.DeleteFunc(orders, func(order wire.OrderSummary) bool { return !filters.has(order) })
	s.setPlaces(orders)
	return orders, next, nil
}

func (s *Server) setPlaces(orders []wire.OrderSummary) {
	ids := make([]string, len(orders))
	for i, order := range orders {
		ids[i] = order.ID
	}
	places, pickups := s.floor.OrderPlaces(ids), s.floor.Pickups(ids)
	for i := range orders {
		setPlace(&orders[i], places[orders[i].ID])
		if orders[i].State == kitchen.StateShipped {
			orders[i].Pickup = pickups[orders[i].ID]
		}
	}
}

// queuedOrders is a page of the orders that match and are at a stage, by their
// places in its queue. The log knows neither customers nor states, so Temporal
// tells which of those in the queue match.
func (s *Server) queuedOrders(ctx context.Context, filters wanted, limit int) (orders []wire.OrderSummary, next string, err error) {
	listed := fmt.Sprintf("queue of %s, %s", *filters.Stage, filters.list)
	after, err := s.readQueueToken(listed, orZero(filters.PageToken))
	if err != nil {
		return nil, "", err
	}
	queue, last := s.floor.Queue(*filters.Stage, after, queueAtOnce)
	if filters.PickupCode != nil { // spares asking Temporal for the others
		code := strings.ToUpper(*filters.PickupCode)
		queue = slices.DeleteFunc(queue, func(place floor.OrderPlace) bool { return kitchen.PickupCode(place.OrderID) != code })
	}
	matching, err := s.matchingOf(ctx, filters.query, queue)
	if err != nil {
		return nil, "", err
	}
	for i, place := range queue {
		order, found := matching[place.OrderID]
		if !found || !filters.has(order) {
			continue
		}
		setPlace(&order, place)
		if orders = append(orders, order); len(orders) == limit && i+1 < len(queue) {
			last = place.QueuePlace
			break
		}
	}
	next, err = s.queueToken(listed, last)
	return orders, next, err
}

// matchingOf finds those orders of a queue that a query finds, by their ids.
func (s *Server) matchingOf(ctx context.Context, query string, queue []floor.OrderPlace) (map[string]wire.OrderSummary, error) {
	if len(queue) == 0 {
		return nil, nil
	}
	ids := make([]string, len(queue))
	for i, place := range queue {
		ids[i] = quote(kitchen.WorkflowID(place.OrderID))
	}
	// An order that was reset in Temporal has closed runs beside its open one,
	// which comes first.
	found, _, err := s.search(ctx, fmt.Sprintf("%s AND WorkflowId IN (%s)", query, strings.Join(ids, ", ")), nil, 2*queueAtOnce)
	if err != nil {
		return nil, err
	}
	matching := make(map[string]wire.OrderSummary, len(found))
	for _, order := range slices.Backward(found) {
		matching[order.ID] = order
	}
	return matching, nil
}

func setPlace(order *wire.OrderSummary, place floor.OrderPlace) {
	order.Stage, order.InHand = place.Stage, place.InHand
}

// findOrders returns a page of the orders that a query finds, and the token of
// the next page. It does not tell where they are.
func (s *Server) findOrders(ctx context.Context, query, pageToken string, limit int) (orders []wire.OrderSummary, next string, err error) {
	token, err := s.readPageToken(query, pageToken)
	if err != nil {
		return nil, "", err
	}
	orders, token, err = s.search(ctx, query, token, limit)
	return orders, s.pageToken(query, token), err
}

// search asks Temporal for a page of the orders that a query finds, and for its
// token of the next page.
func (s *Server) search(ctx context.Context, query string, token []byte, limit int) (orders []wire.OrderSummary, next []byte, err error) {
	found, err := s.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{PageSize: int32(limit), NextPageToken: token, Query: query}) //nolint:gosec // a few hundred at most
	if s.refusesUnprepared(err) {
		return nil, nil, unpreparedProblem(err)
	}
	if _, refused := errors.AsType[*serviceerror.InvalidArgument](err); refused && len(token) > 0 {
		return nil, nil, staleTokenProblem(err)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("list orders: %w", err)
	}
	for _, execution := range found.GetExecutions() {
		summary, err := s.summarise(execution)
		if encryption.IsMissingKey(err) && s.follower.codec.CanWrite() != nil {
			return nil, nil, fmt.Errorf("list orders: %w", err) // this process can read none of them
		}
		if err != nil {
			// Somebody has started it by hand, or its key is gone; it must not hide the
			// others.
			s.logger.Warn("left a workflow out of the list of orders", slog.Any("error", withoutOrderIDs(err)))
			continue
		}
		orders = append(orders, summary)
	}
	return orders, found.GetNextPageToken(), nil
}

// listQuery is the visibility query for the filters. Everything that comes from
// outside is quoted.
func listQuery(filters wire.ListOrdersParams) string {
	// An order that has continued as new is listed once, by its last run.
	conditions := []string{"WorkflowType = " + quote(workflows.OrderWorkflowType), "ExecutionStatus != 'ContinuedAsNew'"}
	add := func(format string, args ...any) { conditions = append(conditions, fmt.Sprintf(format, args...)) }
	state := workflows.KeyState.GetName()
	// This is workflows.StateFromVisibility in reverse.
	switch orZero(filters.State) {
	case "":
		add("%s != %s", state, quote(workflows.StatePlacing)) // it is no order yet, or was none
	case kitchen.StateShipped:
		add("ExecutionStatus = 'Completed' AND %s = %s", state, quote(string(kitchen.StateInProgress)))
	case kitchen.StateCancelled:
		add("(%s = %s OR %s != %s AND ExecutionStatus IN ('Canceled', 'Failed', 'Terminated', 'TimedOut'))", state, quote(string(kitchen.StateCancelled)), state, quote(workflows.StatePlacing))
	default:
		add("CloseTime IS NULL AND %s = %s", state, quote(string(*filters.State)))
	}
	if filters.Flavour != nil {
		add("%s = %s", workflows.KeyFlavours.GetName(), quote(*filters.Flavour))
	}
	if filters.PickupCode != nil {
		add("%s = %s", workflows.KeyPickupCode.GetName(), quote(strings.ToUpper(*filters.PickupCode)))
	}
	if filters.Customer != nil {
		// Temporal's SQL stores never find a value with one of these
		// characters, however it is quoted. So the part before the first of them
		// narrows the search, and ListOrders compares the names.
		switch unsearchable := strings.IndexAny(*filters.Customer, `"\`); {
		case unsearchable < 0:
			add("%s = %s", workflows.KeyCustomer.GetName(), quote(*filters.Customer))
		case unsearchable > 0:
			add("%s STARTS_WITH %s", workflows.KeyCustomer.GetName(), quote((*filters.Customer)[:unsearchable]))
		}
	}
	return strings.Join(conditions, " AND ")
}

// quote makes a string literal of Temporal's visibility language.
func quote(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}

func (s *Server) summarise(execution *workflowpb.WorkflowExecutionInfo) (wire.OrderSummary, error) {
	orderID, err := kitchen.OrderIDFromWorkflowID(execution.GetExecution().GetWorkflowId())
	if err != nil {
		return wire.OrderSummary{}, err
	}
	var state string
	flavours := []string{}
	attributes := execution.GetSearchAttributes().GetIndexedFields()
	customer, customerErr := s.customer(execution)
	err = errors.Join(
		customerErr,
		readAttribute(attributes, workflows.KeyFlavours.GetName(), &flavours),
		readAttribute(attributes, workflows.KeyState.GetName(), &state),
	)
	if err != nil {
		return wire.OrderSummary{}, err
	}
	summary := wire.OrderSummary{
		ID:         orderID,
		PickupCode: kitchen.PickupCode(orderID),
		State:      workflows.StateFromVisibility(execution.GetStatus(), kitchen.OrderState(state)),
		Customer:   kitchen.Customer{Name: customer},
		Flavours:   flavours,
		PlacedAt:   execution.GetStartTime().AsTime(),
	}
	data := s.follower.codec.DataOf(execution.GetExecution().GetWorkflowId())
	// A run that continues an order has started later than the order was placed.
	var kept kitchen.Status
	if payload := execution.GetMemo().GetFields()[workflows.MemoStatus]; payload != nil {
		if err := data.FromPayload(payload, &kept); err != nil {
			return wire.OrderSummary{}, fmt.Errorf("read the order's memo: %w", err)
		}
		summary.PlacedAt, summary.DueAt = kept.PlacedAt, orZero(kept.DueAt)
	}
	if payload := execution.GetMemo().GetFields()[workflows.MemoPieces]; payload != nil {
		if err := data.FromPayload(payload, &summary.Pieces); err != nil {
			return wire.OrderSummary{}, fmt.Errorf("read the order's memo: %w", err)
		}
	}
	if payload := execution.GetMemo().GetFields()[workflows.MemoPhone]; payload != nil {
		if err := data.FromPayload(payload, &summary.Phone); err != nil {
			return wire.OrderSummary{}, fmt.Errorf("read the order's memo: %w", err)
		}
	}
	var contents workflows.Contents
	if payload := execution.GetMemo().GetFields()[workflows.MemoContents]; payload != nil {
		if err := data.FromPayload(payload, &contents); err != nil {
			return wire.OrderSummary{}, fmt.Errorf("read the order's memo: %w", err)
		}
		summary.Lines, summary.Allergies = contents.Lines, contents.Allergies
	}
	if kept.Lines != nil { // its messages may have been amended
		summary.Lines, summary.Allergies = kept.Lines, kept.Allergies
	}
	if payload := execution.GetMemo().GetFields()[workflows.MemoTotal]; payload != nil {
		if err := data.FromPayload(payload, &summary.Total); err != nil {
			return wire.OrderSummary{}, fmt.Errorf("read the order's memo: %w", err)
		}
	}
	if kept.Total != nil { // it may have been amended
		summary.Total = kept.Total
	}
	if summary.State == kitchen.StateNeedsAttention {
		summary.Attention, summary.Remakes, summary.Scrapped = kept.Attention, kept.Remakes, kept.Scrapped
	}
	if execution.GetCloseTime() != nil {
		summary.ClosedAt = execution.GetCloseTime().AsTime()
	}
	return summary, nil
}

// customer is the name of an order's customer: a search attribute, or in the memo
// where that is encrypted.
func (s *Server) customer(execution *workflowpb.WorkflowExecutionInfo) (name string, err error) {
	payload := execution.GetMemo().GetFields()[workflows.MemoCustomer]
	if payload == nil {
		return name, readAttribute(execution.GetSearchAttributes().GetIndexedFields(), workflows.KeyCustomer.GetName(), &name)
	}
	if err := s.follower.codec.DataOf(execution.GetExecution().GetWorkflowId()).FromPayload(payload, &name); err != nil {
		return "", fmt.Errorf("read the customer in the order's memo: %w", err)
	}
	return name, nil
}

// readAttribute reads a search attribute, which is never encrypted.
func readAttribute(attributes map[string]*commonpb.Payload, name string, value any) error {
	payload := attributes[name]
	if payload == nil {
		return fmt.Errorf("search attribute %s is missing", name)
	}
	if err := converter.GetDefaultDataConverter().FromPayload(payload, value); err != nil {
		return fmt.Errorf("read search attribute %s: %w", name, err)
	}
	return nil
}

// pageToken signs Temporal's token. The signature binds it to the filters and
// keeps made-up tokens away from Temporal.
func (s *Server) pageToken(query string, token []byte) string {
	if len(token) == 0 {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(append(s.signPage(query, token), token...))
}

func (s *Server) readPageToken(query, text string) ([]byte, error) {
	if text == "" {
		return nil, nil
	}
	signed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(signed) <= sha256.Size {
		return nil, staleTokenProblem(err)
	}
	signature, token := signed[:sha256.Size], signed[sha256.Size:]
	if !hmac.Equal(signature, s.signPage(query, token)) {
		return nil, staleTokenProblem(nil)
	}
	return token, nil
}

// queueToken is the token of the page that goes on after a place in a queue.
func (s *Server) queueToken(listed string, last kitchen.QueuePlace) (string, error) {
	if last == (kitchen.QueuePlace{}) {
		return "", nil
	}
	token, err := json.Marshal(last)
	if err != nil {
		return "", fmt.Errorf("make a page token: %w", err)
	}
	return s.pageToken(listed, token), nil
}

func (s *Server) readQueueToken(listed, text string) (kitchen.QueuePlace, error) {
	var after kitchen.QueuePlace
	token, err := s.readPageToken(listed, text)
	if err != nil || len(token) == 0 {
		return after, err
	}
	if err := json.Unmarshal(token, &after); err != nil {
		return after, staleTokenProblem(err)
	}
	return after, nil
}

func (s *Server) signPage(query string, token []byte) []byte {
	mac := hmac.New(sha256.New, s.secret)
	mac.Write(fmt.Appendf(nil, "page of %d bytes: %s", len(query), query))
	mac.Write(token)
	return mac.Sum(nil)
}

func staleTokenProblem(cause error) error {
	problem := fieldsProblem(wire.ProblemInvalidParameter, []wire.FieldError{{Parameter: "pageToken", Detail: "does not belong to this list: use the nextPageToken of the page before with the same filters, or leave it out to start again"}})
	problem.Cause = cause
	return problem
}
