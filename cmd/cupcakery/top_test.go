package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// liveAPI is an API whose live connections a test sends on.
type liveAPI struct {
	*httptest.Server
	opened chan *websocket.Conn

	mu         sync.Mutex
	signedIn   int
	refuses    bool
	subscribed []string
	orders     []wire.OrderSummary
}

func (f *liveAPI) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func newLiveAPI(t *testing.T) *liveAPI {
	t.Helper()
	f := &liveAPI{opened: make(chan *websocket.Conn, 10), orders: []wire.OrderSummary{{ID: anOrderID, PickupCode: "K7QF", State: kitchen.StateInProgress}}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/session", func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.signedIn++
		f.mu.Unlock()
		http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: "a session"})
		answerJSON(http.StatusOK, wire.Session{Name: "max"})(w, r)
	})
	mux.HandleFunc("/api/v1/kitchen/state", func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		refuses := f.refuses
		f.mu.Unlock()
		switch _, err := r.Cookie(sessionCookie); {
		case refuses:
			answerProblem(http.StatusForbidden, "This is for another role", "")(w, r)
		case err != nil:
			answerJSON(http.StatusUnauthorized, map[string]any{"type": wire.ProblemNotSignedIn, "title": "Sign in", "status": 401})(w, r)
		default:
			answerJSON(http.StatusOK, wire.KitchenState{})(w, r)
		}
	})
	mux.HandleFunc("/api/v1/statistics", answerJSON(http.StatusOK, aTopScreen(t).parts.statistics))
	mux.HandleFunc("/api/v1/live", func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie(sessionCookie); err != nil {
			answerProblem(http.StatusUnauthorized, "Sign in", "")(w, r)
			return
		}
		connection, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		f.opened <- connection
		for { // until it is over
			var request wire.LiveRequest
			if wsjson.Read(context.WithoutCancel(r.Context()), connection, &request) != nil {
				return
			}
			f.set(func() { f.subscribed = append(f.subscribed, string(request.Type)+" "+request.Channel) })
		}
	})
	mux.HandleFunc("GET /api/v1/orders", func(w http.ResponseWriter, r *http.Request) {
		var page wire.OrderPage
		f.set(func() { page.Orders = slices.Clone(f.orders) })
		answerJSON(http.StatusOK, page)(w, r)
	})
	f.Server = httptest.NewServer(mux)
	t.Cleanup(f.Close)
	t.Setenv(pinVariable, "555555")
	return f
}

// next is the next connection, on which everything is told.
func (f *liveAPI) next(t *testing.T, parts topParts) *websocket.Conn {
	t.Helper()
	connection := <-f.opened
	for _, message := range []wire.LiveMessage{
		{Type: wire.LiveMessageTypeState, At: noon, Behind: parts.behind},
		{Type: wire.LiveMessageTypeSnapshot, Channel: channelKitchen, Cursor: "1", Kitchen: *parts.kitchen},
		{Type: wire.LiveMessageTypeSnapshot, Channel: channelOverview, Cursor: "1", Overview: *parts.overview},
	} {
		require.NoError(t, wsjson.Write(t.Context(), connection, message))
	}
	return connection
}

// aTopScreen knows a kitchen in which everything happens.
func aTopScreen(t *testing.T) *topScreen {
	t.Helper()
	ticket := func(code, by string, age time.Duration, state kitchen.TicketState) wire.OverviewTicket {
		each := wire.OverviewTicket{PickupCode: code, By: by, Flavour: "lemon", Pieces: 12, Since: noon.Add(-age), State: state}
		if state == kitchen.TicketStarted {
			each.StartedAt = noon.Add(-age / 2)
		}
		return each
	}
	steps := make([]wire.StatisticsStep, 48)
	for i := range steps {
		steps[i].Done = 1
	}
	s := newTopScreen()
	s.clock = func() time.Time { return noon }
	s.parts = topParts{
		kitchen: &wire.KitchenCounts{
			At: noon, Orders: &wire.OrderCounts{InProgress: 9, NeedsAttention: 1, Cancelling: 2, Scheduled: 3},
			Stages: []wire.StageCounts{
				{Stage: kitchen.Mix, Waiting: 70, Oldest: noon.Add(-3 * time.Hour), UntakenSince: noon.Add(-21 * time.Minute)},
				{Stage: kitchen.Bake, Waiting: 1, Started: 3, Failed: 1, Oldest: noon.Add(-40 * time.Minute)},
			},
			State: wire.KitchenState{
				Paused:      []wire.Paused{{Stage: kitchen.Bake, By: "mia\x1b[2J", At: noon.Add(-time.Minute), Reason: "oven 2 is out"}},
				SoldOut:     []wire.SoldOut{{Flavour: "lemon", Until: noon.Add(time.Hour)}, {Flavour: "carrot"}},
				Uncollected: 4,
			},
		},
		overview: &wire.Overview{
			At: noon,
			News: []wire.OverviewNews{
				{At: noon.Add(-time.Second), Kind: wire.NewsPlaced, PickupCode: "NEW1", Flavour: "レモン", Pieces: 6},
				{At: noon.Add(-2 * time.Second), Kind: wire.NewsFailed, PickupCode: "K7QF", Stage: kitchen.Bake, Reason: "burnt"},
				{At: noon.Add(-3 * time.Second), Kind: wire.NewsReady, PickupCode: "RDY3"},
			},
			Stages: []wire.OverviewStage{
				{Stage: kitchen.Mix, Waiting: 70, LateAfterSeconds: 300, OverdueAfterSeconds: 600, Tickets: []wire.OverviewTicket{ticket("LATE", "", 3*time.Hour, kitchen.TicketWaiting)}},
				{Stage: kitchen.Bake, Waiting: 1, Started: 3, Failed: 1, LateAfterSeconds: 300, OverdueAfterSeconds: 600, Tickets: []wire.OverviewTicket{
					ticket("OLD1", "eve", 40*time.Minute, kitchen.TicketStarted), ticket("BOB1", "bob", time.Minute, kitchen.TicketStarted),
					ticket("BOB2", "bob", 2*time.Minute, kitchen.TicketStarted), ticket("WAIT", "", time.Minute, kitchen.TicketWaiting),
				}},
			},
		},
		statistics: &wire.Statistics{StepSeconds: 300, Stages: []wire.StageStatistics{{Stage: kitchen.Bake, Steps: steps}}},
	}
	return s
}

func TestTopScreensAsTheyAreShown(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*topScreen){
		"all": func(s *topScreen) { s.Update(tea.WindowSizeMsg{Width: 80, Height: 30}) },
		"narrow-and-low": func(s *topScreen) {
			s.Update(tea.WindowSizeMsg{Width: 50, Height: 12})
		},
		"lost": func(s *topScreen) {
			s.Update(topNews{liveNews: liveNews{lost: errors.New("the API at http://x cannot be reached")}})
			s.clock = func() time.Time { return noon.Add(time.Minute) }
			s.Update(topNews{liveNews: liveNews{lost: errors.New("the API at http://x cannot be reached: refused")}})
		},
		"behind": func(s *topScreen) {
			s.parts.behind = wire.Behind{Reason: wire.BehindKafka, Since: noon.Add(-time.Hour)}
		},
		"nothing": func(s *topScreen) { s.parts = topParts{} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := aTopScreen(t)
			change(s)
			shown := s.draw()
			require.NotContains(t, shown, "\x1b[2J")
			requireGolden(t, "top-"+name, shown)
			lines := strings.Split(shown, "\n")
			require.Len(t, lines, s.height)
			for _, line := range lines {
				require.LessOrEqual(t, ansi.StringWidth(line), s.width)
			}
		})
	}
}

func TestTopCountsTheHourAndTheAPIsTime(t *testing.T) {
	t.Parallel()
	s := aTopScreen(t)
	s.Update(topNews{liveNews: liveNews{message: wire.LiveMessage{Type: wire.LiveMessageTypeState, At: noon.Add(time.Hour)}}})
	require.Contains(t, ansi.Strip(s.draw()), "13:00:00  9 in progress", "a wrong clock here does not matter")
	require.Equal(t, 12, s.parts.doneLastHour(kitchen.Bake))
	require.Equal(t, -1, s.parts.doneLastHour(kitchen.Mix))
}

func TestTopOnceIsForScripts(t *testing.T) {
	api := newLiveAPI(t)
	parts := aTopScreen(t).parts
	parts.behind = wire.Behind{Reason: wire.BehindKafka, Since: noon}
	top := func(args ...string) said {
		shown := make(chan said, 1)
		go func() { shown <- invoke(t, "", append([]string{"top", "--as", "max", "--api", api.URL}, args...)...) }()
		api.next(t, parts)
		return <-shown
	}
	c := top()
	require.Zero(t, c.code, c.stderr)
	requireGolden(t, "top-once", c.stdout)
	require.NotContains(t, c.stdout, "\x1b", "a pipe has no colours")
	require.Contains(t, c.stderr, "This may be out of date since 2026-01-31 12:00:00")

	c = top("--once", "-o", "json")
	require.Zero(t, c.code, c.stderr)
	require.Empty(t, c.stderr)
	var report topReport
	require.NoError(t, json.Unmarshal([]byte(c.stdout), &report))
	require.Equal(t, []string{"mix", "bake"}, []string{string(report.Stages[0].Stage), string(report.Stages[1].Stage)})
	require.Equal(t, 12, report.Stages[1].DoneLastHour)
	require.True(t, report.Stages[0].LateIsAtLeast)
	require.Equal(t, 2, api.signedIn)
	require.Eventually(t, func() (all bool) {
		api.set(func() {
			slices.Sort(api.subscribed)
			all = slices.Equal([]string{"subscribe kitchen", "subscribe kitchen", "subscribe overview", "subscribe overview"}, api.subscribed)
		})
		return all
	}, stationPatience, time.Millisecond)

	require.Equal(t, exitUnavailable, invoke(t, "", "top", "--api", "http://127.0.0.1:1").code)
	api.refuses = true
	c = invoke(t, "", "top", "--api", api.URL)
	require.Equal(t, exitRefused, c.code)
	require.Contains(t, c.stderr, "This is for another role")
}

func TestTopConnectsAgain(t *testing.T) {
	api := newLiveAPI(t)
	parts := aTopScreen(t).parts
	ctx, cancel := context.WithCancel(t.Context())
	out, errOut := newWatched(), newWatched()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"top", "--as", "max", "--api", api.URL, "-o", "json"}, strings.NewReader(""), out, errOut)
	}()
	first := api.next(t, parts)
	out.await(t, `"inProgress":9`)
	require.NoError(t, first.CloseNow())
	errOut.await(t, "The API is away")
	parts.kitchen.Orders.InProgress = 10
	second := api.next(t, parts)
	out.await(t, `"inProgress":10`)
	errOut.await(t, "The API is back.")

	// A session that is over is one to sign in again for.
	require.NoError(t, wsjson.Write(t.Context(), second, wire.LiveMessage{
		Type: wire.LiveMessageTypeProblem, Channel: channelKitchen, Problem: wire.Problem{Type: wire.ProblemNotSignedIn, Title: "Sign in", Status: 401},
	}))
	parts.kitchen.Orders.InProgress = 11
	api.next(t, parts)
	out.await(t, `"inProgress":11`)
	cancel()
	require.Zero(t, <-ended)
	require.Equal(t, 2, api.signedIn)
}

// A cancelled order may be at a stage twice: what is made still, and what is undone.
func TestTopTellsWhatIsUndone(t *testing.T) {
	t.Parallel()
	parts := topParts{
		kitchen: &wire.KitchenCounts{Stages: []wire.StageCounts{{Stage: kitchen.Mix}}},
		overview: &wire.Overview{Stages: []wire.OverviewStage{{Stage: kitchen.Mix, Tickets: []wire.OverviewTicket{
			{Kind: kitchen.TicketMake, State: kitchen.TicketStarted, PickupCode: "K7QF", Pieces: 10, Flavour: "lemon", StartedAt: noon},
			{Kind: kitchen.TicketUndo, State: kitchen.TicketStarted, PickupCode: "K7QF", Pieces: 10, Flavour: "lemon", StartedAt: noon.Add(time.Second)},
		}}}},
	}
	lines := parts.report(noon.Add(time.Minute)).inHandLines()
	require.Len(t, lines, 2)
	require.Regexp(t, `  10 lemon$`, ansi.Strip(lines[0]))
	require.Regexp(t, `  UNDO 10 lemon$`, ansi.Strip(lines[1]))
}

func TestTopSaysThatMoreMayBeLateThanAreShown(t *testing.T) {
	t.Parallel()
	ticket := func(age time.Duration) wire.OverviewTicket {
		return wire.OverviewTicket{State: kitchen.TicketWaiting, Since: noon.Add(-age)}
	}
	late, fresh := ticket(time.Hour), ticket(time.Minute)
	for name, c := range map[string]struct {
		waiting   int
		tickets   []wire.OverviewTicket
		isAtLeast bool
	}{
		"all are shown":                        {2, []wire.OverviewTicket{late, late}, false},
		"the last is late":                     {3, []wire.OverviewTicket{late, late}, true},
		"one that goes before others is not":   {3, []wire.OverviewTicket{fresh, late}, true},
		"the last is not":                      {3, []wire.OverviewTicket{late, fresh}, false},
		"none is shown, for the API is behind": {3, nil, false},
	} {
		row := topStage{}
		row.addTickets(wire.OverviewStage{Stage: kitchen.Mix, Waiting: c.waiting, OverdueAfterSeconds: 600, Tickets: c.tickets}, noon)
		require.Equal(t, c.isAtLeast, row.LateIsAtLeast, name)
	}
}

// All pages and commands tell such times as the clock at the bakery has them.
func TestTopTellsUntilWhenByTheBakerysClock(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("Asia/Kathmandu") // no other zone has its minutes
	require.NoError(t, err)
	until := time.Date(2026, 1, 31, 14, 0, 0, 0, zone)
	report := topReport{At: until.Add(-time.Hour), SoldOut: []wire.SoldOut{{Flavour: "lemon", Until: until.UTC()}}, zone: zone}
	require.Contains(t, ansi.Strip(strings.Join(report.warnings(), "\n")), "Sold out: lemon until 14:00 +0545")
}
