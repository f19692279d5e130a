package eventstest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// Instance is a running broker.
type Instance interface {
	// Addr is where it listens, the same before and after Restart.
	Addr() string
	// Kill ends it as kill -9 does.
	Kill()
	// Restart starts it on the same data after Kill.
	Restart(t *testing.T)
}

// Broker is a kind of broker under test.
type Broker struct {
	// Start starts one that is stopped when the test ends.
	Start func(t *testing.T) Instance
	// SessionTimeout is the shortest that its groups allow.
	SessionTimeout time.Duration
}

// scenario is one promise, named by what is broken when it fails.
type scenario struct {
	name string
	run  func(*world)
}

// Run holds everything that package events promises against the broker. Most
// scenarios share one, in parallel, with topics and groups of their own; those
// that kill the broker or change the factory's topics have another.
func Run(t *testing.T, broker Broker) {
	t.Run("Together", func(t *testing.T) {
		t.Parallel()
		instance := broker.Start(t)
		w := newWorld(t, instance)
		_, err := events.ApplyTopics(w.ctx(), w.connection, events.TopicSettings{Partitions: 4})
		require.NoError(t, err)
		for _, scenario := range append([]scenario{
			{"ANewGroupStartsAtTheFirstMessage", newGroupStartsAtFirst},
			{"AGroupThatSkipsToTheEndReadsOnlyWhatComesLater", skippedToEnd},
			{"OnlyWhatIsFinishedWithoutAGapIsCommitted", onlyContiguousPrefixIsCommitted},
			{"TheLagCountsWhatIsInHandAndWhatWaits", lagOfFullPartition},
			{"NeverMoreThanMaxInFlightIsDelivered", neverMoreThanMaxInFlight},
			{"WhatACrashedMemberHadInHandIsDeliveredAgain", func(w *world) { crashedMember(w, broker.SessionTimeout) }},
			{"ARebalanceTakesAwayOnlyWhatMoves", rebalanceWithWorkInHand},
			{"TwoMembersShareTheWork", twoMembersShare},
			{"AStopFinishesWhatIsInHandAndLeavesAtOnce", stopFinishesAndLeaves},
			{"AStopDoesNotWaitForEver", stopIsBounded},
			{"APoisonMessageBecomesADeadLetterAndStopsNothing", poisonBecomesDeadLetter},
			{"AHugeMessageBecomesADeadLetterWithAllItsBytes", hugeMessage},
			{"MessagesDeletedByRetentionAreSkippedLoudly", deletedMessages},
			{"TransactionMarkersDoNotStopAReader", transactionMarkers},
			{"AddedPartitionsAreRead", addedPartitions},
			{"MessagesOfOneKeyKeepTheirOrder", orderWithinKey},
			{"AKeyLivesWhereJavaClientsPutIt", keyPlacement},
			{"PublishesTogetherShareRequests", publishesShareRequests},
			{"TailReadsOnlyWhatIsNewAndSaysWhenItHasCaughtUp", tailOnlyNew},
			{"PublishingToAMissingTopicSaysWhatToDo", missingTopic},
		}, slices.Concat(readingScenarios, keeperScenarios, letterScenarios)...) {
			t.Run(scenario.name, func(t *testing.T) {
				t.Parallel()
				scenario.run(newWorld(t, instance))
			})
		}
	})
	t.Run("Alone", func(t *testing.T) {
		t.Parallel()
		instance := broker.Start(t)
		t.Run("ReadingGoesPastWhatWasCompactedAway", func(t *testing.T) { compactedAway(newWorld(t, instance)) })
		t.Run("FlagsAreTheSameOnceTheirTopicIsCompacted", func(t *testing.T) { compactedFlags(newWorld(t, instance)) })
		t.Run("TopicsAreAppliedAndChecked", func(t *testing.T) { applyAndCheckTopics(newWorld(t, instance)) })
		t.Run("ATopicThatHasDriftedIsReportedAndMended", func(t *testing.T) { driftedTopics(newWorld(t, instance)) })
		t.Run("AMessageIsJudgedByThePartitionsThatThereWere", func(t *testing.T) { judgedByFormerPartitions(newWorld(t, instance)) })
		t.Run("ALetterThatKafkaHasDeletedIsGone", func(t *testing.T) { deletedLetters(newWorld(t, instance)) })
		t.Run("EverybodyGoesOnAfterTheBrokerWasKilled", func(t *testing.T) { brokerKilled(newWorld(t, instance)) })
	})
}

func newGroupStartsAtFirst(w *world) {
	topic, group := w.topic(1), uuid.NewString()
	w.produce(topic, 0, "a", "b", "c")
	m := w.join(group, topic, nil)
	for i, d := range m.take(3) {
		assert.Equal(w, int64(i), d.Offset)
		assert.Equal(w, []string{"a", "b", "c"}[i], string(d.Value))
	}
}

func skippedToEnd(w *world) {
	topic, group := w.topic(2), uuid.NewString()
	w.produce(topic, 0, "0", "1")
	w.produce(topic, 1, "0")
	require.NoError(w, events.SkipToEnd(w.ctx(), w.connection, group, topic))
	w.produce(topic, 0, "later")
	w.produce(topic, 1, "later")
	m := w.join(group, topic, nil)
	for _, d := range m.take(2) {
		require.Equal(w, "later", string(d.Value))
		d.Done()
	}
	require.Error(w, events.SkipToEnd(w.ctx(), w.connection, group, topic), "somebody is in it")
}

func lagOfFullPartition(w *world) {
	topic, group := w.topic(1), uuid.NewString()
	w.produce(topic, 0, "0", "1", "2")
	m := w.join(group, topic, func(c *events.ConsumerConfig) { c.MaxInFlight = 2 })
	got := m.take(2)
	lag := func(messages int64) func() bool {
		return func() bool { return m.consumer.Lag()[topic] == messages }
	}
	require.Equal(w, map[string]int64{topic: 3}, m.consumer.Lag(), "both that are in hand, and the one that waits")
	w.produce(topic, 0, "3", "4")
	require.Eventually(w, lag(5), patience, 10*time.Millisecond, "what is not read any more is still counted")
	got[1].Done()
	require.True(w, lag(5)(), "one before it is unfinished")
	got[0].Done()
	for range 3 {
		m.next().Done()
	}
	require.Eventually(w, lag(0), patience, 10*time.Millisecond)
}

func onlyContiguousPrefixIsCommitted(w *world) {
	topic, group := w.topic(1), uuid.NewString()
	w.produce(topic, 0, "0", "1", "2", "3", "4")
	m := w.join(group, topic, nil)
	got := m.take(5)
	got[4].Done()
	got[1].Done()
	got[0].Done()
	got[0].Done() // again, which changes nothing
	m.awaitCommit(2)
	got[3].Done()
	m.stop()
	assert.Equal(w, int64(2), w.committed(group, topic, 0), "2 is unfinished, so the group's offset stays there")

	again := w.join(group, topic, nil)
	for i, d := range again.take(3) {
		assert.Equal(w, int64(i+2), d.Offset)
		d.Done()
	}
	again.awaitCommit(5)
}

func neverMoreThanMaxInFlight(w *world) {
	const limit, total = 3, 60
	topic, group := w.topic(1), uuid.NewString()
	values := make([]string, total)
	w.produce(topic, 0, values...)

	var mu sync.Mutex
	finished := make(map[int64]bool)
	most := int64(0)
	m := w.join(group, topic, func(c *events.ConsumerConfig) {
		c.MaxInFlight = limit
		deliver := c.Handle
		c.Handle = func(ctx context.Context, d *events.Delivery) {
			mu.Lock()
			first := int64(0)
			for finished[first] {
				first++
			}
			most = max(most, d.Offset-first+1)
			mu.Unlock()
			deliver(ctx, d)
		}
	})
	// Finish in an order that leaves gaps: whenever the window is full, all
	// but its first first, then the first.
	for range total / limit {
		window := m.take(limit)
		for _, i := range append(rand.Perm(limit - 1)[:limit-1:limit-1], limit-1) {
			d := window[limit-1-i]
			mu.Lock()
			finished[d.Offset] = true
			mu.Unlock()
			d.Done()
		}
	}
	m.awaitCommit(total)
	mu.Lock()
	defer mu.Unlock()
	assert.Equal(w, int64(limit), most)
}

func crashedMember(w *world, session time.Duration) {
	topic, group := w.topic(1), uuid.NewString()
	w.produce(topic, 0, "0", "1", "2", "3")
	victim := startProcess(w.T, helperConfig{Brokers: w.connection.Brokers, Group: group, Topic: topic, Session: session})
	victim.await("delivered 3")
	victim.done(0)
	victim.await("committed 1")
	victim.done(2)
	victim.kill()

	heir := w.join(group, topic, nil)
	for i, d := range heir.take(3) {
		assert.Equal(w, int64(i+1), d.Offset)
		d.Done()
	}
	heir.awaitCommit(4)
}

func rebalanceWithWorkInHand(w *world) {
	topic, group := w.topic(4), uuid.NewString()
	for partition := range int32(4) {
		w.produce(topic, partition, "0", "1")
	}
	first := w.join(group, topic, nil)
	first.awaitPartitions(topic, 4)
	inHand := make(map[int][]delivered)
	for _, d := range first.take(8) {
		inHand[d.Partition] = append(inHand[d.Partition], d)
	}
	second := w.join(group, topic, nil)
	moved := second.awaitPartitions(topic, 2)
	kept := first.awaitPartitions(topic, 2)

	// The newcomer gets what was unfinished in the partitions it took …
	for _, d := range second.take(4) {
		assert.Contains(w, moved, d.Partition)
	}
	for _, partition := range moved {
		for _, d := range inHand[partition] {
			wait(w, d.ctx.Done(), "the end of the context of a delivery that was taken away")
			d.Done()
		}
	}
	// … and the rest goes on where it was, undisturbed.
	for _, partition := range kept {
		w.produce(topic, int32(partition), "2")
		for _, d := range inHand[partition] {
			require.NoError(w, d.ctx.Err(), "partition %d stayed", partition)
			d.Done()
		}
	}
	for _, d := range first.take(2) {
		assert.Equal(w, int64(2), d.Offset, "what was in hand is not delivered to the same member again")
		assert.Contains(w, kept, d.Partition)
		d.Done()
	}
	for range 2 {
		first.awaitCommit(3)
	}
	for _, partition := range kept {
		assert.Equal(w, int64(3), w.committed(group, topic, int32(partition)))
	}
	for _, partition := range moved {
		assert.Equal(w, int64(-1), w.committed(group, topic, int32(partition)), "who lost partition %d commits nothing for it", partition)
	}
}

func twoMembersShare(w *world) {
	topic, group := w.topic(4), uuid.NewString()
	first, second := w.join(group, topic, nil), w.join(group, topic, nil)
	assert.ElementsMatch(w, []int{0, 1, 2, 3}, append(first.awaitPartitions(topic, 2), second.awaitPartitions(topic, 2)...))
	for partition := range int32(4) {
		for i := range 25 {
			w.produce(topic, partition, strconv.Itoa(i))
		}
	}
	seen := make(map[string]int)
	for _, m := range []*member{first, second} {
		for _, d := range m.take(50) {
			seen[fmt.Sprintf("%d/%d", d.Partition, d.Offset)]++
			d.Done()
		}
	}
	assert.Len(w, seen, 100, "together they see each message, each once")
}

func stopFinishesAndLeaves(w *world) {
	topic, group := w.topic(1), uuid.NewString()
	w.produce(topic, 0, "0", "1")
	long := func(c *events.ConsumerConfig) {
		c.SessionTimeout = 5 * time.Minute // whoever waits for it fails
		c.StopWait = patience
	}
	m := w.join(group, topic, long)
	got := m.take(2)
	m.cancel()
	w.produce(topic, 0, "2")
	require.NoError(w, got[0].ctx.Err(), "what is in hand may be finished")
	got[1].Done()
	got[0].Done()
	m.stop()
	assert.Equal(w, int64(2), w.committed(group, topic, 0))
	assert.Empty(w, m.deliveries, "nothing more is handed out")

	next := w.join(group, topic, long)
	d := next.next()
	assert.Equal(w, int64(2), d.Offset)
	d.Done()
}

func stopIsBounded(w *world) {
	topic, group := w.topic(1), uuid.NewString()
	w.produce(topic, 0, "0")
	m := w.join(group, topic, func(c *events.ConsumerConfig) { c.StopWait = time.Millisecond })
	d := m.next()
	m.stop()
	require.Error(w, d.ctx.Err())
	d.Done()
	assert.Equal(w, int64(-1), w.committed(group, topic, 0))
}

func poisonBecomesDeadLetter(w *world) {
	topic, group := w.topic(1), uuid.NewString()
	ref := newTicket(w)
	poison := []byte("not JSON \xff")
	w.produceRecords(&kgo.Record{Topic: topic, Key: []byte("the key"), Value: poison, Headers: []kgo.RecordHeader{{Key: "mine", Value: []byte("kept")}}})
	w.produce(topic, 0, fmt.Sprintf(`{"ticketId":%q,"orderId":%q,"stage":"bake","kind":"done","by":"bob"}`, ref.TicketID(), ref.OrderID))

	writer, good := w.writer(), make(chan kitchen.Ack, 1)
	letters := w.tail(events.TopicDeadLetters)
	m := w.join(group, topic, func(c *events.ConsumerConfig) {
		c.Handle = func(ctx context.Context, d *events.Delivery) {
			defer d.Done()
			ack, err := events.DecodeAck(d.Message)
			if err != nil {
				assert.NoError(w, writer.PublishDeadLetter(ctx, d.Message, err.Error()))
				return
			}
			good <- ack
		}
	})
	assert.Equal(w, ref.TicketID(), receive(w, good, "the good ack").TicketID)
	m.awaitCommit(2)
	letter := letters.of(topic)
	assert.Equal(w, "the key", string(letter.Key))
	assert.Equal(w, poison, letter.Value)
	assertHeaders(w, letter, map[string]string{
		"mine": "kept", events.HeaderDeadTopic: topic, events.HeaderDeadPartition: "0", events.HeaderDeadOffset: "0",
	})
	_, err := events.DecodeAck(letter)
	require.Error(w, err)
	assertHeaders(w, letter, map[string]string{events.HeaderDeadReason: err.Error()})
}

func hugeMessage(w *world) {
	const size = 5 << 20
	topic, group := w.topic(1, "max.message.bytes", strconv.Itoa(8<<20)), uuid.NewString()
	huge := strings.Repeat("x", size)
	w.produce(topic, 0, "before", huge)
	w.produce(topic, 0, "after")
	writer := w.writer()
	letters := w.tail(events.TopicDeadLetters)
	m := w.join(group, topic, nil)
	got := m.take(3)
	_, err := events.DecodeAck(got[1].Message)
	require.ErrorContains(w, err, "more than the 65536 that are read")
	require.NoError(w, writer.PublishDeadLetter(w.ctx(), got[1].Message, err.Error()))
	letter := letters.of(topic)
	assert.True(w, string(letter.Value) == huge, "all %d bytes are kept", size) // not Equal: it would print them
	assert.Equal(w, "after", string(got[2].Value))
}

func deletedMessages(w *world) {
	topic, group := w.topic(1), uuid.NewString()
	w.produce(topic, 0, "0", "1", "2", "3", "4", "5")
	m := w.join(group, topic, nil)
	for _, d := range m.take(6)[:2] {
		d.Done()
	}
	m.awaitCommit(2)
	m.stop()
	w.deleteRecords(topic, 0, 4)

	late := w.join(group, topic, nil)
	for i, d := range late.take(2) {
		assert.Equal(w, int64(4+i), d.Offset)
		d.Done()
	}
	late.awaitCommit(6)
	assert.Equal(w, 1, w.log.count("The offset to read next no longer exists"))
}

func transactionMarkers(w *world) {
	topic, group := w.topic(1), uuid.NewString()
	producer, err := kgo.NewClient(kgo.SeedBrokers(w.instance.Addr()), kgo.TransactionalID(uuid.NewString()), kgo.DefaultProduceTopic(topic))
	require.NoError(w, err)
	defer producer.Close()
	for _, value := range []string{"0", "2"} { // the markers are 1 and 3
		require.NoError(w, producer.BeginTransaction())
		require.NoError(w, producer.ProduceSync(w.ctx(), kgo.StringRecord(value)).FirstErr())
		require.NoError(w, producer.EndTransaction(w.ctx(), kgo.TryCommit))
	}
	m := w.join(group, topic, nil)
	for i, d := range m.take(2) {
		assert.Equal(w, int64(2*i), d.Offset)
		d.Done()
	}
	m.awaitCommit(4) // past the last marker, too
	w.produce(topic, 0, "4")
	assert.Equal(w, int64(4), m.next().Offset)
	tail := w.tail(topic)
	wait(w, tail.caughtUp, "the tail's end, though the last record is a marker")
}

func addedPartitions(w *world) {
	topic, group := w.topic(1), uuid.NewString()
	m := w.join(group, topic, nil)
	tail := w.tail(topic)
	m.awaitPartitions(topic, 1)
	wait(w, tail.caughtUp, "the tail's end")
	w.addPartitions(topic, 2)
	m.awaitPartitions(topic, 2)
	w.produce(topic, 1, "in the new partition")
	assert.Equal(w, 1, m.next().Partition)
	assert.Equal(w, 1, tail.next().Partition)
}

func orderWithinKey(w *world) {
	const orders, attempts = 12, 10
	writer := w.writer()
	ours := make(map[string]int)
	var publishing sync.WaitGroup
	for range orders {
		ref := newTicket(w)
		ours[ref.OrderID] = 0
		publishing.Go(func() {
			for attempt := range attempts {
				assert.NoError(w, writer.PublishTicket(w.Context(), ticketOf(ref, attempt+1)))
			}
		})
	}
	m := w.join(uuid.NewString(), events.TicketTopic(kitchen.Bake), nil)
	for left := orders * attempts; left > 0; {
		d := m.next()
		d.Done()
		ticket, err := events.DecodeTicket(d.Message)
		require.NoError(w, err)
		if last, ok := ours[ticket.OrderID]; ok {
			require.Equal(w, last+1, ticket.Attempt, "order %s", ticket.OrderID)
			ours[ticket.OrderID]++
			left--
		}
	}
	publishing.Wait()
}

func keyPlacement(w *world) {
	writer := w.writer()
	tail := w.tail(events.TopicShip)
	expected := make(map[string]int)
	for range 50 {
		orderID := newTicket(w).OrderID
		expected[orderID] = JavaPartition([]byte(orderID), 4)
		require.NoError(w, writer.PublishShipped(w.ctx(), kitchen.Shipped{OrderID: orderID, ShippedAt: time.Now()}))
	}
	for len(expected) > 0 {
		message := tail.next()
		if partition, ok := expected[string(message.Key)]; ok {
			require.Equal(w, partition, message.Partition, "key %s", message.Key)
			delete(expected, string(message.Key))
		}
	}
}

func publishesShareRequests(w *world) {
	const publishes = 400
	var mu sync.Mutex
	requests, messages := 0, 0
	writer := w.writer(events.WithOnWritten(func(_ string, count int, err error) {
		mu.Lock()
		defer mu.Unlock()
		assert.NoError(w, err)
		requests++
		messages += count
	}))
	gate := make(chan struct{})
	var publishing sync.WaitGroup
	for range publishes {
		ref := newTicket(w)
		publishing.Go(func() {
			<-gate
			assert.NoError(w, writer.PublishTicket(w.Context(), ticketOf(ref, 1)))
		})
	}
	close(gate)
	publishing.Wait()
	mu.Lock()
	defer mu.Unlock()
	assert.Equal(w, publishes, messages)
	assert.Less(w, requests, publishes/2)
}

func tailOnlyNew(w *world) {
	topic := w.topic(2)
	w.produce(topic, 0, "old")
	tail := w.tailWith(func(c *events.TailConfig) { c.OnlyNew = true }, topic)
	wait(w, tail.caughtUp, "the end of what was there")
	w.produce(topic, 0, "new")
	assert.Equal(w, "new", string(tail.next().Value))
}

func missingTopic(w *world) {
	// The one topic of the factory's that no other scenario of the shared
	// broker uses.
	w.deleteTopic(events.TopicFailures)
	err := events.CheckTopics(w.ctx(), w.connection)
	require.EqualError(w, err, "topic \"order-failures\" does not exist: run `cupcakery topics apply`")
	changed, err := events.ApplyTopics(w.ctx(), w.connection, events.TopicSettings{Partitions: 4})
	require.NoError(w, err)
	assert.Equal(w, []string{events.TopicFailures}, topicsOf(changed))
}

func applyAndCheckTopics(w *world) {
	ctx := w.ctx()
	err := events.CheckTopics(ctx, w.connection)
	require.Error(w, err)
	for _, topic := range events.Topics() {
		assert.Contains(w, err.Error(), fmt.Sprintf("topic %q does not exist: run `cupcakery topics apply`", topic))
	}
	writer := w.writer()
	err = writer.PublishTicket(ctx, ticketOf(newTicket(w), 1))
	require.ErrorContains(w, err, "topic \"orders-to-bake\" does not exist: run `cupcakery topics apply`")

	changed, err := events.ApplyTopics(ctx, w.connection, events.TopicSettings{Partitions: 2, Replication: 1})
	require.NoError(w, err)
	assert.ElementsMatch(w, events.Topics(), topicsOf(changed))
	require.NoError(w, events.CheckTopics(ctx, w.connection))
	require.NoError(w, events.CheckTopicSettings(ctx, w.connection, events.TopicSettings{}), "what was created is as promised")
	require.NoError(w, writer.PublishTicket(ctx, ticketOf(newTicket(w), 1)), "a writer sees at once that the topic is there now")

	for _, step := range []struct {
		partitions int
		changed    []string
	}{{2, nil}, {0, nil}, {3, slices.DeleteFunc(events.Topics(), func(topic string) bool { return topic == events.TopicKitchenState })}, {1, nil}, {0, nil}} {
		settings := events.TopicSettings{Partitions: step.partitions, NoticeTime: time.Millisecond}
		planned, err := events.PlanTopics(ctx, w.connection, settings)
		require.NoError(w, err)
		changed, err := events.ApplyTopics(ctx, w.connection, settings)
		require.NoError(w, err)
		assert.ElementsMatch(w, step.changed, topicsOf(changed), "%d partitions", step.partitions)
		assert.Equal(w, planned, changed)
	}
	tail := w.tail(events.TicketTopic(kitchen.Bake))
	wait(w, tail.caughtUp, "the end of the topic")
	assert.Len(w, tail.messages, 1, "nothing was lost")
	require.NoError(w, events.CheckTopics(ctx, w.connection))
}

func brokerKilled(w *world) {
	topic, group := w.topic(2), uuid.NewString()
	w.produce(topic, 0, "0", "1")
	m := w.join(group, topic, nil)
	tail := w.tail(topic)
	wait(w, tail.caughtUp, "the tail's end")
	writer := w.writer()
	require.NoError(w, writer.PublishTicket(w.ctx(), ticketOf(newTicket(w), 1)))
	got := m.take(2)
	got[0].Done()
	m.awaitCommit(1)

	const lost, back = "Kafka does not answer", "Kafka answers again"
	before := w.log.count(lost) // a new cluster may not have had its groups' topic at once
	w.instance.Kill()
	var unavailable *events.UnavailableError
	require.ErrorAs(w, writer.PublishTicket(w.ctx(), ticketOf(newTicket(w), 1)), &unavailable)
	assert.Equal(w, w.connection.Brokers, unavailable.Brokers)
	require.ErrorAs(w, events.CheckTopics(w.ctx(), w.connection), &unavailable)
	require.Eventually(w, func() bool { return w.log.count(lost) == before+2 }, patience, 10*time.Millisecond)
	got[1].Done() // finished while there is nobody to tell
	w.instance.Restart(w.T)

	m.awaitCommit(2)
	require.Eventually(w, func() bool { return writer.PublishTicket(w.Context(), ticketOf(newTicket(w), 1)) == nil }, patience, 50*time.Millisecond)
	w.produce(topic, 0, "2")
	w.produce(topic, 1, "3")
	var values []string
	for _, d := range m.take(2) {
		values = append(values, string(d.Value))
		d.Done()
	}
	assert.ElementsMatch(w, []string{"2", "3"}, values, "what was finished is not delivered again")
	values = nil
	for range 4 {
		values = append(values, string(tail.next().Value))
	}
	slices.Sort(values)
	assert.Equal(w, []string{"0", "1", "2", "3"}, values)
	level, told := true, false
	for !told || !level || len(tail.behind) > 0 { // it may have been behind when it started, too
		select {
		case since := <-tail.behind:
			assert.Equal(w, level, !since.IsZero(), "since when it is behind and that it is level again, in turn")
			level, told = since.IsZero(), true
		case <-time.After(patience):
			require.FailNow(w, "the tail does not say that it is level again")
		}
	}
	require.Eventually(w, func() bool { return w.log.count(back) == before+2 }, patience, 10*time.Millisecond)
	assert.Equal(w, before+2, w.log.count(lost), "once for the consumer and once for the tail, not once for each try")
}

// tailing is a running Tail.
type tailing struct {
	w        *world
	messages chan events.Message
	caughtUp chan struct{}
	behind   chan time.Time
}

func (w *world) tail(topics ...string) *tailing {
	w.Helper()
	return w.tailWith(func(*events.TailConfig) {}, topics...)
}

func (w *world) tailWith(change func(*events.TailConfig), topics ...string) *tailing {
	w.Helper()
	t := &tailing{w: w, messages: make(chan events.Message, 10_000), caughtUp: make(chan struct{}), behind: make(chan time.Time, 100)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	config := events.TailConfig{
		Behind:     func(since time.Time) { t.behind <- since },
		CaughtUp:   func() { close(t.caughtUp) },
		Connection: w.connection,
		Handle:     func(m events.Message) { t.messages <- m },
		Logger:     w.logger(),
		Topics:     topics,
	}
	change(&config)
	go func() { ended <- events.Tail(ctx, config) }()
	w.Cleanup(func() {
		cancel()
		require.NoError(w, receive(w, ended, "the end of the tail"))
	})
	return t
}

func (t *tailing) next() events.Message {
	t.w.Helper()
	return receive(t.w, t.messages, "a message for the tail")
}

// of returns the dead letter whose original lay in the topic.
func (t *tailing) of(topic string) events.Message {
	t.w.Helper()
	for {
		letter := t.next()
		if from, _ := letter.Header(events.HeaderDeadTopic); from == topic {
			return letter
		}
	}
}

func assertHeaders(w *world, message events.Message, expected map[string]string) {
	w.Helper()
	for key, value := range expected {
		got, ok := message.Header(key)
		assert.True(w, ok, "header %s", key)
		assert.Equal(w, value, got, "header %s", key)
	}
}

func newTicket(w *world) kitchen.TicketRef {
	w.Helper()
	orderID, err := kitchen.NewOrderID()
	require.NoError(w, err)
	return kitchen.TicketRef{OrderID: orderID, Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
}

func ticketOf(ref kitchen.TicketRef, attempt int) kitchen.Ticket {
	now := time.Now()
	return kitchen.Ticket{
		TicketID: ref.TicketID(), Kind: ref.Kind, OrderID: ref.OrderID, Stage: ref.Stage, Pass: ref.Pass, Attempt: attempt,
		Lines:      []kitchen.Line{{Flavour: "red-velvet", Size: kitchen.SizeL, Quantity: 12}},
		PickupCode: kitchen.PickupCode(ref.OrderID), IssuedAt: now, AckBy: now.Add(time.Minute),
	}
}
