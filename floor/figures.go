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
	// atWorkFor is for how long whoever has done a ticket is taken to be at work.
	atWorkFor = 15 * time.Minute
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
//   - What a worker refuses is taken out again, and so is what counted only because
//     of it.
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
	read    time.Duration // the last record, by how long the log had been read then
	issued  int64         // the first issue
	started loggedTime    // the last time that somebody began it
	done    loggedTime
	undone  loggedTime
	failed  []failedWork
	counted bool   // done, and in a step
	pieces  int32  // 0 while no ticket has told
	by      uint64 // who did it last, as a hash
}

// loggedTime is a time that an ack tells, and where that lies.
type loggedTime struct{ offset, at int64 }

func (l loggedTime) isKnown() bool { return l != loggedTime{} }

// failedWork is a failure that counts.
type failedWork struct {
	loggedTime
	reason   string
	scrapped int
}

// step is what the stations did in one step.
type step struct {
	number   int64
	placed   int // orders whose first ticket was issued
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
	inHand   int64 // begun to done; -1 if that is not known
	pieces   int64
	by       uint64
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

// addTicket adds that a ticket was issued, by which acks may be judged differently
// now; log has the ticket already.
func (f *figures) addTicket(ticket kitchen.Ticket, judged []board.Judged, log *board.Board, record board.Heard, now time.Time) {
	ref := ticket.Ref()
	ref.Kind = kitchen.TicketMake
	if len(judged) > 0 {
		f.judgeAgain(ref, f.workOf(ref.TicketID(), record, now), log, nil)
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
		f.tally(ref, w, -1)
		f.countPlaced(ref, w.issued, -1)
		w.issued, w.pieces = issued, int32(ticket.Pieces())
		f.countPlaced(ref, w.issued, 1)
		f.tally(ref, w, 1)
	}
}

// addAck adds an ack and what it has done; log has it already.
func (f *figures) addAck(judged board.Judged, log *board.Board, now time.Time) {
	ref, err := kitchen.ParseTicketID(judged.Ack.TicketID)
	if err != nil {
		return // not reached: what was decoded has a good id
	}
	ref.Kind = kitchen.TicketMake
	w := f.workOf(ref.TicketID(), judged.Heard, now)
	if judged.Effect == board.Refused {
		f.judgeAgain(ref, w, log, judged.Ack.Offset)
		return
	}
	f.tally(ref, w, -1)
	f.note(ref.Stage, w, judged)
	f.tally(ref, w, 1)
}

// note notes what an ack has done. The ticket is not in the tally meanwhile.
func (f *figures) note(stage kitchen.Stage, w *work, judged board.Judged) {
	ack := judged.Ack
	at := loggedTime{judged.Heard.Offset, ack.At.UnixMilli()}
	_, isUndo := board.UndoneBy(ack.TicketID)
	switch effect := judged.Effect; {
	case isUndo:
		if effect == board.Ended && !w.undone.isKnown() {
			w.undone = at
		}
		return
	case effect == board.Claimed || effect == board.TookOver:
		w.started = at
	case effect == board.Failed && len(w.failed) < failuresEach:
		failed := failedWork{at, ack.Reason, ack.Scrapped}
		w.failed = append(w.failed, failed)
		f.countFailed(stage, failed, 1)
		return
	case effect == board.Ended && !w.done.isKnown(): // the board forgets sooner
		w.done, w.by = at, maphash.String(f.seed, ack.By)
	default:
		return
	}
	if ack.StartedAt != nil {
		w.started = loggedTime{at.offset, ack.StartedAt.UnixMilli()}
	}
}

// judgeAgain counts anew what the last acks of a ticket, and of its undo ticket,
// have done. One that was refused is not among them any more, and may lie before them.
func (f *figures) judgeAgain(ref kitchen.TicketRef, w *work, log *board.Board, refused *int64) {
	f.tally(ref, w, -1)
	made, from := lastAcks(log, ref)
	isRefused := func(known loggedTime) bool { return refused != nil && known.isKnown() && known.offset == *refused }
	for _, known := range []*loggedTime{&w.started, &w.done} {
		if known.offset >= from || isRefused(*known) {
			*known = loggedTime{}
		}
	}
	w.failed = slices.DeleteFunc(w.failed, func(failed failedWork) bool {
		if failed.offset < from && !isRefused(failed.loggedTime) {
			return false
		}
		f.countFailed(ref.Stage, failed, -1)
		return true
	})
	undone, from := lastAcks(log, ref.Undo())
	if w.undone.offset >= from || isRefused(w.undone) {
		w.undone = loggedTime{}
	}
	for _, judged := range slices.Concat(made, undone) {
		f.note(ref.Stage, w, judged)
	}
	f.tally(ref, w, 1)
}

// lastAcks are the last acks of a ticket and where the first of them lies: after
// everything if the board has forgotten the ticket, and before everything if all
// were refused.
func lastAcks(log *board.Board, ref kitchen.TicketRef) (acks []board.Judged, from int64) {
	acks = log.Acks(ref.TicketID())
	if _, known := log.Get(ref.TicketID()); !known {
		return nil, math.MaxInt64
	}
	if len(acks) == 0 {
		return nil, 0
	}
	return acks, acks[0].Heard.Offset
}

// countFailed counts a failure, or with -1 takes it out again.
func (f *figures) countFailed(stage kitchen.Stage, failed failedWork, times int) {
	counted := f.stepAt(failed.at, stage)
	if counted == nil {
		return
	}
	counted.failed += times
	reason := failed.reason
	if _, listed := f.reasons[reason]; !listed {
		reason = kitchen.ReasonOther // or whoever writes to Kafka could make any number of them
	}
	failures := f.steps[f.slot(numberOf(failed.at))].failures
	kind := failureKind{stage, reason}
	tally := failures[kind]
	if tally = (failureTally{tally.count + times, tally.scrapped + times*failed.scrapped}); tally == (failureTally{}) {
		delete(failures, kind)
		return
	}
	failures[kind] = tally
}

// countPlaced counts an order that came into the kitchen then, if the ticket is its
// first, or with -1 takes it out again.
func (f *figures) countPlaced(ref kitchen.TicketRef, issued int64, times int) {
	if issued == 0 || ref.Pass != 1 || ref.Stage != kitchen.Stages()[0] || f.stepAt(issued, ref.Stage) == nil {
		return
	}
	f.steps[f.slot(numberOf(issued))].placed += times
}

// tally adds work that is done to the figures, unless it was undone before, or with
// -1 takes it out again.
func (f *figures) tally(ref kitchen.TicketRef, w *work, times int) {
	if times > 0 {
		w.counted = w.done.isKnown() && !(w.undone.isKnown() && w.undone.offset < w.done.offset) && f.stepAt(w.done.at, ref.Stage) != nil
	}
	if !w.counted {
		return
	}
	if stage := f.stepAt(w.done.at, ref.Stage); stage != nil {
		stage.done += times
		waited, known := f.between(w.issued, w.started.at)
		stage.wait.add(waited, known, int64(times))
		worked, known := f.between(w.started.at, w.done.at)
		stage.work.add(worked, known, int64(times))
	}
	f.paces[ref.Stage].remove(ref.TicketID())
	if took, known := f.between(w.issued, w.done.at); known && times > 0 {
		inHand, known := f.between(w.started.at, w.done.at)
		if !known {
			inHand = -1
		}
		f.paces[ref.Stage].put(paceSample{ref.TicketID(), w.done.at, took, inHand, int64(w.pieces), w.by})
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
		Placed:      make([]int, figuresSteps),
	}
	for i := range statistics.Placed {
		if s := f.steps[f.slot(first+int64(i))]; s.number == first+int64(i) {
			statistics.Placed[i] = s.placed
		}
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

// work is how long the stage's work takes now, and how many work there; known is false
// if it has done too little lately.
func (p *pace) work(now time.Time) (work stageWork, known bool) {
	var each []int64
	var pieces, inHand int64
	people := make(map[uint64]struct{})
	for _, sample := range p.samples {
		if numberOf(sample.done) < firstStep(now) || sample.inHand < 0 || sample.pieces == 0 {
			continue
		}
		each = append(each, sample.inHand)
		pieces, inHand = pieces+sample.pieces, inHand+sample.inHand
		if now.UnixMilli()-sample.done <= atWorkFor.Milliseconds() {
			people[sample.by] = struct{}{}
		}
	}
	if len(each) < enoughSamples {
		return stageWork{}, false
	}
	slices.Sort(each)
	seconds := func(part float64) time.Duration { return time.Duration(*quantile(each, part) * float64(time.Second)) }
	return stageWork{
		perPiece: time.Duration(inHand) * time.Millisecond / time.Duration(pieces),
		typical:  seconds(0.5), slow: seconds(0.9), hands: max(1, len(people)),
	}, true
}

// quantile is, in seconds, the least of sorted milliseconds that this part of them
// does not exceed.
func quantile(sorted []int64, part float64) *float64 {
	at := int(math.Ceil(part*float64(len(sorted)))) - 1
	return new(float64(sorted[at]) / 1000)
}
