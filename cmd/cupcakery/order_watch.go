package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/internal/retry"
	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	watchEvery = 500 * time.Millisecond
	// watchSlowest is the pause when nothing has changed for long, or when
	// the API is away.
	watchSlowest = 3 * time.Second
	// watchPatience is how many looks without a change keep the quick pace.
	watchPatience = 60
)

func newOrderWatchCommand() *cobra.Command {
	var settings orderSettings
	cmd := &cobra.Command{
		Use:   "watch CODE|ID",
		Short: "Follow an order until it is shipped",
		Long: `Follow an order until it is shipped. On a terminal each stage is a line that is
kept up to date; in a pipe each change is a line. With -o json each change is
the whole order on one line. The API may restart meanwhile. An order that needs
attention is watched on: what happened and the choices are shown.

Exits with 0 when the order is shipped, with 1 when it was cancelled.`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			apiClient, id, err := settings.connectFor(cmd, args[0], anyState)
			if err != nil {
				return err
			}
			return settings.watch(cmd, apiClient, id, settings.view(cmd.OutOrStdout()))
		},
		ValidArgsFunction: settings.completeOrderID,
	}
	settings.register(cmd)
	settings.registerStaff(cmd)
	return cmd
}

// watch shows an order's changes until it can have no more.
func (s *orderSettings) watch(cmd *cobra.Command, apiClient *client.ClientWithResponses, orderID string, view orderView) error {
	ctx := cmd.Context()
	pace := watchPace{}
	var last *kitchen.Status
	away := false
	for {
		status, err := s.look(ctx, apiClient, orderID)
		switch {
		case err == nil:
			if away {
				cmd.PrintErrln("The API is back.")
			}
			away = false
			changed := last == nil || !sameStatus(*last, status)
			if changed {
				if err := view.show(last, status); err != nil {
					return fmt.Errorf("show the order: %w", err)
				}
				last = &status
			}
			pace.looked(changed)
			switch status.State {
			case kitchen.StateShipped:
				return nil
			case kitchen.StateCancelled:
				if status.CancelReason != "" {
					return &exitError{exitFailed, fmt.Errorf("the order was cancelled: %s", safeText(status.CancelReason))}
				}
				return &exitError{exitFailed, errors.New("the order was cancelled")}
			}
		case ctx.Err() != nil:
			return &exitError{exitFailed, errors.New("stopped watching; the order goes on")}
		case last == nil || !isAway(err):
			return err
		default:
			if !away {
				cmd.PrintErrf("The API is away (%v); waiting for it.\n", err)
			}
			away = true
			pace.failed()
		}
		if !retry.Pause(ctx, pace.next) {
			return &exitError{exitFailed, errors.New("stopped watching; the order goes on")}
		}
	}
}

func (s *orderSettings) look(ctx context.Context, apiClient *client.ClientWithResponses, orderID string) (kitchen.Status, error) {
	answer, err := apiClient.GetOrderWithResponse(ctx, orderID)
	if err != nil {
		return kitchen.Status{}, s.unreachable(err)
	}
	if answer.JSON200 == nil {
		err := refusal(answer.StatusCode(), answer.Body)
		if answer.StatusCode() >= http.StatusInternalServerError {
			err = &exitError{exitUnavailable, err}
		}
		return kitchen.Status{}, err
	}
	return *answer.JSON200, nil
}

func isAway(err error) bool {
	exit, ok := errors.AsType[*exitError](err)
	return ok && exit.code == exitUnavailable
}

// watchPace decides how soon to look again.
type watchPace struct {
	next      time.Duration
	unchanged int
}

func (p *watchPace) looked(changed bool) {
	p.unchanged++
	if changed {
		p.unchanged = 0
	}
	if p.unchanged <= watchPatience {
		p.next = watchEvery
		return
	}
	p.failed()
}

func (p *watchPace) failed() { p.next = min(max(p.next, watchEvery)*3/2, watchSlowest) }

// sameStatus reports whether there is nothing new to show. Whether a worker
// answered is no change of the order.
func sameStatus(a, b kitchen.Status) bool {
	return len(changes(&a, b)) == 0 && len(a.Stages) == len(b.Stages)
}

// orderView shows an order's changes; before is nil the first time.
type orderView interface {
	show(before *kitchen.Status, now kitchen.Status) error
}

func (s *orderSettings) view(w io.Writer) orderView {
	if s.output == outputJSON {
		return jsonView{w}
	}
	if _, is := terminalWidth(w); is {
		return &redrawnView{w: w, width: func() int {
			columns, _ := terminalWidth(w) // it may have changed
			return columns
		}}
	}
	return plainView{w}
}

// jsonView writes the whole order on one line.
type jsonView struct{ w io.Writer }

func (v jsonView) show(_ *kitchen.Status, now kitchen.Status) error { return writeJSON(v.w, now, "") }

// plainView writes a line for each change.
type plainView struct{ w io.Writer }

func (v plainView) show(before *kitchen.Status, now kitchen.Status) error {
	for _, line := range changes(before, now) {
		if _, err := fmt.Fprintln(v.w, safeText(line)); err != nil {
			return err
		}
	}
	return nil
}

// redrawnView keeps one line for the order and one for each stage.
type redrawnView struct {
	w     io.Writer
	width func() int
	drawn int // lines
}

func (v *redrawnView) show(_ *kitchen.Status, now kitchen.Status) error {
	columns := v.width()
	lines := watchLines(now)
	var frame strings.Builder
	if v.drawn > 0 {
		fmt.Fprintf(&frame, "\x1b[%dA\x1b[J", v.drawn) // up to the first line, clear from there
	}
	for _, line := range lines {
		frame.WriteString(fit(safeText(line), columns) + "\n")
	}
	v.drawn = len(lines)
	_, err := io.WriteString(v.w, frame.String())
	return err
}

// watchLines shows an order: a line for it, one for each pass through a stage,
// one for each stage that is still to come, and the question to a manager. The command stands alone, since long lines are cut.
func watchLines(status kitchen.Status) []string {
	lines := []string{fmt.Sprintf("%s  %s  %s", status.PickupCode, status.Customer.Name, stateWords(status))}
	if total := totalWords(status); total != "" {
		lines[0] += "  " + total
	}
	entered := map[kitchen.Stage]bool{}
	for _, pass := range status.Stages {
		entered[pass.Stage] = true
		lines = append(lines, fmt.Sprintf("  %-9s %s", pass.Stage, passWords(pass)))
	}
	for _, stage := range status.Route.Stages() {
		if !entered[stage] {
			lines = append(lines, fmt.Sprintf("  %-9s -", stage))
		}
	}
	if attention := status.Attention; attention != nil {
		lines = append(lines,
			"needs a decision: "+attention.Reason,
			"choose "+choiceWords(attention.Choices)+":",
			"  cupcakery order resolve "+status.ID+" CHOICE")
	}
	return lines
}

// changes lists what has changed since the status before, a line each.
func changes(before *kitchen.Status, now kitchen.Status) []string {
	var lines []string
	if before == nil {
		before = &kitchen.Status{}
		lines = append(lines, fmt.Sprintf("%s order %s of %s, pickup code %s", clock(&now.PlacedAt), now.ID, now.Customer.Name, now.PickupCode))
		if total := totalWords(now); total != "" {
			lines[0] += ", " + total
		}
	}
	for i, pass := range now.Stages {
		if i < len(before.Stages) && passWords(before.Stages[i]) == passWords(pass) {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s %s %s", clock(changedAt(pass)), pass.Stage, passWords(pass)))
	}
	seen := time.Now()
	if len(before.Lines) == len(now.Lines) { // so it is not the first look
		for i, line := range now.Lines {
			if line != before.Lines[i] {
				lines = append(lines, fmt.Sprintf("%s order amended: %s", clock(&seen), lineWords(line)))
			}
		}
		if now.Total != nil && before.Total != nil && *now.Total != *before.Total {
			lines = append(lines, fmt.Sprintf("%s order amended: it costs %s", clock(&seen), totalWords(now)))
		}
		if now.Notes != before.Notes {
			lines = append(lines, fmt.Sprintf("%s order amended: notes “%s”", clock(&seen), now.Notes))
		}
	}
	if now.State != before.State {
		switch at := cmp.Or(now.ShippedAt, now.CancelledAt, &seen); {
		case now.State != kitchen.StateAccepted && now.State != kitchen.StateInProgress:
			words := string(now.State)
			if now.CancelReason != "" {
				words += ": " + now.CancelReason
			}
			lines = append(lines, fmt.Sprintf("%s order %s", clock(at), words))
		case before.State == kitchen.StateNeedsAttention:
			lines = append(lines, fmt.Sprintf("%s order goes on", clock(&seen)))
		}
	}
	if asked := now.Attention; asked != nil && (before.Attention == nil || !asked.Since.Equal(before.Attention.Since) || asked.Reason != before.Attention.Reason) {
		lines = append(lines, fmt.Sprintf("%s order needs a decision: %s", clock(&asked.Since), asked.Reason))
		for _, command := range resolveCommands(now) {
			lines = append(lines, "  decide with: "+command)
		}
	}
	return lines
}

// changedAt returns when a pass reached its present state.
func changedAt(pass kitchen.StageStatus) *time.Time {
	if undo := pass.Undo; undo != nil {
		return cmp.Or(undo.UndoneAt, undo.StartedAt, undo.IssuedAt)
	}
	switch pass.State {
	case kitchen.TicketStarted:
		return cmp.Or(pass.StartedAt, pass.IssuedAt)
	case kitchen.TicketFailed:
		return cmp.Or(pass.FailedAt, pass.IssuedAt)
	}
	return cmp.Or(pass.DoneAt, pass.IssuedAt)
}

func passWords(pass kitchen.StageStatus) string {
	words := string(pass.State)
	if pass.By != "" {
		words += " by " + pass.By
	}
	if pass.Pass > 1 {
		words += fmt.Sprintf(", pass %d", pass.Pass)
	}
	if pass.Attempt > 1 {
		words += fmt.Sprintf(", attempt %d", pass.Attempt)
	}
	if remarks := passRemarks(pass); len(remarks) > 0 {
		words += ": " + strings.Join(remarks, "; ")
	}
	return words
}
