package activities

import (
	"context"
	"errors"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"github.com/cupcakery/cupcakery/kitchen"
)

// ErrorTypeDayUnanswered is the type of the error with which an activity fails that
// could not ask the workflow of a day for a place.
const ErrorTypeDayUnanswered = "day-unanswered"

// ReservePlace reserves an order's place in its slot. Temporal takes only a few updates
// of the day's workflow at a time: who comes too many is tried again soon.
func (a *Activities) ReservePlace(ctx context.Context, r kitchen.Reservation) (kitchen.Reserved, error) {
	err := a.orders.Reserve(ctx, activity.GetInfo(ctx).TaskQueue, r)
	if refusal, is := errors.AsType[*kitchen.NoPlaceError](err); is {
		return kitchen.Reserved{Refused: refusal}, nil
	}
	return kitchen.Reserved{}, dayUnanswered(err)
}

// ReleasePlace gives an order's place back.
func (a *Activities) ReleasePlace(ctx context.Context, r kitchen.Reservation) error {
	return dayUnanswered(a.orders.Release(ctx, activity.GetInfo(ctx).TaskQueue, r))
}

func dayUnanswered(err error) error {
	if err == nil {
		return nil
	}
	return temporal.NewApplicationErrorWithOptions("the workflow of the day's slots could not be asked", ErrorTypeDayUnanswered, temporal.ApplicationErrorOptions{
		Category: temporal.ApplicationErrorCategoryBenign,
		Cause:    err,
	})
}
