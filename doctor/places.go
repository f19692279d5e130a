package doctor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/api/serviceerror"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// findPlaces finds the places, in slots that are still to come, of orders that have ended
// without giving them back: only their compensation does so, and an order that is
// terminated in Temporal does nothing more. What nobody can say of a day is left alone.
func (d *Doctor) findPlaces(ctx context.Context, now time.Time) ([]Place, error) {
	orders := workflows.NewOrders(d.config.Temporal, d.config.Encryption)
	asking, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	days, err := orders.Days(asking)
	if _, noNamespace := errors.AsType[*serviceerror.NamespaceNotFound](err); noNamespace {
		return []Place{}, nil // whether it is the right one is asked for tickets
	}
	if err != nil {
		return []Place{}, unlessAnswered(fmt.Errorf("ask Temporal about the days with slots: %w", err))
	}
	found := []Place{}
	for _, day := range days {
		held, err := d.heldOn(ctx, orders, day)
		if err != nil {
			d.config.Logger.Warn("Nobody could say who has a place on that day, which takes a worker", slog.String("day", day.String()), slog.Any("error", err))
			continue
		}
		left, err := d.leftBehind(ctx, day, held, now)
		if err != nil {
			return found, unlessAnswered(err)
		}
		found = append(found, left...)
	}
	return found, nil
}

func (d *Doctor) heldOn(ctx context.Context, orders *workflows.Orders, day kitchen.Date) ([]kitchen.Place, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	return orders.Places(ctx, day)
}

// leftBehind are those of a day's places that their orders have left.
func (d *Doctor) leftBehind(ctx context.Context, day kitchen.Date, held []kitchen.Place, now time.Time) ([]Place, error) {
	fates := make([]Fate, len(held))
	group, asking := errgroup.WithContext(ctx)
	group.SetLimit(questionsAtOnce)
	for i, place := range held {
		if !place.Slot.After(now) {
			fates[i] = FateRuns // nobody else can have it any more
			continue
		}
		group.Go(func() (err error) {
			fates[i], err = d.fateOfHolder(asking, place.Holder)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var left []Place
	for i, place := range held {
		if fates[i] == FateRuns || fates[i] == fateUnknown {
			continue
		}
		orderID, _ := workflows.OrderOfHolder(place.Holder)
		left = append(left, Place{Slot: place.Slot, Pieces: place.Pieces, OrderID: orderID, PickupCode: kitchen.PickupCode(orderID), Order: fates[i], day: day, holder: place.Holder})
	}
	return left, nil
}

// fateOfHolder is what became of who has a place: FateRuns unless it has ended without
// being packaged. One that was packaged keeps its place.
func (d *Doctor) fateOfHolder(ctx context.Context, holder string) (Fate, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	orderID, firstRunID := workflows.OrderOfHolder(holder)
	description, err := d.config.Temporal.DescribeWorkflowExecution(ctx, kitchen.WorkflowID(orderID), "")
	if isUnknownOrder(err) {
		return fateUnknown, nil // it may be in another namespace
	}
	if err != nil {
		return "", fmt.Errorf("ask Temporal about an order: %w", err)
	}
	info := description.GetWorkflowExecutionInfo()
	fate := fateOf(info.GetStatus())
	if info.GetFirstRunId() != firstRunID {
		return "replaced", nil // one that got no place, and was placed once more under the same key
	}
	if fate == "completed" {
		return FateRuns, nil
	}
	return fate, nil
}

// Release gives the places back that were found, and notes in found which it has given.
func (d *Doctor) Release(ctx context.Context, found *Findings) error {
	orders := workflows.NewOrders(d.config.Temporal, d.config.Encryption)
	var faults []error
	for i := range found.Places {
		place := &found.Places[i]
		if err := d.release(ctx, orders, *place); err != nil {
			faults = append(faults, unlessAnswered(fmt.Errorf("give a place on %s back, which takes a worker: %w", place.day, err)))
			continue
		}
		place.Released = true
	}
	return errors.Join(faults...)
}

func (d *Doctor) release(ctx context.Context, orders *workflows.Orders, place Place) error {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	return orders.GiveBack(ctx, place.day, place.holder)
}
