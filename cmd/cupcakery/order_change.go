package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/internal/retry"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// lostRetries are the pauses before a request without an answer is sent again.
var lostRetries = []time.Duration{200 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second}

// keyedRequest is a request with an idempotency key, so that it may be sent
// again when its answer is lost.
type keyedRequest[T any] struct {
	key string
	// what names what is sent again, such as "the same order"; unknown says
	// what nobody knows if no answer comes, and once what a repetition does.
	what, unknown, once string
	// send returns a good answer, or else the status and body of another.
	send func(ctx context.Context) (good *T, status int, body []byte, err error)
}

// untilAnswered sends a request until it is answered.
func untilAnswered[T any](cmd *cobra.Command, s *orderSettings, request keyedRequest[T]) (T, error) {
	ctx := cmd.Context()
	var none T
	for attempt := 0; ; attempt++ {
		good, status, body, err := request.send(ctx)
		if err == nil && good != nil {
			return *good, nil
		}
		if err == nil {
			err = refusal(status, body)
			if status < http.StatusInternalServerError || isKitchenFull(body) {
				return none, err
			}
		} else {
			nothingSent := isDialError(err) && attempt == 0
			err = s.unreachable(err)
			if nothingSent || ctx.Err() != nil {
				return none, err
			}
		}
		if attempt == len(lostRetries) {
			return none, &exitError{exitUnavailable, fmt.Errorf("%w\nIt is unknown whether %s: repeat the command with --idempotency-key %s and %s", err, request.unknown, request.key, request.once)}
		}
		cmd.PrintErrf("No answer yet (%v); sending %s again.\n", err, request.what)
		if !retry.Pause(ctx, lostRetries[attempt]) {
			return none, s.unreachable(ctx.Err())
		}
	}
}

// isKitchenFull reports whether an answer says that nothing was ordered because
// the kitchen is full: trying again at once would not help.
func isKitchenFull(body []byte) bool {
	var problem wire.Problem
	return json.Unmarshal(body, &problem) == nil && problem.Type == wire.ProblemKitchenFull
}

// orderChange are the settings of a command that changes an order.
type orderChange struct {
	orderSettings
	key string
}

func (c *orderChange) register(cmd *cobra.Command) {
	c.orderSettings.register(cmd)
	c.registerStaff(cmd)
	cmd.Flags().StringVar(&c.key, "idempotency-key", "", "16 to 128 printable characters; the same key never acts twice on the order (default: a fresh one)")
}

// sendChange sends a change of an order as JSON, by one of the client's methods.
type sendChange func(ctx context.Context, apiClient *client.ClientWithResponses, orderID, key, body string) (order *kitchen.Status, status int, answer []byte, err error)

// run changes an order and prints its new status; done is the sentence for people.
func (c *orderChange) run(cmd *cobra.Command, called string, asked any, done string, send sendChange) error {
	apiClient, orderID, err := c.connectFor(cmd, called, openState)
	if err != nil {
		return err
	}
	body, err := json.Marshal(asked)
	if err != nil {
		return fmt.Errorf("write what is asked of the order: %w", err)
	}
	if c.key == "" {
		c.key = uuid.NewString()
	}
	order, err := untilAnswered(cmd, &c.orderSettings, keyedRequest[kitchen.Status]{
		key: c.key, what: "the same request", unknown: "it was done", once: "it is done once",
		send: func(ctx context.Context) (*kitchen.Status, int, []byte, error) {
			return send(ctx, apiClient, orderID, c.key, string(body))
		},
	})
	if err != nil {
		return err
	}
	if c.output == outputJSON {
		return writeJSON(cmd.OutOrStdout(), order, "  ")
	}
	if err := writeStatus(cmd.OutOrStdout(), order); err != nil {
		return err
	}
	cmd.PrintErrf("%s Follow it with: cupcakery order watch %s\n", done, order.ID)
	return nil
}

// resolveCommands are the commands that decide about an order, one a choice.
func resolveCommands(status kitchen.Status) []string {
	var commands []string
	for _, choice := range status.Attention.Choices {
		commands = append(commands, fmt.Sprintf("cupcakery order resolve %s %s", status.ID, choice))
	}
	return commands
}

// choiceWords lists choices as a sentence does.
func choiceWords(choices []kitchen.Choice) string {
	words := make([]string, len(choices))
	for i, choice := range choices {
		words[i] = string(choice)
	}
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
