package events

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDeadLetterKeepsTheOriginalAndSaysWhy(t *testing.T) {
	original := Message{
		Topic: TopicAcks, Partition: 3, Offset: 42, Key: []byte("key"), Value: []byte{0, 0xff},
		Headers: []Header{{"mine", []byte("kept")}, {HeaderDeadReason, []byte("of an earlier life")}},
		Time:    time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC),
	}
	letter := deadLetter(original, "not JSON")
	assert.Equal(t, Message{
		Topic: TopicDeadLetters, Key: []byte("key"), Value: []byte{0, 0xff},
		Headers: []Header{
			{"mine", []byte("kept")},
			{HeaderDeadTopic, []byte(TopicAcks)},
			{HeaderDeadPartition, []byte("3")},
			{HeaderDeadOffset, []byte("42")},
			{HeaderDeadReason, []byte("not JSON")},
			{HeaderDeadTime, []byte("2026-01-31T12:00:00Z")},
		},
	}, letter)
	assert.Len(t, original.Headers, 2, "the original is not touched")
}

func TestDeadLetterReasonIsBounded(t *testing.T) {
	letter := deadLetter(Message{}, strings.Repeat("x", maxReasonBytes-1)+"é and more")
	reason, _ := letter.Header(HeaderDeadReason)
	require.True(t, utf8.ValidString(reason))
	assert.Equal(t, strings.Repeat("x", maxReasonBytes-1), reason)
}
