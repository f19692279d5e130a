package eventstest

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/events/deadletter"
	"github.com/cupcakery/cupcakery/kitchen"
)

// letterScenarios use the topic of dead letters that all scenarios share; each
// looks only at letters and keys of its own.
var letterScenarios = []scenario{
	{"ARedrivenLetterComesBackToItsTopicAsItWas", redriveLetter},
	{"ARedriveThatCrashesLosesNothing", crashedRedrive},
	{"OneOfManyWhoRedriveALetterAtOnceSendsIt", redriveAtOnce},
	{"ALateRedriveGivesWayToTheFirst", lateRedrive},
	{"WhatCannotBeUnderstoodIsSentOnlyOnceMended", mendedLetter},
	{"AMessageThatDiesAgainTellsOfItsRedrives", diesAgain},
	{"ADiscardedLetterIsSettledAndStays", discardLetter},
	{"ALetterWithoutAKeyIsMarkedWhereItLies", keylessLetter},
	{"AHugeLetterIsListedWithoutItsBytesAndKeptWithThem", hugeLetter},
	{"OnlyALetterIsTakenForOne", notALetter},
}

// queue is the dead letters as one person works through them.
type queue struct {
	*deadletter.Queue
	w *world
}

func (w *world) queue(onStep func(deadletter.RedriveStep)) *queue {
	w.Helper()
	letters, err := deadletter.New(deadletter.Config{
		Connection: w.connection,
		OnStep: func(_ deadletter.Place, step deadletter.RedriveStep) {
			if onStep != nil {
				onStep(step)
			}
		},
	})
	require.NoError(w, err)
	w.Cleanup(func() { require.NoError(w, letters.Close()) })
	return &queue{letters, w}
}

// letter returns the letter that the list has at a place.
func (q *queue) letter(place deadletter.Place) deadletter.Letter {
	q.w.Helper()
	letters, err := q.List(q.w.ctx())
	require.NoError(q.w, err)
	for _, letter := range letters {
		if letter.Place == place {
			return letter
		}
	}
	require.FailNow(q.w, "the list has no letter "+place.String())
	panic("not reached")
}

func (q *queue) redrive(place deadletter.Place, how deadletter.Redrive) deadletter.Letter {
	q.w.Helper()
	letter, err := q.Redrive(q.w.ctx(), place, how)
	require.NoError(q.w, err)
	return letter
}

func (q *queue) refused(err error, why string) {
	q.w.Helper()
	var refused *deadletter.RefusedError
	require.ErrorAs(q.w, err, &refused)
	assert.ErrorContains(q.w, err, why)
}

// ack is a good ack with an order of its own.
func (w *world) ack() (key, value []byte) {
	w.Helper()
	ref := newTicket(w)
	return []byte(ref.OrderID), fmt.Appendf(nil, `{"ticketId":%q,"orderId":%q,"stage":"bake","kind":"done","by":"bob"}`, ref.TicketID(), ref.OrderID)
}

// bury makes a dead letter of a message that looks as if it had come from a
// topic of the factory's, and returns its place.
func (w *world) bury(topic string, key, value []byte, headers ...events.Header) deadletter.Place {
	w.Helper()
	mark := uuid.NewString()
	original := events.Message{
		Topic: topic, Partition: 2, Offset: 42, Key: key, Value: value, Time: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
		Headers: append(headers, events.Header{Key: "test", Value: []byte(mark)}),
	}
	letters := w.tail(events.TopicDeadLetters)
	require.NoError(w, w.writer().PublishDeadLetter(w.ctx(), original, "a bad day"))
	for {
		letter := letters.next()
		if got, _ := letter.Header("test"); got == mark {
			return deadletter.Place{Partition: letter.Partition, Offset: letter.Offset}
		}
	}
}

// ofKey returns the next message with the key.
func (t *tailing) ofKey(key []byte) events.Message {
	t.w.Helper()
	for {
		if message := t.next(); string(message.Key) == string(key) {
			return message
		}
	}
}

// count returns how many messages of a topic have the key.
func (w *world) count(topic string, key []byte) int {
	w.Helper()
	tail := w.tail(topic)
	wait(w, tail.caughtUp, "the end of the topic")
	count := 0
	for {
		select {
		case message := <-tail.messages:
			if string(message.Key) == string(key) {
				count++
			}
		default:
			return count
		}
	}
}

func redriveLetter(w *world) {
	key, value := w.ack()
	place := w.bury(events.TopicAcks, key, value, events.Header{Key: "ce_id", Value: []byte("the event")}, events.Header{Key: "mine", Value: []byte("kept")})
	q := w.queue(nil)
	letter := q.letter(place)
	assert.Equal(w, deadletter.Open, letter.State)
	assert.Equal(w, events.TopicAcks, letter.Topic)
	assert.Equal(w, 2, letter.Partition)
	assert.Equal(w, int64(42), letter.Offset)
	assert.Equal(w, "a bad day", letter.Reason)
	assert.Equal(w, key, letter.Key)
	assert.Equal(w, len(value), letter.Size)
	assert.Zero(w, letter.Redrives)

	acks := w.tail(events.TopicAcks)
	letter = q.redrive(place, deadletter.Redrive{Decision: deadletter.Decision{By: "ada", Note: "we read them now"}})
	assert.Equal(w, deadletter.Redriven, letter.State)
	message := acks.ofKey(key)
	assert.Equal(w, value, message.Value)
	assert.Equal(w, JavaPartition(key, 4), message.Partition)
	assert.Equal(w, []events.Header{
		{Key: "ce_id", Value: []byte("the event")},
		{Key: "mine", Value: []byte("kept")},
		message.Headers[2], // the test's own
		{Key: deadletter.HeaderRedriveCount, Value: []byte("1")},
		{Key: deadletter.HeaderRedriveLetter, Value: []byte(place.String())},
	}, message.Headers)

	for _, q := range []*queue{q, w.queue(nil)} { // who did it, and who comes later
		letter = q.letter(place)
		assert.Equal(w, deadletter.Redriven, letter.State)
		assert.Equal(w, 1, letter.Redrives)
		assert.Equal(w, "ada", letter.By)
		assert.Equal(w, "we read them now", letter.Note)
		assert.False(w, letter.Mended)
		_, err := q.Redrive(w.ctx(), place, deadletter.Redrive{})
		q.refused(err, "it was redriven at ")
		_, err = q.Discard(w.ctx(), place, deadletter.Decision{})
		q.refused(err, "it was redriven at ")
	}
	q.redrive(place, deadletter.Redrive{Again: true})
	assertHeaders(w, acks.ofKey(key), map[string]string{"ce_id": "the event", deadletter.HeaderRedriveCount: "2"})
	assert.Equal(w, 2, q.letter(place).Redrives)
}

func crashedRedrive(w *world) {
	for _, crash := range []struct {
		after deadletter.RedriveStep
		state deadletter.State
		sent  int
	}{
		{deadletter.RedriveChecked, deadletter.Open, 0},
		{deadletter.RedriveAnnounced, deadletter.Redriving, 0},
		{deadletter.RedriveSent, deadletter.Redriving, 1},
		{deadletter.RedriveNoted, deadletter.Redriven, 1},
	} {
		key, value := w.ack()
		place := w.bury(events.TopicAcks, key, value)
		// A panic ends the redrive where it is, as a kill does.
		victim := w.queue(func(step deadletter.RedriveStep) {
			if step == crash.after {
				panic("crash")
			}
		})
		require.PanicsWithValue(w, "crash", func() { _, _ = victim.Redrive(w.ctx(), place, deadletter.Redrive{}) })
		assert.Equal(w, crash.sent, w.count(events.TopicAcks, key), "after step %d", crash.after)

		heir := w.queue(nil)
		letter := heir.letter(place)
		assert.Equal(w, crash.state, letter.State, "after step %d", crash.after)
		how := deadletter.Redrive{Again: crash.state != deadletter.Open}
		if how.Again {
			_, err := heir.Redrive(w.ctx(), place, deadletter.Redrive{})
			heir.refused(err, "--again")
		}
		acks := w.tail(events.TopicAcks)
		heir.redrive(place, how)
		for range crash.sent {
			assertHeaders(w, acks.ofKey(key), map[string]string{deadletter.HeaderRedriveCount: "1"})
		}
		message := acks.ofKey(key)
		assert.Equal(w, value, message.Value)
		assertHeaders(w, message, map[string]string{deadletter.HeaderRedriveCount: strconv.Itoa(letter.Redrives + 1)})
		assert.Equal(w, deadletter.Redriven, heir.letter(place).State)
	}
}

func redriveAtOnce(w *world) {
	const people = 5
	key, value := w.ack()
	place := w.bury(events.TopicAcks, key, value)
	gate, results := make(chan struct{}), make(chan error, people)
	var looking sync.WaitGroup
	looking.Add(people)
	for range people {
		q := w.queue(func(step deadletter.RedriveStep) {
			if step == deadletter.RedriveChecked { // everybody has seen it open
				looking.Done()
				<-gate
			}
		})
		go func() {
			_, err := q.Redrive(w.Context(), place, deadletter.Redrive{})
			results <- err
		}()
	}
	looking.Wait()
	close(gate)
	sent := 0
	for range people {
		if err := receive(w, results, "the end of a redrive"); err == nil {
			sent++
		} else {
			w.queue(nil).refused(err, "somebody else decided about it at the same time and was first")
		}
	}
	assert.Equal(w, 1, sent)
	assert.Equal(w, 1, w.count(events.TopicAcks, key))
	letter := w.queue(nil).letter(place)
	assert.Equal(w, deadletter.Redriven, letter.State)
	assert.Equal(w, 1, letter.Redrives)
}

func lateRedrive(w *world) {
	key, value := w.ack()
	place := w.bury(events.TopicAcks, key, value)
	first := w.queue(nil)
	late := w.queue(func(step deadletter.RedriveStep) {
		if step == deadletter.RedriveChecked {
			_, err := first.Discard(w.ctx(), place, deadletter.Decision{By: "eve"})
			assert.NoError(w, err)
		}
	})
	letter, err := late.Redrive(w.ctx(), place, deadletter.Redrive{})
	late.refused(err, "was first")
	assert.Equal(w, deadletter.Discarded, letter.State)
	assert.Zero(w, w.count(events.TopicAcks, key))
	letter = late.letter(place)
	assert.Equal(w, deadletter.Discarded, letter.State)
	assert.Equal(w, "eve", letter.By)
	assert.Zero(w, letter.Redrives)
}

func mendedLetter(w *world) {
	key, value := w.ack()
	place := w.bury(events.TopicAcks, key, append(value, '}'))
	q := w.queue(nil)
	_, err := q.Redrive(w.ctx(), place, deadletter.Redrive{})
	q.refused(err, "not a JSON object")
	_, err = q.Redrive(w.ctx(), place, deadletter.Redrive{Value: []byte{}})
	q.refused(err, "the value is empty")
	assert.Equal(w, deadletter.Open, q.letter(place).State)
	acks := w.tail(events.TopicAcks)
	q.redrive(place, deadletter.Redrive{Value: value})
	assert.Equal(w, value, acks.ofKey(key).Value)
	assert.True(w, q.letter(place).Mended)

	// A ticket must be understood by the station it goes to.
	ticket, err := json.Marshal(ticketOf(newTicket(w), 1))
	require.NoError(w, err)
	_, err = q.Redrive(w.ctx(), w.bury(events.TicketTopic(kitchen.Mix), key, ticket), deadletter.Redrive{})
	q.refused(err, "a ticket of bake is not for the topic of mix")
	for _, topic := range []string{"payments", events.TopicDeadLetters} {
		_, err = q.Redrive(w.ctx(), w.bury(topic, key, value), deadletter.Redrive{})
		q.refused(err, fmt.Sprintf("it says that it is from topic %q", topic))
	}
}

func diesAgain(w *world) {
	key, value := w.ack()
	q := w.queue(nil)
	acks := w.tail(events.TopicAcks)
	place := w.bury(events.TopicAcks, key, value)
	for redrives := 1; redrives <= 3; redrives++ {
		q.redrive(place, deadletter.Redrive{})
		message := acks.ofKey(key)
		assertHeaders(w, message, map[string]string{deadletter.HeaderRedriveCount: strconv.Itoa(redrives), deadletter.HeaderRedriveLetter: place.String()})
		place = w.bury(events.TopicAcks, message.Key, message.Value, message.Headers...)
		assert.Equal(w, redrives, q.letter(place).Redrives, "the new letter tells of the old ones' redrives")
	}
}

func discardLetter(w *world) {
	key, value := w.ack()
	place := w.bury(events.TopicAcks, key, value)
	q := w.queue(nil)
	letter, err := q.Discard(w.ctx(), place, deadletter.Decision{By: "ada", Note: "eaten"})
	require.NoError(w, err)
	assert.Equal(w, deadletter.Discarded, letter.State)
	letter = w.queue(nil).letter(place)
	assert.Equal(w, deadletter.Discarded, letter.State)
	assert.Equal(w, "eaten", letter.Note)
	_, err = q.Discard(w.ctx(), place, deadletter.Decision{})
	q.refused(err, "it was discarded at ")
	_, err = q.Redrive(w.ctx(), place, deadletter.Redrive{})
	q.refused(err, "it was discarded at ")
	_, record, err := q.Get(w.ctx(), place)
	require.NoError(w, err)
	assert.Equal(w, value, record.Value)
	q.redrive(place, deadletter.Redrive{Again: true})
	assert.Equal(w, 1, w.count(events.TopicAcks, key))
	assert.Equal(w, deadletter.Redriven, q.letter(place).State)
}

func keylessLetter(w *world) {
	_, value := w.ack()
	q := w.queue(nil)
	for range 8 { // without a key a message goes to a random one of four partitions
		place := w.bury(events.TopicAcks, nil, value)
		letter, err := q.Discard(w.ctx(), place, deadletter.Decision{})
		require.NoError(w, err)
		assert.Equal(w, deadletter.Discarded, letter.State)
	}
}

func hugeLetter(w *world) {
	const size = 5 << 20
	key, value := w.ack()
	huge := []byte(strings.Repeat("x", size))
	before := w.bury(events.TopicAcks, key, value)
	place := w.bury(events.TopicShip, key, huge)
	behind := w.bury(events.TopicAcks, key, value)
	q := w.queue(nil)
	assert.Equal(w, size, q.letter(place).Size)
	letter, record, err := q.Get(w.ctx(), place)
	require.NoError(w, err)
	assert.True(w, string(record.Value) == string(huge), "all bytes are there") // not Equal: it would print them
	require.NoError(w, letter.CheckRedrive(record))

	_, err = q.Redrive(w.ctx(), place, deadletter.Redrive{})
	require.ErrorContains(w, err, fmt.Sprintf("the topic takes no message of %d bytes: raise its max.message.bytes", size))
	assert.Equal(w, deadletter.Redriving, q.letter(place).State)
	q.redrive(before, deadletter.Redrive{})
	q.redrive(behind, deadletter.Redrive{})
	q.redrive(place, deadletter.Redrive{Value: []byte("{}"), Again: true})
}

func notALetter(w *world) {
	key, value := w.ack()
	place := w.bury(events.TopicAcks, key, value)
	q := w.queue(nil)
	q.redrive(place, deadletter.Redrive{})
	missing := func(place deadletter.Place, why string) {
		w.Helper()
		_, _, err := q.Get(w.ctx(), place)
		var missing *deadletter.NotFoundError
		require.ErrorAs(w, err, &missing)
		assert.ErrorContains(w, err, why)
	}
	marks := w.tail(events.TopicDeadLetters)
	for _, eventType := range []string{"", deadletter.TypeRedriving, deadletter.TypeRedriven} {
		record := marks.ofKey(key)
		got, _ := record.Header("ce_type")
		assert.Equal(w, eventType, got)
		_, is := record.Header(events.HeaderDeadTopic)
		assert.Equal(w, eventType == "", is, "only the letter has it")
		if eventType != "" {
			missing(deadletter.Place{Partition: record.Partition, Offset: record.Offset}, "what became of letter "+place.String())
		}
	}
	missing(deadletter.Place{Partition: place.Partition, Offset: 1 << 40}, "its partition ends before offset")
	missing(deadletter.Place{Partition: 4}, "the topic has 4 partitions, counted from 0")

	// What somebody else has written there can be put away, and goes nowhere.
	offset := w.produceRecords(&kgo.Record{Topic: events.TopicDeadLetters, Partition: 1, Key: key, Value: []byte("hello")})
	stray := deadletter.Place{Partition: 1, Offset: offset}
	assert.Contains(w, q.letter(stray).Reason, "not written by Cupcakery")
	_, err := q.Redrive(w.ctx(), stray, deadletter.Redrive{})
	q.refused(err, "it does not say which topic it is from")
	_, err = q.Discard(w.ctx(), stray, deadletter.Decision{})
	require.NoError(w, err)
}

// deletedLetters has a broker of its own, because it deletes.
func deletedLetters(w *world) {
	key, value := w.ack()
	gone := w.bury(events.TopicAcks, key, value)
	place := w.bury(events.TopicAcks, key, value)
	q := w.queue(nil)
	q.redrive(gone, deadletter.Redrive{})
	require.Equal(w, gone.Partition, place.Partition)
	w.deleteRecords(events.TopicDeadLetters, int32(gone.Partition), place.Offset)
	_, _, err := w.queue(nil).Get(w.ctx(), gone)
	var missing *deadletter.NotFoundError
	require.ErrorAs(w, err, &missing)
	assert.ErrorContains(w, err, fmt.Sprintf("Kafka has deleted what lay before offset %d", place.Offset))
	letters, err := w.queue(nil).List(w.ctx())
	require.NoError(w, err)
	require.Len(w, letters, 1, "marks of letters that are gone mean nothing")
	assert.Equal(w, deadletter.Open, letters[0].State)
	assert.Equal(w, place, letters[0].Place)
}
