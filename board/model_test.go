package board_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// said is an ack in the log of a random day.
type said struct {
	ack   kitchen.Ack
	heard board.Heard
}

// issued is a delivery in that log.
type issued struct {
	ticket kitchen.Ticket
	heard  board.Heard
}

// model judges the acks of one ticket by the sentences of doc.go: each by looking
// back at all before it, and without a state that goes from one to the next.
type model struct {
	all     []said // also those that count for nothing
	acks    []said
	within  time.Duration
	effects []board.Effect
	named   []int // the attempt that a claim or a failure which counts is about
}

// judge is the model of what the log says about a ticket.
func judge(log []said, ticketID string, deliveries []issued) *model {
	m := &model{}
	last := 0
	for _, d := range deliveries {
		if d.ticket.TicketID == ticketID {
			m.within = max(m.within, d.ticket.AckWithin())
			last = max(last, d.ticket.Attempt)
		}
	}
	var mine []said
	for _, s := range log {
		if s.ack.TicketID == ticketID {
			mine = append(mine, s)
		}
	}
	m.all = mine
	// refusedBy reports whether an ack is refused before the end of a log.
	refusedBy := func(s said, log []said) bool {
		return slices.ContainsFunc(log, func(r said) bool {
			return r.ack.Kind == kitchen.AckRefused && *r.ack.Offset == s.heard.Offset && r.heard.Offset > s.heard.Offset
		})
	}
	repeated := make([]bool, len(mine))
	for j, s := range mine {
		for k, earlier := range mine[:j] {
			if (s.ack.Kind == kitchen.AckFailed || s.ack.Kind == kitchen.AckReleased) && earlier.ack.Kind == s.ack.Kind && earlier.ack.By == s.ack.By &&
				earlier.ack.Attempt == s.ack.Attempt && earlier.ack.At.Equal(s.ack.At) && !repeated[k] && !refusedBy(earlier, mine[:j]) {
				repeated[j] = true
			}
		}
		if s.ack.Kind != kitchen.AckRefused && !repeated[j] && !refusedBy(s, mine) {
			m.acks = append(m.acks, s)
		}
	}
	for j := range m.acks {
		m.named = append(m.named, 0)
		m.effects = append(m.effects, m.effect(j))
	}
	return m
}

// before is the place of the last ack before j that did one of these, or -1.
func (m *model) before(j int, did ...board.Effect) int {
	for k := j - 1; k >= 0; k-- {
		if slices.Contains(did, m.effects[k]) {
			return k
		}
	}
	return -1
}

// claim is the ack by which somebody has the ticket before ack j, or -1.
func (m *model) claim(j int) int {
	k := m.before(j, board.Claimed, board.TookOver, board.Released, board.Failed)
	if k < 0 || m.effects[k] == board.Released || m.effects[k] == board.Failed {
		return -1
	}
	return k
}

// failed is the highest attempt that failed before ack j.
func (m *model) failed(j int) int {
	highest := 0
	for k := range j {
		if m.effects[k] == board.Failed {
			highest = max(highest, m.named[k])
		}
	}
	return highest
}

func (m *model) effect(j int) board.Effect {
	ack, failed, claim := m.acks[j].ack, m.failed(j), m.claim(j)
	isOver := ack.Attempt > 0 && ack.Attempt <= failed
	isOwner := claim >= 0 && m.acks[claim].ack.By == ack.By
	m.named[j] = max(ack.Attempt, failed+1)
	switch {
	case m.before(j, board.Ended) >= 0:
		return board.Stale
	case ack.Kind == kitchen.AckDone || ack.Kind == kitchen.AckUndone:
		return board.Ended
	case ack.Kind == kitchen.AckReleased && isOwner:
		return board.Released
	case ack.Kind == kitchen.AckFailed && !isOver && claim < 0:
		return board.Failed
	case ack.Kind == kitchen.AckFailed && !isOver && isOwner && (ack.Attempt == 0 || ack.Attempt >= m.named[claim]):
		m.named[j] = max(m.named[j], m.named[claim])
		return board.Failed
	case ack.Kind != kitchen.AckStarted || isOver:
		return board.Stale
	case isOwner:
		return board.Renewed
	case ack.TakeOver && claim >= 0 && m.acks[claim].ack.By == ack.From:
		return board.TookOver
	case ack.TakeOver:
		return board.Stale
	case claim < 0:
		return board.Claimed
	}
	sign := m.acks[m.before(j, board.Claimed, board.TookOver, board.Renewed)].heard
	if at := m.acks[j].heard; m.within > 0 && sign.Appended && at.Appended && at.Time.After(sign.Time.Add(m.within)) {
		return board.TookOver
	}
	return board.Stale
}

// summary is what people see of a ticket; the places are offsets, -1 for none.
type summary struct {
	state              kitchen.TicketState
	by, begunBy        string
	attempt            int
	ack, sign, failure int64
	inForce            []int64
}

// summary is where the ticket stands at the end of the log, if it was issued as
// often as that.
func (m *model) summary(lastIssued int) summary {
	end := len(m.acks)
	s := summary{state: kitchen.TicketWaiting, attempt: lastIssued, ack: -1, sign: -1, failure: -1}
	if k := m.before(end, board.Claimed, board.TookOver); k >= 0 {
		s.begunBy = m.acks[k].ack.By
	}
	isAt := func(k int) { s.by, s.ack = m.acks[k].ack.By, m.acks[k].heard.Offset }
	failure := m.before(end, board.Failed)
	if failure >= 0 {
		s.failure = m.acks[failure].heard.Offset
	}
	ended, claim := m.before(end, board.Ended), m.claim(end)
	switch {
	case ended >= 0:
		isAt(ended)
		s.state, s.attempt = kitchen.TicketDone, max(s.attempt, m.acks[ended].ack.Attempt)
		if m.acks[ended].ack.Kind == kitchen.AckUndone {
			s.state = kitchen.TicketUndone
		}
	case claim >= 0:
		isAt(claim)
		s.state, s.attempt = kitchen.TicketStarted, max(s.attempt, m.named[claim])
		s.sign = m.acks[m.before(end, board.Claimed, board.TookOver, board.Renewed)].heard.Offset
	case failure >= 0 && m.failed(end) >= lastIssued:
		isAt(failure)
		s.state, s.attempt, s.failure = kitchen.TicketFailed, m.failed(end), -1
		if k := m.before(failure, board.Failed); k >= 0 {
			s.failure = m.acks[k].heard.Offset
		}
	}
	turn := m.before(end, board.Claimed, board.TookOver, board.Released, board.Failed)
	force := map[int64]bool{}
	for k, a := range m.acks {
		switch {
		case ended >= 0 && k != ended:
		case k == ended, k == failure, k == turn && m.effects[k] == board.Released:
			force[a.heard.Offset] = true
		}
	}
	for _, a := range m.all {
		// Whatever its owner said of it: it is they who are at work.
		isOwner := ended < 0 && claim >= 0 && a.ack.Kind == kitchen.AckStarted && a.ack.By == m.acks[claim].ack.By
		if isOwner || force[a.heard.Offset] {
			s.inForce = append(s.inForce, a.heard.Offset)
		}
	}
	return s
}

// seen is the same as the board tells it.
func seen(b *board.Board, log []said, ticketID string) summary {
	e, _ := b.Get(ticketID)
	s := summary{state: e.State, by: e.By, begunBy: e.BegunBy, attempt: e.Attempt, ack: -1, sign: -1, failure: -1}
	if e.Ack != nil {
		s.ack = e.Heard.Offset
	}
	if e.Sign != (board.Heard{}) {
		s.sign = e.Sign.Offset
	}
	for _, a := range log {
		if e.LastFailure != nil && a.ack.Kind == kitchen.AckFailed && a.ack.TicketID == ticketID && a.ack.Note == e.LastFailure.Note {
			s.failure = a.heard.Offset
		}
		if inForce, known := b.InForce(a.ack, a.heard); a.ack.TicketID == ticketID && inForce && known {
			s.inForce = append(s.inForce, a.heard.Offset)
		}
	}
	return s
}

// day is a random log of two tickets.
type day struct {
	acks    []said
	tickets []issued
}

var people = []string{"bob", "eve", "mia"}

// aDay draws a log. Without refusals no ack is refused.
func aDay(t *rapid.T, refusals bool) day {
	var d day
	refs := []kitchen.TicketRef{bake, unbake}
	for _, ref := range refs {
		last := 0
		for range rapid.IntRange(1, 5).Draw(t, "deliveries of "+ref.TicketID()) {
			attempt := max(1, last+rapid.IntRange(0, 1).Draw(t, "more"))
			ticket := issue(ref, attempt)
			if last = attempt; rapid.IntRange(0, 5).Draw(t, "without ackBy") == 0 {
				ticket.AckBy = time.Time{}
			}
			d.tickets = append(d.tickets, issued{ticket, board.Heard{Topic: events.TicketTopic(kitchen.Bake), Offset: int64(len(d.tickets)), Time: noon, Appended: true}})
		}
	}
	appended, m := rapid.Bool().Draw(t, "LogAppendTime"), 0
	kinds := []kitchen.AckKind{kitchen.AckStarted, kitchen.AckStarted, kitchen.AckStarted, kitchen.AckStarted, kitchen.AckReleased, kitchen.AckFailed, kitchen.AckFailed, kitchen.AckDone}
	if refusals {
		kinds = append(kinds, kitchen.AckRefused, kitchen.AckRefused)
	}
	for offset := range rapid.IntRange(0, 24).Draw(t, "acks") {
		m += rapid.SampledFrom([]int{0, 1, 10, 29, 30, 31}).Draw(t, "minutes later")
		if rapid.IntRange(0, 9).Draw(t, "the topic is changed") == 0 {
			appended = !appended
		}
		heard := board.Heard{Topic: events.TopicAcks, Offset: int64(offset), Time: minute(m), Appended: appended}
		if offset > 0 && rapid.IntRange(0, 7).Draw(t, "a second record") == 0 {
			again := d.acks[rapid.IntRange(0, offset-1).Draw(t, "of")].ack
			again.Note = fmt.Sprint(offset)
			d.acks = append(d.acks, said{again, heard})
			continue
		}
		ref := rapid.SampledFrom(append([]kitchen.TicketRef{bake, bake, bake}, refs...)).Draw(t, "ticket")
		kind := rapid.SampledFrom(kinds).Draw(t, "kind")
		a := ack(ref, kind, rapid.IntRange(0, 4).Draw(t, "attempt"), rapid.SampledFrom(people).Draw(t, "by"), minute(offset/4))
		a.Note = fmt.Sprint(offset) // so that a test can tell which it is
		switch {
		case kind == kitchen.AckRefused:
			refused := int64(rapid.IntRange(0, 24).Draw(t, "refused"))
			a.Offset = &refused
		case kind == kitchen.AckFailed:
			a.Scrapped = rapid.IntRange(0, 12).Draw(t, "scrapped")
		case kind == kitchen.AckDone && ref.Kind == kitchen.TicketUndo:
			a.Kind = kitchen.AckUndone
		case kind == kitchen.AckStarted && rapid.IntRange(0, 2).Draw(t, "takes over") == 0:
			a.TakeOver, a.From = true, rapid.SampledFrom(people).Draw(t, "from")
		}
		d.acks = append(d.acks, said{a, heard})
	}
	return d
}

// read reads the log as one process may: topics in any mixture, deliveries once
// or several times, and after some of it once more from the start.
func (d day) read(t *rapid.T) *board.Board {
	b := board.New()
	tickets, acks := 0, 0
	for tickets < len(d.tickets) || acks < len(d.acks) {
		switch {
		case rapid.IntRange(0, 29).Draw(t, "restart") == 0:
			b, tickets, acks = board.New(), 0, 0
		case tickets > 0 && rapid.IntRange(0, 9).Draw(t, "a delivery once more") == 0:
			again := d.tickets[rapid.IntRange(0, tickets-1).Draw(t, "which")]
			b.AddTicket(again.ticket, again.heard)
		case tickets < len(d.tickets) && (acks == len(d.acks) || rapid.Bool().Draw(t, "a ticket")):
			b.AddTicket(d.tickets[tickets].ticket, d.tickets[tickets].heard)
			tickets++
		default:
			b.AddAck(d.acks[acks].ack, d.acks[acks].heard)
			acks++
		}
		b.Open(kitchen.Bake) // asking changes nothing
	}
	return b
}

// readAcks reads all deliveries, then these acks, and returns what each did.
func (d day) readAcks(acks []said) (*board.Board, []board.Effect) {
	b := board.New()
	for _, ticket := range d.tickets {
		b.AddTicket(ticket.ticket, ticket.heard)
	}
	var effects []board.Effect
	for _, a := range acks {
		effects = append(effects, b.AddAck(a.ack, a.heard))
	}
	return b, effects
}

func (d day) lastIssued(ticketID string) int {
	last := 0
	for _, delivery := range d.tickets {
		if delivery.ticket.TicketID == ticketID {
			last = max(last, delivery.ticket.Attempt)
		}
	}
	return last
}

// TestAnyReadingAgreesWithTheModel: whoever reads the log, in whatever mixture
// of its topics, comes to what the sentences of doc.go say.
func TestAnyReadingAgreesWithTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := aDay(t, true)
		one, other := d.read(t), d.read(t)
		for _, ref := range []kitchen.TicketRef{bake, unbake} {
			id := ref.TicketID()
			mine, theirs := seen(one, d.acks, id), seen(other, d.acks, id)
			require.Equal(t, theirs, mine)
			if undo := judge(d.acks, unbake.TicketID(), d.tickets); ref == bake && undo.before(len(undo.acks), board.Ended) >= 0 {
				require.Equal(t, kitchen.TicketUndone, mine.state)
				continue
			}
			require.Equal(t, judge(d.acks, id, d.tickets).summary(d.lastIssued(id)), mine)
		}
		entries, others := one.Entries(kitchen.Bake), other.Entries(kitchen.Bake)
		for i := range entries { // how often a delivery came, and which was read first, is no truth
			entries[i].IssuedAfterEnd, others[i].IssuedAfterEnd = false, false
			entries[i].Issued, others[i].Issued = board.Heard{}, board.Heard{}
		}
		require.Equal(t, others, entries)
	})
}

// TestWhatAnAckDoesAgreesWithTheModel: also the sum of pieces thrown away, of
// which no failure counts twice.
func TestWhatAnAckDoesAgreesWithTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := aDay(t, false)
		_, effects := d.readAcks(d.acks)
		scrapped, want := map[string]int{}, map[string]int{}
		for i, a := range d.acks {
			if effects[i] == board.Failed {
				scrapped[a.ack.TicketID] += a.ack.Scrapped
			}
		}
		for _, ref := range []kitchen.TicketRef{bake, unbake} {
			m := judge(d.acks, ref.TicketID(), d.tickets)
			counted := map[string]bool{}
			for k, a := range m.acks {
				require.Equal(t, m.effects[k], effects[a.heard.Offset], "the ack at offset %d", a.heard.Offset)
				key := fmt.Sprint(a.ack.By, a.ack.At, a.ack.Attempt) // what tells two acks apart
				if m.effects[k] == board.Failed {
					require.False(t, counted[key])
					counted[key] = true
					want[ref.TicketID()] += a.ack.Scrapped
				}
			}
		}
		for id, pieces := range want {
			require.Equal(t, pieces, scrapped[id])
		}
	})
}

// TestARefusedAckNeverWas: whatever came between an ack and its refusal.
func TestARefusedAckNeverWas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := aDay(t, false)
		if len(d.acks) == 0 {
			return
		}
		which := rapid.IntRange(0, len(d.acks)-1).Draw(t, "refused")
		refused := d.acks[which]
		same := func(a said) bool {
			return a.heard != refused.heard && a.ack.Kind == refused.ack.Kind && a.ack.By == refused.ack.By &&
				a.ack.Attempt == refused.ack.Attempt && a.ack.At.Equal(refused.ack.At)
		}
		if (refused.ack.Kind == kitchen.AckFailed || refused.ack.Kind == kitchen.AckReleased) && slices.ContainsFunc(d.acks, same) {
			return // the second record of an ack may have been the first to count
		}
		without := slices.Delete(slices.Clone(d.acks), which, which+1)
		offset := refused.heard.Offset
		refusal := said{refused.ack, d.acks[len(d.acks)-1].heard}
		refusal.heard.Offset++
		refusal.ack.Kind, refusal.ack.Offset = kitchen.AckRefused, &offset
		when := rapid.IntRange(which+1, len(d.acks)).Draw(t, "when")
		with := slices.Insert(slices.Clone(d.acks), when, refusal)
		have, effects := d.readAcks(with)
		require.Equal(t, board.Refused, effects[when])
		want, _ := d.readAcks(without)
		for _, ref := range []kitchen.TicketRef{bake, unbake} {
			require.Equal(t, seen(want, without, ref.TicketID()), seen(have, without, ref.TicketID()))
			wanted, _ := want.Get(ref.TicketID())
			got, _ := have.Get(ref.TicketID())
			require.Equal(t, wanted, got)
		}
	})
}

// TestATicketCanAlwaysBeEnded: by its owner, and by a station that knows nothing
// of attempts, renewals and take-overs, whatever others said before.
func TestATicketCanAlwaysBeEnded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := aDay(t, true)
		b := d.read(t)
		before, _ := b.Get(unbake.TicketID())
		next := inAcks(0)
		say := func(kind kitchen.AckKind, attempt int, by string) board.Effect {
			next.Offset = int64(len(d.acks)) + 1
			return b.AddAck(ack(unbake, kind, attempt, by, minute(9999)), next)
		}
		if before.Ended() {
			require.Equal(t, board.Stale, say(kitchen.AckUndone, 0, "kcat"))
			return
		}
		if rapid.Bool().Draw(t, "it begins") {
			effect := say(kitchen.AckStarted, 0, "kcat")
			if before.State != kitchen.TicketStarted {
				require.Equal(t, board.Claimed, effect, "what nobody has can be had")
			}
		}
		if rapid.Bool().Draw(t, "somebody fails") {
			say(kitchen.AckFailed, rapid.IntRange(0, 9).Draw(t, "attempt"), rapid.SampledFrom(people).Draw(t, "by"))
		}
		by := rapid.SampledFrom([]string{"kcat", before.By + "?", "bob"}).Draw(t, "by")
		require.Equal(t, board.Ended, say(kitchen.AckUndone, rapid.IntRange(0, 9).Draw(t, "attempt"), by))
		after, _ := b.Get(unbake.TicketID())
		require.Equal(t, kitchen.TicketUndone, after.State)
		require.Equal(t, by, after.By)
	})
}

// TestWhatWaitsCanBeClaimed: by the attempt that was delivered last, which is
// what our own stations name. Then its owner can put it back or fail it.
func TestWhatWaitsCanBeClaimed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := aDay(t, true)
		b := d.read(t)
		e, _ := b.Get(unbake.TicketID())
		if e.State == kitchen.TicketFailed {
			b.AddTicket(issue(unbake, e.Attempt+1), inTickets(0))
			e, _ = b.Get(unbake.TicketID())
			require.Equal(t, kitchen.TicketWaiting, e.State, "a failed ticket is open again once a later attempt is there")
		}
		if e.State != kitchen.TicketWaiting {
			return
		}
		heard, offset := inAcks(0), int64(len(d.acks))
		say := func(kind kitchen.AckKind) board.Effect {
			offset++
			heard.Offset = offset
			return b.AddAck(ack(unbake, kind, e.Ticket.Attempt, "zoe", minute(9999)), heard)
		}
		require.Equal(t, board.Claimed, say(kitchen.AckStarted))
		require.Equal(t, board.Renewed, say(kitchen.AckStarted))
		ends := map[kitchen.AckKind]board.Effect{kitchen.AckReleased: board.Released, kitchen.AckFailed: board.Failed}
		kind := rapid.SampledFrom([]kitchen.AckKind{kitchen.AckReleased, kitchen.AckFailed}).Draw(t, "kind")
		require.Equal(t, ends[kind], say(kind))
		require.Equal(t, board.Stale, say(kind), "and not twice")
	})
}

// TestNobodyIsSilentBySendersTimes: under CreateTime a ticket changes hands only
// by a release, a failure or a take-over that says so.
func TestNobodyIsSilentBySendersTimes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := aDay(t, false)
		for i := range d.acks {
			d.acks[i].heard.Appended = false
		}
		_, effects := d.readAcks(d.acks)
		for i, a := range d.acks {
			if effects[i] == board.TookOver {
				require.True(t, a.ack.TakeOver)
			}
		}
	})
}
