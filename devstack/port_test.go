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

// A part that is down for a moment comes back to its port: nothing else may be
// there by then.
func TestNoPortIsHandedOutTwice(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for range 500 { // of 10,000: some would meet by chance
		port, err := FreePort()
		require.NoError(t, err)
		require.False(t, seen[port], "port %d was handed out before", port)
		seen[port] = true
	}
}
