package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func newOrderRushCommand() *cobra.Command {
	var (
		call   staffCall
		reason string
	)
	cmd := &cobra.Command{
		Use:   "rush CODE|ID",
		Short: "Let an order go before others, or take that back",
		Long: `Let an open order go before others, by its pickup code or its id. Each board shows
that at the order's tickets, with the reason, and lists them first. It ends with the
order, or with --back. This is for staff.`,
		Example: `  cupcakery order rush K7QF --reason "the bride is at the door"
  cupcakery order rush K7QF --back`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if reason == "" && !call.back {
				return &exitError{exitUsage, errors.New("give --reason: whoever has to wait wants to know why")}
			}
			done := "The order goes first."
			if call.back {
				done = "The order waits for its turn again."
			}
			return call.run(cmd, done, func(ctx context.Context, apiClient *client.ClientWithResponses) (answered, error) {
				id, failed, err := findByCode(ctx, apiClient, args[0], func(state kitchen.OrderState) bool { return !state.IsFinal() })
				if id == "" {
					return failed, err
				}
				if call.back {
					answer, err := apiClient.TakeBackRushWithResponse(ctx, id)
					if err != nil {
						return answered{}, err
					}
					return answered{status: answer.StatusCode(), body: answer.Body}, nil
				}
				answer, err := apiClient.RushOrderWithResponse(ctx, id, wire.RushRequest{Reason: reason})
				if err != nil {
					return answered{}, err
				}
				return answered{status: answer.StatusCode(), body: answer.Body}, nil
			})
		},
		ValidArgsFunction: call.completeOrderID,
	}
	call.register(cmd, "the order waits for its turn again")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the people who read it")
	return cmd
}

func newOrderCollectedCommand() *cobra.Command {
	var call staffCall
	cmd := &cobra.Command{
		Use:   "collected CODE|ID",
		Short: "Say that an order was collected, or take that back",
		Long: `Say that an order was collected, by its pickup code or its id. The counter's display
and the list of ready orders forget it. This is for staff.`,
		Example: `  cupcakery order collected K7QF
  cupcakery order collected K7QF --back`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			done := "The order is collected."
			if call.back {
				done = "The order waits to be collected."
			}
			return call.run(cmd, done, func(ctx context.Context, apiClient *client.ClientWithResponses) (answered, error) {
				id, failed, err := findByCode(ctx, apiClient, args[0], func(state kitchen.OrderState) bool { return state == kitchen.StateShipped })
				if id == "" {
					return failed, err
				}
				if call.back {
					answer, err := apiClient.TakeBackCollectedWithResponse(ctx, id)
					if err != nil {
						return answered{}, err
					}
					return answered{status: answer.StatusCode(), body: answer.Body}, nil
				}
				answer, err := apiClient.CollectOrderWithResponse(ctx, id)
				if err != nil {
					return answered{}, err
				}
				return answered{status: answer.StatusCode(), body: answer.Body}, nil
			})
		},
		ValidArgsFunction: call.completeOrderID,
	}
	call.register(cmd, "it was not collected after all")
	return cmd
}

var errNoSuchOrder = errors.New("no such order")

// findByCode is the id of the order that somebody calls by its id or its pickup code,
// among those whose state suits. Without one there is an answer of the API that
// refuses, or an error.
func findByCode(ctx context.Context, apiClient *client.ClientWithResponses, called string, suits func(kitchen.OrderState) bool) (string, answered, error) {
	if kitchen.CheckOrderID(called) == nil {
		return called, answered{}, nil
	}
	answer, err := apiClient.ListOrdersWithResponse(ctx, &wire.ListOrdersParams{PickupCode: &called})
	if err != nil {
		return "", answered{}, err
	}
	if answer.JSON200 == nil {
		return "", answered{status: answer.StatusCode(), body: answer.Body}, nil
	}
	var found []string
	for _, order := range answer.JSON200.Orders {
		if suits(order.State) {
			found = append(found, order.ID)
		}
	}
	switch len(found) {
	case 0:
		return "", answered{}, &exitError{exitRefused, fmt.Errorf("%w has the pickup code %s: look at cupcakery order list --pickup-code %s", errNoSuchOrder, strings.ToUpper(safeText(called)), safeText(called))}
	case 1:
		return found[0], answered{}, nil
	}
	return "", answered{}, &exitError{exitUsage, fmt.Errorf("several orders have this pickup code, give the id instead: %s", strings.Join(found, ", "))}
}

// mostReady is the most that the API lists of what is ready.
const mostReady = 200

func newOrderReadyCommand() *cobra.Command {
	var settings orderSettings
	cmd := &cobra.Command{
		Use:   "ready",
		Short: "List the orders that are ready and were not collected",
		Long: `List the orders of the last 24 hours that are ready and were not collected, the
oldest first: at closing, for example. This is for staff.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return staffReport[wire.ReadyOrders]{
				ask: func(ctx context.Context, apiClient *client.ClientWithResponses) (*wire.ReadyOrders, answered, error) {
					answer, err := apiClient.ListReadyWithResponse(ctx, &wire.ListReadyParams{Limit: new(mostReady)})
					if err != nil {
						return nil, answered{}, err
					}
					return answer.JSON200, answered{status: answer.StatusCode(), body: answer.Body}, nil
				},
				behind: func(ready *wire.ReadyOrders) wire.Behind { return ready.Behind },
				write: func(w io.Writer, ready *wire.ReadyOrders) error {
					if more := ready.Count - len(ready.Orders); more > 0 {
						defer cmd.PrintErrf("There are %d more.\n", more)
					}
					return writeReady(w, ready.Orders)
				},
			}.show(cmd, &settings)
		},
	}
	settings.register(cmd)
	settings.registerStaff(cmd)
	return cmd
}

func writeReady(w io.Writer, orders []wire.ReadyOrder) error {
	if len(orders) == 0 {
		_, err := fmt.Fprintln(w, "Everything that is ready was collected.")
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, err := fmt.Fprintln(table, "CODE\tNAME\tPIECES\tREADY SINCE")
	for _, order := range orders {
		_, rowErr := fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", safeText(order.PickupCode), safeText(order.Name), order.Pieces, clock(&order.Since))
		err = errors.Join(err, rowErr)
	}
	return errors.Join(err, table.Flush())
}
