package deadletter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/cupcakery/cupcakery/events"
)

// HeaderRedriveCount and HeaderRedriveLetter mark a message that a person has
// sent again: how often that was done, counting its earlier deaths too, and the
// place of the letter it was taken from. They outlive another death.
const (
	HeaderRedriveCount  = "redrive_count"
	HeaderRedriveLetter = "redrive_letter"
)

// RedriveStep is a step of a redrive.
type RedriveStep int

// The steps of a redrive, in their order. A crash after RedriveAnnounced and
// before RedriveNoted leaves a letter in the state Redriving.
const (
	RedriveChecked   RedriveStep = iota + 1 // nothing forbids it
	RedriveAnnounced                        // the log has the intent, and it was the first
	RedriveSent                             // the message lies in its topic
	RedriveNoted                            // the log says so
)

// Redrive is how a letter is sent again.
type Redrive struct {
	Decision
	// Value is sent instead of the letter's own bytes unless it is nil.
	Value []byte
	// Again is needed for a letter that was or may have been sent already, or
	// was discarded.
	Again bool
}

// Redrive sends a letter to the topic it came from, with its key, headers and
// bytes, marked with how often that was done. It announces that first, so that
// a crash is seen, and from then on it goes to its end even if ctx ends.
//
// If it must not be sent its error is a RefusedError, and the letter that comes
// with it says where it stands; if it is not there, a NotFoundError. After any
// other error what was written last may have arrived or not: look at the letter
// again.
func (q *Queue) Redrive(ctx context.Context, place Place, how Redrive) (Letter, error) {
	if err := how.Check(); err != nil {
		return Letter{}, &RefusedError{place, err}
	}
	letter, record, err := q.Get(ctx, place)
	if err != nil {
		return Letter{}, err
	}
	message, err := letter.redriven(record, how)
	if err != nil {
		return letter, err
	}
	if _, err := q.reader.Partitions(ctx, message.Topic); err != nil {
		return letter, fmt.Errorf("redrive dead letter %s: %w", place, err)
	}
	q.step(place, RedriveChecked)

	announced := mark{Letter: place, Mended: how.Value != nil, By: how.By, Note: how.Note}
	letter, err = q.decide(ctx, letter, TypeRedriving, announced, record.Key)
	if err != nil {
		return letter, err
	}
	ctx = context.WithoutCancel(ctx)
	q.step(place, RedriveAnnounced)

	message.Headers = append(message.Headers,
		events.Header{Key: HeaderRedriveCount, Value: []byte(strconv.Itoa(letter.Redrives))},
		events.Header{Key: HeaderRedriveLetter, Value: []byte(place.String())})
	if err := q.writer.Publish(ctx, message); err != nil {
		if errors.Is(err, events.ErrTooLarge) {
			err = fmt.Errorf("%w: the topic takes no message of %d bytes: raise its max.message.bytes, or mend the value", err, len(message.Value))
		}
		return letter, fmt.Errorf("send dead letter %s to %s, which may have happened all the same: %w", place, message.Topic, err)
	}
	q.step(place, RedriveSent)

	noted := announced
	noted.Redriving = letter.decision
	if err := q.writeMark(ctx, TypeRedriven, uuid.NewString(), noted, record.Key); err != nil {
		return letter, fmt.Errorf("dead letter %s was sent to %s, but that could not be noted: %w", place, message.Topic, err)
	}
	q.step(place, RedriveNoted)
	letter.State = Redriven
	return letter, nil
}

// redriven is the message to be sent, if nothing forbids it.
func (l Letter) redriven(record events.Message, how Redrive) (events.Message, error) {
	if !how.Again {
		switch l.State {
		case Redriving:
			return events.Message{}, l.refuse("somebody began to redrive it at %s, so it may have been sent: see whether it was, then redrive it with --again or discard it", l.when())
		case Redriven, Discarded:
			return events.Message{}, l.refuse("it was %s at %s: redrive it with --again to send it all the same", l.State, l.when())
		}
	}
	value := how.Value
	if value == nil {
		if l.FullSize > 0 {
			return events.Message{}, l.refuse("it has only the first %d of %d bytes: the whole lies in %s, partition %d, offset %d, while Kafka keeps it; give it back with --value, or discard the letter",
				l.Size, l.FullSize, l.Topic, l.Partition, l.Offset)
		}
		value = record.Value
	}
	return l.original(record, value)
}

func withoutRedrive(headers []events.Header) []events.Header {
	return slices.DeleteFunc(headers, func(header events.Header) bool {
		return header.Key == HeaderRedriveCount || header.Key == HeaderRedriveLetter
	})
}

func (q *Queue) step(place Place, step RedriveStep) {
	if q.config.OnStep != nil {
		q.config.OnStep(place, step)
	}
}
