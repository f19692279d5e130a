package main

import (
	"context"
	"time"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// bakeryZone is the bakery's time zone: customers come to it, wherever they order from.
// It is UTC if the API does not tell.
func bakeryZone(ctx context.Context, apiClient client.ClientWithResponsesInterface) *time.Location {
	menu, err := apiClient.GetMenuWithResponse(ctx)
	if err != nil || menu.JSON200 == nil {
		return time.UTC
	}
	return zoneOf(*menu.JSON200)
}

func zoneOf(menu wire.Menu) *time.Location {
	zone, err := time.LoadLocation(menu.Timezone)
	if err != nil {
		return time.UTC
	}
	return zone
}

// dueAtTheBakery puts the times at which customers come into the bakery's zone, which
// is asked for once.
func (s *orderSettings) dueAtTheBakery(ctx context.Context, apiClient client.ClientWithResponsesInterface, orders []wire.OrderSummary) {
	for i := range orders {
		if orders[i].DueAt.IsZero() {
			continue
		}
		if s.zone == nil {
			s.zone = bakeryZone(ctx, apiClient)
		}
		orders[i].DueAt = orders[i].DueAt.In(s.zone)
	}
}

// dueClock is a time at which customers come, as the time's own zone has it: without the
// date if it is today, and with the zone's name if clocks here show another time.
func dueClock(at *time.Time, now time.Time) string {
	if at == nil || at.IsZero() {
		return "-"
	}
	return dueIn(*at, now, time.TimeOnly, time.DateTime)
}

// shortDueClock is dueClock where there is little room.
func shortDueClock(at, now time.Time) string { return dueIn(at, now, "15:04", "Jan 2 15:04") }

func dueIn(at, now time.Time, today, otherwise string) string {
	format := otherwise
	if at.Format(time.DateOnly) == now.In(at.Location()).Format(time.DateOnly) {
		format = today
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
