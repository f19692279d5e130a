package events

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestALetterIsCalledByItsPlace(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"0/0", "3/17", "2147483647/9223372036854775807"} {
		place, err := ParseLetterPlace(text)
		require.NoError(t, err)
		assert.Equal(t, text, place.String())
	}
	for _, text := range []string{"", "3", "3/", "/17", "3/17/1", "-1/17", "3/-1", "+3/17", "03/17", "3/ 17", "a/b", "3-17", "2147483648/0", "0/9223372036854775808"} {
		_, err := ParseLetterPlace(text)
		assert.ErrorContains(t, err, "call it by its place, PARTITION/OFFSET such as 3/17", "%q", text)
	}
}

// partitionOfLetters is a partition of the dead letters that a test writes by hand.
type partitionOfLetters struct {
	*testing.T
	log  *letterLog
	next int64
}

func newPartitionOfLetters(t *testing.T) *partitionOfLetters {
	return &partitionOfLetters{T: t, log: newLetterLog(0)}
}

func (p *partitionOfLetters) add(m Message) int64 {
	m.Topic, m.Partition, m.Offset = TopicDeadLetters, 3, p.next
	m.Time = time.Unix(p.next, 0)
	p.next++
	p.log.fold(m)
	return m.Offset
}

func (p *partitionOfLetters) letter() int64 {
	return p.add(deadLetter(Message{Topic: TopicAcks}, "a bad day"))
}

// mark adds a mark of a letter; follows is for decisions, redriving for the rest.
func (p *partitionOfLetters) mark(eventType, id string, letter int64, follows int64, redriving string) int64 {
	p.Helper()
	mark := letterMark{Letter: LetterPlace{3, letter}, Redriving: redriving, By: id}
	if follows >= 0 {
		mark.Follows = &LetterPlace{3, follows}
	}
	m, err := mark.message("/test", eventType, id, nil)
	require.NoError(p, err)
	return p.add(m)
}

func TestADecisionCountsOnlyIfItKnewTheLastOne(t *testing.T) {
	t.Parallel()
	p := newPartitionOfLetters(t)
	letter := p.letter()
	first := p.mark(TypeLetterRedriving, "first", letter, letter, "")
	p.mark(TypeLetterRedriving, "second", letter, letter, "")
	p.mark(TypeLetterDiscarded, "third", letter, letter, "")
	p.mark(TypeLetterRedriving, "first", letter, letter, "") // written twice after a lost answer
	p.mark(TypeLetterRedriving, "blind", letter, -1, "")
	got := p.log.letters[letter]
	assert.Equal(t, LetterRedriving, got.State)
	assert.Equal(t, "first", got.By)
	assert.Equal(t, 1, got.Redrives)
	assert.Equal(t, time.Unix(first, 0), got.Since)

	p.mark(TypeLetterRedriven, "of the second", letter, -1, "second")
	assert.Equal(t, LetterRedriving, got.State, "the second never counted")
	again := p.mark(TypeLetterRedriving, "again", letter, first, "")
	p.mark(TypeLetterRedriven, "of the first", letter, -1, "first")
	assert.Equal(t, LetterRedriving, got.State, "whether the newest redrive was done is not known")
	assert.Equal(t, 2, got.Redrives)
	done := p.mark(TypeLetterRedriven, "of again", letter, -1, "again")
	p.mark(TypeLetterDiscarded, "late", letter, again, "")
	assert.Equal(t, LetterRedriven, got.State)
	p.mark(TypeLetterDiscarded, "after all", letter, done, "")
	assert.Equal(t, LetterDiscarded, got.State)
	p.mark(TypeLetterRedriven, "of again", letter, -1, "again")
	assert.Equal(t, LetterDiscarded, got.State)
}

func TestALogSaysWhatBecameOfADecision(t *testing.T) {
	t.Parallel()
	p := newPartitionOfLetters(t)
	letter := p.letter()
	p.log.awaited.id = "mine"
	first := p.mark(TypeLetterRedriving, "mine", letter, letter, "")
	p.mark(TypeLetterDiscarded, "theirs", letter, first, "")
	require.True(t, p.log.awaited.seen)
	require.NotNil(t, p.log.awaited.taken)
	assert.Equal(t, LetterRedriving, p.log.awaited.taken.State, "as my mark left it, whatever came later")

	p.log.awaited = awaitedMark{id: "too late"}
	p.mark(TypeLetterRedriving, "too late", letter, letter, "")
	assert.True(t, p.log.awaited.seen)
	assert.Nil(t, p.log.awaited.taken)
}

func TestWhatIsNoMarkChangesNoLetter(t *testing.T) {
	t.Parallel()
	p := newPartitionOfLetters(t)
	letter := p.letter()
	forged := func(value string) Message {
		return Message{Value: []byte(value), Headers: []Header{{"ce_type", []byte(TypeLetterDiscarded)}}}
	}
	for _, value := range []string{
		"", "null", "{}", `{"letter":17}`, `{"letter":"3/0"}`, `{"letter":"2/0","follows":"2/0"}`, `{"letter":"3/0","follows":"2/0"}`, `{"letter":"3/99","follows":"3/99"}`,
	} {
		p.add(forged(value))
	}
	assert.Equal(t, LetterOpen, p.log.letters[letter].State)
	assert.Len(t, p.log.letters, 1)

	// A letter whose original had the type of a mark is a letter.
	p.add(deadLetter(forged(`{"letter":"3/0","follows":"3/0"}`), "why not"))
	assert.Equal(t, LetterOpen, p.log.letters[letter].State)
	assert.Len(t, p.log.letters, 2)
}

func TestAListKeepsLittleOfALetter(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 10_000)
	p := newPartitionOfLetters(t)
	offset := p.add(Message{Key: []byte(long), Value: []byte(long), Headers: []Header{
		{HeaderDeadTopic, []byte(long)}, {HeaderDeadReason, []byte(long)}, {HeaderDeadOffset, []byte("-5")}, {HeaderDeadPartition, []byte("x")},
		{HeaderRedriveCount, []byte("99999999999")}, {HeaderDeadTime, []byte("yesterday")},
	}})
	p.log.fold(Message{Partition: 3, Offset: p.next, Value: fmt.Appendf(nil, `{"letter":"3/0","follows":"3/0","by":%q,"note":%q}`, long, long),
		Headers: []Header{{"ce_type", []byte(TypeLetterDiscarded)}}})
	letter := *p.log.letters[offset]
	assert.Equal(t, LetterDiscarded, letter.State)
	assert.Equal(t, 10_000, letter.Size)
	assert.Zero(t, letter.Offset)
	assert.Equal(t, 1_000_000, letter.Redrives)
	text, err := json.Marshal(letter)
	require.NoError(t, err)
	assert.Less(t, len(text), 5_000)
}

func TestADecisionIsBounded(t *testing.T) {
	t.Parallel()
	require.NoError(t, Decision{By: strings.Repeat("é", 80), Note: strings.Repeat("é", 500)}.Check())
	err := Decision{By: strings.Repeat("é", 81), Note: strings.Repeat("é", 501)}.Check()
	require.ErrorContains(t, err, "by: must be UTF-8 of at most 80 characters; it has 81")
	require.ErrorContains(t, err, "note: must be UTF-8 of at most 500 characters; it has 501")
}
