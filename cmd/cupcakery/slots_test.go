package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func TestSlotsSayWhyAnOrderHasNoPlace(t *testing.T) {
	t.Parallel()
	day, err := kitchen.ParseDate("2026-11-28")
	require.NoError(t, err)
	at := time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC)
	slots := wire.Slots{Timezone: "UTC", Capacity: 96, Day: day, Days: []kitchen.Date{day}, Slots: []wire.SlotOffer{
		{At: at}, {At: at.Add(time.Hour), Left: 5}, {At: at.Add(2 * time.Hour), Left: 24, Free: true},
	}}
	api := newFakeAPI(t, answerJSON(http.StatusOK, slots))
	require.Equal(t, said{stderr: "Days with slots: 2026-11-28.\n", stdout: "PICKUP                LEFT  \n2026-11-28 09:00 UTC  0     full\n2026-11-28 10:00 UTC  5     too few\n2026-11-28 11:00 UTC  24    \n"},
		invoke(t, "", "slots", "--pieces", "6", "--api", api.URL))
	slots.Days, slots.Slots = []kitchen.Date{}, []wire.SlotOffer{}
	api = newFakeAPI(t, answerJSON(http.StatusOK, slots))
	require.Equal(t, said{stderr: "One slot has room for 96 cupcakes: split the order over several slots.\n"}, invoke(t, "", "slots", "--pieces", "97", "--api", api.URL))
}

// When clocks are put forward 02:30 does not exist, and when they are put back it
// comes twice.
func TestAPickupTimeIsWhatTheBakerysClockShows(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	const form = "2006-01-02 15:04"
	night := func(day string) (slots []wire.SlotOffer) {
		midnight, err := time.ParseInLocation(time.DateOnly, day, berlin)
		require.NoError(t, err)
		for i := range 6 * 4 {
			slots = append(slots, wire.SlotOffer{At: midnight.Add(time.Duration(i) * 15 * time.Minute).UTC()})
		}
		return slots
	}
	for text, want := range map[string]string{
		"2026-11-28 02:30": "2026-11-28T01:30:00Z",
		"2027-03-28 01:45": "2027-03-28T00:45:00Z",
		"2027-03-28 03:00": "2027-03-28T01:00:00Z",
		"2026-10-25 03:00": "2026-10-25T02:00:00Z",
		"2026-11-28 02:31": "2026-11-28T01:31:00Z", // the API says that this is no slot
	} {
		at, err := atClock(night(text[:10]), text, form, berlin)
		require.NoError(t, err, text)
		require.Equal(t, want, at.UTC().Format(time.RFC3339), text)
	}
	_, err = atClock(night("2027-03-28"), "2027-03-28 02:30", form, berlin)
	require.EqualError(t, err, `--pickup "2027-03-28 02:30": clocks are put forward then, and never show it`)
	_, err = atClock(night("2026-10-25"), "2026-10-25 02:30", form, berlin)
	require.EqualError(t, err, `--pickup "2026-10-25 02:30": clocks are put back then, and show it twice: write 2026-10-25T02:30:00+02:00 or 2026-10-25T02:30:00+01:00`)
}
