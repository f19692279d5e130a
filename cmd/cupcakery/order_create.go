package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func newOrderCreateCommand() *cobra.Command {
	var (
		settings orderSettings
		input    orderInput
		key      string
	)
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Order cupcakes",
		Long: `Order cupcakes, from a JSON file or from flags.

A line is QUANTITYxSIZE:FLAVOUR, with :MESSAGE after it to pipe one onto each
cupcake. If the connection is lost the request is sent again with the same
idempotency key, so that there is never a second order.

The answer has the total, which is paid at pickup. With --total the order is
refused unless it costs exactly that.`,
		Example: `  cupcakery order create -f order.json
  cupcakery order create --name Ada --line 12xL:red-velvet:"Happy 40th" --line 6xS:lemon --allergy nuts
  cupcakery order create --name Ada --line 24xM:lemon --pickup "2026-11-28 10:00"
  echo '{"customer":{"name":"Ada"},"lines":[{"flavour":"lemon","size":"S","quantity":6}]}' | cupcakery order create -f - -o json`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			apiClient, err := settings.connect()
			if err != nil {
				return err
			}
			order, file, err := input.read(cmd)
			if err != nil {
				return err
			}
			body := file
			if body == nil {
				if order.PickupAt, err = settings.pickupTime(cmd.Context(), apiClient, input.pickup); err != nil {
					return err
				}
				if body, err = json.Marshal(order); err != nil {
					return err
				}
			}
			if key == "" {
				key = uuid.NewString()
			}
			status, err := settings.create(cmd, apiClient, key, body)
			if err != nil {
				return err
			}
			if settings.output == outputJSON {
				return writeJSON(cmd.OutOrStdout(), status, "  ")
			}
			if err := writeStatus(cmd.OutOrStdout(), status); err != nil {
				return err
			}
			cmd.PrintErrf("The order is taken. Follow it with: cupcakery order watch %s\n", status.ID)
			return nil
		},
	}
	settings.register(cmd)
	input.register(cmd, &settings)
	cmd.Flags().StringVar(&key, "idempotency-key", "", "16 to 128 printable characters; the same key never makes a second order (default: a fresh one)")
	return cmd
}

// create sends the order until it is answered.
func (s *orderSettings) create(cmd *cobra.Command, apiClient *client.ClientWithResponses, key string, body []byte) (kitchen.Status, error) {
	return untilAnswered(cmd, s, keyedRequest[kitchen.Status]{
		key: key, what: "the same order", unknown: "the order was taken", once: "there will be one",
		send: func(ctx context.Context) (*kitchen.Status, int, []byte, error) {
			answer, err := apiClient.CreateOrderWithBodyWithResponse(ctx, &wire.CreateOrderParams{IdempotencyKey: &key}, "application/json", bytes.NewReader(body))
			if err != nil {
				return nil, 0, nil, err
			}
			return answer.JSON201, answer.StatusCode(), answer.Body, nil
		},
	})
}

// orderInput are the flags that say what is ordered.
type orderInput struct {
	file      string
	name      string
	lines     []string
	notes     string
	allergies []string
	total     string
	pickup    string
}

func (in *orderInput) register(cmd *cobra.Command, settings *orderSettings) {
	flags := cmd.Flags()
	flags.StringVarP(&in.file, "file", "f", "", "JSON file with the order, - for standard input")
	flags.StringVar(&in.name, "name", "", "whom to call at the counter")
	flags.StringArrayVar(&in.lines, "line", nil, "such as 12xL:red-velvet or 12xL:red-velvet:MESSAGE; may be given several times")
	flags.StringVar(&in.notes, "notes", "", "for the people who make and hand out the order")
	flags.StringArrayVar(&in.allergies, "allergy", nil, "what must not be near the cupcakes; may be given several times")
	flags.StringVar(&in.total, "total", "", "what the order must cost, such as \"EUR 28.80\"; otherwise nothing is ordered")
	flags.StringVar(&in.pickup, "pickup", "", `when it is to be fetched, by the bakery's clock, such as "2026-11-28 10:00" (see cupcakery slots); as soon as possible without it`)
	completeLines(cmd, settings)
}

// completeLines offers what may stand in --line.
func completeLines(cmd *cobra.Command, settings *orderSettings) {
	err := cmd.RegisterFlagCompletionFunc("line", func(cmd *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return completeLine(typed, func() []string { return settings.flavours(cmd) }), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	})
	if err != nil {
		panic(err) // the flag exists
	}
}

// completeLine offers sizes after a quantity and flavours after a size.
func completeLine(typed string, flavours func() []string) []string {
	start, _, hasFlavour := strings.Cut(typed, ":")
	if hasFlavour {
		var values []string
		for _, flavour := range flavours() {
			values = append(values, start+":"+flavour)
		}
		return startingWith(typed, values)
	}
	quantity := strings.TrimRight(typed, "xXSMLsml")
	if _, err := strconv.Atoi(quantity); err != nil {
		return nil
	}
	var values []string
	for _, size := range kitchen.Sizes() {
		values = append(values, quantity+"x"+string(size)+":")
	}
	return startingWith(typed, values)
}

// read is the order of the flags, still without its pickup time, or the file that has it.
// A file is sent as it is: the API reads it strictly and names every fault in it.
func (in *orderInput) read(cmd *cobra.Command) (order kitchen.Order, file []byte, err error) {
	if in.file != "" {
		for _, flag := range []string{"name", "line", "notes", "allergy", "total", "pickup"} {
			if cmd.Flags().Changed(flag) {
				return order, nil, &exitError{exitUsage, fmt.Errorf("--file and --%s both say what is ordered: keep one", flag)}
			}
		}
		file, err = readFileOrStdin(in.file, cmd.InOrStdin())
		return order, file, err
	}
	if in.name == "" && len(in.lines) == 0 {
		return order, nil, &exitError{exitUsage, errors.New("nothing is ordered: give --file, or --name and --line (see cupcakery order create --help)")}
	}
	order = kitchen.Order{Customer: kitchen.Customer{Name: in.name}, Notes: in.notes, Allergies: in.allergies}
	var faults []error
	if cmd.Flags().Changed("total") {
		total, err := kitchen.ParseMoney(in.total)
		if err != nil {
			faults = append(faults, fmt.Errorf("--total: %w", err))
		}
		order.Total = &total
	}
	for _, text := range in.lines {
		line, err := parseLine(text)
		if err != nil {
			faults = append(faults, err)
		}
		order.Lines = append(order.Lines, line)
	}
	if len(faults) > 0 {
		return order, nil, &exitError{exitUsage, errors.Join(faults...)}
	}
	return order, nil, nil
}

func readFileOrStdin(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		data, err := io.ReadAll(stdin)
		if err != nil {
			return nil, fmt.Errorf("read the order from standard input: %w", err)
		}
		return data, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("read the order: %w", err)}
	}
	return data, nil
}

var lineForm = regexp.MustCompile(`^\s*([0-9]{1,9})\s*[xX×]\s*([sSmMlL]|[xX][lL])\s*$`)

// parseLine reads QUANTITYxSIZE:FLAVOUR[:MESSAGE]. What the words mean is for
// the API to say, which knows the menu.
func parseLine(text string) (kitchen.Line, error) {
	start, rest, found := strings.Cut(text, ":")
	match := lineForm.FindStringSubmatch(start)
	flavour, message, _ := strings.Cut(rest, ":")
	flavour = strings.TrimSpace(flavour)
	if !found || match == nil || flavour == "" {
		return kitchen.Line{}, fmt.Errorf("--line %q: write QUANTITYxSIZE:FLAVOUR with a size of S, M, L or XL, such as 12xL:red-velvet, and :MESSAGE after it if you like", text)
	}
	quantity, err := strconv.Atoi(match[1])
	if err != nil {
		return kitchen.Line{}, fmt.Errorf("--line %q: %w", text, err)
	}
	return kitchen.Line{Quantity: quantity, Size: kitchen.Size(strings.ToUpper(match[2])), Flavour: flavour, Message: message}, nil
}
