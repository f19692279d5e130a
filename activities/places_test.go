package activities

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/cupcakery/cupcakery/kitchen"
)

func TestAPlaceIsAskedForOnTheOrdersTaskQueue(t *testing.T) {
	t.Parallel()
	full := &kitchen.NoPlaceError{Why: kitchen.PickupFull, Free: []time.Time{time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC)}}
	for name, c := range map[string]struct {
		err     error
		refused *kitchen.NoPlaceError
		again   bool
	}{
		"and given":                             {nil, nil, false},
		"and refused, which is no failure":      {full, full, false},
		"and the day is asked again if it must": {errors.New("ten updates are under way"), nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			suite := &testsuite.WorkflowTestSuite{}
			env := suite.NewTestActivityEnvironment()
			orders := &office{err: c.err}
			a := &Activities{orders: orders}
			env.RegisterActivityWithOptions(a.ReservePlace, activity.RegisterOptions{Name: "ReservePlace"})
			value, err := env.ExecuteActivity("ReservePlace", kitchen.Reservation{Holder: "a", Plan: kitchen.PickupPlan{Day: kitchen.Date{Year: 2026, Month: time.November, Day: 28}}})
			require.Equal(t, []string{"default-test-taskqueue reserve a"}, orders.asked)
			if c.again {
				var failed *temporal.ApplicationError
				require.ErrorAs(t, err, &failed)
				require.False(t, failed.NonRetryable())
				require.Equal(t, ErrorTypeDayUnanswered, failed.Type())
				return
			}
			require.NoError(t, err)
			var reserved kitchen.Reserved
			require.NoError(t, value.Get(&reserved))
			require.Equal(t, c.refused, reserved.Refused)
		})
	}
}
