package floor

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// ReadyOrders are at most as many as limit of those that wait to be collected, the
// oldest first, and how many there are. With a search they are those whose code, or a
// word of whose name, begins with it.
func (f *Floor) ReadyOrders(search string, limit int) wire.ReadyOrders {
	ready := wire.ReadyOrders{Behind: f.Behind(), Orders: []wire.ReadyOrder{}}
	search = kitchen.Fold(search)
	f.mu.Lock()
	ready.Today = f.shippedToday()
	for orderID, order := range f.shipped {
		if code := kitchen.PickupCode(orderID); !order.collected && isMeant(search, code, order.name) {
			ready.Orders = append(ready.Orders, wire.ReadyOrder{ID: orderID, PickupCode: code, Name: order.name, Pieces: order.pieces, Allergies: order.allergies, Total: order.total, Since: order.at})
		}
	}
	f.mu.Unlock() // sorting may take a while, and the log's reader waits for the lock
	slices.SortFunc(ready.Orders, func(x, y wire.ReadyOrder) int { return cmp.Or(x.Since.Compare(y.Since), strings.Compare(x.ID, y.ID)) })
	ready.Count = len(ready.Orders)
	ready.Orders = ready.Orders[:min(ready.Count, limit)]
	return ready
}

// isMeant reports whether an order is one of those that are searched for, by a folded
// text.
func isMeant(search, code, name string) bool {
	if search == "" {
		return true
	}
	code, name = kitchen.Fold(code), kitchen.Fold(name)
	return strings.HasPrefix(code, search) || strings.Contains(" "+name, " "+search)
}

// shippedToday counts what was shipped since the bakery's day began. The lock is held.
func (f *Floor) shippedToday() wire.ShippedToday {
	var (
		today  wire.ShippedToday
		day    = f.kitchenFile.Opening.DateOf(f.logTime())
		prices = f.kitchenFile.Menu.Prices
		total  kitchen.Money
	)
	if prices != nil {
		total = kitchen.Money{Currency: prices.Currency, Decimals: prices.Decimals}
		today.Total = total
	}
	for _, order := range f.shipped {
		if f.kitchenFile.Opening.DateOf(order.at) != day {
			continue
		}
		today.Shipped++
		if !order.collected {
			today.Uncollected++
		}
		if cost := order.total; prices != nil && cost != nil && cost.Currency == total.Currency && cost.Decimals == total.Decimals && cost.Amount > 0 {
			today.Total.Amount += min(cost.Amount, math.MaxInt64-today.Total.Amount)
		}
	}
	return today
}
