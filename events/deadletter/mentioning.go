package deadletter

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/cupcakery/cupcakery/events"
)

// Mentioning lists the letters whose key or bytes have a text in them, as List does.
func (q *Queue) Mentioning(ctx context.Context, text string) ([]Letter, error) {
	letters, err := q.List(ctx)
	if err != nil {
		return nil, err
	}
	mentioned := make(map[Place]bool)
	sought := []byte(text)
	for partition, fold := range q.folds {
		first, _, err := q.reader.Bounds(ctx, events.TopicDeadLetters, partition)
		if err == nil {
			_, err = q.reader.Read(ctx, events.TopicDeadLetters, partition, first, fold.next, func(m events.Message) {
				if bytes.Contains(m.Key, sought) || bytes.Contains(m.Value, sought) {
					mentioned[Place{partition, m.Offset}] = true
				}
			})
		}
		if err != nil {
			return nil, fmt.Errorf("look through the dead letters: %w", err)
		}
	}
	return slices.DeleteFunc(letters, func(letter Letter) bool { return !mentioned[letter.Place] }), nil
}
