package deadletter

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/cupcakery/cupcakery/internal/retry"
	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// How often, and how far apart, the log is read for a decision of our own.
	decisionReads = 5
	shortestWait  = 100 * time.Millisecond
	longestWait   = 2 * time.Second
)

// Decision is what goes with a redrive or a discard.
type Decision struct {
	// By is who decides and Note why; both may be empty.
	By, Note string
}

// Check returns every fault of the decision at once.
func (d Decision) Check() error {
	check := func(what, text string, most int) error {
		if n := utf8.RuneCountInString(text); n > most || !utf8.ValidString(text) {
			return fmt.Errorf("%s: must be UTF-8 of at most %d characters; it has %d", what, most, n)
		}
		return nil
	}
	return errors.Join(check("by", d.By, kitchen.MaxByLength), check("note", d.Note, kitchen.MaxAckNoteLength))
}

// Discard notes that a letter needs nothing more. It deletes nothing. If the
// letter is settled already its error is a RefusedError.
func (q *Queue) Discard(ctx context.Context, place Place, why Decision) (Letter, error) {
	if err := why.Check(); err != nil {
		return Letter{}, &RefusedError{place, err}
	}
	letter, record, err := q.Get(ctx, place)
	if err != nil {
		return Letter{}, err
	}
	if letter.State.IsSettled() {
		return letter, letter.refuse("it was %s at %s already", letter.State, letter.when())
	}
	return q.decide(ctx, letter, TypeDiscarded, mark{Letter: place, By: why.By, Note: why.Note}, record.Key)
}

// decide writes a decision and returns the letter as the log then has it, or
// the refusal that somebody else was first. Once it writes it does not stop
// when ctx ends.
func (q *Queue) decide(ctx context.Context, letter Letter, eventType string, decision mark, key []byte) (Letter, error) {
	if err := ctx.Err(); err != nil {
		return letter, err
	}
	ctx = context.WithoutCancel(ctx)
	id := uuid.NewString()
	decision.Follows = &Place{letter.Place.Partition, letter.last}
	q.folds[letter.Place.Partition].own = ownDecision{id: id}
	if err := q.writeMark(ctx, eventType, id, decision, key); err != nil {
		return letter, err
	}
	backoff := retry.NewBackoff(shortestWait, longestWait)
	for attempt := 1; ; attempt++ {
		fold, err := q.follow(ctx, letter.Place.Partition, letter.Place.Offset)
		switch {
		case err != nil:
			return letter, fmt.Errorf("read whether the decision about dead letter %s counts: %w", letter.Place, err)
		case fold.own.accepted != nil:
			return *fold.own.accepted, nil
		case fold.own.seen:
			letter = *fold.letters[letter.Place.Offset]
			return letter, letter.refuse("somebody else decided about it at the same time and was first: look at it again")
		case attempt == decisionReads:
			return letter, fmt.Errorf("the decision about dead letter %s was written but cannot be read: look at the letter again", letter.Place)
		}
		backoff.Wait(ctx)
	}
}

// writeMark writes a mark behind its letter, wherever the key would go by now.
func (q *Queue) writeMark(ctx context.Context, eventType, id string, m mark, key []byte) error {
	message, err := m.message(q.writer.Source(), eventType, id, key)
	if err == nil {
		err = q.writer.PublishInto(ctx, message)
	}
	if err != nil {
		return fmt.Errorf("note what becomes of dead letter %s: %w", m.Letter, err)
	}
	return nil
}

// when is when the last decision was made, for people.
func (l Letter) when() string { return l.Since.UTC().Format(time.RFC3339) }
