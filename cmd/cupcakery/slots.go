package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func newSlotsCommand() *cobra.Command {
	var (
		settings orderSettings
		day      string
		pieces   int
	)
	cmd := &cobra.Command{
		Use:   "slots",
		Short: "Show when an order can be fetched",
		Long: `Show the slots of a day that an order can still have, by the bakery's clock, and
how many cupcakes have room in each. "order create --pickup" takes one of them.`,
		Example: `  cupcakery slots
  cupcakery slots --day 2026-11-28 --pieces 24`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			apiClient, err := settings.connect()
			if err != nil {
				return err
			}
			params := wire.GetSlotsParams{Pieces: &pieces}
			if cmd.Flags().Changed("day") {
				params.Day = &day
			}
			slots, err := settings.slots(cmd.Context(), apiClient, params)
			if err != nil {
				return err
			}
			if settings.output == outputJSON {
				return writeJSON(cmd.OutOrStdout(), slots, "  ")
			}
			location, err := time.LoadLocation(slots.Timezone)
			if err != nil {
				return fmt.Errorf("the bakery's time zone: %w", err)
			}
			if pieces > slots.Capacity {
				cmd.PrintErrf("One slot has room for %s: split the order over several slots.\n", piecesWords(slots.Capacity))
				return nil
			}
			if len(slots.Slots) == 0 {
				cmd.PrintErrln("There is no slot for this order on that day.")
			}
			if err := writeSlots(cmd.OutOrStdout(), slots, location); err != nil {
				return err
			}
			cmd.PrintErrln(daysWords(slots))
			return nil
		},
	}
	settings.register(cmd)
	cmd.Flags().StringVar(&day, "day", "", "which day, such as 2026-11-28 (default: the first that has a slot)")
	cmd.Flags().IntVar(&pieces, "pieces", 1, "how many cupcakes the order has")
	return cmd
}

func (s *orderSettings) slots(ctx context.Context, apiClient *client.ClientWithResponses, params wire.GetSlotsParams) (wire.Slots, error) {
	answer, err := apiClient.GetSlotsWithResponse(ctx, &params)
	if err != nil {
		return wire.Slots{}, s.unreachable(err)
	}
	if answer.JSON200 == nil {
		return wire.Slots{}, refusal(answer.StatusCode(), answer.Body)
	}
	return *answer.JSON200, nil
}

func writeSlots(w io.Writer, slots wire.Slots, location *time.Location) error {
	if len(slots.Slots) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, err := fmt.Fprintln(table, "PICKUP\tLEFT\t")
	for _, slot := range slots.Slots {
		note := ""
		switch {
		case slot.Left == 0:
			note = "full"
		case !slot.Free:
			note = "too few"
		}
		_, rowErr := fmt.Fprintf(table, "%s\t%d\t%s\n", slot.At.In(location).Format("2006-01-02 15:04 MST"), slot.Left, note)
		err = errors.Join(err, rowErr)
	}
	return errors.Join(err, table.Flush())
}

// daysWords name the days on which an order can be fetched.
func daysWords(slots wire.Slots) string {
	if len(slots.Days) == 0 {
		return "No day has a slot for this order."
	}
	const shown = 7
	var days []string
	for _, day := range slots.Days[:min(shown, len(slots.Days))] {
		days = append(days, day.String())
	}
	text := "Days with slots: " + strings.Join(days, ", ")
	if more := len(slots.Days) - shown; more > 0 {
		text += fmt.Sprintf(" and %d more, up to %s", more, slots.Days[len(slots.Days)-1])
	}
	return text + "."
}

// pickupTime is the instant that a text means by the bakery's clock; zero for none.
// RFC 3339, which has a zone of its own, tells apart the hour that comes twice when
// clocks are put back.
func (s *orderSettings) pickupTime(ctx context.Context, apiClient *client.ClientWithResponses, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at, nil
	}
	const form = "2006-01-02 15:04"
	wall, err := time.Parse(form, text)
	if err != nil {
		return time.Time{}, &exitError{exitUsage, fmt.Errorf("--pickup %q: write it like %q, by the bakery's clock, or like 2026-11-28T10:00:00+01:00", kitchen.Excerpt(text), "2026-11-28 10:00")}
	}
	slots, err := s.slots(ctx, apiClient, wire.GetSlotsParams{Day: new(wall.Format(time.DateOnly))})
	if err != nil {
		return time.Time{}, err
	}
	location, err := time.LoadLocation(slots.Timezone)
	if err != nil {
		return time.Time{}, fmt.Errorf("the bakery's time zone: %w", err)
	}
	return atClock(slots.Slots, text, form, location)
}

// atClock is the slot at which the bakery's clock shows a time. When clocks are put back
// it may show it twice, and when they are put forward never.
func atClock(slots []wire.SlotOffer, text, form string, location *time.Location) (time.Time, error) {
	var found []time.Time
	for _, slot := range slots {
		if slot.At.In(location).Format(form) == text {
			found = append(found, slot.At)
		}
	}
	switch len(found) {
	case 0:
		at, err := time.ParseInLocation(form, text, location)
		if err == nil && at.Format(form) != text {
			err = &exitError{exitUsage, fmt.Errorf("--pickup %q: clocks are put forward then, and never show it", text)}
		}
		return at, err // the API says what is wrong with it
	case 1:
		return found[0], nil
	}
	return time.Time{}, &exitError{exitUsage, fmt.Errorf("--pickup %q: clocks are put back then, and show it twice: write %s or %s", text,
		found[0].In(location).Format(time.RFC3339), found[1].In(location).Format(time.RFC3339))}
}
