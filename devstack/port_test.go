package devstack

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A Temporal server needs nine, and could not start with two that are the same.
func TestPortsThatAreChosenTogetherDiffer(t *testing.T) {
	t.Parallel()
	ports, err := freePorts(500) // of 10,000: some would meet by chance
	require.NoError(t, err)
	slices.Sort(ports)
	require.Len(t, slices.Compact(ports), 500)
}
