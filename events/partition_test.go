package events

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func newTestPartition(maxInFlight int, committed int64) *partition {
	c := &Consumer{config: ConsumerConfig{MaxInFlight: maxInFlight}, progress: make(chan struct{}, 1), drained: make(chan struct{}, 1)}
	c.deliveries, c.cancel = context.WithCancel(context.Background())
	return newPartition(c, topicPartition{"topic", 0}, committed)
}

// However messages are finished, the group's offset is the first unfinished one
// and the window never holds more than it may.
func TestTheGroupsOffsetIsTheFirstUnfinishedMessage(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 8).Draw(t, "limit")
		p := newTestPartition(limit, 0)
		var open []*Delivery
		next := int64(0)
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			if len(p.window) < limit && (len(open) == 0 || rapid.Bool().Draw(t, "deliver")) {
				// Offsets may have gaps, where markers of transactions lie.
				next += int64(rapid.IntRange(0, 2).Draw(t, "gap"))
				open = append(open, p.handOut(Message{Offset: next}))
				next++
			} else {
				i := rapid.IntRange(0, len(open)-1).Draw(t, "finish")
				open[i].Done()
				open[i].Done()
				open = append(open[:i:i], open[i+1:]...)
			}
			offset, _, _ := p.uncommitted()
			for _, d := range open {
				if d.Offset < offset {
					t.Fatalf("the group's offset is %d though %d is unfinished", offset, d.Offset)
				}
			}
			if len(open) == 0 && offset != next {
				t.Fatalf("everything is finished but the group's offset is %d, not %d", offset, next)
			}
			if len(p.window) > limit {
				t.Fatalf("%d in the window, more than %d", len(p.window), limit)
			}
			if p.inHand() != len(open) {
				t.Fatalf("%d in hand, not %d", p.inHand(), len(open))
			}
		}
	})
}

func TestPartitionGoesOnOnlyFromItsOwnOffset(t *testing.T) {
	for name, c := range map[string]struct {
		offset int64
		goesOn bool
	}{
		"OurLastCommit":             {2, true},
		"ACommitWhoseAnswerWasLost": {4, true},
		"AnotherMemberWentFurther":  {5, false},
		"SomebodyResetTheGroup":     {1, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := newTestPartition(10, 0)
			var got []*Delivery
			for offset := range int64(6) {
				got = append(got, p.handOut(Message{Offset: offset}))
			}
			for _, d := range got[:4] {
				d.Done()
			}
			p.setCommitted(2)
			p.pause()
			assert.Equal(t, c.goesOn, p.activate(c.offset))
			assert.Equal(t, c.goesOn, p.active)
		})
	}
}

func TestDoneOfWhatWasReadBeforeAJumpChangesNothing(t *testing.T) {
	p := newTestPartition(10, 0)
	before := p.handOut(Message{Offset: 0})
	p.jump(5)
	after := p.handOut(Message{Offset: 5})
	before.Done()
	offset, _, _ := p.uncommitted()
	assert.Equal(t, int64(5), offset)
	after.Done()
	offset, _, _ = p.uncommitted()
	assert.Equal(t, int64(6), offset)

	p.cancel()
	assert.Nil(t, p.handOut(Message{Offset: 6}))
}
