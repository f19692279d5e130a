package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func newStandingCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "standing",
		Short: "Take orders that come again on some days of every week",
		Args:  exactArgs(0),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newStandingCreateCommand(), newStandingListCommand(),
		newStandingChangeCommand("pause ID", "Pause a standing order", "No order is placed until it goes on; those that are placed stay.", "It is paused.",
			func(ctx context.Context, c *client.ClientWithResponses, id string) (answered, error) {
				answer, err := c.PauseStandingOrderWithResponse(ctx, id)
				if err != nil {
					return answered{}, err
				}
				return answered{status: answer.StatusCode(), body: answer.Body}, nil
			}),
		newStandingChangeCommand("resume ID", "Let a standing order go on", "What was to be placed meanwhile is not placed later.", "It goes on.",
			func(ctx context.Context, c *client.ClientWithResponses, id string) (answered, error) {
				answer, err := c.ResumeStandingOrderWithResponse(ctx, id)
				if err != nil {
					return answered{}, err
				}
				return answered{status: answer.StatusCode(), body: answer.Body}, nil
			}),
		newStandingChangeCommand("end ID", "End a standing order", `No further order is placed. Those that are placed stay: cancel them with
"cupcakery order cancel".`, "It has ended.",
			func(ctx context.Context, c *client.ClientWithResponses, id string) (answered, error) {
				answer, err := c.EndStandingOrderWithResponse(ctx, id)
				if err != nil {
					return answered{}, err
				}
				return answered{status: answer.StatusCode(), body: answer.Body}, nil
			}))
	return cmd
}

func newStandingCreateCommand() *cobra.Command {
	var (
		settings         orderSettings
		standing         standingInput
		key, from, until string
	)
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Take a standing order",
		Long: `Take an order that comes again on some days of every week. Each of its orders is
placed seven days before its pickup, or as early as slots can be taken, with the
prices of that moment. If its slot is full, or something is sold out, that is tried
again; "cupcakery standing list" tells what became of each. This is for managers.`,
		Example: `  cupcakery standing create --name "Café Ada" --line 40xM:lemon --day monday --at 08:30
  cupcakery standing create --name Ada --line 6xS:vanilla --day tuesday --day friday --at 16:00 --until 2026-12-24`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			request, err := standing.read()
			if err != nil {
				return &exitError{exitUsage, err}
			}
			for flag, date := range map[string]struct {
				text string
				to   *kitchen.Date
			}{"from": {from, &request.From}, "until": {until, &request.Until}} {
				if date.text == "" {
					continue
				}
				if *date.to, err = kitchen.ParseDate(date.text); err != nil {
					return &exitError{exitUsage, fmt.Errorf("--%s: %w", flag, err)}
				}
			}
			if err := settings.askForPIN(cmd); err != nil {
				return err
			}
			apiClient, err := settings.connect()
			if err != nil {
				return err
			}
			if key == "" {
				key = uuid.NewString()
			}
			created, err := untilAnswered(cmd, &settings, keyedRequest[wire.StandingOrder]{
				key: key, what: "the same standing order", unknown: "it was taken", once: "there will be one",
				send: func(ctx context.Context) (*wire.StandingOrder, int, []byte, error) {
					answer, err := apiClient.CreateStandingOrderWithResponse(ctx, &wire.CreateStandingOrderParams{IdempotencyKey: &key}, request)
					if err != nil {
						return nil, 0, nil, err
					}
					return answer.JSON201, answer.StatusCode(), answer.Body, nil
				},
			})
			if err != nil {
				return err
			}
			if settings.output == outputJSON {
				return writeJSON(cmd.OutOrStdout(), created, "  ")
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "The standing order is taken: %s.\nIts first order is for %s at %s.\n", created.ID, created.From, created.At)
			return err
		},
	}
	settings.register(cmd)
	settings.registerStaff(cmd)
	standing.register(cmd, &settings)
	cmd.Flags().StringVar(&from, "from", "", "the first day, such as 2026-12-01 (default: the first that can be)")
	cmd.Flags().StringVar(&until, "until", "", "the last day, such as 2026-12-24 (default: there is none)")
	cmd.Flags().StringVar(&key, "idempotency-key", "", "16 to 128 printable characters; the same key never makes a second standing order (default: a fresh one)")
	return cmd
}

// standingInput are the flags that say what comes again, and when.
type standingInput struct {
	name      string
	phone     string
	lines     []string
	notes     string
	allergies []string
	confirmed bool
	days      []string
	at        string
}

func (in *standingInput) register(cmd *cobra.Command, settings *orderSettings) {
	flags := cmd.Flags()
	flags.StringVar(&in.name, "name", "", "whom to call at the counter")
	flags.StringVar(&in.phone, "phone", "", "where to call the customer, such as \"+49 30 5550123\"; only staff see it")
	flags.StringArrayVar(&in.lines, "line", nil, "such as 40xM:lemon or 12xL:red-velvet:MESSAGE; may be given several times")
	flags.StringVar(&in.notes, "notes", "", "for the people who make and hand out the orders")
	flags.StringArrayVar(&in.allergies, "allergy", nil, "what must not be near the cupcakes; may be given several times")
	flags.BoolVar(&in.confirmed, "allergy-confirmed", false, "the customer wants the flavours although they meet one of the allergies")
	flags.StringArrayVar(&in.days, "day", nil, "the day of the week, such as monday; may be given several times")
	flags.StringVar(&in.at, "at", "", "when it is fetched, by the bakery's clock, such as 08:30: the beginning of a slot")
	complete(cmd, "day", func(string) []string {
		var days []string
		for _, day := range kitchen.Weekdays() {
			days = append(days, string(day))
		}
		return days
	})
	completeLines(cmd, settings)
}

func (in *standingInput) read() (wire.StandingOrderRequest, error) {
	if in.name == "" || len(in.lines) == 0 || len(in.days) == 0 || in.at == "" {
		return wire.StandingOrderRequest{}, errors.New("give --name, --line, --day and --at (see cupcakery standing create --help)")
	}
	request := wire.StandingOrderRequest{At: in.at, Order: kitchen.Order{Customer: kitchen.Customer{Name: in.name}, Phone: in.phone, Notes: in.notes, Allergies: in.allergies, AllergyConfirmed: in.confirmed}}
	var faults []error
	for _, text := range in.lines {
		line, err := parseLine(text)
		faults = append(faults, err)
		request.Order.Lines = append(request.Order.Lines, line)
	}
	for _, text := range in.days {
		day := kitchen.Weekday(strings.ToLower(strings.TrimSpace(text)))
		if day.Number() < 0 {
			faults = append(faults, fmt.Errorf("--day %q: give a day of the week, such as monday", kitchen.Excerpt(text)))
		}
		request.Days = append(request.Days, day)
	}
	return request, errors.Join(faults...)
}

func newStandingListCommand() *cobra.Command {
	var settings orderSettings
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List standing orders, and what became of the last ones",
		Long: `List standing orders, with the day of the next order that is to be placed and what
became of the last ones. This is for staff.`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return staffReport[wire.StandingOrders]{
				ask: func(ctx context.Context, apiClient *client.ClientWithResponses) (*wire.StandingOrders, answered, error) {
					answer, err := apiClient.ListStandingOrdersWithResponse(ctx)
					if err != nil {
						return nil, answered{}, err
					}
					return answer.JSON200, answered{status: answer.StatusCode(), body: answer.Body}, nil
				},
				write: func(w io.Writer, standing *wire.StandingOrders) error { return writeStanding(w, standing.Orders) },
			}.show(cmd, &settings)
		},
	}
	settings.register(cmd)
	settings.registerStaff(cmd)
	return cmd
}

// writeStanding shows people the standing orders.
func writeStanding(w io.Writer, orders []wire.StandingOrder) error {
	if len(orders) == 0 {
		_, err := fmt.Fprintln(w, "There are no standing orders.")
		return err
	}
	var failed error
	for i, order := range orders {
		if i > 0 {
			_, err := fmt.Fprintln(w)
			failed = errors.Join(failed, err)
		}
		failed = errors.Join(failed, writeOneStanding(w, order))
	}
	return failed
}

func writeOneStanding(w io.Writer, order wire.StandingOrder) error {
	var days, lines []string
	for _, day := range order.Days {
		days = append(days, string(day))
	}
	for _, line := range order.Order.Lines {
		lines = append(lines, fmt.Sprintf("%d %s %s", line.Quantity, line.Size, safeText(line.Flavour)))
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, err := fmt.Fprintf(table, "%s\n  customer\t%s\n  every\t%s, at %s\n  order\t%s\n", order.ID, safeText(order.Order.Customer.Name), strings.Join(days, ", "), safeText(order.At), strings.Join(lines, " · "))
	if order.Order.Phone != "" {
		_, rowErr := fmt.Fprintf(table, "  phone\t%s\n", safeText(order.Order.Phone))
		err = errors.Join(err, rowErr)
	}
	if !order.Until.IsZero() {
		_, rowErr := fmt.Fprintf(table, "  until\t%s\n", order.Until)
		err = errors.Join(err, rowErr)
	}
	next := "none: it has ended"
	switch {
	case order.Paused:
		next = "it is paused"
	case len(order.Next) > 0:
		next = "for " + order.Next[0].String()
	}
	_, rowErr := fmt.Fprintf(table, "  next\t%s\n", next)
	err = errors.Join(err, rowErr)
	for _, recent := range order.Recent {
		_, rowErr := fmt.Fprintf(table, "  %s\t%s\n", recent.Day, occurrenceWords(recent))
		err = errors.Join(err, rowErr)
	}
	return errors.Join(err, table.Flush())
}

func occurrenceWords(of wire.StandingOccurrence) string {
	switch {
	case of.OrderID != "":
		return fmt.Sprintf("placed: %s (%s)", kitchen.PickupCode(of.OrderID), of.OrderID)
	case of.Skipped != "":
		return "none: " + safeText(of.Skipped)
	case of.Refused != "":
		return "NOT PLACED: " + safeText(of.Refused)
	}
	return "not placed yet: " + safeText(of.Waits)
}

// newStandingChangeCommand is a command that changes one standing order.
func newStandingChangeCommand(use, short, long, done string, change func(context.Context, *client.ClientWithResponses, string) (answered, error)) *cobra.Command {
	var call staffCall
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Long:  short + ", by its id as \"cupcakery standing list\" shows it.\n" + long + " This is for managers.",
		Args:  exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return call.run(cmd, done, func(ctx context.Context, apiClient *client.ClientWithResponses) (answered, error) {
				return change(ctx, apiClient, args[0])
			})
		},
	}
	call.register(cmd, "")
	return cmd
}
