package events

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAMessageIsJudgedByTheNumberOfPartitionsOfItsTime(t *testing.T) {
	t.Parallel()
	first := growthNoticed(nil, 4, 0)
	begun := growthBegun(first, 4, 6, 100)
	done := growthNoticed(begun, 6, 120)
	for name, c := range map[string]struct {
		noted   []partitionCount
		present int
		among   map[int64][]int
	}{
		"NothingIsNoted":                 {nil, 4, map[int64][]int{0: {4}, 99: {4}}},
		"NothingWasEverAdded":            {first, 4, map[int64][]int{0: {4}, 99: {4}}},
		"SomeAreAboutToBeAdded":          {begun, 4, map[int64][]int{0: {4}, 99: {4}, 100: {4, 6}}},
		"SomeHaveJustBeenAdded":          {begun, 6, map[int64][]int{0: {4}, 99: {4}, 100: {4, 6}}},
		"EverybodyHasNoticed":            {done, 6, map[int64][]int{0: {4}, 99: {4}, 100: {4, 6}, 119: {4, 6}, 120: {6}}},
		"TwiceAdded":                     {growthNoticed(growthBegun(done, 6, 8, 200), 8, 210), 8, map[int64][]int{0: {4}, 120: {6}, 199: {6}, 200: {6, 8}, 210: {8}}},
		"AddedByAnotherTool":             {done, 8, map[int64][]int{0: {4}, 100: {4, 6, 8}, 120: {6, 8}, 300: {6, 8}}},
		"AddedByAnotherToolAndNoticed":   {growthNoticed(done, 8, 300), 8, map[int64][]int{0: {4}, 120: {6, 8}, 299: {6, 8}, 300: {8}}},
		"WereToBeAddedAndNeverWere":      {growthNoticed(begun, 4, 150), 4, map[int64][]int{0: {4}, 100: {4}, 150: {4}}},
		"WereToBeAddedAndOthersWere":     {growthNoticed(growthBegun(begun, 4, 5, 150), 5, 160), 5, map[int64][]int{0: {4}, 100: {4}, 150: {4, 5}, 160: {5}}},
		"TheOldAreNotedTheNewPartitions": {growthNoticed(nil, 6, 0), 6, map[int64][]int{0: {6}}},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := json.Marshal(c.noted)
			require.NoError(t, err)
			var kept []partitionCount
			require.NoError(t, json.Unmarshal(text, &kept))
			known := partitionCounts{topics: map[string]topicCounts{TopicAcks: newTopicCounts(c.present, map[int][]partitionCount{0: kept})}}
			for offset, expected := range c.among {
				assert.Equal(t, expected, known.countsAt(topicPartition{TopicAcks, 0}, offset), "offset %d", offset)
			}
		})
	}
	assert.True(t, isNoted(done, 6))
	assert.True(t, isNoted(nil, 6), "nobody has noted anything")
	assert.False(t, isNoted(begun, 6))
	assert.False(t, isNoted(begun, 4))
	assert.False(t, isNoted(done, 8))
	assert.Nil(t, (&partitionCounts{}).countsAt(topicPartition{TopicAcks, 0}, 0))
}
