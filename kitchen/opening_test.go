package kitchen

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// bakeryIn is a kitchen's opening in a zone, with the same spans on every day.
func bakeryIn(t testing.TB, zone string, spans string) *Opening {
	t.Helper()
	file := "opening:\n  timezone: " + zone + "\n  slot: 30m\n  capacity: 24\n  lead: {base: 1h, perDozen: 10m}\n  hours:\n"
	for day := range time.Saturday + 1 {
		file += fmt.Sprintf("    %s: [%s]\n", strings.ToLower(day.String()), spans)
	}
	k, err := Parse("kitchen.yaml", []byte(file))
	require.NoError(t, err)
	return &k.Opening
}

func date(t testing.TB, text string) Date {
	t.Helper()
	parsed, err := ParseDate(text)
	require.NoError(t, err)
	return parsed
}

// walls are the times that the clock on the wall shows when a day's slots begin.
func (o *Opening) walls(day Date) []string {
	var walls []string
	for _, slot := range o.Plan(day).Slots() {
		walls = append(walls, slot.In(o.Location()).Format("15:04 -0700"))
	}
	return walls
}

func TestSlotsInTheNightsInWhichClocksChange(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ zone, day, spans, want string }{
		"an hour is skipped": {"Europe/Berlin", "2026-03-29", "01:00-04:00",
			"01:00 +0100, 01:30 +0100, 03:00 +0200, 03:30 +0200"},
		"an hour comes twice": {"Europe/Berlin", "2026-10-25", "01:30-03:30",
			"01:30 +0200, 02:00 +0200, 02:30 +0200, 02:00 +0100, 02:30 +0100, 03:00 +0100"},
		"it opens in the hour that is skipped":        {"Europe/Berlin", "2026-03-29", "02:30-04:00", "03:00 +0200, 03:30 +0200"},
		"it is open only in the hour that is skipped": {"Europe/Berlin", "2026-03-29", "02:00-03:00", ""},
		"it closes in the hour that comes twice":      {"Europe/Berlin", "2026-10-25", "01:30-02:30", "01:30 +0200, 02:00 +0200"},
		"it opens in the hour that comes twice":       {"America/New_York", "2026-11-01", "01:30-02:30", "01:30 -0400, 01:00 -0500, 01:30 -0500, 02:00 -0500"},
		"half an hour is skipped":                     {"Australia/Lord_Howe", "2026-10-04", "01:30-03:30", "01:30 +1030, 02:30 +1100, 03:00 +1100"},
		"half an hour comes twice":                    {"Australia/Lord_Howe", "2026-04-05", "01:00-02:30", "01:00 +1100, 01:30 +1100, 01:30 +1030, 02:00 +1030"},
		"the day begins at one":                       {"Africa/Cairo", "2026-04-24", "00:00-02:00", "01:00 +0300, 01:30 +0300"},
		"the day's last hour comes twice":             {"Africa/Cairo", "2026-10-29", "22:30-24:00", "22:30 +0300, 23:00 +0300, 23:30 +0300, 23:00 +0200, 23:30 +0200"},
		"the calendar has no such day":                {"Pacific/Apia", "2011-12-30", "00:00-24:00", ""},
		"no clock changes":                            {"Asia/Kolkata", "2026-03-29", "01:30-03:00", "01:30 +0530, 02:00 +0530, 02:30 +0530"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := bakeryIn(t, c.zone, c.spans)
			assert.Equal(t, c.want, strings.Join(o.walls(date(t, c.day)), ", "))
		})
	}
}

// Whoever is always open has slots without a gap and without an overlap, each on its own day.
func TestTheSlotsOfABakeryThatIsAlwaysOpenHaveNoGap(t *testing.T) {
	t.Parallel()
	for _, zone := range []string{"UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/Havana", "Africa/Cairo", "Asia/Beirut", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Chatham"} {
		t.Run(zone, func(t *testing.T) {
			t.Parallel()
			o := bakeryIn(t, zone, "00:00-24:00")
			for _, year := range []int{2011, 2018, 2026} {
				day := Date{year, time.January, 1}
				next := o.Plan(day).Slots()[0]
				for ; day.Year == year; day = day.Next() {
					plan := o.Plan(day)
					for _, slot := range plan.Slots() {
						require.Equal(t, next, slot, day)
						require.Equal(t, day, o.DateOf(slot))
						require.True(t, o.IsOpen(slot))
						next = next.Add(time.Duration(plan.Slot))
					}
					require.Equal(t, next, plan.EndsAt, day)
				}
			}
		})
	}
}

func TestWhatOpeningHoursSay(t *testing.T) {
	t.Parallel()
	k, err := Parse("kitchen.yaml", []byte(`
opening:
  timezone: Europe/Berlin
  hours:
    monday: [08:00-12:00, 14:00-18:00]
    saturday: [09:00-13:00]
  closed: [2026-11-30]
  slot: 1h
  capacity: 24
  lead: {base: 1h, perDozen: 30m}
  ahead: 14
`))
	require.NoError(t, err)
	o := &k.Opening
	at := func(text string) time.Time {
		t.Helper()
		parsed, err := time.ParseInLocation("2006-01-02 15:04", text, o.Location())
		require.NoError(t, err)
		return parsed
	}
	require.Equal(t, []string{"08:00 +0100", "09:00 +0100", "10:00 +0100", "11:00 +0100", "14:00 +0100", "15:00 +0100", "16:00 +0100", "17:00 +0100"}, o.walls(date(t, "2026-11-23")))
	require.Empty(t, o.walls(date(t, "2026-11-30")), "a closed day")
	require.Empty(t, o.walls(date(t, "2026-11-24")), "a day that the file leaves out")

	require.True(t, o.IsOpen(at("2026-11-23 11:59")))
	require.False(t, o.IsOpen(at("2026-11-23 12:00")))
	require.False(t, o.IsOpen(at("2026-11-30 09:00")))
	opens, found := o.NextOpening(at("2026-11-28 13:00"))
	require.True(t, found)
	require.True(t, opens.Equal(at("2026-12-05 09:00")), "%s: monday is closed", opens)
	_, found = (&Opening{}).NextOpening(at("2026-11-28 13:00"))
	require.False(t, found)

	for name, c := range map[string]struct {
		now    string
		pieces int
		want   string // empty for none
	}{
		"at once":                  {"2026-11-23 06:30", 1, "2026-11-23 08:00"},
		"each dozen that is begun": {"2026-11-23 07:00", 13, "2026-11-23 09:00"},
		"after the break":          {"2026-11-23 10:01", 12, "2026-11-23 14:00"},
		"not on a closed day":      {"2026-11-28 12:00", 1, "2026-12-05 09:00"},
	} {
		slot, found := o.Earliest(at(c.now), c.pieces)
		require.True(t, found, name)
		require.True(t, slot.Equal(at(c.want)), "%s: %s", name, slot)
		require.NoError(t, o.CheckPickup(at(c.now), slot, c.pieces), name)
	}
	for want, c := range map[string]struct {
		now, at string
		pieces  int
	}{
		"Mon 23 Nov 2026 08:00 CET is over: the first slot for this order is Mon 23 Nov 2026 10:00 CET":                     {"2026-11-23 08:01", "2026-11-23 08:00", 12},
		"Mon 23 Nov 2026 09:00 CET is too soon for 12 cupcakes: the first slot for this order is Mon 23 Nov 2026 10:00 CET": {"2026-11-23 08:00", "2026-11-23 09:00", 12},
		"Mon 23 Nov 2026 09:30 CET is no slot: use the beginning of one, as GET /api/v1/slots lists them":                   {"2026-11-23 07:00", "2026-11-23 09:30", 1},
		"the bakery is closed on 2026-11-30: the first slot for this order is Mon 23 Nov 2026 09:00 CET":                    {"2026-11-23 07:00", "2026-11-30 09:00", 1},
		"one slot has room for 24 cupcakes, the order has 25: split it over several slots":                                  {"2026-11-23 07:00", "2026-11-23 17:00", 25},
		"Mon 14 Dec 2026 08:00 CET is too far ahead: slots can be taken up to 2026-12-07":                                   {"2026-11-23 07:00", "2026-12-14 08:00", 1},
	} {
		require.EqualError(t, o.CheckPickup(at(c.now), at(c.at), c.pieces), want)
	}

	pickup := o.PickupFor(Order{Lines: []Line{{Quantity: 13}}, PickupAt: at("2026-11-28 10:00")})
	require.True(t, pickup.BeginAt.Equal(at("2026-11-28 08:00")))
	require.Equal(t, date(t, "2026-11-28"), pickup.Plan.Day)
	require.True(t, pickup.Plan.EndsAt.Equal(at("2026-11-29 00:00")))
	require.Nil(t, o.PickupFor(Order{}))
}

// Whatever happens to a day, no slot has more than its capacity, and a place that was given
// stays its order's until that gives it back.
func TestADayGivesNoPlaceTwice(t *testing.T) {
	t.Parallel()
	o := bakeryIn(t, "Europe/Berlin", "08:00-12:00")
	plan := o.Plan(Date{2026, time.November, 28})
	slots := plan.Slots()
	rapid.Check(t, func(t *rapid.T) {
		var day PickupDay
		now := plan.Spans[0].From.Add(-time.Hour)
		has, gone := map[string]Reservation{}, map[string]bool{}
		taken := func(slot time.Time) (pieces int) {
			for _, r := range has {
				if r.Slot.Equal(slot) {
					pieces += r.Pieces
				}
			}
			return pieces
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			id := rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}).Draw(t, "order")
			if rapid.IntRange(0, 3).Draw(t, "what") == 0 {
				day.Release(id)
				delete(has, id)
				gone[id] = true
			} else {
				r := Reservation{Holder: id, Slot: rapid.SampledFrom(slots[:3]).Draw(t, "slot"), Pieces: rapid.IntRange(1, 12).Draw(t, "pieces"), Plan: plan}
				if before, again := has[id]; again {
					r = before
				}
				err := day.Reserve(now, r)
				_, again := has[id]
				fits := again || !gone[id] && taken(r.Slot)+r.Pieces <= plan.Capacity
				if fits != (err == nil) {
					t.Fatalf("%s: %v, though %d are taken", id, err, taken(r.Slot))
				}
				if err == nil {
					has[id] = r
				} else if full := err.(*NoPlaceError); full.Why == PickupFull {
					for _, free := range full.Free {
						if taken(free)+r.Pieces > plan.Capacity {
							t.Fatalf("%s is offered and full", free)
						}
					}
				}
			}
			for _, slot := range slots {
				if day.Taken(slot) != taken(slot) || taken(slot) > plan.Capacity {
					t.Fatalf("%s has %d, and %d were given", slot, day.Taken(slot), taken(slot))
				}
			}
		}
	})
}

func TestWhyAPlaceIsRefused(t *testing.T) {
	t.Parallel()
	o := bakeryIn(t, "Europe/Berlin", "08:00-10:00")
	plan := o.Plan(Date{2026, time.November, 28})
	slots := plan.Slots()
	early := slots[0].Add(-time.Hour)
	var day PickupDay
	ask := func(id string, slot time.Time, pieces int) Reservation {
		return Reservation{Holder: id, Slot: slot, Pieces: pieces, Plan: plan}
	}
	require.NoError(t, day.Reserve(early, ask("a", slots[1], 20)))
	require.NoError(t, day.Reserve(slots[3], ask("a", slots[1], 20)), "it has it, whenever it asks again")
	require.NoError(t, day.Reserve(early, ask("b", slots[2], 24)))
	require.Equal(t, []TakenSlot{{slots[1], 20}, {slots[2], 24}}, day.Slots())
	for name, c := range map[string]struct {
		now  time.Time
		r    Reservation
		want NoPlaceError
	}{
		"full":                 {early, ask("c", slots[1], 5), NoPlaceError{PickupFull, []time.Time{slots[3], slots[0]}}},
		"full, and it is late": {slots[0], ask("c", slots[1], 5), NoPlaceError{PickupFull, []time.Time{slots[3]}}},
		"over":                 {slots[1], ask("c", slots[1], 1), NoPlaceError{Why: PickupOver}},
		"no slot":              {early, ask("c", slots[1].Add(time.Minute), 1), NoPlaceError{Why: PickupNoSlot}},
		"another slot":         {early, ask("a", slots[0], 1), NoPlaceError{Why: PickupNoSlot}},
	} {
		require.Equal(t, &c.want, day.Check(c.now, c.r), name)
	}
	day.Release("a")
	require.Equal(t, &NoPlaceError{Why: PickupReleased}, day.Reserve(early, ask("a", slots[1], 20)))
	require.NoError(t, day.Reserve(early, ask("c", slots[1], 24)), "its place is free again")
	day.Release("d")
	require.Equal(t, &NoPlaceError{Why: PickupReleased}, day.Reserve(early, ask("d", slots[0], 1)), "a reservation that comes after its release")
}

func TestADayHasARoundTripThroughItsWorkflowID(t *testing.T) {
	t.Parallel()
	day := Date{2026, time.November, 28}
	require.Equal(t, "pickup-2026-11-28", PickupWorkflowID(day))
	back, err := DateFromPickupWorkflowID("pickup-2026-11-28")
	require.NoError(t, err)
	require.Equal(t, day, back)
	_, err = DateFromPickupWorkflowID("order-2026-11-28")
	require.EqualError(t, err, `workflow id "order-2026-11-28" does not start with "pickup-"`)
	_, err = DateFromPickupWorkflowID("pickup-2026-11-31")
	require.Error(t, err)
}
