package main

import (
	"context"
	"time"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/kitchen"
)

// bakeryZone is the bakery's time zone: customers come to it, wherever they order from.
// It is UTC if the API does not tell.
func bakeryZone(ctx context.Context, apiClient client.ClientWithResponsesInterface) *time.Location {
	menu, err := apiClient.GetMenuWithResponse(ctx)
	if err != nil || menu.JSON200 == nil {
		return time.UTC
	}
	zone, err := time.LoadLocation(menu.JSON200.Timezone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// dueClock is a time at which customers come, as the time's own zone has it: without the
// date if it is today, and with the zone's name if clocks here show another time.
func dueClock(at *time.Time, now time.Time) string {
	if at == nil || at.IsZero() {
		return "-"
	}
	format := time.DateTime
	if at.Format(time.DateOnly) == now.In(at.Location()).Format(time.DateOnly) {
		format = time.TimeOnly
	}
	if at.Format(time.DateTime) != at.In(now.Location()).Format(time.DateTime) {
		format += " MST"
	}
	return at.Format(format)
}

// inZone is a status whose times for the customer are in the bakery's zone.
func inZone(status kitchen.Status, zone *time.Location) kitchen.Status {
	if status.DueAt != nil {
		status.DueAt = new(status.DueAt.In(zone))
	}
	status.Estimate.From, status.Estimate.Until = status.Estimate.From.In(zone), status.Estimate.Until.In(zone)
	return status
}

// estimateWords says when an order may be ready; empty if nobody can say.
func estimateWords(estimate kitchen.Estimate) string {
	switch {
	case estimate.Until.IsZero():
		return ""
	case estimate.Slow:
		return "at about " + dueClock(&estimate.Until, time.Now()) + ", or later: it takes longer than usual"
	case estimate.From.Equal(estimate.Until):
		return "at about " + dueClock(&estimate.Until, time.Now())
	}
	return "between " + dueClock(&estimate.From, time.Now()) + " and " + dueClock(&estimate.Until, time.Now())
}
