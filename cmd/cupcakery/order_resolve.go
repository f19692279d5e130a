package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func newOrderResolveCommand() *cobra.Command {
	var (
		change orderChange
		note   string
	)
	cmd := &cobra.Command{
		Use:   "resolve CODE|ID CHOICE",
		Short: "Decide about an order that needs attention",
		Long: `Decide about an order that needs attention; "order get" shows what happened and
which choices there are:

  retry   go on at the same station
  remake  start again from ` + kitchen.StageNames()[0] + `, after undoing what was made
  cancel  cancel the order; while it is being cancelled already, leave what was
          asked about as it is

This is for managers.`,
		Example: `  cupcakery order resolve 0199c0de-7a11-7000-8000-00000000cafe remake --note "start again with the other oven"`,
		Args:    exactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			choice := kitchen.Choice(args[1])
			if faults := (kitchen.Resolution{Choice: choice}).Check(); len(faults) > 0 {
				return &exitError{exitUsage, errors.New(faults[0].Detail)}
			}
			if err := change.askForPIN(cmd); err != nil {
				return err
			}
			return change.run(cmd, args[0], kitchen.Resolution{Choice: choice, Note: note}, "It is decided.", sendResolution)
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) != 1 {
				return change.completeOrderID(cmd, args, typed)
			}
			return startingWith(typed, choiceNames()), cobra.ShellCompDirectiveNoFileComp
		},
	}
	change.register(cmd)
	cmd.Flags().StringVar(&note, "note", "", "why, for the people who read it")
	return cmd
}

func sendResolution(ctx context.Context, apiClient *client.ClientWithResponses, orderID, key, body string) (*kitchen.Status, int, []byte, error) {
	answer, err := apiClient.ResolveOrderWithBodyWithResponse(ctx, orderID, &wire.ResolveOrderParams{IdempotencyKey: &key}, "application/json", strings.NewReader(body))
	if err != nil {
		return nil, 0, nil, err
	}
	return answer.JSON200, answer.StatusCode(), answer.Body, nil
}
