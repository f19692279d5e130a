package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

func newOrderDoctorCommand() *cobra.Command {
	var (
		kafka      kafkaSettings
		temporal   temporalSettings
		file       kitchenSettings
		output     string
		dryRun     bool
		ordersLost bool
	)
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Withdraw tickets whose orders do not wait for them any more",
		Long: `Withdraw tickets whose orders do not wait for them any more. An order that is
terminated in Temporal cannot take its open tickets back from the stations.

The doctor speaks to Kafka and Temporal themselves. It reads the tickets and
acks as far back as twice the longest ackWithin, asks Temporal about the order
of each open ticket, and withdraws a ticket whose order has closed, is unknown,
or does not wait for it, by issuing the undo ticket of it. Its station answers
that by itself, unless somebody has the ticket in hand; then they are asked to
undo it. What is wrong about an order that runs is looked at twice, so orders
may go on meanwhile. It also says what had been made for such orders and was
not undone. Doing it again withdraws nothing twice.

An undo ticket cannot be withdrawn: answer it at its station.

If Temporal knows none of the orders, it may be the wrong namespace, and nothing
is withdrawn unless --orders-lost says that it is the right one.

Exit codes: 0 nothing was found, or all is withdrawn; 1 something is left, such
as an undo ticket, or what --dry-run has found, or something failed; 2 wrong
usage; 5 Kafka or Temporal cannot be reached.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != outputTable && output != outputJSON {
				return &exitError{exitUsage, fmt.Errorf("--output %q: use table or json", output)}
			}
			connection, err := kafka.connection()
			if err != nil {
				return err
			}
			kitchenFile, err := file.load()
			if err != nil {
				return &exitError{exitUsage, err}
			}
			logger := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
			temporalClient, namespace, err := temporal.dial(logger)
			if err != nil {
				return err
			}
			defer temporalClient.Close()
			d := &doctor{
				temporal: temporalClient, namespace: namespace, kafka: connection, rules: kitchenFile.Rules,
				logger: logger, ordersLost: ordersLost, dryRun: dryRun,
			}
			found, err := d.examine(cmd.Context())
			if err != nil {
				return err
			}
			if !dryRun {
				err = d.withdraw(cmd.Context(), &found)
			}
			return errors.Join(writeFindings(cmd.OutOrStdout(), output, found), err, found.left())
		},
	}
	kafka.register(cmd)
	temporal.register(cmd)
	file.register(cmd)
	flags := cmd.Flags()
	flags.StringVarP(&output, "output", "o", outputTable, "table for people, json for programs")
	complete(cmd, "output", func(string) []string { return []string{outputTable, outputJSON} })
	flags.BoolVar(&dryRun, "dry-run", false, "only say what would be withdrawn")
	flags.BoolVar(&ordersLost, "orders-lost", false, "withdraw although Temporal knows none of the orders: they are lost")
	return cmd
}

// findings are what the doctor has found.
type findings struct {
	DryRun  bool           `json:"dryRun"`
	Tickets []orphanTicket `json:"tickets"`
	Orders  []orphanOrder  `json:"orders"`
}

// orphanTicket is a ticket that its order does not wait for any more.
type orphanTicket struct {
	TicketID   string              `json:"ticketId"`
	Kind       kitchen.TicketKind  `json:"kind"`
	PickupCode string              `json:"pickupCode"`
	Stage      kitchen.Stage       `json:"stage"`
	Pass       int                 `json:"pass"`
	State      kitchen.TicketState `json:"state"`
	// By is who has it in hand; empty while it waits.
	By    string    `json:"by,omitempty"`
	Since time.Time `json:"since"`
	// Order is what became of the order.
	Order     orderFate `json:"order"`
	Withdrawn bool      `json:"withdrawn"`

	ticket kitchen.Ticket
}

// orphanOrder is an order that has left tickets, with what had been made for
// it and was not undone.
type orphanOrder struct {
	OrderID    string                `json:"orderId"`
	PickupCode string                `json:"pickupCode"`
	Order      orderFate             `json:"order"`
	Made       []kitchen.StageStatus `json:"made"`
}

// left is an error if anything was found that is not withdrawn.
func (f findings) left() error {
	left := 0
	for _, ticket := range f.Tickets {
		if !ticket.Withdrawn {
			left++
		}
	}
	switch {
	case left == 0:
		return nil
	case f.DryRun:
		return &exitError{exitFailed, fmt.Errorf("%d of the tickets are not waited for; without --dry-run they are withdrawn", left)}
	}
	return &exitError{exitFailed, fmt.Errorf("%d of the tickets are not withdrawn", left)}
}

// writeFindings shows what was found to people or programs.
func writeFindings(w io.Writer, output string, found findings) error {
	if output == outputJSON {
		return writeJSON(w, found, "  ")
	}
	if len(found.Tickets) == 0 {
		_, err := fmt.Fprintln(w, "Every open ticket is waited for by its order.")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(cells ...string) {
		for i, cell := range cells {
			cells[i] = safeText(cell)
		}
		_, _ = fmt.Fprintln(table, strings.TrimRight(strings.Join(cells, "\t"), "\t ")) // Flush reports
	}
	row("PICKUP", "STAGE", "PASS", "KIND", "STATE", "BY", "SINCE", "ORDER", "WITHDRAWN", "TICKET")
	for _, ticket := range found.Tickets {
		withdrawn := "no"
		switch {
		case ticket.Withdrawn:
			withdrawn = "yes"
		case ticket.Kind == kitchen.TicketUndo:
			withdrawn = "no: answer it at its station"
		}
		row(ticket.PickupCode, string(ticket.Stage), fmt.Sprint(ticket.Pass), string(ticket.Kind), string(ticket.State), orDash(ticket.By),
			clock(&ticket.Since), string(ticket.Order), withdrawn, ticket.TicketID)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, order := range found.Orders {
		if len(order.Made) == 0 {
			continue
		}
		if _, err := fmt.Fprintf(w, "\nMade for %s and not undone:\n", safeText(order.PickupCode)); err != nil {
			return err
		}
		for _, pass := range order.Made {
			row("  "+string(pass.Stage), passWords(pass), clock(pass.DoneAt))
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// withdraw issues the undo ticket of every make ticket that was found.
func (d *doctor) withdraw(ctx context.Context, found *findings) error {
	writer, err := events.NewWriter(d.kafka, events.WithSource("/cupcakery/doctor"))
	if err != nil {
		return err
	}
	var faults []error
	for i := range found.Tickets {
		if found.Tickets[i].Kind != kitchen.TicketMake {
			continue
		}
		if err := writer.PublishTicket(ctx, undoTicket(found.Tickets[i].ticket, d.rules, time.Now().UTC())); err != nil {
			faults = append(faults, kafkaExit(err))
			continue
		}
		found.Tickets[i].Withdrawn = true
	}
	return errors.Join(append(faults, writer.Close())...)
}

// undoTicket is the ticket that withdraws another, which was not done as far
// as anybody has said.
func undoTicket(ticket kitchen.Ticket, rules kitchen.Rules, now time.Time) kitchen.Ticket {
	ref := ticket.Ref().Undo()
	ticket.TicketID, ticket.Kind = ref.TicketID(), ref.Kind
	ticket.Made, ticket.Attempt = false, 1
	ticket.IssuedAt, ticket.AckBy = now, now.Add(rules.AckWithinFor(ticket.Stage))
	return ticket
}
