package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
)

// Ten orders wait behind a busy mixer. Each became needs-attention, and each of ten
// customers read that something went wrong.
func TestAQueueIsNoIncident(t *testing.T) {
	t.Parallel()
	const orders = 11
	f := newLeverFactory(t, "attention: {afterReissues: 2, untakenAfter: 5s}")
	var queue []*leverOrder
	for range orders {
		o := &leverOrder{leverFactory: f, t: t, id: f.place(wedding()).ID}
		o.awaitIssued("mix.1", 1)
		queue = append(queue, o)
	}
	mia := f.person(kitchen.Mix, "mia")
	typed(t, mia, "start 1")
	var inHand int
	f.eventually(func() error { // her first ticket may be anybody's
		inHand = slices.IndexFunc(queue, func(o *leverOrder) bool {
			status, err := f.get(o.id)
			return err == nil && status.Stages[0].By == "mia"
		})
		if inHand < 0 {
			return errors.New("nothing is in hand")
		}
		return nil
	})
	for _, o := range slices.Concat(queue[:inHand], queue[inHand+1:]) {
		o.awaitIssued("mix.1", 6) // it was asked about after the third
	}
	for _, o := range queue {
		status, err := f.get(o.id)
		require.NoError(t, err)
		require.Equal(t, kitchen.StateInProgress, status.State)
		require.Nil(t, status.Attention)
		require.Equal(t, kitchen.Mix, status.WaitingFor)
	}
	status, err := f.get(queue[inHand].id)
	require.NoError(t, err)
	require.Equal(t, "mia", status.Stages[0].By, "she has been at it all the time")
	require.Contains(t, f.run("order", "list", "--state", "needs-attention"), "No order matches")

	stations := f.run("stations")
	require.Regexp(t, fmt.Sprintf(`(?m)^mix +%d +1 +0 .*nobody has taken anything for `, orders-1), stations)
	require.Equal(t, 1, strings.Count(stations, "nobody has taken anything"), stations)
	typed(t, mia, "done 1", "start 2")
	f.eventually(func() error {
		if stations := f.run("stations"); strings.Contains(stations, "nobody has taken anything") {
			return errors.New(stations)
		}
		return nil
	})
}
