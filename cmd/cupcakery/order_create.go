package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
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
refused unless it costs exactly that.

A flavour that meets one of the allergies must be confirmed: a terminal is asked,
a script gives --allergy-confirmed.`,
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
			if unconfirmed, is := errors.AsType[*unconfirmedError](err); is && terminalOf(cmd.InOrStdin()) != nil {
				if !askToConfirm(cmd.InOrStdin(), cmd.ErrOrStderr(), unconfirmed.conflicts) {
					return &exitError{exitRefused, errors.New("nothing was ordered")}
				}
				if body, err = confirmAllergy(body); err != nil {
					return err
				}
				status, err = settings.create(cmd, apiClient, key, body)
			}
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
	var conflicts []string
	status, err := untilAnswered(cmd, s, keyedRequest[kitchen.Status]{
		key: key, what: "the same order", unknown: "the order was taken", once: "there will be one",
		send: func(ctx context.Context) (*kitchen.Status, int, []byte, error) {
			answer, err := apiClient.CreateOrderWithBodyWithResponse(ctx, &wire.CreateOrderParams{IdempotencyKey: &key}, "application/json", bytes.NewReader(body))
			if err != nil {
				return nil, 0, nil, err
			}
			conflicts = allergyFaults(answer.StatusCode(), answer.Body)
			return answer.JSON201, answer.StatusCode(), answer.Body, nil
		},
	})
	if err != nil && len(conflicts) > 0 {
		return status, &unconfirmedError{err, conflicts}
	}
	return status, err
}

// unconfirmedError is the refusal of an order with which nothing is wrong but that
// flavours meet an allergy and nobody has confirmed that.
type unconfirmedError struct {
	error
	// conflicts say of each flavour what it contains.
	conflicts []string
}

func (e *unconfirmedError) Error() string {
	return e.error.Error() + "\nIf the customer wants that, repeat the command with --allergy-confirmed."
}

func (e *unconfirmedError) Unwrap() error { return e.error }

// allergyFaults are the faults of a refused order that the customer may confirm; none
// if anything else is wrong with it too.
func allergyFaults(status int, body []byte) []string {
	var problem wire.Problem
	if status != http.StatusUnprocessableEntity || json.Unmarshal(body, &problem) != nil {
		return nil
	}
	var faults []string
	for _, fault := range problem.Errors {
		if fault.Pointer == nil || *fault.Pointer != "/allergyConfirmed" {
			return nil
		}
		conflict, _, _ := strings.Cut(fault.Detail, ":") // the rest says what to send
		faults = append(faults, conflict)
	}
	return faults
}

// askToConfirm asks whether the customer wants the flavours all the same.
func askToConfirm(in io.Reader, out io.Writer, conflicts []string) bool {
	for _, conflict := range conflicts {
		_, _ = fmt.Fprintf(out, "%s.\n", printable(conflict)) // who cannot read it does not answer
	}
	_, _ = fmt.Fprint(out, "Order all the same? [y/N] ")
	answer, _ := bufio.NewReader(in).ReadString('\n') // no answer is a no
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes"
}

// confirmAllergy adds the confirmation to an order, which is left as it is otherwise.
func confirmAllergy(body []byte) ([]byte, error) {
	var order map[string]json.RawMessage
	if err := json.Unmarshal(body, &order); err != nil {
		return nil, fmt.Errorf("confirm the order: %w", err)
	}
	order["allergyConfirmed"] = json.RawMessage("true")
	return json.Marshal(order)
}

// orderInput are the flags that say what is ordered.
type orderInput struct {
	file      string
	name      string
	phone     string
	lines     []string
	notes     string
	allergies []string
	confirmed bool
	total     string
	pickup    string
}

func (in *orderInput) register(cmd *cobra.Command, settings *orderSettings) {
	flags := cmd.Flags()
	flags.StringVarP(&in.file, "file", "f", "", "JSON file with the order, - for standard input")
	flags.StringVar(&in.name, "name", "", "whom to call at the counter")
	flags.StringVar(&in.phone, "phone", "", "where to call the customer, such as \"+49 30 5550123\"; only staff see it")
	flags.StringArrayVar(&in.lines, "line", nil, "such as 12xL:red-velvet or 12xL:red-velvet:MESSAGE; may be given several times")
	flags.StringVar(&in.notes, "notes", "", "for the people who make and hand out the order")
	flags.StringArrayVar(&in.allergies, "allergy", nil, "what must not be near the cupcakes; may be given several times")
	flags.BoolVar(&in.confirmed, "allergy-confirmed", false, "the customer wants the flavours although they meet one of the allergies")
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
		for _, flag := range []string{"name", "phone", "line", "notes", "allergy", "allergy-confirmed", "total", "pickup"} {
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
	order = kitchen.Order{Customer: kitchen.Customer{Name: in.name}, Phone: in.phone, Notes: in.notes, Allergies: in.allergies, AllergyConfirmed: in.confirmed}
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
