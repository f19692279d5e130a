package floor

import (
	"cmp"
	"slices"
	"strings"
	"time"
	"unique"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/internal/pack"
	"github.com/cupcakery/cupcakery/kitchen"
)

// loggedOrder is the newest status of an order that the log has.
type loggedOrder struct {
	version int64
	// status is a packed LoggedStatus. It is empty once the order is over: then it
	// only matters that late messages are late.
	status string
	// tickets are the tickets that the status tells of: see ticketsOf. Most orders
	// share them.
	tickets unique.Handle[string]
	// firstPass is the pass that the status begins with.
	firstPass int
	// complete says that everything was read that the log has of the order since
	// some step. What is only told again beside a ticket that is issued again may be
	// outdated: what came after it may lie further back than this process has read.
	complete bool
	// asked is since when a manager is asked, in Unix nanoseconds; zero while none is.
	asked int64
	// heard is the last record of the order.
	heard board.Heard
}

const (
	// versionAhead is how far an order's version, which goes by Temporal's clock, may
	// be ahead of the broker's time.
	versionAhead = 24 * time.Hour
	// askedFor is how long an order is kept about which a manager is asked, after its
	// last message. By default the log itself has lost the question then, and no other
	// process would know it.
	askedFor = 30 * 24 * time.Hour
)

// packed is a step as it is kept.
func packed(told kitchen.LoggedStatus) loggedOrder {
	order := loggedOrder{version: told.Version}
	if told.Attention != nil {
		order.asked = told.Attention.Since.UnixNano()
	}
	if !told.State.IsFinal() {
		order.status, order.tickets = pack.Pack(&told, codeStatus), unique.Make(ticketsOf(told.Stages))
		if len(told.Stages) > 0 {
			order.firstPass = told.Stages[0].Pass
		}
	}
	return order
}

func (o *loggedOrder) unpack(orderID string) kitchen.LoggedStatus {
	told := kitchen.LoggedStatus{OrderID: orderID}
	pack.Unpack(o.status, &told, codeStatus)
	return told
}

// ticketsOf are the tickets of an order's stages: their ids without the order's, each
// between spaces.
func ticketsOf(stages []kitchen.StageStatus) string {
	var tickets strings.Builder
	for _, row := range stages {
		ref := kitchen.TicketRef{Stage: row.Stage, Pass: row.Pass, Kind: kitchen.TicketMake}
		tickets.WriteString(" " + ref.ActivityID() + " ")
		if row.Undo != nil {
			tickets.WriteString(" " + ref.Undo().ActivityID() + " ")
		}
	}
	return tickets.String()
}

// tellOf reports whether an order's stages tell of a ticket.
func tellOf(stages []kitchen.StageStatus, ticket kitchen.TicketRef) bool {
	return slices.ContainsFunc(stages, func(row kitchen.StageStatus) bool {
		return row.Stage == ticket.Stage && row.Pass == ticket.Pass && (ticket.Kind == kitchen.TicketMake || row.Undo != nil)
	})
}

// addStatus keeps where an order stands, unless something newer is known, and shows
// it to those who follow the order.
func (f *Floor) addStatus(told kitchen.LoggedStatus, m events.Message) {
	now := packed(told)
	f.mu.Lock()
	defer f.mu.Unlock()
	at := f.place(m)
	f.board.Note(at)
	if at.Appended && told.Version > at.Time.Add(versionAhead).UnixMilli() {
		return // not an order's own: it would outdate all that the order tells
	}
	order := f.statuses[told.OrderID]
	if order == nil {
		order = &loggedOrder{}
		f.statuses[told.OrderID] = order
	}
	order.heard = at
	if f.isErased(told.OrderID) {
		now.status, now.asked = "", 0
	}
	if told.Version >= order.version {
		if now.asked != order.asked {
			f.kitchen.questionsChanged() // another process may have taken the decision
			if f.onAnswered != nil && f.caughtUp && order.asked != 0 {
				f.onAnswered(max(f.readAt(at).Sub(time.Unix(0, order.asked)), 0))
			}
		}
		now.heard, now.complete = at, order.complete || !told.Repeated
		*order = now
	}
	f.orders.told(told)
}

// Questions are how many orders wait for a manager's decision, by the log as far as it
// was read, and how long the first of them has waited.
func (f *Floor) Questions() (open int, oldest time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.readUntilLocked()
	for _, order := range f.statuses {
		if order.asked == 0 || order.status == "" {
			continue
		}
		open++
		oldest = max(oldest, now.Sub(time.Unix(0, order.asked)))
	}
	return open, oldest
}

// AskedLonger are the orders that have waited for a manager's decision for longer than
// that, by the log, those that have waited longest first.
func (f *Floor) AskedLonger(than time.Duration) (orderIDs []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.readUntilLocked()
	for orderID, order := range f.statuses {
		if order.asked != 0 && order.status != "" && now.Sub(time.Unix(0, order.asked)) > than {
			orderIDs = append(orderIDs, orderID)
		}
	}
	slices.SortFunc(orderIDs, func(a, b string) int { return cmp.Compare(f.statuses[a].asked, f.statuses[b].asked) })
	return orderIDs
}

// QuestionClosed notes that nobody can answer what an order has asked: it was ended in
// Temporal, of which the log never tells. Should it go on after all, it tells a status.
func (f *Floor) QuestionClosed(orderID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if order := f.statuses[orderID]; order != nil {
		order.asked = 0
		f.kitchen.questionsChanged()
	}
}

// missStatus notes a step of an order that cannot be understood: what was told before
// may be outdated.
func (f *Floor) missStatus(m events.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.board.Note(f.place(m))
	if order := f.statuses[string(m.Key)]; order != nil {
		order.complete = false
	}
}

// expectStatus notes that a ticket was issued. If no step is known that it belongs
// to, one is on the way, or was lost: then what was told before is outdated. The lock
// is held.
func (f *Floor) expectStatus(ticket kitchen.Ticket) {
	order := f.statuses[ticket.OrderID]
	if order == nil || order.status == "" || !order.complete {
		return
	}
	if ticket.Pass < order.firstPass {
		return // of a pass that is left out of the status
	}
	order.complete = strings.Contains(order.tickets.Value(), " "+ticket.Ref().ActivityID()+" ")
}

// OrderStatus is where an order stands by the log, apart from its lines and from what
// stations do with its open tickets (AddWork). It is false if the log does not tell
// that for sure, or tells that the order is over.
func (f *Floor) OrderStatus(orderID string) (told kitchen.LoggedStatus, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	order := f.statuses[orderID]
	if order == nil || order.status == "" || !order.complete || f.isBehind() {
		return kitchen.LoggedStatus{}, false
	}
	return order.unpack(orderID), true
}

// dropStatuses forgets the orders that the log has been silent about for lookBack,
// unless they may go on. The lock is held.
func (f *Floor) dropStatuses(now time.Duration) {
	for orderID, order := range f.statuses {
		if silent := f.board.Age(order.heard, now); silent > f.lookBack && !f.mayGoOn(orderID, order, silent) {
			delete(f.statuses, orderID)
		}
	}
}

// mayGoOn reports whether an order that the log has been silent about is open as far
// as is known: a manager may take days to decide, and what waits for a station stays
// on the board while the factory is away. The lock is held.
func (f *Floor) mayGoOn(orderID string, order *loggedOrder, silent time.Duration) bool {
	switch {
	case order.status == "":
		return false
	case order.asked != 0:
		return silent <= askedFor
	}
	for ticket := range strings.FieldsSeq(order.tickets.Value()) {
		if entry, known := f.board.Get(orderID + "." + ticket); known && !entry.Ended() {
			return true
		}
	}
	return false
}

// AddWork adds to an order's status what the order itself does not know of the
// tickets that it waits for: how often they were issued, and who has them in hand or
// is done, and when it may be ready. It returns false, and adds nothing, while the floor is behind the log.
func (f *Floor) AddWork(status *kitchen.Status) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.isBehind() {
		return false
	}
	f.addWork(status)
	return true
}

// addWork is AddWork by what has been read so far. It changes no row of the status
// that is shared with others. What failed or was undone comes with the order's own
// next step: the workflow decides what follows. The lock is held.
func (f *Floor) addWork(status *kitchen.Status) {
	if status.State.IsFinal() {
		return
	}
	defer func() { status.Estimate = f.estimate(status) }()
	status.Stages = kitchen.CloneStages(status.Stages)
	for i := range status.Stages {
		row := &status.Stages[i]
		ref := kitchen.TicketRef{OrderID: status.ID, Stage: row.Stage, Pass: row.Pass, Kind: kitchen.TicketMake}
		undo := row.Undo
		if undo != nil && (undo.State != kitchen.TicketWaiting || undo.Left != "") {
			continue // whatever became of the ticket, nobody waits for it
		}
		if row.State == kitchen.TicketWaiting {
			if entry, known := f.board.Get(ref.TicketID()); known {
				addMakeWork(status, row, entry)
			}
		}
		if undo != nil {
			if entry, known := f.board.Get(ref.Undo().TicketID()); known {
				undo.Attempt = max(undo.Attempt, entry.Attempt)
				if entry.State == kitchen.TicketStarted {
					undo.State, undo.By, undo.StartedAt = kitchen.TicketStarted, entry.By, utc(entry.StartedAt)
				}
			}
		}
	}
}

// addMakeWork adds what the board knows of a ticket to make something, as the
// order's workflow records it.
func addMakeWork(status *kitchen.Status, row *kitchen.StageStatus, entry board.Entry) {
	row.Attempt = max(row.Attempt, entry.Attempt)
	switch {
	case entry.State == kitchen.TicketStarted:
		row.State, row.By, row.StartedAt = kitchen.TicketStarted, entry.By, utc(entry.StartedAt)
	case entry.State == kitchen.TicketDone && row.Undo == nil:
		row.State, row.By, row.MadeBy = kitchen.TicketDone, entry.By, ""
		if entry.StartedAt != nil {
			row.StartedAt = utc(entry.StartedAt)
		}
		row.DoneAt, row.Note = utc(&entry.Ack.At), entry.Ack.Note
		if status.WaitingFor == row.Stage {
			status.WaitingFor = ""
		}
	}
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	return new(t.UTC())
}
