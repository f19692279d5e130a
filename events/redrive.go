package events

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	kafka "github.com/segmentio/kafka-go"

	"github.com/cupcakery/cupcakery/kitchen"
)

// RedriveStep is a step of a redrive.
type RedriveStep int

// The steps of a redrive, in their order. A crash after RedriveAnnounced and
// before RedriveNoted leaves a letter that is LetterRedriving.
const (
	RedriveChecked   RedriveStep = iota + 1 // nothing forbids it
	RedriveAnnounced                        // the log has the intent, and it was the first
	RedriveSent                             // the message lies in its topic
	RedriveNoted                            // the log says so
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
// If it must not be sent its error is a LetterRefusedError, and the letter that
// comes with it says where it stands, or a LetterNotFoundError. After any other
// error what was written last may have arrived or not: look at the letter again.
func (d *DeadLetters) Redrive(ctx context.Context, place LetterPlace, how Redrive) (Letter, error) {
	if err := how.Check(); err != nil {
		return Letter{}, &LetterRefusedError{place, err}
	}
	letter, record, err := d.Get(ctx, place)
	if err != nil {
		return Letter{}, err
	}
	message, err := letter.redrive(record, how)
	if err != nil {
		return letter, err
	}
	if _, err := d.client.locate(ctx, []string{message.Topic}); err != nil {
		return letter, fmt.Errorf("redrive dead letter %s: %w", place, err)
	}
	d.step(place, RedriveChecked)

	mark := letterMark{Letter: place, Mended: how.Value != nil, By: how.By, Note: how.Note}
	letter, err = d.decide(ctx, letter, TypeLetterRedriving, mark, record.Key)
	if err != nil {
		return letter, err
	}
	ctx = context.WithoutCancel(ctx)
	d.step(place, RedriveAnnounced)

	message.Headers = append(message.Headers,
		Header{HeaderRedriveCount, []byte(strconv.Itoa(letter.Redrives))},
		Header{HeaderRedriveLetter, []byte(place.String())})
	if err := d.writer.publish(ctx, message); err != nil {
		if errors.Is(err, kafka.MessageSizeTooLarge) || isTooLarge(err) {
			err = fmt.Errorf("%w: the topic takes no message of %d bytes: raise its max.message.bytes, or mend the value", err, len(message.Value))
		}
		return letter, fmt.Errorf("send dead letter %s to %s, which may have happened all the same: %w", place, message.Topic, err)
	}
	d.step(place, RedriveSent)

	mark.Redriving = letter.decision
	if err := d.mark(ctx, TypeLetterRedriven, uuid.NewString(), mark, record.Key); err != nil {
		return letter, fmt.Errorf("dead letter %s was sent to %s, but that could not be noted: %w", place, message.Topic, err)
	}
	d.step(place, RedriveNoted)
	letter.State = LetterRedriven
	return letter, nil
}

// redrive is the message to be sent, if nothing forbids it.
func (l Letter) redrive(record Message, how Redrive) (Message, error) {
	if !how.Again {
		switch l.State {
		case LetterRedriving:
			return Message{}, l.refuse("somebody began to redrive it at %s, so it may have been sent: see whether it was, then redrive it with --again or discard it", l.when())
		case LetterRedriven, LetterDiscarded:
			return Message{}, l.refuse("it was %s at %s: redrive it with --again to send it all the same", l.State, l.when())
		}
	}
	value := how.Value
	if value == nil {
		if l.FullSize > 0 {
			return Message{}, l.refuse("it has only the first %d of %d bytes: the whole lies in %s, partition %d, offset %d, while Kafka keeps it; give it back with --value, or discard the letter",
				l.Size, l.FullSize, l.Topic, l.Partition, l.Offset)
		}
		value = record.Value
	}
	if err := l.CheckRedrive(value); err != nil {
		return Message{}, err
	}
	headers := slices.DeleteFunc(slices.Clone(record.Headers), func(header Header) bool {
		return strings.HasPrefix(header.Key, deadPrefix) || header.Key == HeaderRedriveCount || header.Key == HeaderRedriveLetter
	})
	key := record.Key
	if orderID, _ := l.understand(value); orderID != "" {
		key = []byte(orderID) // or a message under a wrong key would be a letter again
	}
	return Message{Topic: l.Topic, Key: key, Value: value, Headers: headers}, nil
}

func (l Letter) when() string { return l.Since.UTC().Format(time.RFC3339) }

// Discard notes that a letter needs nothing more. It deletes nothing. If it is
// settled already its error is a LetterRefusedError.
func (d *DeadLetters) Discard(ctx context.Context, place LetterPlace, why Decision) (Letter, error) {
	if err := why.Check(); err != nil {
		return Letter{}, &LetterRefusedError{place, err}
	}
	letter, record, err := d.Get(ctx, place)
	if err != nil {
		return Letter{}, err
	}
	if letter.State.Settled() {
		return letter, letter.refuse("it was %s at %s already", letter.State, letter.when())
	}
	return d.decide(ctx, letter, TypeLetterDiscarded, letterMark{Letter: place, By: why.By, Note: why.Note}, record.Key)
}

// decide writes a decision and returns the letter as the log then has it, or
// the refusal that somebody else was first. Once it writes it does not stop
// when ctx ends.
func (d *DeadLetters) decide(ctx context.Context, letter Letter, eventType string, mark letterMark, key []byte) (Letter, error) {
	if err := ctx.Err(); err != nil {
		return letter, err
	}
	ctx = context.WithoutCancel(ctx)
	id := uuid.NewString()
	mark.Follows = &LetterPlace{letter.Place.Partition, letter.last}
	d.logs[letter.Place.Partition].awaited = awaitedMark{id: id}
	if err := d.mark(ctx, eventType, id, mark, key); err != nil {
		return letter, err
	}
	backoff := newBackoff()
	for attempt := 1; ; attempt++ {
		log, err := d.follow(ctx, letter.Place.kafka(), letter.Place.Offset)
		switch {
		case err != nil:
			return letter, fmt.Errorf("read whether the decision about dead letter %s counts: %w", letter.Place, err)
		case log.awaited.taken != nil:
			return *log.awaited.taken, nil
		case log.awaited.seen:
			letter = *log.letters[letter.Place.Offset]
			return letter, letter.refuse("somebody else decided about it at the same time and was first: look at it again")
		case attempt == readAttempts:
			return letter, fmt.Errorf("the decision about dead letter %s was written but cannot be read: look at the letter again", letter.Place)
		}
		backoff.wait(ctx)
	}
}

// mark writes a mark behind its letter, wherever the key would go by now.
func (d *DeadLetters) mark(ctx context.Context, eventType, id string, mark letterMark, key []byte) error {
	message, err := mark.message(d.writer.source, eventType, id, key)
	if err == nil {
		err = d.writer.publishInto(ctx, message)
	}
	if err != nil {
		return fmt.Errorf("note what becomes of dead letter %s: %w", mark.Letter, err)
	}
	return nil
}

func (d *DeadLetters) step(place LetterPlace, step RedriveStep) {
	if d.config.OnStep != nil {
		d.config.OnStep(place, step)
	}
}
