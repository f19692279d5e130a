package workflows_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// model says what an order does, in place of the workflow and without its
// code: which states there are and which moves between them are allowed. It
// takes one event after the other. The zero values of its parts mean that
// there is no such thing, and it holds no pointers, so that it can be copied.
//
//	               done, done, …                      announced
//	accepted ─► in-progress ─────────────► shipping ─────────────► shipped
//	               │   ▲
//	       failed, │   │ retry, remake,
//	       silence ▼   │ an answer after all
//	         needs-attention ──cancel──► cancelling ─undone, left─► cancelled
//	               ▲                        │  ▲
//	               └── failed, silence, late┘  └ retry, cancel (leaves it)
type model struct {
	rules  kitchen.Rules
	pieces int
	lines  int
	// announcing is how long it takes until an announcement is on Kafka.
	announcing time.Duration

	now      time.Time
	state    kitchen.OrderState
	stage    kitchen.Stage // the last one entered
	waiting  kitchen.Stage
	notes    string
	way      workflows.Direction
	pass     int
	remakes  int
	byHand   int // remakes that a manager chose
	scrapped int
	asked    question
	rows     []row

	// doing is what the order is busy with; until says for how long, if that
	// is known.
	doing    occupation
	until    time.Time
	on       int // the row that a ticket or a pause is about
	undoing  bool
	pausedOn workflows.Direction
	silence  int // the attempt of a complaint that has not been looked at
	shipping bool
	// held is set while the order has heard of something and not acted yet,
	// because more happens at the same instant.
	held bool

	issued []issuedTicket
	told   []told
}

// occupation is what an order is busy with.
type occupation int

const (
	free     occupation = iota
	working             // waits for the answer to a ticket
	pausing             // before a ticket goes out once more
	telling             // an announcement is under way
	finished            // the workflow has closed
)

// row is one pass through one stage.
type row struct {
	stage   kitchen.Stage
	pass    int
	maker   string // who has done the work, in time or late; empty for nobody
	state   kitchen.TicketState
	undo    kitchen.TicketState
	left    bool
	settled bool // nothing is left to undo
	// lastFailure is the failed ack that was counted last.
	lastFailure  string
	undoScrapped int  // pieces that undoing it has cost
	byHand       bool // its last failure was no station's word
	make, unmake ticketModel
}

type ticketModel struct {
	pending  bool // Temporal waits for an answer
	listened bool // and so does the order itself
	answer   answer
	patience int // the attempt from which on somebody is asked
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
}

// issuedTicket and told are what goes out of an order.
type issuedTicket struct {
	id    string
	made  bool
	notes string
}

type told struct {
	state   kitchen.OrderState // needs-attention, cancelled or shipped
	asked   question
	left    string
	remakes int
}

func newModel(in workflows.OrderInput, now time.Time) model {
	m := model{
		rules: in.Rules, pieces: in.Order.Pieces(), lines: len(in.Order.Lines), notes: in.Order.Notes,
		now: now, state: kitchen.StateAccepted, way: workflows.Making, pass: 1,
	}
	return m
}

func (m model) clone() model {
	m.rows, m.issued, m.told = slices.Clone(m.rows), slices.Clone(m.issued), slices.Clone(m.told)
	return m
}

// fingerprint tells models apart.
func (m model) fingerprint() string {
	m.rules = kitchen.Rules{}
	return fmt.Sprintf("%+v", m)
}

// advance lets the time pass: pauses and announcements end.
func (m *model) advance(to time.Time) {
	for (m.doing == pausing || m.doing == telling) && !m.until.After(to) {
		m.now = m.until
		if m.doing == pausing {
			m.issue(m.on, m.undoing)
		} else {
			m.announced()
		}
		m.run()
	}
	m.now = to
}

// run does all that can be done without anything from outside.
func (m *model) run() {
	for !m.held && m.next() {
	}
}

func (m *model) next() bool {
	switch m.doing {
	case telling, finished:
		return false
	case pausing:
		if m.way == m.pausedOn {
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
	case m.way == workflows.Making:
		m.produce()
		return true
	}
	for i := range slices.Backward(m.rows) {
		if m.rows[i].pass == m.pass && !m.rows[i].settled {
			m.compensate(i)
			return true
		}
	}
	for i, r := range m.rows {
		if r.pass == m.pass && r.state == kitchen.TicketDone && r.undo == kitchen.TicketUndone && !r.left {
			m.ask(i, true, m.waysToLeave()...)
			return true
		}
	}
	if m.way == workflows.Remaking {
		m.startPass()
		return true
	}
	m.tell(told{state: kitchen.StateCancelled, left: m.leftovers()})
	return true
}

// listen looks at the ticket that is out.
func (m *model) listen() bool {
	r := &m.rows[m.on]
	t := m.ticket(m.on, m.undoing)
	switch {
	case t.answer.ended:
		m.hear(t.answer)
	case !m.undoing && m.way != workflows.Making:
		t.listened = false // withdrawn, but a late answer is noted
		m.doing = free
	case m.undoing && r.left:
		t.listened = false // as with a withdrawn ticket
		r.settled = true
		m.doing = free
	case m.silence > 0:
		attempt := m.silence
		m.silence = 0
		if m.asked != (question{}) || attempt < t.patience {
			return true
		}
		t.patience = attempt
		choices := kitchen.Choices()
		if m.undoing {
			choices = append([]kitchen.Choice{kitchen.ChoiceRetry}, m.waysToLeave()...)
		}
		m.ask(m.on, m.undoing, choices...)
	default:
		return false
	}
	return true
}

func (m *model) produce() {
	for _, stage := range kitchen.Stages() {
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
			panic(fmt.Sprintf("the model is wrong: %s is neither done nor failed nor out", stage))
		}
	}
	m.shipping = true
	m.tell(told{state: kitchen.StateShipped})
}

func (m *model) compensate(i int) {
	r := &m.rows[i]
	switch {
	case r.left:
		r.settled = true
	case r.state == kitchen.TicketDone && m.rules.UndoOnRecordAt(r.stage):
		r.undo, r.state, r.settled = kitchen.TicketUndone, kitchen.TicketUndone, true
		m.waiting = ""
	case r.undo == kitchen.TicketFailed:
		m.pause(i, true)
	default:
		m.issue(i, true)
	}
}

func (m *model) pause(i int, undoing bool) {
	m.doing, m.on, m.undoing, m.pausedOn, m.until = pausing, i, undoing, m.way, m.now.Add(time.Second)
}

func (m *model) issue(i int, undoing bool) {
	r := &m.rows[i]
	m.doing, m.on, m.undoing, m.waiting = working, i, undoing, r.stage
	ref := m.ref(i, undoing)
	*m.ticket(i, undoing) = ticketModel{pending: true, listened: true}
	m.issued = append(m.issued, issuedTicket{id: ref.ActivityID(), made: undoing && r.state == kitchen.TicketDone, notes: m.notes})
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

// answered is a station's last word on a ticket, or somebody's in Temporal. A
// ticket that nobody waits for takes none.
func (m *model) answered(ref kitchen.TicketRef, a answer) {
	i := m.find(ref)
	if i < 0 || m.doing == finished {
		return
	}
	t := m.ticket(i, ref.Kind == kitchen.TicketUndo)
	if !t.pending || t.listened && a.passing {
		return
	}
	t.pending = false
	if !t.listened {
		m.note(i, ref.Kind == kitchen.TicketUndo, a)
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

// note keeps what a station says of a ticket that was withdrawn or left.
func (m *model) note(i int, undoing bool, a answer) {
	ending := len(m.told) > 0 && m.told[len(m.told)-1].state == kitchen.StateCancelled
	switch {
	case undoing && ending: // that it was left is being announced
	case undoing && !a.failed:
		m.undone(i, a)
	case undoing && !a.byHand:
		m.scrap(i, a)
		m.rows[i].undo = kitchen.TicketFailed
	case !a.failed:
		m.rows[i].maker, m.rows[i].state = a.by, kitchen.TicketDone
	case !a.byHand:
		m.scrap(i, a)
	}
}

// scrap counts what a failure has cost, once.
func (m *model) scrap(i int, a answer) {
	if m.rows[i].lastFailure != a.id {
		m.scrapped += a.scrapped
	}
	m.rows[i].lastFailure = a.id
}

func (m *model) hear(a answer) {
	r := &m.rows[m.on]
	m.doing, m.silence, m.waiting = free, 0, ""
	*m.ticket(m.on, m.undoing) = ticketModel{}
	news := true
	if a.failed {
		news = a.byHand || r.lastFailure != a.id
		m.scrap(m.on, a)
	}
	switch {
	case m.undoing && !a.failed:
		m.undone(m.on, a)
		m.answeredByItself()
	case m.undoing:
		r.undo = kitchen.TicketFailed
		if !news && !r.left {
			m.answeredByItself() // a manager has decided about it
		} else if !r.left {
			m.ask(m.on, true, append([]kitchen.Choice{kitchen.ChoiceRetry}, m.waysToLeave()...)...)
		}
	case !a.failed:
		r.maker, r.state = a.by, kitchen.TicketDone
		m.answeredByItself()
	default:
		r.state, r.byHand = kitchen.TicketFailed, a.byHand
		switch {
		case m.way != workflows.Making:
		case !news:
			m.answeredByItself() // what it means has been decided
		case a.byHand:
			m.ask(m.on, false, kitchen.Choices()...)
		case m.outcome(a.reason) == kitchen.OutcomeAgain:
			m.answeredByItself()
		case m.remakes < m.rules.MaxRemakes:
			m.answeredByItself()
			m.startPass()
		default:
			m.ask(m.on, false, kitchen.Choices()...)
		}
	}
}

// undone counts of the pieces that an undo has scrapped those that are new: the
// stages of a pass hand on the same cupcakes, so what undoing other stages has
// scrapped is among them.
func (m *model) undone(i int, a answer) {
	counted := 0
	for _, r := range m.rows {
		if r.pass == m.rows[i].pass {
			counted += r.undoScrapped
		}
	}
	m.scrapped += max(0, min(a.scrapped, m.pieces-counted))
	r := &m.rows[i]
	r.undoScrapped = a.scrapped
	r.undo, r.state, r.settled, r.left = kitchen.TicketUndone, kitchen.TicketUndone, true, false
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
	m.way = workflows.Making
}

func (m *model) waysToLeave() []kitchen.Choice {
	if m.way == workflows.Remaking {
		return []kitchen.Choice{kitchen.ChoiceRemake, kitchen.ChoiceCancel}
	}
	return []kitchen.Choice{kitchen.ChoiceCancel}
}

func (m *model) ask(i int, undoing bool, choices ...kitchen.Choice) {
	m.silence = 0
	m.asked = question{about: m.ref(i, undoing)}
	copy(m.asked.choices[:], choices)
	m.state = kitchen.StateNeedsAttention
	m.tell(told{state: kitchen.StateNeedsAttention, asked: m.asked, left: m.leftovers()})
}

// answeredByItself takes a question back that an answer has settled.
func (m *model) answeredByItself() {
	if m.asked != (question{}) {
		m.decided()
	}
}

func (m *model) decided() {
	m.asked = question{}
	m.state = kitchen.StateInProgress
	if m.way == workflows.Cancelling {
		m.state = kitchen.StateCancelling
	}
}

func (m *model) tell(what told) {
	if what.state != kitchen.StateShipped {
		what.remakes = m.remakes
	}
	m.told = append(m.told, what)
	m.doing, m.until = telling, m.now.Add(m.announcing)
}

func (m *model) announced() {
	switch m.told[len(m.told)-1].state {
	case kitchen.StateShipped:
		m.state, m.doing = kitchen.StateShipped, finished
	case kitchen.StateCancelled:
		m.state, m.waiting, m.doing = kitchen.StateCancelled, "", finished
	default:
		m.doing = free
		if t := m.ticket(m.on, m.undoing); t.listened {
			m.doing = working // it is still out
		}
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

// complained is word that nobody answers a ticket.
func (m *model) complained(ref kitchen.TicketRef, attempt int) {
	i := m.find(ref)
	undoing := ref.Kind == kitchen.TicketUndo
	if i < 0 || m.asked != (question{}) || m.rows[i].pass != m.pass || undoing != (m.way != workflows.Making) {
		return
	}
	if t := m.ticket(i, undoing); t.listened && m.waiting == ref.Stage && attempt >= t.patience {
		m.silence = attempt
	}
	m.run()
}

// The verdicts on an update.
const (
	accepted = "accepted"
	refused  = workflows.ErrorRefused
	invalid  = workflows.ErrorInvalid
)

func (m *model) cancel() string {
	if m.shipping || m.way == workflows.Cancelling {
		return refused
	}
	m.way, m.state, m.asked = workflows.Cancelling, kitchen.StateCancelling, question{}
	m.run()
	return accepted
}

func (m *model) amend(a kitchen.Amendment) string {
	if a.Notes == nil && len(a.Messages) == 0 || len(a.Messages) > 0 && a.Messages[0].Line >= m.lines {
		return invalid
	}
	atDecorate := m.find(kitchen.TicketRef{Stage: kitchen.Decorate, Pass: m.pass}) >= 0
	if m.shipping || m.way == workflows.Cancelling || m.way == workflows.Making && atDecorate {
		return refused
	}
	if a.Notes != nil {
		m.notes = *a.Notes
	}
	return accepted
}

func (m *model) resolve(choice kitchen.Choice) string {
	if !slices.Contains(kitchen.Choices(), choice) {
		return invalid
	}
	if m.asked == (question{}) || !slices.Contains(m.asked.choices[:], choice) {
		return refused
	}
	i, undoing := m.find(m.asked.about), m.asked.about.Kind == kitchen.TicketUndo
	m.decided()
	switch {
	case choice == kitchen.ChoiceRetry:
		m.ticket(i, undoing).patience += m.rules.MaxReissues
	case undoing && choice == m.waysToLeave()[0]:
		m.rows[i].left, m.waiting = true, ""
	case choice == kitchen.ChoiceCancel:
		m.way, m.state = workflows.Cancelling, kitchen.StateCancelling
	default:
		m.byHand++
		m.way = workflows.Remaking
		if m.rows[i].state == kitchen.TicketFailed && !m.rows[i].byHand {
			m.startPass()
		}
	}
	m.run()
	return accepted
}

// describe says what shows of an order.
func (m *model) describe() string {
	var rows []string
	for _, r := range m.rows {
		rows = append(rows, rowText(r.stage, r.pass, r.state, r.maker, r.undo, r.left))
	}
	return describe(m.state, m.stage, m.waiting, m.asked, m.notes, m.remakes, m.scrapped, rows, m.issued, m.told)
}

func rowText(stage kitchen.Stage, pass int, state kitchen.TicketState, maker string, undo kitchen.TicketState, left bool) string {
	return fmt.Sprintf("%s.%d %s made by %q undo=%s left=%t", stage, pass, state, maker, undo, left)
}

func describe(state kitchen.OrderState, stage, waiting kitchen.Stage, asked question, notes string, remakes, scrapped int, rows []string, issued []issuedTicket, told []told) string {
	return fmt.Sprintf("%s, entered %s, waits for %q\nasks %+v\nnotes %q, %d remakes, %d scrapped\nrows %q\nissued %+v\ntold %+v\n",
		state, stage, waiting, asked, notes, remakes, scrapped, rows, issued, told)
}
