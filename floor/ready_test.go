package floor

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/floor/floortest"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// shipFor ships an order of a customer, which has a price or none.
func shipFor(t *testing.T, f *Floor, i int, name string, at time.Time, total *kitchen.Money) {
	t.Helper()
	m := record(t, events.TopicShip, at, kitchen.Shipped{OrderID: testOrderID(i), Customer: kitchen.Customer{Name: name}, Total: total, ShippedAt: at})
	m.Key = []byte(testOrderID(i))
	f.handle(m)
}

func TestWhatIsReadyIsListedUpToALimitAndFoundByCodeAndName(t *testing.T) {
	t.Parallel()
	now := morning
	f := newFloorAt(t, &now)
	for i, name := range []string{"Ada Lovelace", "Grace Hopper", "Éva Ödön"} {
		shipFor(t, f, i, name, now.Add(time.Duration(i)*time.Second), nil)
	}
	codes := func(search string, limit int) (codes []string, count int) {
		ready := f.ReadyOrders(search, limit)
		for _, order := range ready.Orders {
			codes = append(codes, order.PickupCode)
		}
		return codes, ready.Count
	}
	code := func(i int) string { return kitchen.PickupCode(testOrderID(i)) }
	shown, count := codes("", 2)
	require.Equal(t, []string{code(0), code(1)}, shown)
	require.Equal(t, 3, count, "with those for which there is no room")
	shown, count = codes(" "+code(2), 2)
	require.Equal(t, []string{code(2)}, shown)
	require.Equal(t, 1, count)
	for search, found := range map[string][]string{"h": {code(1)}, "ÉVA ö": {code(2)}, "eva o": {code(2)}, "race": nil, "nobody": nil} {
		shown, _ := codes(search, 9)
		require.Equal(t, found, shown, search)
	}
}

func TestWhoeverHandsAnOrderOutReadsWhatItsCustomerIsAllergicTo(t *testing.T) {
	t.Parallel()
	now := morning
	f := newFloorAt(t, &now)
	m := record(t, events.TopicShip, now, kitchen.Shipped{OrderID: testOrderID(1), Customer: kitchen.Customer{Name: "Ada"}, Allergies: []string{"nuts", "egg"}, ShippedAt: now})
	m.Key = []byte(testOrderID(1))
	f.handle(m)
	require.Equal(t, []string{"nuts", "egg"}, f.ReadyOrders("", 1).Orders[0].Allergies)
	f.mu.Lock()
	f.forgetPerson(testOrderID(1))
	f.mu.Unlock()
	require.Empty(t, f.shipped[testOrderID(1)].allergies, "what belongs to a customer is erased with the name")
}

func TestWhetherAnOrderWasCollectedIsKnownWhileTheLogTells(t *testing.T) {
	t.Parallel()
	now := morning
	f := newFloorAt(t, &now)
	ids := []string{testOrderID(1), testOrderID(2), testOrderID(3)}
	ship(t, f, 1, now)
	ship(t, f, 2, now)
	putFlag(t, f, kitchen.FlagCollected, testOrderID(2), now, nil)
	require.Equal(t, map[string]wire.OrderSummaryPickup{ids[0]: wire.PickupReady, ids[1]: wire.PickupCollected}, f.Pickups(ids))
	takeBackFlag(f, kitchen.FlagCollected, testOrderID(2), now)
	require.Equal(t, map[string]wire.OrderSummaryPickup{ids[0]: wire.PickupReady, ids[1]: wire.PickupReady}, f.Pickups(ids))
}

func TestTheDaysFiguresAreThoseOfTheBakerysDay(t *testing.T) {
	t.Parallel()
	now := morning
	f := newFloorAt(t, &now)
	f.kitchenFile.Menu.Prices = &kitchen.PriceList{Currency: "EUR", Decimals: 2}
	euros := func(amount int64) *kitchen.Money {
		return &kitchen.Money{Currency: "EUR", Decimals: 2, Amount: amount}
	}
	shipFor(t, f, 1, "Ada", now, euros(1250))
	shipFor(t, f, 2, "Ada", now, euros(300))
	shipFor(t, f, 3, "Ada", now, nil)
	shipFor(t, f, 4, "Ada", now, &kitchen.Money{Currency: "JPY", Amount: 700})
	shipFor(t, f, 5, "Ada", now.Add(-24*time.Hour), euros(9))
	putFlag(t, f, kitchen.FlagCollected, testOrderID(1), now, nil)
	require.Equal(t, wire.ShippedToday{Shipped: 4, Uncollected: 3, Total: *euros(1550)}, f.ReadyOrders("", 1).Today)
	f.kitchenFile.Menu.Prices = nil
	require.Equal(t, wire.ShippedToday{Shipped: 4, Uncollected: 3}, f.ReadyOrders("", 1).Today)
}

func TestOrdersAreCountedWhenTheyComeIntoTheKitchen(t *testing.T) {
	t.Parallel()
	now := morning
	f := newFloorAt(t, &now)
	issue := func(i int, stage kitchen.Stage, pass, attempt int, at time.Time) {
		ref := kitchen.TicketRef{OrderID: testOrderID(i), Stage: stage, Pass: pass, Kind: kitchen.TicketMake}
		f.handle(record(t, events.TicketTopic(stage), at, floortest.Ticket(ref, attempt)))
	}
	issue(1, kitchen.Mix, 1, 1, now)
	issue(1, kitchen.Mix, 1, 2, now.Add(time.Minute)) // again
	issue(1, kitchen.Bake, 1, 1, now)
	issue(1, kitchen.Mix, 2, 1, now) // a remake
	issue(2, kitchen.Mix, 1, 1, now)
	issue(3, kitchen.Mix, 1, 2, now)
	issue(3, kitchen.Mix, 1, 1, now.Add(-figuresStep)) // read late: it came earlier
	placed := f.figures.statistics(now).Placed
	require.Len(t, placed, figuresSteps)
	require.Equal(t, []int{1, 2}, placed[figuresSteps-2:])
}
