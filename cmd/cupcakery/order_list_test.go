package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/coder/websocket/wsjson"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func TestAListOfOrdersSaysWhereEachIsAndWhoHasIt(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 1, 31, 12, 38, 0, 0, time.Local)
	order := func(code string, stage kitchen.Stage, inHand wire.InHand) wire.OrderSummary {
		return wire.OrderSummary{
			ID: anOrderID, PickupCode: code, State: kitchen.StateInProgress, Customer: kitchen.Customer{Name: "Ada"}, Flavours: []string{"lemon"},
			PlacedAt: since.Add(-time.Hour), Stage: stage, InHand: inHand,
		}
	}
	page := wire.OrderPage{Orders: []wire.OrderSummary{
		order("K7QA", kitchen.Bake, wire.InHand{By: "bob", Since: since}), order("K7QB", kitchen.Bake, wire.InHand{By: "eve"}),
		order("K7QC", kitchen.Bake, wire.InHand{}), order("K7QD", "", wire.InHand{}),
	}}
	fake := newFakeAPI(t, answerJSON(http.StatusOK, page))
	c := invoke(t, "", "order", "list", "--wide", "--api", fake.URL, "--stage", "bake")
	require.Equal(t, 0, c.code, c.stderr)
	require.Empty(t, c.stderr)
	require.Equal(t, "bake", fake.requests[0].URL.Query().Get("stage"))
	lines := strings.Split(c.stdout, "\n")
	require.Regexp(t, "^CODE +STATE +STAGE +IN HAND +CUSTOMER ", lines[0])
	for i, want := range []string{"K7QA +in progress +bake +bob since 2026-01-31 12:38:00 +Ada ", "K7QB +in progress +bake +eve +Ada ", "K7QC +in progress +bake +- +Ada ", "K7QD +in progress +- +- +Ada "} {
		require.Regexp(t, "^"+want, lines[i+1])
	}

	c = invoke(t, "", "order", "list", "--api", fake.URL, "-o", "json")
	require.Equal(t, 0, c.code, c.stderr)
	var written wire.OrderPage
	require.NoError(t, json.Unmarshal([]byte(c.stdout), &written))
	require.Equal(t, kitchen.Bake, written.Orders[0].Stage)
	require.Equal(t, "bob", written.Orders[0].InHand.By)
	require.True(t, written.Orders[0].InHand.Since.Equal(since))
	require.Equal(t, []int{3, 2}, []int{strings.Count(c.stdout, `"stage"`), strings.Count(c.stdout, `"inHand"`)}, "the others are absent")
}

// aLongList has an order in every state, each with more than a line has room for.
func aLongList() []wire.OrderSummary {
	var orders []wire.OrderSummary
	for i, state := range []kitchen.OrderState{
		kitchen.StateNeedsAttention, kitchen.StateScheduled, kitchen.StateInProgress, kitchen.StateCancelling, kitchen.StateShipped, kitchen.StateCancelled,
	} {
		orders = append(orders, wire.OrderSummary{
			ID: fmt.Sprintf("0199c0de-7a11-7000-8000-00000000%04d", i), PickupCode: "K7QF", State: state, Pieces: 144,
			Customer: kitchen.Customer{Name: "Ada Augusta King 🧁 Countess of Lovelace\x1b[2J"}, Flavours: []string{"lemon"}, PlacedAt: noon,
			Stage: kitchen.Decorate, InHand: wire.InHand{By: "a decorator with a long name"}, DueAt: noon.Add(time.Duration(i-2) * 24 * time.Hour),
			Total: &kitchen.Money{Currency: "EUR", Decimals: 2, Amount: 128880},
		})
	}
	orders[1].DueAt, orders[1].InHand, orders[1].Stage, orders[1].Customer.Name = time.Time{}, wire.InHand{}, "", "Mei 美"
	orders[4].ClosedAt = noon
	return orders
}

func TestAListOfOrdersFits(t *testing.T) {
	t.Parallel()
	for _, columns := range []int{80, 100, 40} {
		for _, orders := range [][]wire.OrderSummary{aLongList(), aLongList()[1:2]} {
			lines := orderLines(orders, columns, noon)
			for _, line := range lines {
				require.LessOrEqual(t, ansi.StringWidth(line), columns)
				require.NotContains(t, line, "\x1b[2J")
			}
		}
	}
	requireGolden(t, "orders", strings.Join(orderLines(aLongList(), 80, noon), "\n"))
	var usual []wire.OrderSummary
	for i, order := range aLongList() {
		order.Customer.Name, order.InHand.By, order.Pieces, order.Total.Amount = "Ada Lovelace", []string{"", "bob"}[i%2], 12, 2880
		order.DueAt = noon.Add(time.Duration(i-1) * time.Hour)
		usual = append(usual, order)
	}
	requireGolden(t, "orders-usual", strings.Join(orderLines(usual, 80, noon), "\n"))
	lines := orderLines(aLongList(), 80, noon)
	require.Contains(t, lines[1], lookLate.Styled("needs attention"))
	require.Contains(t, lines[1], lookLate.Styled("Jan 29 12:00"))

	fake := newFakeAPI(t, answerJSON(http.StatusOK, wire.OrderPage{Orders: aLongList()}))
	for _, args := range [][]string{{}, {"--wide"}} {
		c := invoke(t, "", append([]string{"order", "list", "--api", fake.URL}, args...)...)
		require.Zero(t, c.code, c.stderr)
		require.NotContains(t, c.stdout, "\x1b", "a pipe has no colours")
		require.Equal(t, len(args) == 1, strings.Contains(c.stdout, aLongList()[0].ID))
		require.Equal(t, len(args) == 1, strings.Contains(c.stdout, "Countess of Lovelace"))
	}
}

func TestAWatchedListWritesALineForEachChange(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	changes := listChanges{out: &out}
	show := func(orders ...wire.OrderSummary) []string {
		out.Reset()
		require.NoError(t, changes.show(orders, noon))
		return strings.Split(strings.TrimSuffix(ansi.Strip(out.String()), "\n"), "\n")
	}
	order := func(id string, state kitchen.OrderState, by string) wire.OrderSummary {
		return wire.OrderSummary{ID: id, PickupCode: "CODE" + id, Customer: kitchen.Customer{Name: "Ada"}, Stage: kitchen.Bake, State: state, InHand: wire.InHand{By: by}}
	}
	a, b := order("A", kitchen.StateInProgress, ""), order("B", kitchen.StateInProgress, "")
	require.Equal(t, []string{"12:00:00  CODEA  in progress  bake  Ada  -", "12:00:00  CODEB  in progress  bake  Ada  -"}, show(a, b))
	require.Equal(t, []string{""}, show(b, a), "another order is no change")
	require.Equal(t, []string{"12:00:00  CODEA  in progress  bake  with bob  Ada  -"}, show(order("A", kitchen.StateInProgress, "bob"), b))
	require.Equal(t, []string{"12:00:00  CODEB  is not in this list any more"}, show(order("A", kitchen.StateInProgress, "bob")))
	changes.json = true
	require.Contains(t, show(order("A", kitchen.StateShipped, ""))[0], `"state":"shipped"`)
}

func TestListScreensAsTheyAreShown(t *testing.T) {
	t.Parallel()
	page := wire.OrderPage{Orders: aLongList()}
	for range 4 {
		page.Orders = append(page.Orders, page.Orders...)
	}
	for name, change := range map[string]func(*listScreen){
		"top":  func(*listScreen) {},
		"last": func(s *listScreen) { s.Update(tea.KeyPressMsg{Code: tea.KeyEnd}) },
		"lost": func(s *listScreen) {
			s.Update(tea.WindowSizeMsg{Width: 60, Height: 10})
			s.Update(listNews{lost: errors.New("refused")})
		},
		"none": func(s *listScreen) { s.Update(listNews{page: &wire.OrderPage{}}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newListScreen(false)
			s.clock = func() time.Time { return noon }
			s.Update(listNews{page: &page})
			change(s)
			requireGolden(t, "orders-"+name, s.draw())
			lines := strings.Split(s.draw(), "\n")
			require.Len(t, lines, s.height)
			for _, line := range lines {
				require.LessOrEqual(t, ansi.StringWidth(line), s.width)
			}
		})
	}
}

func TestAWatchedListFollowsTheKitchen(t *testing.T) {
	api := newLiveAPI(t)
	ctx, cancel := context.WithCancel(t.Context())
	out, errOut := newWatched(), newWatched()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"order", "list", "--watch", "--as", "max", "--api", api.URL}, strings.NewReader(""), out, errOut)
	}()
	first := <-api.opened
	out.await(t, "K7QF  in progress")
	api.set(func() { api.orders[0].State = kitchen.StateShipped })
	require.NoError(t, wsjson.Write(t.Context(), first, wire.LiveMessage{Type: wire.LiveMessageTypeSnapshot, Channel: channelKitchen}))
	out.await(t, "K7QF  shipped")
	require.NoError(t, first.CloseNow())
	errOut.await(t, "The API is away")
	api.set(func() { api.orders = nil })
	second := <-api.opened
	require.NoError(t, wsjson.Write(t.Context(), second, wire.LiveMessage{Type: wire.LiveMessageTypeSnapshot, Channel: channelKitchen}))
	out.await(t, "K7QF  is not in this list any more")
	errOut.await(t, "The API is back.")
	cancel()
	require.Zero(t, <-ended)
	require.NotContains(t, out.String(), "\x1b")
}

func TestAListOfOrdersSaysThatItMayBeOutOfDate(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 1, 31, 12, 38, 0, 0, time.Local)
	pages := []wire.OrderPage{
		{Orders: []wire.OrderSummary{}, NextPageToken: "next", Behind: wire.Behind{Since: since, Reason: wire.BehindKafka}},
		{Orders: []wire.OrderSummary{}}, // it has caught up meanwhile
	}
	fake := newFakeAPI(t, func(w http.ResponseWriter, r *http.Request) {
		page := pages[0]
		if r.URL.Query().Get("pageToken") != "" {
			page = pages[1]
		}
		answerJSON(http.StatusOK, page)(w, r)
	})
	c := invoke(t, "", "order", "list", "--api", fake.URL, "--stage", "bake")
	require.Equal(t, 0, c.code, c.stderr)
	require.Contains(t, c.stderr, "may be out of date since 2026-01-31 12:38:00")
	require.Contains(t, c.stderr, "No order matches.")
	c = invoke(t, "", "order", "list", "--api", fake.URL, "--stage", "bake", "-o", "json")
	require.Contains(t, c.stdout, `"behind"`)
}
