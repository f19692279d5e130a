package deadletter

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/cupcakery/cupcakery/events"
)

// Cut deletes letters from the topic, and with them every settled letter and note before
// them in their partitions: Kafka deletes no single message. Before a letter that nobody
// has decided about it stops, and its error names that.
func (q *Queue) Cut(ctx context.Context, places []Place) error {
	letters, err := q.List(ctx)
	if err != nil {
		return err
	}
	last := make(map[int]int64)
	for _, place := range places {
		last[place.Partition] = max(last[place.Partition], place.Offset)
	}
	slices.SortFunc(letters, func(a, b Letter) int { return cmp.Compare(a.Place.Offset, b.Place.Offset) })
	var faults []error
	for _, partition := range slices.Sorted(maps.Keys(last)) {
		before := last[partition] + 1
		for _, letter := range letters {
			if letter.Place.Partition == partition && letter.Place.Offset < before && !letter.State.IsSettled() {
				before = letter.Place.Offset
				faults = append(faults, letter.refuse("nobody has decided about it, and what lies behind it can only go with it: decide first"))
			}
		}
		if before > 0 {
			faults = append(faults, events.CutPartition(ctx, q.config.Connection, events.TopicDeadLetters, partition, before))
		}
	}
	return errors.Join(faults...)
}
