package api

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

// wanted is what a list is to have.
type wanted struct {
	wire.ListOrdersParams
	// query finds, in Temporal, at least all that is wanted.
	query string
	// list names the list, for its page tokens.
	list string
	// day is the one of the filter; zero for any.
	day kitchen.Date
	// dayOf is the day that an order belongs to.
	dayOf func(order wire.OrderSummary) kitchen.Date
}

// wantedOrders reads the filters of a list.
func (s *Server) wantedOrders(filters wire.ListOrdersParams) (wanted, error) {
	opening := &s.kitchen.Opening
	w := wanted{ListOrdersParams: filters, query: listQuery(filters)}
	w.dayOf = func(order wire.OrderSummary) kitchen.Date {
		if order.DueAt.IsZero() {
			return opening.DateOf(order.PlacedAt)
		}
		return opening.DateOf(order.DueAt)
	}
	if filters.Q != nil && kitchen.Fold(*filters.Q) == "" {
		return w, fieldsProblem(wire.ProblemInvalidParameter, []wire.FieldError{{Parameter: "q", Detail: "must not be blank: give a pickup code, a part of a name or the last digits of a phone number, or leave it out"}})
	}
	if filters.Day != nil {
		var faults []wire.FieldError
		if w.day, faults = s.dayOf(*filters.Day); len(faults) > 0 {
			return w, fieldsProblem(wire.ProblemInvalidParameter, faults)
		}
		largest := s.kitchen.Limits.Lines * s.kitchen.Limits.Quantity
		w.query += " AND " + dayQuery(opening, w.day, opening.Lead.For(largest))
	}
	w.list = fmt.Sprintf("%s, day %s, searched for %q", w.query, w.day, orZero(filters.Q))
	return w, nil
}

// dayOf is a day by its date, or today.
func (s *Server) dayOf(text string) (kitchen.Date, []wire.FieldError) {
	if text == "today" {
		return s.kitchen.Opening.DateOf(time.Now()), nil
	}
	return readDay("day", text)
}

// dayQuery finds at least the orders of a day. Temporal does not know when an order is
// to be fetched, only when its last run began and ended: an order for later goes on in a
// new run on its day at the latest, and is ready at most the lead time before. Only one
// that is cancelled ends earlier.
func dayQuery(opening *kitchen.Opening, day kitchen.Date, lead time.Duration) string {
	begin, end := opening.Begin(day), opening.Begin(day.Next())
	placed := opening.Begin(day.Add(-opening.Ahead - 1)) // not earlier than a slot can be taken
	return fmt.Sprintf("StartTime < %s AND (CloseTime IS NULL OR CloseTime >= %s OR (%s = %s AND CloseTime >= %s))",
		quote(end.Format(time.RFC3339)), quote(begin.Add(-lead).Format(time.RFC3339)), workflows.KeyState.GetName(), quote(string(kitchen.StateCancelled)), quote(placed.Format(time.RFC3339)))
}

// has reports whether an order that Temporal has found is wanted.
func (w wanted) has(order wire.OrderSummary) bool {
	switch {
	case w.Customer != nil && *w.Customer != order.Customer.Name,
		!w.day.IsZero() && w.dayOf(order) != w.day,
		w.Q != nil && !w.isNamed(order):
		return false
	}
	return true
}

// isNamed reports whether the text that is searched for means an order.
func (w wanted) isNamed(order wire.OrderSummary) bool {
	return strings.EqualFold(strings.TrimSpace(*w.Q), order.PickupCode) || order.Customer.Names(*w.Q) || kitchen.PhoneEndsIn(order.Phone, *w.Q)
}

// soughtPlace is how far a search has come in a page of Temporal's: behind an order. Its
// place in the page changes while orders are placed and closed, so it counts only if the
// order has left the page.
type soughtPlace struct {
	Page  []byte `json:"page,omitempty"`
	After string `json:"after,omitempty"`
	Skip  int    `json:"skip,omitempty"`
}

// in is how many orders of the page, as it is now, the search has been through.
func (p soughtPlace) in(page []wire.OrderSummary) int {
	if i := slices.IndexFunc(page, func(order wire.OrderSummary) bool { return order.ID == p.After }); i >= 0 {
		return i + 1
	}
	return min(p.Skip, len(page))
}

// soughtOrders is a page of the orders that match and that Temporal alone cannot find:
// it does not know parts of names, phone numbers, nor days. So a request goes through a bounded number
// of orders, the open and the newest first, and the next page goes on behind them. What
// a pickup code finds comes at once.
func (s *Server) soughtOrders(ctx context.Context, filters wanted, limit int) (orders []wire.OrderSummary, next string, err error) {
	place, err := s.readSoughtToken(filters.list, orZero(filters.PageToken))
	if err != nil {
		return nil, "", err
	}
	code := ""
	if filters.Q != nil && kitchen.IsPickupCode(strings.TrimSpace(*filters.Q)) {
		code = strings.ToUpper(strings.TrimSpace(*filters.Q))
	}
	if code != "" && orZero(filters.PageToken) == "" {
		coded, _, err := s.search(ctx, filters.query+" AND "+workflows.KeyPickupCode.GetName()+" = "+quote(code), nil, limit)
		if err != nil {
			return nil, "", err
		}
		for _, order := range coded {
			if filters.has(order) {
				orders = append(orders, order)
			}
		}
	}
	for looked := 0; looked < soughtEach && len(orders) < limit; looked++ {
		found, after, err := s.search(ctx, filters.query, place.Page, soughtAtOnce)
		if err != nil {
			return nil, "", err
		}
		full := false
		for i := place.in(found); i < len(found) && !full; i++ {
			// The first page has those of the code, all of them unless they are very many.
			order := found[i]
			if filters.has(order) && (code == "" || order.PickupCode != code) {
				orders = append(orders, order)
				full = len(orders) == limit
			}
			place.After, place.Skip = found[i].ID, i+1
		}
		if full && place.Skip < len(found) {
			break
		}
		if place = (soughtPlace{Page: after}); len(after) == 0 {
			s.setPlaces(orders)
			return orders, "", nil
		}
	}
	s.setPlaces(orders)
	next, err = s.soughtToken(filters.list, place)
	return orders, next, err
}

func (s *Server) soughtToken(list string, place soughtPlace) (string, error) {
	token, err := json.Marshal(place)
	if err != nil {
		return "", fmt.Errorf("make a page token: %w", err)
	}
	return s.pageToken("search in "+list, token), nil
}

func (s *Server) readSoughtToken(list, text string) (place soughtPlace, err error) {
	token, err := s.readPageToken("search in "+list, text)
	if err != nil || len(token) == 0 {
		return place, err
	}
	if err := json.Unmarshal(token, &place); err != nil {
		return place, staleTokenProblem(err)
	}
	return place, nil
}
