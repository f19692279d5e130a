package station

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// hand is what this station does with a ticket.
type hand int

const (
	nothing  hand = iota // it waits, or somebody else works on it
	starting             // started is on its way to the log
	working              // the log has given it to us
	ending               // a final ack is on its way to the log
)

// job is a ticket that has been delivered here and is not finished. Its fields
// are protected by the station's mu.
type job struct {
	number int // 0 while it is hidden
	ticket kitchen.Ticket
	hand   hand
	// elsewhere is the started ack of whoever else has it in hand.
	elsewhere   *kitchen.Ack
	lastFailure *kitchen.Ack
	// startedAt is when it was first started here; zero if it was not.
	startedAt time.Time
	// expires is how long the log will have been read when its attempt, in
	// somebody else's hands, is given up here.
	expires time.Duration
	// heard is when our last ack about it was given, by our own clock, that the
	// log has shown us.
	heard time.Time
	// over is closed when it is no longer in hand; nil while it is not.
	over chan struct{}

	delivery *delivery
	// lost says that the delivery's partition has gone to another station.
	lost bool

	// undoes is the ticket that an undo ticket undoes; empty for others.
	undoes string
	// hidden is set for an undo ticket while it is not known whether it needs
	// hands. byItself stops the station from answering it without any; nil
	// while it does not.
	hidden   bool
	byItself context.CancelFunc
	// hadInHand says that an undo ticket has taken its work out of our hand.
	hadInHand bool
	// firstIssued is the record of its first attempt; nil if that has not been
	// here.
	firstIssued *board.Heard

	// gone is set when the job has been removed, outcome to the ack that did
	// so, if one did.
	gone    bool
	outcome *kitchen.Ack
}

// delivery is the newest message that brought a job's ticket.
type delivery struct {
	// finish tells the group that the message is finished, release stops
	// watching its partition.
	finish  func()
	release func() bool
}

func (d *delivery) end() {
	d.release()
	d.finish()
}

func (j *job) state() State {
	switch {
	case j.hand == working || j.hand == ending:
		return InHand
	case j.elsewhere != nil:
		return Elsewhere
	}
	return Waiting
}

// before reports whether j is to be worked on before another job.
func (j *job) before(other *job) bool {
	if undo := j.undoes != ""; undo != (other.undoes != "") {
		return undo
	}
	return j.number < other.number
}

// drop takes the ticket out of our hands.
func (j *job) drop() {
	j.hand = nothing
	if j.over != nil {
		close(j.over)
		j.over = nil
	}
}

// leaveToHands stops the station from answering an undo ticket by itself. What
// is on its way to the log is left to the log.
func (j *job) leaveToHands() {
	if j.byItself != nil {
		j.byItself()
		j.byItself = nil
	}
}

// Tickets lists what is at this station, by number.
func (s *Station) Tickets() []Item {
	s.mu.Lock()
	defer s.mu.Unlock()
	items := make([]Item, 0, len(s.jobs))
	for _, j := range s.jobs {
		if !j.hidden {
			items = append(items, s.item(j))
		}
	}
	slices.SortFunc(items, func(x, y Item) int { return cmp.Compare(x.Number, y.Number) })
	return items
}

// Standing says whether a ticket that people call by its number can be worked
// on.
type Standing int

// The standings of a ticket.
const (
	// Unknown: no ticket has got this number yet, or it was long ago.
	Unknown Standing = iota
	// Here: Tickets lists it.
	Here
	// Away: it is not here, but open, and may come back.
	Away
	// Ended: its work is done or undone.
	Ended
	// Cancelled: it is not here, since its order was cancelled.
	Cancelled
)

// Lookup returns the id of the ticket that has got a number at this station,
// and where it stands.
func (s *Station) Lookup(number int) (string, Standing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for ticketID, given := range s.numbers {
		if given != number {
			continue
		}
		if s.jobs[ticketID] != nil {
			return ticketID, Here
		}
		switch entry, _ := s.board.Get(ticketID); {
		case entry.Withdrawn:
			return ticketID, Cancelled
		case entry.Ended():
			return ticketID, Ended
		}
		return ticketID, Away
	}
	return "", Unknown
}

// item is a job as others see it. The lock is held.
func (s *Station) item(j *job) Item {
	item := Item{
		Answering:   j.hand == ending,
		LastFailure: j.lastFailure,
		Number:      j.number,
		State:       j.state(),
		Ticket:      j.ticket,
	}
	switch item.State {
	case InHand:
		item.By, item.StartedAt = s.config.Name, j.startedAt
	case Elsewhere:
		item.By, item.StartedAt = j.elsewhere.By, j.elsewhere.At
	}
	if j.undoes != "" {
		item.Work, item.WorkBy = s.work(j)
	}
	return item
}

// remove ends a job and its delivery. The lock is held.
func (s *Station) remove(j *job) {
	j.delivery.end()
	s.discard(j)
}

// discard ends a job but not its delivery. The lock is held.
func (s *Station) discard(j *job) {
	j.drop()
	j.leaveToHands()
	j.gone = true
	delete(s.jobs, j.ticket.TicketID)
}

// take handles a message of the stage's topic. It returns when the ticket is
// known here, which is not before the log of acks is, or when ctx has ended.
// finish may then be called later, from anywhere.
func (s *Station) take(ctx context.Context, m events.Message, finish func()) {
	ticket, err := events.DecodeTicket(m)
	switch {
	case err != nil:
		s.bury(ctx, m, err.Error(), finish)
		return
	case ticket.Stage != s.config.Stage:
		s.bury(ctx, m, "stage: a ticket of "+string(ticket.Stage)+" is not for the topic of "+string(s.config.Stage), finish)
		return
	}
	select {
	case <-s.caughtUp:
	case <-ctx.Done():
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return
	}
	heard := board.HeardFrom(m, s.reading.Elapsed())
	if s.board.TooOld(heard) {
		s.config.Logger.WarnContext(ctx, "A ticket is older than what was read of the acks; it is not offered, and is issued again if it is open",
			"pickup_code", ticket.PickupCode, "appended_at", m.Time, "topic", m.Topic, "partition", m.Partition, "offset", m.Offset)
		finish()
		return
	}
	s.board.AddTicket(ticket, heard)
	if j := s.jobs[ticket.TicketID]; j != nil {
		s.reissue(ctx, j, ticket, heard, finish)
		return
	}
	s.offer(ctx, ticket, heard, finish)
}

// offer makes a job of a ticket that is not here yet, unless the log has ended
// it. The lock is held.
func (s *Station) offer(ctx context.Context, ticket kitchen.Ticket, issued board.Heard, finish func()) {
	entry, _ := s.board.Get(ticket.TicketID)
	switch {
	case entry.Withdrawn:
		finish() // its order was cancelled, and does not ask for it any more
		return
	case entry.Ended():
		s.repeat(ctx, *entry.Ack, finish)
		return
	case entry.State == kitchen.TicketFailed, entry.Ticket.Attempt > ticket.Attempt:
		finish() // the next attempt lies behind this one, or is on its way
		return
	}
	j := &job{}
	s.jobs[ticket.TicketID] = j
	s.hold(ctx, j, ticket, issued, finish)
	j.lastFailure = entry.LastFailure
	if entry.State == kitchen.TicketStarted {
		j.elsewhere = entry.Ack
	}
	if undoes, ok := board.UndoneBy(ticket.TicketID); ok {
		j.hidden, j.undoes = true, undoes
		s.takeUndo(j)
		return
	}
	s.show(j)
}

// show lets people see a job for the first time. The lock is held.
func (s *Station) show(j *job) {
	s.number(j)
	kind := Offered
	if j.elsewhere != nil {
		kind = StartedElsewhere
	}
	s.observe(Event{Kind: kind, Item: s.item(j), Ack: j.elsewhere})
}

// number gives a job the number by which people call it. The lock is held.
func (s *Station) number(j *job) {
	ticketID := j.ticket.TicketID
	number, known := s.numbers[ticketID]
	if !known {
		s.last++
		number = s.last
		s.numbers[ticketID] = number
	}
	j.number, j.hidden = number, false
}

// reissue puts a delivery in the place of an earlier one of the same ticket.
// The lock is held.
func (s *Station) reissue(ctx context.Context, j *job, ticket kitchen.Ticket, issued board.Heard, finish func()) {
	if ticket.Attempt < j.ticket.Attempt {
		finish()
		return
	}
	newer := ticket.Attempt > j.ticket.Attempt
	was := j.state()
	j.delivery.end()
	s.hold(ctx, j, ticket, issued, finish)
	if !newer {
		return
	}
	entry, _ := s.board.Get(ticket.TicketID)
	j.lastFailure = entry.LastFailure
	j.elsewhere = nil
	if j.hidden {
		s.takeUndo(j)
		return
	}
	s.observe(Event{Kind: Reissued, Item: s.item(j), Was: was})
	switch {
	case entry.State == kitchen.TicketStarted && entry.By != s.config.Name:
		s.startedElsewhere(j, entry.Ack)
	case j.hand == working:
		s.startAgain(*j)
	case was == Elsewhere:
		s.observe(Event{Kind: Offered, Item: s.item(j), Was: was})
	}
}

// hold makes a delivery the one that the job will finish. The lock is held.
func (s *Station) hold(ctx context.Context, j *job, ticket kitchen.Ticket, issued board.Heard, finish func()) {
	j.ticket = ticket
	if ticket.Attempt == 1 {
		j.firstIssued = &issued
	}
	j.lost = false
	j.expires = issued.After + max(s.config.AckWithin, ticket.AckWithin()) + reissueGrace
	d := &delivery{finish: finish}
	j.delivery = d
	d.release = context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if j.delivery == d && !j.gone {
			s.lose(j)
		}
	})
}

// lose gives up a job whose partition has gone to another station, unless it
// is in hand. The lock is held.
func (s *Station) lose(j *job) {
	j.lost = true
	if j.hand != nothing {
		return
	}
	was := j.state()
	s.discard(j)
	s.observe(Event{Kind: Withdrawn, Item: s.item(j), Was: was})
}
