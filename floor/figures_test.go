package floor

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/floor/floortest"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// answers are statistics and pace as they are answered, without empty steps.
func answers(t require.TestingT, f *Floor) []string {
	statistics := f.figures.statistics(f.now())
	lines := []string{mustJSON(t, statistics.Failures)}
	for _, stage := range statistics.Stages {
		for i, step := range stage.Steps {
			if step != (wire.StatisticsStep{}) {
				lines = append(lines, fmt.Sprint(stage.Stage, " at ", statistics.From.Add(time.Duration(i)*figuresStep).Format(time.TimeOnly), " ", mustJSON(t, step)))
			}
		}
		lines = append(lines, mustJSON(t, f.figures.paces[stage.Stage].of(stage.Stage, f.now())))
	}
	return lines
}

// anyLog draws what many stations may have written within three hours. Every ack
// of an order comes after those before it in the log, as in a partition.
func anyLog(t *rapid.T) []events.Message {
	var refs []kitchen.TicketRef
	for i := range rapid.IntRange(1, 30).Draw(t, "tickets") {
		refs = append(refs, kitchen.TicketRef{
			OrderID: fmt.Sprintf("01936f8e-5c1a-7d3b-9f00-0000000000%02d", i/2), Stage: kitchen.Stages()[i%2+1], Pass: 1, Kind: kitchen.TicketMake,
		})
	}
	var messages []events.Message
	at := morning
	for range rapid.IntRange(0, 120).Draw(t, "records") {
		at = at.Add(time.Duration(rapid.IntRange(0, 90).Draw(t, "seconds")) * time.Second)
		if len(messages) > 0 && rapid.IntRange(0, 5).Draw(t, "again") == 0 {
			again := rapid.SampledFrom(messages).Draw(t, "which")
			again.Time = at
			messages = append(messages, again)
			continue
		}
		ref := rapid.SampledFrom(refs).Draw(t, "ticket")
		if rapid.IntRange(0, 9).Draw(t, "an undo ticket") == 0 {
			ref.Kind = kitchen.TicketUndo
		}
		if rapid.IntRange(0, 2).Draw(t, "an issue") == 0 {
			messages = append(messages, record(t, events.TicketTopic(ref.Stage), at, floortest.Ticket(ref, rapid.IntRange(1, 3).Draw(t, "attempt"))))
			continue
		}
		kinds := []kitchen.AckKind{kitchen.AckStarted, kitchen.AckFailed, kitchen.AckDone}
		if ref.Kind == kitchen.TicketUndo {
			kinds = []kitchen.AckKind{kitchen.AckFailed, kitchen.AckUndone}
		}
		ack := kitchen.Ack{TicketID: ref.TicketID(), OrderID: ref.OrderID, Stage: ref.Stage, By: "bob",
			Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), At: anyTime(t, at), Attempt: rapid.IntRange(0, 3).Draw(t, "attempt"),
			Reason: rapid.SampledFrom([]string{"burnt", "dropped", "other", "", "gremlins", "two words"}).Draw(t, "reason"), Scrapped: rapid.IntRange(0, 12).Draw(t, "scrapped")}
		if rapid.Bool().Draw(t, "says when it began") {
			startedAt := anyTime(t, at)
			ack.StartedAt = &startedAt
		}
		messages = append(messages, record(t, events.TopicAcks, at, ack))
	}
	return messages
}

// anyTime is a time that a station gives, now and then one that cannot be.
func anyTime(t *rapid.T, record time.Time) time.Time {
	if rapid.IntRange(0, 9).Draw(t, "a wrong clock") == 0 {
		return rapid.SampledFrom([]time.Time{{}, time.Unix(0, 0).UTC(), record.Add(-figuresBack), record.Add(-figuresBack - 1), record.Add(time.Hour), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)}).Draw(t, "clock")
	}
	return record.Add(-time.Duration(rapid.IntRange(0, 600).Draw(t, "late by")) * time.Second)
}

// TestEveryProcessTellsTheSameFigures: one has read along and forgotten what
// was silent, another has just started, read the topics one before the other,
// and read much of it twice.
func TestEveryProcessTellsTheSameFigures(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		messages := anyLog(t)
		end := morning.Add(time.Duration(rapid.IntRange(181, 238).Draw(t, "minutes")) * time.Minute)

		now := morning
		longRun := newFloorAt(t, &now)
		longRun.setCaughtUp()
		for _, message := range messages {
			now = message.Time
			longRun.handle(message)
			if rapid.IntRange(0, 9).Draw(t, "keep house") == 0 {
				longRun.forget()
			}
		}
		now = end
		longRun.forget()

		fresh := newFloorAt(t, &end)
		byTopic := map[string][]events.Message{}
		for _, message := range messages {
			byTopic[message.Topic] = append(byTopic[message.Topic], message)
		}
		for len(byTopic) > 0 {
			topics := make([]string, 0, len(byTopic))
			for topic := range byTopic {
				topics = append(topics, topic)
			}
			slices.Sort(topics)
			topic := rapid.SampledFrom(topics).Draw(t, "topic")
			batch := byTopic[topic][:rapid.IntRange(1, len(byTopic[topic])).Draw(t, "batch")]
			for _, message := range batch {
				fresh.handle(message)
				if rapid.IntRange(0, 3).Draw(t, "twice") == 0 {
					fresh.handle(message)
				}
			}
			if byTopic[topic] = byTopic[topic][len(batch):]; len(byTopic[topic]) == 0 {
				delete(byTopic, topic)
			}
		}
		fresh.setCaughtUp()
		require.Equal(t, answers(t, longRun), answers(t, fresh))
	})
}

// TestWhatAFreshProcessCannotKnow is how long tickets have waited that were
// issued before the log that it reads. It counts the same.
func TestWhatAFreshProcessCannotKnow(t *testing.T) {
	t.Parallel()
	counts := func(f *Floor) string {
		statistics := f.figures.statistics(f.now())
		for _, stage := range statistics.Stages {
			for i := range stage.Steps {
				stage.Steps[i].WaitSeconds, stage.Steps[i].WorkSeconds = nil, nil
			}
		}
		return mustJSON(t, statistics)
	}
	now := morning
	longRun := newFloorAt(t, &now)
	longRun.setCaughtUp()
	var messages []events.Message
	for i := range 100 {
		ref := kitchen.TicketRef{OrderID: fmt.Sprintf("01936f8e-5c1a-7d3b-9f00-0000000000%02d", i), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
		issued := morning.Add(time.Duration(i) * 7 * time.Minute)
		messages = append(messages, record(t, events.TicketTopic(ref.Stage), issued, floortest.Ticket(ref, 1)),
			record(t, events.TopicAcks, issued.Add(10*time.Minute), ackOf(ref, kitchen.AckFailed, issued.Add(9*time.Minute))),
			record(t, events.TopicAcks, issued.Add(20*time.Minute), ackOf(ref, kitchen.AckDone, issued.Add(19*time.Minute))))
	}
	slices.SortStableFunc(messages, func(x, y events.Message) int { return x.Time.Compare(y.Time) })
	for _, message := range messages {
		now = message.Time
		longRun.handle(message)
		longRun.forget()
	}
	fresh := newFloorAt(t, &now)
	for _, message := range messages {
		if !message.Time.Before(now.Add(-fresh.readBack)) {
			fresh.handle(message)
		}
	}
	fresh.setCaughtUp()
	require.Equal(t, counts(longRun), counts(fresh))
	require.Less(t, len(longRun.figures.works), 60, "what is older than the figures is forgotten")
	require.Equal(t, longRun.board.Len(), fresh.board.Len(), "and both boards show the same, though one has read further back")
	for _, stage := range kitchen.Stages() {
		longBoard, freshBoard := longRun.stations[stage].board(), fresh.stations[stage].board()
		require.Equal(t, longBoard.Ended, freshBoard.Ended)
		require.Equal(t, longBoard.Tickets, freshBoard.Tickets)
	}
}

func TestWhatTheStationsDidIsCountedInItsStep(t *testing.T) {
	t.Parallel()
	now := morning
	f := newFloorAt(t, &now)
	ref := kitchen.TicketRef{OrderID: "01936f8e-5c1a-7d3b-9f00-000000000001", Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
	other := ref
	other.Pass = 2
	add := func(at time.Duration, value any) {
		topic := events.TopicAcks
		if ticket, is := value.(kitchen.Ticket); is {
			topic = events.TicketTopic(ticket.Stage)
		}
		now = morning.Add(at)
		f.handle(record(t, topic, now, value))
	}
	ack := func(ref kitchen.TicketRef, kind kitchen.AckKind, at time.Duration, attempt int) kitchen.Ack {
		ack := ackOf(ref, kind, morning.Add(at))
		ack.Attempt = attempt
		return ack
	}
	add(0, floortest.Ticket(ref, 1))
	add(time.Minute, ack(ref, kitchen.AckStarted, time.Minute, 1))
	failed := ack(ref, kitchen.AckFailed, 2*time.Minute, 1)
	failed.Reason, failed.Scrapped = "burnt", 3
	add(2*time.Minute, failed)
	add(2*time.Minute, failed) // as if its writer had tried again
	stale := failed
	stale.By = "eve"
	add(3*time.Minute, stale)
	add(3*time.Minute, floortest.Ticket(ref, 2))
	add(9*time.Minute, ack(ref, kitchen.AckStarted, 9*time.Minute, 2))
	failed.Attempt, failed.Reason = 2, "gremlins"
	add(10*time.Minute, failed)
	add(10*time.Minute, floortest.Ticket(ref, 3))
	add(11*time.Minute, ack(ref, kitchen.AckStarted, 11*time.Minute, 3))
	add(16*time.Minute, ack(ref, kitchen.AckDone, 12*time.Minute, 3)) // a tablet that was asleep
	add(17*time.Minute, ack(ref, kitchen.AckDone, 17*time.Minute, 3))
	add(17*time.Minute, ack(ref, kitchen.AckFailed, 17*time.Minute, 4))
	add(18*time.Minute, floortest.Ticket(other, 1))
	add(20*time.Minute, ack(other, kitchen.AckDone, 20*time.Minute, 1)) // a robot publishes no started
	undo := other
	undo.Kind = kitchen.TicketUndo
	add(21*time.Minute, floortest.Ticket(undo, 1))
	add(21*time.Minute, ack(undo, kitchen.AckFailed, 21*time.Minute, 1))
	add(22*time.Minute, ack(undo, kitchen.AckUndone, 22*time.Minute, 2))

	statistics := f.figures.statistics(now)
	require.Equal(t, morning.Add(22*time.Minute), statistics.At)
	require.Equal(t, time.Date(2026, 1, 31, 4, 25, 0, 0, time.UTC), statistics.From)
	require.Equal(t, 300, statistics.StepSeconds)
	require.Len(t, statistics.Stages, 4)
	require.Equal(t, []wire.FailureCount{{Stage: kitchen.Bake, Reason: "burnt", Count: 1, Scrapped: 3}, {Stage: kitchen.Bake, Reason: "other", Count: 1, Scrapped: 3}}, statistics.Failures)
	for _, stage := range statistics.Stages {
		require.Len(t, stage.Steps, figuresSteps)
		want := make([]wire.StatisticsStep, figuresSteps)
		if stage.Stage == kitchen.Bake {
			last := figuresSteps - 1 // 8:20
			want[last-4].Failed = 2  // 8:04; the second gives the same time
			want[last-2] = wire.StatisticsStep{Done: 1, WaitSeconds: new(660.0), WorkSeconds: new(60.0)}
			want[last] = wire.StatisticsStep{Done: 1}
		}
		require.Equal(t, want, stage.Steps, stage.Stage)
	}
	require.Equal(t, wire.StagePace{Stage: kitchen.Bake, Samples: 2, TypicalSeconds: new(120.0), SlowSeconds: new(720.0)}, f.figures.paces[kitchen.Bake].of(kitchen.Bake, now))
	require.Equal(t, wire.StagePace{Stage: kitchen.Mix}, f.figures.paces[kitchen.Mix].of(kitchen.Mix, now))

	now = now.Add(figuresBack + figuresStep)
	statistics = f.figures.statistics(now)
	require.Empty(t, statistics.Failures)
	require.Equal(t, make([]wire.StatisticsStep, figuresSteps), statistics.Stages[1].Steps)
	require.Zero(t, f.figures.paces[kitchen.Bake].of(kitchen.Bake, now).Samples)
	f.forget()
	require.Empty(t, f.figures.works)
}

func TestThePaceIsThatOfTheLastTickets(t *testing.T) {
	t.Parallel()
	p := &pace{}
	now := morning.Add(time.Hour)
	for i := range 80 { // in any order
		i = (i * 37) % 80
		p.put(paceSample{ticketID: fmt.Sprint(i), done: morning.Add(time.Duration(i) * time.Second).UnixMilli(), took: int64(i) * 1000})
	}
	of := p.of(kitchen.Mix, now)
	require.Equal(t, wire.StagePace{Stage: kitchen.Mix, Samples: paceSamples, TypicalSeconds: new(54.0), SlowSeconds: new(74.0)}, of, "of those from 30 to 79")
	require.Equal(t, paceSamples, p.of(kitchen.Mix, morning.Add(figuresBack-3*time.Minute)).Samples)
	require.Zero(t, p.of(kitchen.Mix, morning.Add(figuresBack)).Samples, "the steps do not go as far back any more")
}

// TestNobodyCanBloatTheFigures: anybody can write to Kafka.
func TestNobodyCanBloatTheFigures(t *testing.T) {
	t.Parallel()
	now := morning
	f := newFloorAt(t, &now)
	f.setCaughtUp()
	ref := kitchen.TicketRef{OrderID: "01936f8e-5c1a-7d3b-9f00-000000000001", Stage: kitchen.Mix, Pass: 1, Kind: kitchen.TicketMake}
	f.handle(record(t, events.TopicAcks, now, ackOf(ref, kitchen.AckDone, now)))
	before := answers(t, f)
	for i, record := range []events.Message{
		record(t, events.TopicAcks, time.Date(20_000, 1, 1, 0, 0, 0, 0, time.UTC), ackOf(kitchen.TicketRef{OrderID: ref.OrderID, Stage: kitchen.Mix, Pass: 2, Kind: kitchen.TicketMake}, kitchen.AckDone, now.Add(time.Hour))),
		record(t, events.TopicAcks, now.Add(10*time.Minute), ackOf(kitchen.TicketRef{OrderID: ref.OrderID, Stage: kitchen.Mix, Pass: 3, Kind: kitchen.TicketMake}, kitchen.AckDone, now.Add(10*time.Minute))),
		record(t, events.TopicAcks, time.Time{}, ackOf(kitchen.TicketRef{OrderID: ref.OrderID, Stage: kitchen.Mix, Pass: 4, Kind: kitchen.TicketMake}, kitchen.AckFailed, time.Date(1, 1, 1, 0, 0, 1, 0, time.UTC))),
		record(t, events.TopicAcks, time.UnixMilli(math.MinInt64), ackOf(kitchen.TicketRef{OrderID: ref.OrderID, Stage: kitchen.Mix, Pass: 5, Kind: kitchen.TicketMake}, kitchen.AckDone, now)),
	} {
		record.Appended = false // no broker has such a clock
		f.handle(record)
		require.Equal(t, before, answers(t, f), i)
	}
	f.forget()
	now = now.Add(f.readBack + time.Minute)
	f.forget()
	require.Empty(t, f.figures.works, "nothing stays for ever that says it is from the future")

	for i := range 2000 {
		failed := ackOf(ref, kitchen.AckFailed, now)
		failed.Attempt, failed.Reason, failed.Scrapped = i+1, fmt.Sprint("reason ", i), 1
		f.handle(record(t, events.TopicAcks, now, failed))
	}
	require.Equal(t, []wire.FailureCount{{Stage: kitchen.Mix, Reason: kitchen.ReasonOther, Count: failuresEach, Scrapped: failuresEach}}, f.figures.statistics(now).Failures)
}
