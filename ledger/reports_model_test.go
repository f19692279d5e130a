package ledger

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// model computes the reports from the same rows in plain Go, one order after the other.
type model struct {
	zone     *time.Location
	orders   map[string]folded
	personal map[string]personalOf
	now      time.Time
}

func (m *model) on(at *time.Time, day kitchen.Date) bool {
	return at != nil && kitchen.DateIn(*at, m.zone) == day
}

func (m *model) dayOf(o *orderRow) kitchen.Date {
	return kitchen.DateIn(*cmp.Or(o.dueAt, o.placedAt, &o.first), m.zone)
}

// each calls do with every order, by key.
func (m *model) each(do func(key string, of folded)) {
	var keys []string
	for key := range m.orders {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		do(key, m.orders[key])
	}
}

func isCancelled(o *orderRow) bool {
	return o.state == kitchen.StateCancelled || o.state == kitchen.StateCancelling
}

func (m *model) late(o *orderRow) float64 {
	switch {
	case isCancelled(o) || o.withdrawnAt != nil || o.dueAt == nil:
		return 0
	case o.readyAt != nil:
		return max(0, o.readyAt.Sub(*o.dueAt).Seconds())
	case o.state == kitchen.StateShipped:
		return 0
	}
	return max(0, m.now.Sub(*o.dueAt).Seconds())
}

func addMoney(to []wire.Money, more wire.Money) []wire.Money {
	for i := range to {
		if to[i].Currency == more.Currency && to[i].Decimals == more.Decimals {
			to[i].Amount += more.Amount
			return to
		}
	}
	to = append(to, more)
	slices.SortFunc(to, func(x, y wire.Money) int { return cmp.Compare(x.Currency, y.Currency) })
	return to
}

func (m *model) figures(day kitchen.Date) wire.DayFigures {
	f := wire.DayFigures{Day: day, Revenue: []wire.Money{}}
	m.each(func(_ string, of folded) {
		for _, w := range of.waste {
			if m.on(&w.at, day) {
				f.Scrapped += w.pieces
			}
		}
		o := of.order
		if m.dayOf(o) != day {
			return
		}
		f.Orders++
		f.Remakes += o.remakes
		if !isCancelled(o) {
			f.Pieces += o.pieces
		}
		switch {
		case isCancelled(o):
			f.Cancelled++
		case o.state == kitchen.StateShipped:
			f.Ready++
		case o.withdrawnAt == nil:
			f.Open++
		}
		if o.collectedAt != nil {
			f.Collected++
		}
		if m.late(o) > 0 {
			f.Late++
		}
		if o.state == kitchen.StateShipped && o.total != nil {
			f.Revenue = addMoney(f.Revenue, *o.total)
		}
	})
	return f
}

func (m *model) flavours(day kitchen.Date) []wire.DayFlavour {
	all := []wire.DayFlavour{}
	find := func(flavour string, size kitchen.Size) *wire.DayFlavour {
		for i := range all {
			if all[i].Flavour == flavour && all[i].Size == size {
				return &all[i]
			}
		}
		all = append(all, wire.DayFlavour{Flavour: flavour, Size: size, Revenue: []wire.Money{}})
		return &all[len(all)-1]
	}
	m.each(func(_ string, of folded) {
		for _, w := range of.waste {
			if m.on(&w.at, day) {
				find(w.of.Flavour, w.of.Size).Scrapped += w.pieces
			}
		}
		if m.dayOf(of.order) != day || isCancelled(of.order) {
			return
		}
		for _, line := range of.lines {
			f := find(line.of.Flavour, line.of.Size)
			f.Pieces += line.of.Quantity
			if total := of.order.total; total != nil && of.order.state == kitchen.StateShipped && line.price != nil {
				f.Revenue = addMoney(f.Revenue, wire.Money{Currency: total.Currency, Decimals: total.Decimals, Amount: *line.price * int64(line.of.Quantity)})
			}
		}
	})
	return all
}

func (m *model) waste(day kitchen.Date) []wire.DayWaste {
	all := []wire.DayWaste{}
	find := func(stage kitchen.Stage, reason, flavour, worker string) *wire.DayWaste {
		for i, w := range all {
			if w.Stage == stage && w.Reason == reason && w.Flavour == flavour && w.Worker == worker {
				return &all[i]
			}
		}
		all = append(all, wire.DayWaste{Stage: stage, Reason: reason, Flavour: flavour, Worker: worker})
		return &all[len(all)-1]
	}
	m.each(func(_ string, of folded) {
		// A failure counts once, for the first line that it has cost something.
		first := func(w wasteRow) bool {
			return !slices.ContainsFunc(of.waste, func(x wasteRow) bool { return x.ticket == w.ticket && x.waste == w.waste && x.line < w.line })
		}
		for _, w := range of.waste {
			if !m.on(&w.at, day) {
				continue
			}
			row := find(w.stage, w.reason, w.of.Flavour, w.worker)
			row.Pieces += w.pieces
			isFailure := slices.ContainsFunc(of.failures, func(f failureRow) bool { return f.ticket == w.ticket && f.failure == w.waste })
			if isFailure && first(w) {
				row.Failures++
			}
		}
		for _, f := range of.failures {
			hasCost := slices.ContainsFunc(of.waste, func(w wasteRow) bool { return w.ticket == f.ticket && w.waste == f.failure })
			if m.on(&f.at, day) && !hasCost {
				find(f.stage, f.reason, "", f.worker).Failures++
			}
		}
	})
	return all
}

// isMade reports whether a ticket's work was done, and not undone.
func isMade(of folded, ticket ticketRow) bool {
	wasUndone := func(u undoneRow) bool {
		return u.stage == ticket.ref.Stage && u.pass == ticket.ref.Pass && u.state == kitchen.TicketUndone
	}
	return ticket.ref.Kind == kitchen.TicketMake && ticket.state == kitchen.TicketDone && !slices.ContainsFunc(of.undone, wasUndone)
}

func (m *model) people(day kitchen.Date) []wire.DayPerson {
	all := []wire.DayPerson{}
	type span struct{ from, until time.Time }
	busy := make(map[[2]string][]span)
	find := func(worker string, stage kitchen.Stage) *wire.DayPerson {
		for i := range all {
			if all[i].Worker == worker && all[i].Stage == stage {
				return &all[i]
			}
		}
		all = append(all, wire.DayPerson{Worker: worker, Stage: stage})
		return &all[len(all)-1]
	}
	m.each(func(_ string, of folded) {
		for _, ticket := range of.tickets {
			if !isMade(of, ticket) || !m.on(ticket.ended, day) {
				continue
			}
			person := find(ticket.worker, ticket.ref.Stage)
			person.Tickets++
			person.Pieces += ticket.pieces
			if ticket.started != nil && ticket.started.Before(*ticket.ended) {
				who := [2]string{ticket.worker, string(ticket.ref.Stage)}
				busy[who] = append(busy[who], span{*ticket.started, *ticket.ended})
			}
		}
		for _, f := range of.failures {
			if m.on(&f.at, day) {
				person := find(f.worker, f.stage)
				person.Failures++
				person.Scrapped += f.scrapped
			}
		}
	})
	for i := range all {
		// Between two moments at which something begins or ends, they have something in
		// hand or nothing.
		spans := busy[[2]string{all[i].Worker, string(all[i].Stage)}]
		var moments []time.Time
		for _, s := range spans {
			moments = append(moments, s.from, s.until)
		}
		slices.SortFunc(moments, time.Time.Compare)
		for at := 1; at < len(moments); at++ {
			if slices.ContainsFunc(spans, func(s span) bool { return !s.from.After(moments[at-1]) && !s.until.Before(moments[at]) }) {
				all[i].InHandSeconds += moments[at].Sub(moments[at-1]).Seconds()
			}
		}
	}
	return all
}

func (m *model) hours(day kitchen.Date) []wire.DayHour {
	var each [24]wire.DayHour
	count := func(at *time.Time, add func(*wire.DayHour)) {
		if m.on(at, day) {
			add(&each[at.In(m.zone).Hour()])
		}
	}
	m.each(func(_ string, of folded) {
		count(of.order.placedAt, func(h *wire.DayHour) { h.Placed++ })
		count(of.order.readyAt, func(h *wire.DayHour) { h.Ready++ })
		if !isCancelled(of.order) {
			count(of.order.dueAt, func(h *wire.DayHour) { h.Due++ })
		}
	})
	hours := []wire.DayHour{}
	for i, h := range each {
		if h != (wire.DayHour{}) {
			h.Hour = i
			hours = append(hours, h)
		}
	}
	return hours
}

// quantile is the least value that this part of all does not exceed.
func quantileOf(values []float64, part float64) *float64 {
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	return new(values[int(math.Ceil(part*float64(len(values))))-1])
}

func known(values ...*float64) (all []float64) {
	for _, value := range values {
		if value != nil {
			all = append(all, *value)
		}
	}
	return all
}

// done are the make tickets that were done, also if they were undone later, and fit.
func (m *model) done(fits func(ticketRow) bool) (waited, inHand []float64, tickets int) {
	m.each(func(_ string, of folded) {
		for _, ticket := range of.tickets {
			if ticket.ref.Kind == kitchen.TicketMake && ticket.ended != nil && fits(ticket) {
				tickets++
				waited, inHand = append(waited, known(ticket.waited)...), append(inHand, known(ticket.inHand)...)
			}
		}
	})
	return waited, inHand, tickets
}

func quantilesOf(values []float64) *wire.Quantiles {
	if len(values) == 0 {
		return nil
	}
	return &wire.Quantiles{P50: *quantileOf(values, 0.5), P90: *quantileOf(values, 0.9)}
}

func (m *model) stages(first, last kitchen.Date) wire.HistoryStages {
	told := wire.HistoryStages{Hours: []wire.StageHourTimes{}}
	isIn := func(ticket ticketRow) bool {
		day := kitchen.DateIn(*ticket.ended, m.zone)
		return !first.After(day) && !day.After(last)
	}
	for _, stage := range kitchen.Stages() {
		waited, inHand, tickets := m.done(func(ticket ticketRow) bool { return ticket.ref.Stage == stage && isIn(ticket) })
		told.Stages = append(told.Stages, wire.StageTimes{Stage: stage, Tickets: tickets, Waited: quantilesOf(waited), InHand: quantilesOf(inHand)})
		for weekday := 1; weekday <= 7; weekday++ {
			for hour := range 24 {
				waited, inHand, tickets := m.done(func(ticket ticketRow) bool {
					local := ticket.ended.In(m.zone)
					return ticket.ref.Stage == stage && isIn(ticket) && int(local.Weekday()) == weekday%7 && local.Hour() == hour
				})
				if tickets > 0 {
					told.Hours = append(told.Hours, wire.StageHourTimes{
						Stage: stage, Weekday: kitchen.Weekdays()[weekday%7], Hour: hour, Tickets: tickets, Waited: quantilesOf(waited), InHand: quantilesOf(inHand),
					})
				}
			}
		}
	}
	return told
}

func (m *model) forecast(day kitchen.Date) wire.HistoryForecast {
	told := wire.HistoryForecast{Day: day, Weekday: kitchen.Weekdays()[day.Weekday()], Flavours: []wire.FlavourForecast{}}
	pieces := func(day kitchen.Date) map[string]int {
		of := make(map[string]int)
		for _, flavour := range m.flavours(day) {
			if flavour.Pieces > 0 {
				of[flavour.Flavour] += flavour.Pieces
			}
		}
		return of
	}
	var past []map[string]int
	for back := 1; back <= 8; back++ {
		if of := pieces(day.Add(-7 * back)); len(of) > 0 {
			past = append(past, of)
		}
	}
	ordered := pieces(day)
	var flavours []string
	for _, of := range append(slices.Clone(past), ordered) {
		for flavour := range of {
			if !slices.Contains(flavours, flavour) {
				flavours = append(flavours, flavour)
			}
		}
	}
	for _, flavour := range flavours {
		f := wire.FlavourForecast{Flavour: flavour, Ordered: ordered[flavour]}
		sum := 0
		for i, of := range past {
			sum += of[flavour]
			f.High = max(f.High, of[flavour])
			if i == 0 || of[flavour] < f.Low {
				f.Low = of[flavour]
			}
		}
		if len(past) > 0 {
			f.Pieces = (2*sum + len(past)) / (2 * len(past)) // half is rounded up
		}
		told.Flavours = append(told.Flavours, f)
	}
	if len(flavours) > 0 {
		told.Weeks = len(past)
	}
	return told
}

// usual is what is usual at a stage on a day.
func (m *model) usual(stage kitchen.Stage, day kitchen.Date) (waited, inHand *float64) {
	among := func(isToo func(kitchen.Date) bool) (w, h []float64, tickets int) {
		return m.done(func(ticket ticketRow) bool {
			ended := kitchen.DateIn(*ticket.ended, m.zone)
			return ticket.ref.Stage == stage && !ended.After(day) && ended.After(day.Add(-28)) && isToo(ended)
		})
	}
	w, h, tickets := among(func(ended kitchen.Date) bool { return ended.Weekday() == day.Weekday() })
	if tickets < 20 {
		w, h, _ = among(func(kitchen.Date) bool { return true })
	}
	return quantileOf(w, 0.5), quantileOf(h, 0.5)
}

// silent is how long whoever had a ticket in hand was silent.
func (m *model) silent(of folded, ticket string) (seconds float64) {
	var attempts []attemptRow
	for _, attempt := range of.attempts {
		if attempt.ticket == ticket {
			attempts = append(attempts, attempt)
		}
	}
	slices.SortFunc(attempts, func(x, y attemptRow) int { return cmp.Compare(x.attempt, y.attempt) })
	for _, hold := range of.holds {
		if hold.ticket != ticket {
			continue
		}
		var lastSilent *time.Time
		shortest := math.Inf(1)
		for i := 1; i < len(attempts); i++ {
			before, again := attempts[i-1], attempts[i]
			isHeld := again.issued.After(hold.from) && (hold.until == nil || again.issued.Before(*hold.until))
			if !isHeld || before.ackBy == nil || !before.ackBy.After(before.issued) {
				continue
			}
			within := before.ackBy.Sub(before.issued).Seconds()
			if again.issued.Sub(before.issued).Seconds() >= 3.9*within {
				continue
			}
			seconds += min(within, again.issued.Sub(hold.from).Seconds())
			shortest = min(shortest, within)
			if lastSilent == nil || again.issued.After(*lastSilent) {
				lastSilent = &again.issued
			}
		}
		switch {
		case lastSilent == nil:
		case hold.ended == "taken over":
			seconds += hold.until.Sub(*lastSilent).Seconds()
		case hold.until == nil:
			seconds += min(max(0, m.now.Sub(*lastSilent).Seconds()), shortest)
		}
	}
	return seconds
}

func (m *model) asked(q questionRow) float64 {
	if q.closed == nil {
		return max(0, m.now.Sub(q.asked).Seconds())
	}
	return max(0, q.closed.Sub(q.asked).Seconds())
}

func (m *model) allAsked(of folded) (seconds float64) {
	for _, q := range of.questions {
		seconds += m.asked(q)
	}
	return seconds
}

func orZero(value *float64) float64 {
	if value == nil {
		return 0
	}
	return *value
}

// delayStep is a step with what it has lost.
type delayStep struct {
	wire.DelayStep
	issued                 *time.Time
	ticket                 string
	failed                 float64
	silence, queue, lasted float64
}

func (m *model) steps(of folded) (steps []delayStep) {
	day := m.dayOf(of.order)
	for _, ticket := range of.tickets {
		isMake := ticket.ref.Kind == kitchen.TicketMake
		id := ticket.ref.ActivityID()
		step := delayStep{issued: ticket.issued, ticket: id}
		step.Stage, step.Pass, step.Kind, step.Failures, step.Worker = ticket.ref.Stage, ticket.ref.Pass, ticket.ref.Kind, ticket.failures, ticket.worker
		step.WaitedSeconds, step.InHandSeconds = ticket.waited, ticket.inHand
		if ticket.waited == nil && ticket.isOpen && ticket.started == nil && ticket.issued != nil {
			step.WaitedSeconds = new(max(0, m.now.Sub(*ticket.issued).Seconds()))
		}
		if ticket.inHand == nil && ticket.isOpen && ticket.started != nil {
			step.InHandSeconds = new(max(0, m.now.Sub(*ticket.started).Seconds()))
		}
		if isMake {
			step.UsualWaitedSeconds, step.UsualInHandSeconds = m.usual(ticket.ref.Stage, day)
			if step.WaitedSeconds != nil && step.UsualWaitedSeconds != nil {
				step.ExtraSeconds += *step.WaitedSeconds - *step.UsualWaitedSeconds
			}
			if step.InHandSeconds != nil && step.UsualInHandSeconds != nil {
				step.ExtraSeconds += *step.InHandSeconds - *step.UsualInHandSeconds
			}
		} else {
			step.ExtraSeconds = orZero(step.WaitedSeconds) + orZero(step.InHandSeconds)
		}
		for _, hold := range of.holds {
			if hold.ticket == id && hold.ended == "failed" {
				step.failed += max(0, hold.until.Sub(hold.from).Seconds())
			}
		}
		for _, q := range of.questions {
			if q.stage == ticket.ref.Stage && q.pass == ticket.ref.Pass && q.undoing != isMake {
				step.AskedSeconds += m.asked(q)
			}
		}
		step.SilentSeconds = m.silent(of, id)
		step.silence = max(0, step.SilentSeconds-step.AskedSeconds)
		if isMake {
			step.queue = max(0, step.ExtraSeconds-max(step.SilentSeconds, step.AskedSeconds)-step.failed)
		}
		step.lasted = orZero(step.WaitedSeconds) + orZero(step.InHandSeconds)
		steps = append(steps, step)
	}
	slices.SortFunc(steps, func(x, y delayStep) int {
		return cmp.Or(compareKnown(x.issued, y.issued), cmp.Compare(x.Pass, y.Pass), cmp.Compare(x.ticket, y.ticket))
	})
	return steps
}

// compareKnown sorts times, those that are not known last.
func compareKnown(x, y *time.Time) int {
	switch {
	case x == nil || y == nil:
		return cmp.Compare(b2i(x == nil), b2i(y == nil))
	}
	return x.Compare(*y)
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// cause is why an order was late, where, and how much each cause has cost.
func (m *model) cause(of folded) (wire.DelayCause, kitchen.Stage, map[wire.DelayCause]float64) {
	if m.late(of.order) <= 0 {
		return wire.DelayedByNothing, "", nil
	}
	steps := m.steps(of)
	lastPass := 0
	for _, step := range steps {
		if step.Kind == kitchen.TicketMake {
			lastPass = max(lastPass, step.Pass)
		}
	}
	lost := map[wire.DelayCause]float64{wire.DelayedByDecision: m.allAsked(of)}
	where := make(map[wire.DelayCause]kitchen.Stage)
	var firstOfLast, firstOfEarlier *time.Time
	var askedEarlier float64
	type best struct{ value, second float64 }
	most := make(map[wire.DelayCause]best)
	consider := func(cause wire.DelayCause, stage kitchen.Stage, value, second float64) {
		if so, seen := most[cause]; !seen || value > so.value || value == so.value && second > so.second {
			most[cause], where[cause] = best{value, second}, stage
		}
	}
	for _, step := range steps { // by issue, so that of equals the first counts
		isMake := step.Kind == kitchen.TicketMake
		if step.Pass != lastPass {
			askedEarlier += step.AskedSeconds
			if isMake && firstOfEarlier == nil {
				firstOfEarlier = step.issued
			}
			continue
		}
		if isMake && firstOfLast == nil {
			firstOfLast = step.issued
		}
		lost[wire.DelayedBySilence] += step.silence
		lost[wire.DelayedByFailure] += step.failed
		lost[wire.DelayedInQueue] += step.queue
		consider(wire.DelayedBySilence, step.Stage, step.silence, 0)
		consider(wire.DelayedByFailure, step.Stage, step.failed, 0)
		consider(wire.DelayedInQueue, step.Stage, step.queue, step.lasted)
	}
	if len(steps) == 0 || lastPass == 0 {
		where[wire.DelayedInQueue] = of.order.route[0]
	}
	if firstOfLast != nil && firstOfEarlier != nil {
		lost[wire.DelayedByRemake] = max(0, firstOfLast.Sub(*firstOfEarlier).Seconds()-askedEarlier)
	}
	var why *time.Time
	because := func(at time.Time, stage kitchen.Stage) {
		if why == nil || at.After(*why) || at.Equal(*why) && stage < where[wire.DelayedByRemake] {
			why, where[wire.DelayedByRemake] = &at, stage
		}
	}
	for _, failure := range of.failures {
		ref, _ := kitchen.ParseActivityID(failure.ticket)
		if ref.Pass < lastPass {
			because(failure.at, failure.stage)
		}
	}
	longest := -1.0
	questions := slices.Clone(of.questions)
	slices.SortFunc(questions, func(x, y questionRow) int { return x.asked.Compare(y.asked) })
	for _, q := range questions {
		if q.choice == kitchen.ChoiceRemake && q.pass < lastPass {
			because(q.asked, q.stage)
		}
		if asked := m.asked(q); asked > longest {
			longest, where[wire.DelayedByDecision] = asked, q.stage
		}
	}
	if of.order.dueAt != nil && of.order.placedAt != nil {
		var usual float64
		for _, stage := range of.order.route {
			waited, inHand := m.usual(stage, m.dayOf(of.order))
			usual += orZero(waited) + orZero(inHand)
		}
		lost[wire.DelayedByLateOrder] = max(0, usual-of.order.dueAt.Sub(*of.order.placedAt).Seconds())
	}
	cause := wire.DelayedInQueue
	for _, each := range []wire.DelayCause{
		wire.DelayedByRemake, wire.DelayedByDecision, wire.DelayedBySilence, wire.DelayedByFailure, wire.DelayedInQueue, wire.DelayedByLateOrder,
	} {
		if lost[each] > lost[cause] || lost[each] == lost[cause] && lost[each] > 0 && cause == wire.DelayedInQueue && each != wire.DelayedByLateOrder {
			cause = each
		}
	}
	return cause, where[cause], lost
}

func (m *model) lateOrders(day kitchen.Date) []wire.LateOrder {
	all := []wire.LateOrder{}
	m.each(func(key string, of folded) {
		if seconds := m.late(of.order); m.dayOf(of.order) == day && seconds > 0 {
			cause, stage, _ := m.cause(of)
			late := wire.LateOrder{OrderID: m.personal[key].id, PickupCode: of.order.pickupCode, DueAt: of.order.dueAt.UTC(), LateSeconds: seconds, Cause: cause, Stage: stage}
			late.ReadyAt = inUTC(of.order.readyAt)
			all = append(all, late)
		}
	})
	return all
}

// traced are the tickets that were done and fit, whatever became of the work, the oldest first.
func (m *model) traced(fits func(key string, of folded, ticket ticketRow) bool) []wire.TracedTicket {
	type placedTicket struct {
		wire.TracedTicket
		key, ticket string
	}
	var all []placedTicket
	m.each(func(key string, of folded) {
		flavours := []string{}
		for _, line := range of.lines {
			if !slices.Contains(flavours, line.of.Flavour) {
				flavours = append(flavours, line.of.Flavour)
			}
		}
		slices.Sort(flavours)
		for _, ticket := range of.tickets {
			if ticket.ref.Kind != kitchen.TicketMake || ticket.ended == nil || !fits(key, of, ticket) {
				continue
			}
			all = append(all, placedTicket{wire.TracedTicket{
				OrderID: m.personal[key].id, Customer: m.personal[key].customer, PickupCode: of.order.pickupCode, State: of.order.state, CollectedAt: inUTC(of.order.collectedAt),
				Stage: ticket.ref.Stage, Pass: ticket.ref.Pass, Worker: ticket.worker, StartedAt: inUTC(ticket.started), EndedAt: ticket.ended.UTC(), Flavours: flavours, Pieces: ticket.pieces,
			}, key, ticket.ref.ActivityID()})
		}
	})
	slices.SortFunc(all, func(x, y placedTicket) int {
		return cmp.Or(x.EndedAt.Compare(y.EndedAt), cmp.Compare(x.key, y.key), cmp.Compare(x.ticket, y.ticket))
	})
	tickets := []wire.TracedTicket{}
	for _, each := range all {
		tickets = append(tickets, each.TracedTicket)
	}
	return tickets
}

// tray are the tickets on the tray of one: from it in both directions as long as the
// next is near.
func (m *model) tray(key, id string) []wire.TracedTicket {
	type mate struct {
		key    string
		ticket ticketRow
	}
	var all []mate
	m.each(func(key string, of folded) {
		for _, ticket := range of.tickets {
			if ticket.ref.Kind == kitchen.TicketMake && ticket.ended != nil {
				all = append(all, mate{key, ticket})
			}
		}
	})
	on := make(map[string]bool)
	for _, each := range all {
		if each.key == key && each.ticket.ref.ActivityID() == id {
			on[key+id] = true
		}
	}
	for grown := true; grown; {
		grown = false
		for _, x := range all {
			for _, y := range all {
				apart := x.ticket.ended.Sub(*y.ticket.ended).Abs()
				xID, yID := x.key+x.ticket.ref.ActivityID(), y.key+y.ticket.ref.ActivityID()
				if on[xID] && !on[yID] && x.ticket.ref.Stage == y.ticket.ref.Stage && x.ticket.worker == y.ticket.worker && apart <= 2*time.Second {
					on[yID], grown = true, true
				}
			}
		}
	}
	return m.traced(func(key string, _ folded, ticket ticketRow) bool { return on[key+ticket.ref.ActivityID()] })
}
