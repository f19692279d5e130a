package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func TestTheMenuTellsPricesAllergensAndWhatIsSoldOut(t *testing.T) {
	t.Parallel()
	file := kitchen.Default().Menu
	menu := wire.Menu{Timezone: "Local", Flavours: file.Flavours, Sizes: file.Sizes, Prices: file.Prices, SoldOut: []wire.SoldOutFlavour{{Flavour: "lemon", Until: noon.AddDate(0, 0, 1)}, {Flavour: "carrot"}}}
	requireGolden(t, "menu", strings.Join(menuLines(menu, noon), "\n"))
	menu.Timezone = "Pacific/Kiritimati" // where the day begins first
	require.Contains(t, strings.Join(menuLines(menu, noon), "\n"), "SOLD OUT until "+noon.AddDate(0, 0, 1).In(zoneOf(menu)).Format("Jan 2 15:04 MST"))
	menu.Prices = nil
	require.NotContains(t, strings.Join(menuLines(menu, noon), "\n"), "EUR")

	fake := newFakeAPI(t, answerJSON(http.StatusOK, menu))
	c := invoke(t, "", "menu", "--api", fake.URL)
	require.Zero(t, c.code, c.stderr)
	require.Contains(t, c.stdout, "SOLD OUT")
	require.NotContains(t, c.stdout, "\x1b", "a pipe has no colours")
	var read wire.Menu
	require.NoError(t, json.Unmarshal([]byte(invoke(t, "", "menu", "--api", fake.URL, "-o", "json").stdout), &read))
	require.Equal(t, menu.Flavours, read.Flavours)
	require.Equal(t, exitUnavailable, invoke(t, "", "menu", "--api", "http://127.0.0.1:1").code)
}
