package events

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The headers that tell where a dead letter came from and why it is one. They
// come on top of the headers that the original had.
const (
	HeaderDeadTopic     = "dead_letter_topic"
	HeaderDeadPartition = "dead_letter_partition"
	HeaderDeadOffset    = "dead_letter_offset"
	HeaderDeadReason    = "dead_letter_reason"
	// HeaderDeadTime is when the original was made, as RFC 3339.
	HeaderDeadTime = "dead_letter_time"
	// HeaderDeadSize is there only if the topic refused the original as too large.
	// It is the original's number of bytes; the value is only the first of them. The
	// whole lies where topic, partition and offset say, while it is kept.
	HeaderDeadSize = "dead_letter_size"

	deadPrefix     = "dead_letter_"
	maxReasonBytes = 1000
	// What is kept of a letter that its topic refuses for its size.
	keptHeaders      = 32
	keptHeaderBytes  = 1 << 10
	keptKeyBytes     = 1 << 10
	truncatedLetters = 64 << 10
)

// PublishDeadLetter puts a message that can never be understood aside, with its
// original key, bytes and headers, and says why. Finish the original only once
// this has returned without an error.
func (w *Writer) PublishDeadLetter(ctx context.Context, original Message, reason string) error {
	letter := deadLetter(original, reason)
	err := w.Publish(ctx, letter)
	if errors.Is(err, ErrTooLarge) {
		letter.Headers = append(cutHeaders(letter.Headers), Header{HeaderDeadSize, []byte(strconv.Itoa(len(original.Value)))})
		letter.Key = letter.Key[:min(len(letter.Key), keptKeyBytes)]
		letter.Value = letter.Value[:min(len(letter.Value), truncatedLetters)]
		err = w.Publish(ctx, letter)
	}
	if err != nil {
		return fmt.Errorf("publish the dead letter of %s partition %d offset %d: %w", original.Topic, original.Partition, original.Offset, err)
	}
	return nil
}

// cutHeaders returns those of a letter's headers that are sure to fit: what it
// says itself, and the first short ones of the original.
func cutHeaders(headers []Header) []Header {
	var kept []Header
	foreign := 0
	for _, header := range headers {
		if !strings.HasPrefix(header.Key, deadPrefix) {
			if foreign == keptHeaders || len(header.Key)+len(header.Value) > keptHeaderBytes {
				continue
			}
			foreign++
		}
		kept = append(kept, header)
	}
	return kept
}

func deadLetter(original Message, reason string) Message {
	return Message{
		Topic: TopicDeadLetters,
		Key:   original.Key,
		Value: original.Value,
		Headers: append(OriginalHeaders(original), // one that has been sent again tells only of its last death
			Header{HeaderDeadTopic, []byte(original.Topic)},
			Header{HeaderDeadPartition, []byte(strconv.Itoa(original.Partition))},
			Header{HeaderDeadOffset, []byte(strconv.FormatInt(original.Offset, 10))},
			Header{HeaderDeadReason, []byte(FirstBytes(reason, maxReasonBytes))},
			Header{HeaderDeadTime, []byte(original.Time.UTC().Format(time.RFC3339Nano))},
		),
	}
}

// OriginalHeaders are the headers of a dead letter without those that tell where it
// came from and why.
func OriginalHeaders(letter Message) []Header {
	return slices.DeleteFunc(slices.Clone(letter.Headers), func(header Header) bool { return strings.HasPrefix(header.Key, deadPrefix) })
}
