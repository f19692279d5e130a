package kitchen

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func fullStatus() Status {
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	return Status{
		ID: someOrder, PickupCode: "K7QF", State: StateNeedsAttention, Route: Route{Mix, Bake}, Stage: Bake, WaitingFor: Bake,
		Customer: Customer{Name: "Ada"}, Phone: "+49305550123", Lines: []Line{{Flavour: "vanilla", Size: SizeM, Quantity: 2, Message: "Ada is 40"}},
		UnitPrices: []int64{290}, Total: &Money{"EUR", 2, 580},
		Notes: "ring the bell", Allergies: []string{"nuts"}, PlacedAt: at, DueAt: &at, ShippedAt: &at, CancelledAt: &at,
		Stages:  []StageStatus{{Stage: Mix, Pass: 1, State: TicketDone, Attempt: 1, By: "mia", Undo: &UndoStatus{State: TicketWaiting, Attempt: 1}}},
		Remakes: 1, Scrapped: 2, Attention: &Attention{Reason: "burnt", Stage: Bake, Pass: 1, Since: at, Choices: Choices()},
		Decisions:    []Decision{{AskedAt: at, At: at, Stage: Mix, Pass: 1, Cause: CauseFailed, Choice: ChoiceRetry, By: "max"}},
		CancelledBy:  "max",
		CancelReason: "moved away", Version: 7, DetailsVersion: 3,
	}
}

// Every field is either told or the customer's own: a new one needs a decision.
func TestTheLogTellsAllButWhatIsTheCustomersOwn(t *testing.T) {
	status := fullStatus()
	told := status.ForLog(status.PlacedAt)
	written, err := json.Marshal(told)
	require.NoError(t, err)
	for _, private := range []string{"Ada", "5550123", "bell", "nuts", "moved"} {
		assert.NotContains(t, string(written), private)
	}
	read, err := ParseLoggedStatus(written)
	require.NoError(t, err)
	assert.Equal(t, told, read)

	own := Status{ID: status.ID, PickupCode: status.PickupCode, Customer: status.Customer, Phone: status.Phone, Lines: status.Lines, UnitPrices: status.UnitPrices, Total: status.Total, Notes: status.Notes, Allergies: status.Allergies, CancelReason: status.CancelReason}
	assert.Equal(t, status, own.With(told))
	value := reflect.ValueOf(status)
	for i := range value.NumField() {
		if name := value.Type().Field(i).Name; name != "Stale" && name != "Estimate" { // of an answer, not of the order
			assert.False(t, value.Field(i).IsZero(), "%s is not part of this test", name)
		}
	}
}

func TestWhatTheLogTellsSharesNothingThatChanges(t *testing.T) {
	status := fullStatus()
	told := status.ForLog(status.PlacedAt)
	status.Stages[0].By, status.Stages[0].Undo.By, status.Lines[0].Quantity, status.Route[0] = "eve", "eve", 9, Decorate
	status.Decisions[0].By = "eve"
	assert.Equal(t, fullStatus().ForLog(status.PlacedAt), told)
	again := Status{}.With(told)
	again.Stages[0].Undo.By, again.Decisions[0].By = "eve", "eve"
	assert.Empty(t, told.Stages[0].Undo.By)
	assert.Equal(t, "max", told.Decisions[0].By)
}

// largeStatus is the status of an order that was made as often as given, with texts as
// JSON writes them longest.
func largeStatus(passes int, text func(most int) string) Status {
	at := time.Date(2026, 1, 31, 12, 0, 0, 999_999_999, time.UTC)
	status := fullStatus()
	status.Route, status.Remakes, status.Scrapped = Stages(), passes-1, 1<<40
	limits := HardLimits()
	status.Lines, status.Notes = nil, text(limits.NotesLength)
	status.UnitPrices, status.Total = nil, &Money{"EUR", 2, maxMoney}
	for range limits.Lines {
		status.UnitPrices = append(status.UnitPrices, 3*MaxPrice)
		status.Lines = append(status.Lines, Line{Flavour: strings.Repeat("<", maxCodeLength), Size: SizeXL, Quantity: limits.Quantity, Message: text(limits.MessageLength)})
	}
	status.Stages = nil
	for pass := 1; pass <= passes; pass++ {
		for _, stage := range Stages() {
			status.Stages = append(status.Stages, StageStatus{
				Stage: stage, Pass: pass, State: TicketWaiting, Attempt: MaxAttempt, By: text(MaxByLength), IssuedAt: &at, StartedAt: &at,
				DoneAt: &at, MadeBy: text(MaxByLength), Reason: text(MaxReasonLength), FailedAt: &at, Note: text(MaxAckNoteLength), Scrapped: 1 << 40,
				Undo: &UndoStatus{
					State: TicketWaiting, Attempt: MaxAttempt, IssuedAt: &at, StartedAt: &at, By: text(MaxByLength), UndoneAt: &at,
					Scrapped: MaxScrapped, Left: text(MaxDecisionLength),
				},
			})
		}
	}
	status.Attention = &Attention{
		Reason: text(MaxReasonLength + MaxByLength + MaxAckNoteLength + 200), Stage: Package, Pass: passes, Undoing: true, Since: at,
		Cause: CauseUndoFailed, By: text(MaxByLength), ReasonCode: text(MaxReasonLength), Choices: Choices(),
	}
	name := []rune(text(MaxByLength)) // of a manager, which nobody can make longer
	status.CancelledBy = string(name[:min(len(name), MaxByLength)])
	status.Decisions = nil
	for range MaxDecisions {
		asked := Attention{Stage: Package, Pass: MaxPass, Undoing: true, Since: at, Cause: CauseEndedByHand, ReasonCode: text(MaxReasonLength)}
		status.Decisions = AddDecision(status.Decisions, asked.Decide(ChoiceRemake, status.CancelledBy, at))
	}
	return status
}

func requireFits(t require.TestingT, told LoggedStatus) {
	told.Repeated = true // as whoever tells it again says
	written, err := json.Marshal(told)
	require.NoError(t, err)
	require.LessOrEqual(t, len(written), MaxLoggedStatusBytes)
	_, err = ParseLoggedStatus(written)
	require.NoError(t, err)
}

// Readers need the last pass, which may have open tickets.
func TestWhatTheLogTellsOfTheLargestOrderIsReadByAll(t *testing.T) {
	t.Parallel()
	status := largeStatus(MaxPass, func(most int) string { return strings.Repeat("<", most) })
	status.Version, status.DetailsVersion = maxVersion, maxVersion
	told := status.ForLog(status.PlacedAt)
	requireFits(t, told)
	last := status.Stages[len(status.Stages)-len(Stages()):]
	require.Equal(t, last, told.Stages, "the last pass, and nothing of it is cut")
	require.Equal(t, status.Attention, told.Attention)
	require.Equal(t, MaxPass-1, told.Remakes)
}

func TestWhatTheLogTellsOfAnyOrderIsReadByAll(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.SampledFrom([]string{"b", "ß", "<", "\"", "\xff", "\u2028", "🧁"})
		byHand := rapid.SampledFrom([]int{1, 1, 1, 1000}).Draw(t, "ended by hand")
		status := largeStatus(rapid.SampledFrom([]int{1, 2, 5, 20}).Draw(t, "passes"), func(most int) string {
			length := rapid.SampledFrom([]int{0, 1, most / 3, most, most * byHand}).Draw(t, "length")
			return strings.Repeat(piece.Draw(t, "piece"), length)
		})
		status.Stages = status.Stages[:len(status.Stages)-rapid.IntRange(0, len(Stages())-1).Draw(t, "stages to come")]
		if rapid.Bool().Draw(t, "nothing is asked") {
			status.Attention = nil
		}
		told := status.ForLog(status.PlacedAt)
		requireFits(t, told)
		whole := told
		whole.Stages = status.Stages
		require.GreaterOrEqual(t, told.sizeAtMost(status.Stages), sizeOf(whole), "else no row is left out where some must be")

		last := status.Stages[len(status.Stages)-1].Pass
		first := len(status.Stages) - len(told.Stages)
		require.Equal(t, status.Stages[first].Pass, told.Stages[0].Pass)
		require.True(t, first == 0 || status.Stages[first-1].Pass < status.Stages[first].Pass, "a pass is told as a whole")
		if !reflect.DeepEqual(told.Stages, status.Stages[first:]) || !reflect.DeepEqual(told.Attention, status.Attention) {
			require.Equal(t, last, told.Stages[0].Pass, "nothing is cut while a pass can be left out")
			whole.Stages, whole.Attention = status.Stages[first:], status.Attention
			require.Greater(t, sizeOf(whole)+len(`"repeated":true,`), MaxLoggedStatusBytes, "nothing is cut that fits")
			return
		}
		if first > 0 {
			before := slices.IndexFunc(status.Stages, func(row StageStatus) bool { return row.Pass == told.Stages[0].Pass-1 })
			whole.Stages = status.Stages[before:]
			require.Greater(t, sizeOf(whole)+len(`"repeated":true,`), MaxLoggedStatusBytes, "no pass is left out that fits")
		}
		own := status
		own.Remakes = 0
		require.Equal(t, status, own.With(told), "whoever knew the passes before knows them still")
	})
}

func TestALoggedStatusThatIsWrongNamesTheField(t *testing.T) {
	for name, wrong := range map[string]struct{ old, new, says string }{
		"NotJSON":        {`{"orderId"`, `["orderId"`, "not an order's status"},
		"Order":          {someOrder, "7", "orderId"},
		"NoVersion":      {`"version":7`, `"version":0`, "version: must be from 1 to 9007199254740991, it is 0"},
		"HugeVersion":    {`"version":7`, `"version":9007199254740992`, "version: must be from 1 to 9007199254740991"},
		"DetailsVersion": {`"detailsVersion":3`, `"detailsVersion":8`, "detailsVersion: must be from 0 to version, it is 8"},
		"State":          {`"needs-attention"`, `"baked"`, `state: "baked" is no state of an order`},
		"PickupCode":     {"K7QF", strings.Repeat("K", 17), "pickupCode: must have at most 16 characters, it has 17"},
	} {
		t.Run(name, func(t *testing.T) {
			written, err := json.Marshal(fullStatus().ForLog(time.Unix(1, 0)))
			require.NoError(t, err)
			text := strings.Replace(string(written), wrong.old, wrong.new, 1)
			require.NotEqual(t, string(written), text)
			told, err := ParseLoggedStatus([]byte(text))
			require.ErrorContains(t, err, wrong.says)
			assert.Zero(t, told)
		})
	}
}
