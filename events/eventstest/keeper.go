package eventstest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
)

// keeperScenarios are of consumers whose offsets are kept elsewhere than in Kafka.
var keeperScenarios = []scenario{
	{"APartitionBeginsWhereItsKeeperSays", keptOffset},
	{"APartitionThatItsKeeperDoesNotKnowBeginsAtTheFirstMessage", unknownToKeeper},
	{"AKeeperThatIsAwayIsAskedAgainAndTheLagIsKnownMeanwhile", keeperAway},
	{"ItsKeeperIsNotAskedForAPartitionThatStays", keeperAndRebalance},
	{"ItsKeeperIsAskedForATopicThatIsMadeAnew", keeperAndRecreatedTopic},
	{"WhatIsReadAgainBeginsWhereItsKeeperSays", rereadPartition},
	{"WhatRetentionHasDeletedBeforeItWasReadIsReported", keeperBehindRetention},
	{"AnOffsetBehindTheEndOfTheLogIsReported", keeperBeyondEnd},
}

// keeper keeps offsets as a database does.
type keeper struct {
	mu      sync.Mutex
	offsets map[[16]byte]map[int]int64
	asked   map[int]int
	away    bool
	// answered gets the topic of every question that was answered.
	answered chan [16]byte
	jumps    chan string
}

func newKeeper() *keeper {
	return &keeper{
		offsets: make(map[[16]byte]map[int]int64), asked: make(map[int]int),
		answered: make(chan [16]byte, 1000), jumps: make(chan string, 1000),
	}
}

func (k *keeper) put(topicID [16]byte, partition int, offset int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.offsets[topicID] == nil {
		k.offsets[topicID] = make(map[int]int64)
	}
	k.offsets[topicID][partition] = offset
}

func (k *keeper) setAway(away bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.away = away
}

// askedFor is how often it was asked for a partition.
func (k *keeper) askedFor(partition int) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.asked[partition]
}

func (k *keeper) startAt(_ context.Context, _ string, topicID [16]byte, partition int) (int64, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked[partition]++
	if k.away {
		return 0, false, errors.New("the keeper is away")
	}
	k.answered <- topicID
	offset, known := k.offsets[topicID][partition]
	return offset, known, nil
}

func (k *keeper) configure(c *events.ConsumerConfig) {
	c.StartAt = k.startAt
	c.OnJump = func(_ string, partition int, from, to int64) { k.jumps <- fmt.Sprint(partition, " ", from, " to ", to) }
}

func keptOffset(w *world) {
	topic, group, k := w.topic(1), uuid.NewString(), newKeeper()
	w.produce(topic, 0, "0", "1", "2", "3", "4")
	k.put(w.topicID(topic), 0, 3)
	m := w.join(group, topic, k.configure)
	for i, d := range m.take(2) {
		assert.Equal(w, int64(3+i), d.Offset)
		assert.Equal(w, w.topicID(topic), d.TopicID)
		d.Done()
	}
	m.awaitCommit(5)
	m.stop()
	k.put(w.topicID(topic), 0, 1) // its database was put back to an earlier state
	m = w.join(group, topic, k.configure)
	m.awaitCommit(1)
	assert.Equal(w, int64(1), w.committed(group, topic, 0), "the group shows what is missing")
	for i, d := range m.take(4) {
		assert.Equal(w, int64(1+i), d.Offset)
		d.Done()
	}
	m.awaitCommit(5)
}

func unknownToKeeper(w *world) {
	topic, group, k := w.topic(1), uuid.NewString(), newKeeper()
	w.produce(topic, 0, "0", "1", "2")
	m := w.join(group, topic, nil)
	for _, d := range m.take(3) {
		d.Done()
	}
	m.awaitCommit(3)
	m.stop()
	m = w.join(group, topic, k.configure)
	for i, d := range m.take(3) {
		assert.Equal(w, int64(i), d.Offset, "the group's offset says nothing")
	}
	assert.Empty(w, k.jumps)
}

func keeperAway(w *world) {
	topic, group, k := w.topic(1), uuid.NewString(), newKeeper()
	w.produce(topic, 0, "0", "1", "2")
	m := w.join(group, topic, nil)
	m.next().Done()
	m.awaitCommit(1)
	m.stop()
	k.put(w.topicID(topic), 0, 1)
	k.setAway(true)
	m = w.join(group, topic, k.configure)
	require.Eventually(w, func() bool { return k.askedFor(0) > 2 }, patience, 10*time.Millisecond)
	require.Eventually(w, func() bool { return m.consumer.Lag()[topic] == 2 }, patience, 10*time.Millisecond,
		"as far as the group knows")
	assert.Equal(w, int64(1), w.committed(group, topic, 0))
	k.setAway(false)
	assert.Equal(w, int64(1), m.next().Offset)
	assert.Zero(w, w.log.count("Kafka does not answer"))
}

func keeperAndRebalance(w *world) {
	topic, group, k := w.topic(4), uuid.NewString(), newKeeper()
	for partition := range int32(4) {
		w.produce(topic, partition, "0", "1")
	}
	first := w.join(group, topic, k.configure)
	first.awaitPartitions(topic, 4)
	inHand := first.take(8)
	for partition := range 4 {
		require.Equal(w, 1, k.askedFor(partition))
		k.put(w.topicID(topic), partition, 1)
	}
	second := w.join(group, topic, k.configure)
	moved := second.awaitPartitions(topic, 2)
	kept := first.awaitPartitions(topic, 2)
	for range moved {
		d := second.next()
		assert.Contains(w, moved, d.Partition)
		assert.Equal(w, int64(1), d.Offset, "the heir begins where the keeper says")
	}
	for _, partition := range kept {
		w.produce(topic, int32(partition), "2")
		assert.Equal(w, 1, k.askedFor(partition), "partition %d stayed", partition)
	}
	for range kept {
		assert.Equal(w, int64(2), first.next().Offset)
	}
	for _, d := range inHand {
		d.Done()
	}
	for range kept {
		first.awaitCommit(2)
	}
}

func keeperAndRecreatedTopic(w *world) {
	topic, k := w.topic(1), newKeeper()
	w.produce(topic, 0, "0", "1")
	m := w.join(uuid.NewString(), topic, k.configure)
	for _, d := range m.take(2) {
		d.Done()
	}
	m.awaitCommit(2)
	before := w.topicID(topic)
	assert.Equal(w, before, receive(w, k.answered, "the first question"))
	k.setAway(true) // until the new topic has what the keeper knows of it
	w.deleteTopic(topic)
	w.createTopic(topic, 1)
	w.client.PurgeTopicsFromClient(topic)
	after := w.topicID(topic)
	require.NotEqual(w, before, after)
	k.put(after, 0, 1) // another process has begun with it
	w.produce(topic, 0, "0", "1", "2")
	k.setAway(false)
	d := m.next()
	assert.Equal(w, after, receive(w, k.answered, "the question for the new topic"))
	assert.Equal(w, int64(1), d.Offset)
	assert.Equal(w, after, d.TopicID)
	assert.Equal(w, "0 2 to 0", receive(w, k.jumps, "the report"))
}

func rereadPartition(w *world) {
	topic, group, k := w.topic(2), uuid.NewString(), newKeeper()
	w.produce(topic, 0, "0", "1", "2", "3")
	w.produce(topic, 1, "0")
	m := w.join(group, topic, k.configure)
	var of0 []delivered
	var other delivered
	for _, d := range m.take(5) {
		if d.Partition == 1 {
			other = d
			continue
		}
		of0 = append(of0, d)
	}
	k.put(w.topicID(topic), 0, 2) // somebody else has gone further
	of0[0].Reread()
	of0[1].Reread() // again, which changes nothing
	for _, d := range of0 {
		wait(w, d.ctx.Done(), "the end of what was in hand")
		d.Done()
	}
	m.awaitCommit(2)
	for i, d := range m.take(2) {
		assert.Equal(w, int64(2+i), d.Offset)
		require.NoError(w, d.ctx.Err())
		d.Done()
	}
	m.awaitCommit(4)
	require.NoError(w, other.ctx.Err(), "nothing has happened to the other partition")
	assert.Equal(w, 2, k.askedFor(0))
	assert.Equal(w, 1, k.askedFor(1))
}

func keeperBehindRetention(w *world) {
	topic, k := w.topic(1), newKeeper()
	w.produce(topic, 0, "0", "1", "2", "3", "4", "5")
	w.deleteRecords(topic, 0, 4)
	k.put(w.topicID(topic), 0, 2)
	m := w.join(uuid.NewString(), topic, k.configure)
	assert.Equal(w, int64(4), m.next().Offset)
	assert.Equal(w, "0 2 to 4", receive(w, k.jumps, "the report"))
	assert.Equal(w, 1, w.log.count("The offset to read next no longer exists"))
}

func keeperBeyondEnd(w *world) {
	topic, k := w.topic(1), newKeeper()
	w.produce(topic, 0, "0", "1")
	k.put(w.topicID(topic), 0, 5)
	m := w.join(uuid.NewString(), topic, k.configure)
	assert.Equal(w, int64(0), m.next().Offset)
	assert.Equal(w, "0 5 to 0", receive(w, k.jumps, "the report"))
	assert.Equal(w, 1, w.log.count("The log ends before the offset to read next"))
}
