package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func newOrderCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "order",
		Short: "Order cupcakes, find, follow and change orders",
		Long: `Order cupcakes, find, follow and change orders, through the API. Only doctor and
erase, which are for operators, speak to Temporal and Kafka themselves. Only list, find,
explain, ready, collected, rush, resolve, resolve-many and cancel-many are for staff,
who sign in with --as; for the rest an order's id is enough. Staff may give an order's
pickup code instead of its id.

Results go to standard output, everything else to standard error. Exit codes:
0 done, 1 failed (for watch also: the order was cancelled), 2 wrong usage,
3 no such order, 4 the order or what was asked of it was refused, 5 the API
cannot be reached.`,
		Args: cobra.ArbitraryArgs,
		RunE: chooseSubcommand,
	}
	cmd.AddCommand(
		newOrderAmendCommand(),
		newOrderCancelCommand(),
		newOrderCancelManyCommand(),
		newOrderCollectedCommand(),
		newOrderCreateCommand(),
		newOrderDoctorCommand(),
		newOrderEraseCommand(),
		newOrderExplainCommand(),
		newOrderFindCommand(),
		newOrderGetCommand(),
		newOrderListCommand(),
		newOrderReadyCommand(),
		newOrderResolveCommand(),
		newOrderResolveManyCommand(),
		newOrderRushCommand(),
		newOrderWatchCommand(),
	)
	return cmd
}

// orderSettings are the flags of every order command.
type orderSettings struct {
	api    string
	output string
	// as is whom a command for staff signs in as, with pin.
	as, pin string
	// session sends what connect's client sends.
	session *staffTransport
	// zone is the bakery's, once it was asked for.
	zone *time.Location
}

// defaultAPI is where the API listens on a developer's machine.
const defaultAPI = "http://127.0.0.1:8080"

func (s *orderSettings) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&s.api, "api", defaultAPI, "address of the API")
	fromEnvironment(flags, "api", "CUPCAKERY_API")
	registerOutput(cmd, &s.output)
}

// connect checks the settings and returns the API's client. It sends nothing.
func (s *orderSettings) connect() (*client.ClientWithResponses, error) {
	if err := checkOutput(s.output); err != nil {
		return nil, err
	}
	address, err := url.Parse(s.api)
	if err != nil || address.Host == "" || (address.Scheme != "http" && address.Scheme != "https") {
		return nil, &exitError{exitUsage, fmt.Errorf("--api %q: give an address such as http://127.0.0.1:8080", s.api)}
	}
	s.session = &staffTransport{base: http.DefaultTransport, api: s.api, name: s.as, pin: s.pin}
	apiClient, err := client.NewClientWithResponses(s.api,
		client.WithHTTPClient(&http.Client{Timeout: 20 * time.Second, Transport: s.session}),
		client.WithRequestEditorFn(func(_ context.Context, request *http.Request) error {
			request.Header.Set("User-Agent", "cupcakery/"+version)
			return nil
		}))
	if err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("--api %q: %w", s.api, err)}
	}
	return apiClient, nil
}

// connectAsStaff asks for the PIN, if there is one to ask for, and connects.
func (s *orderSettings) connectAsStaff(cmd *cobra.Command) (*client.ClientWithResponses, error) {
	if err := s.askForPIN(cmd); err != nil {
		return nil, err
	}
	return s.connect()
}

// unreachable is the error for a request that got no answer.
func (s *orderSettings) unreachable(err error) error {
	if errors.Is(err, context.Canceled) {
		return &exitError{exitFailed, errors.New("interrupted")}
	}
	var reason error = err
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		reason = wrapped.Err // without the address, which has the order's id
	}
	return &exitError{exitUnavailable, fmt.Errorf("the API at %s cannot be reached: %w; start it (make run), or give its address with --api or $CUPCAKERY_API", s.api, reason)}
}

// isDialError reports whether no connection was made, so that nothing was sent.
func isDialError(err error) bool {
	operation, ok := errors.AsType[*net.OpError](err)
	return ok && operation.Op == "dial"
}

// refusal is the error for an answer that is not a success: what the problem
// document says, with each field on a line of its own.
func refusal(status int, body []byte) error {
	code := exitFailed
	switch {
	case status == http.StatusNotFound:
		code = exitNotFound
	case status == http.StatusBadGateway, status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout, status == http.StatusTooManyRequests:
		code = exitUnavailable
	case status >= 400 && status < 500:
		code = exitRefused
	}
	var problem wire.Problem
	if err := json.Unmarshal(body, &problem); err != nil || problem.Title == "" {
		return &exitError{code, fmt.Errorf("the API answered %d %s, and not as Cupcakery does: check the address", status, http.StatusText(status))}
	}
	text := strings.Builder{}
	text.WriteString(safeText(problem.Title))
	if len(problem.Errors) == 0 && problem.Detail != "" {
		text.WriteString(": " + safeText(problem.Detail))
	}
	for _, fault := range problem.Errors {
		where := fault.Parameter + fault.Header
		if fault.Pointer != nil {
			where = *fault.Pointer
		}
		if where != "" {
			where += ": "
		}
		text.WriteString("\n  " + safeText(where+fault.Detail))
	}
	text.WriteString(signInRemedy(problem.Type))
	if code == exitFailed && problem.RequestID != "" {
		text.WriteString(" (request " + safeText(problem.RequestID) + ")")
	}
	return &exitError{code, errors.New(text.String())}
}

// checkOrderID refuses what cannot be an order's id before it is sent.
func checkOrderID(id string) error {
	if err := kitchen.CheckOrderID(id); err != nil {
		return &exitError{exitUsage, err}
	}
	return nil
}

// complete offers values for a flag that start with what was typed.
func complete(cmd *cobra.Command, flag string, values func(typed string) []string) {
	err := cmd.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return startingWith(typed, values(typed)), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // only for a flag that does not exist, or twice
	}
}

func startingWith(typed string, values []string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(value string) bool { return !strings.HasPrefix(value, typed) })
}

// completionWithin is how long a shell may wait for the API.
const completionWithin = time.Second

// ask connects for a completion, for which cobra does not read the environment.
func (s *orderSettings) ask(cmd *cobra.Command) (*client.ClientWithResponses, context.Context, context.CancelFunc, bool) {
	if err := applyEnvironment(cmd.Flags(), os.LookupEnv); err != nil {
		return nil, nil, nil, false
	}
	// A shell that completes asks nobody for a PIN.
	if s.as, s.pin = os.Getenv(nameVariable), os.Getenv(pinVariable); s.pin == "" {
		s.as = ""
	}
	apiClient, err := s.connect()
	if err != nil {
		return nil, nil, nil, false
	}
	ctx, cancel := context.WithTimeout(context.Background(), completionWithin)
	return apiClient, ctx, cancel, true
}

// flavours returns the menu's flavour codes, or none if the API does not answer.
func (s *orderSettings) flavours(cmd *cobra.Command) []string {
	apiClient, ctx, cancel, ok := s.ask(cmd)
	if !ok {
		return nil
	}
	defer cancel()
	answer, err := apiClient.GetMenuWithResponse(ctx)
	if err != nil || answer.JSON200 == nil {
		return nil
	}
	return kitchen.Menu{Flavours: answer.JSON200.Flavours}.FlavourCodes()
}

// completeOrderID offers the newest orders, with pickup code and name.
func (s *orderSettings) completeOrderID(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	apiClient, ctx, cancel, ok := s.ask(cmd)
	if !ok {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer cancel()
	answer, err := apiClient.ListOrdersWithResponse(ctx, &wire.ListOrdersParams{})
	if err != nil || answer.JSON200 == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ids []cobra.Completion
	for _, order := range answer.JSON200.Orders {
		if strings.HasPrefix(order.ID, typed) {
			ids = append(ids, cobra.CompletionWithDesc(order.ID, safeText(order.PickupCode+" "+order.Customer.Name)))
		}
	}
	return ids, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}
