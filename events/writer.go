package events

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"go.opentelemetry.io/otel/attribute"

	"github.com/cupcakery/cupcakery/internal/tracing"
	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// publishTimeout bounds a publish whose context has no earlier deadline.
	publishTimeout = 10 * time.Second
	// batchTimeout is how long a message waits for others of its partition.
	// What is published together shares a request; what comes alone waits no
	// longer than this. kafka-go's default is a whole second.
	batchTimeout = 100 * time.Microsecond
	// batchSize is enough for what comes within that time. kafka-go reserves the
	// memory for all of it even if there is only one message.
	batchSize = 16
	// A batch is tried this often, over about two seconds, before its
	// publishers hear of the outage: long enough for a partition to get
	// another leader.
	writeAttempts   = 8
	writeTimeout    = 5 * time.Second
	writeBackoffMin = 20 * time.Millisecond
	writeBackoffMax = 500 * time.Millisecond
)

// Writer publishes the factory's messages. It returns only once every in-sync
// replica has them. It is safe for concurrent use, and concurrent publishes
// share requests. Close it when done.
type Writer struct {
	client *client
	source string
	logger *slog.Logger
	writer *kafka.Writer
	// refused are the topics whose last write was refused for our clock.
	refused sync.Map
}

// WriterOption changes how a Writer works.
type WriterOption func(*Writer)

// WithSource sets the CloudEvents source, a URI reference that tells who
// publishes. Defaults to "/cupcakery/" and the connection's client id.
func WithSource(source string) WriterOption { return func(w *Writer) { w.source = source } }

// WithLogger sets where it is logged that the broker refuses this machine's
// clock, and that it accepts it again. Defaults to slog.Default().
func WithLogger(logger *slog.Logger) WriterOption { return func(w *Writer) { w.logger = logger } }

// WithOnWritten sets a function that hears of each request to write: how many
// messages it had for which topic, and whether it failed in the end. The error
// is a *ClockError if the broker refused this machine's clock.
func WithOnWritten(hook func(topic string, messages int, err error)) WriterOption {
	return func(w *Writer) {
		w.writer.Completion = func(messages []kafka.Message, err error) {
			hook(messages[0].Topic, len(messages), refusedClock(messages[0].Topic, err))
		}
	}
}

// NewWriter returns a writer. It does not wait for Kafka to be there.
func NewWriter(connection Connection, options ...WriterOption) (*Writer, error) {
	client, err := newClient(connection, Topics())
	if err != nil {
		return nil, fmt.Errorf("make a Kafka writer: %w", err)
	}
	w := &Writer{
		client: client,
		source: "/cupcakery/" + connection.clientID(),
		logger: slog.Default(),
		writer: &kafka.Writer{
			Addr:            client.Addr,
			Balancer:        balancer{},
			BatchBytes:      MaxDeadLetterBytes,
			BatchSize:       batchSize,
			BatchTimeout:    batchTimeout,
			MaxAttempts:     writeAttempts,
			RequiredAcks:    kafka.RequireAll,
			Transport:       client,
			WriteBackoffMax: writeBackoffMax,
			WriteBackoffMin: writeBackoffMin,
			WriteTimeout:    writeTimeout,
		},
	}
	for _, option := range options {
		option(w)
	}
	return w, nil
}

// Source is the CloudEvents source of what this writer publishes.
func (w *Writer) Source() string { return w.source }

// PublishTicket sends a ticket to its station.
func (w *Writer) PublishTicket(ctx context.Context, ticket kitchen.Ticket) error {
	message, err := ticketMessage(w.source, ticket)
	return w.send(ctx, message, err, aboutTicket(ticket), "ticket %q", ticket.TicketID)
}

// PublishAck sends what a station says about a ticket.
func (w *Writer) PublishAck(ctx context.Context, ack kitchen.Ack) error {
	message, err := ackMessage(w.source, ack)
	return w.send(ctx, message, err, aboutAck(ack), "ack of ticket %q", ack.TicketID)
}

// PublishShipped announces that an order has left the factory.
func (w *Writer) PublishShipped(ctx context.Context, shipped kitchen.Shipped) error {
	message, err := shippedMessage(w.source, shipped)
	return w.send(ctx, message, err, nil, "that order %q is shipped", shipped.OrderID)
}

// PublishFailed announces that an order was cancelled or needs attention.
func (w *Writer) PublishFailed(ctx context.Context, failed kitchen.Failed) error {
	message, err := failedMessage(w.source, failed)
	return w.send(ctx, message, err, nil, "that order %q is %s", failed.OrderID, failed.State)
}

// PublishStatus tells where an order stands.
func (w *Writer) PublishStatus(ctx context.Context, status kitchen.LoggedStatus) error {
	message, err := statusMessage(w.source, status)
	return w.send(ctx, message, err, nil, "the status of order %q", status.OrderID)
}

// send publishes a message unless it could not be made, and says what it was. about
// is what the message's span tells.
func (w *Writer) send(ctx context.Context, message Message, err error, about []attribute.KeyValue, what string, which ...any) error {
	if err == nil {
		err = w.write(ctx, message, nil, about)
	}
	if err != nil {
		return fmt.Errorf("publish "+what+": %w", append(which, err)...)
	}
	return nil
}

// Publish writes one message as it is, into the partition of its key. An error may
// come although the message is written: when the answer got lost, or came after
// the deadline. It is ErrTooLarge if the topic takes no message of that size.
func (w *Writer) Publish(ctx context.Context, message Message) error {
	return w.write(ctx, message, nil, nil)
}

// PublishInto is Publish into the partition that the message names, wherever its
// key would go.
func (w *Writer) PublishInto(ctx context.Context, message Message) error {
	return w.write(ctx, message, chosenPartition(message.Partition), nil)
}

func (w *Writer) write(ctx context.Context, message Message, data any, about []attribute.KeyValue) (err error) {
	ctx, span := w.startSend(ctx, message.Topic, about)
	defer func() {
		tracing.Fail(span, err)
		span.End()
	}()
	tracing.Context.Inject(ctx, headerCarrier{&message})
	bounded, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	record := message.kafka()
	record.WriterData = data
	err = w.writer.WriteMessages(bounded, record)
	var each kafka.WriteErrors
	if errors.As(err, &each) {
		err = each[0]
	}
	err = refusedClock(message.Topic, err)
	w.noteClock(message.Topic, err)
	_, wrongClock := errors.AsType[*ClockError](err)
	switch {
	case err == nil, wrongClock:
		return err
	case isTooLarge(err):
		return fmt.Errorf("%w (%w)", ErrTooLarge, err)
	case errors.Is(err, io.ErrClosedPipe):
		return errors.New("the writer is closed")
	case isMissingTopic(err):
		return fmt.Errorf("topic %q does not exist: run `cupcakery topics apply`: %w", message.Topic, err)
	}
	return w.client.connection.explain(err)
}

// noteClock logs once that the broker refuses our clock, and once that it accepts
// it again. Whoever publishes tries again and again meanwhile.
func (w *Writer) noteClock(topic string, err error) {
	if clock, is := errors.AsType[*ClockError](err); is {
		if _, known := w.refused.LoadOrStore(topic, true); !known {
			w.logger.Error("Kafka does not take what this machine's clock dates; nothing is written there until that is mended", "topic", topic, "error", clock)
		}
		return
	}
	if err != nil {
		return
	}
	if _, was := w.refused.LoadAndDelete(topic); was {
		w.logger.Info("Kafka takes this machine's clock again", "topic", topic)
	}
}

// Close sends what is under way and ends the connections. Publishing
// afterwards is an error.
func (w *Writer) Close() error {
	err := w.writer.Close()
	w.client.close()
	return err
}

// chosenPartition, as a record's WriterData, is where it goes.
type chosenPartition int

// balancer puts a key where Java clients put it.
type balancer struct{ byKey kafka.Murmur2Balancer }

// Balance implements kafka.Balancer.
func (b balancer) Balance(record kafka.Message, partitions ...int) int {
	if chosen, ok := record.WriterData.(chosenPartition); ok {
		return int(chosen)
	}
	return b.byKey.Balance(record, partitions...)
}
