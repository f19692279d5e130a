package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"time"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// apiBakery is a bakery by its API: customers use it as everybody does, and what is
// for staff is done as the demo's manager.
type apiBakery struct{ client *client.ClientWithResponses }

func newAPIBakery(apiURL string) (*apiBakery, error) {
	// A transport of its own: this must never go through a proxy.
	transport := &staffTransport{base: &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute}, api: apiURL}
	c, err := client.NewClientWithResponses(apiURL, client.WithHTTPClient(&http.Client{Transport: transport, Timeout: 10 * time.Second}))
	if err != nil {
		return nil, fmt.Errorf("prepare the demo's day: %w", err)
	}
	return &apiBakery{c}, nil
}

func (b *apiBakery) place(ctx context.Context, order kitchen.Order) (kitchen.Status, error) {
	answer, err := b.client.CreateOrderWithResponse(ctx, &wire.CreateOrderParams{IdempotencyKey: new(rand.Text())}, order)
	if err != nil {
		return kitchen.Status{}, err
	}
	return contentOf(answer.JSON201, answer.StatusCode(), answer.Body)
}

func (b *apiBakery) slots(ctx context.Context, pieces int) ([]wire.SlotOffer, error) {
	answer, err := b.client.GetSlotsWithResponse(ctx, &wire.GetSlotsParams{Pieces: &pieces})
	if err != nil {
		return nil, err
	}
	slots, err := contentOf(answer.JSON200, answer.StatusCode(), answer.Body)
	return slots.Slots, err
}

func (b *apiBakery) cancel(ctx context.Context, orderID, reason string) error {
	answer, err := b.client.CancelOrderWithResponse(ctx, orderID, &wire.CancelOrderParams{IdempotencyKey: new(rand.Text())}, kitchen.Cancellation{Reason: reason})
	if err != nil {
		return err
	}
	return unlessDone(answer.StatusCode(), answer.Body)
}

func (b *apiBakery) amend(ctx context.Context, orderID string, change kitchen.Amendment) error {
	answer, err := b.client.AmendOrderWithResponse(ctx, orderID, &wire.AmendOrderParams{IdempotencyKey: new(rand.Text())}, change)
	if err != nil {
		return err
	}
	return unlessDone(answer.StatusCode(), answer.Body)
}

func (b *apiBakery) open(ctx context.Context) (int, error) {
	answer, err := b.client.ListStationsWithResponse(ctx)
	if err != nil {
		return 0, err
	}
	stations, err := contentOf(answer.JSON200, answer.StatusCode(), answer.Body)
	open := 0
	for _, stage := range stations.Stages {
		open += stage.Waiting + stage.Started + stage.Failed
	}
	return open, err
}

func (b *apiBakery) questions(ctx context.Context) ([]wire.OrderSummary, error) {
	answer, err := b.client.ListOrdersWithResponse(ctx, &wire.ListOrdersParams{State: new(wire.ListedState(kitchen.StateNeedsAttention))})
	if err != nil {
		return nil, err
	}
	page, err := contentOf(answer.JSON200, answer.StatusCode(), answer.Body)
	return page.Orders, err
}

func (b *apiBakery) resolve(ctx context.Context, orderID string, decision kitchen.Resolution) error {
	answer, err := b.client.ResolveOrderWithResponse(ctx, orderID, &wire.ResolveOrderParams{IdempotencyKey: new(rand.Text())}, decision)
	if err != nil {
		return err
	}
	return unlessDone(answer.StatusCode(), answer.Body)
}

func (b *apiBakery) ready(ctx context.Context) ([]wire.ReadyOrder, error) {
	answer, err := b.client.ListReadyWithResponse(ctx, nil)
	if err != nil {
		return nil, err
	}
	ready, err := contentOf(answer.JSON200, answer.StatusCode(), answer.Body)
	return ready.Orders, err
}

func (b *apiBakery) collect(ctx context.Context, orderID string) error {
	answer, err := b.client.CollectOrderWithResponse(ctx, orderID)
	if err != nil {
		return err
	}
	return unlessDone(answer.StatusCode(), answer.Body)
}

// contentOf returns what was answered, or why it was refused.
func contentOf[T any](body *T, status int, raw []byte) (T, error) {
	if body == nil {
		var none T
		return none, refusal(status, raw)
	}
	return *body, nil
}

func unlessDone(status int, raw []byte) error {
	if status >= http.StatusMultipleChoices {
		return refusal(status, raw)
	}
	return nil
}
