package workflows_test

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// model is what an order should do, written without the workflow's code: its
// states and the moves between them. It takes one event after the other. The
// zero value of a part means that there is none, and it has no pointers, so that
// it can be copied.
//
//	               done, done, …                      announced
//	accepted ─► in-progress ─────────────► shipping ─────────────► shipped
//	               │   ▲
//	       failed, │   │ retry, remake,
//	       silence ▼   │ or a late ack
//	         needs-attention ──cancel──► cancelling ─undone, left─► cancelled
//	               ▲                        │  ▲
//	               └── failed, silence, late┘  └ retry, cancel (leaves it)
type model struct {
	rules  kitchen.Rules
	pieces int
	lines  int
	// quantities and perPiece are of the order's lines: how many pieces, and what one
	// costs without a message.
	quantities [2]int
	perPiece   [2]int64
	// announcing is how long it takes until an announcement is on Kafka.
	announcing time.Duration
	// queue has what order-failures does not have yet; the first is there at
	// writtenAt. leaving is set once the last of them tells what is left undone.
	queue     []announcement
	writtenAt time.Time
	leaving   bool
	counted   []string // the failures

	now       time.Time
	state     kitchen.OrderState
	stage     kitchen.Stage // the last one entered
	waiting   kitchen.Stage
	notes     string
	phone     string
	messages  [2]string // of the order's lines
	direction workflows.Direction
	pass      int
	remakes   int
	byHand    int // remakes that a manager chose
	scrapped  int
	asked     question
	askedAt   time.Time
	decided   []decided
	cancelled string // by whom of the staff, if by one
	rows      []row

	// doing is what the order is busy with; until says for how long, if that
	// is known.
	doing    occupation
	until    time.Time
	on       int // the row that a ticket or a pause is about
	undoing  bool
	pausedOn workflows.Direction
	silence  bool // a complaint has not been looked at
	shipping bool
	// held is set while the order has not acted on an event, because more
	// happens at the same instant.
	held bool

	issued        []issuedTicket
	announcements []announcement
}

// occupation is what an order is busy with.
type occupation int

const (
	free       occupation = iota
	working               // waits for the answer to a ticket
	pausing               // before a ticket is issued again
	delivering            // that it is shipped is being announced
	closing               // waits for its announcements
	finished              // the workflow closes once its last status is told
)

// row is one pass through one stage.
type row struct {
	stage        kitchen.Stage
	pass         int
	maker        string // who has done the work, in time or late; empty for nobody
	state        kitchen.TicketState
	undo         kitchen.TicketState
	left         bool
	noUndo       bool // it needs no undoing any more
	undoScrapped int  // pieces that undoing it has cost
	byHand       bool // its last failure was no station's ack
	make, unmake ticketModel
}

type ticketModel struct {
	pending  bool // Temporal waits for an answer
	listened bool // and so does the order itself
	answer   answer
	issuedAt time.Time // when it first went out
	// owner has it, and has not been heard of for silent deliveries; a manager has
	// allowed that for the first ones of them.
	owner   string
	silent  int
	allowed int
}

// answer is how a ticket's activity ends.
type answer struct {
	ended    bool
	failed   bool
	passing  bool // a failure that ends an attempt only: the ticket comes again
	byHand   bool // by somebody in Temporal and not by a station
	by       string
	reason   string
	scrapped int
	id       string
}

type question struct {
	about   kitchen.TicketRef // without order id
	choices [3]kitchen.Choice
	why     why
}

// decided is how a question was closed.
type decided struct {
	about     kitchen.TicketRef // without order id
	cause     kitchen.AttentionCause
	code      string
	asked, at string
	choice    kitchen.Choice
	by        string
}

// why is what questions of one kind have in common.
type why struct {
	cause    kitchen.AttentionCause
	by, code string
}

// clockFormat is how times are compared.
const clockFormat = "15:04:05.000"

// issuedTicket and announcement are what an order sends out.
type issuedTicket struct {
	id    string
	made  bool
	notes string
	since string
}

type announcement struct {
	state   kitchen.OrderState // needs-attention, cancelled or shipped
	asked   question
	left    string
	remakes int
}

func newModel(in workflows.OrderInput, now time.Time) model {
	m := model{
		rules: in.Rules, pieces: in.Order.Pieces(), lines: len(in.Order.Lines), notes: in.Order.Notes, phone: in.Order.Phone,
		now: now, state: kitchen.StateAccepted, direction: workflows.Making, pass: 1,
	}
	for i, line := range in.Order.Lines {
		m.quantities[i], m.perPiece[i], m.messages[i] = line.Quantity, -1, line.Message
		if prices := in.Rules.Prices; prices != nil {
			m.perPiece[i] = prices.Sizes[line.Size] + prices.Surcharges[line.Flavour]
		}
	}
	return m
}

// cost is what each piece costs and all together, piece by piece.
func (m *model) cost() string {
	if m.rules.Prices == nil {
		return costText(nil, nil)
	}
	total := kitchen.Money{Currency: m.rules.Prices.Currency, Decimals: m.rules.Prices.Decimals}
	var pieces []int64
	for i, price := range m.perPiece {
		if m.messages[i] != "" {
			price += m.rules.Prices.Message
		}
		pieces = append(pieces, price)
		for range m.quantities[i] {
			total.Amount += price
		}
	}
	return costText(pieces, &total)
}

func costText(unitPrices []int64, total *kitchen.Money) string {
	if total == nil {
		return fmt.Sprint(unitPrices)
	}
	return fmt.Sprint(unitPrices, *total)
}

func (m model) clone() model {
	m.rows, m.issued, m.announcements = slices.Clone(m.rows), slices.Clone(m.issued), slices.Clone(m.announcements)
	m.queue, m.counted, m.decided = slices.Clone(m.queue), slices.Clone(m.counted), slices.Clone(m.decided)
	return m
}

// fingerprint is the same for equal models only.
func (m model) fingerprint() string {
	m.rules = kitchen.Rules{}
	return fmt.Sprintf("%+v", m)
}

// advance lets the time pass: pauses and announcements end.
func (m *model) advance(to time.Time) {
	for {
		timed := m.doing == pausing || m.doing == delivering
		switch {
		case len(m.queue) > 0 && !m.writtenAt.After(to) && !(timed && m.until.Before(m.writtenAt)):
			m.now = m.writtenAt
			m.announcements, m.queue = append(m.announcements, m.queue[0]), m.queue[1:]
			m.writtenAt = m.now.Add(m.announcing)
		case timed && !m.until.After(to):
			m.now = m.until
			if m.doing == pausing {
				m.issue(m.on, m.undoing)
			} else {
				m.announcements = append(m.announcements, announcement{state: kitchen.StateShipped})
				m.state, m.doing = kitchen.StateShipped, closing
			}
		default:
			m.now = to
			return
		}
		m.run()
	}
}

// run does all that can be done without anything from outside.
func (m *model) run() {
	for !m.held && m.next() {
	}
}

func (m *model) next() bool {
	switch m.doing {
	case delivering, finished:
		return false
	case closing:
		if len(m.queue) > 0 {
			return false
		}
		m.doing = finished
		if !m.shipping {
			m.state, m.waiting = kitchen.StateCancelled, ""
		}
		return false
	case pausing:
		if m.direction == m.pausedOn {
			return false
		}
		m.doing = free
		return true
	case working:
		return m.listen()
	}
	switch {
	case m.asked != (question{}) && m.waiting == "":
		return false
	case m.direction == workflows.Making:
		m.produce()
		return true
	}
	for i := range slices.Backward(m.rows) {
		if m.rows[i].pass == m.pass && !m.rows[i].noUndo {
			m.compensate(i)
			return true
		}
	}
	for i, r := range m.rows {
		if r.pass == m.pass && r.state == kitchen.TicketDone && r.undo == kitchen.TicketUndone && !r.left {
			m.ask(i, true, why{cause: kitchen.CauseLateWork, by: r.maker}, m.choicesToLeave()...)
			return true
		}
	}
	if m.direction == workflows.Remaking {
		m.startPass()
		return true
	}
	m.leaving, m.doing = true, closing
	m.announce(announcement{state: kitchen.StateCancelled, left: m.leftovers()})
	return true
}

// listen looks at the open ticket.
func (m *model) listen() bool {
	r := &m.rows[m.on]
	t := m.ticket(m.on, m.undoing)
	switch {
	case t.answer.ended:
		m.conclude(t.answer)
	case !m.undoing && m.direction != workflows.Making:
		t.listened = false // withdrawn, but a late ack is recorded
		m.doing = free
	case m.undoing && r.left:
		t.listened = false // as with a withdrawn ticket
		r.noUndo = true
		m.doing = free
	case m.silence:
		m.silence = false
		if m.asked != (question{}) {
			return true
		}
		choices := kitchen.Choices()
		if m.undoing {
			choices = append([]kitchen.Choice{kitchen.ChoiceRetry}, m.choicesToLeave()...)
		}
		m.ask(m.on, m.undoing, why{cause: kitchen.CauseSilent, by: t.owner}, choices...)
	default:
		return false
	}
	return true
}

func (m *model) produce() {
	for _, stage := range m.rules.Route.Stages() {
		at := slices.IndexFunc(m.rows, func(r row) bool { return r.pass == m.pass && r.stage == stage })
		switch {
		case at < 0:
			m.rows = append(m.rows, row{stage: stage, pass: m.pass})
			m.issue(len(m.rows)-1, false)
			return
		case m.rows[at].state == kitchen.TicketFailed:
			m.pause(at, false)
			return
		case m.rows[at].state != kitchen.TicketDone:
			panic(fmt.Sprintf("the model is wrong: %s is neither done nor failed nor open", stage))
		}
	}
	m.shipping = true
	m.doing, m.until = delivering, m.now.Add(m.announcing)
}

func (m *model) compensate(i int) {
	r := &m.rows[i]
	switch {
	case r.left:
		r.noUndo = true
	case r.state == kitchen.TicketDone && m.rules.UndoOnRecordAt(r.stage):
		r.undo, r.state, r.noUndo = kitchen.TicketUndone, kitchen.TicketUndone, true
		m.waiting = ""
	case r.undo == kitchen.TicketFailed:
		m.pause(i, true)
	default:
		m.issue(i, true)
	}
}

func (m *model) pause(i int, undoing bool) {
	m.doing, m.on, m.undoing, m.pausedOn, m.until = pausing, i, undoing, m.direction, m.now.Add(time.Second)
}

func (m *model) issue(i int, undoing bool) {
	r := &m.rows[i]
	m.doing, m.on, m.undoing, m.waiting = working, i, undoing, r.stage
	ref := m.ref(i, undoing)
	first := m.ticket(i, undoing).issuedAt
	if first.IsZero() {
		first = m.now
	}
	*m.ticket(i, undoing) = ticketModel{pending: true, listened: true, issuedAt: first}
	since := first
	if !undoing { // in a remake it keeps the place of its order
		at := m.find(kitchen.TicketRef{Stage: r.stage, Pass: 1})
		since = m.rows[max(0, at)].make.issuedAt
	}
	m.issued = append(m.issued, issuedTicket{id: ref.ActivityID(), made: undoing && r.state == kitchen.TicketDone, notes: m.notes, since: since.Format(clockFormat)})
	if undoing {
		r.undo = kitchen.TicketWaiting
		return
	}
	r.state, m.stage = kitchen.TicketWaiting, r.stage
	if m.state == kitchen.StateAccepted {
		m.state = kitchen.StateInProgress
	}
}

func (m *model) ticket(i int, undoing bool) *ticketModel {
	if undoing {
		return &m.rows[i].unmake
	}
	return &m.rows[i].make
}

func (m *model) ref(i int, undoing bool) kitchen.TicketRef {
	ref := kitchen.TicketRef{Stage: m.rows[i].stage, Pass: m.rows[i].pass, Kind: kitchen.TicketMake}
	if undoing {
		return ref.Undo()
	}
	return ref
}

// answer is a station's ack, or an end by hand in Temporal. A ticket that nobody
// waits for takes none.
func (m *model) answer(ref kitchen.TicketRef, a answer) {
	i := m.find(ref)
	if i < 0 {
		return
	}
	t := m.ticket(i, ref.Kind == kitchen.TicketUndo)
	if t.pending && t.listened && a.passing {
		t.owner, t.silent, t.allowed = "", 0, 0
	}
	if !t.pending || t.listened && a.passing {
		return
	}
	t.pending = false
	if !t.listened {
		m.recordLate(i, ref.Kind == kitchen.TicketUndo, a)
	} else {
		t.answer = a
	}
	m.run()
}

// expired is the end of a withdrawn ticket without an answer.
func (m *model) expired(ref kitchen.TicketRef) {
	if i := m.find(ref); i >= 0 {
		if t := m.ticket(i, ref.Kind == kitchen.TicketUndo); !t.listened {
			t.pending = false
		}
	}
}

func (m *model) find(ref kitchen.TicketRef) int {
	return slices.IndexFunc(m.rows, func(r row) bool { return r.stage == ref.Stage && r.pass == ref.Pass })
}

// recordLate records an ack on a ticket that was withdrawn or left.
func (m *model) recordLate(i int, undoing bool, a answer) {
	switch {
	case undoing && m.leaving: // that it was left is being announced
	case undoing && !a.failed:
		m.recordUndone(i, a)
	case undoing && !a.byHand:
		m.scrap(a)
		m.rows[i].undo = kitchen.TicketFailed
	case !a.failed:
		m.rows[i].maker, m.rows[i].state = a.by, kitchen.TicketDone
	case !a.byHand:
		m.scrap(a)
	}
}

// scrap counts what a failure has cost, and reports whether that had been counted
// before.
func (m *model) scrap(a answer) (repeated bool) {
	if a.byHand || slices.Contains(m.counted, a.id) {
		return !a.byHand
	}
	m.counted = append(m.counted, a.id)
	m.scrapped += a.scrapped
	return false
}

func (m *model) conclude(a answer) {
	r := &m.rows[m.on]
	m.doing, m.silence, m.waiting = free, false, ""
	t := m.ticket(m.on, m.undoing)
	*t = ticketModel{issuedAt: t.issuedAt}
	repeated := a.failed && m.scrap(a)
	because := why{cause: kitchen.CauseFailed, by: a.by, code: cmp.Or(a.reason, kitchen.ReasonOther)}
	if m.undoing {
		because.cause = kitchen.CauseUndoFailed
	}
	if a.byHand {
		because = why{cause: kitchen.CauseEndedByHand}
	}
	switch {
	case m.undoing && !a.failed:
		m.recordUndone(m.on, a)
		m.closeQuestion()
	case m.undoing:
		r.undo = kitchen.TicketFailed
		if repeated && !r.left {
			m.closeQuestion() // a manager has decided about it
		} else if !r.left {
			m.ask(m.on, true, because, append([]kitchen.Choice{kitchen.ChoiceRetry}, m.choicesToLeave()...)...)
		}
	case !a.failed:
		r.maker, r.state = a.by, kitchen.TicketDone
		m.closeQuestion()
	default:
		r.state, r.byHand = kitchen.TicketFailed, a.byHand
		switch {
		case m.direction != workflows.Making:
		case repeated:
			m.closeQuestion() // it has been acted on
		case a.byHand:
			m.ask(m.on, false, because, kitchen.Choices()...)
		case m.outcome(a.reason) == kitchen.OutcomeAgain:
			m.closeQuestion()
		case m.remakes < m.rules.MaxRemakes:
			m.closeQuestion()
			m.startPass()
		default:
			m.ask(m.on, false, because, kitchen.Choices()...)
		}
	}
}

// recordUndone counts the pieces that an undo has scrapped, unless undoing other
// stages of the pass has scrapped them already: they are the same cupcakes.
func (m *model) recordUndone(i int, a answer) {
	counted := 0
	for _, r := range m.rows {
		if r.pass == m.rows[i].pass {
			counted += r.undoScrapped
		}
	}
	m.scrapped += max(0, min(a.scrapped, m.pieces-counted))
	r := &m.rows[i]
	r.undoScrapped = a.scrapped
	r.undo, r.state, r.noUndo, r.left = kitchen.TicketUndone, kitchen.TicketUndone, true, false
}

func (m *model) outcome(reason string) kitchen.Outcome {
	if outcome, known := m.rules.Reasons[reason]; known {
		return outcome
	}
	if outcome, known := m.rules.Reasons["other"]; known {
		return outcome
	}
	return kitchen.OutcomeAgain
}

func (m *model) startPass() {
	m.pass++
	m.remakes++
	m.direction = workflows.Making
}

func (m *model) choicesToLeave() []kitchen.Choice {
	if m.direction == workflows.Remaking {
		return []kitchen.Choice{kitchen.ChoiceRemake, kitchen.ChoiceCancel}
	}
	return []kitchen.Choice{kitchen.ChoiceCancel}
}

func (m *model) ask(i int, undoing bool, because why, choices ...kitchen.Choice) {
	m.silence = false
	m.decide("", "")
	m.askedAt = m.now
	m.asked = question{about: m.ref(i, undoing), why: because}
	copy(m.asked.choices[:], choices)
	m.state = kitchen.StateNeedsAttention
	m.announce(announcement{state: kitchen.StateNeedsAttention, asked: m.asked, left: m.leftovers()})
}

// closeQuestion closes a question because its ticket has ended.
func (m *model) closeQuestion() {
	if m.asked != (question{}) {
		m.clearQuestion("", "")
	}
}

// decide notes how the open question is closed, if there is one.
func (m *model) decide(choice kitchen.Choice, by string) {
	if m.asked != (question{}) {
		m.decided = append(m.decided, decided{
			about: m.asked.about, cause: m.asked.why.cause, code: m.asked.why.code,
			asked: m.askedAt.Format(clockFormat), at: m.now.Format(clockFormat), choice: choice, by: by,
		})
		m.decided = m.decided[max(0, len(m.decided)-kitchen.MaxDecisions):]
	}
	m.asked = question{}
}

func (m *model) clearQuestion(choice kitchen.Choice, by string) {
	m.decide(choice, by)
	m.state = kitchen.StateInProgress
	if m.direction == workflows.Cancelling {
		m.state = kitchen.StateCancelling
	}
}

// announce queues what is to be written to order-failures.
func (m *model) announce(what announcement) {
	what.remakes = m.remakes
	m.queue = append(m.queue, what)
	if len(m.queue) == 1 {
		m.writtenAt = m.now.Add(m.announcing)
	}
}

func (m *model) leftovers() string {
	var left []string
	for i, r := range m.rows {
		if r.left {
			left = append(left, m.ref(i, false).ActivityID())
		}
	}
	return fmt.Sprint(left)
}

// takes says that somebody has taken a ticket, or that its owner has been heard of.
func (m *model) takes(ref kitchen.TicketRef, by string) {
	if t := m.open(ref); t != nil {
		t.owner, t.silent, t.allowed = by, 0, 0
	}
}

// putsBack says that a ticket's owner has put it back.
func (m *model) putsBack(ref kitchen.TicketRef) {
	if t := m.open(ref); t != nil {
		t.owner, t.silent, t.allowed = "", 0, 0
	}
}

// passes says that a ticket is issued again because nobody was heard of. Asked
// about is only what somebody has taken.
func (m *model) passes(ref kitchen.TicketRef) {
	t := m.open(ref)
	if t == nil || t.owner == "" {
		return
	}
	t.silent++
	most := m.rules.MaxReissues
	tooSilent := most > 0 && (t.silent == most || t.silent >= most+t.allowed)
	if tooSilent && t.listened && !t.answer.ended && m.asked == (question{}) && m.waiting == ref.Stage && ref.Pass == m.pass && (ref.Kind == kitchen.TicketUndo) == (m.direction != workflows.Making) {
		m.silence = true
	}
	m.run()
}

// open is the ticket while Temporal waits for its answer.
func (m *model) open(ref kitchen.TicketRef) *ticketModel {
	i := m.find(ref)
	if i < 0 {
		return nil
	}
	t := m.ticket(i, ref.Kind == kitchen.TicketUndo)
	if !t.pending {
		return nil
	}
	return t
}

// The results on an update.
const (
	accepted = "accepted"
	refused  = workflows.ErrorRefused
	invalid  = workflows.ErrorInvalid
)

func (m *model) cancel(by string) string {
	if m.shipping || m.direction == workflows.Cancelling {
		return refused
	}
	m.decide("", "")
	m.direction, m.state, m.cancelled = workflows.Cancelling, kitchen.StateCancelling, by
	m.run()
	return accepted
}

// noNumber is a telephone number that is none.
const noNumber = "ring"

func (m *model) amend(a kitchen.Amendment) string {
	changesTexts := a.Notes != nil || len(a.Messages) > 0
	if !changesTexts && a.Phone == nil || a.Phone != nil && *a.Phone == noNumber || len(a.Messages) > 0 && a.Messages[0].Line >= m.lines {
		return invalid
	}
	closing, closes := m.rules.Route.ClosesAmending()
	late := closes && m.find(kitchen.TicketRef{Stage: closing, Pass: m.pass}) >= 0
	if m.shipping || m.direction == workflows.Cancelling || m.direction == workflows.Making && late && changesTexts {
		return refused
	}
	if a.Notes != nil {
		m.notes = *a.Notes
	}
	if a.Phone != nil {
		m.phone = *a.Phone
	}
	for _, message := range a.Messages {
		m.messages[message.Line] = message.Message
	}
	return accepted
}

func (m *model) resolve(choice kitchen.Choice, by string) string {
	if !slices.Contains(kitchen.Choices(), choice) {
		return invalid
	}
	if m.asked == (question{}) || !slices.Contains(m.asked.choices[:], choice) {
		return refused
	}
	i, undoing := m.find(m.asked.about), m.asked.about.Kind == kitchen.TicketUndo
	m.clearQuestion(choice, by)
	switch {
	case choice == kitchen.ChoiceRetry:
		m.ticket(i, undoing).allowed = m.ticket(i, undoing).silent
	case undoing && choice == m.choicesToLeave()[0]:
		m.rows[i].left, m.waiting = true, ""
	case choice == kitchen.ChoiceCancel:
		m.direction, m.state, m.cancelled = workflows.Cancelling, kitchen.StateCancelling, by
	default:
		m.byHand++
		m.direction = workflows.Remaking
		if m.rows[i].state == kitchen.TicketFailed && !m.rows[i].byHand {
			m.startPass()
		}
	}
	m.run()
	return accepted
}

// describe is what can be seen of an order.
func (m *model) describe() string {
	var rows []string
	for _, r := range m.rows {
		rows = append(rows, rowText(r.stage, r.pass, r.state, r.maker, r.undo, r.left))
	}
	return describe(m.state, m.stage, m.waiting, m.asked, m.decided, m.cancelled, m.notes, m.phone, m.cost(), m.remakes, m.scrapped, rows, m.issued, m.announcements)
}

func rowText(stage kitchen.Stage, pass int, state kitchen.TicketState, maker string, undo kitchen.TicketState, left bool) string {
	return fmt.Sprintf("%s.%d %s made by %q undo=%s left=%t", stage, pass, state, maker, undo, left)
}

func describe(state kitchen.OrderState, stage, waiting kitchen.Stage, asked question, made []decided, cancelledBy, notes, phone, cost string, remakes, scrapped int, rows []string, issued []issuedTicket, announcements []announcement) string {
	return fmt.Sprintf("%s, entered %s, waits for %q\nasks %+v\ndecided %+v, cancelled by %q\nnotes %q, phone %q, costs %s, %d remakes, %d scrapped\nrows %q\nissued %+v\nannounced %+v\n",
		state, stage, waiting, asked, made, cancelledBy, notes, phone, cost, remakes, scrapped, rows, issued, announcements)
}
