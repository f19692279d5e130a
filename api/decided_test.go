package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	temporalclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

// asCustomer sends a request without a session; an empty key sends none.
func (s *shop) asCustomer(method, path, key, body string) kitchen.Status {
	s.t.Helper()
	request := newRequest(method, path, strings.NewReader(body), "Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	return answerOf[kitchen.Status](s.t, do(s.t, s.server, request), http.StatusOK)
}

// questioned is an order about whose mix a manager is asked.
func (s *shop) questioned() string {
	s.t.Helper()
	id := s.taken(sampleOrder())
	ref, err := kitchen.ParseTicketID(nextTicket(s.t, id).TicketID)
	require.NoError(s.t, err)
	require.NoError(s.t, staffed.CompleteActivityByID(s.t.Context(), temporalclient.DefaultNamespace, kitchen.WorkflowID(id), "", ref.ActivityID(), nil, temporal.NewNonRetryableApplicationError("by hand", "byHand", nil)))
	require.Eventually(s.t, func() bool { return s.status(id).Attention != nil }, patience, 20*time.Millisecond)
	return id
}

func TestStaffSeeWhoHasDecidedAndCustomersDoNot(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, nil)
	id := s.questioned()
	asked := s.status(id).Attention
	decided := s.changed(id, "resolve", "", `{"choice":"cancel","note":"no oven"}`).order
	require.Len(t, decided.Decisions, 1)
	require.Equal(t, []any{asked.Since, kitchen.CauseEndedByHand, kitchen.ChoiceCancel, "manager"},
		[]any{decided.Decisions[0].AskedAt, decided.Decisions[0].Cause, decided.Decisions[0].Choice, decided.Decisions[0].By})
	require.Equal(t, "manager", decided.CancelledBy)
	require.Equal(t, decided.Decisions, s.status(id).Decisions)
	require.Contains(t, texts(s.explained(id)), "manager decided: cancel. “no oven”")

	shown := s.asCustomer(http.MethodGet, "/api/v1/orders/"+id, "", "")
	require.Equal(t, "no oven", shown.CancelReason, "as before")
	require.Equal(t, shown.ForCustomer(), shown)
}

func TestWhoCancelsIsToldOfTheStaffOnly(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, nil)
	byStaff, byCustomer := s.questioned(), s.questioned()
	require.Equal(t, "manager", s.changed(byStaff, "cancel", "", `{"reason":"a flood"}`).order.CancelledBy)
	require.Contains(t, texts(s.explained(byStaff)), "manager asked to cancel it: a flood.")

	key := uuid.NewString()
	shown := s.asCustomer(http.MethodPost, "/api/v1/orders/"+byCustomer+"/cancel", key, `{"reason":"no appetite"}`)
	require.Equal(t, shown.ForCustomer(), shown)
	status := s.status(byCustomer)
	require.Empty(t, status.CancelledBy)
	require.Len(t, status.Decisions, 1)
	require.Empty(t, status.Decisions[0].Choice, "nobody has decided")
	require.Contains(t, texts(s.explained(byCustomer)), "Somebody asked to cancel it: no appetite.")
	require.Empty(t, s.changed(byCustomer, "cancel", key, `{"reason":"no appetite"}`).order.CancelledBy, "the key's request is the customer's, also after somebody has signed in")
}

func TestManyOrdersAreCancelledInAName(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, nil)
	order := sampleOrder()
	order.Customer.Name = "Flood " + uuid.NewString()
	id := s.taken(order)
	require.Eventually(t, func() bool {
		return s.cancelMany(uuid.NewString(), wire.ManyCancellation{Where: wire.OrderFilter{Customer: order.Customer.Name}, Reason: "a flood"}).Cancelled == 1
	}, patience, 50*time.Millisecond)
	require.Equal(t, "manager", s.status(id).CancelledBy)
}

// The name is the session's: a body that tells another is refused, and so nothing of it
// is sent.
func TestNobodyDecidesInTheNameOfAnother(t *testing.T) {
	t.Parallel()
	s := &shop{t: t, server: newTestServer(t, untouchedTemporal{}, nil)}
	for verb, body := range map[string]string{"cancel": `{"by":"eve"}`, "resolve": `{"choice":"retry","by":"eve"}`} {
		problem := s.refused(wire.ProblemInvalidUpdate, "01936f8e-5c1a-7d3b-9f00-000000000001", verb, "", body)
		require.Len(t, problem.Errors, 1)
		require.Equal(t, "/by", *problem.Errors[0].Pointer)
		require.Contains(t, problem.Errors[0].Detail, "unknown field")
	}
}

// A worker of an older build repeats a request without the name.
func TestTheAnswerOfAnOlderWorkerIsKnownAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		asked, answered workflows.Answer
		same            bool
	}{
		"a decision":           {workflows.Answer{Resolved: &kitchen.Resolution{Choice: kitchen.ChoiceRetry, By: "max"}}, workflows.Answer{Resolved: &kitchen.Resolution{Choice: kitchen.ChoiceRetry}}, true},
		"another decision":     {workflows.Answer{Resolved: &kitchen.Resolution{Choice: kitchen.ChoiceRetry, By: "max"}}, workflows.Answer{Resolved: &kitchen.Resolution{Choice: kitchen.ChoiceRemake, By: "max"}}, false},
		"a cancellation":       {workflows.Answer{Cancelled: &kitchen.Cancellation{By: "max"}}, workflows.Answer{Cancelled: &kitchen.Cancellation{}}, true},
		"another cancellation": {workflows.Answer{Cancelled: &kitchen.Cancellation{By: "max"}}, workflows.Answer{Cancelled: &kitchen.Cancellation{Reason: "a flood", By: "max"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked, answered := c.asked, c.answered
			same, err := change{asked: asked}.isAnsweredBy(answered)
			require.NoError(t, err)
			require.Equal(t, c.same, same)
			require.Equal(t, c.asked, asked, "and nothing is changed by the comparison")
		})
	}
}
