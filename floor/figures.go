package floor

import (
	"cmp"
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	// figuresBack is how far back the figures go.
	figuresBack = 4 * time.Hour
	// figuresStep is how long a step of the statistics is, and figuresSteps how
	// many are shown, with the one that is under way.
	figuresStep  = 5 * time.Minute
	figuresSteps = int(figuresBack / figuresStep)
	// paceSamples is how many tickets make a stage's pace.
	paceSamples = 50
	// failuresEach bounds the failures that are counted for one ticket: anybody
	// can write acks.
	failuresEach = 64
	// clocksApart is how much earlier than its issue work may seem to begin: a
	// station's clock is not that of the broker. Durations are for people's
	// eyes, and impossible ones are left out.
	clocksApart = time.Minute
)

// figures count what the stations did, by the log. The board judges what counts;
// beside it, which shows tickets, they keep a few numbers for every make ticket in
// the log. By them each thing counts once, however often the log has it and in
// whichever order the topics are read: the acks of a ticket, which lie in one
// partition, decide alone what counts, and the ticket topics only fill in.
//
//   - A done that ends its ticket counts, in the step of the time that its station
//     gives, unless the work was undone before.
//   - A failure that counts for its ticket counts here, in the same way.
//   - An end or a failure that a worker refuses is taken out again.
//   - A time that cannot be is that of the ack's record: see kitchen.Ack.DatedBy.
//
// Which steps there are follows from the broker's times, if it dates the records,
// and from this process's clock otherwise.
//
// The floor's lock guards them.
type figures struct {
	// back is how long a ticket is remembered after its last record.
	back    time.Duration
	reasons map[string]kitchen.Outcome // those that the kitchen file lists
	seed    maphash.Seed
	works   map[uint64]*work // by the hash of the ticket's id; there may be many
	// latest is the latest time that a record was counted at.
	latest time.Time
	// steps is a ring by the step's number. It has room for a step that some
	// clock begins before ours.
	steps [figuresSteps + 2]step
	paces map[kitchen.Stage]*pace
}

// work is what the figures know of a make ticket. Times are in milliseconds,
// as Kafka has them, and zero while they are not known.
type work struct {
	read     time.Duration // the last record, by how long the log had been read then
	issued   int64         // the first issue
	started  int64         // the last time that somebody began it
	failures int           // how many of its failures were counted
	done     loggedEnd
	undone   loggedEnd
	counted  bool // done, and in a step
}

// loggedEnd is an ack that has ended a ticket or its attempt, and where it lies,
// by which a worker may refuse it. Its time is zero if there is none.
type loggedEnd struct {
	offset   int64
	at       int64
	reason   string
	scrapped int
}

// step is what the stations did in one step.
type step struct {
	number   int64
	stages   map[kitchen.Stage]*stageStep
	failures map[failureKind]failureTally
}

type stageStep struct {
	done, failed int
	wait, work   average
}

type failureKind struct {
	stage  kitchen.Stage
	reason string
}

type failureTally struct{ count, scrapped int }

// average is one of milliseconds.
type average struct {
	sum   int64
	count int64
}

func (a *average) add(milliseconds int64, known bool, times int64) {
	if known {
		a.sum += times * milliseconds
		a.count += times
	}
}

// seconds is nil if nothing was added.
func (a *average) seconds() *float64 {
	if a.count == 0 {
		return nil
	}
	return new(math.Round(float64(a.sum)/float64(a.count)) / 1000)
}

// pace has the last tickets that a stage has done, the newest first.
type pace struct{ samples []paceSample }

type paceSample struct {
	ticketID string
	done     int64
	took     int64 // issued to done
}

func newFigures(rules kitchen.Rules, back time.Duration) *figures {
	f := &figures{back: back, reasons: rules.Reasons, seed: maphash.MakeSeed(), works: make(map[uint64]*work), paces: make(map[kitchen.Stage]*pace)}
	for _, stage := range kitchen.Stages() {
		f.paces[stage] = &pace{}
	}
	return f
}

// workOf is a make ticket's work, for a record of it that is read now by this
// process's clock.
func (f *figures) workOf(ticketID string, record board.Heard, now time.Time) *work {
	switch {
	case !record.Appended:
		f.latest = now
	case record.Time.After(f.latest):
		f.latest = record.Time
	}
	key := maphash.String(f.seed, ticketID)
	w := f.works[key]
	if w == nil {
		w = &work{}
		f.works[key] = w
	}
	w.read = record.After
	return w
}

// addTicket adds that a make ticket was issued, and acks that are judged by that.
func (f *figures) addTicket(ticket kitchen.Ticket, judged []board.Judged, record board.Heard, now time.Time) {
	for _, before := range judged {
		f.addAck(before, record, now)
	}
	if ticket.Kind != kitchen.TicketMake {
		return
	}
	at := record.Time
	if at.IsZero() {
		at = ticket.IssuedAt
	}
	w := f.workOf(ticket.TicketID, record, now)
	if issued := at.UnixMilli(); w.issued == 0 || issued < w.issued {
		f.tally(ticket.Ref(), w, -1)
		w.issued = issued
		f.tally(ticket.Ref(), w, 1)
	}
}

// addAck adds what an ack has come to do; record is the one that is read now.
func (f *figures) addAck(judged board.Judged, record board.Heard, now time.Time) {
	ack := judged.Ack
	ref, err := kitchen.ParseTicketID(ack.TicketID)
	if err != nil {
		return // not reached: what was decoded has a good id
	}
	isUndo := ref.Kind == kitchen.TicketUndo
	ref.Kind = kitchen.TicketMake
	w := f.workOf(ref.TicketID(), record, now)
	end := loggedEnd{offset: judged.Heard.Offset, at: ack.At.UnixMilli(), reason: ack.Reason, scrapped: ack.Scrapped}
	if isUndo {
		f.addUndone(ref, w, judged, end)
		return
	}
	switch judged.Was {
	case board.Failed:
		if w.failures--; w.failures < failuresEach {
			f.countFailed(ref.Stage, end, -1)
		}
	case board.Ended:
		f.takeBackDone(ref, w, end)
	}
	switch judged.Effect {
	case board.Claimed, board.TookOver:
		w.started = startOf(ack)
	case board.Failed:
		if w.failures++; w.failures <= failuresEach {
			f.countFailed(ref.Stage, end, 1)
		}
	case board.Ended:
		if w.done != (loggedEnd{}) {
			return // the board forgets sooner
		}
		w.done = end
		if ack.StartedAt != nil {
			w.started = ack.StartedAt.UnixMilli()
		}
		f.countDone(ref, w)
	}
}

// addUndone adds what an ack about the undo ticket of a make ticket has come to
// do.
func (f *figures) addUndone(ref kitchen.TicketRef, w *work, judged board.Judged, end loggedEnd) {
	switch {
	case judged.Effect == board.Ended:
		w.undone = end
	case judged.Was == board.Ended && w.undone.offset == end.offset:
		w.undone = loggedEnd{}
		if !w.counted {
			f.countDone(ref, w)
		}
	}
}

// takeBackDone takes out again what was counted for a done that no longer counts.
func (f *figures) takeBackDone(ref kitchen.TicketRef, w *work, end loggedEnd) {
	if w.done == (loggedEnd{}) || w.done.offset != end.offset {
		return
	}
	f.tally(ref, w, -1)
	if stage := f.stepAt(w.done.at, ref.Stage); stage != nil && w.counted {
		stage.done--
	}
	w.done, w.counted = loggedEnd{}, false
}

// startOf is when the work began that an ack claims.
func startOf(ack kitchen.Ack) int64 {
	if ack.StartedAt != nil {
		return ack.StartedAt.UnixMilli()
	}
	return ack.At.UnixMilli()
}

// countDone counts a ticket that is done, unless it was undone before.
func (f *figures) countDone(ref kitchen.TicketRef, w *work) {
	if w.done == (loggedEnd{}) || w.undone != (loggedEnd{}) {
		return
	}
	if stage := f.stepAt(w.done.at, ref.Stage); stage != nil {
		stage.done++
		w.counted = true
	}
	f.tally(ref, w, 1)
}

// countFailed counts a failure, or with -1 takes it out again.
func (f *figures) countFailed(stage kitchen.Stage, end loggedEnd, times int) {
	counted := f.stepAt(end.at, stage)
	if counted == nil {
		return
	}
	counted.failed += times
	reason := end.reason
	if _, listed := f.reasons[reason]; !listed {
		reason = kitchen.ReasonOther // or whoever writes to Kafka could make any number of them
	}
	failures := f.steps[f.slot(numberOf(end.at))].failures
	kind := failureKind{stage, reason}
	tally := failures[kind]
	if tally = (failureTally{tally.count + times, tally.scrapped + times*end.scrapped}); tally == (failureTally{}) {
		delete(failures, kind)
		return
	}
	failures[kind] = tally
}

// tally adds the durations of work that is done to the figures, or with -1
// takes them out again.
func (f *figures) tally(ref kitchen.TicketRef, w *work, times int64) {
	if !w.counted {
		return
	}
	if stage := f.stepAt(w.done.at, ref.Stage); stage != nil {
		waited, known := f.between(w.issued, w.started)
		stage.wait.add(waited, known, times)
		worked, known := f.between(w.started, w.done.at)
		stage.work.add(worked, known, times)
	}
	f.paces[ref.Stage].remove(ref.TicketID())
	if took, known := f.between(w.issued, w.done.at); known && times > 0 {
		f.paces[ref.Stage].put(paceSample{ref.TicketID(), w.done.at, took})
	}
}

// between is the time from one moment to another in milliseconds, and whether
// it is known and can be.
func (f *figures) between(from, to int64) (int64, bool) {
	took := to - from
	if from == 0 || to == 0 || took < -clocksApart.Milliseconds() || took > f.back.Milliseconds() {
		return 0, false
	}
	return max(took, 0), true
}

// numberOf is the number of the step that a time in milliseconds is in.
func numberOf(at int64) int64 {
	number := at / figuresStep.Milliseconds()
	if at < 0 {
		number-- // division goes towards zero
	}
	return number
}

// firstStep is the number of the oldest step that the figures show.
func firstStep(now time.Time) int64 { return numberOf(now.UnixMilli()) - int64(figuresSteps) + 1 }

func (f *figures) slot(number int64) int { return int(number % int64(len(f.steps))) }

// stepAt is a stage's step at a time; nil if the figures do not go as far back,
// or that far ahead.
func (f *figures) stepAt(at int64, stage kitchen.Stage) *stageStep {
	number := numberOf(at)
	if number < firstStep(f.latest) || number > numberOf(f.latest.UnixMilli())+1 {
		return nil
	}
	s := &f.steps[f.slot(number)]
	if s.number != number {
		*s = step{number: number, stages: make(map[kitchen.Stage]*stageStep), failures: make(map[failureKind]failureTally)}
	}
	counted := s.stages[stage]
	if counted == nil {
		counted = &stageStep{}
		s.stages[stage] = counted
	}
	return counted
}

// forget drops tickets whose last record is too old, by how long the log has been
// read.
func (f *figures) forget(now time.Duration) {
	for key, w := range f.works {
		if now-w.read > f.back {
			delete(f.works, key)
		}
	}
}

// statistics are the figures of the steps up to now.
func (f *figures) statistics(now time.Time) wire.Statistics {
	first := firstStep(now)
	statistics := wire.Statistics{
		At:          now.UTC(),
		Failures:    []wire.FailureCount{},
		From:        time.UnixMilli(first * figuresStep.Milliseconds()).UTC(),
		StepSeconds: int(figuresStep.Seconds()),
	}
	failures := make(map[failureKind]failureTally)
	for _, stage := range kitchen.Stages() {
		of := wire.StageStatistics{Stage: stage, Steps: make([]wire.StatisticsStep, figuresSteps)}
		for i := range of.Steps {
			s := f.steps[f.slot(first+int64(i))]
			if s.number != first+int64(i) {
				continue
			}
			if counted := s.stages[stage]; counted != nil {
				of.Steps[i] = wire.StatisticsStep{Done: counted.done, Failed: counted.failed, WaitSeconds: counted.wait.seconds(), WorkSeconds: counted.work.seconds()}
			}
			for kind, more := range s.failures {
				if kind.stage == stage {
					tally := failures[kind]
					failures[kind] = failureTally{tally.count + more.count, tally.scrapped + more.scrapped}
				}
			}
		}
		statistics.Stages = append(statistics.Stages, of)
	}
	for kind, tally := range failures {
		statistics.Failures = append(statistics.Failures, wire.FailureCount{Stage: kind.stage, Reason: kind.reason, Count: tally.count, Scrapped: tally.scrapped})
	}
	slices.SortFunc(statistics.Failures, func(x, y wire.FailureCount) int {
		return cmp.Or(cmp.Compare(y.Count, x.Count), cmp.Compare(x.Stage, y.Stage), cmp.Compare(x.Reason, y.Reason))
	})
	return statistics
}

func (p *pace) put(sample paceSample) {
	at, _ := slices.BinarySearchFunc(p.samples, sample, func(x, y paceSample) int {
		return cmp.Or(cmp.Compare(y.done, x.done), strings.Compare(x.ticketID, y.ticketID))
	})
	p.samples = slices.Insert(p.samples, at, sample)
	p.samples = p.samples[:min(len(p.samples), paceSamples)]
}

func (p *pace) remove(ticketID string) {
	p.samples = slices.DeleteFunc(p.samples, func(s paceSample) bool { return s.ticketID == ticketID })
}

// of is the stage's pace now.
func (p *pace) of(stage kitchen.Stage, now time.Time) wire.StagePace {
	var took []int64
	for _, sample := range p.samples {
		if numberOf(sample.done) >= firstStep(now) {
			took = append(took, sample.took)
		}
	}
	of := wire.StagePace{Stage: stage, Samples: len(took)}
	if len(took) > 0 {
		slices.Sort(took)
		of.TypicalSeconds, of.SlowSeconds = quantile(took, 0.5), quantile(took, 0.9)
	}
	return of
}

// quantile is, in seconds, the least of sorted milliseconds that this part of them
// does not exceed.
func quantile(sorted []int64, part float64) *float64 {
	at := int(math.Ceil(part*float64(len(sorted)))) - 1
	return new(float64(sorted[at]) / 1000)
}
