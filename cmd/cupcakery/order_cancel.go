package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func newOrderCancelCommand() *cobra.Command {
	var (
		change orderChange
		asked  kitchen.Cancellation
	)
	cmd := &cobra.Command{
		Use:   "cancel CODE|ID",
		Short: "Cancel an order",
		Long: `Cancel an order. What was made is undone, the last stage first; the command
does not wait for that.`,
		Example: `  cupcakery order cancel 0199c0de-7a11-7000-8000-00000000cafe --reason "changed my mind"`,
		Args:    exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return change.run(cmd, args[0], asked, "The order is being cancelled.", sendCancellation)
		},
		ValidArgsFunction: change.completeOrderID,
	}
	change.register(cmd)
	cmd.Flags().StringVar(&asked.Reason, "reason", "", "why, for the people who read it")
	return cmd
}

func sendCancellation(ctx context.Context, apiClient *client.ClientWithResponses, orderID, key, body string) (*kitchen.Status, int, []byte, error) {
	answer, err := apiClient.CancelOrderWithBodyWithResponse(ctx, orderID, &wire.CancelOrderParams{IdempotencyKey: &key}, "application/json", strings.NewReader(body))
	if err != nil {
		return nil, 0, nil, err
	}
	return answer.JSON200, answer.StatusCode(), answer.Body, nil
}
