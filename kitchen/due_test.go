package kitchen

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// dueTable is testdata/due.json, which the browser's tests read as well.
type dueTable struct {
	Queue []struct {
		Why, TicketID string
		Kind          TicketKind
		Rush          bool
		Since, DueAt  time.Time
	}
	Rules   struct{ LateAfterSeconds, OverdueAfterSeconds, DueSoonSeconds int }
	Urgency []struct {
		Now, Since, DueAt time.Time
		Urgency           Urgency
	}
}

func readDueTable(t *testing.T) dueTable {
	t.Helper()
	data, err := os.ReadFile("testdata/due.json")
	require.NoError(t, err)
	var table dueTable
	require.NoError(t, json.Unmarshal(data, &table))
	return table
}

func TestAQueueIsInTheOrderOfTheTable(t *testing.T) {
	t.Parallel()
	table := readDueTable(t)
	var places []QueuePlace
	for _, ticket := range table.Queue {
		places = append(places, PlaceInQueue(ticket.TicketID, ticket.Kind, ticket.Rush, ticket.DueAt, ticket.Since))
	}
	for i := range places {
		for j := range places {
			assert.Equal(t, sign(i-j), places[i].Compare(places[j]), "%s and %s: %s", places[i].TicketID, places[j].TicketID, table.Queue[min(i, j)].Why)
		}
		assert.Equal(t, -1, QueuePlace{}.Compare(places[i]), "the zero value comes before all")
	}
}

func sign(n int) int { return min(1, max(-1, n)) }

func TestTicketsOfOlderBuildsAreSortedAsBefore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := func(name string) time.Time {
			return time.Unix(int64(rapid.IntRange(0, 3).Draw(t, name)), 0).UTC()
		}
		x := PlaceInQueue("x", TicketMake, false, time.Time{}, at("x"))
		y := PlaceInQueue("y", TicketMake, false, time.Time{}, at("y"))
		if x.Since.Equal(y.Since) {
			require.Equal(t, -1, x.Compare(y))
		} else {
			require.Equal(t, x.Since.Compare(y.Since), x.Compare(y))
		}
	})
}

func TestTheUrgencyOfATicketIsThatOfTheTable(t *testing.T) {
	t.Parallel()
	table, k := readDueTable(t), Default()
	assert.Equal(t, time.Duration(table.Rules.DueSoonSeconds)*time.Second, k.DueSoon(Bake))
	assert.Equal(t, time.Duration(table.Rules.LateAfterSeconds)*time.Second, time.Duration(k.Age[Bake].Late))
	assert.Equal(t, time.Duration(table.Rules.OverdueAfterSeconds)*time.Second, time.Duration(k.Age[Bake].Overdue))
	for _, each := range table.Urgency {
		assert.Equal(t, each.Urgency, k.UrgencyOf(Bake, each.DueAt, each.Since, each.Now), each)
	}
}

func TestDueSoonIsWhatIsLeftToDo(t *testing.T) {
	t.Parallel()
	k, stages := Default(), Stages()
	for i, stage := range slices.Backward(stages) {
		var after time.Duration
		if i+1 < len(stages) {
			after = k.DueSoon(stages[i+1])
		}
		assert.Equal(t, after+time.Duration(k.Age[stage].Late), k.DueSoon(stage), stage)
	}
	assert.LessOrEqual(t, k.DueSoon(stages[0]), k.Opening.Lead.For(1), "or an order would be due soon when it is placed")
}

// TestWhatIsWantedNowAndALaterOrderAreOnOneScale: an order for a slot begins as long
// before it as the kitchen plans for an order that is placed at that moment.
func TestWhatIsWantedNowAndALaterOrderAreOnOneScale(t *testing.T) {
	t.Parallel()
	k := Default()
	rapid.Check(t, func(t *rapid.T) {
		pieces := rapid.IntRange(1, 500).Draw(t, "pieces")
		order := Order{Lines: []Line{{Flavour: "lemon", Size: SizeM, Quantity: pieces}}, PickupAt: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}
		pickup := k.Opening.PickupFor(order)
		require.Equal(t, pickup.At, k.OrderRules().TargetFor(pickup.BeginAt, pieces))
	})
	assert.Zero(t, Rules{}.TargetFor(time.Now(), 1), "rules of older builds do not tell")
	assert.Zero(t, k.OrderRules().TargetFor(time.Time{}, 1))
}

func TestCancelledWorkIsNotDue(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	assert.Equal(t, at, Ticket{Kind: TicketMake, DueAt: at}.Due())
	assert.Zero(t, Ticket{Kind: TicketUndo, DueAt: at}.Due())
}
