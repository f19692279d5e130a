package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func newOrderAmendCommand() *cobra.Command {
	var (
		change   orderChange
		notes    string
		phone    string
		messages []string
	)
	cmd := &cobra.Command{
		Use:   "amend CODE|ID",
		Short: "Change an order's notes, messages and phone number",
		Long: `Change an order's notes, the messages piped onto its cupcakes, and as a member of
the staff (--as) where to call its customer. What is left out stays as it is. The
order's lines are counted from 0, as in the JSON of "order get -o json".`,
		Example: `  cupcakery order amend 0199c0de-7a11-7000-8000-00000000cafe --message 0:"Happy 41st"
  cupcakery order amend 0199c0de-7a11-7000-8000-00000000cafe --notes ""
  cupcakery order amend K7QF --phone "+49 30 5550123" --as max`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var asked kitchen.Amendment
			if cmd.Flags().Changed("notes") {
				asked.Notes = &notes
			}
			if cmd.Flags().Changed("phone") {
				asked.Phone = &phone
			}
			var faults []error
			for _, text := range messages {
				message, err := parseMessage(text)
				if err != nil {
					faults = append(faults, err)
				}
				asked.Messages = append(asked.Messages, message)
			}
			if !asked.ChangesTexts() && asked.Phone == nil {
				faults = append(faults, errors.New("nothing is changed: give --notes, --message or --phone"))
			}
			if len(faults) > 0 {
				return &exitError{exitUsage, errors.Join(faults...)}
			}
			return change.run(cmd, args[0], asked, "The order is changed.", sendAmendment)
		},
		ValidArgsFunction: change.completeOrderID,
	}
	change.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&notes, "notes", "", "for the people who make and hand out the order; empty removes them")
	flags.StringVar(&phone, "phone", "", "where to call the customer, for staff; empty removes the number")
	flags.StringArrayVar(&messages, "message", nil, "such as 0:TEXT for the first line, nothing after the colon for no message; may be given several times")
	return cmd
}

// parseMessage reads LINE:TEXT. Which lines there are is for the API to say.
func parseMessage(text string) (kitchen.LineMessage, error) {
	number, message, found := strings.Cut(text, ":")
	line, err := strconv.Atoi(strings.TrimSpace(number))
	if !found || err != nil || line < 0 {
		return kitchen.LineMessage{}, fmt.Errorf("--message %q: write LINE:TEXT with the line's number, counted from 0, such as 0:Happy 41st", text)
	}
	return kitchen.LineMessage{Line: line, Message: message}, nil
}

func sendAmendment(ctx context.Context, apiClient *client.ClientWithResponses, orderID, key, body string) (*kitchen.Status, int, []byte, error) {
	answer, err := apiClient.AmendOrderWithBodyWithResponse(ctx, orderID, &wire.AmendOrderParams{IdempotencyKey: &key}, "application/json", strings.NewReader(body))
	if err != nil {
		return nil, 0, nil, err
	}
	return answer.JSON200, answer.StatusCode(), answer.Body, nil
}
