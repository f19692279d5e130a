package deadletter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cupcakery/cupcakery/events"
)

// Config says where the dead letters are.
type Config struct {
	Connection events.Connection
	// OnStep hears of each step of a redrive when it is done. May be nil.
	OnStep func(Place, RedriveStep)
}

// Queue is the topic of dead letters as a person works through it. It is not safe
// for concurrent use. Close it when done.
type Queue struct {
	config Config
	reader *events.LogReader
	writer *events.Writer
	folds  map[int]*partitionFold // by partition: what has been read
}

// New dials nobody yet.
func New(config Config) (*Queue, error) {
	writer, err := events.NewWriter(config.Connection)
	if err != nil {
		return nil, err
	}
	reader, err := events.NewLogReader(config.Connection)
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	return &Queue{config: config, reader: reader, writer: writer, folds: make(map[int]*partitionFold)}, nil
}

// Close ends the connections.
func (q *Queue) Close() error {
	q.reader.Close()
	return q.writer.Close()
}

// List returns every letter that Kafka keeps, settled ones too, the newest
// first.
func (q *Queue) List(ctx context.Context) ([]Letter, error) {
	partitions, err := q.reader.Partitions(ctx, events.TopicDeadLetters)
	if err != nil {
		return nil, fmt.Errorf("list the dead letters: %w", err)
	}
	var letters []Letter
	for partition := range partitions {
		fold, err := q.follow(ctx, partition, 0)
		if err != nil {
			return nil, fmt.Errorf("list the dead letters: %w", err)
		}
		for _, letter := range fold.letters {
			letters = append(letters, *letter)
		}
	}
	slices.SortFunc(letters, func(a, b Letter) int {
		return cmp.Or(b.Died.Compare(a.Died), cmp.Compare(a.Place.Partition, b.Place.Partition), cmp.Compare(b.Place.Offset, a.Place.Offset))
	})
	return letters, nil
}

// Undecided returns the places of the letters that are open, in the order in which
// they died, and a RefusedError for each that is redriving: whether it was sent is
// for a person to find out.
func (q *Queue) Undecided(ctx context.Context) (open []Place, refused []error, err error) {
	letters, err := q.List(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, letter := range slices.Backward(letters) {
		switch letter.State {
		case Open:
			open = append(open, letter.Place)
		case Redriving:
			refused = append(refused, letter.refuse("it may have been sent already, which a person must see to: call it by its place"))
		}
	}
	return open, refused, nil
}

// Get returns a letter and its record as it lies in the topic. If there is
// none its error is a NotFoundError.
func (q *Queue) Get(ctx context.Context, place Place) (Letter, events.Message, error) {
	record, err := q.record(ctx, place)
	if err != nil {
		return Letter{}, events.Message{}, err
	}
	fold, err := q.follow(ctx, place.Partition, place.Offset)
	if err != nil {
		return Letter{}, events.Message{}, fmt.Errorf("read what became of dead letter %s: %w", place, err)
	}
	letter := fold.letters[place.Offset]
	if letter == nil {
		return Letter{}, events.Message{}, &NotFoundError{place, "Kafka has just deleted it"}
	}
	return *letter, record, nil
}

// record reads the one record at a place.
func (q *Queue) record(ctx context.Context, place Place) (events.Message, error) {
	failed := func(err error) (events.Message, error) {
		return events.Message{}, fmt.Errorf("read dead letter %s: %w", place, err)
	}
	missing := func(format string, args ...any) (events.Message, error) {
		return events.Message{}, &NotFoundError{place, fmt.Sprintf(format, args...)}
	}
	partitions, err := q.reader.Partitions(ctx, events.TopicDeadLetters)
	if err != nil {
		return failed(err)
	}
	if place.Partition >= partitions {
		return missing("the topic has %d partitions, counted from 0", partitions)
	}
	first, end, err := q.reader.Bounds(ctx, events.TopicDeadLetters, place.Partition)
	switch {
	case err != nil:
		return failed(err)
	case place.Offset >= end:
		return missing("its partition ends before offset %d", end)
	case place.Offset < first:
		return missing("Kafka has deleted what lay before offset %d", first)
	}
	record, found, err := q.reader.ReadOne(ctx, events.TopicDeadLetters, place.Partition, place.Offset)
	switch {
	case err != nil:
		return failed(err)
	case !found:
		return missing("no message has this offset")
	case markType(record) != "":
		mark, _ := readMark(record) // a mark that cannot be read is about 0/0
		return missing("this is a note of what became of letter %s", mark.Letter)
	}
	return record, nil
}

// follow reads a partition up to its present end, from an offset at the latest.
// What has been read before is not read again.
func (q *Queue) follow(ctx context.Context, partition int, from int64) (*partitionFold, error) {
	first, end, err := q.reader.Bounds(ctx, events.TopicDeadLetters, partition)
	if err != nil {
		return nil, err
	}
	fold := q.folds[partition]
	if fold == nil || from < fold.from {
		fold = newPartitionFold(from)
		q.folds[partition] = fold
	}
	next, err := q.reader.Read(ctx, events.TopicDeadLetters, partition, max(fold.next, first), end, fold.add)
	if err != nil {
		// Nobody knows how much was folded, so the next read begins anew.
		delete(q.folds, partition)
		return nil, err
	}
	fold.next = next
	return fold, nil
}

// NotFoundError says that no dead letter lies at a place.
type NotFoundError struct {
	Place Place
	Why   string
}

// Error says what is there instead.
func (e *NotFoundError) Error() string { return fmt.Sprintf("no dead letter %s: %s", e.Place, e.Why) }

// RefusedError says that nothing was done to a letter, and why.
type RefusedError struct {
	Place Place
	Err   error
}

// Error names the letter and the reason.
func (e *RefusedError) Error() string { return fmt.Sprintf("dead letter %s: %v", e.Place, e.Err) }

// Unwrap returns the reason.
func (e *RefusedError) Unwrap() error { return e.Err }
