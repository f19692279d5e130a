package api

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// pricedKitchen is a kitchen where a cupcake of the sample order costs what is said,
// and its message 1 more.
func pricedKitchen(t *testing.T, currency, price string) *kitchen.Kitchen {
	t.Helper()
	k, err := kitchen.Parse("kitchen.yaml", fmt.Appendf(nil, "menu: {currency: %s, message: 1, sizes: [{code: L, label: Large, price: %s}]}", currency, price))
	require.NoError(t, err)
	return k
}

func unpricedKitchen(t *testing.T) *kitchen.Kitchen {
	t.Helper()
	k, err := kitchen.Parse("kitchen.yaml", []byte("menu: {sizes: [{code: L, label: Large}]}"))
	require.NoError(t, err)
	return k
}

func euros(cents int64) *kitchen.Money {
	return &kitchen.Money{Currency: "EUR", Decimals: 2, Amount: cents}
}

func withKitchen(k *kitchen.Kitchen) func(*Config) { return func(c *Config) { c.Kitchen = k } }

func TestAChangedFileChangesNoOrder(t *testing.T) {
	t.Parallel()
	before := openShop(t, staffed, withKitchen(pricedKitchen(t, "EUR", "2.40")))
	after := openShop(t, staffed, withKitchen(pricedKitchen(t, "JPY", "500")))
	unpriced := openShop(t, staffed, withKitchen(unpricedKitchen(t)))

	id := before.taken(sampleOrder())
	for _, s := range []*shop{before, after, unpriced} {
		status := s.status(id)
		require.Equal(t, euros(12*3_40), status.Total)
		require.Equal(t, []int64{3_40}, status.UnitPrices)
	}
	amended := after.changed(id, "amend", "", `{"messages": [{"line": 0, "message": ""}]}`)
	require.Equal(t, euros(12*2_40), amended.order.Total, "by the order's own prices")
	require.Equal(t, euros(12*2_40), unpriced.status(id).Total)
	require.Equal(t, &kitchen.Money{Currency: "JPY", Amount: 12 * 501}, after.status(after.taken(sampleOrder())).Total)
	old := unpriced.status(unpriced.taken(sampleOrder()))
	require.Nil(t, old.Total)
	require.Nil(t, old.UnitPrices)
	require.Nil(t, after.status(old.ID).Total, "it was placed without prices")

	for _, s := range []*shop{before, after} {
		answer, err := s.GetMenuWithResponse(t.Context())
		require.NoError(t, err)
		require.Equal(t, s.server.kitchen.Menu.Prices, answer.JSON200.Prices)
	}
	answer, err := unpriced.GetMenuWithResponse(t.Context())
	require.NoError(t, err)
	require.NotContains(t, string(answer.Body), "price")
}

func TestAListHasTotalsAsTheyAreNow(t *testing.T) {
	t.Parallel()
	s := openShop(t, staffed, withKitchen(pricedKitchen(t, "EUR", "2.40")))
	order := sampleOrder()
	order.Customer.Name = "Priced " + uuid.NewString()
	id := s.taken(order)
	listed := func() *kitchen.Money {
		answer, err := s.ListOrdersWithResponse(t.Context(), &wire.ListOrdersParams{Customer: &order.Customer.Name})
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, answer.StatusCode(), string(answer.Body))
		if len(answer.JSON200.Orders) == 0 {
			return nil
		}
		return answer.JSON200.Orders[0].Total
	}
	require.Eventually(t, func() bool { total := listed(); return total != nil && *total == *euros(12 * 3_40) }, patience, 20*time.Millisecond)
	s.changed(id, "amend", "", `{"messages": [{"line": 0, "message": ""}]}`)
	require.Eventually(t, func() bool { return *listed() == *euros(12 * 2_40) }, patience, 20*time.Millisecond)
}

func TestNobodyPaysAnotherPriceThanTheyHaveSeen(t *testing.T) {
	t.Parallel()
	var temporal takingTemporal
	server := newTestServer(t, &temporal, withKitchen(pricedKitchen(t, "EUR", "2.40")))
	order := sampleOrder()
	for _, total := range []*kitchen.Money{nil, euros(12 * 3_40)} {
		order.Total = total
		require.Equal(t, euros(12*3_40), requirePlaced(t, placeOrder(t, server, order)).Total)
	}
	for name, seen := range map[string]*kitchen.Money{
		"EUR 40.79":             euros(40_79),
		"EUR 0.00":              euros(0),
		"USD 40.80":             {Currency: "USD", Decimals: 2, Amount: 40_80},
		"EUR 4.080":             {Currency: "EUR", Decimals: 3, Amount: 40_80},
		"EUR 408.0":             {Currency: "EUR", Decimals: 1, Amount: 40_80},
		"EUR 90071992547409.91": euros(1<<53 - 1),
	} {
		order.Total = seen
		recorder := placeOrder(t, server, order)
		requireProblem(t, recorder, wire.ProblemPriceChanged)
		problem := answerOf[wire.Problem](t, recorder, http.StatusConflict)
		require.Equal(t, euros(40_80), problem.Total)
		require.Contains(t, problem.Detail, "costs EUR 40.80 now, and not "+name+".")
	}
	require.Equal(t, 2, temporal.taken)

	unpriced := newTestServer(t, &temporal, withKitchen(unpricedKitchen(t)))
	problem := answerOf[wire.Problem](t, placeOrder(t, unpriced, order), http.StatusConflict)
	require.Nil(t, problem.Total)
	require.Contains(t, problem.Detail, "Nothing has a price here")
	require.Equal(t, 2, temporal.taken)
}

func TestARepeatedOrderIsAnsweredWhateverItCostsByNow(t *testing.T) {
	t.Parallel()
	before := newTestServer(t, unstaffed, withKitchen(pricedKitchen(t, "EUR", "2.40")))
	after := newTestServer(t, unstaffed, withKitchen(pricedKitchen(t, "EUR", "2.60")))
	order, key := sampleOrder(), uuid.NewString()
	order.Total = euros(12 * 3_40)
	first := requirePlaced(t, placeOrder(t, before, order, "Idempotency-Key", key))
	require.Equal(t, first, requirePlaced(t, placeOrder(t, after, order, "Idempotency-Key", key)))
	requireProblem(t, placeOrder(t, after, order, "Idempotency-Key", uuid.NewString()), wire.ProblemPriceChanged)
	order.Total = euros(12 * 3_60)
	requireProblem(t, placeOrder(t, after, order, "Idempotency-Key", key), wire.ProblemIdempotencyConflict)
	requirePlaced(t, placeOrder(t, after, order, "Idempotency-Key", uuid.NewString()))
}

func TestNonsenseForATotal(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, nil)
	want := map[string]string{
		`null`:  "/total",
		`40.80`: "/total",
		`"EUR"`: "/total",
		`{}`:    "/total/amount",
		`{"currency": "euro", "decimals": 2, "amount": 1}`:                 "/total/currency",
		`{"currency": "EUR", "decimals": -1, "amount": 1}`:                 "/total/decimals",
		`{"currency": "EUR", "decimals": 5, "amount": 1}`:                  "/total/decimals",
		`{"currency": "EUR", "decimals": 2, "amount": -1}`:                 "/total/amount",
		`{"currency": "EUR", "decimals": 2, "amount": 40.8}`:               "/total/amount",
		`{"currency": "EUR", "decimals": 2, "amount": "4080"}`:             "/total/amount",
		`{"currency": "EUR", "decimals": 2, "amount": 9007199254740992}`:   "/total/amount",
		`{"currency": "EUR", "decimals": 2, "amount": 1e999}`:              "/total/amount",
		`{"currency": "EUR", "decimals": 2, "amount": 1, "of": "nothing"}`: "/total/of",
	}
	got := map[string]string{}
	for total := range want {
		recorder := postOrder(t, server, `{"customer": {"name": "Ada"}, "lines": [{"flavour": "lemon", "size": "S", "quantity": 1}], "total": `+total+`}`)
		problem := answerOf[wire.Problem](t, recorder, http.StatusUnprocessableEntity)
		require.Equal(t, wire.ProblemInvalidOrder, problem.Type)
		got[total] = *problem.Errors[0].Pointer
	}
	require.Equal(t, want, got)
}
