package deadletter

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
)

func FuzzParsePlace(f *testing.F) {
	for _, text := range []string{"3/17", "0/0", "2147483647/9223372036854775807", "2147483648/1", "03/1", "+3/1", "3/-1", "3/17/", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		place, err := ParsePlace(text)
		if err != nil {
			require.Less(t, len(err.Error()), 5*maxKeyBytes)
			return
		}
		assert.Equal(t, text, place.String())
	})
}

// Whatever lies in the topic of dead letters, the fold of it keeps bounded
// texts, and as many letters as there are.
func FuzzFold(f *testing.F) {
	f.Add("station-acks", "3", "17", "burnt", "2026-01-31T12:00:00Z", "70000", "2", []byte("key"), []byte("value"), TypeRedriving, "")
	f.Add("", "-1", "x", "\xff", "yesterday", "1e9", "99999999999999999999", []byte{0xff}, []byte(`{"letter":"0/0","follows":"0/0","by":"ada"}`), TypeDiscarded, "m1")
	f.Add("orders-to-bake", "0", "0", "", "", "", "", []byte(nil), []byte(`{"letter":"0/0","redriving":"m1"}`), TypeRedriven, "m2")
	f.Fuzz(func(t *testing.T, topic, partition, offset, reason, made, size, redrives string, key, value []byte, kind, id string) {
		record := events.Message{Topic: events.TopicDeadLetters, Key: key, Value: value, Headers: []events.Header{
			header(events.HeaderDeadTopic, topic), header(events.HeaderDeadPartition, partition), header(events.HeaderDeadOffset, offset), header(events.HeaderDeadReason, reason),
			header(events.HeaderDeadTime, made), header(events.HeaderDeadSize, size), header(HeaderRedriveCount, redrives),
		}}
		fold := newPartitionFold(0)
		fold.add(record)
		for i := range int64(3) {
			fold.add(events.Message{Topic: events.TopicDeadLetters, Offset: i + 1, Key: key, Value: value, Headers: []events.Header{header("ce_type", kind), header("ce_id", id)}})
		}
		require.NotNil(t, fold.letters[0])
		for _, letter := range fold.letters {
			for text, most := range map[string]int{letter.Topic: maxTopicBytes, letter.Reason: maxTextBytes, letter.By: maxTextBytes, letter.Note: maxTextBytes, string(letter.Key): maxKeyBytes} {
				require.LessOrEqual(t, len(text), most)
			}
			require.True(t, utf8.ValidString(letter.Topic+letter.Reason+letter.By+letter.Note))
			require.GreaterOrEqual(t, letter.Redrives, 0)
			require.GreaterOrEqual(t, letter.FullSize, 0)
			if err := letter.CheckRedrive(record); err != nil {
				require.Less(t, len(err.Error()), 3000)
			}
			_, err := json.Marshal(letter)
			require.NoError(t, err)
		}
	})
}
