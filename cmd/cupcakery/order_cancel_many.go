package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func newOrderCancelManyCommand() *cobra.Command {
	var many cancelMany
	cmd := &cobra.Command{
		Use:   "cancel-many",
		Short: "Cancel many orders by a filter",
		Long: `Cancel all open orders that match every filter, as "cancel" does each: what was
made is undone. It says how many that are and asks before it begins; orders that
are placed after that are left alone. This is for managers.`,
		Example: `  cupcakery order cancel-many --min-pieces 5000 --placed-after 2h --reason "nobody will come for these" --dry-run
  cupcakery order cancel-many --customer "Flood" --reason "nobody will come for these"`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return many.run(cmd) },
	}
	many.register(cmd)
	many.registerStaff(cmd)
	flags := cmd.Flags()
	flags.StringVar(&many.state, "state", "", "only orders in this state: scheduled, in-progress or needs-attention")
	flags.StringVar(&many.where.Flavour, "flavour", "", "only orders with this flavour, by its code on the menu")
	flags.StringVar(&many.where.Customer, "customer", "", "only orders of the customer with this whole name")
	flags.IntVar(&many.where.MinPieces, "min-pieces", 0, "only orders for at least this many cupcakes")
	flags.StringVar(&many.after, "placed-after", "", "only orders placed after this time, such as 2026-01-31T12:00:00Z, or 2h for two hours ago")
	flags.StringVar(&many.before, "placed-before", "", "only orders placed before this time")
	flags.StringVar(&many.reason, "reason", "", "why, for the people who read it; needed")
	flags.BoolVar(&many.dryRun, "dry-run", false, "only say how many orders match")
	flags.BoolVar(&many.yes, "yes", false, "do not ask before cancelling")
	flags.StringVar(&many.key, "idempotency-key", "", "16 to 128 printable characters; under the same key no order is asked twice (default: a fresh one)")
	complete(cmd, "state", func(string) []string {
		return []string{string(kitchen.StateScheduled), string(kitchen.StateInProgress), string(kitchen.StateNeedsAttention)}
	})
	complete(cmd, "flavour", func(string) []string { return many.flavours(cmd) })
	return cmd
}

// cancelMany are the settings of the command that cancels many orders.
type cancelMany struct {
	orderSettings
	where                wire.OrderFilter
	state, after, before string
	reason, key          string
	dryRun, yes          bool
}

// manyCancelled is what has become of all pages.
type manyCancelled struct {
	Matched   int                 `json:"matched"`
	Cancelled int                 `json:"cancelled"`
	Failed    []wire.NotCancelled `json:"failed"`
}

func (m *cancelMany) run(cmd *cobra.Command) error {
	if err := m.check(cmd, time.Now()); err != nil {
		return err
	}
	if err := m.askForPIN(cmd); err != nil {
		return err
	}
	apiClient, err := m.connect()
	if err != nil {
		return err
	}
	all, err := m.eachPage(cmd, apiClient, true)
	if err != nil {
		return err
	}
	if m.dryRun || all.Matched == 0 {
		return m.show(cmd, all, orders(all.Matched, "match", "matches")+".")
	}
	if !m.yes {
		if err := confirm(cmd, fmt.Sprintf("Cancel %s? Type yes: ", orders(all.Matched, "", "")), "nothing was cancelled"); err != nil {
			return err
		}
	}
	if all, err = m.eachPage(cmd, apiClient, false); err != nil {
		return err
	}
	if err := m.show(cmd, all, orders(all.Cancelled, "are being cancelled", "is being cancelled")+"."); err != nil {
		return err
	}
	if len(all.Failed) > 0 {
		return &exitError{exitFailed, fmt.Errorf("%s cancelled: to ask again, repeat the command with --idempotency-key %s --placed-before %s; no order is cancelled twice",
			orders(len(all.Failed), "could not be", "could not be"), m.key, m.where.PlacedBefore)}
	}
	return nil
}

// orders writes a number of orders as words, followed by a verb.
func orders(count int, many, one string) string {
	if count == 1 {
		return strings.TrimSpace("1 order " + one)
	}
	return strings.TrimSpace(fmt.Sprintf("%d orders %s", count, many))
}

// confirm asks on standard error, so that standard output has the result only.
// If the answer is not yes, the error says what was not done.
func confirm(cmd *cobra.Command, question, notDone string) error {
	cmd.PrintErr(question)
	answer, err := bufio.NewReader(io.LimitReader(cmd.InOrStdin(), 100)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the answer: %w", err)
	}
	if strings.TrimSpace(answer) != "yes" {
		return &exitError{exitRefused, errors.New(notDone + "; where nobody can answer, add --yes")}
	}
	return nil
}

// check reads the flags. Orders that are placed from now on are left alone.
func (m *cancelMany) check(cmd *cobra.Command, now time.Time) error {
	given := cmd.Flags().Changed
	filtered := false
	for _, flag := range []string{"state", "flavour", "customer", "min-pieces", "placed-after", "placed-before"} {
		if !given(flag) {
			continue
		}
		filtered = true
		if value := cmd.Flag(flag).Value.String(); value == "" || value == "0" {
			return &exitError{exitUsage, fmt.Errorf("--%s is empty: give a value, or leave the flag out", flag)}
		}
	}
	if !filtered {
		return &exitError{exitUsage, errors.New("which orders? Give at least one of --state, --flavour, --customer, --min-pieces, --placed-after and --placed-before")}
	}
	if strings.TrimSpace(m.reason) == "" {
		return &exitError{exitUsage, errors.New("why? Give --reason, for the people who read it")}
	}
	m.where.State = kitchen.OrderState(m.state)
	if m.before == "" {
		m.before = now.Format(time.RFC3339Nano)
	}
	var errAfter, errBefore error
	m.where.PlacedAfter, errAfter = timeOf("placed-after", m.after, now)
	m.where.PlacedBefore, errBefore = timeOf("placed-before", m.before, now)
	if m.key == "" {
		m.key = uuid.NewString()
	}
	return errors.Join(errAfter, errBefore)
}

// timeOf reads a time, or how long ago it was.
func timeOf(flag, text string, now time.Time) (string, error) {
	if text == "" {
		return "", nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		ago, notAgo := time.ParseDuration(text)
		if notAgo != nil || ago < 0 {
			return "", &exitError{exitUsage, fmt.Errorf("--%s %q: give a time with its zone, such as 2026-01-31T12:00:00Z, or how long ago, such as 90m", flag, text)}
		}
		at = now.Add(-ago)
	}
	return at.UTC().Format(time.RFC3339Nano), nil
}

// eachPage goes through all orders that match, and cancels them unless it is a
// dry run.
func (m *cancelMany) eachPage(cmd *cobra.Command, apiClient *client.ClientWithResponses, dryRun bool) (manyCancelled, error) {
	all := manyCancelled{Failed: []wire.NotCancelled{}}
	asked := wire.ManyCancellation{Where: m.where, Reason: m.reason, DryRun: dryRun}
	if dryRun {
		asked.Limit = 100
	}
	for {
		page, err := untilAnswered(cmd, &m.orderSettings, keyedRequest[wire.CancelledOrders]{
			key: m.key, what: "the same request", unknown: "all were cancelled", once: "each is cancelled once",
			send: func(ctx context.Context) (*wire.CancelledOrders, int, []byte, error) {
				answer, err := apiClient.CancelOrdersWithResponse(ctx, &wire.CancelOrdersParams{IdempotencyKey: &m.key}, asked)
				if err != nil {
					return nil, 0, nil, err
				}
				return answer.JSON200, answer.StatusCode(), answer.Body, nil
			},
		})
		if err != nil {
			if all.Cancelled > 0 {
				cmd.PrintErrln(orders(all.Cancelled, "are being cancelled", "is being cancelled") + " so far.")
			}
			return all, err
		}
		all.Matched += page.Matched
		all.Cancelled += page.Cancelled
		cancelled, failed := m.askAgain(cmd.Context(), apiClient, page.Failed)
		all.Cancelled += cancelled
		all.Failed = append(all.Failed, failed...)
		if page.NextPageToken == "" {
			return all, nil
		}
		asked.PageToken = page.NextPageToken
	}
}

// askAgain asks once more those orders of a page that may have an answer now,
// each by itself: orders that were cancelled have left the list, so the page
// would be another one. The key is the same, so none is cancelled twice. Once
// two in a row do not answer no more are asked.
func (m *cancelMany) askAgain(ctx context.Context, apiClient *client.ClientWithResponses, orders []wire.NotCancelled) (cancelled int, failed []wire.NotCancelled) {
	silent := 0
	for _, order := range orders {
		if !order.AskAgain || silent >= 2 {
			failed = append(failed, order)
			continue
		}
		answer, err := apiClient.CancelOrderWithResponse(ctx, order.ID, &wire.CancelOrderParams{IdempotencyKey: &m.key}, kitchen.Cancellation{Reason: m.reason})
		switch {
		case err == nil && answer.JSON200 != nil:
			cancelled, silent = cancelled+1, 0
			continue
		case err == nil && answer.StatusCode() < http.StatusInternalServerError:
			order.Detail, order.AskAgain, silent = refusal(answer.StatusCode(), answer.Body).Error(), false, 0
		default:
			silent++
		}
		failed = append(failed, order)
	}
	return cancelled, failed
}

func (m *cancelMany) show(cmd *cobra.Command, all manyCancelled, words string) error {
	if m.output == outputJSON {
		return writeJSON(cmd.OutOrStdout(), all, "  ")
	}
	for _, order := range all.Failed {
		if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s  %s  %s\n", safeText(order.PickupCode), safeText(order.ID), safeText(order.Detail)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), words)
	return err
}
