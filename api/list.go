package api

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

const (
	listWithin      = 5 * time.Second
	defaultPageSize = 50
)

// ListOrders finds orders in Temporal's visibility store.
func (s *Server) ListOrders(ctx context.Context, request ListOrdersRequestObject) (ListOrdersResponseObject, error) {
	ctx, cancel := context.WithTimeout(ctx, listWithin)
	defer cancel()
	found, next, err := s.findOrders(ctx, listQuery(request.Params), orZero(request.Params.PageToken), cmp.Or(orZero(request.Params.Limit), defaultPageSize))
	if err != nil {
		return nil, err
	}
	page := wire.OrderPage{Orders: []wire.OrderSummary{}, NextPageToken: next}
	for _, order := range found {
		if customer := request.Params.Customer; customer == nil || *customer == order.Customer.Name {
			page.Orders = append(page.Orders, order.OrderSummary)
		}
	}
	return ListOrders200JSONResponse(page), nil
}

// foundOrder is an order in a list, with its number of cupcakes; 0 if Temporal
// does not know it.
type foundOrder struct {
	wire.OrderSummary
	pieces int
}

// findOrders returns a page of the orders that a query finds, and the token of
// the next page.
func (s *Server) findOrders(ctx context.Context, query, pageToken string, limit int) (orders []foundOrder, next string, err error) {
	token, err := s.readPageToken(query, pageToken)
	if err != nil {
		return nil, "", err
	}
	found, err := s.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{PageSize: int32(limit), NextPageToken: token, Query: query}) //nolint:gosec // at most 200
	if s.refusesUnprepared(err) {
		return nil, "", unpreparedProblem(err)
	}
	if _, refused := errors.AsType[*serviceerror.InvalidArgument](err); refused && len(token) > 0 {
		return nil, "", staleTokenProblem(err)
	}
	if err != nil {
		return nil, "", fmt.Errorf("list orders: %w", err)
	}
	for _, execution := range found.GetExecutions() {
		summary, err := summarise(execution)
		if err != nil {
			// Somebody has started it by hand; it must not hide the others.
			s.logger.Warn("left a workflow out of the list of orders", slog.Any("error", withoutOrderIDs(err)))
			continue
		}
		order := foundOrder{OrderSummary: summary}
		if payload := execution.GetMemo().GetFields()[workflows.MemoPieces]; payload != nil {
			if err := converter.GetDefaultDataConverter().FromPayload(payload, &order.pieces); err != nil {
				s.logger.Warn("cannot read how many cupcakes an order is for", slog.Any("error", withoutOrderIDs(err)))
			}
		}
		orders = append(orders, order)
	}
	return orders, s.pageToken(query, found.GetNextPageToken()), nil
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
	case kitchen.StateShipped:
		add("ExecutionStatus = 'Completed' AND %s = %s", state, quote(string(kitchen.StateInProgress)))
	case kitchen.StateCancelled:
		add("(%s = %s OR ExecutionStatus IN ('Canceled', 'Failed', 'Terminated', 'TimedOut'))", state, quote(string(kitchen.StateCancelled)))
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

func summarise(execution *workflowpb.WorkflowExecutionInfo) (wire.OrderSummary, error) {
	orderID, err := kitchen.OrderIDFromWorkflowID(execution.GetExecution().GetWorkflowId())
	if err != nil {
		return wire.OrderSummary{}, err
	}
	var customer, state string
	flavours := []string{}
	attributes := execution.GetSearchAttributes().GetIndexedFields()
	err = errors.Join(
		readAttribute(attributes, workflows.KeyCustomer.GetName(), &customer),
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
	// A run that continues an order has started later than the order was placed.
	var kept kitchen.Status
	if payload := execution.GetMemo().GetFields()[workflows.MemoStatus]; payload != nil {
		if err := converter.GetDefaultDataConverter().FromPayload(payload, &kept); err != nil {
			return wire.OrderSummary{}, fmt.Errorf("read the order's memo: %w", err)
		}
		summary.PlacedAt = kept.PlacedAt
	}
	if summary.State == kitchen.StateNeedsAttention {
		summary.Attention = kept.Attention
	}
	if execution.GetCloseTime() != nil {
		summary.ClosedAt = execution.GetCloseTime().AsTime()
	}
	return summary, nil
}

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
