package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	// largestPage is the most orders that the API gives at once.
	largestPage = 200
	// mostLooks is how often a command asks for the next page of a search.
	mostLooks = 10
)

func newOrderListCommand() *cobra.Command {
	var (
		settings orderSettings
		filters  listFilters
		limit    int
		wide     bool
		watch    bool
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List orders by state, station and other filters",
		Long: `List orders: open ones first, then closed ones, the newest of each first. With
--stage those that have been in the stage's queue longest come first. All filters
must match. A change takes a second or so to show. Below the orders stand the
questions that managers are asked about them, those of one kind together, with
the command that decides them. This is for staff.

The list fits 80 columns, or the terminal; --wide shows all of it. With --watch it
is kept up to date: on a terminal as a screen, in a pipe with a line for each
change, and with -o json with the whole order on a line for each. Ctrl-C ends it.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 1 {
				return &exitError{exitUsage, fmt.Errorf("--limit %d: give a number from 1", limit)}
			}
			apiClient, err := settings.connectAsStaff(cmd)
			if err != nil {
				return err
			}
			if watch {
				list := func(ctx context.Context) (wire.OrderPage, error) {
					page, err := settings.list(ctx, apiClient, filters.params(cmd), limit)
					if settings.output != outputJSON {
						settings.dueAtTheBakery(ctx, apiClient, page.Orders)
					}
					return page, err
				}
				return settings.watchOrders(cmd, apiClient, list, wide)
			}
			page, err := settings.list(cmd.Context(), apiClient, filters.params(cmd), limit)
			if err != nil {
				return err
			}
			if settings.output == outputJSON {
				return writeJSON(cmd.OutOrStdout(), page, "  ")
			}
			if behind := page.Behind; !behind.Since.IsZero() {
				cmd.PrintErrf("Stages and who has what in hand may be out of date since %s: the API has not read the log in Kafka to its end.\n", clock(&behind.Since))
			}
			settings.dueAtTheBakery(cmd.Context(), apiClient, page.Orders)
			if err := writeOrders(cmd.OutOrStdout(), page.Orders, wide); err != nil {
				return err
			}
			if groups := groupQuestions(page.Orders); len(groups) > 0 {
				if _, err := fmt.Fprintln(cmd.OutOrStdout()); err != nil {
					return err
				}
				if err := writeQuestions(cmd.OutOrStdout(), groups, true); err != nil {
					return err
				}
			}
			switch {
			case len(page.Orders) == 0:
				cmd.PrintErrln("No order matches.")
			case page.NextPageToken != "":
				cmd.PrintErrf("There are more: raise --limit, or go on with --page-token %s\n", safeText(page.NextPageToken))
			}
			return nil
		},
	}
	settings.register(cmd)
	settings.registerStaff(cmd)
	flags := cmd.Flags()
	flags.StringVar(&filters.state, "state", "", "only orders in this state: scheduled, in-progress, needs-attention, cancelling, cancelled or shipped")
	flags.StringVar(&filters.stage, "stage", "", "only orders whose open ticket, to make or to undo, is at this stage")
	flags.StringVar(&filters.flavour, "flavour", "", "only orders with this flavour, by its code on the menu")
	flags.StringVar(&filters.customer, "customer", "", "only orders of customers with this in their name, without regard to case and accents; or with this pickup code")
	flags.StringVar(&filters.pickupCode, "pickup-code", "", "only orders with this pickup code")
	flags.IntVar(&limit, "limit", 50, "how many orders at most")
	flags.BoolVar(&wide, "wide", false, "show all of every order, however many columns that takes")
	flags.BoolVar(&watch, "watch", false, "keep the list up to date until Ctrl-C")
	flags.StringVar(&filters.pageToken, "page-token", "", "go on after a list before, with the same filters")
	complete(cmd, "state", func(string) []string {
		return []string{string(kitchen.StateScheduled), string(kitchen.StateInProgress), string(kitchen.StateNeedsAttention), string(kitchen.StateCancelling), string(kitchen.StateCancelled), string(kitchen.StateShipped)}
	})
	complete(cmd, "stage", func(string) []string { return kitchen.StageNames() })
	complete(cmd, "flavour", func(string) []string { return settings.flavours(cmd) })
	return cmd
}

// listFilters are the flags that say which orders are wanted.
type listFilters struct {
	state      string
	stage      string
	flavour    string
	customer   string
	pickupCode string
	pageToken  string
}

// params has the filters that were given; an empty one is for the API to
// refuse, so that a script's unset variable does not find everything.
func (f listFilters) params(cmd *cobra.Command) wire.ListOrdersParams {
	var params wire.ListOrdersParams
	given := cmd.Flags().Changed
	if given("state") {
		params.State = new(kitchen.OrderState(f.state))
	}
	if given("stage") {
		params.Stage = new(kitchen.Stage(f.stage))
	}
	if given("flavour") {
		params.Flavour = &f.flavour
	}
	if given("customer") {
		params.Q = &f.customer
	}
	if given("pickup-code") {
		params.PickupCode = &f.pickupCode
	}
	if given("page-token") {
		params.PageToken = &f.pageToken
	}
	return params
}

// list collects pages until it has as many orders as asked for.
func (s *orderSettings) list(ctx context.Context, apiClient *client.ClientWithResponses, filters wire.ListOrdersParams, limit int) (wire.OrderPage, error) {
	collected := wire.OrderPage{Orders: []wire.OrderSummary{}}
	for looks := 1; ; looks++ {
		filters.Limit = new(min(limit-len(collected.Orders), largestPage))
		answer, err := apiClient.ListOrdersWithResponse(ctx, &filters)
		if err != nil {
			return collected, s.unreachable(err)
		}
		if answer.JSON200 == nil {
			return collected, refusal(answer.StatusCode(), answer.Body)
		}
		collected.Orders = append(collected.Orders, answer.JSON200.Orders...)
		collected.Behind = cmp.Or(collected.Behind, answer.JSON200.Behind)
		collected.NextPageToken = answer.JSON200.NextPageToken
		isSearch := filters.Q != nil || filters.Day != nil // each look is at a part of the orders, and few of them may match
		if collected.NextPageToken == "" || len(collected.Orders) >= limit || isSearch && looks == mostLooks {
			return collected, nil
		}
		filters.PageToken = new(collected.NextPageToken)
	}
}

// orderTotal is what an order in a list costs.
func orderTotal(order wire.OrderSummary) string {
	if order.Total == nil {
		return "-"
	}
	return safeText(order.Total.String())
}

// inHandWords are who has an order in hand, for people.
func inHandWords(inHand wire.InHand) string {
	switch {
	case inHand.By == "":
		return "-"
	case inHand.Since.IsZero():
		return safeText(inHand.By)
	}
	return safeText(inHand.By) + " since " + clock(&inHand.Since)
}
