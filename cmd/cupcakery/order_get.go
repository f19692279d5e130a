package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/kitchen"
)

func newOrderGetCommand() *cobra.Command {
	var settings orderSettings
	cmd := &cobra.Command{
		Use:   "get CODE|ID",
		Short: "Show where an order stands",
		Args:  exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			apiClient, id, err := settings.connectFor(cmd, args[0], anyState)
			if err != nil {
				return err
			}
			answer, err := apiClient.GetOrderWithResponse(cmd.Context(), id)
			if err != nil {
				return settings.unreachable(err)
			}
			if answer.JSON200 == nil {
				return refusal(answer.StatusCode(), answer.Body)
			}
			if settings.output == outputJSON {
				return writeJSON(cmd.OutOrStdout(), answer.JSON200, "  ")
			}
			status := *answer.JSON200
			if status.DueAt != nil || !status.Estimate.From.IsZero() {
				status = inZone(status, bakeryZone(cmd.Context(), apiClient))
			}
			return writeStatus(cmd.OutOrStdout(), status)
		},
		ValidArgsFunction: settings.completeOrderID,
	}
	settings.register(cmd)
	settings.registerStaff(cmd)
	return cmd
}

// writeStatus shows an order to people.
func writeStatus(w io.Writer, status kitchen.Status) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(cells ...string) {
		for i, cell := range cells {
			cells[i] = safeText(cell)
		}
		_, _ = fmt.Fprintln(table, strings.TrimRight(strings.Join(cells, "\t"), "\t ")) // Flush reports
	}
	row("Order", status.ID)
	row("Pickup code", status.PickupCode)
	row("State", stateWords(status))
	row("Route", routeWords(status.Route))
	row("Customer", status.Customer.Name)
	if status.Phone != "" {
		row("Phone", status.Phone)
	}
	for i := range status.Lines {
		label := ""
		if i == 0 {
			label = "Lines"
		}
		row(label, pricedLineWords(status, i))
	}
	if total := totalWords(status); total != "" {
		row("Total", total)
	}
	if status.Notes != "" {
		row("Notes", status.Notes)
	}
	if len(status.Allergies) > 0 {
		row("Allergies", strings.Join(status.Allergies, ", "))
	}
	row("Placed", clock(&status.PlacedAt))
	if status.DueAt != nil {
		row("Due", dueClock(status.DueAt, time.Now()))
	}
	if words := estimateWords(status.Estimate); words != "" {
		row("Ready", words)
	}
	if status.ShippedAt != nil {
		row("Shipped", clock(status.ShippedAt))
	}
	if status.CancelledAt != nil {
		row("Cancelled", clock(status.CancelledAt))
	}
	if status.CancelReason != "" {
		row("Because", status.CancelReason)
	}
	if status.Attention != nil {
		row("Attention", status.Attention.Reason)
		row("", "since "+clock(&status.Attention.Since))
		for i, command := range resolveCommands(status) {
			label := ""
			if i == 0 {
				label = "Decide with"
			}
			row(label, command)
		}
	}
	if status.Remakes > 0 || status.Scrapped > 0 {
		row("Remakes", fmt.Sprintf("%d, %d pieces scrapped", status.Remakes, status.Scrapped))
	}
	if err := table.Flush(); err != nil || len(status.Stages) == 0 {
		return err
	}
	_, _ = fmt.Fprintln(table)
	row("STAGE", "PASS", "ATTEMPT", "STATE", "BY", "ISSUED", "STARTED", "DONE", "NOTE")
	for _, pass := range status.Stages {
		row(string(pass.Stage), fmt.Sprint(pass.Pass), fmt.Sprint(pass.Attempt), string(pass.State), orDash(pass.By),
			clock(pass.IssuedAt), clock(pass.StartedAt), clock(pass.DoneAt), orDash(strings.Join(passRemarks(pass), "; ")))
	}
	return table.Flush()
}

// routeWords are the stages that an order goes through, in the order of work.
func routeWords(route kitchen.Route) string {
	var words []string
	for _, stage := range route.Stages() {
		words = append(words, string(stage))
	}
	return strings.Join(words, ", ")
}

func stateWords(status kitchen.Status) string {
	words := string(status.State)
	if status.WaitingFor != "" {
		words += ", waiting for " + string(status.WaitingFor)
	}
	if status.Stale {
		words += " (no worker answers: as Temporal has recorded it)"
	}
	return words
}

// passRemarks is what there is to say of a pass beside its state and times.
func passRemarks(pass kitchen.StageStatus) []string {
	var remarks []string
	if pass.MadeBy != "" {
		remarks = append(remarks, "made by "+pass.MadeBy)
	}
	if pass.Reason != "" {
		remarks = append(remarks, "failed: "+pass.Reason)
	}
	if pass.Note != "" {
		remarks = append(remarks, pass.Note)
	}
	if pass.Scrapped > 0 {
		remarks = append(remarks, fmt.Sprintf("%d scrapped", pass.Scrapped))
	}
	if pass.Undo != nil {
		if words := undoWords(*pass.Undo); words != "" {
			remarks = append(remarks, words)
		}
	}
	return remarks
}

// undoWords is how the undoing of a pass goes; empty once it is undone, which
// the pass says itself.
func undoWords(undo kitchen.UndoStatus) string {
	if undo.Left != "" {
		return "left as it is: " + undo.Left
	}
	if undo.State == kitchen.TicketUndone {
		return ""
	}
	words := "undo " + string(undo.State)
	if undo.By != "" {
		words += " by " + undo.By
	}
	if undo.Attempt > 1 {
		words += fmt.Sprintf(", attempt %d", undo.Attempt)
	}
	return words
}

func lineWords(line kitchen.Line) string {
	words := fmt.Sprintf("%d × %s %s", line.Quantity, line.Size, line.Flavour)
	if line.Message != "" {
		words += " “" + line.Message + "”"
	}
	return words
}

// clock is a time as a person reads it: where they are, without the date if
// it is today.
func clock(at *time.Time) string {
	if at == nil || at.IsZero() {
		return "-"
	}
	local := at.Local()
	if local.Format(time.DateOnly) == time.Now().Format(time.DateOnly) {
		return local.Format(time.TimeOnly)
	}
	return local.Format(time.DateTime)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
