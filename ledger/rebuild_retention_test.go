package ledger

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// What retention deletes while a rebuild reads is taken over like what it has deleted before.
func TestRetentionDuringARebuildLosesNothing(t *testing.T) {
	t.Parallel()
	log, store := newRealLog(t), newStore(t)
	o := log.order(1)
	o.make(1, kitchen.Mix)
	for range rebuildBatch + 2000 {
		o.say(o.ref(kitchen.Bake, 1), kitchen.AckStarted, "bob", func(a *kitchen.Ack) { a.Note = strings.Repeat("still at it ", 30) })
	}
	log.publish()
	log.addAll(store)
	before := hashes(t, store)
	deleted := false
	result, err := Rebuild(t.Context(), RebuildConfig{Config: store.config, Connection: log.connection, Progress: func(records, _ int) {
		if records > rebuildBatch && !deleted {
			deleted = true
			log.deleteUntil(events.TopicAcks, rebuildBatch+2000)
		}
	}})
	require.NoError(t, err)
	require.True(t, deleted)
	assert.Positive(t, result.Kept, "the test has deleted what was not read yet")
	assert.Zero(t, result.Lost)
	assert.Empty(t, result.Differences)
	assert.Equal(t, before, hashes(t, store))
}

// The ledger goes on while it is built anew, and the log may have forgotten what it has read
// meanwhile when the rebuild comes to it.
func TestRetentionBeforeARebuildCatchesUpLosesNothing(t *testing.T) {
	t.Parallel()
	log, store := newRealLog(t), newStore(t)
	log.play(0, 4)
	log.publish()
	log.addAll(store)
	deleted := false
	var before []TableHash
	result, err := Rebuild(t.Context(), RebuildConfig{Config: store.config, Connection: log.connection, Progress: func(_, orders int) {
		if orders == 0 || deleted {
			return
		}
		deleted = true
		log.play(4, 4)
		log.publish()
		log.addAll(store)
		before = hashes(t, store)
		for _, topic := range []string{events.TopicAcks, events.TicketTopic(kitchen.Package)} {
			for partition := range 3 {
				log.deleteUntil(topic, log.read[partitionName{topic, partition}])
			}
		}
	}})
	require.NoError(t, err)
	require.True(t, deleted)
	assert.Positive(t, result.Kept)
	assert.Zero(t, result.Lost)
	assert.Empty(t, result.Differences)
	assert.Equal(t, before, hashes(t, store))
}
