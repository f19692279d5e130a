package ledger

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/kitchen"
)

// fact is a row of facts.
type fact struct {
	place
	offset   int64
	kind     factKind
	at       time.Time
	appended bool
	body     []byte
}

func (f fact) compare(other fact) int {
	return cmp.Or(f.place.compare(other.place), cmp.Compare(f.offset, other.offset))
}

// takenBackWithin is how long after an order was handed out that can be taken back: what
// is taken back later was tidied away, and the order was handed out all the same.
const takenBackWithin = kitchen.CollectedKept - time.Hour

// folded is what an order's facts come to: its rows in the derived tables. order is nil if
// there is no order yet, but only what strangers have said of one.
type folded struct {
	order     *orderRow
	lines     []lineRow
	tickets   []ticketRow
	attempts  []attemptRow
	holds     []holdRow
	failures  []failureRow
	waste     []wasteRow
	questions []questionRow
	undone    []undoneRow
}

type orderRow struct {
	pickupCode                            string
	state                                 kitchen.OrderState
	route                                 kitchen.Route
	first, last                           time.Time
	placedAt, dueAt, readyAt, cancelledAt *time.Time
	forLater                              bool
	cancelledBy                           string
	withdrawnAt, collectedAt              *time.Time
	collectedBy                           string
	pieces                                int
	total                                 *kitchen.Money
	remakes, scrapped                     int
	complete                              bool
}

type lineRow struct {
	line  int
	of    kitchen.Line
	price *int64
}

type ticketRow struct {
	ref                kitchen.TicketRef
	state              kitchen.TicketState
	lines              []kitchen.Line
	pieces             int
	issued             *time.Time
	attempts           int
	started, ended     *time.Time
	worker             string
	waited, inHand     *float64
	failures, scrapped int
	isOpen             bool
}

type attemptRow struct {
	ticket  string
	attempt int
	issued  time.Time
	ackBy   *time.Time
}

type holdRow struct {
	ticket string
	hold   int
	worker string
	from   time.Time
	until  *time.Time
	ended  string
}

type failureRow struct {
	ticket   string
	failure  int
	stage    kitchen.Stage
	attempt  int
	at       time.Time
	worker   string
	reason   string
	scrapped int
}

type wasteRow struct {
	ticket string
	waste  int
	line   int
	stage  kitchen.Stage
	of     kitchen.Line
	pieces int
	reason string
	worker string
	at     time.Time
}

type questionRow struct {
	asked   time.Time
	stage   kitchen.Stage
	pass    int
	undoing bool
	cause   kitchen.AttentionCause
	worker  string
	reason  string
	closed  *time.Time
	choice  kitchen.Choice
	decided string
}

type undoneRow struct {
	stage    kitchen.Stage
	pass     int
	state    kitchen.TicketState
	at       *time.Time
	worker   string
	scrapped int
	isLeft   bool
}

// said is a fact that has been read.
type said[T any] struct {
	fact
	what T
}

// folding is an order that is being folded.
type folding struct {
	key       string
	facts     []fact
	tickets   []said[kitchen.Ticket]
	acks      []said[kitchen.Ack]
	statuses  []said[kitchen.LoggedStatus]
	shipped   *said[kitchen.Shipped]
	cancelled *said[kitchen.Failed]
	asked     []said[kitchen.Failed]
	collected *kitchen.Flag
	out       folded

	// undoing is what undoing has cost, by ticket, as whoever did it says.
	undoing map[string]wasteRow
	// holdsOf counts the holds of each ticket, and openHold is where the one lies that
	// has not ended; attemptAt is where an attempt of a ticket lies.
	holdsOf, openHold map[string]int
	attemptAt         map[attemptKey]int
}

type attemptKey struct {
	ticket  string
	attempt int
}

// foldOrder folds an order from all its facts, in any order. It is the same whenever it is
// folded: it has no clock.
func foldOrder(key string, facts []fact) (folded, error) {
	slices.SortFunc(facts, fact.compare)
	f := folding{key: key, facts: facts, undoing: make(map[string]wasteRow), holdsOf: make(map[string]int), openHold: make(map[string]int), attemptAt: make(map[attemptKey]int)}
	if err := f.read(); err != nil {
		return folded{}, err
	}
	f.foldTickets()
	f.foldStatuses()
	f.foldOrder()
	return f.out, nil
}

func (f *folding) read() error {
	for _, each := range f.facts {
		if err := f.readFact(each); err != nil {
			return fmt.Errorf("read the fact at %d/%d/%d: %w", each.log, each.partition, each.offset, err)
		}
	}
	// Of several logs or partitions, the one that has the order first was written first.
	firsts := make(map[place]time.Time)
	for _, ack := range f.acks {
		if first, known := firsts[ack.place]; !known || ack.at.Before(first) {
			firsts[ack.place] = ack.at
		}
	}
	slices.SortStableFunc(f.acks, func(x, y said[kitchen.Ack]) int {
		return cmp.Or(cmp.Compare(x.log, y.log), firsts[x.place].Compare(firsts[y.place]), x.fact.compare(y.fact))
	})
	slices.SortStableFunc(f.statuses, func(x, y said[kitchen.LoggedStatus]) int {
		return cmp.Or(cmp.Compare(x.what.Version, y.what.Version), x.fact.compare(y.fact))
	})
	return nil
}

func (f *folding) readFact(each fact) error {
	switch each.kind {
	case factTicket:
		return appendSaid(&f.tickets, each)
	case factAck:
		var ack ackFact
		if err := json.Unmarshal(each.body, &ack); err != nil {
			return err
		}
		f.acks = append(f.acks, said[kitchen.Ack]{each, ack.SaidWhen(ack.SaidAt)})
	case factStatus:
		return appendSaid(&f.statuses, each)
	case factShipped:
		var shipped kitchen.Shipped
		if err := json.Unmarshal(each.body, &shipped); err != nil {
			return err
		}
		if f.shipped == nil {
			f.shipped = &said[kitchen.Shipped]{each, shipped}
		}
	case factFailed:
		var failed kitchen.Failed
		if err := json.Unmarshal(each.body, &failed); err != nil {
			return err
		}
		switch {
		case failed.State != kitchen.StateCancelled:
			f.asked = append(f.asked, said[kitchen.Failed]{each, failed})
		case f.cancelled == nil:
			f.cancelled = &said[kitchen.Failed]{each, failed}
		}
	case factCollected:
		if isTakenBack(each.body) {
			if f.collected != nil && each.at.Sub(f.collected.At) < takenBackWithin {
				f.collected = nil
			}
			return nil
		}
		f.collected = &kitchen.Flag{}
		return json.Unmarshal(each.body, f.collected)
	}
	return nil
}

func appendSaid[T any](list *[]said[T], each fact) error {
	var what T
	if err := json.Unmarshal(each.body, &what); err != nil {
		return err
	}
	*list = append(*list, said[T]{each, what})
	return nil
}

func isTakenBack(body []byte) bool {
	var flag struct {
		TakenBack bool `json:"takenBack"`
	}
	return json.Unmarshal(body, &flag) == nil && flag.TakenBack
}

func (f fact) heard() board.Heard {
	// Topics of one name may have been made anew: the log's number tells them apart.
	return board.Heard{Topic: strconv.Itoa(int(f.log)), Partition: f.partition, Offset: f.offset, Time: f.at, Appended: f.appended}
}

// foldTickets folds tickets and acks by the rules of the boards.
func (f *folding) foldTickets() {
	judged, log := f.judge(nil)
	if refused := f.refusedOf(judged); len(refused) > 0 {
		// Those before and after are judged as if they had never been written.
		judged, log = f.judge(refused)
	}
	rows := make(map[string]*ticketRow)
	for _, issued := range f.tickets {
		f.addIssue(rowOf(rows, issued.what.Ref()), issued)
	}
	for _, each := range judged {
		if each.Effect == board.Stale || each.Effect == board.Unjudged || each.Effect == board.Refused {
			continue
		}
		if ref, err := kitchen.ParseTicketID(each.Ack.TicketID); err == nil {
			f.addAck(rowOf(rows, ref), each)
		}
	}
	undone := make(map[int]int) // pieces of each pass that were counted when they were undone
	for _, id := range slices.SortedFunc(maps.Keys(rows), compareTickets) {
		row := rows[id]
		f.finish(row, log, undone)
		f.out.tickets = append(f.out.tickets, *row)
	}
	slices.SortFunc(f.out.attempts, func(x, y attemptRow) int {
		return cmp.Or(cmp.Compare(x.ticket, y.ticket), cmp.Compare(x.attempt, y.attempt))
	})
}

// compareTickets sorts the ids of an order's tickets by pass and stage.
func compareTickets(x, y string) int {
	a, _ := kitchen.ParseTicketID(x)
	b, _ := kitchen.ParseTicketID(y)
	return cmp.Or(cmp.Compare(a.Pass, b.Pass), cmp.Compare(slices.Index(kitchen.Stages(), a.Stage), slices.Index(kitchen.Stages(), b.Stage)), cmp.Compare(x, y))
}

func rowOf(rows map[string]*ticketRow, ref kitchen.TicketRef) *ticketRow {
	id := ref.TicketID()
	if rows[id] == nil {
		rows[id] = &ticketRow{ref: ref}
	}
	return rows[id]
}

// judge folds all tickets and then all acks but those that are refused. The two are
// folded apart, so their order to each other does not matter.
func (f *folding) judge(refused map[place]map[int64]bool) ([]board.Judged, *board.Board) {
	log := board.New()
	for _, issued := range f.tickets {
		log.AddTicket(issued.what, issued.heard())
	}
	var judged []board.Judged
	for _, ack := range f.acks {
		if refused[ack.place][ack.offset] {
			continue
		}
		heard := ack.heard()
		judged = append(judged, board.Judged{Ack: ack.what, Heard: heard, Effect: log.AddAck(ack.what, heard)})
	}
	return judged, log
}

// refusedOf are the places of the acks that a worker has refused, as far as the board
// takes them back.
func (f *folding) refusedOf(judged []board.Judged) map[place]map[int64]bool {
	refused := make(map[place]map[int64]bool)
	for i, each := range judged {
		if each.Effect == board.Refused {
			at := f.acks[i].place
			if refused[at] == nil {
				refused[at] = make(map[int64]bool)
			}
			refused[at][*each.Ack.Offset] = true
		}
	}
	return refused
}

func (f *folding) addIssue(row *ticketRow, issued said[kitchen.Ticket]) {
	ticket := issued.what
	at := issued.at
	if !issued.appended {
		at = ticket.IssuedAt
	}
	if row.issued == nil || at.Before(*row.issued) {
		row.issued = &at
	}
	if ticket.Attempt >= row.attempts {
		row.attempts, row.lines, row.pieces = ticket.Attempt, ticket.Lines, ticket.Pieces()
	}
	id := row.ref.ActivityID()
	if i, known := f.attemptAt[attemptKey{id, ticket.Attempt}]; known {
		if at.Before(f.out.attempts[i].issued) {
			f.out.attempts[i].issued = at
		}
		return
	}
	f.attemptAt[attemptKey{id, ticket.Attempt}] = len(f.out.attempts)
	attempt := attemptRow{ticket: id, attempt: ticket.Attempt, issued: at}
	if !ticket.AckBy.IsZero() {
		attempt.ackBy = &ticket.AckBy
	}
	f.out.attempts = append(f.out.attempts, attempt)
}

// addAck adds what an ack has done, by the same rules as the API's figures.
func (f *folding) addAck(row *ticketRow, judged board.Judged) {
	ack, id := judged.Ack, row.ref.ActivityID()
	at := kitchen.TimeThatCanBe(ack.At)
	switch judged.Effect {
	case board.Claimed, board.TookOver:
		f.endHold(id, at, "taken over")
		f.openHold[id] = len(f.out.holds)
		f.addHold(holdRow{ticket: id, worker: ack.By, from: at})
		row.started, row.worker = &at, ack.By
	case board.Released:
		f.endHold(id, at, "released")
		row.worker = ""
	case board.Failed:
		f.endHold(id, at, "failed")
		row.worker = ""
		row.failures++
		f.out.failures = append(f.out.failures, failureRow{
			ticket: id, failure: row.failures, stage: row.ref.Stage, attempt: ack.Attempt, at: at, worker: ack.By,
			reason: cmp.Or(ack.Reason, kitchen.ReasonOther), scrapped: ack.Scrapped,
		})
	case board.Ended:
		if ack.StartedAt != nil {
			row.started = ack.StartedAt
		}
		if !f.endHold(id, at, string(ack.Kind)) && ack.StartedAt != nil {
			f.addHold(holdRow{ticket: id, worker: ack.By, from: *ack.StartedAt, until: &at, ended: string(ack.Kind)})
		}
		row.ended, row.worker = &at, ack.By
		if row.ref.Kind == kitchen.TicketUndo {
			f.undoing[id] = wasteRow{ticket: id, stage: row.ref.Stage, pieces: ack.Scrapped, reason: cmp.Or(ack.Reason, "undone"), worker: ack.By, at: at}
		}
	case board.Renewed, board.Refused, board.Stale, board.Unjudged:
	}
}

func (f *folding) addHold(hold holdRow) {
	f.holdsOf[hold.ticket]++
	hold.hold = f.holdsOf[hold.ticket]
	f.out.holds = append(f.out.holds, hold)
}

// endHold ends whoever has a ticket in hand, and reports whether anybody has.
func (f *folding) endHold(ticket string, at time.Time, how string) bool {
	i, open := f.openHold[ticket]
	if !open {
		return false
	}
	delete(f.openHold, ticket)
	hold := &f.out.holds[i]
	hold.until, hold.ended = new(later(at, hold.from)), how // clocks differ
	return true
}

func later(x, y time.Time) time.Time {
	if x.Before(y) {
		return y
	}
	return x
}

// clocksApart is how much earlier than its issue work may seem to begin: a station's
// clock is not that of the broker.
const clocksApart = time.Minute

// between is the time from one moment to another in seconds, if it is known and can be.
func between(from, to *time.Time) *float64 {
	if from == nil || to == nil || to.Sub(*from) < -clocksApart {
		return nil
	}
	return new(max(to.Sub(*from), 0).Seconds())
}

// finish fills in what is known once all acks are.
func (f *folding) finish(row *ticketRow, log *board.Board, undone map[int]int) {
	entry, _ := log.Get(row.ref.TicketID())
	row.state = entry.State
	row.isOpen = row.issued != nil && !entry.Ended() && !entry.Withdrawn && !log.MadeAnew(row.ref.TicketID())
	row.waited = between(row.issued, row.started)
	if row.ended != nil {
		row.inHand = between(row.started, row.ended)
	}
	lines, pieces := row.lines, row.pieces
	if len(lines) == 0 {
		lines, pieces = f.anyLines()
	}
	id := row.ref.ActivityID()
	for i := range f.out.failures {
		failure := &f.out.failures[i]
		if failure.ticket != id {
			continue
		}
		failure.scrapped = max(0, min(failure.scrapped, pieces))
		row.scrapped += failure.scrapped
		f.share(wasteRow{ticket: id, waste: failure.failure, stage: failure.stage, reason: failure.reason, worker: failure.worker, at: failure.at}, lines, failure.scrapped)
	}
	if row.ended != nil && row.ref.Kind == kitchen.TicketUndo {
		f.shareUndone(row, lines, pieces, undone)
	}
}

// shareUndone shares out what undoing has cost. The undone stages of one pass together
// cost at most the order's pieces: they are the same cupcakes.
func (f *folding) shareUndone(row *ticketRow, lines []kitchen.Line, pieces int, undone map[int]int) {
	whole := f.undoing[row.ref.ActivityID()]
	scrapped := max(0, min(whole.pieces, pieces))
	counted := max(0, min(scrapped, pieces-undone[row.ref.Pass]))
	undone[row.ref.Pass] += scrapped
	row.scrapped += scrapped
	whole.waste = row.failures + 1 // the failures before it have numbers of their own
	f.share(whole, lines, counted)
}

// share shares pieces out over lines by their quantities: each gets the whole part of its
// share, and what is left goes to the largest remainders.
func (f *folding) share(whole wasteRow, lines []kitchen.Line, pieces int) {
	total := 0
	for _, line := range lines {
		total += line.Quantity
	}
	if pieces <= 0 || total == 0 {
		return
	}
	type part struct{ line, pieces, remainder int }
	parts, left := make([]part, len(lines)), pieces
	for i, line := range lines {
		parts[i] = part{i, pieces * line.Quantity / total, pieces * line.Quantity % total}
		left -= parts[i].pieces
	}
	slices.SortStableFunc(parts, func(x, y part) int { return cmp.Compare(y.remainder, x.remainder) })
	for i := range left {
		parts[i].pieces++
	}
	for _, each := range parts {
		if each.pieces > 0 {
			row := whole
			row.line, row.of, row.pieces = each.line+1, lines[each.line], each.pieces
			f.out.waste = append(f.out.waste, row)
		}
	}
}

// anyLines are the order's lines, for a ticket of which only acks were read.
func (f *folding) anyLines() ([]kitchen.Line, int) {
	lines, _, _ := f.newestLines()
	pieces := 0
	for _, line := range lines {
		pieces += line.Quantity
	}
	return lines, pieces
}

// newestLines are the order's lines as they were amended last, with what they cost.
func (f *folding) newestLines() (lines []kitchen.Line, prices []int64, total *kitchen.Money) {
	if n := len(f.statuses); n > 0 {
		newest := f.statuses[n-1].what
		return newest.Lines, newest.UnitPrices, newest.Total
	}
	if f.shipped != nil {
		return f.shipped.what.Lines, f.shipped.what.UnitPrices, f.shipped.what.Total
	}
	if f.cancelled != nil {
		return f.cancelled.what.Lines, f.cancelled.what.UnitPrices, f.cancelled.what.Total
	}
	if newest := f.newestTicket(); newest != nil {
		return newest.what.Lines, nil, nil
	}
	return nil, nil, nil
}

// newestTicket is the make ticket that was recorded last.
func (f *folding) newestTicket() *said[kitchen.Ticket] {
	var newest *said[kitchen.Ticket]
	for i := range f.tickets {
		if each := &f.tickets[i]; each.what.Kind == kitchen.TicketMake && (newest == nil || !each.at.Before(newest.at)) {
			newest = each
		}
	}
	return newest
}

// foldStatuses folds what the order itself tells: what managers were asked, and what is
// undone.
func (f *folding) foldStatuses() {
	questions := make(map[int64]*questionRow)
	ask := func(asked *kitchen.Attention) *questionRow {
		at := kitchen.TimeThatCanBe(asked.Since)
		row := questions[at.UnixMicro()]
		if row == nil {
			row = &questionRow{asked: at, stage: asked.Stage, pass: asked.Pass, undoing: asked.Undoing, cause: asked.Cause, worker: asked.By, reason: asked.ReasonCode}
			questions[at.UnixMicro()] = row
		}
		return row
	}
	for _, each := range f.asked {
		if each.what.Attention != nil {
			ask(each.what.Attention)
		}
	}
	var open *questionRow
	for _, each := range f.statuses {
		told := each.what
		var now *questionRow
		if told.Attention != nil {
			now = ask(told.Attention)
		}
		if open != nil && open != now && open.closed == nil {
			open.closed = new(kitchen.TimeThatCanBe(told.At))
		}
		open = now
	}
	f.closeQuestions(questions)
	f.decide(questions)
	for _, at := range slices.Sorted(maps.Keys(questions)) {
		f.out.questions = append(f.out.questions, *questions[at])
	}
	if n := len(f.statuses); n > 0 {
		f.foldUndone(f.statuses[n-1].what.Stages)
	} else if f.cancelled != nil {
		f.foldUndone(f.cancelled.what.Stages)
	}
}

// decide fills in how questions were closed, as the order itself tells: it may tell of
// some that it was never heard to ask.
func (f *folding) decide(questions map[int64]*questionRow) {
	for _, each := range f.statuses {
		for _, decision := range each.what.Decisions {
			asked, at := kitchen.TimeThatCanBe(decision.AskedAt), kitchen.TimeThatCanBe(decision.At)
			row := questions[asked.UnixMicro()]
			if row == nil {
				row = &questionRow{asked: asked, stage: decision.Stage, pass: decision.Pass, undoing: decision.Undoing, cause: decision.Cause, reason: decision.ReasonCode}
				questions[asked.UnixMicro()] = row
			}
			row.closed, row.choice, row.decided = &at, decision.Choice, decision.By
		}
	}
}

// closeQuestions closes those that the order was announced to have asked and that its
// newest status does not ask any more.
func (f *folding) closeQuestions(questions map[int64]*questionRow) {
	if len(f.statuses) == 0 {
		return
	}
	newest := f.statuses[len(f.statuses)-1].what
	for _, row := range questions {
		stillAsked := newest.Attention != nil && kitchen.TimeThatCanBe(newest.Attention.Since).Equal(row.asked)
		if row.closed == nil && !stillAsked && newest.At.After(row.asked) {
			row.closed = new(kitchen.TimeThatCanBe(newest.At))
		}
	}
}

func (f *folding) foldUndone(rows []kitchen.StageStatus) {
	for _, row := range rows {
		if row.Undo == nil {
			continue
		}
		f.out.undone = append(f.out.undone, undoneRow{
			stage: row.Stage, pass: row.Pass, state: row.Undo.State, at: thatCanBe(row.Undo.UndoneAt), worker: row.Undo.By,
			scrapped: row.Undo.Scrapped, isLeft: row.Undo.Left != "",
		})
	}
	slices.SortFunc(f.out.undone, func(x, y undoneRow) int {
		return cmp.Or(cmp.Compare(x.pass, y.pass), cmp.Compare(x.stage, y.stage))
	})
	f.out.undone = slices.CompactFunc(f.out.undone, func(x, y undoneRow) bool { return x.pass == y.pass && x.stage == y.stage })
}

func thatCanBe(at *time.Time) *time.Time {
	if at == nil || at.IsZero() {
		return nil
	}
	return new(kitchen.TimeThatCanBe(*at))
}

// foldOrder makes the order's own row and its lines. There is an order if the factory has
// said anything of it: what a stranger says is no order.
func (f *folding) foldOrder() {
	if len(f.tickets) == 0 && len(f.statuses) == 0 && f.shipped == nil && f.cancelled == nil && len(f.asked) == 0 {
		f.out = folded{}
		return
	}
	o := &orderRow{first: f.facts[0].at, last: f.facts[0].at}
	for _, each := range f.facts {
		if each.at.Before(o.first) {
			o.first = each.at
		}
		if each.at.After(o.last) {
			o.last = each.at
		}
	}
	f.out.order = o
	lines, prices, total := f.newestLines()
	for i, line := range lines {
		row := lineRow{line: i + 1, of: line}
		if i < len(prices) && total != nil {
			row.price = &prices[i]
		}
		f.out.lines = append(f.out.lines, row)
		o.pieces += line.Quantity
	}
	o.total = total
	f.stateOf(o)
	o.withdrawnAt = f.withdrawnAt(o.state)
	f.dueOf(o)
	o.complete = f.isComplete(o.route)
	if f.collected != nil {
		o.collectedAt, o.collectedBy = new(kitchen.TimeThatCanBe(f.collected.At)), f.collected.By
	}
	if o.state.IsFinal() {
		for i := range f.out.tickets {
			f.out.tickets[i].isOpen = false
		}
	}
	f.endHolds(o)
	if over := o.over(); over != nil {
		for i := range f.out.questions {
			if asked := &f.out.questions[i]; asked.closed == nil {
				asked.closed = new(later(*over, asked.asked))
			}
		}
	}
}

// over is when nobody worked on the order any more; nil if that is to come.
func (o *orderRow) over() *time.Time {
	if o.state.IsFinal() {
		return cmp.Or(o.readyAt, o.cancelledAt, &o.last)
	}
	return o.withdrawnAt
}

// endHolds ends the holds of what is over though nobody has said so: its work was undone,
// or its order has ended.
func (f *folding) endHolds(o *orderRow) {
	undone := make(map[string]*time.Time)
	for _, row := range f.out.undone {
		if row.state == kitchen.TicketUndone {
			undone[kitchen.TicketRef{Stage: row.stage, Pass: row.pass, Kind: kitchen.TicketMake}.ActivityID()] = row.at
		}
	}
	for _, row := range f.out.tickets {
		if row.ref.Kind == kitchen.TicketUndo && row.ended != nil {
			made := row.ref
			made.Kind = kitchen.TicketMake
			undone[made.ActivityID()] = row.ended
		}
	}
	over := (*time.Time)(nil)
	if o.state.IsFinal() {
		over = o.over()
	}
	for _, ticket := range slices.Sorted(maps.Keys(f.openHold)) {
		if at := cmp.Or(undone[ticket], over); at != nil {
			f.endHold(ticket, *at, "withdrawn")
		}
	}
}

// stateOf sets where the order stands: as its newest status tells or, if none was read,
// as far as announcements and tickets do.
func (f *folding) stateOf(o *orderRow) {
	if newest := f.newestTicket(); newest != nil {
		o.pickupCode = newest.what.PickupCode
	} else if len(f.tickets) > 0 {
		o.pickupCode = f.tickets[0].what.PickupCode
	}
	o.state, o.route = kitchen.StateInProgress, kitchen.Stages()
	if n := len(f.statuses); n > 0 {
		newest := f.statuses[n-1].what
		o.pickupCode, o.state, o.route = cmp.Or(newest.PickupCode, o.pickupCode), newest.State, newest.Route
		o.placedAt, o.readyAt, o.cancelledAt = thatCanBe(&newest.PlacedAt), thatCanBe(newest.ShippedAt), thatCanBe(newest.CancelledAt)
		o.remakes, o.scrapped, o.cancelledBy = newest.Remakes, newest.Scrapped, newest.CancelledBy
	} else {
		for _, row := range f.out.tickets {
			o.remakes = max(o.remakes, row.ref.Pass-1)
		}
		for _, row := range f.out.waste {
			o.scrapped += row.pieces
		}
		if n := len(f.asked); n > 0 {
			o.pickupCode = cmp.Or(f.asked[n-1].what.PickupCode, o.pickupCode)
		}
	}
	if cancelled := f.cancelled; cancelled != nil && o.state != kitchen.StateShipped {
		o.state, o.pickupCode = kitchen.StateCancelled, cmp.Or(o.pickupCode, cancelled.what.PickupCode)
		if o.cancelledAt == nil {
			o.cancelledAt = thatCanBe(&cancelled.what.At)
		}
		o.remakes, o.scrapped = max(o.remakes, cancelled.what.Remakes), max(o.scrapped, cancelled.what.Scrapped)
	}
	if shipped := f.shipped; shipped != nil && o.state != kitchen.StateCancelled {
		o.state, o.pickupCode = kitchen.StateShipped, cmp.Or(o.pickupCode, shipped.what.PickupCode)
		if o.readyAt == nil {
			o.readyAt = thatCanBe(&shipped.what.ShippedAt)
		}
		if o.placedAt == nil {
			o.placedAt = thatCanBe(&shipped.what.PlacedAt)
		}
	}
}

// withdrawnAt is when `cupcakery order doctor` has withdrawn what the order waits for, if it
// has: the undo ticket of the newest ticket is out and the order, which tells what it has
// undone, knows of none. Only an order whose workflow is gone does not issue another.
func (f *folding) withdrawnAt(state kitchen.OrderState) *time.Time {
	newest := f.newestTicket()
	if newest == nil || state.IsFinal() || state == kitchen.StateCancelling {
		return nil
	}
	made := newest.what.Ref()
	if n := len(f.statuses); n > 0 && slices.ContainsFunc(f.statuses[n-1].what.Stages, func(row kitchen.StageStatus) bool {
		return row.Stage == made.Stage && row.Pass == made.Pass && row.Undo != nil
	}) {
		return nil
	}
	for _, row := range f.out.tickets {
		if row.ref == made.Undo() {
			return cmp.Or(row.issued, row.ended)
		}
	}
	return nil
}

// dueOf sets when the order is due: its newest ticket tells that of all orders, its
// status of those for later.
func (f *folding) dueOf(o *orderRow) {
	agreed := (*time.Time)(nil)
	if n := len(f.statuses); n > 0 {
		agreed = thatCanBe(f.statuses[n-1].what.DueAt)
	} else if f.shipped != nil {
		agreed = thatCanBe(f.shipped.what.DueAt)
	} else if f.cancelled != nil {
		agreed = thatCanBe(f.cancelled.what.DueAt)
	}
	o.forLater, o.dueAt = agreed != nil, agreed
	if o.dueAt == nil {
		if newest := f.newestTicket(); newest != nil {
			o.dueAt = thatCanBe(&newest.what.DueAt)
		}
	}
}

// isComplete reports whether the order's first ticket was read, or it had none yet.
func (f *folding) isComplete(route kitchen.Route) bool {
	if len(f.tickets) == 0 {
		return len(f.acks) == 0 && f.shipped == nil
	}
	return slices.ContainsFunc(f.tickets, func(issued said[kitchen.Ticket]) bool {
		ticket := issued.what
		// The first attempt may never have been published.
		return ticket.Kind == kitchen.TicketMake && ticket.Pass == 1 && len(route) > 0 && ticket.Stage == route[0]
	})
}
