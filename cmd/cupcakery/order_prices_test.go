package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func TestAnOrderIsShownWithItsPrices(t *testing.T) {
	t.Parallel()
	priced := kitchen.Status{
		State: kitchen.StateInProgress, Customer: kitchen.Customer{Name: "Ada"}, Lines: []kitchen.Line{{Flavour: "lemon", Size: kitchen.SizeS, Quantity: 2}},
		UnitPrices: []int64{750}, Total: &kitchen.Money{Currency: "KWD", Decimals: 3, Amount: 1500},
	}
	amended, cancelled, unpriced := priced, priced, priced
	amended.Lines = []kitchen.Line{{Flavour: "lemon", Size: kitchen.SizeS, Quantity: 2, Message: "Hi"}}
	amended.UnitPrices, amended.Total = []int64{1000}, &kitchen.Money{Currency: "KWD", Decimals: 3, Amount: 2000}
	cancelled.State = kitchen.StateCancelled
	unpriced.UnitPrices, unpriced.Total = nil, nil
	table := func(status kitchen.Status) string {
		var text strings.Builder
		require.NoError(t, writeStatus(&text, status))
		return text.String()
	}
	assert.Regexp(t, `(?m)^Lines +2 × S lemon, KWD 0.750 each\nTotal +KWD 1.500, paid at pickup$`, table(priced))
	assert.Regexp(t, `(?m)^Total +KWD 1.500, nothing to pay$`, table(cancelled))
	assert.NotContains(t, table(unpriced), "Total")
	assert.Contains(t, watchLines(priced)[0], "KWD 1.500, paid at pickup")
	assert.NotContains(t, watchLines(unpriced)[0], "pickup")
	assert.Contains(t, changes(nil, priced)[0], ", KWD 1.500, paid at pickup")
	assert.NotContains(t, changes(nil, unpriced)[0], ", KWD")
	lines := changes(&priced, amended)
	require.Len(t, lines, 2)
	assert.Contains(t, lines[1], "order amended: it costs KWD 2.000, paid at pickup")

	var list strings.Builder
	require.NoError(t, writeOrders(&list, []wire.OrderSummary{{Total: priced.Total, Flavours: []string{"lemon"}}, {Flavours: []string{"lemon"}}}, true))
	assert.Regexp(t, `FLAVOURS +PIECES +TOTAL +PLACED.*\n.*lemon +0 +KWD 1.500 .*\n.*lemon +0 +- `, list.String())
}
