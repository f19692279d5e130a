package kitchen

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func standingKitchen(t rapid.TB, opening string) *Kitchen {
	k, err := Parse("kitchen.yaml", []byte("opening: "+opening))
	require.NoError(t, err)
	return k
}

const berlin = `{timezone: Europe/Berlin, slot: 30m, capacity: 60, ahead: 30, lead: {base: 1h, perDozen: 10m}, closed: [2026-12-07],
  hours: {monday: ["08:00-12:00", "13:15-18:00"], friday: ["08:00-18:00"], sunday: ["02:00-05:00"]}}`

func everyWeek(at string, days ...Weekday) StandingOrder {
	return StandingOrder{Order: Order{Customer: Customer{Name: "Ada"}, Lines: []Line{{Flavour: "lemon", Size: SizeM, Quantity: 40}}}, At: at, Days: days}
}

func TestWhatStandingOrdersAreRefused(t *testing.T) {
	t.Parallel()
	k := standingKitchen(t, berlin)
	now := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	change := func(change func(*StandingOrder)) StandingOrder {
		s := everyWeek("08:30", "monday")
		change(&s)
		return s
	}
	for name, c := range map[string]struct {
		of    StandingOrder
		at    string
		words string
	}{
		"a slot of the second span": {everyWeek("13:45", "monday"), "", ""},
		"several days":              {everyWeek("08:30", "monday", "friday"), "", ""},
		"no slot":                   {everyWeek("08:20", "monday"), "/days/0", "no slot begins then on a monday: the bakery is open 08:00-12:00 and 13:15-18:00, with a slot every 30 minutes"},
		"the last slot would be too long": {everyWeek("17:45", "monday"), "/days/0",
			"no slot begins then on a monday: the bakery is open 08:00-12:00 and 13:15-18:00, with a slot every 30 minutes"},
		"a day on which nobody is there": {everyWeek("08:30", "monday", "tuesday"), "/days/1", "the bakery is closed on every tuesday: leave it out"},
		"a day twice":                    {everyWeek("08:30", "monday", "monday"), "/days/1", "monday is in the list already: leave one of them out"},
		"no day of the week":             {everyWeek("08:30", "someday"), "/days/0", `"someday" is no day of the week: use monday, tuesday and so on`},
		"no day":                         {everyWeek("08:30"), "/days", "must have at least one day of the week"},
		"no time":                        {everyWeek("8 am", "monday"), "/at", `"8 am" is no time of day: write it like 08:30`},
		"the end of the day":             {everyWeek("24:00", "monday"), "/at", `"24:00" is no time of day: write it like 08:30`},
		"an unknown flavour":             {change(func(s *StandingOrder) { s.Order.Lines[0].Flavour = "mud" }), "/order/lines/0/flavour", ""},
		"a total": {change(func(s *StandingOrder) { s.Order.Total = &Money{Currency: "EUR", Decimals: 2, Amount: 1} }), "/order/total",
			"a standing order has no total: each of its orders has the prices of the day on which it is placed"},
		"a pickup time": {change(func(s *StandingOrder) { s.Order.PickupAt = now }), "/order/pickupAt", "a standing order is fetched on its days: say so with days and at"},
		"more than a slot has room for": {change(func(s *StandingOrder) { s.Order.Lines[0].Quantity = 61 }), "/order/lines",
			"one slot has room for 60 cupcakes, the order has 61"},
		"it begins in a year":       {change(func(s *StandingOrder) { s.From = Date{2027, 11, 27} }), "", ""},
		"it begins later than that": {change(func(s *StandingOrder) { s.From = Date{9999, 12, 31} }), "/from", "must not be more than a year ahead"},
		"it ends before it begins":  {change(func(s *StandingOrder) { s.From, s.Until = Date{2026, 12, 4}, Date{2026, 12, 3} }), "/until", "must not be before the first day, and not be over"},
		"it is over":                {change(func(s *StandingOrder) { s.Until = Date{2026, 11, 25} }), "/until", "must not be before the first day, and not be over"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			faults := c.of.Check(k, now)
			if c.at == "" {
				require.Empty(t, faults)
				return
			}
			require.Len(t, faults, 1)
			require.Equal(t, c.at, faults[0].Pointer)
			if c.words != "" {
				require.Equal(t, c.words, faults[0].Detail)
			}
		})
	}
	for opening, words := range map[string]string{
		`{ahead: 0}`: "slots can be taken here only for the same day, so nothing can be ordered for every week: opening.ahead of the kitchen file must be at least 1",
		`{ahead: 1, capacity: 100, lead: {base: 12h, perDozen: 10m}}`: "the kitchen needs 12h40m0s for 40 cupcakes, and the orders are placed 1 days ahead",
	} {
		faults := everyWeek("08:30", "monday").Check(standingKitchen(t, opening), now)
		require.Len(t, faults, 1, opening)
		require.Equal(t, words, faults[0].Detail)
	}
}

func TestTheOrdersOfAStandingOrder(t *testing.T) {
	t.Parallel()
	k := standingKitchen(t, berlin)
	opening := &k.Opening
	monday := everyWeek("08:30", "monday", "sunday")
	thursday := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	first, found := monday.FirstOf(opening, thursday)
	require.True(t, found)
	require.Equal(t, Date{2026, 11, 30}, first, "not the sunday: no slot begins then")
	require.Equal(t, "Mon 23 Nov 2026 12:00 CET", opening.Say(opening.PlacedOn(first, 7)))

	order, err := monday.OrderOn(first, opening)
	require.NoError(t, err)
	require.Equal(t, time.Date(2026, 11, 30, 7, 30, 0, 0, time.UTC), order.PickupAt)
	order, err = monday.OrderOn(Date{2026, 7, 6}, opening)
	require.NoError(t, err)
	require.Equal(t, time.Date(2026, 7, 6, 6, 30, 0, 0, time.UTC), order.PickupAt, "by the bakery's clock, in summer too")

	early := time.Date(2026, 11, 30, 6, 0, 0, 0, time.UTC) // 07:00 there: forty take 1h40m
	first, found = monday.FirstOf(opening, early)
	require.True(t, found)
	require.Equal(t, Date{2026, 12, 14}, first, "not today, and not on the closed day")

	later := monday
	later.From = Date{2027, 3, 1}
	first, found = later.FirstOf(opening, thursday)
	require.True(t, found, "beyond the days for which slots can be taken now")
	require.Equal(t, Date{2027, 3, 1}, first)
	later.Until = Date{2027, 2, 28}
	_, found = later.FirstOf(opening, thursday)
	require.False(t, found)
}

// A clock that is put forward at noon would lose the orders of a day: none is.
func TestEveryDayHasAMomentAtWhichItsOrdersArePlaced(t *testing.T) {
	t.Parallel()
	zones := []string{"Europe/Berlin", "America/Sao_Paulo", "Asia/Beirut", "Africa/Cairo", "Australia/Lord_Howe", "Pacific/Chatham", "America/St_Johns", "Atlantic/Azores"}
	rapid.Check(t, func(t *rapid.T) {
		location, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		require.NoError(t, err)
		k := Default()
		opening := k.Opening
		opening.location = location
		day := Date{rapid.IntRange(2015, 2035).Draw(t, "year"), time.January, 1}.Add(rapid.IntRange(0, 365).Draw(t, "day"))
		ahead := rapid.IntRange(1, 7).Draw(t, "ahead")
		at := opening.PlacedOn(day, ahead).In(location)
		require.Equal(t, PlacedAtHour, at.Hour())
		require.Equal(t, day, DateIn(at, location).Add(ahead))
	})
}

// Slots are as long in real time as on other days, so on the two days on which the clock
// changes they may begin at other times. The order is made all the same.
func TestAStandingOrderHasASlotOnDaysOnWhichTheClockChanges(t *testing.T) {
	t.Parallel()
	for _, slot := range []time.Duration{15 * time.Minute, 45 * time.Minute, 90 * time.Minute, 2 * time.Hour} {
		k := Default()
		require.NoError(t, k.Opening.setTimeZone("Europe/Berlin"))
		k.Opening.Slot = Duration(slot)
		s := StandingOrder{Order: Order{Customer: Customer{Name: "Ada"}, Lines: []Line{{Flavour: "lemon", Size: SizeM, Quantity: 12}}}, Days: []Weekday{"sunday"}, At: "18:00"}
		require.Empty(t, s.Check(k, time.Date(2027, 3, 21, 11, 0, 0, 0, time.UTC)), "slots of %s", slot)
		for _, day := range []Date{{2027, 3, 21}, {2027, 3, 28}, {2027, 4, 4}, {2027, 10, 31}} {
			order, err := s.OrderOn(day, &k.Opening)
			require.NoError(t, err)
			require.NoError(t, k.Opening.CheckPickup(order.PickupAt.Add(-7*24*time.Hour), order.PickupAt, 12), "slots of %s on %s", slot, day)
			at := firstAt(day, 18*60, k.Opening.Location())
			require.False(t, order.PickupAt.After(at), "not later than it is wanted")
			require.Less(t, at.Sub(order.PickupAt), slot)
		}
	}
}
