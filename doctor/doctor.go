package doctor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// readWithin bounds one reading of the log, askWithin one question to Temporal.
	readWithin = 2 * time.Minute
	askWithin  = 10 * time.Second
	// questionsAtOnce keeps the questions from being a load for Temporal.
	questionsAtOnce = 16
)

// Config says whom the doctor asks.
type Config struct {
	Kafka    events.Connection
	Temporal client.Client
	// Encryption is the client's codec, nil if it has none.
	Encryption *encryption.Codec
	// Namespace is Temporal's, for people who gave the wrong one.
	Namespace string
	// Rules say how long stations may take.
	Rules kitchen.Rules
	// OrdersLost says that the namespace is the right one although it knows no
	// order.
	OrdersLost bool
	Logger     *slog.Logger
}

// Doctor finds orphans and withdraws them.
type Doctor struct{ config Config }

// New dials nobody.
func New(config Config) *Doctor { return &Doctor{config} }

// UnreachableError says that Temporal did not answer, or that the log could not be
// read in time. Without Kafka errors are an events.UnavailableError.
type UnreachableError struct{ Err error }

// Error says who did not answer, and the remedy.
func (e *UnreachableError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// Examine finds the orphans, and places that are left behind, and changes nothing.
func (d *Doctor) Examine(ctx context.Context) (Findings, error) {
	if err := d.checkReachable(ctx); err != nil {
		return noFindings(), err
	}
	found, err := d.findTickets(ctx)
	if err != nil {
		return found, err
	}
	found.Places, err = d.findPlaces(ctx, time.Now())
	return found, err
}

func (d *Doctor) findTickets(ctx context.Context) (Findings, error) {
	found := noFindings()
	open, err := d.readOpenTickets(ctx)
	if err != nil {
		return found, err
	}
	orders, err := d.askTemporal(ctx, open)
	if err != nil {
		return found, err
	}
	suspects := notWaitedFor(open, orders)
	if err := d.checkNamespace(orders); err != nil || len(suspects) == 0 {
		return found, err
	}
	if open, err = d.readOpenTickets(ctx); err != nil {
		return found, err
	}
	suspects = slices.DeleteFunc(open, func(now board.Entry) bool {
		return !slices.ContainsFunc(suspects, func(before board.Entry) bool { return before.Ticket.TicketID == now.Ticket.TicketID })
	})
	if orders, err = d.askTemporal(ctx, suspects); err != nil {
		return found, err
	}
	suspects = notWaitedFor(suspects, orders)
	if err := d.readHistories(ctx, suspects, orders); err != nil {
		return found, err
	}
	return findOrphans(suspects, orders), nil
}

// checkReachable fails unless both sides answer, so that a doctor who finds
// nothing has looked.
func (d *Doctor) checkReachable(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	if err := events.CheckTopics(ctx, d.config.Kafka, readTopics()...); err != nil {
		if _, away := errors.AsType[*events.UnavailableError](err); away {
			return err
		}
		d.config.Logger.Warn("Kafka's topics are not in order", slog.Any("error", err))
	}
	if _, err := d.config.Temporal.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return &UnreachableError{fmt.Errorf("no connection to Temporal: %w; start it, or give its address with --temporal-address or $TEMPORAL_ADDRESS", err)}
	}
	return nil
}

// checkNamespace fails if Temporal knows none of the orders. It is more likely
// that somebody has named the wrong namespace than that all orders are lost.
func (d *Doctor) checkNamespace(orders map[string]knownOrder) error {
	for _, order := range orders {
		if order.fate != fateUnknown {
			return nil
		}
	}
	if len(orders) == 0 || d.config.OrdersLost {
		return nil
	}
	return fmt.Errorf("the namespace %q of Temporal knows none of the %d orders that have open tickets: give the right one with --temporal-namespace, or say with --orders-lost that the orders are lost; nothing was withdrawn", d.config.Namespace, len(orders))
}

// Withdraw issues the undo ticket of every make ticket that was found, and notes
// in found which of them it has withdrawn.
func (d *Doctor) Withdraw(ctx context.Context, found *Findings) error {
	writer, err := events.NewWriter(d.config.Kafka, events.WithSource("/cupcakery/doctor"))
	if err != nil {
		return err
	}
	var faults []error
	for i := range found.Tickets {
		orphan := &found.Tickets[i]
		if orphan.Kind != kitchen.TicketMake {
			continue
		}
		if err := writer.PublishTicket(ctx, undoTicket(orphan.ticket, d.config.Rules, time.Now().UTC())); err != nil {
			faults = append(faults, err)
			continue
		}
		orphan.Withdrawn = true
	}
	return errors.Join(append(faults, writer.Close())...)
}

// undoTicket is the ticket that withdraws another. As far as anybody has said,
// that one was not done.
func undoTicket(ticket kitchen.Ticket, rules kitchen.Rules, now time.Time) kitchen.Ticket {
	ref := ticket.Ref().Undo()
	ticket.TicketID, ticket.Kind = ref.TicketID(), ref.Kind
	ticket.Made, ticket.Attempt = false, 1
	ticket.Since, ticket.IssuedAt, ticket.AckBy = now, now, now.Add(rules.AckWithinFor(ticket.Stage))
	return ticket
}

// readTopics are the topics that a doctor reads.
func readTopics() []string {
	topics := []string{events.TopicAcks}
	for _, stage := range kitchen.Stages() {
		topics = append(topics, events.TicketTopic(stage))
	}
	return topics
}

// readOpenTickets reads the log as far back as board.LookBack says. An older ticket
// that its order waits for has been issued again since.
func (d *Doctor) readOpenTickets(ctx context.Context) ([]board.Entry, error) {
	reading, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	log, caughtUp, lookBack := board.New(), false, board.LookBack(d.config.Rules.LongestAckWithin())
	err := events.Tail(reading, events.TailConfig{
		Connection: d.config.Kafka,
		Topics:     readTopics(),
		LookBack:   lookBack,
		Logger:     d.config.Logger,
		CaughtUp:   func() { caughtUp = true; cancel() },
		Handle: func(m events.Message) {
			if m.Topic == events.TopicAcks {
				if ack, err := events.DecodeAck(m); err == nil { // the workers see to poison
					log.AddAck(ack, board.HeardFrom(m, 0))
				}
			} else if ticket, err := events.DecodeTicket(m); err == nil {
				log.AddTicket(ticket, board.HeardFrom(m, 0))
			}
		},
	})
	switch {
	case err != nil:
		return nil, err
	case ctx.Err() != nil:
		return nil, errors.New("interrupted; nothing was withdrawn")
	case !caughtUp:
		return nil, &UnreachableError{fmt.Errorf("the log in Kafka could not be read within %s", readWithin)}
	}
	log.CaughtUp(lookBack)
	log.ForgetTooOld() // the log was not read far enough back to know whether those are open
	return openTickets(log), nil
}
