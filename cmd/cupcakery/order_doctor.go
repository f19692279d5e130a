package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/doctor"
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
terminated in Temporal cannot withdraw its open tickets itself.

The doctor talks to Kafka and Temporal directly. It reads the tickets and acks as
far back as five times the longest ackWithin and asks Temporal about the order of
each open ticket. If the order has closed, is unknown, or does not wait for the
ticket, the doctor withdraws the ticket by issuing its undo ticket. The station
answers that by itself, unless somebody has begun the ticket; then they are asked
to undo it. An order that was reset in Temporal comes to a later stage's ticket
again, and that ticket is left alone. Orders may go on meanwhile, since the doctor
looks twice before it withdraws anything. It also says what was made for such
orders and is not undone. Running it again withdraws nothing twice.

An undo ticket cannot be withdrawn: answer it at its station.

It also gives the places in slots back that are still to come and whose orders were
terminated, or have failed. For that a worker is needed.

If Temporal knows none of the orders, it may be the wrong namespace, and nothing
is withdrawn unless --orders-lost says that it is the right one.

Exit codes: 0 nothing was found, or all is withdrawn; 1 something is left, such
as an undo ticket, or what --dry-run has found, or something failed; 2 wrong
usage; 5 Kafka or Temporal cannot be reached.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(output); err != nil {
				return err
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
			d := doctor.New(doctor.Config{
				Kafka: connection, Temporal: temporalClient, Encryption: temporal.codec, Namespace: namespace, Rules: kitchenFile.Rules, OrdersLost: ordersLost, Logger: logger,
			})
			found, err := d.Examine(cmd.Context())
			if err != nil {
				return doctorExit(err)
			}
			found.DryRun = dryRun
			if !dryRun {
				err = doctorExit(errors.Join(d.Withdraw(cmd.Context(), &found), d.Release(cmd.Context(), &found)))
			}
			return errors.Join(writeFindings(cmd.OutOrStdout(), output, found), err, notWithdrawn(found), notReleased(found))
		},
	}
	kafka.register(cmd)
	temporal.register(cmd)
	file.register(cmd)
	registerOutput(cmd, &output)
	flags := cmd.Flags()
	flags.BoolVar(&dryRun, "dry-run", false, "only say what would be withdrawn")
	flags.BoolVar(&ordersLost, "orders-lost", false, "withdraw although Temporal knows none of the orders: they are lost")
	return cmd
}

// doctorExit chooses the exit code for an error of the doctor.
func doctorExit(err error) error {
	if _, away := errors.AsType[*doctor.UnreachableError](err); away {
		return &exitError{exitUnavailable, err}
	}
	return kafkaExit(err)
}

// notWithdrawn is an error if anything was found that is not withdrawn.
func notWithdrawn(found doctor.Findings) error {
	left := found.NotWithdrawn()
	switch {
	case left == 0:
		return nil
	case found.DryRun:
		return fmt.Errorf("%d of the tickets are not waited for; without --dry-run they are withdrawn", left)
	}
	return fmt.Errorf("%d of the tickets are not withdrawn", left)
}

// notReleased is an error if places were found that are not given back.
func notReleased(found doctor.Findings) error {
	left := found.NotReleased()
	switch {
	case left == 0:
		return nil
	case found.DryRun:
		return fmt.Errorf("%d places in slots are of orders that have ended; without --dry-run they are given back", left)
	}
	return fmt.Errorf("%d places in slots are not given back", left)
}

// writePlaces shows the places that were found.
func writePlaces(w io.Writer, places []doctor.Place) error {
	if len(places) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "PICKUP\tSLOT\tPIECES\tORDER\tGIVEN BACK") // Flush reports
	for _, place := range places {
		back := "no"
		if place.Released {
			back = "yes"
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\n", safeText(place.PickupCode), clock(&place.Slot), place.Pieces, safeText(string(place.Order)), back)
	}
	return table.Flush()
}

// writeFindings shows what was found to people or programs.
func writeFindings(w io.Writer, output string, found doctor.Findings) error {
	if output == outputJSON {
		return writeJSON(w, found, "  ")
	}
	if err := writePlaces(w, found.Places); err != nil {
		return err
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
