package deadletter

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
)

func TestALetterIsCalledByItsPlace(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"0/0", "3/17", "2147483647/9223372036854775807"} {
		place, err := ParsePlace(text)
		require.NoError(t, err)
		assert.Equal(t, text, place.String())
	}
	for _, text := range []string{"", "3", "3/", "/17", "3/17/1", "-1/17", "3/-1", "+3/17", "03/17", "3/ 17", "a/b", "3-17", "2147483648/0", "0/9223372036854775808"} {
		_, err := ParsePlace(text)
		assert.ErrorContains(t, err, "call it by its place, PARTITION/OFFSET such as 3/17", "%q", text)
	}
}

// letterPartition is a partition of the dead letters that a test writes by hand.
type letterPartition struct {
	*testing.T
	fold *partitionFold
	next int64
}

// dead is a message as a dead letter from the topic of acks.
func dead(original events.Message) events.Message {
	original.Headers = append(original.Headers, header(events.HeaderDeadTopic, events.TopicAcks), header(events.HeaderDeadReason, "a bad day"))
	return original
}

func header(key, value string) events.Header {
	return events.Header{Key: key, Value: []byte(value)}
}

func newLetterPartition(t *testing.T) *letterPartition {
	return &letterPartition{T: t, fold: newPartitionFold(0)}
}

func (p *letterPartition) add(m events.Message) int64 {
	m.Topic, m.Partition, m.Offset = events.TopicDeadLetters, 3, p.next
	m.Time = time.Unix(p.next, 0)
	p.next++
	p.fold.add(m)
	return m.Offset
}

func (p *letterPartition) letter() int64 {
	return p.add(dead(events.Message{}))
}

// mark adds a mark of a letter; follows is for decisions, redriving for the rest.
func (p *letterPartition) mark(eventType, id string, letter int64, follows int64, redriving string) int64 {
	p.Helper()
	mark := mark{Letter: Place{3, letter}, Redriving: redriving, By: id}
	if follows >= 0 {
		mark.Follows = &Place{3, follows}
	}
	m, err := mark.message("/test", eventType, id, nil)
	require.NoError(p, err)
	return p.add(m)
}

func TestADecisionCountsOnlyIfItKnewTheLastOne(t *testing.T) {
	t.Parallel()
	p := newLetterPartition(t)
	letter := p.letter()
	first := p.mark(TypeRedriving, "first", letter, letter, "")
	p.mark(TypeRedriving, "second", letter, letter, "")
	p.mark(TypeDiscarded, "third", letter, letter, "")
	p.mark(TypeRedriving, "first", letter, letter, "") // written twice after a lost answer
	p.mark(TypeRedriving, "blind", letter, -1, "")
	got := p.fold.letters[letter]
	assert.Equal(t, Redriving, got.State)
	assert.Equal(t, "first", got.By)
	assert.Equal(t, 1, got.Redrives)
	assert.Equal(t, time.Unix(first, 0), got.Since)

	p.mark(TypeRedriven, "of the second", letter, -1, "second")
	assert.Equal(t, Redriving, got.State, "the second never counted")
	again := p.mark(TypeRedriving, "again", letter, first, "")
	p.mark(TypeRedriven, "of the first", letter, -1, "first")
	assert.Equal(t, Redriving, got.State, "whether the newest redrive was done is not known")
	assert.Equal(t, 2, got.Redrives)
	done := p.mark(TypeRedriven, "of again", letter, -1, "again")
	p.mark(TypeDiscarded, "late", letter, again, "")
	assert.Equal(t, Redriven, got.State)
	p.mark(TypeDiscarded, "after all", letter, done, "")
	assert.Equal(t, Discarded, got.State)
	p.mark(TypeRedriven, "of again", letter, -1, "again")
	assert.Equal(t, Discarded, got.State)
}

func TestALogSaysWhatBecameOfADecision(t *testing.T) {
	t.Parallel()
	p := newLetterPartition(t)
	letter := p.letter()
	p.fold.own.id = "mine"
	first := p.mark(TypeRedriving, "mine", letter, letter, "")
	p.mark(TypeDiscarded, "theirs", letter, first, "")
	require.True(t, p.fold.own.seen)
	require.NotNil(t, p.fold.own.accepted)
	assert.Equal(t, Redriving, p.fold.own.accepted.State, "as my mark left it, whatever came later")

	p.fold.own = ownDecision{id: "too late"}
	p.mark(TypeRedriving, "too late", letter, letter, "")
	assert.True(t, p.fold.own.seen)
	assert.Nil(t, p.fold.own.accepted)
}

func TestWhatIsNoMarkChangesNoLetter(t *testing.T) {
	t.Parallel()
	p := newLetterPartition(t)
	letter := p.letter()
	forged := func(value string) events.Message {
		return events.Message{Value: []byte(value), Headers: []events.Header{header("ce_type", TypeDiscarded)}}
	}
	for _, value := range []string{
		"", "null", "{}", `{"letter":17}`, `{"letter":"3/0"}`, `{"letter":"2/0","follows":"2/0"}`, `{"letter":"3/0","follows":"2/0"}`, `{"letter":"3/99","follows":"3/99"}`,
	} {
		p.add(forged(value))
	}
	assert.Equal(t, Open, p.fold.letters[letter].State)
	assert.Len(t, p.fold.letters, 1)

	// A letter whose original had the type of a mark is a letter.
	p.add(dead(forged(`{"letter":"3/0","follows":"3/0"}`)))
	assert.Equal(t, Open, p.fold.letters[letter].State)
	assert.Len(t, p.fold.letters, 2)
}

func TestAListKeepsLittleOfALetter(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 10_000)
	p := newLetterPartition(t)
	offset := p.add(events.Message{Key: []byte(long), Value: []byte(long), Headers: []events.Header{
		header(events.HeaderDeadTopic, long), header(events.HeaderDeadReason, long), header(events.HeaderDeadOffset, "-5"), header(events.HeaderDeadPartition, "x"),
		header(HeaderRedriveCount, "99999999999"), header(events.HeaderDeadTime, "yesterday"),
	}})
	p.fold.add(events.Message{Partition: 3, Offset: p.next, Value: fmt.Appendf(nil, `{"letter":"3/0","follows":"3/0","by":%q,"note":%q}`, long, long),
		Headers: []events.Header{header("ce_type", TypeDiscarded)}})
	letter := *p.fold.letters[offset]
	assert.Equal(t, Discarded, letter.State)
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

func TestALetterInStructuredModeCanBeRedriven(t *testing.T) {
	t.Parallel()
	const order = "0199c2a0-5b7c-7000-8000-000000000001"
	record := dead(events.Message{
		Value:   []byte(`{"specversion":"1.0","type":"x","source":"/x","id":"1","data":{"ticketId":"` + order + `.bake.1","orderId":"` + order + `","stage":"bake","kind":"done","by":"bob"}}`),
		Headers: []events.Header{header("content-type", "application/cloudevents+json;charset=utf-8")},
	})
	assert.NoError(t, newLetter(record).CheckRedrive(record))
	record.Headers[0] = header("content-type", "application/json")
	assert.ErrorContains(t, newLetter(record).CheckRedrive(record), "the value is a CloudEvent in structured mode")
}
