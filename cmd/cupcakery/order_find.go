package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// foundNameLength is how much of a name a list of found orders shows, and
// foundNameBesidePhone what is left of that beside the end of a phone number.
const foundNameLength, foundNameBesidePhone = 20, 13

// foundPhoneDigits is how much of the end of a phone number is shown there.
const foundPhoneDigits = 4

func newOrderFindCommand() *cobra.Command {
	var (
		settings         orderSettings
		limit            int
		state, day, from string
	)
	cmd := &cobra.Command{
		Use:   "find TEXT...",
		Short: "Find orders by a name, a pickup code or the end of a phone number",
		Long: `Find orders by a pickup code, by parts of the customer's name, without regard to
case and accents, or by the last 3 to 6 digits of their phone number; open ones
first, then closed ones, the newest of each first. What is found is called by its
code: cupcakery order explain K7QF. This is for staff.`,
		Example: `  cupcakery order find bjorn
  cupcakery order find 0123
  cupcakery order find lee --day today --state shipped`,
		Args: someArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 {
				return &exitError{exitUsage, fmt.Errorf("--limit %d: give a number from 1", limit)}
			}
			filters := wire.ListOrdersParams{Q: new(strings.Join(args, " "))}
			if cmd.Flags().Changed("state") {
				filters.State = new(kitchen.OrderState(state))
			}
			if cmd.Flags().Changed("day") {
				filters.Day = &day
			}
			if cmd.Flags().Changed("page-token") {
				filters.PageToken = &from
			}
			if err := settings.askForPIN(cmd); err != nil {
				return err
			}
			apiClient, err := settings.connect()
			if err != nil {
				return err
			}
			page, err := settings.list(cmd.Context(), apiClient, filters, limit)
			if err != nil {
				return err
			}
			if settings.output == outputJSON {
				return writeJSON(cmd.OutOrStdout(), page, "  ")
			}
			settings.dueAtTheBakery(cmd.Context(), apiClient, page.Orders)
			err = writeFound(cmd.OutOrStdout(), page.Orders)
			switch {
			case page.NextPageToken != "":
				cmd.PrintErrf("There may be more: go on with --page-token %s\n", safeText(page.NextPageToken))
			case len(page.Orders) == 0:
				cmd.PrintErrln("No order matches.")
			}
			return err
		},
	}
	settings.register(cmd)
	settings.registerStaff(cmd)
	flags := cmd.Flags()
	flags.StringVar(&state, "state", "", "only orders in this state: scheduled, in-progress, needs-attention, cancelling, cancelled or shipped")
	flags.StringVar(&day, "day", "", "only orders to be fetched on this day, such as 2026-11-28, or today; one for as soon as possible belongs to the day on which it was placed")
	flags.IntVar(&limit, "limit", 20, "how many orders at most")
	flags.StringVar(&from, "page-token", "", "go on after a search before, with the same text and filters")
	complete(cmd, "state", func(string) []string {
		return []string{string(kitchen.StateScheduled), string(kitchen.StateInProgress), string(kitchen.StateNeedsAttention), string(kitchen.StateCancelling), string(kitchen.StateCancelled), string(kitchen.StateShipped)}
	})
	complete(cmd, "day", func(string) []string { return []string{"today"} })
	return cmd
}

// writeFound lists orders so that a line fits on a terminal.
func writeFound(w io.Writer, orders []wire.OrderSummary) error {
	if len(orders) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	hasPhone := slices.ContainsFunc(orders, func(order wire.OrderSummary) bool { return order.Phone != "" })
	heading, nameLength := "", foundNameLength
	if hasPhone {
		heading, nameLength = "PHONE\t", foundNameBesidePhone
	}
	_, err := fmt.Fprintf(table, "CODE\tNAME\t%sPIECES\tSTATE\tFOR\n", heading)
	for _, order := range orders {
		when := dueClock(&order.DueAt, time.Now())
		if order.DueAt.IsZero() {
			when = "asap, " + clock(&order.PlacedAt)
		}
		state, _ := orderState(order.State)
		if order.State == kitchen.StateInProgress && order.Stage != "" {
			state = string(order.Stage)
		}
		name := []rune(safeText(order.Customer.Name))
		if len(name) > nameLength {
			name = append(name[:nameLength-1], '…')
		}
		phone := ""
		if hasPhone {
			phone = phoneEnd(safeText(order.Phone)) + "\t"
		}
		_, rowErr := fmt.Fprintf(table, "%s\t%s\t%s%d\t%s\t%s\n", safeText(order.PickupCode), string(name), phone, order.Pieces, safeText(state), when)
		err = errors.Join(err, rowErr)
	}
	return errors.Join(err, table.Flush())
}

// phoneEnd is the end of a phone number, by which a caller is known.
func phoneEnd(phone string) string {
	if phone == "" {
		return "-"
	}
	return "…" + phone[max(0, len(phone)-foundPhoneDigits):]
}
