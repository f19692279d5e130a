package erase

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/events/deadletter"
	"github.com/cupcakery/cupcakery/internal/retry"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

const (
	// askWithin bounds one question to Temporal, and askKafkaWithin one to Kafka that
	// is no reading.
	askWithin      = 10 * time.Second
	askKafkaWithin = 30 * time.Second
	// goneWithin is how long Temporal may take to forget.
	goneWithin = 2 * time.Minute
	// defaultSettle is longer than a request to place an order may take, and than
	// processes need to read the flag.
	defaultSettle = 10 * time.Second
)

// Config says whom the eraser asks.
type Config struct {
	Kafka    events.Connection
	Temporal client.Client
	// Encryption is the client's codec, nil if it has none.
	Encryption *encryption.Codec
	// Namespace is Temporal's.
	Namespace string
	// By is who erases.
	By string
	// CutLetters deletes the order's dead letters from their topic, with what lies
	// before them.
	CutLetters bool
	// Unknown says that the order is to be erased although nobody knows anything of it
	// any more but, perhaps, a ledger.
	Unknown bool
	// Settle is how long after the flag Temporal is told to forget. Defaults to 10 s.
	Settle time.Duration
	Logger *slog.Logger
}

// Eraser erases orders.
type Eraser struct {
	config Config
	orders *workflows.Orders
}

// New dials nobody.
func New(config Config) *Eraser {
	if config.Settle == 0 {
		config.Settle = defaultSettle
	}
	return &Eraser{config, workflows.NewOrders(config.Temporal, config.Encryption)}
}

// UnreachableError says that Temporal did not answer. Without Kafka errors are an
// events.UnavailableError.
type UnreachableError struct{ Err error }

// Error says who did not answer, and the remedy.
func (e *UnreachableError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// RefusedError says why an order cannot be erased now, and the remedy.
type RefusedError struct{ Why string }

func (e *RefusedError) Error() string { return e.Why }

// NotFoundError says that there is no such order.
type NotFoundError struct{ Why string }

func (e *NotFoundError) Error() string { return e.Why }

// Examine finds what there is of an order, which is called by its id or its pickup code,
// and changes nothing. Its error is a RefusedError if the order cannot be erased now.
func (e *Eraser) Examine(ctx context.Context, called string) (Report, error) {
	orderID, err := e.find(ctx, called)
	if err != nil {
		return Report{}, err
	}
	report := Report{
		OrderID: orderID, OrderKey: kitchen.OrderKey(orderID), PickupCode: kitchen.PickupCode(orderID),
		Runs: []Run{}, Flags: []Flag{}, Letters: []Letter{}, Topics: []Topic{}, Left: []string{},
	}
	if report.Runs, err = e.runs(ctx, kitchen.WorkflowID(orderID)); err != nil {
		return report, err
	}
	if open := openRun(report.Runs); open != nil {
		return report, &RefusedError{fmt.Sprintf("the order %s is open (%s): cancel it first, with cupcakery order cancel %s, and erase it once everything is undone; nothing was changed", report.PickupCode, open.Status, orderID)}
	}
	log, err := e.readLog(ctx, orderID)
	if err != nil {
		return report, err
	}
	if stage, isOut := log.openTicket(time.Now()); isOut {
		return report, &RefusedError{fmt.Sprintf("the order %s is over and has an open ticket for %s all the same, as orders have that were terminated: withdraw it first, with cupcakery order doctor, since its undo ticket has the order's texts; nothing was changed", report.PickupCode, stage)}
	}
	report.Flags, report.ErasedAt, report.Topics = log.flags, log.erasedAt, log.topics
	report.ErasedBefore = report.ErasedAt != nil
	if report.Letters, err = e.letters(ctx, orderID); err != nil {
		return report, err
	}
	if report.Standing, err = e.standing(ctx, orderID, report.Runs); err != nil {
		return report, err
	}
	if !report.isKnown() && !e.config.Unknown {
		return report, &NotFoundError{fmt.Sprintf("neither Temporal's namespace %q nor Kafka has anything of the order %s: check the id and the namespace; if a ledger may still have it, erase it with --unknown", e.config.Namespace, orderID)}
	}
	if err := e.tellHowLong(ctx, &report); err != nil {
		return report, err
	}
	return report, e.tellArchive(ctx, &report)
}

// Erase does what is left to do, and notes in the report what it has done.
func (e *Eraser) Erase(ctx context.Context, report *Report) error {
	if err := e.putFlag(ctx, report); err != nil {
		return err
	}
	if err := e.mark(ctx, report.OrderID); err != nil {
		return err
	}
	if wait := time.Until(report.ErasedAt.Add(e.config.Settle)); wait > 0 && !retry.Pause(ctx, min(wait, e.config.Settle)) {
		return ctx.Err()
	}
	// The standing order's runs are found by when the order began, so they go first.
	if report.Standing != nil {
		if err := e.forgetStanding(ctx, report.Standing); err != nil {
			return err
		}
	}
	if err := e.forget(ctx, report); err != nil {
		return err
	}
	err := errors.Join(e.takeBackFlags(ctx, report), e.discardLetters(ctx, report))
	report.tellLeft()
	return err
}

// putFlag puts the flag up unless it is up.
func (e *Eraser) putFlag(ctx context.Context, report *Report) error {
	if report.ErasedAt != nil {
		return nil
	}
	writer, err := events.NewWriter(e.config.Kafka, events.WithSource(events.SourceErase))
	if err != nil {
		return err
	}
	at := time.Now().UTC().Truncate(time.Millisecond)
	flag := kitchen.Flag{FlagAt: kitchen.FlagAt{Kind: kitchen.FlagErased, Of: report.OrderKey}, By: e.config.By, At: at}
	publishing, cancel := context.WithTimeout(ctx, askKafkaWithin)
	defer cancel()
	if err := errors.Join(writer.PublishFlag(publishing, uuid.NewString(), flag), writer.Close()); err != nil {
		return fmt.Errorf("%w; nothing was deleted", err)
	}
	report.ErasedAt = &at
	return nil
}

// mark marks the order in Temporal, where APIs look that cannot read the flag.
func (e *Eraser) mark(ctx context.Context, orderID string) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	return unlessAnswered(e.orders.MarkErased(ctx, orderID))
}

// takeBackFlags takes back the flags that name the order.
func (e *Eraser) takeBackFlags(ctx context.Context, report *Report) error {
	if len(report.Flags) == 0 {
		return nil
	}
	writer, err := events.NewWriter(e.config.Kafka, events.WithSource(events.SourceErase))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, askKafkaWithin)
	defer cancel()
	var faults []error
	for i := range report.Flags {
		flag := &report.Flags[i]
		if err := writer.TakeBackFlag(ctx, uuid.NewString(), kitchen.FlagAt{Kind: kitchen.FlagKind(flag.Kind), Of: report.OrderID}); err != nil {
			faults = append(faults, err)
			continue
		}
		flag.TakenBack = true
	}
	return errors.Join(append(faults, writer.Close())...)
}

// letters finds the order's dead letters.
func (e *Eraser) letters(ctx context.Context, orderID string) ([]Letter, error) {
	queue, err := deadletter.New(deadletter.Config{Connection: e.config.Kafka})
	if err != nil {
		return nil, err
	}
	found, err := queue.Mentioning(ctx, orderID)
	letters := []Letter{}
	for _, letter := range found {
		letters = append(letters, Letter{Place: letter.Place, State: letter.State, Discarded: letter.State == deadletter.Discarded})
	}
	return letters, errors.Join(err, queue.Close())
}

// discardLetters discards the order's dead letters that nobody has decided about, and
// cuts them all off if that is wanted.
func (e *Eraser) discardLetters(ctx context.Context, report *Report) error {
	if len(report.Letters) == 0 {
		return nil
	}
	queue, err := deadletter.New(deadletter.Config{Connection: e.config.Kafka})
	if err != nil {
		return err
	}
	var faults []error
	var places []deadletter.Place
	for i := range report.Letters {
		letter := &report.Letters[i]
		places = append(places, letter.Place)
		if letter.State.IsSettled() {
			continue
		}
		if _, err := queue.Discard(ctx, letter.Place, deadletter.Decision{By: e.config.By, Note: "erased"}); err != nil {
			faults = append(faults, err)
			continue
		}
		letter.Discarded = true
	}
	if e.config.CutLetters && len(faults) == 0 {
		faults = append(faults, queue.Cut(ctx, places))
		left, err := queue.Mentioning(ctx, report.OrderID)
		faults = append(faults, err)
		for i := range report.Letters {
			letter := &report.Letters[i]
			letter.Cut = err == nil
			for _, other := range left {
				letter.Cut = letter.Cut && other.Place != letter.Place
			}
		}
	}
	return errors.Join(append(faults, queue.Close())...)
}
