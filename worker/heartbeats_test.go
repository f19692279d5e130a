package worker

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHeartbeats(t *testing.T) {
	t.Parallel()
	type sending struct {
		ticketID string
		again    int
	}
	run := func(name string, test func(t *testing.T, h *heartbeats, sent chan sending, gate chan time.Duration)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent, gate := make(chan sending, 10_000), make(chan time.Duration)
				h := newHeartbeats(func(ctx context.Context, ticketID string, again int) time.Duration {
					sent <- sending{ticketID, again}
					select {
					case retry := <-gate:
						return retry
					case <-ctx.Done():
						return 0
					}
				})
				test(t, h, sent, gate)
				h.stop()
				require.Empty(t, h.tickets)
				require.Zero(t, h.senders)
			})
		})
	}

	run("TheFirstComesAMomentLater", func(t *testing.T, h *heartbeats, sent chan sending, gate chan time.Duration) {
		h.plan(t.Context(), "t1", false)
		time.Sleep(heartbeatAfter - time.Nanosecond)
		synctest.Wait()
		require.Empty(t, sent)
		time.Sleep(time.Nanosecond)
		gate <- 0
		require.Equal(t, sending{"t1", 0}, <-sent)
	})

	run("ARenewalComesAtOnce", func(t *testing.T, h *heartbeats, sent chan sending, gate chan time.Duration) {
		h.plan(t.Context(), "t1", false)
		h.plan(t.Context(), "t1", true)
		synctest.Wait()
		require.Len(t, sent, 1)
		gate <- 0
		time.Sleep(time.Hour)
		require.Len(t, sent, 1)
	})

	run("NoneIsLeftOutForWantOfRoom", func(t *testing.T, h *heartbeats, sent chan sending, gate chan time.Duration) {
		const tickets = 1000
		for i := range tickets {
			h.plan(t.Context(), fmt.Sprint(i), true)
			h.plan(t.Context(), fmt.Sprint(i), true)
		}
		synctest.Wait()
		require.Len(t, sent, heartbeatsAtOnce)
		told := map[string]bool{}
		for range tickets {
			gate <- 0
			told[(<-sent).ticketID] = true
		}
		synctest.Wait()
		// Those that were being told already when they were planned again are told again.
		for more := 0; len(sent) > 0; more++ {
			require.Less(t, more, heartbeatsAtOnce)
			gate <- 0
			told[(<-sent).ticketID] = true
			synctest.Wait()
		}
		require.Len(t, told, tickets)
	})

	run("OneWaitsAtMostWhileAnotherIsUnderWay", func(t *testing.T, h *heartbeats, sent chan sending, gate chan time.Duration) {
		h.plan(t.Context(), "t1", true)
		synctest.Wait()
		for range 10 {
			h.plan(t.Context(), "t1", true)
		}
		synctest.Wait()
		require.Len(t, sent, 1, "two of one ticket are never under way")
		gate <- 0
		synctest.Wait()
		require.Len(t, sent, 2)
		gate <- 0
		time.Sleep(time.Hour)
		require.Len(t, sent, 2)
	})

	run("OneThatTemporalDoesNotTakeIsTriedAgain", func(t *testing.T, h *heartbeats, sent chan sending, gate chan time.Duration) {
		h.plan(t.Context(), "t1", true)
		for again := range 5 {
			require.Equal(t, sending{"t1", again}, <-sent)
			gate <- time.Minute
		}
		require.Equal(t, sending{"t1", 5}, <-sent)
		gate <- 0
		time.Sleep(time.Hour)
		require.Empty(t, sent)
	})

	run("NoneComesAfterWhatEndsTheTicket", func(t *testing.T, h *heartbeats, sent chan sending, gate chan time.Duration) {
		h.plan(t.Context(), "waits", false)
		h.settle(t.Context(), "waits")
		h.plan(t.Context(), "under way", true)
		synctest.Wait()
		h.plan(t.Context(), "under way", true)
		settled := make(chan struct{})
		go func() {
			h.settle(t.Context(), "under way")
			close(settled)
		}()
		synctest.Wait()
		select {
		case <-settled:
			require.Fail(t, "the end overtakes a heartbeat")
		default:
		}
		gate <- 0
		<-settled
		time.Sleep(time.Hour)
		require.Equal(t, sending{"under way", 0}, <-sent)
		require.Empty(t, sent)
	})

	run("NoneComesFromWhoHasLostThePartition", func(t *testing.T, h *heartbeats, sent chan sending, gate chan time.Duration) {
		ctx, cancel := context.WithCancel(t.Context())
		h.plan(ctx, "waits", false)
		h.plan(ctx, "under way", true)
		synctest.Wait()
		cancel()
		time.Sleep(time.Hour)
		require.Equal(t, sending{"under way", 0}, <-sent)
		require.Empty(t, sent)
	})

	run("AStopDropsThem", func(t *testing.T, h *heartbeats, sent chan sending, gate chan time.Duration) {
		h.plan(t.Context(), "under way", true)
		synctest.Wait()
		h.plan(t.Context(), "waits", false)
		h.stop()
		h.plan(t.Context(), "too late", true)
		time.Sleep(time.Hour)
		require.Len(t, sent, 1)
	})
}
