package worker

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

func TestWhatACarriedAckTellsIsMeasured(t *testing.T) {
	t.Parallel()
	issued := time.Date(2026, 11, 28, 6, 0, 0, 0, time.UTC)
	at := func(minutes float64) time.Time { return issued.Add(time.Duration(minutes * float64(time.Minute))) }
	begun := at(2)
	appended := events.Message{Appended: true, Time: at(12)}
	byBroker := board.Entry{Issued: board.Heard{Appended: true, Time: issued}}
	for name, c := range map[string]struct {
		ack                     kitchen.Ack
		message                 events.Message
		entry                   board.Entry
		carried, waited, inHand float64 // seconds; -1 for not measured
	}{
		"ADoneThatTellsWhenItBegan":        {kitchen.Ack{Kind: kitchen.AckDone, At: at(12), StartedAt: &begun}, appended, byBroker, 1, 120, 600},
		"ADoneWhoseStartTheLogKnows":       {kitchen.Ack{Kind: kitchen.AckDone, At: at(12)}, appended, board.Entry{Issued: byBroker.Issued, StartedAt: &begun}, 1, 120, 600},
		"ADoneThatNobodyBegan":             {kitchen.Ack{Kind: kitchen.AckDone, At: at(12)}, appended, byBroker, 1, -1, -1},
		"AFailure":                         {kitchen.Ack{Kind: kitchen.AckFailed, At: at(12), StartedAt: &begun}, appended, byBroker, 1, -1, -1},
		"AnAckThatItsSenderHasDated":       {kitchen.Ack{Kind: kitchen.AckDone, At: at(12), StartedAt: &begun}, events.Message{Time: at(12)}, board.Entry{}, -1, -1, 600},
		"AClockThatIsALittleBehind":        {kitchen.Ack{Kind: kitchen.AckDone, At: at(1.5), StartedAt: &begun}, appended, byBroker, 1, 120, 0},
		"AClockThatIsAYearAheadOfTheOther": {kitchen.Ack{Kind: kitchen.AckDone, At: at(500_000), StartedAt: &begun}, appended, byBroker, 1, 120, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry := prometheus.NewRegistry()
			m := newMetrics(registry)
			c.ack.Stage = kitchen.Bake
			m.hasCarried(c.ack, c.message, c.entry, at(12).Add(time.Second))
			sums := map[string]float64{}
			families, err := registry.Gather()
			require.NoError(t, err)
			for _, family := range families {
				for _, metric := range family.GetMetric() {
					if histogram := metric.GetHistogram(); histogram.GetSampleCount() > 0 {
						sums[family.GetName()] = histogram.GetSampleSum()
					}
				}
			}
			want := map[string]float64{}
			for name, seconds := range map[string]float64{"cupcakery_ack_carried_seconds": c.carried, "cupcakery_ticket_waited_seconds": c.waited, "cupcakery_ticket_in_hand_seconds": c.inHand} {
				if seconds >= 0 {
					want[name] = seconds
				}
			}
			require.Equal(t, want, sums)
		})
	}
}

func TestAnAckThatCannotBeUnderstoodHasNoKindOfItsOwn(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	m := newMetrics(registry)
	m.finished("", outcomePoison, 1)
	m.finished("anything that somebody wrote", outcomePoison, 1)
	require.InDelta(t, 2, m.count(t, "unknown", outcomePoison), 0)
	require.NotContains(t, text(t, registry), "anything")
}

// text is what a registry gives.
func text(t *testing.T, registry *prometheus.Registry) string {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	var text strings.Builder
	for _, family := range families {
		text.WriteString(family.String())
	}
	return text.String()
}
