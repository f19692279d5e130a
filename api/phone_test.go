package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

func TestOnlyStaffSeeAPhoneNumber(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, nil)
	key, kept := uuid.NewString(), "+49305550123"
	asWritten := func(phone string) string {
		return fmt.Sprintf(`{"customer":{"name":"Ada"},"phone":%q,"lines":[{"flavour":"lemon","size":"M","quantity":6}]}`, phone)
	}
	create := func(phone string) kitchen.Status {
		t.Helper()
		request := newRequest(http.MethodPost, "/api/v1/orders", strings.NewReader(asWritten(phone)), "Content-Type", "application/json", "Idempotency-Key", key)
		answer := do(t, s.server, request)
		require.NotContains(t, answer.Body.String(), "5550123")
		return answerOf[kitchen.Status](t, answer, http.StatusCreated)
	}
	id := create("+49 (0)30 555-0123").ID
	require.Equal(t, id, create(kept).ID, "one number is one order, however it is written")

	require.Equal(t, kept, s.status(id).Phone)
	require.Equal(t, kept, s.explained(id).Order.Phone)
	for _, path := range []string{"/api/v1/orders/" + id, "/api/v1/orders/" + id + "/ticket"} {
		require.NotContains(t, do(t, s.server, newRequest(http.MethodGet, path, nil)).Body.String(), "5550123", path)
	}
	require.Empty(t, s.asCustomer(http.MethodPost, "/api/v1/orders/"+id+"/amend", "", `{"notes":"ring"}`).Phone)
	require.Equal(t, kept, s.changed(id, "amend", "", `{"notes":"ring twice"}`).order.Phone)
	require.Equal(t, kept, s.status(id).Phone, "whatever is amended")
	require.Equal(t, "+49305550124", s.changed(id, "amend", key, `{"phone":"+49 30 555 01 24"}`).order.Phone)
	require.Equal(t, "+49305550124", s.changed(id, "amend", key, `{"phone":"+49305550124"}`).order.Phone, "the same change again, written otherwise")
	listed := func() string {
		t.Helper()
		var phone string
		require.Eventually(t, func() bool {
			answer, err := s.ListOrdersWithResponse(t.Context(), &wire.ListOrdersParams{PickupCode: new(kitchen.PickupCode(id))})
			if err != nil || answer.JSON200 == nil || len(answer.JSON200.Orders) != 1 {
				return false
			}
			phone = answer.JSON200.Orders[0].Phone
			return phone == s.status(id).Phone
		}, time.Minute, 50*time.Millisecond)
		return phone
	}
	require.Equal(t, "+49305550124", listed())
	elsewhere := do(t, s.server, newRequest(http.MethodPost, "/api/v1/orders/"+id+"/amend", strings.NewReader(`{"phone":""}`), "Content-Type", "application/json"))
	requireProblem(t, elsewhere, wire.ProblemNotSignedIn)
	wrong := s.refused(wire.ProblemInvalidUpdate, id, "amend", "", `{"phone":"ring twice"}`)
	require.Equal(t, "/phone", *wrong.Errors[0].Pointer)
	require.Empty(t, s.changed(id, "amend", "", `{"phone":""}`).order.Phone)
	require.Empty(t, listed())
	require.True(t, slices.ContainsFunc(s.explained(id).Happened, func(h wire.Happening) bool { return h.Text == "Its phone number was changed." }))
	require.Empty(t, s.asCustomer(http.MethodPost, "/api/v1/orders/"+id+"/cancel", "", `{"reason":"no appetite"}`).Phone)

	refused := requireProblem(t, do(t, s.server, newRequest(http.MethodPost, "/api/v1/orders", strings.NewReader(asWritten("٠٣٠ ٥٥٥٠١٢٣")), "Content-Type", "application/json")), wire.ProblemInvalidOrder)
	require.Len(t, refused.Errors, 1)
	require.Equal(t, "/phone", *refused.Errors[0].Pointer)
	require.Equal(t, "has a digit of another script (U+0660): write it with the digits 0 to 9", refused.Errors[0].Detail)
}

func TestAnOrderIsFoundByTheEndOfItsPhoneNumber(t *testing.T) {
	t.Parallel()
	b := &bakery{t: t, server: newTestServer(t, unstaffed, func(c *Config) { c.Staff = managers })}
	place := func(phone string) string {
		t.Helper()
		order := sampleOrder()
		order.Customer.Name, order.Phone = "Ada "+uuid.NewString(), phone
		in := workflows.OrderInput{Order: order, PlacedAt: now()}
		id, err := kitchen.NewOrderID()
		require.NoError(t, err)
		_, err = unstaffed.ExecuteWorkflow(t.Context(), workflows.StartOptions(id, in, "hash"), workflows.OrderWorkflowType, in)
		require.NoError(t, err)
		b.found(order.Customer.Name, 1)
		return id
	}
	with, without := place("+493055507193"), place("")
	for text, found := range map[string]bool{"7193": true, "507 193": true, "193": true, "5507193": false, "93": false, "7194": false} {
		page := b.list("q", text, "limit", "100")
		if ids := idsOf(page); found {
			require.Contains(t, ids, with, text)
			require.Equal(t, "+493055507193", page.Orders[slices.Index(ids, with)].Phone)
		} else {
			require.NotContains(t, ids, with, text)
		}
		require.NotContains(t, idsOf(page), without, text)
	}
	require.Empty(t, b.list("pickupCode", kitchen.PickupCode(without)).Orders[0].Phone)
}
