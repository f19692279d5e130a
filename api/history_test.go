package api

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/ledger"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	rememberedOrder = "0199c0de-7a11-7000-8000-00000000cafe"
	unknownOrder    = "0199c0de-7a11-7000-8000-00000000beef"
)

// fakeHistory remembers what it was asked.
type fakeHistory struct {
	answers
	err   error
	asked []any
	// enter is called with each report before it is read.
	enter func(context.Context)
}

// answers are what a ledger tells.
type answers struct {
	days       wire.HistoryDays
	day        wire.HistoryDay
	stages     wire.HistoryStages
	forecast   wire.HistoryForecast
	bottleneck wire.HistoryBottleneck
	orders     wire.HistoryOrders
	delay      wire.HistoryDelay
	trace      wire.HistoryTrace
}

func (h *fakeHistory) read(ctx context.Context, asked ...any) error {
	if h.enter != nil {
		h.enter(ctx)
		return h.err
	}
	h.asked = asked
	return h.err
}

func (h *fakeHistory) Days(ctx context.Context, first, last kitchen.Date) (wire.HistoryDays, error) {
	return h.days, h.read(ctx, first.String(), last.String())
}

func (h *fakeHistory) Day(ctx context.Context, day kitchen.Date) (wire.HistoryDay, error) {
	told := h.day
	told.Late = slices.Clone(told.Late) // each answer is the server's own
	return told, h.read(ctx, day.String())
}

func (h *fakeHistory) Stages(ctx context.Context, first, last kitchen.Date) (wire.HistoryStages, error) {
	return h.stages, h.read(ctx, first.String(), last.String())
}

func (h *fakeHistory) Forecast(ctx context.Context, day kitchen.Date) (wire.HistoryForecast, error) {
	return h.forecast, h.read(ctx, day.String())
}

func (h *fakeHistory) Bottleneck(ctx context.Context) (wire.HistoryBottleneck, error) {
	return h.bottleneck, h.read(ctx)
}

func (h *fakeHistory) Orders(ctx context.Context, pickupCode string) (wire.HistoryOrders, error) {
	told := h.orders
	told.Orders = slices.Clone(told.Orders)
	return told, h.read(ctx, pickupCode)
}

func (h *fakeHistory) Delay(ctx context.Context, orderID string) (wire.HistoryDelay, error) {
	if orderID == unknownOrder {
		return wire.HistoryDelay{}, fmt.Errorf("read the order: %w", ledger.ErrUnknownOrder)
	}
	return h.delay, h.read(ctx, orderID)
}

func (h *fakeHistory) Trace(ctx context.Context, what ledger.Trace) (wire.HistoryTrace, error) {
	told := h.trace
	told.Tickets = slices.Clone(told.Tickets)
	return told, h.read(ctx, what)
}

// told is everything that a ledger can tell, with a text wherever somebody else has
// written it.
func told(text string) answers {
	at := time.Date(2026, 11, 26, 11, 0, 0, 0, time.UTC)
	seconds := new(12.5)
	times := &wire.Quantiles{P50: 95, P90: 310.1234}
	revenue := []kitchen.Money{{Currency: "EUR", Decimals: 2, Amount: 161230}}
	figures := wire.DayFigures{Day: kitchen.DateIn(at, time.UTC), Orders: 41, Pieces: 530, Ready: 40, Collected: 38, Cancelled: 1, Late: 3, Remakes: 1, Scrapped: 12, Revenue: revenue}
	return answers{
		days: wire.HistoryDays{Days: []wire.DayFigures{figures}, ReadUntil: at},
		day: wire.HistoryDay{
			Figures:  figures,
			Flavours: []wire.DayFlavour{{Flavour: text, Size: kitchen.SizeL, Pieces: 96, Revenue: revenue, Scrapped: 12}},
			Waste:    []wire.DayWaste{{Stage: kitchen.Bake, Reason: text, Flavour: text, Worker: text, Failures: 1, Pieces: 12}},
			People:   []wire.DayPerson{{Worker: text, Stage: kitchen.Bake, Tickets: 3, Pieces: 36, InHandSeconds: 1200.5, Failures: 1, Scrapped: 12}},
			Hours:    []wire.DayHour{{Hour: 11, Placed: 4, Due: 3, Ready: 2}},
			Late: []wire.LateOrder{
				{OrderID: rememberedOrder, PickupCode: "K7QF", DueAt: at, ReadyAt: at.Add(time.Minute), LateSeconds: 60, Cause: wire.DelayedInQueue, Stage: kitchen.Bake},
				{PickupCode: text, DueAt: at, LateSeconds: 600, Cause: wire.DelayedByDecision}, // its customer was erased
			},
			ReadUntil: at,
		},
		stages: wire.HistoryStages{
			Stages: []wire.StageTimes{{Stage: kitchen.Mix, Tickets: 412, Waited: times, InHand: times}, {Stage: kitchen.Bake}},
			Hours:  []wire.StageHourTimes{{Stage: kitchen.Mix, Weekday: "monday", Hour: 8, Tickets: 12, Waited: times}},
		},
		forecast:   wire.HistoryForecast{Day: figures.Day, Weekday: "thursday", Weeks: 8, Flavours: []wire.FlavourForecast{{Flavour: text, Pieces: 118, Low: 84, High: 160, Ordered: 36}}, ReadUntil: at},
		bottleneck: wire.HistoryBottleneck{At: at, Stage: kitchen.Decorate, Stages: []wire.StageLoad{{Stage: kitchen.Decorate, Waiting: 9, InHand: 1, Asked: 2, OldestWaitingSeconds: seconds, TypicalInHandSeconds: seconds, ClearSeconds: seconds}, {Stage: kitchen.Package}}},
		orders:     wire.HistoryOrders{ReadUntil: at, Orders: []wire.RememberedOrder{{OrderID: rememberedOrder, PickupCode: "K7QF", State: kitchen.StateShipped, Pieces: 12, PlacedAt: at, DueAt: at, ReadyAt: at}}},
		delay: wire.HistoryDelay{OrderID: rememberedOrder, PickupCode: "K7QF", State: kitchen.StateInProgress, WithdrawnAt: at, DueAt: at, LateSeconds: 60, Cause: wire.DelayedInQueue, Stage: kitchen.Bake, ReadUntil: at, Steps: []wire.DelayStep{
			{Stage: kitchen.Mix, Pass: 1, Kind: kitchen.TicketMake, WaitedSeconds: seconds, UsualWaitedSeconds: seconds, InHandSeconds: seconds, UsualInHandSeconds: seconds, ExtraSeconds: -25, AskedSeconds: 7.5, Worker: text},
			{Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake, ExtraSeconds: 40},
		}},
		trace: wire.HistoryTrace{ReadUntil: at, Tickets: []wire.TracedTicket{
			{OrderID: rememberedOrder, PickupCode: text, Customer: text, Stage: kitchen.Bake, Pass: 1, Worker: text, StartedAt: at, EndedAt: at.Add(time.Minute), Flavours: []string{text, "lemon"}, Pieces: 12, State: kitchen.StateShipped, CollectedAt: at.Add(time.Hour)},
			{PickupCode: "M2XY", Stage: kitchen.Bake, Pass: 1, EndedAt: at.Add(time.Minute), Flavours: []string{}, Pieces: 6, State: kitchen.StateInProgress},
		}},
	}
}

// nothing is what a ledger tells that has read nothing.
func nothing() answers {
	return answers{
		days:       wire.HistoryDays{Days: []wire.DayFigures{}},
		day:        wire.HistoryDay{Figures: wire.DayFigures{Day: kitchen.Date{Year: 2026, Month: time.November, Day: 26}, Revenue: []kitchen.Money{}}, Flavours: []wire.DayFlavour{}, Waste: []wire.DayWaste{}, People: []wire.DayPerson{}, Hours: []wire.DayHour{}, Late: []wire.LateOrder{}},
		stages:     wire.HistoryStages{Stages: []wire.StageTimes{}, Hours: []wire.StageHourTimes{}},
		forecast:   wire.HistoryForecast{Day: kitchen.Date{Year: 2026, Month: time.November, Day: 27}, Weekday: "friday", Flavours: []wire.FlavourForecast{}},
		bottleneck: wire.HistoryBottleneck{Stages: []wire.StageLoad{}},
		orders:     wire.HistoryOrders{Orders: []wire.RememberedOrder{}},
		delay:      wire.HistoryDelay{OrderID: rememberedOrder, PickupCode: "K7QF", State: kitchen.StateInProgress, Cause: wire.DelayedByNothing, Steps: []wire.DelayStep{}},
		trace:      wire.HistoryTrace{Tickets: []wire.TracedTicket{}},
	}
}

func newHistoryServer(t *testing.T, history *fakeHistory) *Server {
	t.Helper()
	return newTestServer(t, untouchedTemporal{}, func(c *Config) {
		if history != nil {
			c.History = history
		}
	})
}

// askHistory asks as a manager.
func askHistory(t *testing.T, server *Server, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	request := newRequest(http.MethodGet, "/api/v1/history/"+target, nil, headers...)
	signInAs(server, kitchen.RoleManager, request)
	return do(t, server, request)
}

const bakedInAnHour = "trace?stage=bake&from=2026-11-26T08:00:00Z&to=2026-11-26T09:00:00Z"

// historyOperations has a request for each operation, by its route.
var historyOperations = map[string]string{
	"/api/v1/history/days":              "days",
	"/api/v1/history/days/{day}":        "days/2026-11-26",
	"/api/v1/history/stages":            "stages",
	"/api/v1/history/forecast":          "forecast",
	"/api/v1/history/bottleneck":        "bottleneck",
	"/api/v1/history/orders":            "orders?pickupCode=k7qf",
	"/api/v1/history/orders/{id}/delay": "orders/" + rememberedOrder + "/delay",
	"/api/v1/history/trace":             bakedInAnHour,
}

// historyTables has a request for each table in CSV, with its file's name.
var historyTables = map[string]string{
	"orders?pickupCode=k7qf&format=csv":                              "cupcakery-orders-K7QF.csv",
	"days?from=2026-11-01&to=2026-11-26&format=csv":                  "cupcakery-days-2026-11-01-2026-11-26.csv",
	"days/2026-11-26?format=csv":                                     "cupcakery-day-2026-11-26-flavours.csv",
	"days/2026-11-26?format=csv&table=flavours":                      "cupcakery-day-2026-11-26-flavours.csv",
	"days/2026-11-26?format=csv&table=waste":                         "cupcakery-day-2026-11-26-waste.csv",
	"days/2026-11-26?format=csv&table=people":                        "cupcakery-day-2026-11-26-people.csv",
	"days/2026-11-26?format=csv&table=hours":                         "cupcakery-day-2026-11-26-hours.csv",
	"days/2026-11-26?format=csv&table=late":                          "cupcakery-day-2026-11-26-late.csv",
	"stages?from=2026-11-01&to=2026-11-26&format=csv":                "cupcakery-stages-2026-11-01-2026-11-26.csv",
	"stages?from=2026-11-01&to=2026-11-26&format=csv&table=stages":   "cupcakery-stages-2026-11-01-2026-11-26.csv",
	"stages?from=2026-11-01&to=2026-11-26&format=csv&table=hours":    "cupcakery-stage-hours-2026-11-01-2026-11-26.csv",
	"forecast?day=2026-11-27&format=csv":                             "cupcakery-forecast-2026-11-27.csv",
	"bottleneck?format=csv":                                          "cupcakery-bottleneck.csv",
	"orders/" + rememberedOrder + "/delay?format=csv":                "cupcakery-delay-" + kitchen.PickupCode(rememberedOrder) + ".csv",
	"trace?format=csv&ticket=" + rememberedOrder + ".bake.1":         "cupcakery-trace.csv",
	strings.Replace(bakedInAnHour, "trace?", "trace?format=csv&", 1): "cupcakery-trace.csv",
}

func TestHistoryKeepsTheSpecification(t *testing.T) {
	t.Parallel()
	document := loadSpec(t)
	for path := range document.Paths.Map() {
		if strings.HasPrefix(path, "/api/v1/history/") {
			require.Contains(t, historyOperations, path)
		}
	}
	for name, answers := range map[string]answers{"everything": told("red-velvet"), "nothing": nothing()} {
		server := newHistoryServer(t, &fakeHistory{answers: answers})
		for path, target := range historyOperations {
			recorder := askHistory(t, server, target)
			answer := answerOf[any](t, recorder, http.StatusOK)
			schema := document.Paths.Find(path).Get.Responses.Value("200").Value.Content.Get("application/json").Schema.Value
			require.NoError(t, schema.VisitJSON(answer), "%s: %s", name, path)
			require.Equal(t, "application/json", recorder.Header().Get("Content-Type"))
			require.Equal(t, "no-store", recorder.Header().Get("Cache-Control"))
			require.Equal(t, "Accept", recorder.Header().Get("Vary"))
		}
	}
}

func TestEveryTableOfHistoryIsToBeHadAsAFile(t *testing.T) {
	t.Parallel()
	for name, answers := range map[string]answers{"everything": told("red-velvet"), "nothing": nothing()} {
		server := newHistoryServer(t, &fakeHistory{answers: answers})
		for target, file := range historyTables {
			recorder := askHistory(t, server, target)
			require.Equal(t, http.StatusOK, recorder.Code, recorder.Body.String())
			require.Equal(t, "text/csv; charset=utf-8", recorder.Header().Get("Content-Type"))
			require.Equal(t, "attachment; filename="+file, recorder.Header().Get("Content-Disposition"))
			require.Equal(t, "no-store", recorder.Header().Get("Cache-Control"))
			require.True(t, strings.HasSuffix(recorder.Body.String(), "\r\n"))
			rows, err := csv.NewReader(recorder.Body).ReadAll() // all have as many cells as the first
			require.NoError(t, err, target)
			require.Equal(t, name == "everything", len(rows) > 1, target)
			for _, column := range rows[0] {
				require.Regexp(t, "^[a-z0-9_]+$", column)
			}
		}
	}
}

func TestTablesTellWhatTheAnswerTells(t *testing.T) {
	t.Parallel()
	server := newHistoryServer(t, &fakeHistory{answers: told("red-velvet")})
	for target, want := range map[string]string{
		"days?format=csv":                       "2026-11-26,41,530,40,38,1,0,3,1,12,1612.30,EUR",
		"days/2026-11-26?format=csv":            "red-velvet,L,96,12,1612.30,EUR",
		"days/2026-11-26?format=csv&table=late": rememberedOrder + ",K7QF,2026-11-26T11:00:00Z,2026-11-26T11:01:00Z,60,queue,bake",
		"stages?format=csv":                     "mix,412,95,310.123,95,310.123",
		"stages?format=csv&table=hours":         "mix,monday,8,12,95,310.123,,",
		"bottleneck?format=csv":                 "decorate,9,1,2,12.5,0,0,12.5,0,12.5,true",
		historyOperations["/api/v1/history/orders/{id}/delay"] + "?format=csv": "mix,1,make,12.5,12.5,12.5,12.5,-25,0,0,7.5,red-velvet",
		bakedInAnHour + "&format=csv":                                          ",M2XY,bake,1,,,2026-11-26T11:01:00Z,,6,in-progress,,",
	} {
		require.Contains(t, strings.Split(askHistory(t, server, target).Body.String(), "\r\n"), want)
	}
}

func TestHistoryIsCSVOnlyToWhoeverAsks(t *testing.T) {
	t.Parallel()
	server := newHistoryServer(t, &fakeHistory{answers: told("lemon")})
	for accept, want := range map[string]string{
		"":                                 "application/json",
		"*/*":                              "application/json",
		"application/json":                 "application/json",
		"text/csv":                         "text/csv; charset=utf-8",
		"text/csv, */*;q=0.1":              "text/csv; charset=utf-8",
		"text/csv;q=0.5, application/json": "application/json",
		"text/csv;q=0":                     "application/json",
		"text/html,application/xhtml+xml":  "application/json",
		"application/json;q=0.5, text/csv": "text/csv; charset=utf-8",
	} {
		for _, target := range historyOperations {
			require.Equal(t, want, askHistory(t, server, target, "Accept", accept).Header().Get("Content-Type"), accept)
		}
	}
	require.Equal(t, "application/json", askHistory(t, server, "days?format=json", "Accept", "text/csv").Header().Get("Content-Type"))
}

// hostileCells are texts of which spreadsheets would make a formula.
var hostileCells = []string{
	`=HYPERLINK("http://evil.example","K7QF")`, "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1+1", "  =1+1", "\u00a0=1+1", "＝1+1", "＠x", "a;=1+1", "a\t=1+1", "a\n-1", `a";=1`, "a; =1", "'=1",
}

func TestNoCellOfHistoryIsAFormula(t *testing.T) {
	t.Parallel()
	// Also where a spreadsheet takes a semicolon or a tab for the comma.
	formula := regexp.MustCompile(`(^|[;\t\r\n])[ \x{00A0}]*[=+\-@＝＋－＠]|^[\t\r\n]`)
	bare := strings.NewReplacer("'", "", "\r", "") // what was added, and what the writer leaves out
	for _, text := range hostileCells {
		server := newHistoryServer(t, &fakeHistory{answers: told(text)})
		found := 0
		for target := range historyTables {
			recorder := askHistory(t, server, target)
			rows, err := csv.NewReader(recorder.Body).ReadAll()
			require.NoError(t, err)
			for _, row := range rows {
				for _, cell := range row {
					if _, err := strconv.ParseFloat(cell, 64); err != nil {
						require.False(t, formula.MatchString(cell), "%q of %s", cell, target)
					}
					if bare.Replace(cell) == bare.Replace(text) {
						found++
					}
				}
			}
		}
		require.Positive(t, found, "%q is nowhere in the tables", text)
	}
	for _, harmless := range []string{"Ada", "Björn Åkesson", "O'Brien", "a=b", "a-b", "Smith, J", `say "hi"`, "red-velvet", "ada@example.com", "1+1", "-12.5"} {
		rows, err := csv.NewReader(askHistory(t, newHistoryServer(t, &fakeHistory{answers: told(harmless)}), "forecast?format=csv").Body).ReadAll()
		require.NoError(t, err)
		require.Equal(t, harmless, rows[1][0])
	}
}

func TestATableThatIsCutOffIsRefused(t *testing.T) {
	t.Parallel()
	history := &fakeHistory{answers: told("lemon")}
	history.trace.More = true
	server := newHistoryServer(t, history)
	problem := requireProblem(t, askHistory(t, server, bakedInAnHour+"&format=csv"), wire.ProblemInvalidParameter)
	require.Contains(t, problem.Detail, "more than 1000 tickets")
	require.True(t, answerOf[wire.HistoryTrace](t, askHistory(t, server, bakedInAnHour), http.StatusOK).More)
}

func TestTheLedgerIsAskedForWhatIsMeant(t *testing.T) {
	t.Parallel()
	history := &fakeHistory{answers: nothing()}
	server := newHistoryServer(t, history)
	today := server.kitchen.Opening.DateOf(time.Now())
	from, to := time.Date(2026, 11, 26, 7, 0, 0, 0, time.UTC), time.Date(2026, 11, 26, 8, 30, 0, 0, time.UTC)
	for target, want := range map[string][]any{
		"days":                                 {today.Add(-27).String(), today.String()},
		"days?to=2026-03-01":                   {"2026-02-02", "2026-03-01"},
		"days?from=2025-11-27&to=2026-11-27":   {"2025-11-27", "2026-11-27"}, // 366 days
		"days?from=2026-11-26&to=2026-11-26":   {"2026-11-26", "2026-11-26"},
		"stages?from=2026-11-01&to=2026-11-26": {"2026-11-01", "2026-11-26"},
		"days/2028-02-29":                      {"2028-02-29"},
		"forecast":                             {today.Next().String()},
		"forecast?day=2026-12-24":              {"2026-12-24"},
		"bottleneck":                           nil,
		"orders/" + rememberedOrder + "/delay": {rememberedOrder},
		"trace?stage=bake&from=2026-11-26T08:00:00%2B01:00&to=2026-11-26T08:30:00Z":                        {ledger.Trace{Stage: kitchen.Bake, From: from, To: to}},
		"trace?stage=bake&from=2026-11-26T07:00:00Z&to=2026-11-26T08:30:00Z&flavour=lemon&worker=B%C3%B6b": {ledger.Trace{Stage: kitchen.Bake, From: from, To: to, Flavour: "lemon", Worker: "Böb"}},
		"trace?ticket=" + rememberedOrder + ".bake.2":                                                      {ledger.Trace{Ticket: kitchen.TicketRef{OrderID: rememberedOrder, Stage: kitchen.Bake, Pass: 2, Kind: kitchen.TicketMake}}},
	} {
		require.Equal(t, http.StatusOK, askHistory(t, server, target).Code, target)
		require.Equal(t, want, history.asked, target)
	}
}

func TestWhatHistoryCannotTellIsRefusedWithTheRemedy(t *testing.T) {
	t.Parallel()
	server := newHistoryServer(t, &fakeHistory{err: errors.New("nobody should have asked")})
	today := server.kitchen.Opening.DateOf(time.Now())
	const missing = "missing: give ticket, or stage, from and to"
	for target, places := range map[string]map[string]string{
		"days?from=2026-02-30":                 {"from": "the calendar has no such day"},
		"days?from=2026-13-01&to=yesterday":    {"to": "must be a day of the bakery's calendar"},
		"days?from=2026-13-01&to=2026-00-00":   {"from": "no such day", "to": "no such day"},
		"days?from=2026-11-27&to=2026-11-26":   {"from": "is after to, 2026-11-26: give the earlier day as from"},
		"days?from=" + today.Next().String():   {"from": "is after today, " + today.String()},
		"days?from=2025-11-26&to=2026-11-27":   {"from": "is more than 366 days before to"},
		"days?from=2026-11-26&from=2026-11-26": {"from": "given more than once"},
		"days?format=xml":                      {"format": "use json or csv"},
		"days?table=late":                      {"table": "unknown parameter"},
		"days?day=2026-11-26":                  {"day": "known here are format, from and to"},
		"stages?from=2026-11-27&to=2026-11-26": {"from": "is after to"},
		"stages?table=late":                    {"table": "use stages or hours"},
		"days/today":                           {"day": "such as 2026-11-26"},
		"days/2026-02-29":                      {"day": "the calendar has no such day"},
		"days/2026-11-26?table=figures":        {"table": "use flavours, waste, people, hours or late"},
		"forecast?day=2026-06-31":              {"day": "the calendar has no such day"},
		"bottleneck?stage=bake":                {"stage": "unknown parameter"},
		"orders/K7QF/delay":                    {"id": "must be the order's id"},
		"trace":                                {"stage": missing, "from": missing, "to": missing},
		"trace?stage=bake":                     {"from": missing, "to": missing},
		"trace?stage=boil&from=2026-11-26T08:00:00Z&to=2026-11-26T09:00:00Z":   {"stage": "use mix, bake, decorate or package"},
		"trace?stage=bake&from=2026-11-26&to=2026-11-26T09:00:00Z":             {"from": "must be a time with its zone"},
		"trace?stage=bake&from=2026-02-30T08:00:00Z&to=2026-11-26T09:00:00Z":   {"from": "the calendar has no such time"},
		"trace?stage=bake&from=2026-11-26T09:00:00Z&to=2026-11-26T09:00:00Z":   {"from": "is not before to"},
		"trace?stage=bake&from=2026-10-01T09:00:00Z&to=2026-11-26T09:00:00Z":   {"from": "is more than 31 days before to"},
		bakedInAnHour + "&flavour=":                                            {"flavour": "must have 1 to 64 characters"},
		bakedInAnHour + "&worker=%00":                                          {"worker": "not text"},
		"trace?ticket=" + rememberedOrder:                                      {"ticket": "is no ticket's id"},
		"trace?ticket=" + rememberedOrder + ".boil.1":                          {"ticket": "is no ticket's id"},
		"trace?ticket=" + rememberedOrder + ".bake.1.undo":                     {"ticket": "is an undo ticket"},
		"trace?ticket=" + rememberedOrder + ".bake.1&stage=bake&flavour=lemon": {"stage": "cannot be given with ticket", "flavour": "cannot be given with ticket"},
	} {
		problem := requireProblem(t, askHistory(t, server, target), wire.ProblemInvalidParameter)
		require.Len(t, problem.Errors, max(len(places), 1), target)
		for place, detail := range places {
			require.True(t, slices.ContainsFunc(problem.Errors, func(fault wire.FieldError) bool {
				return fault.Parameter == place && strings.Contains(fault.Detail, detail)
			}), "%s: %+v", target, problem.Errors)
		}
	}
}

func TestWithoutALedgerHistoryNamesTheRemedy(t *testing.T) {
	t.Parallel()
	server := newHistoryServer(t, nil)
	for _, target := range historyOperations {
		problem := requireProblem(t, askHistory(t, server, target), wire.ProblemNoLedger)
		require.Contains(t, problem.Detail, "--ledger-database")
	}
}

func TestSessionsTellWhetherThereIsHistory(t *testing.T) {
	t.Parallel()
	for _, server := range []*Server{newHistoryServer(t, nil), newHistoryServer(t, &fakeHistory{})} {
		request := newRequest(http.MethodGet, sessionPath, nil)
		signInAs(server, kitchen.RoleManager, request)
		require.Equal(t, server.reports.history != nil, answerOf[wire.Session](t, do(t, server, request), http.StatusOK).HasHistory)
	}
}

func TestAnOrderThatTheLedgerDoesNotKnowIsNotFound(t *testing.T) {
	t.Parallel()
	server := newHistoryServer(t, &fakeHistory{})
	problem := requireProblem(t, askHistory(t, server, "orders/"+unknownOrder+"/delay"), wire.ProblemOrderNotFound)
	require.Contains(t, problem.Detail, "The ledger knows no order with this id")
}

func TestWhileTheLedgerIsAwayOnlyHistoryIs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		detail string
	}{
		"away":    {&ledger.AwayError{Err: errors.New("dial tcp 10.0.0.7:5432")}, "The ledger's database did not answer in time: ask again in 2 seconds."},
		"refused": {&ledger.RefusedError{Err: errors.New("password authentication failed for 10.0.0.7")}, "The ledger's database does not let this server read."},
		"empty":   {&ledger.SchemaError{Wants: 2}, "run `cupcakery ledger migrate`"},
		"older":   {&ledger.SchemaError{Has: 1, Wants: 2}, "run `cupcakery ledger migrate`"},
		"newer":   {&ledger.SchemaError{Has: 3, Wants: 2}, "use a newer build"},
		"slow":    {context.DeadlineExceeded, "Ask again in 2 seconds."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newHistoryServer(t, &fakeHistory{err: fmt.Errorf("read days: %w", c.err)})
			for _, target := range historyOperations {
				recorder := askHistory(t, server, target, "Accept", "text/csv")
				problem := requireProblem(t, recorder, wire.ProblemUnavailable)
				require.Equal(t, "2", recorder.Header().Get("Retry-After"))
				require.Contains(t, problem.Detail, c.detail)
				require.NotContains(t, recorder.Body.String(), "10.0.0.7")
			}
			require.Equal(t, http.StatusOK, do(t, server, newRequest(http.MethodGet, "/api/v1/menu", nil)).Code)
		})
	}
}

// reader is a history whose reports are read until the test lets them go on.
func reader() (history *fakeHistory, reading, goOn chan struct{}) {
	reading, goOn = make(chan struct{}), make(chan struct{})
	return &fakeHistory{answers: nothing(), enter: func(context.Context) {
		reading <- struct{}{}
		<-goOn
	}}, reading, goOn
}

func TestFewReportsAreReadAtATime(t *testing.T) {
	t.Parallel()
	history, reading, goOn := reader()
	server := newHistoryServer(t, history)
	answered := make(chan int)
	ask := func() { answered <- askHistory(t, server, "days").Code }
	for range reportsAtOnce {
		go ask()
		<-reading
	}
	// One more waits until another has ended.
	go ask()
	select {
	case <-reading:
		require.Fail(t, "it was read beside the others")
	case goOn <- struct{}{}:
	}
	require.Equal(t, http.StatusOK, <-answered)
	<-reading
	// But no longer than its turn may take.
	server.reports.turnWithin = time.Millisecond
	recorder := askHistory(t, server, "bottleneck")
	problem := requireProblem(t, recorder, wire.ProblemUnavailable)
	require.Contains(t, problem.Detail, "only 2 are read at a time")
	require.Equal(t, "2", recorder.Header().Get("Retry-After"))
	for range reportsAtOnce {
		goOn <- struct{}{}
		require.Equal(t, http.StatusOK, <-answered)
	}
}

func TestAReportHasATimeLimit(t *testing.T) {
	t.Parallel()
	var limited bool
	server := newHistoryServer(t, &fakeHistory{answers: nothing(), enter: func(ctx context.Context) { _, limited = ctx.Deadline() }})
	require.Equal(t, http.StatusOK, askHistory(t, server, "days").Code)
	require.True(t, limited)
}
