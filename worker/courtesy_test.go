package worker

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
)

func started(ticketID, by string) kitchen.Ack {
	return kitchen.Ack{TicketID: ticketID, Kind: kitchen.AckStarted, By: by}
}

func TestCourtesy(t *testing.T) {
	t.Parallel()

	run := func(name string, test func(t *testing.T, c *courtesy, sent chan kitchen.Ack)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent := make(chan kitchen.Ack, 100)
				c := newCourtesy(func(_ context.Context, ack kitchen.Ack) { sent <- ack })
				test(t, c, sent)
				c.stop()
			})
		})
	}

	run("sends the name a moment later", func(t *testing.T, c *courtesy, sent chan kitchen.Ack) {
		c.plan(started("t1", "bob"))
		time.Sleep(courtesyAfter - time.Nanosecond)
		synctest.Wait()
		require.Empty(t, sent)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		require.Equal(t, "bob", (<-sent).By)
		require.Empty(t, c.planned)
	})

	run("sends nothing for a ticket that has ended by then", func(t *testing.T, c *courtesy, sent chan kitchen.Ack) {
		c.plan(started("t1", "bob"))
		c.forget("t1")
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Empty(t, sent)
		require.Empty(t, c.planned)
	})

	run("the first to start a ticket owns it", func(t *testing.T, c *courtesy, sent chan kitchen.Ack) {
		c.plan(started("t1", "bob"))
		c.plan(started("t1", "eve"))
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Len(t, sent, 1)
		require.Equal(t, "bob", (<-sent).By)
	})

	t.Run("drops what there is no room for", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			gate := make(chan struct{})
			sent := make(chan kitchen.Ack, 100)
			c := newCourtesy(func(_ context.Context, ack kitchen.Ack) { sent <- ack; <-gate })
			for _, ticket := range []string{"t1", "t2", "t3", "t4", "t5", "t6"} {
				c.plan(started(ticket, "bob"))
			}
			time.Sleep(courtesyAfter)
			synctest.Wait()
			require.Len(t, sent, courtesiesAtOnce)
			close(gate)
			c.stop()
		})
	})

	t.Run("a stop drops the plans and ends what is under way", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			began := make(chan struct{}, 2)
			c := newCourtesy(func(ctx context.Context, _ kitchen.Ack) { began <- struct{}{}; <-ctx.Done() })
			c.plan(started("t1", "bob"))
			time.Sleep(courtesyAfter)
			<-began
			c.plan(started("t2", "bob"))
			c.stop()
			c.plan(started("t3", "bob"))
			time.Sleep(time.Hour)
			synctest.Wait()
			require.Empty(t, began)
		})
	})
}
