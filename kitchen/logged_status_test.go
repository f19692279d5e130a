package kitchen

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func fullStatus() Status {
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	return Status{
		ID: someOrder, PickupCode: "K7QF", State: StateNeedsAttention, Route: Route{Mix, Bake}, Stage: Bake, WaitingFor: Bake,
		Customer: Customer{Name: "Ada"}, Lines: []Line{{Flavour: "vanilla", Size: SizeM, Quantity: 2, Message: "Ada is 40"}},
		Notes: "ring the bell", Allergies: []string{"nuts"}, PlacedAt: at, ShippedAt: &at, CancelledAt: &at,
		Stages:  []StageStatus{{Stage: Mix, Pass: 1, State: TicketDone, Attempt: 1, By: "mia", Undo: &UndoStatus{State: TicketWaiting, Attempt: 1}}},
		Remakes: 1, Scrapped: 2, Attention: &Attention{Reason: "burnt", Stage: Bake, Pass: 1, Since: at, Choices: Choices()},
		CancelReason: "moved away", Version: 7, DetailsVersion: 3,
	}
}

// Every field is either told or the customer's own: a new one needs a decision.
func TestTheLogTellsAllButWhatIsTheCustomersOwn(t *testing.T) {
	status := fullStatus()
	told := status.ForLog(status.PlacedAt)
	written, err := json.Marshal(told)
	require.NoError(t, err)
	for _, private := range []string{"Ada", "bell", "nuts", "moved"} {
		assert.NotContains(t, string(written), private)
	}
	read, err := ParseLoggedStatus(written)
	require.NoError(t, err)
	assert.Equal(t, told, read)

	own := Status{ID: status.ID, PickupCode: status.PickupCode, Customer: status.Customer, Lines: status.Lines, Notes: status.Notes, Allergies: status.Allergies, CancelReason: status.CancelReason}
	assert.Equal(t, status, own.With(told))
	value := reflect.ValueOf(status)
	for i := range value.NumField() {
		if name := value.Type().Field(i).Name; name != "Stale" { // of an answer, not of the order
			assert.False(t, value.Field(i).IsZero(), "%s is not part of this test", name)
		}
	}
}

func TestWhatTheLogTellsSharesNothingThatChanges(t *testing.T) {
	status := fullStatus()
	told := status.ForLog(status.PlacedAt)
	status.Stages[0].By, status.Stages[0].Undo.By, status.Lines[0].Quantity, status.Route[0] = "eve", "eve", 9, Decorate
	assert.Equal(t, fullStatus().ForLog(status.PlacedAt), told)
	again := Status{}.With(told)
	again.Stages[0].Undo.By = "eve"
	assert.Empty(t, told.Stages[0].Undo.By)
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
