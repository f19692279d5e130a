package board

import (
	"slices"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

// maxRecent is how many acks of one ticket are kept to be judged again. A ticket
// has few; many come only from a station gone wild. What counted is kept rather
// than what did not.
const maxRecent = 32

// loggedAck is an ack with its record. Nothing changes but that its note is forgotten.
type loggedAck struct {
	ack   kitchen.Ack
	heard Heard
}

// isAt reports whether the ack lies at a place of the log.
func (a *loggedAck) isAt(at place, offset int64) bool {
	return a != nil && a.heard.place() == at && a.heard.Offset == offset
}

// Effect is what an ack does to its ticket.
type Effect string

// The effects.
const (
	// Stale: nothing. Somebody was first, or it names what is over.
	Stale Effect = "stale"
	// Unjudged: it depends on how long an owner may be silent, which no delivery
	// has told yet. Until then it counts as Stale.
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
	// Refused: the ack that it names counts for nothing.
	Refused Effect = "refused"
)

// Judged is what an ack has done.
type Judged struct {
	Ack    kitchen.Ack
	Heard  Heard
	Effect Effect
}

// recentAck is one that may be judged again, and what it did when it was last.
type recentAck struct {
	*loggedAck
	did Effect
}

// life is the life of one ticket. It has no clock and reads nothing. Deliveries
// and acks may come in any order to each other: after the same acks, in the
// order of the log, and the same deliveries it is the same.
type life struct {
	// issued is the highest attempt that was delivered, 0 for none; repeated says
	// that an attempt was delivered a second time.
	issued   int
	repeated bool
	// within is how long an owner may be silent; 0 until a delivery has told it.
	within time.Duration

	// now is what base and then the recent acks lead to.
	base, now standing
	recent    []recentAck
	// first is the first ack of all; nil while there was none.
	first *loggedAck
	// unjudged says that a recent ack can be judged only once within is known.
	unjudged bool
}

// issue takes a delivery of the ticket, the first or a repeated one. It returns
// the acks that are judged differently now, in their order.
func (l *life) issue(ticket kitchen.Ticket) []Judged {
	if ticket.Attempt <= l.issued {
		l.repeated = true
	}
	l.issued = max(l.issued, ticket.Attempt)
	if within := ticket.AckWithin(); within > l.within || l.unjudged {
		l.within = max(l.within, within)
		return l.judgeAgain()
	}
	return nil
}

// apply takes the log's next ack and returns what it does.
func (l *life) apply(a *loggedAck) Effect {
	if l.first == nil {
		l.first = a
	}
	if a.ack.Kind == kitchen.AckRefused {
		return l.refuse(a)
	}
	if l.isRepeated(a) {
		return Stale
	}
	effect := l.judge(a)
	switch {
	case len(l.recent) < maxRecent:
	case effect == Stale || effect == Unjudged:
		return effect
	default:
		l.base, _ = l.base.after(l.recent[0].loggedAck, l.within)
		l.recent = l.recent[1:]
	}
	l.recent = append(l.recent, recentAck{a, effect})
	return effect
}

// judge is what an ack does to the ticket as it stands.
func (l *life) judge(a *loggedAck) Effect {
	next, effect := l.now.after(a, l.within)
	if l.issued == 0 && effect == Stale && l.now.mayBeTakenBy(a) {
		l.unjudged = true
		return Unjudged
	}
	l.now = next
	return effect
}

func (l *life) judgeAgain() (changed []Judged) {
	l.now, l.unjudged = l.base, false
	for i, a := range l.recent {
		if did := l.judge(a.loggedAck); did != a.did {
			l.recent[i].did = did
			changed = append(changed, Judged{a.ack, a.heard, did})
		}
	}
	return changed
}

// isRepeated reports whether an ack that ends something lies in the log already:
// a station may have to write it twice. A started may be said again on purpose.
func (l *life) isRepeated(a *loggedAck) bool {
	if a.ack.Kind != kitchen.AckFailed && a.ack.Kind != kitchen.AckReleased {
		return false
	}
	for _, earlier := range l.recent {
		if e := earlier.ack; e.Kind == a.ack.Kind && e.By == a.ack.By && e.Attempt == a.ack.Attempt && e.SaidAt().Equal(a.ack.SaidAt()) {
			return true
		}
	}
	return false
}

// refuse takes back the ack that lies where the refusal says: the ticket then
// stands as if that had never been written.
func (l *life) refuse(refusal *loggedAck) Effect {
	if refusal.ack.Offset == nil {
		return Stale
	}
	for i, a := range l.recent {
		if a.isAt(refusal.heard.place(), *refusal.ack.Offset) {
			l.recent = slices.Delete(l.recent, i, i+1)
			l.judgeAgain()
			return Refused
		}
	}
	return Stale
}

// state is where the ticket stands.
func (l *life) state() kitchen.TicketState {
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

// isKnown reports whether the ticket was issued, or an ack about it counts: one
// that was refused says nothing of it.
func (l *life) isKnown() bool {
	return l.issued > 0 || l.now.begunBy != "" || l.now.failure != nil || l.now.end != nil
}

// issuedAfterEnd reports whether the ticket may have been delivered again after
// its end: then its order has lost the end. It errs on that side.
func (l *life) issuedAfterEnd() bool {
	now := l.now
	if now.end == nil {
		return false
	}
	reached := max(now.failed+1, now.end.ack.Attempt)
	if now.owner != nil {
		reached = max(reached, now.owner.attempt)
	}
	return l.repeated || l.issued > reached
}

// inForce reports whether an ack is why the ticket has its owner, has ended, has
// failed or was put back; known is false if that cannot be told.
func (l *life) inForce(ack kitchen.Ack, heard Heard) (inForce, known bool) {
	at := func(a *loggedAck) bool { return a.isAt(heard.place(), heard.Offset) }
	switch now := l.now; {
	case at(now.end):
		return true, true
	case l.first == nil || l.first.heard.place() != heard.place() || heard.Offset < l.first.heard.Offset:
		return false, false // it may have been heard and forgotten
	case now.end != nil:
		return false, true
	case l.unjudged:
		return false, false
	case ack.Kind == kitchen.AckFailed:
		return at(now.failure), true
	case ack.Kind == kitchen.AckReleased:
		return at(now.release), true
	case ack.Kind == kitchen.AckStarted:
		return now.owner != nil && now.owner.by == ack.By, true
	}
	return false, true
}

// standing is what the acks of a ticket have led to.
type standing struct {
	owner *owner
	// begunBy is who owned the ticket last, if anybody did.
	begunBy string
	// taken is the last ack by which somebody began the ticket, or finished with
	// it by done or failed.
	taken *loggedAck
	// failed is the highest attempt that has ended in a failure; failure is the
	// ack that said so last, failureBefore the one before.
	failed                 int
	failure, failureBefore *loggedAck
	// release is why nobody has the ticket, if its last owner has put it back.
	release *loggedAck
	end     *loggedAck
}

// owner is who has a ticket in hand. It never changes.
type owner struct {
	by string
	// claim is the ack by which they got it, sign the record by which they were
	// last heard of.
	claim *loggedAck
	sign  Heard
	// attempt is the one that the claim names, or the first that has not failed.
	attempt int
}

// after returns how the ticket stands after one more ack, and what that has done.
// within is how long an owner may be silent. It is the one place that decides.
func (s standing) after(a *loggedAck, within time.Duration) (standing, Effect) {
	switch kind := a.ack.Kind; {
	case s.end != nil:
		return s, Stale
	case kind == kitchen.AckDone || kind == kitchen.AckUndone:
		s.end = s.withStart(a)
		if kind == kitchen.AckDone { // much is undone without anybody's hands
			s.taken = a
		}
		return s, Ended
	case kind == kitchen.AckStarted:
		return s.afterStarted(a, within)
	case kind == kitchen.AckReleased:
		if s.owner == nil || s.owner.by != a.ack.By {
			return s, Stale
		}
		s.owner, s.release = nil, a
		return s, Released
	case kind == kitchen.AckFailed:
		return s.afterFailed(a)
	}
	return s, Stale
}

func (s standing) afterStarted(a *loggedAck, within time.Duration) (standing, Effect) {
	has, effect := s.owner, TookOver
	switch {
	case s.namesFailed(a):
		return s, Stale
	case has != nil && has.by == a.ack.By:
		renewed := *has
		renewed.sign = a.heard
		s.owner = &renewed
		return s, Renewed
	case a.ack.TakeOver:
		if has == nil || has.by != a.ack.From {
			return s, Stale
		}
	case has == nil:
		effect = Claimed
	case !has.isSilentAt(a.heard, within):
		return s, Stale
	}
	s.owner = &owner{by: a.ack.By, claim: a, sign: a.heard, attempt: max(a.ack.Attempt, s.failed+1)}
	s.begunBy, s.taken, s.release = a.ack.By, a, nil
	return s, effect
}

// afterFailed ends the attempt in hand. A failure of anything else counts for
// nothing: somebody may have the next attempt in hand.
func (s standing) afterFailed(a *loggedAck) (standing, Effect) {
	has, attempt := s.owner, max(a.ack.Attempt, s.failed+1)
	switch {
	case s.namesFailed(a):
		return s, Stale
	case has == nil:
	case has.by != a.ack.By || a.ack.Attempt != 0 && a.ack.Attempt < has.attempt:
		return s, Stale
	default:
		attempt = max(attempt, has.attempt)
	}
	s.failureBefore, s.failure = s.failure, s.withStart(a)
	s.failed, s.owner, s.release, s.taken = attempt, nil, nil, a
	return s, Failed
}

// namesFailed reports whether an ack names an attempt that has failed.
func (s standing) namesFailed(a *loggedAck) bool {
	return a.ack.Attempt != 0 && a.ack.Attempt <= s.failed
}

// mayBeTakenBy reports whether it is the owner's silence that decides about an
// ack.
func (s standing) mayBeTakenBy(a *loggedAck) bool {
	return s.end == nil && s.owner != nil && s.owner.by != a.ack.By &&
		a.ack.Kind == kitchen.AckStarted && !a.ack.TakeOver && !s.namesFailed(a)
}

// withStart is an ack that tells when the owner began, if it does not itself.
func (s standing) withStart(a *loggedAck) *loggedAck {
	if a.ack.StartedAt != nil || s.owner == nil {
		return a
	}
	dated := *a
	dated.ack.StartedAt = s.owner.startedAt(a.ack.At)
	return &dated
}

// isSilentAt reports whether an owner was not heard of for longer than allowed
// when another ack was appended. Only the broker's times of one partition tell.
func (o *owner) isSilentAt(ack Heard, within time.Duration) bool {
	return within > 0 && o.sign.Appended && ack.Appended && o.sign.place() == ack.place() && ack.Time.Sub(o.sign.Time) > within
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
