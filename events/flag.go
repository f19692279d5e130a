package events

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

// This file covers the records of kitchen-state: a flag under its key, and no value
// once it was taken back. The topic is compacted and has one partition, so of each
// key the last record counts, whoever reads when.

// SourceErase is the CloudEvents source of whoever forgets an order's customer. The flags
// that it takes back were right: they only name the order.
const SourceErase = "/cupcakery/erase"

// DecodeFlag reads a record of kitchen-state: a flag, or where one was taken back. Its
// error is kitchen.ErrUnknownFlag for a kind that only another build knows, and
// otherwise a PoisonError; at is then the zero value unless the record replaces a flag.
func DecodeFlag(m Message) (at kitchen.FlagAt, flag *kitchen.Flag, err error) {
	if m.Partition != 0 {
		return kitchen.FlagAt{}, nil, &PoisonError{m, fmt.Errorf("partition %d: flags are written to partition 0, whose order counts", m.Partition)}
	}
	at, err = kitchen.ParseFlagAt(string(m.Key))
	if err != nil {
		if !errors.Is(err, kitchen.ErrUnknownFlag) {
			err = &PoisonError{m, err}
		}
		return kitchen.FlagAt{}, nil, err
	}
	if len(m.Value) == 0 {
		return at, nil, nil
	}
	data, err := payload(m)
	if err != nil {
		return at, nil, &PoisonError{m, err}
	}
	read, err := kitchen.ParseFlag(at, data)
	if err != nil {
		return at, nil, &PoisonError{m, err}
	}
	return at, &read, nil
}

// PublishFlag puts a flag up. The id is the record's: whoever reads it sees by that
// which one it is.
func (w *Writer) PublishFlag(ctx context.Context, id string, flag kitchen.Flag) error {
	message, err := flagMessage(w.source, id, flag)
	return w.sendFlag(ctx, message, err, flag.FlagAt)
}

// TakeBackFlag takes a flag back, as PublishFlag puts it up.
func (w *Writer) TakeBackFlag(ctx context.Context, id string, at kitchen.FlagAt) error {
	message, err := takeBackMessage(w.source, id, at)
	return w.sendFlag(ctx, message, err, at)
}

func flagMessage(source, id string, flag kitchen.Flag) (Message, error) {
	return NewMessage(TopicKitchenState, source, TypeFlag, id, flag.String(), flag.At, flag)
}

func takeBackMessage(source, id string, at kitchen.FlagAt) (Message, error) {
	message, err := NewMessage(TopicKitchenState, source, TypeFlag, id, at.String(), time.Now(), nil)
	message.Value = nil
	return message, err
}

// ClearPoison takes back what nobody can understand of kitchen-state, once it was put
// aside.
func (w *Writer) ClearPoison(ctx context.Context, m Message) error {
	return w.PublishInto(ctx, Message{Topic: TopicKitchenState, Partition: m.Partition, Key: m.Key})
}

func (w *Writer) sendFlag(ctx context.Context, message Message, err error, at kitchen.FlagAt) error {
	if err == nil {
		err = w.write(ctx, message, chosenPartition(0), nil)
	}
	if err != nil {
		return fmt.Errorf("publish the flag %s: %w", at.Kind, err) // what it stands at may be an order's id
	}
	return nil
}
