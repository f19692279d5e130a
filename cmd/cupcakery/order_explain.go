package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func newOrderExplainCommand() *cobra.Command {
	var settings orderSettings
	cmd := &cobra.Command{
		Use:   "explain CODE|ID",
		Short: "Tell what happened to an order, what it waits for and why it is late",
		Long: `Tell everything that happened to an order, what it waits for and, if it is late,
why. This is for staff.`,
		Example: `  cupcakery order explain K7QF`,
		Args:    exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := settings.askForPIN(cmd); err != nil {
				return err
			}
			apiClient, id, err := settings.connectFor(cmd, args[0], anyState)
			if err != nil {
				return err
			}
			answer, err := apiClient.ExplainOrderWithResponse(cmd.Context(), id)
			if err != nil {
				return settings.unreachable(err)
			}
			if answer.JSON200 == nil {
				return refusal(answer.StatusCode(), answer.Body)
			}
			if settings.output == outputJSON {
				return writeJSON(cmd.OutOrStdout(), answer.JSON200, "  ")
			}
			if behind := answer.JSON200.Behind; !behind.Since.IsZero() {
				cmd.PrintErrf("What stations do may be out of date since %s: the API has not read the log in Kafka to its end.\n", clock(&behind.Since))
			}
			return writeExplanation(cmd.OutOrStdout(), *answer.JSON200)
		},
		ValidArgsFunction: settings.completeOrderID,
	}
	settings.register(cmd)
	settings.registerStaff(cmd)
	return cmd
}

// writeExplanation tells people what is known of an order.
func writeExplanation(w io.Writer, explained wire.OrderExplanation) error {
	var text strings.Builder
	order := explained.Order
	head := []string{order.PickupCode, order.Customer.Name, piecesWords(kitchen.Order{Lines: order.Lines}.Pieces()), string(order.State)}
	if order.Phone != "" {
		head = append(head, order.Phone)
	}
	if total := totalWords(order); total != "" {
		head = append(head, total)
	}
	fmt.Fprintf(&text, "%s\n\n", safeText(strings.Join(head, " · ")))
	if explained.Late.Text != "" {
		fmt.Fprintf(&text, "%s\n", safeText(explained.Late.Text))
	} else {
		fmt.Fprintf(&text, "%s\n", safeText(explained.Waiting.Text))
	}
	text.WriteString("\n")
	if explained.Incomplete {
		text.WriteString("  ... its beginning is left out\n")
	}
	for _, happened := range explained.Happened {
		fmt.Fprintf(&text, "  %s  %s\n", clock(&happened.At), safeText(happened.Text))
	}
	if explained.TemporalURL != "" {
		fmt.Fprintf(&text, "\n%s\n", safeText(explained.TemporalURL))
	}
	_, err := io.WriteString(w, text.String())
	return err
}

func piecesWords(n int) string {
	if n == 1 {
		return "1 cupcake"
	}
	return fmt.Sprintf("%d cupcakes", n)
}
