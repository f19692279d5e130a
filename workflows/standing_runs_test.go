package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/workflows"
)

func TestARunTellsItsStandingOrder(t *testing.T) {
	t.Parallel()
	const id = "0199c0de-7a11-7000-8000-00000000cafe"
	found, is := workflows.StandingOfRun(workflows.ScheduleOf(id) + "-2026-11-23T12:00:00Z")
	require.True(t, is)
	require.Equal(t, id, found)
	for _, other := range []string{"", "order-" + id, workflows.ScheduleOf(id), workflows.ScheduleOf(id) + "0", "standing-2026-11-23T12:00:00Z"} {
		_, is := workflows.StandingOfRun(other)
		require.False(t, is, other)
	}
}
