package workflows_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"github.com/cupcakery/cupcakery/kitchen"
)

// TestATicketIsDueWhenItsOrderIs, however often that is made, and the rules of an older
// build do not tell.
func TestATicketIsDueWhenItsOrderIs(t *testing.T) {
	t.Parallel()
	burnsOnce := func(f *factory) {
		f.answer = func(i issue) (kitchen.Ack, error) {
			if i.ticket.Stage == kitchen.Bake && i.ticket.Pass == 1 {
				ack := f.done(i)
				ack.Kind, ack.Reason = kitchen.AckFailed, "burnt"
				return kitchen.Ack{}, temporal.NewNonRetryableApplicationError("burnt", "burnt", nil, ack)
			}
			return f.done(i), nil
		}
	}
	f := newFactory(t)
	burnsOnce(f)
	f.in.Rules = kitchen.Default().OrderRules()
	f.run()
	require.Len(t, f.issued, 6)
	for _, issued := range f.issued {
		require.Equal(t, placedAt.Add(f.in.Rules.Lead.For(13)), issued.ticket.DueAt, issued.ticket.TicketID)
	}

	old := newFactory(t)
	burnsOnce(old)
	require.Nil(t, old.in.Rules.Lead)
	old.run()
	for _, issued := range old.issued {
		require.Zero(t, issued.ticket.DueAt)
	}
}
