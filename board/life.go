package board

import (
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

// maxUnjudged bounds the acks of one ticket that wait for a delivery to tell how
// long an owner may be silent. A ticket has few acks before its delivery is read;
// many come only from a station gone wild, and then the newest count.
const maxUnjudged = 64

// loggedAck is an ack with its record.
type loggedAck struct {
	ack   kitchen.Ack
	heard Heard
}

// Life is the life of one ticket: the state machine that doc.go draws. It has no
// clock and reads nothing. Issue and apply are all that changes it, and how the
// two are interleaved makes no difference: a delivery changes nothing about who
// has the ticket or how it ended.
type Life struct {
	// issued is the highest attempt that was delivered, 0 for none; repeated says
	// that an attempt was delivered a second time.
	issued   int
	repeated bool
	// within is how long an owner may be silent; 0 until a delivery has told it.
	within time.Duration

	now standing
	// before is how the ticket stood before its end or its last failure; nil once
	// something else has happened since the failure.
	before *standing
	// unjudged are acks that can be judged only once within is known.
	unjudged []loggedAck
}

// standing is what the acks of a ticket have led to.
type standing struct {
	owner *owner
	// begunBy is who owned the ticket last, if anybody did.
	begunBy string
	// failed is the highest attempt that has ended in a failure, failure the ack
	// that said so last. Both are kept as they were before that failure too.
	failed, failedBefore   int
	failure, failureBefore *loggedAck
	release                *loggedAck // the last that counted
	end                    *loggedAck
}

// owner is who has a ticket in hand.
type owner struct {
	by string
	// claim is the ack by which they got it, sign the record by which they were
	// last heard of.
	claim loggedAck
	sign  Heard
	// attempt is the one that the claim named; 0 if it named none.
	attempt int
}

// Effect is what an ack does to its ticket.
type Effect string

// The effects.
const (
	// Stale: nothing. Somebody was first, or it names what is over.
	Stale Effect = "stale"
	// Unjudged: it depends on how long an owner may be silent, which no delivery
	// has told yet.
	Unjudged Effect = "unjudged"
	// Claimed: nobody had the ticket, and now its sender has.
	Claimed Effect = "claimed"
	// Renewed: its sender has the ticket, and goes on with it.
	Renewed Effect = "renewed"
	// TookOver: its sender has the ticket, which somebody else had.
	TookOver Effect = "took over"
	// Released: its owner has put the ticket back.
	Released Effect = "released"
	// Failed: the attempt in hand, or the one that waited, is over.
	Failed Effect = "failed"
	// Ended: the work is done or undone.
	Ended Effect = "ended"
	// Refused: an end or a failure that it names is taken back.
	Refused Effect = "refused"
)

// issue takes a delivery of the ticket, the first or a repeated one.
func (l *Life) issue(ticket kitchen.Ticket) {
	if ticket.Attempt <= l.issued {
		l.repeated = true
	}
	first := l.issued == 0
	l.issued = max(l.issued, ticket.Attempt)
	if !first {
		return
	}
	l.within = ticket.AckWithin()
	unjudged := l.unjudged
	l.unjudged = nil
	for _, a := range unjudged {
		l.apply(a)
	}
}

// apply takes an ack, in the order of the log, and returns what it does.
func (l *Life) apply(a loggedAck) Effect {
	switch kind := a.ack.Kind; {
	case kind == kitchen.AckRefused:
		return l.refuse(*a.ack.Offset)
	case l.now.end != nil:
		return Stale
	case kind == kitchen.AckDone || kind == kitchen.AckUndone:
		return l.endBy(a)
	case len(l.unjudged) > 0 || l.dependsOnWithin(a):
		if len(l.unjudged) == maxUnjudged {
			l.unjudged = l.unjudged[1:]
		}
		l.unjudged = append(l.unjudged, a)
		return Unjudged
	case kind == kitchen.AckStarted:
		return l.start(a)
	case kind == kitchen.AckReleased:
		return l.releaseBy(a)
	case kind == kitchen.AckFailed:
		return l.fail(a)
	}
	return Stale
}

// dependsOnWithin reports whether an ack can be judged only once a delivery has
// told how long an owner may be silent.
func (l *Life) dependsOnWithin(a loggedAck) bool {
	return l.issued == 0 && a.ack.Kind == kitchen.AckStarted && !a.ack.TakeOver &&
		l.now.owner != nil && l.now.owner.by != a.ack.By
}

// namesFailed reports whether an ack names an attempt that has failed.
func (l *Life) namesFailed(a loggedAck) bool {
	return a.ack.Attempt != 0 && a.ack.Attempt <= l.now.failed
}

// start is the one place that decides whose a ticket is.
func (l *Life) start(a loggedAck) Effect {
	has := l.now.owner
	effect := Claimed
	switch {
	case l.namesFailed(a):
		return Stale
	case has == nil:
		if a.ack.TakeOver {
			return Stale // whom it was to be taken from has it no more
		}
	case has.by == a.ack.By:
		renewed := *has // others may still look at the one before
		renewed.sign = a.heard
		l.now.owner = &renewed
		l.before = nil
		return Renewed
	case a.ack.TakeOver:
		if a.ack.From != has.by {
			return Stale
		}
		effect = TookOver
	case !isSilent(has.sign, a.heard, l.within):
		return Stale
	default:
		effect = TookOver
	}
	l.now.owner = &owner{by: a.ack.By, claim: a, sign: a.heard, attempt: a.ack.Attempt}
	l.now.begunBy = a.ack.By
	l.before = nil
	return effect
}

// isSilent reports whether an owner was not heard of between two acks for longer
// than they may be silent. Only the broker's times of one partition can tell.
func isSilent(sign, ack Heard, within time.Duration) bool {
	return within > 0 && sign.Appended && ack.Appended && sign.place() == ack.place() && ack.Time.Sub(sign.Time) > within
}

// releaseBy puts the ticket back, if its owner says so and has not said the same
// before: a station may have to write an ack twice.
func (l *Life) releaseBy(a loggedAck) Effect {
	if has := l.now.owner; has == nil || has.by != a.ack.By || isSameAck(l.now.release, a) {
		return Stale
	}
	l.now.owner, l.now.release = nil, &a
	l.before = nil
	return Released
}

// isSameAck reports whether two records hold one ack.
func isSameAck(earlier *loggedAck, a loggedAck) bool {
	return earlier != nil && earlier.ack.Kind == a.ack.Kind && earlier.ack.By == a.ack.By && earlier.ack.SaidAt().Equal(a.ack.SaidAt())
}

// fail ends the attempt in hand. A failure of anything else counts for nothing:
// somebody may have the next attempt in hand.
func (l *Life) fail(a loggedAck) Effect {
	has := l.now.owner
	attempt := max(a.ack.Attempt, l.now.failed+1)
	switch {
	case l.namesFailed(a) || isSameAck(l.now.failure, a):
		return Stale
	case has == nil:
	case has.by != a.ack.By || a.ack.Attempt != 0 && a.ack.Attempt < has.attempt:
		return Stale
	default:
		attempt = max(attempt, has.attempt)
	}
	if a.ack.StartedAt == nil && has != nil {
		a.ack.StartedAt = has.startedAt(a.ack.At)
	}
	before := l.now
	l.before = &before
	l.now.failedBefore, l.now.failureBefore = l.now.failed, l.now.failure
	l.now.failed, l.now.failure, l.now.owner = attempt, &a, nil
	return Failed
}

// endBy ends the ticket: whoever says so, the work is there.
func (l *Life) endBy(a loggedAck) Effect {
	before := l.now
	l.before = &before
	if has := l.now.owner; a.ack.StartedAt == nil && has != nil {
		a.ack.StartedAt = has.startedAt(a.ack.At)
	}
	l.now.end = &a
	return Ended
}

// refuse takes back the end, the last failure or the owner's claim if it lies at
// that offset. What came after an end counted for nothing, and goes on doing so.
func (l *Life) refuse(offset int64) Effect {
	for i, a := range l.unjudged {
		if a.heard.Offset == offset {
			l.unjudged = append(l.unjudged[:i:i], l.unjudged[i+1:]...)
			return Refused
		}
	}
	switch end, failure, has := l.now.end, l.now.failure, l.now.owner; {
	case end != nil && end.heard.Offset == offset:
		l.now, l.before = *l.before, nil
	case end != nil:
		return Stale
	case failure != nil && failure.heard.Offset == offset && l.before != nil:
		l.now, l.before = *l.before, nil
	case failure != nil && failure.heard.Offset == offset:
		l.now.failed, l.now.failure = l.now.failedBefore, l.now.failureBefore
	case has != nil && has.claim.heard.Offset == offset:
		l.now.owner, l.before = nil, nil
	default:
		return Stale
	}
	return Refused
}

// startedAt is when an owner began, by another clock perhaps, but not after end.
func (o *owner) startedAt(end time.Time) *time.Time {
	at := o.claim.ack.At
	if o.claim.ack.StartedAt != nil {
		at = *o.claim.ack.StartedAt
	}
	if !end.IsZero() && at.After(end) {
		at = end
	}
	return &at
}

// isKnown reports whether the ticket was issued, or an ack about it counts: one
// that was refused says nothing of it.
func (l *Life) isKnown() bool {
	return l.issued > 0 || l.now.owner != nil || l.now.end != nil || l.now.failure != nil || l.now.release != nil || len(l.unjudged) > 0
}

// state is where the ticket stands.
func (l *Life) state() kitchen.TicketState {
	switch now := l.now; {
	case now.end != nil && now.end.ack.Kind == kitchen.AckUndone:
		return kitchen.TicketUndone
	case now.end != nil:
		return kitchen.TicketDone
	case now.owner != nil:
		return kitchen.TicketStarted
	case now.failed > 0 && l.issued <= now.failed:
		return kitchen.TicketFailed
	}
	return kitchen.TicketWaiting
}

// issuedAfterEnd reports whether the ticket may have been delivered again after
// its end: then its order has lost the end. It errs on that side.
func (l *Life) issuedAfterEnd() bool {
	end := l.now.end
	return end != nil && (l.repeated || l.issued > max(1, end.ack.Attempt))
}

// inForce reports whether an ack is why the ticket has its owner, has ended, has
// failed or was put back; known is false if that depends on how long an owner may
// be silent.
func (l *Life) inForce(ack kitchen.Ack, heard Heard) (inForce, known bool) {
	for _, a := range l.unjudged {
		if a.heard.Offset == heard.Offset {
			return false, false
		}
	}
	at := func(a *loggedAck) bool { return a != nil && a.heard.Offset == heard.Offset }
	switch now := l.now; ack.Kind {
	case kitchen.AckDone, kitchen.AckUndone:
		inForce = at(now.end)
	case kitchen.AckFailed:
		inForce = now.end == nil && at(now.failure)
	case kitchen.AckReleased:
		inForce = now.end == nil && now.owner == nil && at(now.release)
	case kitchen.AckStarted:
		inForce = now.end == nil && now.owner != nil && now.owner.by == ack.By
	case kitchen.AckRefused:
	}
	return inForce, true
}
