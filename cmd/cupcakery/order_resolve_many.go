package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	// resolveAtOnce is how many orders are decided about at the same time.
	resolveAtOnce = 8
	// maxSilent is how many orders in a row may give no answer before no more are
	// asked.
	maxSilent = 2
)

func newOrderResolveManyCommand() *cobra.Command {
	var many resolveMany
	cmd := &cobra.Command{
		Use:   "resolve-many",
		Short: "Decide about all questions of one kind",
		Long: `Decide about all orders that are asked about for the same cause, as "resolve"
does each. "order list --state needs-attention" shows the kinds. It says what
matches and asks before it begins. Each question is decided as it was found: an
order that somebody else has decided about meanwhile, or that has another
question by then, is left alone. This is for managers.`,
		Example: `  cupcakery order resolve-many --cause silent --stage mix --by Mia --choice retry
  cupcakery order resolve-many --cause failed --stage bake --reason burnt --choice cancel --note "the oven is broken" --dry-run`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return many.run(cmd) },
	}
	many.register(cmd)
	many.registerStaff(cmd)
	flags := cmd.Flags()
	flags.StringVar(&many.cause, "cause", "", "only questions of this cause: "+strings.Join(causeNames(), ", "))
	flags.StringVar(&many.stage, "stage", "", "only questions about this stage")
	flags.BoolVar(&many.kind.undoing, "undoing", false, "questions about undoing work, which are never decided together with those about making it")
	flags.StringVar(&many.kind.by, "by", "", "only questions about whoever went silent or reported the failure under this name")
	flags.StringVar(&many.kind.reason, "reason", "", "only questions about failures with this reason, by its code in the kitchen file")
	flags.StringVar(&many.choice, "choice", "", "retry, remake or cancel; needed")
	flags.StringVar(&many.note, "note", "", "why, for the people who read it")
	flags.BoolVar(&many.dryRun, "dry-run", false, "only say which questions match")
	flags.BoolVar(&many.yes, "yes", false, "do not ask before deciding")
	flags.StringVar(&many.key, "idempotency-key", "", "16 to 128 printable characters; under the same key no order is decided twice (default: a fresh one)")
	complete(cmd, "cause", func(string) []string { return causeNames() })
	complete(cmd, "stage", func(string) []string { return kitchen.StageNames() })
	complete(cmd, "choice", func(string) []string { return choiceNames() })
	return cmd
}

func causeNames() []string {
	var names []string
	for _, cause := range kitchen.AttentionCauses() {
		names = append(names, string(cause))
	}
	return names
}

func choiceNames() []string {
	var names []string
	for _, choice := range kitchen.Choices() {
		names = append(names, string(choice))
	}
	return names
}

// resolveMany are the settings of the command that decides about many orders.
type resolveMany struct {
	orderSettings
	cause, stage, choice, note, key string
	kind                            questionKind
	dryRun, yes                     bool
}

// fate is what has become of one order.
type fate string

// The fates.
const (
	fateMatches   fate = "matches"   // in a dry run
	fateDecided   fate = "decided"   // by this command
	fateMeanwhile fate = "meanwhile" // somebody else was first, or the question has gone
	fateFailed    fate = "failed"
)

// decidedOrder is one order of many, with what has become of it.
type decidedOrder struct {
	ID         string `json:"id"`
	PickupCode string `json:"pickupCode"`
	Outcome    fate   `json:"outcome"`
	// Detail says why, for people.
	Detail string `json:"detail,omitempty"`
}

// manyDecided is what has become of all orders that match.
type manyDecided struct {
	Matched   int            `json:"matched"`
	Decided   int            `json:"decided"`
	Meanwhile int            `json:"meanwhile"`
	Failed    int            `json:"failed"`
	Orders    []decidedOrder `json:"orders"`
}

func (m *resolveMany) run(cmd *cobra.Command) error {
	if err := m.check(cmd); err != nil {
		return err
	}
	if err := m.askForPIN(cmd); err != nil {
		return err
	}
	apiClient, err := m.connect()
	if err != nil {
		return err
	}
	matching, err := m.find(cmd.Context(), apiClient)
	if err != nil {
		return err
	}
	all := manyDecided{Matched: len(matching), Orders: []decidedOrder{}}
	if m.dryRun || len(matching) == 0 {
		for _, order := range matching {
			all.Orders = append(all.Orders, decidedOrder{ID: order.ID, PickupCode: order.PickupCode, Outcome: fateMatches})
		}
		return m.show(cmd, all)
	}
	if !m.yes {
		if err := writeQuestions(cmd.ErrOrStderr(), groupQuestions(matching), false); err != nil {
			return err
		}
		if err := confirm(cmd, fmt.Sprintf("Decide %s for %s? Type yes: ", m.choice, orders(len(matching), "", "")), "nothing was decided"); err != nil {
			return err
		}
	}
	all.Orders = m.decideEach(cmd.Context(), apiClient, matching)
	for _, order := range all.Orders {
		switch order.Outcome {
		case fateDecided:
			all.Decided++
		case fateMeanwhile:
			all.Meanwhile++
		case fateMatches, fateFailed:
			all.Failed++
		}
	}
	if err := m.show(cmd, all); err != nil {
		return err
	}
	if all.Failed > 0 {
		return &exitError{exitFailed, fmt.Errorf("%s decided: to ask again, repeat the command with --idempotency-key %s; no order is decided twice",
			orders(all.Failed, "could not be", "could not be"), m.key)}
	}
	return nil
}

// check reads the flags.
func (m *resolveMany) check(cmd *cobra.Command) error {
	filtered := false
	for _, flag := range []string{"cause", "stage", "by", "reason"} {
		if !cmd.Flags().Changed(flag) {
			continue
		}
		filtered = true
		if cmd.Flag(flag).Value.String() == "" {
			return &exitError{exitUsage, fmt.Errorf("--%s is empty: give a value, or leave the flag out", flag)}
		}
	}
	if !filtered {
		return &exitError{exitUsage, errors.New("which questions? Give at least one of --cause, --stage, --by and --reason")}
	}
	if m.cause != "" && !slices.Contains(causeNames(), m.cause) {
		return &exitError{exitUsage, fmt.Errorf("--cause %q: use one of %s", m.cause, strings.Join(causeNames(), ", "))}
	}
	m.kind.cause = kitchen.AttentionCause(m.cause)
	m.kind.undoing = m.kind.undoing || isUndoing(m.kind.cause)
	m.kind.stage = kitchen.Stage(m.stage)
	if faults := m.resolution(nil).Check(); len(faults) > 0 {
		if m.choice == "" {
			return &exitError{exitUsage, errors.New("what is decided? Give --choice retry, remake or cancel")}
		}
		return &exitError{exitUsage, errors.New(kitchen.FieldErrors(faults))}
	}
	m.key = cmp.Or(m.key, uuid.NewString())
	return nil
}

// resolution is the decision about one order, for the question that was found
// and no other.
func (m *resolveMany) resolution(asked *kitchen.Attention) kitchen.Resolution {
	decision := kitchen.Resolution{Choice: kitchen.Choice(m.choice), Note: m.note}
	if asked != nil {
		decision.Since = asked.Since
	}
	return decision
}

// find lists the orders with a question of this kind.
func (m *resolveMany) find(ctx context.Context, apiClient *client.ClientWithResponses) ([]wire.OrderSummary, error) {
	var matching []wire.OrderSummary
	filters := wire.ListOrdersParams{State: new(kitchen.StateNeedsAttention)}
	for {
		page, err := m.list(ctx, apiClient, filters, largestPage)
		if err != nil {
			return nil, err
		}
		for _, order := range page.Orders {
			if order.Attention != nil && m.kind.matches(*order.Attention) {
				matching = append(matching, order)
			}
		}
		if page.NextPageToken == "" {
			return matching, nil
		}
		filters.PageToken = &page.NextPageToken
	}
}

// decideEach decides about orders, several at once. Once two in a row do not
// answer no more are asked.
func (m *resolveMany) decideEach(ctx context.Context, apiClient *client.ClientWithResponses, matching []wire.OrderSummary) []decidedOrder {
	var mu sync.Mutex // guards silent
	silent := 0       // in a row
	decided := make([]decidedOrder, len(matching))
	var deciding errgroup.Group
	deciding.SetLimit(resolveAtOnce)
	for i, order := range matching {
		deciding.Go(func() error {
			decided[i] = decidedOrder{ID: order.ID, PickupCode: order.PickupCode}
			mu.Lock()
			skip := silent >= maxSilent || ctx.Err() != nil
			mu.Unlock()
			if skip {
				decided[i].Outcome, decided[i].Detail = fateFailed, "it was not asked, because others gave no answer"
				return nil
			}
			answered := false
			decided[i].Outcome, decided[i].Detail, answered = m.decide(ctx, apiClient, order)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case silent >= maxSilent:
			case answered:
				silent = 0
			default:
				silent++
			}
			return nil
		})
	}
	_ = deciding.Wait() // each order has its outcome
	return decided
}

// decide decides about one order, and reports whether the API has answered for
// it. What got no answer is sent once more: under its key it acts once.
func (m *resolveMany) decide(ctx context.Context, apiClient *client.ClientWithResponses, order wire.OrderSummary) (outcome fate, detail string, answered bool) {
	decision := m.resolution(order.Attention)
	for range 2 {
		answer, err := apiClient.ResolveOrderWithResponse(ctx, order.ID, &wire.ResolveOrderParams{IdempotencyKey: &m.key}, decision)
		switch {
		case err != nil:
			detail = m.unreachable(err).Error()
		case answer.JSON200 != nil:
			return fateDecided, "", true
		case answer.StatusCode() >= http.StatusInternalServerError:
			detail = refusal(answer.StatusCode(), answer.Body).Error()
		case answer.StatusCode() == http.StatusConflict && m.isGone(ctx, apiClient, order):
			return fateMeanwhile, "the question was answered meanwhile", true
		default:
			return fateFailed, refusal(answer.StatusCode(), answer.Body).Error(), true
		}
	}
	return fateFailed, detail, false
}

// isGone reports whether an order's question, as it was found, is asked no more.
func (m *resolveMany) isGone(ctx context.Context, apiClient *client.ClientWithResponses, order wire.OrderSummary) bool {
	answer, err := apiClient.GetOrderWithResponse(ctx, order.ID)
	if err != nil || answer.JSON200 == nil {
		return false
	}
	asked := answer.JSON200.Attention
	return asked == nil || !asked.Since.Equal(order.Attention.Since)
}

func (m *resolveMany) show(cmd *cobra.Command, all manyDecided) error {
	if m.output == outputJSON {
		return writeJSON(cmd.OutOrStdout(), all, "  ")
	}
	for _, order := range all.Orders {
		words := string(order.Outcome)
		if order.Detail != "" {
			words += ": " + order.Detail
		}
		if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s  %s  %s\n", safeText(order.PickupCode), safeText(order.ID), safeText(words)); err != nil {
			return err
		}
	}
	words := orders(all.Matched, "match", "matches")
	if !m.dryRun && all.Matched > 0 {
		words = orders(all.Decided, "are decided", "is decided")
		if all.Meanwhile > 0 {
			words += ", " + orders(all.Meanwhile, "were decided meanwhile", "was decided meanwhile")
		}
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), words+".")
	return err
}
