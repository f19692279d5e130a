package board

import (
	"time"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// Heard is where a record of the log lies, and when it was made and heard, as far
// as that can be known without believing anybody's clock.
type Heard struct {
	Topic     string
	Partition int
	Offset    int64
	// Time is when the record was made, for people to see.
	Time time.Time
	// Appended says that Time is the broker's. Nothing is concluded from a
	// sender's.
	Appended bool
	// After is how long the reader had been reading the log when it heard the
	// record, by a Stopwatch.
	After time.Duration
}

// HeardFrom returns what a board needs to know about a message; after is how long
// the reader had been reading the log when it received it.
func HeardFrom(m events.Message, after time.Duration) Heard {
	h := Heard{Topic: m.Topic, Partition: m.Partition, Offset: m.Offset, Time: m.Time, Appended: m.Appended, After: after}
	if !h.Time.IsZero() {
		h.Time = kitchen.TimeThatCanBe(h.Time)
	}
	return h
}

// place is one partition of the log.
type place struct {
	topic     string
	partition int
}

func (h Heard) place() place { return place{h.Topic, h.Partition} }

// Stopwatch measures how long a log has been read. Outages do not count: then
// the log is silent because nobody can read it. Only differences of the clock
// count, and time.Now is monotonic, so the machine's clock may be wrong or be set
// meanwhile. A Stopwatch is not safe for concurrent use.
type Stopwatch struct {
	now     func() time.Time
	since   time.Time
	before  time.Duration // what has run before since
	stopped bool
}

// NewStopwatch returns a stopwatch that is running.
func NewStopwatch(now func() time.Time) *Stopwatch { return &Stopwatch{now: now, since: now()} }

// Elapsed returns how long the stopwatch has run.
func (w *Stopwatch) Elapsed() time.Duration {
	if w.stopped {
		return w.before
	}
	return w.before + w.now().Sub(w.since)
}

// Stop stops it, if it runs.
func (w *Stopwatch) Stop() {
	w.before, w.stopped = w.Elapsed(), true
}

// Start lets it go on, if it has been stopped.
func (w *Stopwatch) Start() {
	if w.stopped {
		w.since, w.stopped = w.now(), false
	}
}

// CaughtUp tells the board that the log has been read to its end, in each
// partition from lookBack before its newest record on. What became of a ticket
// is known only if that was not too long ago: see TooOld and Recalls.
func (b *Board) CaughtUp(lookBack time.Duration) {
	for at, newest := range b.newest {
		if at.topic == events.TopicAcks && newest.Appended {
			b.forgetAcksBefore(newest.Time.Add(-lookBack))
		}
	}
}

// TooOld reports whether a ticket was issued so long ago that this board cannot
// know what became of it. If it is still open, it has been issued again or will
// be.
//
// The ticket and the acks lie in different topics, whose brokers may have
// different clocks. While the factory works, an open ticket was issued within four
// times its ackWithin, and the acks are known for five times that (LookBack), so
// the clocks may differ by one. After an outage of the factory that was longer, a
// new reader does not show what waits until it is issued again.
func (b *Board) TooOld(issued Heard) bool {
	return issued.Appended && issued.Time.Before(b.acksFrom)
}

// Recalls reports whether the board knows all acks since the given time before a
// record. In doubt it returns false.
func (b *Board) Recalls(heard Heard, before time.Duration) bool {
	if b.acksFrom.IsZero() && !b.acksForgotten {
		return true // everything is known
	}
	return heard.Appended && !b.acksForgotten && !heard.Time.Add(-before).Before(b.acksFrom)
}

// RecallsTicket reports whether the board knows all acks of a ticket that was
// issued. It does if it has heard the ticket's first delivery. Otherwise it must
// have read the acks since then; the ticket tells when that was, by a clock that may
// differ from the broker's as much as others do (TooOld). An owner may have been
// silent for all that time.
func (b *Board) RecallsTicket(ticketID string) bool {
	h, known := b.find(ticketID)
	switch {
	case !known || h.ticket.Attempt == 0:
		return false
	case h.fromFirst, b.acksFrom.IsZero() && !b.acksForgotten:
		return true
	}
	return !b.acksForgotten && !h.ticket.Since.IsZero() && !h.since.Add(-h.ticket.AckWithin()).Before(b.acksFrom)
}

// LookBack is how far back a log is to be read, and for how long a ticket is to
// be remembered that the log is silent about; longest is the longest ackWithin of
// any stage. An open ticket is issued again at the latest after four times that.
func LookBack(longest time.Duration) time.Duration { return 5 * longest }

// Forget drops every ticket that the log has not mentioned for longer than
// silence, and returns how many. Silence is measured by the Age of the ticket's
// records; now is how long the reader has been reading. Tickets for which keep
// returns true stay; a nil keep keeps none.
//
// An open ticket is issued again and again while the factory works, so one that the
// log has not mentioned for longer is over, as is one whose order is made anew.
// While no ticket of its partition is issued, the factory may be away, and nothing
// that is open is dropped.
func (b *Board) Forget(now, silence time.Duration, keep func(ticketID string) bool) int {
	isSilent := func(issued, acked Heard) bool {
		return b.isSilent(issued, now, silence) && b.isSilent(acked, now, silence)
	}
	return b.drop(isSilent, func(id string, h *history) bool {
		return (b.entry(id, h).Ended() || b.MadeAnew(id) || b.isAbandoned(h, silence)) && (keep == nil || !keep(id))
	})
}

func (b *Board) isSilent(last Heard, now, silence time.Duration) bool {
	return last == (Heard{}) || b.Age(last, now) > silence
}

// atWork is what the deliveries of a partition show of the factory.
type atWork struct {
	newest Heard // the last delivery of any ticket
	// total is how long the factory has been at work. A pause between two deliveries
	// may be an outage.
	total time.Duration
}

// pauses is how many pauses between two deliveries count as work while an owner may
// be silent. Of a longer pause no more counts: after an outage, what is open must
// have time to be issued again.
const pauses = 4

// seeAtWork notes a delivery, and returns how long the factory has been at work.
func (b *Board) seeAtWork(ticket kitchen.Ticket, heard Heard) time.Duration {
	seen, known := b.atWork[heard.place()]
	if known {
		pause := heard.After - seen.newest.After
		if heard.Appended && seen.newest.Appended {
			pause = max(pause, heard.Time.Sub(seen.newest.Time))
		}
		if within := ticket.AckWithin(); within > 0 {
			pause = min(pause, within/pauses)
		}
		seen.total += max(0, pause)
	}
	seen.newest = heard
	b.atWork[heard.place()] = seen
	return seen.total
}

// isAbandoned reports whether the factory has been at work for longer than silence
// since it issued this ticket. So is a ticket that was never issued, as far as is
// known.
func (b *Board) isAbandoned(h *history, silence time.Duration) bool {
	return h.ticket.Attempt == 0 || b.atWork[h.issued.place()].total-h.issuedAt > silence
}

// ForgetTooOld drops the tickets without a known ack whose acks may be older
// than the acks that were read, and returns how many. Those are the tickets that
// are TooOld. A partition with senders' times is read whole: if only the newest
// acks were read, nobody can tell of any ticket in it. What is still open is
// issued again.
func (b *Board) ForgetTooOld() int {
	isTooOld := func(issued, acked Heard) bool {
		return acked == (Heard{}) && (b.TooOld(issued) || !issued.Appended && !b.acksFrom.IsZero())
	}
	return b.drop(isTooOld, func(string, *history) bool { return true })
}

// drop drops the tickets of whose last records and of which all else is true, and
// returns how many.
func (b *Board) drop(ofRecords func(issued, acked Heard) bool, which func(string, *history) bool) int {
	dropped := make(map[string]*history)
	look := func(id string, h *history) {
		if which(id, h) { // which may look at the others
			dropped[id] = h
		}
	}
	for id, h := range b.tickets {
		if ofRecords(h.issued, h.acked) {
			look(id, h)
		}
	}
	for id := range b.ended.ids() {
		if ofRecords(b.ended.lastRecords(id)) {
			h, _ := b.ended.find(id)
			look(id, h)
		}
	}
	for id, h := range dropped {
		delete(b.tickets, id)
		b.ended.drop(id)
		switch {
		case h.acked.Appended:
			b.forgetAcksBefore(h.acked.Time)
		case h.acked != (Heard{}):
			b.acksForgotten = true
		}
	}
	return len(dropped)
}

// forgetAcksBefore notes that earlier acks are not known.
func (b *Board) forgetAcksBefore(from time.Time) {
	if from.After(b.acksFrom) {
		b.acksFrom = from
	}
}

// Age returns how old a record is at least; now is how long the reader has been
// reading. It is the time since the record was heard or, if that is longer, what
// the broker's times of its partition show.
func (b *Board) Age(heard Heard, now time.Duration) time.Duration {
	age := now - heard.After
	if newest := b.newest[heard.place()]; heard.Appended && newest.Appended {
		age = max(age, newest.Time.Sub(heard.Time)+now-newest.After)
	}
	return age
}
