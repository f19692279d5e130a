package ledger

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// aroundWhichDays are days on which clocks do something, and one on which they do not.
var aroundWhichDays = []struct{ zone, day string }{
	{"UTC", "2025-01-15"},
	{"Europe/Berlin", "2024-10-27"},       // 25 hours
	{"Europe/Berlin", "2025-03-30"},       // 23 hours
	{"America/Havana", "2024-11-03"},      // midnight comes twice
	{"America/Havana", "2025-03-09"},      // there is no midnight
	{"Africa/Cairo", "2024-10-31"},        // the last hour comes twice
	{"Australia/Lord_Howe", "2025-04-06"}, // half an hour more
	{"Pacific/Apia", "2011-12-30"},        // there is no such day
	{"Asia/Kathmandu", "2024-12-31"},      // 5:45
}

func TestReportsAreWhatTheRowsSay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "UTC")
	rapid.Check(t, func(t *rapid.T) {
		place := rapid.SampledFrom(aroundWhichDays).Draw(t, "place")
		zone, err := time.LoadLocation(place.zone)
		require.NoError(t, err)
		middle, err := kitchen.ParseDate(place.day)
		require.NoError(t, err)
		g := generator{t: t, zone: zone, middle: middle}
		m := &model{zone: zone, orders: make(map[string]folded), personal: make(map[string]personalOf)}
		var ids []string
		for i := range rapid.IntRange(0, 8).Draw(t, "orders") {
			id := testOrderID(i)
			ids = append(ids, id)
			m.orders[kitchen.OrderKey(id)] = g.order()
			if rapid.IntRange(0, 3).Draw(t, "erased") > 0 {
				m.personal[kitchen.OrderKey(id)] = personalOf{id, "Ada " + strconv.Itoa(i)}
			}
		}
		ctx := context.Background()
		_, err = w.store.pool.Exec(ctx, "UPDATE bakery SET time_zone = $1", place.zone)
		require.NoError(t, err)
		require.NoError(t, w.write(ctx, m.orders, m.personal))
		m.now = time.Now()

		first, last := middle.Add(-2), middle.Add(2)
		days, err := w.reports.Days(ctx, first, last)
		require.NoError(t, err)
		var figures []wire.DayFigures
		for day := first; !day.After(last); day = day.Next() {
			figures = append(figures, m.figures(day))
		}
		require.Equal(t, figures, days.Days)

		for _, day := range []kitchen.Date{middle, middle.Add(rapid.IntRange(-3, 3).Draw(t, "day"))} {
			checkDay(t, w.reports, m, day)
		}
		stages, err := w.reports.Stages(ctx, first, middle)
		require.NoError(t, err)
		require.Equal(t, m.stages(first, middle), stages)
		forecast, err := w.reports.Forecast(ctx, middle.Add(7))
		require.NoError(t, err)
		expected := m.forecast(middle.Add(7))
		require.ElementsMatch(t, expected.Flavours, forecast.Flavours)
		require.True(t, slices.IsSortedFunc(forecast.Flavours, func(x, y wire.FlavourForecast) int { return y.Pieces - x.Pieces }))
		expected.Flavours = forecast.Flavours
		require.Equal(t, expected, forecast)
		if len(ids) > 0 { // the day above has the causes of all
			checkDelay(t, w.reports, m, rapid.SampledFrom(ids).Draw(t, "delay of"))
		}
		checkTraces(t, w.reports, m, ids, middle)
	})
}

// soon is how far apart "now" may be for the reports and the model.
const soon = 120.0

func checkDay(t *rapid.T, reports *Reports, m *model, day kitchen.Date) {
	told, err := reports.Day(context.Background(), day)
	require.NoError(t, err)
	require.Equal(t, m.figures(day), told.Figures)
	require.ElementsMatch(t, m.flavours(day), told.Flavours)
	require.True(t, slices.IsSortedFunc(told.Flavours, func(x, y wire.DayFlavour) int { return y.Pieces - x.Pieces }))
	require.ElementsMatch(t, m.waste(day), told.Waste)
	require.True(t, slices.IsSortedFunc(told.Waste, func(x, y wire.DayWaste) int { return y.Pieces - x.Pieces }))
	require.Equal(t, m.hours(day), told.Hours)

	people := m.people(day)
	require.Len(t, told.People, len(people))
	for _, person := range people {
		i := slices.IndexFunc(told.People, func(p wire.DayPerson) bool { return p.Worker == person.Worker && p.Stage == person.Stage })
		require.GreaterOrEqual(t, i, 0, "%+v", person)
		require.InDelta(t, person.InHandSeconds, told.People[i].InHandSeconds, 1e-3)
		person.InHandSeconds = told.People[i].InHandSeconds
		require.Equal(t, person, told.People[i])
	}

	late := m.lateOrders(day)
	require.Len(t, told.Late, len(late))
	slices.SortFunc(late, compareLate)
	slices.SortFunc(told.Late, compareLate)
	for i, order := range late {
		require.InDelta(t, order.LateSeconds, told.Late[i].LateSeconds, soon)
		order.LateSeconds = told.Late[i].LateSeconds
		require.Equal(t, order, told.Late[i])
	}
}

func compareLate(x, y wire.LateOrder) int {
	for _, by := range []int{x.DueAt.Compare(y.DueAt), x.ReadyAt.Compare(y.ReadyAt), compareTexts(x.PickupCode, y.PickupCode)} {
		if by != 0 {
			return by
		}
	}
	return 0
}

func compareTexts(x, y string) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

func checkDelay(t *rapid.T, reports *Reports, m *model, id string) {
	told, err := reports.Delay(context.Background(), id)
	require.NoError(t, err)
	of := m.orders[kitchen.OrderKey(id)]
	cause, stage, lost := m.cause(of)
	require.Equal(t, cause, told.Cause, "%v of %v", lost, told.LateSeconds)
	require.Equal(t, stage, told.Stage, cause)
	require.InDelta(t, m.late(of.order), told.LateSeconds, soon)
	require.InDelta(t, m.allAsked(of), told.DecisionSeconds, soon)
	require.Equal(t, of.order.pickupCode, told.PickupCode)
	require.Equal(t, of.order.state, told.State)
	require.Equal(t, inUTC(of.order.withdrawnAt), told.WithdrawnAt)
	require.Equal(t, inUTC(of.order.dueAt), told.DueAt)
	require.Equal(t, inUTC(of.order.readyAt), told.ReadyAt)
	steps := m.steps(of)
	require.Len(t, told.Steps, len(steps))
	for i, step := range steps {
		was := told.Steps[i]
		requireNear(t, step.WaitedSeconds, was.WaitedSeconds)
		requireNear(t, step.InHandSeconds, was.InHandSeconds)
		require.InDelta(t, step.ExtraSeconds, was.ExtraSeconds, soon)
		require.InDelta(t, step.SilentSeconds, was.SilentSeconds, soon)
		require.InDelta(t, step.AskedSeconds, was.AskedSeconds, soon)
		step.WaitedSeconds, step.InHandSeconds, step.ExtraSeconds, step.SilentSeconds, step.AskedSeconds = was.WaitedSeconds, was.InHandSeconds, was.ExtraSeconds, was.SilentSeconds, was.AskedSeconds
		require.Equal(t, step.DelayStep, was)
	}
}

func requireNear(t *rapid.T, expected, actual *float64) {
	require.Equal(t, expected == nil, actual == nil)
	if expected != nil {
		require.InDelta(t, *expected, *actual, soon)
	}
}

func checkTraces(t *rapid.T, reports *Reports, m *model, ids []string, middle kitchen.Date) {
	ctx := context.Background()
	what := Trace{
		Stage:   rapid.SampledFrom(kitchen.Stages()).Draw(t, "traced stage"),
		Flavour: rapid.SampledFrom([]string{"", "lemon"}).Draw(t, "traced flavour"),
		Worker:  rapid.SampledFrom([]string{"", "bob"}).Draw(t, "traced worker"),
	}
	what.From = time.Date(middle.Year, middle.Month, middle.Day, 0, 0, 0, 0, m.zone)
	what.To = what.From.Add(24 * time.Hour)
	told, err := reports.Trace(ctx, what)
	require.NoError(t, err)
	require.Equal(t, m.traced(func(_ string, of folded, ticket ticketRow) bool {
		hasFlavour := slices.ContainsFunc(of.lines, func(line lineRow) bool { return line.of.Flavour == what.Flavour })
		return ticket.ref.Stage == what.Stage && !ticket.ended.Before(what.From) && ticket.ended.Before(what.To) &&
			(what.Flavour == "" || hasFlavour) && (what.Worker == "" || ticket.worker == what.Worker)
	}), told.Tickets)
	require.False(t, told.More)
	if len(ids) == 0 {
		return
	}
	id := rapid.SampledFrom(ids).Draw(t, "tray of")
	ref := kitchen.TicketRef{OrderID: id, Stage: what.Stage, Pass: 1, Kind: kitchen.TicketMake}
	tray, err := reports.Trace(ctx, Trace{Ticket: ref})
	require.NoError(t, err)
	require.Equal(t, m.tray(kitchen.OrderKey(id), ref.ActivityID()), tray.Tickets)
}

// generator makes rows, also such as no fold would.
type generator struct {
	t      *rapid.T
	zone   *time.Location
	middle kitchen.Date
}

func (g *generator) number(least, most int) int {
	return rapid.IntRange(least, most).Draw(g.t, "number")
}

func (g *generator) sometimes() bool { return g.number(0, 3) == 0 }

// instant is near the middle, often where a day or an hour begins.
func (g *generator) instant() time.Time {
	day := g.middle.Add(g.number(-3, 3))
	midnight := time.Date(day.Year, day.Month, day.Day, 0, 0, 0, 0, g.zone)
	switch g.number(0, 3) {
	case 0:
		return midnight.Add(time.Duration(g.number(-2, 2)) * time.Hour)
	case 1:
		return midnight.Add(time.Duration(g.number(-2, 2)) * time.Microsecond)
	}
	return midnight.Add(time.Duration(g.number(0, 24*60*60)) * time.Second)
}

func (g *generator) maybe(at time.Time) *time.Time {
	if g.sometimes() {
		return nil
	}
	return &at
}

func (g *generator) order() folded {
	placed := g.instant()
	o := &orderRow{
		pickupCode: rapid.StringMatching(`[A-Z0-9]{4}`).Draw(g.t, "code"), state: rapid.SampledFrom(kitchen.OrderStates()).Draw(g.t, "state"), route: kitchen.Stages(),
		first: placed, last: placed, placedAt: g.maybe(placed), dueAt: g.maybe(g.instant()), pieces: g.number(1, 24),
		remakes: g.number(0, 2), complete: true,
	}
	if o.state == kitchen.StateShipped {
		o.readyAt = g.maybe(g.instant())
		if g.sometimes() {
			o.collectedAt = new(g.instant())
		}
	}
	switch {
	case o.state == kitchen.StateCancelled:
		o.cancelledAt = &placed
	case !o.state.IsFinal() && g.sometimes():
		o.withdrawnAt = &placed
	}
	if !g.sometimes() {
		o.total = &kitchen.Money{Currency: "EUR", Decimals: 2, Amount: int64(g.number(0, 10_000))}
		if g.sometimes() {
			o.total.Currency, o.total.Decimals = "JPY", 0
		}
	}
	of := folded{order: o}
	for line := range g.number(0, 3) {
		row := lineRow{line: line + 1, of: kitchen.Line{
			Flavour: rapid.SampledFrom([]string{"lemon", "red-velvet"}).Draw(g.t, "flavour"), Size: rapid.SampledFrom(kitchen.Sizes()[:2]).Draw(g.t, "size"), Quantity: g.number(1, 12),
		}}
		if !g.sometimes() {
			row.price = new(int64(g.number(0, 500)))
		}
		of.lines = append(of.lines, row)
	}
	for pass := range g.number(0, 2) {
		pass++
		for _, stage := range kitchen.Stages() {
			if g.sometimes() {
				continue
			}
			g.ticket(&of, kitchen.TicketRef{Stage: stage, Pass: pass, Kind: kitchen.TicketMake})
			if g.number(0, 5) == 0 {
				g.ticket(&of, kitchen.TicketRef{Stage: stage, Pass: pass, Kind: kitchen.TicketUndo})
			}
			if g.number(0, 5) == 0 {
				of.undone = append(of.undone, undoneRow{stage: stage, pass: pass, state: rapid.SampledFrom([]kitchen.TicketState{kitchen.TicketUndone, kitchen.TicketWaiting}).Draw(g.t, "undone")})
			}
		}
	}
	return of
}

func (g *generator) ticket(of *folded, ref kitchen.TicketRef) {
	id, workers := ref.ActivityID(), []string{"bob", "mia"}
	worker := rapid.SampledFrom(workers).Draw(g.t, "worker")
	issued := g.instant()
	row := ticketRow{ref: ref, pieces: g.number(1, 24), issued: g.maybe(issued), attempts: 1, failures: g.number(0, 2)}
	started := issued.Add(time.Duration(g.number(0, 1000)) * time.Second)
	ended := started.Add(time.Duration(g.number(-5, 2000)) * time.Second)
	if g.sometimes() { // on one tray with others
		day := g.middle
		ended = time.Date(day.Year, day.Month, day.Day, 12, 0, g.number(0, 6), 0, g.zone)
		started = ended.Add(-time.Minute)
	}
	switch g.number(0, 5) {
	case 0:
		row.state, row.isOpen = kitchen.TicketWaiting, !g.sometimes()
	case 1:
		row.state, row.isOpen, row.started, row.worker = kitchen.TicketStarted, !g.sometimes(), &started, worker
	case 2:
		row.state, row.isOpen = kitchen.TicketFailed, !g.sometimes()
	default:
		row.state, row.started, row.ended, row.worker = kitchen.TicketDone, g.maybe(started), &ended, worker
		if ref.Kind == kitchen.TicketUndo || g.sometimes() { // undone later
			row.state = kitchen.TicketUndone
		}
	}
	row.waited = between(row.issued, row.started)
	if row.ended != nil {
		row.inHand = between(row.started, row.ended)
	}
	of.tickets = append(of.tickets, row)
	g.attempts(of, id, issued, started, worker)
	failures := g.number(0, 1)
	for failure := range failures {
		g.failure(of, ref, failure+1, worker)
	}
	if g.number(0, 3) == 0 {
		g.question(of, ref)
	}
	if ref.Kind == kitchen.TicketUndo && g.sometimes() {
		of.waste = append(of.waste, wasteRow{
			ticket: id, waste: failures + 1, line: 1, stage: ref.Stage, of: kitchen.Line{Flavour: "lemon", Size: kitchen.SizeS}, pieces: g.number(1, 6), reason: "undone", worker: worker, at: g.instant(),
		})
	}
}

func (g *generator) attempts(of *folded, id string, issued, started time.Time, worker string) {
	const within = 600 * time.Second
	at := issued
	for before := range g.number(1, 3) {
		row := attemptRow{ticket: id, attempt: before + 1, issued: at}
		if !g.sometimes() {
			row.ackBy = new(at.Add(within))
		}
		of.attempts = append(of.attempts, row)
		at = at.Add(within * time.Duration(g.number(1, 4)))
	}
	from := started
	for before := range g.number(0, 2) {
		row := holdRow{ticket: id, hold: before + 1, worker: worker, from: from}
		if before > 0 || !g.sometimes() {
			row.until = new(from.Add(time.Duration(g.number(0, 3000)) * time.Second))
			row.ended = rapid.SampledFrom([]string{"done", "failed", "released", "taken over"}).Draw(g.t, "how a hold ended")
			from = *row.until
		}
		of.holds = append(of.holds, row)
	}
}

func (g *generator) failure(of *folded, ref kitchen.TicketRef, number int, worker string) {
	row := failureRow{ticket: ref.ActivityID(), failure: number, stage: ref.Stage, at: g.instant(), worker: worker, reason: rapid.SampledFrom([]string{"burnt", "other"}).Draw(g.t, "reason")}
	for line := range g.number(0, 2) {
		pieces := g.number(1, 6)
		row.scrapped += pieces
		of.waste = append(of.waste, wasteRow{
			ticket: row.ticket, waste: number, line: line + 1, stage: ref.Stage, reason: row.reason, worker: worker, at: row.at, pieces: pieces,
			of: kitchen.Line{Flavour: rapid.SampledFrom([]string{"lemon", "red-velvet"}).Draw(g.t, "flavour"), Size: kitchen.SizeM},
		})
	}
	of.failures = append(of.failures, row)
}

func (g *generator) question(of *folded, ref kitchen.TicketRef) {
	row := questionRow{asked: g.instant(), stage: ref.Stage, pass: ref.Pass, undoing: ref.Kind == kitchen.TicketUndo, cause: kitchen.CauseFailed}
	if slices.ContainsFunc(of.questions, func(other questionRow) bool { return other.asked.Equal(row.asked) }) {
		return
	}
	if !g.sometimes() {
		row.closed = new(row.asked.Add(time.Duration(g.number(0, 2000)) * time.Second))
		row.choice = rapid.SampledFrom(kitchen.Choices()).Draw(g.t, "choice")
	}
	of.questions = append(of.questions, row)
}
