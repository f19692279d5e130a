package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	temporalclient "go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"github.com/cupcakery/cupcakery/api"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/ledger"
	"github.com/cupcakery/cupcakery/wire"
)

// toldHistory is a ledger that tells one day, and remembers what it was asked.
type toldHistory struct {
	err   error
	asked any

	days       wire.HistoryDays
	day        wire.HistoryDay
	stages     wire.HistoryStages
	forecast   wire.HistoryForecast
	bottleneck wire.HistoryBottleneck
	orders     wire.HistoryOrders
	delay      wire.HistoryDelay
	trace      wire.HistoryTrace
}

func (h *toldHistory) Days(_ context.Context, first, last kitchen.Date) (wire.HistoryDays, error) {
	h.asked = first.String() + " to " + last.String()
	return h.days, h.err
}

func (h *toldHistory) Day(_ context.Context, day kitchen.Date) (wire.HistoryDay, error) {
	h.asked = day.String()
	return h.day, h.err
}

func (h *toldHistory) Stages(_ context.Context, first, last kitchen.Date) (wire.HistoryStages, error) {
	h.asked = first.String() + " to " + last.String()
	return h.stages, h.err
}

func (h *toldHistory) Forecast(_ context.Context, day kitchen.Date) (wire.HistoryForecast, error) {
	h.asked = day.String()
	return h.forecast, h.err
}

func (h *toldHistory) Bottleneck(context.Context) (wire.HistoryBottleneck, error) {
	return h.bottleneck, h.err
}

func (h *toldHistory) Orders(_ context.Context, pickupCode string) (wire.HistoryOrders, error) {
	told := wire.HistoryOrders{Orders: []wire.RememberedOrder{}}
	for _, order := range h.orders.Orders {
		if order.PickupCode == pickupCode {
			told.Orders = append(told.Orders, order)
		}
	}
	return told, h.err
}

func (h *toldHistory) Delay(_ context.Context, orderID string) (wire.HistoryDelay, error) {
	h.asked = orderID
	return h.delay, h.err
}

func (h *toldHistory) Trace(_ context.Context, what ledger.Trace) (wire.HistoryTrace, error) {
	h.asked = what
	return h.trace, h.err
}

// aThursday is what a ledger tells of 26 November; text is what somebody has written.
func aThursday(text string) *toldHistory {
	noon := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	day := kitchen.DateIn(noon, time.UTC)
	euros := func(cents int64) []wire.Money {
		return []wire.Money{{Currency: "EUR", Decimals: 2, Amount: cents}}
	}
	seconds := func(s float64) *float64 { return &s }
	times := func(p50, p90 float64) *wire.Quantiles { return &wire.Quantiles{P50: p50, P90: p90} }
	figures := wire.DayFigures{Day: day, Orders: 41, Pieces: 530, Ready: 39, Collected: 38, Cancelled: 1, Open: 1, Late: 2, Remakes: 1, Scrapped: 24, Revenue: euros(161230)}
	return &toldHistory{
		days: wire.HistoryDays{ReadUntil: noon, Days: []wire.DayFigures{
			{Day: day.Add(-2), Revenue: []wire.Money{}},
			{Day: day.Add(-1), Orders: 120, Pieces: 1440, Ready: 118, Collected: 117, Cancelled: 2, Revenue: euros(434000)},
			figures,
		}},
		day: wire.HistoryDay{
			ReadUntil: noon, Figures: figures,
			Flavours: []wire.DayFlavour{{Flavour: text, Size: kitchen.SizeL, Pieces: 312, Revenue: euros(99840), Scrapped: 24}, {Flavour: "lemon", Size: kitchen.SizeS, Pieces: 218, Revenue: euros(61390)}},
			Waste:    []wire.DayWaste{{Stage: kitchen.Bake, Reason: "burnt", Flavour: text, Worker: text, Failures: 2, Pieces: 24}},
			People:   []wire.DayPerson{{Worker: "max", Stage: kitchen.Mix, Tickets: 41, Pieces: 530, InHandSeconds: 9840}, {Worker: text, Stage: kitchen.Bake, Tickets: 42, Pieces: 554, InHandSeconds: 51000, Failures: 2, Scrapped: 24}},
			Hours:    []wire.DayHour{{Hour: 8, Placed: 20, Due: 3, Ready: 2}, {Hour: 9, Placed: 12, Due: 24, Ready: 20}, {Hour: 10, Placed: 9, Due: 14, Ready: 17}},
			Late: []wire.LateOrder{
				{OrderID: anOrderID, PickupCode: "K7QF", DueAt: noon, ReadyAt: noon.Add(24 * time.Minute), LateSeconds: 1440, Cause: wire.DelayedInQueue, Stage: kitchen.Decorate},
				{PickupCode: "M2XZ", DueAt: noon.Add(-time.Hour), LateSeconds: 4210, Cause: wire.DelayedByDecision},
			},
		},
		stages: wire.HistoryStages{
			Stages: []wire.StageTimes{{Stage: kitchen.Mix, Tickets: 412, Waited: times(95, 310), InHand: times(240, 420)}, {Stage: kitchen.Bake, Tickets: 409, Waited: times(40, 90.4), InHand: times(1205, 1800)}, {Stage: kitchen.Package}},
			Hours:  []wire.StageHourTimes{{Stage: kitchen.Mix, Weekday: "monday", Hour: 8, Tickets: 32, Waited: times(30, 130), InHand: times(240, 400)}, {Stage: kitchen.Mix, Weekday: "monday", Hour: 14, Tickets: 3}},
		},
		forecast: wire.HistoryForecast{Day: day.Next(), Weekday: "friday", Weeks: 8, ReadUntil: noon, Flavours: []wire.FlavourForecast{{Flavour: text, Pieces: 118, Low: 84, High: 160, Ordered: 36}, {Flavour: "lemon", Pieces: 9, Low: 0, High: 24}}},
		bottleneck: wire.HistoryBottleneck{At: noon, Stage: kitchen.Decorate, ReadUntil: noon, Stages: []wire.StageLoad{
			{Stage: kitchen.Mix, Waiting: 1, InHand: 1, OldestWaitingSeconds: seconds(40), ArrivedLastHour: 14, DoneLastHour: 13, TypicalInHandSeconds: seconds(240), People: 2, ClearSeconds: seconds(240)},
			{Stage: kitchen.Bake, InHand: 3, Asked: 2, ArrivedLastHour: 13, DoneLastHour: 12, TypicalInHandSeconds: seconds(1205), People: 1, ClearSeconds: seconds(1810)},
			{Stage: kitchen.Decorate, Waiting: 9, InHand: 1, OldestWaitingSeconds: seconds(2900), ArrivedLastHour: 12, DoneLastHour: 6, TypicalInHandSeconds: seconds(580), People: 1, ClearSeconds: seconds(5510)},
			{Stage: kitchen.Package},
		}},
		delay: wire.HistoryDelay{
			OrderID: anOrderID, PickupCode: "K7QF", State: kitchen.StateShipped, DueAt: noon, ReadyAt: noon.Add(24 * time.Minute), LateSeconds: 1440, Cause: wire.DelayedInQueue, Stage: kitchen.Decorate, DecisionSeconds: 95, ReadUntil: noon,
			Steps: []wire.DelayStep{
				{Stage: kitchen.Mix, Pass: 1, Kind: kitchen.TicketMake, WaitedSeconds: seconds(60), UsualWaitedSeconds: seconds(95), InHandSeconds: seconds(250), UsualInHandSeconds: seconds(240), ExtraSeconds: -25, Worker: "max"},
				{Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake, WaitedSeconds: seconds(30), UsualWaitedSeconds: seconds(40), InHandSeconds: seconds(1300), UsualInHandSeconds: seconds(1205), ExtraSeconds: 85, Failures: 1, SilentSeconds: 130, AskedSeconds: 95, Worker: text},
				{Stage: kitchen.Decorate, Pass: 1, Kind: kitchen.TicketMake, WaitedSeconds: seconds(2350), ExtraSeconds: 2350},
			},
		},
		trace: wire.HistoryTrace{ReadUntil: noon, Tickets: []wire.TracedTicket{
			{OrderID: anOrderID, PickupCode: "K7QF", Customer: text, Stage: kitchen.Bake, Pass: 1, Worker: text, StartedAt: noon.Add(-20 * time.Minute), EndedAt: noon, Flavours: []string{text, "lemon"}, Pieces: 12, State: kitchen.StateShipped, CollectedAt: noon.Add(time.Hour)},
			{PickupCode: "M2XZ", Stage: kitchen.Bake, Pass: 1, Worker: "Ben", EndedAt: noon.Add(time.Second), Flavours: []string{"lemon"}, Pieces: 6, State: kitchen.StateInProgress},
		}},
	}
}

// historyAPI is an API with a ledger, or without one. Its one order is K7QF.
func historyAPI(t *testing.T, history *toldHistory) (address string) {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	temporal, err := temporalclient.NewLazyClient(temporalclient.Options{HostPort: "127.0.0.1:1", Logger: sdklog.NewStructuredLogger(quiet)})
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	staff, demo, err := demoStaff()
	require.NoError(t, err)
	config := api.Config{Temporal: temporal, Secret: []byte("a secret of the tests"), Staff: staff, Demo: demo, Logger: quiet}
	if history != nil {
		config.History = history
	}
	server, err := api.New(config)
	require.NoError(t, err)
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/v1/orders" {
			server.Handler().ServeHTTP(w, r)
			return
		}
		found := wire.OrderPage{Orders: []wire.OrderSummary{}}
		if r.URL.Query().Get("pickupCode") == "K7QF" {
			found.Orders = append(found.Orders, wire.OrderSummary{ID: anOrderID, PickupCode: "K7QF", State: kitchen.StateShipped})
		}
		answerJSON(http.StatusOK, found)(w, r)
	}))
	t.Cleanup(web.Close)
	return web.URL
}

// askReport runs a report, whose words are separated by spaces.
func askReport(t *testing.T, address, words string) said {
	t.Helper()
	return invoke(t, "", append([]string{"report"}, append(strings.Fields(words), "--api", address)...)...)
}

// reportsByName has a command for each report, and for each of its tables.
var reportsByName = map[string]string{
	"day":          "day --day 2026-11-26",
	"day-late":     "day --day 2026-11-26 --table late",
	"days":         "days --from 2026-11-24 --to 2026-11-26",
	"stages":       "stages",
	"stage-hours":  "stages --table hours",
	"forecast":     "forecast --day 2026-11-27",
	"bottleneck":   "bottleneck",
	"late":         "late K7QF",
	"late-of-day":  "late --day 2026-11-26",
	"trace":        "trace --stage bake --from 2026-11-26T08:00 --to 2026-11-26T13:00",
	"trace-of-one": "trace --stage bake --order K7QF",
}

func TestReportsAreReadableOnATerminal(t *testing.T) {
	t.Parallel()
	address := historyAPI(t, aThursday("red-velvet"))
	for name, words := range reportsByName {
		c := askReport(t, address, words)
		require.Equal(t, 0, c.code, c.stderr)
		requireGolden(t, "report-"+name, c.stdout)
		for line := range strings.Lines(c.stdout) {
			require.LessOrEqual(t, len([]rune(line)), narrowWidth+1, line)
		}
		want := "The ledger has read the log until 2026-11-26 12:00.\n"
		if strings.HasPrefix(name, "stage") { // whose answer does not tell here
			want = "The ledger has read nothing yet.\n"
		}
		require.Equal(t, want, c.stderr)
	}
}

func TestReportsOfNothingSaySo(t *testing.T) {
	t.Parallel()
	thursday := kitchen.Date{Year: 2026, Month: time.November, Day: 26}
	address := historyAPI(t, &toldHistory{day: wire.HistoryDay{Figures: wire.DayFigures{Day: thursday}}, forecast: wire.HistoryForecast{Day: thursday}, delay: wire.HistoryDelay{PickupCode: "K7QF", State: kitchen.StateInProgress, Cause: wire.DelayedByNothing}})
	for name, want := range map[string]string{
		"day": "Thursday, 2026-11-26\n\nNo orders.\n", "day-late": "Nothing.\n", "late-of-day": "No order of 2026-11-26 is late.\n", "bottleneck": "Nothing waits anywhere.\n\n",
		"trace": "No ticket was ended there and then.\n", "stages": "No ticket was done on these days.\n", "late": "K7QF · not ready yet\nThe log does not tell when it was due.\n\n",
		"forecast": "Thursday, 2026-11-26\nNo week before has this weekday in the ledger yet.\n\nNothing is ordered for it.\n",
	} {
		c := askReport(t, address, reportsByName[name])
		require.Equal(t, said{stdout: want, stderr: "The ledger has read nothing yet.\n"}, c, name)
	}
}

func TestAnOrderThatNobodyMakesIsNeitherInTimeNorNotReadyYet(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 11, 26, 12, 0, 0, 0, kitchen.Default().Opening.Location())
	for _, test := range []struct {
		delay wire.HistoryDelay
		want  string
	}{
		{wire.HistoryDelay{State: kitchen.StateInProgress}, "not ready yet\nIt is not late."},
		{wire.HistoryDelay{State: kitchen.StateCancelling}, "being cancelled\nIt is being cancelled, and so is not late."},
		{wire.HistoryDelay{State: kitchen.StateCancelled}, "cancelled\nIt was cancelled, and so is not late."},
		{wire.HistoryDelay{State: kitchen.StateInProgress, WithdrawnAt: noon}, "withdrawn\nIts tickets were withdrawn since it was ended in Temporal, and so it is not late."},
		{wire.HistoryDelay{State: kitchen.StateShipped}, "ready\nIt is not late."},
		{wire.HistoryDelay{State: kitchen.StateShipped, ReadyAt: noon}, "ready 12:00\nIt was in time."},
	} {
		test.delay.PickupCode, test.delay.DueAt, test.delay.Cause = "K7QF", noon, wire.DelayedByNothing
		c := askReport(t, historyAPI(t, &toldHistory{delay: test.delay}), reportsByName["late"])
		require.Equal(t, "K7QF · due 2026-11-26 12:00 · "+test.want+"\n\n", c.stdout)
	}
}

func TestWhatWaitsForAManagerAloneWaits(t *testing.T) {
	t.Parallel()
	address := historyAPI(t, &toldHistory{bottleneck: wire.HistoryBottleneck{Stages: []wire.StageLoad{{Stage: kitchen.Mix, Asked: 1}}}})
	c := askReport(t, address, reportsByName["bottleneck"])
	require.Contains(t, c.stdout, "Nothing waits but for a manager.\n1 ticket is waiting for a manager.\n\n")
}

func TestReportsAreJSONForPrograms(t *testing.T) {
	t.Parallel()
	history := aThursday("red-velvet")
	address := historyAPI(t, history)
	c := askReport(t, address, reportsByName["day"]+" --output json")
	require.Equal(t, 0, c.code)
	require.Empty(t, c.stderr)
	var told wire.HistoryDay
	require.NoError(t, json.Unmarshal([]byte(c.stdout), &told))
	require.Equal(t, history.day, told)
}

func TestReportsAreCSVForSpreadsheets(t *testing.T) {
	t.Parallel()
	const formula = `=HYPERLINK("http://evil.example";"K7QF")`
	address := historyAPI(t, aThursday(formula))
	guarded := 0
	for name, words := range reportsByName {
		c := askReport(t, address, words+" --csv")
		require.Equal(t, 0, c.code, c.stderr)
		require.Empty(t, c.stderr, "nothing but the table")
		require.True(t, strings.HasSuffix(c.stdout, "\r\n"))
		rows, err := csv.NewReader(strings.NewReader(c.stdout)).ReadAll()
		require.NoError(t, err)
		require.Greater(t, len(rows), 1, name)
		for _, row := range rows {
			for _, cell := range row {
				if _, err := strconv.ParseFloat(cell, 64); err != nil && cell != "" {
					require.NotContains(t, "=+-@", cell[:1], "%q of %s", cell, name)
				}
				if strings.HasPrefix(cell, "'"+formula) {
					guarded++
				}
			}
		}
	}
	require.Positive(t, guarded)
	require.Contains(t, askReport(t, address, "day --day 2026-11-26 --table people --csv").stdout, "worker,stage,tickets")
}

func TestReportsAskForTheBakerysDays(t *testing.T) {
	t.Parallel()
	history := aThursday("lemon")
	address := historyAPI(t, history)
	zone := kitchen.Default().Opening.Location()
	today := kitchen.DateIn(time.Now(), zone)
	for words, want := range map[string]any{
		"day":                                   today.String(),
		"day --day yesterday":                   today.Add(-1).String(),
		"late":                                  today.String(),
		"late " + anOrderID:                     anOrderID,
		"late k7qf":                             nil, // the test's list knows capital letters alone
		"days":                                  today.Add(-27).String() + " to " + today.String(),
		"days --from 2026-11-01 --to yesterday": "2026-11-01 to " + today.Add(-1).String(),
		"forecast":                              today.Next().String(),
		"forecast --day today":                  today.String(),
		"trace --stage bake --order K7QF --pass 2": ledger.Trace{Ticket: kitchen.TicketRef{OrderID: anOrderID, Stage: kitchen.Bake, Pass: 2, Kind: kitchen.TicketMake}},
		"trace --stage mix --from 2026-11-26T08:00 --to 2026-11-26T09:30:00Z --flavour lemon --worker bob": ledger.Trace{
			Stage: kitchen.Mix, From: time.Date(2026, 11, 26, 8, 0, 0, 0, zone).UTC(), To: time.Date(2026, 11, 26, 9, 30, 0, 0, time.UTC), Flavour: "lemon", Worker: "bob",
		},
	} {
		history.asked = nil
		askReport(t, address, words)
		require.Equal(t, want, history.asked, words)
	}
}

func TestAReportThatCannotBeSaysWhy(t *testing.T) {
	t.Parallel()
	address := historyAPI(t, aThursday("lemon"))
	for words, want := range map[string]struct {
		code   int
		stderr string
	}{
		"day yesterday":                  {exitUsage, "accepts 0 arg(s)"},
		"day --day yesteday":             {exitUsage, `did you mean "yesterday"?`},
		"day --day 2026-02-30":           {exitUsage, `"2026-02-30" is no date`},
		"day --day=":                     {exitUsage, "--day is empty"},
		"day --table lat":                {exitUsage, `use one of flavours, waste, people, hours, late: did you mean "late"?`},
		"day --csv -o json":              {exitUsage, "--csv and --output json: choose one of them"},
		"day -o yaml":                    {exitUsage, "use table or json"},
		"days --from 26.11.2026":         {exitUsage, "--from:"},
		"days --from 2020-01-01":         {exitRefused, "more than 366 days"},
		"stages --table late":            {exitUsage, "use one of stages, hours"},
		"stages --hours":                 {exitUsage, "unknown flag: --hours"},
		"late K7QF --day today":          {exitUsage, "give an order or --day, not both"},
		"late K7QF M2XZ":                 {exitUsage, "accepts 1 arg(s)"},
		"late M2XZ":                      {exitRefused, "no such order has the pickup code M2XZ"},
		"late nonsense":                  {exitUsage, "is not an order id"},
		"trace":                          {exitUsage, "give --stage"},
		"trace --stage bake":             {exitUsage, "give --from and --to, or --order"},
		"trace --stage bak --order K7QF": {exitUsage, `did you mean "bake"?`},
		"trace --stage bake --order K7QF --from 08:00": {exitUsage, "leave --from"},
		"trace --stage bake --order K7QF --pass 0":     {exitUsage, "--pass 0"},
		"trace --stage bake --from 8 --to 09:00":       {exitUsage, `--from "8": give a time of today such as 08:00`},
		"trace --stage bake --from 09:00 --to 08:00":   {exitRefused, "is not before to"},
		"trace --stage bake --order K7QF --as nobody":  {exitUsage, "the PIN of \"nobody\" is missing"},
	} {
		c := askReport(t, address, words)
		require.Equal(t, want.code, c.code, "%s: %s", words, c.stderr)
		require.Contains(t, c.stderr, want.stderr, words)
		require.Empty(t, c.stdout)
	}
	require.Equal(t, exitUnavailable, askReport(t, "http://127.0.0.1:1", "days").code)
	for typed, want := range map[string]string{"dya": `did you mean "day"?`, "bottelneck": `did you mean "bottleneck"?`, "st": `did you mean "stages"?`} {
		c := invoke(t, "", "report", typed)
		require.Equal(t, exitUsage, c.code)
		require.Contains(t, c.stderr, want)
	}
}

func TestReportsTellWhatIsWrongWithTheLedger(t *testing.T) {
	t.Parallel()
	without := historyAPI(t, nil)
	away := historyAPI(t, &toldHistory{err: &ledger.AwayError{Err: errors.New("dial tcp")}})
	old := historyAPI(t, &toldHistory{err: &ledger.SchemaError{Has: 1, Wants: 2}})
	unknown := historyAPI(t, &toldHistory{err: ledger.ErrUnknownOrder})
	for _, words := range []string{"days", "bottleneck --csv", "day -o json", "late " + anOrderID, reportsByName["trace"]} {
		c := askReport(t, without, words)
		require.Equal(t, exitNotFound, c.code, c.stderr)
		require.Contains(t, c.stderr, "The server has no ledger")
		require.Contains(t, c.stderr, "--ledger-database")
		c = askReport(t, away, words)
		require.Equal(t, exitUnavailable, c.code, c.stderr)
		require.Contains(t, c.stderr, "The ledger's database did not answer in time")
		require.Empty(t, c.stdout)
	}
	c := askReport(t, old, "bottleneck")
	require.Equal(t, exitUnavailable, c.code)
	require.Contains(t, c.stderr, "cupcakery ledger migrate")
	c = askReport(t, unknown, "late "+anOrderID)
	require.Equal(t, exitNotFound, c.code)
	require.Contains(t, c.stderr, "The ledger knows no order with this id")
}

func TestAnOrderOfLongAgoIsFoundByItsCode(t *testing.T) {
	t.Parallel()
	const newer, older = "0199c0de-7a11-7000-8000-00000000beef", "0199c0de-7a11-7000-8000-00000000dead"
	history := aThursday("lemon")
	at := time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC)
	history.orders.Orders = []wire.RememberedOrder{
		{OrderID: newer, PickupCode: "M2XZ", State: kitchen.StateShipped, Pieces: 12, DueAt: at},
		{OrderID: older, PickupCode: "M2XZ", State: kitchen.StateShipped, Pieces: 6, PlacedAt: at.AddDate(0, -1, 0)},
		{OrderID: older, PickupCode: "K7QF", State: kitchen.StateShipped, DueAt: at},
		{OrderID: older, PickupCode: "P4TT", State: kitchen.StateShipped, DueAt: at},
	}
	address := historyAPI(t, history)
	c := askReport(t, address, "late m2xz")
	require.Equal(t, 0, c.code, c.stderr)
	require.Equal(t, newer, history.asked)
	require.Contains(t, c.stderr, "2 orders had this code; this is the newest.")
	require.Contains(t, c.stderr, "2026-03-05  "+newer)
	require.Contains(t, c.stderr, "2026-02-05  "+older)

	c = askReport(t, address, "late P4TT")
	require.Equal(t, 0, c.code, c.stderr)
	require.Equal(t, older, history.asked)
	require.NotContains(t, c.stderr, "had this code")

	c = askReport(t, address, "trace --stage bake --order M2XZ")
	require.Equal(t, 0, c.code, c.stderr)
	require.Equal(t, ledger.Trace{Ticket: kitchen.TicketRef{OrderID: newer, Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}}, history.asked)

	askReport(t, address, "late K7QF")
	require.Equal(t, anOrderID, history.asked, "Temporal still has one")
}

func TestADayWithoutOrdersTellsOfTomorrows(t *testing.T) {
	t.Parallel()
	now := func() kitchen.Date { return kitchen.DateIn(time.Now(), kitchen.Default().Opening.Location()) }
	of := func(day kitchen.Date, orders, open int) string {
		history := &toldHistory{day: wire.HistoryDay{Figures: wire.DayFigures{Day: day, Orders: orders}}, days: wire.HistoryDays{Days: []wire.DayFigures{{Day: day.Next(), Orders: 5, Open: open}}}}
		c := askReport(t, historyAPI(t, history), "day --day "+day.String())
		require.Equal(t, 0, c.code, c.stderr)
		return c.stdout
	}
	ofToday := func(orders, open int) string {
		for {
			today := now()
			if told := of(today, orders, open); today == now() { // or the day has ended meanwhile
				return told
			}
		}
	}
	require.Contains(t, ofToday(0, 3), "No orders.\n3 open orders are due tomorrow.\n")
	require.Contains(t, ofToday(0, 1), "No orders.\n1 open order is due tomorrow.\n")
	require.NotContains(t, ofToday(0, 0), "tomorrow")
	require.NotContains(t, ofToday(2, 3), "tomorrow")
	require.NotContains(t, of(now().Add(-1), 0, 3), "tomorrow")
}

func TestATraceThatIsCutOffSaysSo(t *testing.T) {
	t.Parallel()
	history := aThursday("lemon")
	history.trace.More = true
	address := historyAPI(t, history)
	c := askReport(t, address, reportsByName["trace"])
	require.Equal(t, 0, c.code)
	require.Contains(t, c.stderr, "There are more than these: ask for less time.")
	c = askReport(t, address, reportsByName["trace"]+" --csv")
	require.Equal(t, exitRefused, c.code)
	require.Contains(t, c.stderr, "more than 1000 tickets")
}

func TestWhatOthersHaveWrittenCannotChangeTheTerminal(t *testing.T) {
	t.Parallel()
	address := historyAPI(t, aThursday("evil\x1b[2J\u202e"))
	for name, words := range reportsByName {
		stdout := askReport(t, address, words).stdout
		require.NotContains(t, stdout, "\x1b[2J", name)
		require.NotContains(t, stdout, "\u202e", name)
	}
}

func TestReportTablesGiveWayWhereThereIsNoRoom(t *testing.T) {
	t.Parallel()
	table := reportTable{columns: []reportColumn{{title: "CODE"}, {title: "NAME", least: 4}, {title: "PIECES", right: true}, {title: "ORDER", spare: 2}, {title: "BY", spare: 1}}}
	table.add("K7QF", "Ada Lovelace", "12", anOrderID, "bob")
	for width, want := range map[int]string{
		80: "K7QF  Ada Lovelace      12  " + anOrderID + "  bob",
		40: "K7QF  Ada Lovelace      12  bob",
		30: "K7QF  Ada Lovelace      12",
		24: "K7QF  Ada Lovel…      12",
		10: "K7QF  Ada…",
	} {
		require.Equal(t, want, table.lines(width)[1], width)
	}
}

func TestSpansAreAsExactAsTheyMatter(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[float64]string{0: "0s", 12.4: "12s", 59.6: "1m", 60: "1m", 95: "1m35s", 599: "9m59s", 600: "10m", 1440: "24m", 5460: "1h31m", -25: "-25s", -95: "-1m35s", 200000: "2d"} {
		require.Equal(t, want, spanOf(seconds), seconds)
	}
}

func TestDaysBeginWithTheFirstThatHasSomething(t *testing.T) {
	t.Parallel()
	first := kitchen.Date{Year: 2026, Month: 11, Day: 23}
	days := []wire.DayFigures{{Day: first}, {Day: first.Add(1), Orders: 2}, {Day: first.Add(2)}}
	require.Equal(t, days[1:], fromTheFirst(days))
	require.Equal(t, days[2:], fromTheFirst(days[2:]), "one is always there")
}
