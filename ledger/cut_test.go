package ledger

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// A database that is restored, or made anew, while a process goes on has less than that
// has written: what lies between must not be left out.
func TestADatabaseWithLessThanWasWrittenTakesNothingMore(t *testing.T) {
	t.Parallel()
	for name, back := range map[string]string{
		"restored":    "UPDATE positions SET next_offset = 1 WHERE partition = 0",
		"made anew":   "TRUNCATE positions, facts, order_folds, orders, tickets, attempts",
		"other names": "TRUNCATE positions, facts, order_folds, orders, tickets, attempts, logs RESTART IDENTITY CASCADE; INSERT INTO logs (topic, topic_id) VALUES ('another', gen_random_uuid())",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, log := newStore(t), newTestLog()
			o := log.order(1)
			topic := events.TicketTopic(kitchen.Mix)
			position := func() int64 {
				position, err := store.Position(t.Context(), topic, log.topicID(topic), 0)
				require.NoError(t, err)
				return position.Next
			}
			require.Zero(t, position())
			for attempt := range 3 {
				o.issue(o.ref(kitchen.Mix, 1), attempt+1)
			}
			_, err := store.Add(t.Context(), log.messages[:2])
			require.NoError(t, err)
			_, err = store.pool.Exec(t.Context(), back)
			require.NoError(t, err)
			var fenced *FencedError
			for range 2 { // the first failure makes it ask again which number the topic has
				_, err = store.Add(t.Context(), log.messages[2:])
				require.ErrorAs(t, err, &fenced)
				require.True(t, fenced.Behind)
			}
			_, err = store.Add(t.Context(), log.messages[position():])
			if name == "restored" {
				require.ErrorContains(t, err, "facts_pkey", "the test has only moved the position")
				return
			}
			require.NoError(t, err)
			require.Equal(t, 3, query[int](t, store, "SELECT count(*)::int FROM facts"))
		})
	}
}

func TestWhatALogHasLostIsTakenBack(t *testing.T) {
	t.Parallel()
	store, log, straight := newStore(t), newTestLog(), newStore(t)
	kept, cut := log.order(1), log.order(2)
	kept.make(1, kitchen.Mix)
	topic := events.TopicAcks
	acks := func() (acks []events.Message) {
		for _, m := range log.messages {
			if m.Topic == topic {
				acks = append(acks, m)
			}
		}
		return acks
	}
	whole := len(acks())
	cut.issue(cut.ref(kitchen.Mix, 1), 1)
	common := len(log.messages)
	cut.say(cut.ref(kitchen.Mix, 1), kitchen.AckStarted, "bob")
	cut.say(cut.ref(kitchen.Mix, 1), kitchen.AckDone, "bob")
	log.append(topic, cut.id, []byte("nonsense"))
	_, err := store.Position(t.Context(), topic, log.topicID(topic), 0)
	require.NoError(t, err)
	_, err = store.Add(t.Context(), log.messages)
	require.NoError(t, err)

	// Another leader has other records there: one before anybody has noticed.
	log.messages, log.ends[partitionName{topic, 0}] = log.messages[:common], int64(whole)
	kept.say(kept.ref(kitchen.Mix, 1), kitchen.AckReleased, "eve")
	end := int64(len(acks()))
	lost, err := store.Cut(t.Context(), topic, log.topicID(topic), 0, LogCut{End: end})
	require.NoError(t, err)
	assert.Equal(t, 2, lost)
	cut.say(cut.ref(kitchen.Mix, 1), kitchen.AckStarted, "pia")
	position, err := store.Position(t.Context(), topic, log.topicID(topic), 0)
	require.NoError(t, err)
	require.Equal(t, Position{Known: true}, position)
	for _, m := range acks() { // one by one: what was read again is kept in between
		_, err = store.Add(t.Context(), []events.Message{m})
		require.NoError(t, err)
	}
	_, err = straight.Add(t.Context(), log.messages)
	require.NoError(t, err)
	assert.Equal(t, hashes(t, straight), hashes(t, store))

	lost, err = store.Cut(t.Context(), topic, log.topicID(topic), 0, LogCut{End: int64(len(acks()))})
	require.NoError(t, err)
	assert.Zero(t, lost, "it has nothing that the log has not")
	assert.Equal(t, hashes(t, straight), hashes(t, store))
}

// A log that was restored from an old copy has grown past what the ledger had read of it:
// other records lie where what it has lay.
func TestARestoredLogThatHasGrownTakesThePlaceOfWhatWasRead(t *testing.T) {
	t.Parallel()
	log, store, straight := newRealLog(t), newStore(t), newStore(t)
	log.play(0, 8)
	log.publish()
	log.addAll(straight)
	cut := 0
	clear(log.read)
	for _, messages := range log.partitions() {
		// A third of it is still as it was read. What was read as the next third is lost.
		read := slices.Clone(messages[:2*len(messages)/3])
		for i := len(messages) / 3; i < len(read); i++ {
			read[i].Value = bytes.ReplaceAll(read[i].Value, []byte("mia"), []byte("ann"))
			read[i].Time = read[i].Time.Add(-time.Second)
		}
		if len(read) == 0 {
			continue
		}
		cut++
		_, err := store.Add(t.Context(), read)
		require.NoError(t, err)
	}
	require.NotEqual(t, hashes(t, straight), hashes(t, store))

	said := new(lines)
	follow := func() (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- Run(ctx, RunConfig{Store: store, Connection: log.connection, Logger: slog.New(slog.NewTextHandler(said, nil))})
		}()
		return func() {
			cancel()
			require.NoError(t, <-ended)
		}
	}
	same := func() bool {
		got, err := store.Hashes(t.Context())
		return err == nil && slices.Equal(got, hashes(t, straight))
	}
	stop := follow()
	require.Eventually(t, same, patience, 50*time.Millisecond, "%s", said)
	stop()
	assert.Equal(t, cut, said.count("the log was cut, and has grown since"))
	assert.Equal(t, cut, said.count("Kafka has lost the end of a partition"))

	log.play(8, 2)
	log.publish()
	log.addAll(straight)
	stop = follow()
	require.Eventually(t, same, patience, 50*time.Millisecond, "%s", said)
	stop()
	assert.Equal(t, cut, said.count("the log was cut"), "what was read again is as the log has it")
}

// Of two processes that see the same cut one takes it back; the other does not once more.
func TestACutIsTakenBackOnce(t *testing.T) {
	t.Parallel()
	store, log := newStore(t), newTestLog()
	o := log.order(1)
	topic := events.TicketTopic(kitchen.Mix)
	for attempt := range 3 {
		o.issue(o.ref(kitchen.Mix, 1), attempt+1)
	}
	_, err := store.Position(t.Context(), topic, log.topicID(topic), 0)
	require.NoError(t, err)
	_, err = store.Add(t.Context(), log.messages[:2])
	require.NoError(t, err)
	position := func() Position {
		position, err := store.Position(t.Context(), topic, log.topicID(topic), 0)
		require.NoError(t, err)
		return position
	}
	last := lastRecordOf(log.messages[1])
	require.Equal(t, Position{Next: 2, Known: true, Last: &last}, position())
	_, err = store.Add(t.Context(), log.messages[:1])
	require.NoError(t, err)
	require.Equal(t, &last, position().Last, "nothing was new")

	what := LogCut{End: 3, Replaced: &last}
	_, err = store.Cut(t.Context(), topic, log.topicID(topic), 0, what)
	require.NoError(t, err)
	require.Equal(t, Position{Known: true}, position())
	again := log.messages[0]
	again.Time = again.Time.Add(time.Minute)
	_, err = store.Add(t.Context(), []events.Message{again})
	require.NoError(t, err)
	_, err = store.Cut(t.Context(), topic, log.topicID(topic), 0, what)
	require.NoError(t, err)
	require.Equal(t, Position{Next: 1, Known: true, Last: new(lastRecordOf(again))}, position())
	require.NotEqual(t, lastRecordOf(again), lastRecordOf(log.messages[0]), "the same at another time is another record")
	require.Equal(t, 2, query[int](t, store, "SELECT count(*)::int FROM facts"), "it takes the other's place")
	_, err = store.Add(t.Context(), log.messages[1:])
	require.NoError(t, err)
	require.Equal(t, 3, query[int](t, store, "SELECT count(*)::int FROM facts"))
}

// Whoever writes to a topic may write what no order is like.
func TestAnOrderWithoutEndStopsNothing(t *testing.T) {
	t.Parallel()
	store, log := newStore(t), newTestLog()
	o := log.order(1)
	o.say(o.ref(kitchen.Mix, 1), kitchen.AckFailed, "bob", func(a *kitchen.Ack) { a.Reason, a.Scrapped = "burnt", 3 })
	o.lines = []kitchen.Line{{Flavour: "lemon", Size: "M", Quantity: 1 << 62}}
	o.tell(func(s *kitchen.LoggedStatus) { s.Lines = o.lines })
	o.ship()
	log.put(events.TopicFailures, o.id, kitchen.Failed{OrderID: o.id, PickupCode: strings.Repeat("K", 100), State: kitchen.StateCancelled, At: log.now})
	added, err := store.Add(t.Context(), log.messages)
	require.NoError(t, err)
	assert.Equal(t, map[string]int{rejectPoison: 4}, added.RejectKinds)
	assert.Equal(t, 1, added.Facts)
}

func TestWhatDoesNotFitIsNotTriedForEver(t *testing.T) {
	t.Parallel()
	var data *DataError
	require.ErrorAs(t, explain(&pgconn.PgError{Code: "54000", Message: "index row size exceeds maximum"}), &data)
	var away *AwayError
	cancelled := explain(&pgconn.PgError{Code: "57014", Message: "canceling statement due to statement timeout"})
	require.ErrorAs(t, cancelled, &away)
	require.True(t, isTooMuch(cancelled))
	require.False(t, isTooMuch(explain(&pgconn.PgError{Code: "57P01", Message: "terminating connection"})))
}
