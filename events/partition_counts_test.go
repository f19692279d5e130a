package events

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAMessageIsJudgedByTheNumberOfPartitionsOfItsTime(t *testing.T) {
	t.Parallel()
	first := countHistory(nil).confirm(4, 0)
	announced := first.announce(4, 6, 100)
	confirmed := announced.confirm(6, 120)
	for name, c := range map[string]struct {
		noted   countHistory
		present int
		counts  map[int64][]int
	}{
		"NothingIsNoted":                 {nil, 4, map[int64][]int{0: {4}, 99: {4}}},
		"NothingWasEverAdded":            {first, 4, map[int64][]int{0: {4}, 99: {4}}},
		"SomeAreAboutToBeAdded":          {announced, 4, map[int64][]int{0: {4}, 99: {4}, 100: {4, 6}}},
		"SomeHaveJustBeenAdded":          {announced, 6, map[int64][]int{0: {4}, 99: {4}, 100: {4, 6}}},
		"EverybodyHasNoticed":            {confirmed, 6, map[int64][]int{0: {4}, 99: {4}, 100: {4, 6}, 119: {4, 6}, 120: {6}}},
		"TwiceAdded":                     {confirmed.announce(6, 8, 200).confirm(8, 210), 8, map[int64][]int{0: {4}, 120: {6}, 199: {6}, 200: {6, 8}, 210: {8}}},
		"AddedByAnotherTool":             {confirmed, 8, map[int64][]int{0: {4}, 100: {4, 6, 8}, 120: {6, 8}, 300: {6, 8}}},
		"AddedByAnotherToolAndNoticed":   {confirmed.confirm(8, 300), 8, map[int64][]int{0: {4}, 120: {6, 8}, 299: {6, 8}, 300: {8}}},
		"WereToBeAddedAndNeverWere":      {announced.confirm(4, 150), 4, map[int64][]int{0: {4}, 100: {4}, 150: {4}}},
		"WereToBeAddedAndOthersWere":     {announced.announce(4, 5, 150).confirm(5, 160), 5, map[int64][]int{0: {4}, 100: {4}, 150: {4, 5}, 160: {5}}},
		"TheOldAreNotedTheNewPartitions": {countHistory(nil).confirm(6, 0), 6, map[int64][]int{0: {6}}},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := json.Marshal(c.noted)
			require.NoError(t, err)
			var kept countHistory
			require.NoError(t, json.Unmarshal(text, &kept))
			known := knownCounts{topics: map[string]topicCounts{TopicAcks: newTopicCounts(c.present, map[int]countHistory{0: kept})}}
			for offset, expected := range c.counts {
				assert.Equal(t, expected, known.at(topicPartition{TopicAcks, 0}, offset), "offset %d", offset)
			}
		})
	}
	assert.True(t, confirmed.isConfirmed(6))
	assert.True(t, countHistory(nil).isConfirmed(6), "nobody has noted anything")
	assert.False(t, announced.isConfirmed(6))
	assert.False(t, announced.isConfirmed(4))
	assert.False(t, confirmed.isConfirmed(8))
	assert.Nil(t, (&knownCounts{}).at(topicPartition{TopicAcks, 0}, 0))
}
