package worker

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"github.com/cupcakery/cupcakery/activities"
	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// scribe writes a log of one partition into a ticketLog.
type scribe struct {
	*ticketLog
	t             testing.TB
	ticket, acked int64 // the next offsets
	now           time.Time
}

func newScribe(t testing.TB) *scribe {
	s := &scribe{ticketLog: newTicketLog(events.Connection{}, slog.New(slog.DiscardHandler)), t: t, now: time.Now().Add(-time.Hour)}
	s.judgeFailure = func(_ context.Context, _ kitchen.TicketRef, ack kitchen.Ack) (activities.Failed, error) {
		return activities.Failed{Ack: ack, Final: true}, nil
	}
	return s
}

func mix(order int) kitchen.TicketRef {
	return kitchen.TicketRef{OrderID: fmt.Sprintf("01890a5d-ac96-774b-bcce-%012d", order), Stage: kitchen.Mix, Pass: 1, Kind: kitchen.TicketMake}
}

func (s *scribe) issue(ref kitchen.TicketRef, attempt int) {
	s.issueWith(kitchen.Ticket{
		TicketID: ref.TicketID(), Kind: ref.Kind, OrderID: ref.OrderID, Stage: ref.Stage, Pass: ref.Pass, Attempt: attempt,
		IssuedAt: s.now, AckBy: s.now.Add(20 * time.Minute),
	})
}

func (s *scribe) issueWith(ticket kitchen.Ticket) {
	m := events.Message{Topic: events.TicketTopic(ticket.Stage), Offset: s.ticket, Time: s.now, Appended: true}
	s.read(m, func(heard board.Heard) { s.addTicket(bare(ticket), heard) })
	s.ticket++
}

// ack writes an ack and returns its place.
func (s *scribe) ack(ref kitchen.TicketRef, kind kitchen.AckKind, by string, change ...func(*kitchen.Ack)) queuedAck {
	ack := kitchen.Ack{TicketID: ref.TicketID(), OrderID: ref.OrderID, Stage: ref.Stage, Kind: kind, By: by, At: s.now}
	for _, change := range change {
		change(&ack)
	}
	written := s.unread(ack)
	s.readOn(written)
	return written
}

// readOn has the log read an ack.
func (s *scribe) readOn(written queuedAck) {
	s.read(written.delivery.Message, func(heard board.Heard) { s.addAck(lean(written.ack), heard) })
}

// unread writes an ack that the log has not read yet.
func (s *scribe) unread(ack kitchen.Ack) queuedAck {
	written := queuedAck{ctx: s.t.Context(), ack: ack, done: func() {}, delivery: &events.Delivery{Message: events.Message{
		Topic: events.TopicAcks, Offset: s.acked, Key: []byte(ack.OrderID), Time: s.now, Appended: true,
	}}}
	s.acked++
	return written
}

func (s *scribe) judgement(ack queuedAck) judgement {
	s.t.Helper()
	j, err := s.judge(s.t.Context(), ack.ack, ack.delivery.Message)
	require.NoError(s.t, err)
	return j
}

// settle lets the log be silent for long enough that only ends are kept.
func (s *scribe) settle() {
	s.now = s.now.Add(settledAfter + time.Second)
	for _, stage := range kitchen.Stages() {
		ref := mix(999_999)
		ref.Stage = stage
		s.issue(ref, 1)
	}
	s.ack(mix(999_999), kitchen.AckReleased, "nobody")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tidy()
}

func TestWhatTheLogSaysOfATicketThatHasEnded(t *testing.T) {
	t.Parallel()
	for name, settle := range map[string]bool{"Just": false, "AWhileAgo": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScribe(t)
			ref := mix(1)
			s.issue(ref, 2)
			s.ack(ref, kitchen.AckStarted, "bob")
			end := s.ack(ref, kitchen.AckDone, "bob", func(a *kitchen.Ack) { a.Attempt, a.Note = 2, "a bit dark" })
			want, ended := s.End(ref.TicketID())
			require.True(t, ended)
			require.Equal(t, 2, want.Attempt)
			require.NotNil(t, want.StartedAt)
			if settle {
				s.settle()
				_, kept := s.board.Get(ref.TicketID())
				require.False(t, kept)
			}
			again := s.ack(ref, kitchen.AckDone, "eve")
			got, ended := s.End(ref.TicketID())
			require.True(t, ended)
			require.True(t, got.At.Equal(want.At))
			require.True(t, got.StartedAt.Equal(*want.StartedAt))
			got.At, got.StartedAt, want.At, want.StartedAt = time.Time{}, nil, time.Time{}, nil
			require.Equal(t, want.By, got.By)
			require.Equal(t, "a bit dark", got.Note)
			require.Equal(t, 2, got.Attempt)
			_, failed := s.Failure(t.Context(), ref.TicketID())
			require.False(t, failed)

			require.True(t, s.judgement(end).inForce)
			j := s.judgement(again)
			require.True(t, j.known)
			require.False(t, j.inForce)
			require.False(t, j.mayBeLost(again.ack))
			s.issue(ref, 2) // its order has lost the end
			require.True(t, s.judgement(again).mayBeLost(again.ack))
			require.True(t, s.judgement(end).inForce)

			s.ack(ref, kitchen.AckRefused, refuser, func(a *kitchen.Ack) { a.Offset = &end.delivery.Offset })
			require.True(t, s.judgement(end).refused)
			require.False(t, s.judgement(end).inForce)
			got, ended = s.End(ref.TicketID())
			require.Equal(t, !settle, ended, "what only the end is known of is for Temporal to tell")
			if ended {
				require.Equal(t, "eve", got.By, "as if the first had never been written")
			}
			require.Equal(t, 2, s.issued(ref.TicketID()))
		})
	}
}

func TestAnEndBeforeItsBeginningIsNoEndForAnActivity(t *testing.T) {
	t.Parallel()
	s := newScribe(t)
	s.ack(mix(1), kitchen.AckDone, "ghost")
	_, ended := s.End(mix(1).TicketID())
	require.False(t, ended)
	s.settle()
	_, ended = s.End(mix(1).TicketID())
	require.False(t, ended)
}

func TestAnActivityIsToldOfTheLastFailureThatCounts(t *testing.T) {
	t.Parallel()
	s := newScribe(t)
	ref := mix(1)
	_, found := s.Failure(t.Context(), ref.TicketID())
	require.False(t, found)
	s.issue(ref, 3)
	s.ack(ref, kitchen.AckStarted, "bob")
	s.ack(ref, kitchen.AckFailed, "eve", func(a *kitchen.Ack) { a.Reason = "burnt" }) // it is not hers
	_, found = s.Failure(t.Context(), ref.TicketID())
	require.False(t, found)
	s.ack(ref, kitchen.AckFailed, "bob", func(a *kitchen.Ack) { a.Reason, a.Attempt = "dropped", 3 })
	failed, found := s.Failure(t.Context(), ref.TicketID())
	require.True(t, found)
	require.True(t, failed.Final)
	require.Equal(t, "dropped", failed.Ack.Reason)
	require.Equal(t, 3, failed.Ack.Attempt)
	s.ack(ref, kitchen.AckFailed, "ghost", func(a *kitchen.Ack) { a.Reason, a.Attempt = "dropped", 4 })
	_, found = s.Failure(t.Context(), ref.TicketID())
	require.False(t, found, "of an attempt that was never issued")

	s = newScribe(t)
	s.issue(ref, 1)
	s.ack(ref, kitchen.AckFailed, "eve")
	s.ack(ref, kitchen.AckFailed, "bob")
	failed, found = s.Failure(t.Context(), ref.TicketID())
	require.True(t, found, "its sender has named no attempt")
	require.Equal(t, 2, failed.Ack.Attempt)
}

func TestWhoHasATicketByTheLog(t *testing.T) {
	t.Parallel()
	s := newScribe(t)
	owner := func() (string, bool) {
		owner, known := s.Owner(mix(1).TicketID())
		return owner.By, known
	}
	tells := func(by string, known bool) {
		t.Helper()
		gotBy, gotKnown := owner()
		require.Equal(t, by, gotBy)
		require.Equal(t, known, gotKnown)
	}
	tells("", false)
	s.issue(mix(1), 1)
	tells("", false) // the log may have forgotten who began
	s.ack(mix(1), kitchen.AckStarted, "bob")
	tells("bob", true)
	s.ack(mix(1), kitchen.AckReleased, "bob")
	tells("", true)
}

// The worker would carry as little without that as boards show.
func TestAWorkerThatReadsTheLogIsNotReady(t *testing.T) {
	t.Parallel()
	temporal, err := client.NewLazyClient(client.Options{HostPort: "127.0.0.1:1", Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	s := newScribe(t)
	s.begin()
	var readiness Readiness
	readiness.begin(&Config{Temporal: temporal, Kafka: events.Connection{Brokers: []string{"127.0.0.1:1"}}, Logger: slog.New(slog.DiscardHandler)}, s.isCaughtUp, func() bool { return true })
	require.ErrorContains(t, readiness.Check(t.Context()), "still being read")
	s.setCaughtUp()
	require.NotContains(t, readiness.Check(t.Context()).Error(), "still being read")
}

func TestAFailureByHandIsToldWithTheAttemptThatItHasFailed(t *testing.T) {
	t.Parallel()
	s := newScribe(t)
	ref := mix(1)
	for attempt, by := range []string{"bob", "eve"} {
		s.issue(ref, attempt+1)
		s.ack(ref, kitchen.AckFailed, by, func(a *kitchen.Ack) { a.Reason, a.Attempt = "equipment", 0 })
	}
	s.issue(ref, 3)
	failed, found := s.Failure(t.Context(), ref.TicketID())
	require.True(t, found)
	require.Equal(t, 2, failed.Ack.Attempt)
}

func TestAFailureBeforeItsBeginningIsNoFailureForAnActivity(t *testing.T) {
	t.Parallel()
	for _, attempt := range []int{0, 1} {
		s := newScribe(t)
		s.ack(mix(1), kitchen.AckFailed, "ghost", func(a *kitchen.Ack) { a.Reason, a.Attempt = "dropped", attempt })
		_, found := s.Failure(t.Context(), mix(1).TicketID())
		require.False(t, found)
	}
}

func TestAnActivityIsToldThatItsTicketIsWithdrawn(t *testing.T) {
	t.Parallel()
	s := newScribe(t)
	ref := mix(1)
	s.issue(ref, 1)
	s.ack(ref.Undo(), kitchen.AckUndone, "ghost") // of an undo ticket that is not out
	require.False(t, s.Withdrawn(ref.TicketID()))
	s.issue(ref.Undo(), 1)
	require.True(t, s.Withdrawn(ref.TicketID()))
	require.False(t, s.Withdrawn(ref.Undo().TicketID()))
	s.settle()
	require.True(t, s.Withdrawn(ref.TicketID()))
}

// The worker may have been away while somebody failed, began again and was done. The
// pieces that were lost count.
func TestAFailureWithLostPiecesIsCarriedAfterTheEndOfItsTicket(t *testing.T) {
	t.Parallel()
	for _, settle := range []bool{false, true} {
		s, temporal := newScribe(t), &calls{}
		queue := newWorkplace(s, temporal)
		s.issue(mix(1), 1)
		acks := []queuedAck{
			s.ack(mix(1), kitchen.AckFailed, "eve", func(a *kitchen.Ack) { a.Reason, a.Scrapped, a.Attempt = "equipment", 1, 1 }),
			s.ack(mix(1), kitchen.AckFailed, "bob", func(a *kitchen.Ack) { a.Reason, a.Scrapped, a.Attempt = "equipment", 2, 2 }),
			s.ack(mix(1), kitchen.AckDone, "bob", func(a *kitchen.Ack) { a.Attempt = 3 }),
			s.ack(mix(1), kitchen.AckFailed, "eve", func(a *kitchen.Ack) { a.Reason, a.Scrapped, a.Attempt = "equipment", 3, 3 }),
		}
		s.issue(mix(1), 2)
		s.issue(mix(1), 3)
		if settle {
			s.settle()
		}
		for _, ack := range acks {
			require.NoError(t, queue.carrier.carry(ack))
		}
		require.Equal(t, []string{"history", "fails: equipment at mix: bob (type: equipment, retryable: false)", "done by bob"}, temporal.all())
	}
}

// The log is folded on beside the group's consumer, which may be ahead of it.
func TestAnAckWaitsUntilTheLogHasBeenReadUpToIt(t *testing.T) {
	t.Parallel()
	run := func(name string, test func(*testing.T, *scribe, kitchen.Ack)) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newScribe(t)
				s.begin()
				s.setCaughtUp()
				s.issue(mix(1), 1)
				s.ack(mix(1), kitchen.AckStarted, "bob")
				test(t, s, kitchen.Ack{TicketID: mix(1).TicketID(), OrderID: mix(1).OrderID, Stage: kitchen.Mix, Kind: kitchen.AckStarted, By: "eve", At: s.now})
			})
		})
	}
	judging := func(s *scribe, ack queuedAck) chan judgement {
		judged := make(chan judgement, 1)
		go func() { judged <- s.judgement(ack) }()
		synctest.Wait()
		return judged
	}
	run("Read", func(t *testing.T, s *scribe, eve kitchen.Ack) {
		second := s.unread(eve)
		judged := judging(s, second)
		require.Empty(t, judged)
		s.readOn(second)
		j := <-judged
		require.True(t, j.known)
		require.False(t, j.inForce)
	})
	run("KafkaIsAway", func(t *testing.T, s *scribe, eve kitchen.Ack) {
		judged := judging(s, s.unread(eve))
		s.setAway(time.Now())
		require.False(t, (<-judged).known)
		require.Len(t, judging(s, s.unread(eve)), 1, "nobody waits meanwhile")
	})
	run("ItDoesNotComeOn", func(t *testing.T, s *scribe, eve kitchen.Ack) {
		first, second := s.unread(eve), s.unread(eve)
		judged := judging(s, first)
		time.Sleep(readWithin)
		require.False(t, (<-judged).known)
		require.Len(t, judging(s, second), 1, "nobody waits for it any more")
		s.readOn(first)
		judged = judging(s, second)
		require.Empty(t, judged, "it has gone on")
		s.readOn(second)
		require.True(t, (<-judged).known)
	})
}

// heap is how much memory is in use.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestALogOfManyOrdersIsSmall(t *testing.T) { // not in parallel: it looks at the memory in use
	const orders, mebi = 10_000, 1 << 20
	before := heap()
	s := newScribe(t)
	for order := range orders {
		for _, stage := range kitchen.Route(nil).Stages() {
			ref := mix(order)
			ref.Stage = stage
			s.issueWith(kitchen.Ticket{
				TicketID: ref.TicketID(), Kind: ref.Kind, OrderID: ref.OrderID, Stage: stage, Pass: 1, Attempt: 1, Notes: strings.Repeat("no nuts ", 50),
				Customer: kitchen.Customer{Name: strings.Repeat("Ada ", 20)}, IssuedAt: s.now, AckBy: s.now.Add(time.Hour),
			})
			s.ack(ref, kitchen.AckStarted, "robot")
			s.ack(ref, kitchen.AckDone, "robot")
		}
		s.now = s.now.Add(10 * time.Millisecond)
	}
	s.settle()
	after := heap()
	require.Equal(t, 4*orders, s.ended.count)
	require.Less(t, after-before, uint64(12*mebi))
	t.Logf("%d KiB for %d orders", (after-before)>>10, orders)
	runtime.KeepAlive(s)
}

func TestAFloodMakesTheLogForget(t *testing.T) {
	t.Parallel()
	s := newScribe(t)
	for order := range mostTickets + 2*tidyAfter {
		s.now = s.now.Add(10 * time.Millisecond)
		s.ack(mix(order), kitchen.AckStarted, "wild")
	}
	s.mu.Lock()
	s.tidy()
	require.LessOrEqual(t, s.board.Len(), mostTickets)
	require.NotZero(t, s.board.Len())
	s.mu.Unlock()
	for pass := range 10 * mostOfOne {
		ref := mix(1)
		ref.Pass = pass + 1
		s.ack(ref, kitchen.AckDone, "wild")
	}
	s.settle()
	_, ended := s.board.Get(mix(1).TicketID())
	require.False(t, ended)
	require.LessOrEqual(t, s.ended.count, mostOfOne)
}

// calls is a Temporal that knows no order and notes what it is asked.
type calls struct {
	client.Client
	mu   sync.Mutex
	made []string
	gate chan struct{} // if there is one, each heartbeat waits for it
}

func (c *calls) note(call string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made = append(c.made, call)
}

func (c *calls) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.made...)
}

func (c *calls) CompleteActivityByID(_ context.Context, _, _, _, _ string, result any, err error) error {
	if err != nil {
		c.note("fails: " + err.Error())
	} else {
		c.note("done by " + result.(kitchen.Ack).By)
	}
	return nil
}

func (c *calls) RecordActivityHeartbeatByID(ctx context.Context, _, _, _, _ string, details ...any) error {
	if c.gate != nil {
		select {
		case <-c.gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	c.note("owner " + details[0].(kitchen.AtWork).By)
	return nil
}

func (c *calls) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	c.note("describe")
	return nil, serviceerror.NewNotFound("no such order")
}

func (c *calls) GetWorkflowHistory(context.Context, string, string, bool, enumspb.HistoryEventFilterType) client.HistoryEventIterator {
	c.note("history")
	return new(onlyStarted)
}

// newWorkplace returns a queue whose worker reads what the scribe writes.
func newWorkplace(s *scribe, temporal client.Client) *ackQueue {
	queue := newTestQueue(temporal, make(letters))
	queue.carrier.log = s.ticketLog
	return queue
}

func TestWhatTheLogKnowsToBeStaleCostsNoCall(t *testing.T) {
	t.Parallel()
	s, temporal := newScribe(t), &calls{}
	queue := newWorkplace(s, temporal)
	ended, taken, failed, released := mix(1), mix(2), mix(3), mix(4)
	for _, ref := range []kitchen.TicketRef{ended, taken, failed, released} {
		s.issue(ref, 1)
	}
	s.ack(ended, kitchen.AckDone, "bob")
	s.ack(taken, kitchen.AckStarted, "bob")
	s.ack(failed, kitchen.AckFailed, "bob", func(a *kitchen.Ack) { a.Reason, a.Attempt = "burnt", 1 })
	s.ack(released, kitchen.AckStarted, "bob")
	s.ack(released, kitchen.AckReleased, "bob")
	s.ack(released, kitchen.AckStarted, "eve")
	var stale []queuedAck
	for range 250 {
		for _, kind := range []kitchen.AckKind{kitchen.AckStarted, kitchen.AckReleased, kitchen.AckDone, kitchen.AckFailed} {
			stale = append(stale, s.ack(ended, kind, "eve"))
		}
		stale = append(stale,
			s.ack(taken, kitchen.AckStarted, "eve"), s.ack(taken, kitchen.AckReleased, "eve"), s.ack(taken, kitchen.AckFailed, "eve"),
			s.ack(failed, kitchen.AckStarted, "bob", func(a *kitchen.Ack) { a.Attempt = 1 }), s.ack(failed, kitchen.AckFailed, "bob", func(a *kitchen.Ack) { a.Attempt = 1 }),
			s.ack(released, kitchen.AckReleased, "bob"), s.ack(released, kitchen.AckFailed, "bob"))
	}
	s.settle()
	committed := make(chan struct{}, len(stale))
	for _, ack := range stale {
		ack.done = func() { committed <- struct{}{} }
		queue.put(ack)
	}
	queue.working.Wait()
	require.Len(t, committed, len(stale))
	require.Empty(t, temporal.all())
}

// Whatever waits meanwhile: the loser of a race is never shown, nobody is shown any
// more once the log has another owner or none, and no heartbeat comes after the end.
func TestTemporalIsShownTheOwnersOfATicketInTheOrderOfTheLog(t *testing.T) {
	t.Parallel()
	run := func(name string, want []string, write func(*scribe, kitchen.TicketRef) []queuedAck) {
		for _, ahead := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/LogAhead=%t", name, ahead), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s, temporal := newScribe(t), &calls{gate: make(chan struct{})}
					queue := newWorkplace(s, temporal)
					s.issue(mix(1), 1)
					acks := write(s, mix(1))
					if !ahead { // it reads one after the other, as they are carried
						s.ticketLog = newScribe(t).ticketLog
						queue.carrier.log = s.ticketLog
						s.ticketLog.judgeFailure = func(_ context.Context, _ kitchen.TicketRef, ack kitchen.Ack) (activities.Failed, error) {
							return activities.Failed{Ack: ack}, nil
						}
						s.issue(mix(1), 1)
					}
					go func() {
						for {
							select {
							case temporal.gate <- struct{}{}:
								time.Sleep(100 * time.Millisecond)
							case <-t.Context().Done():
								return
							}
						}
					}()
					for _, ack := range acks {
						if !ahead {
							s.readOn(ack)
						}
						queue.put(ack)
						time.Sleep(2 * heartbeatAfter)
					}
					queue.working.Wait()
					time.Sleep(time.Hour)
					synctest.Wait()
					got := temporal.all()
					if ahead {
						want = want[max(0, len(want)-len(got)):] // what is over by then is not shown
						require.NotEmpty(t, got)
					}
					require.Equal(t, want, got)
					queue.carrier.heartbeats.stop()
				})
			})
		}
	}
	run("Race", []string{"owner bob"}, func(s *scribe, ref kitchen.TicketRef) []queuedAck {
		return []queuedAck{s.ack(ref, kitchen.AckStarted, "bob"), s.ack(ref, kitchen.AckStarted, "eve")}
	})
	run("Renewed", []string{"owner bob", "owner bob", "owner bob"}, func(s *scribe, ref kitchen.TicketRef) []queuedAck {
		return []queuedAck{s.ack(ref, kitchen.AckStarted, "bob"), s.ack(ref, kitchen.AckStarted, "bob"), s.ack(ref, kitchen.AckStarted, "bob")}
	})
	run("TakenOver", []string{"owner bob", "owner eve"}, func(s *scribe, ref kitchen.TicketRef) []queuedAck {
		return []queuedAck{
			s.ack(ref, kitchen.AckStarted, "bob"),
			s.ack(ref, kitchen.AckStarted, "eve", func(a *kitchen.Ack) { a.TakeOver, a.From = true, "bob" }),
			s.ack(ref, kitchen.AckStarted, "bob"),
		}
	})
	run("PutBack", []string{"owner bob", "owner ", "fails: put back by bob (type: released, retryable: true)"}, func(s *scribe, ref kitchen.TicketRef) []queuedAck {
		return []queuedAck{s.ack(ref, kitchen.AckStarted, "bob"), s.ack(ref, kitchen.AckReleased, "bob"), s.ack(ref, kitchen.AckReleased, "bob")}
	})
	run("Done", []string{"owner bob", "done by bob"}, func(s *scribe, ref kitchen.TicketRef) []queuedAck {
		return []queuedAck{s.ack(ref, kitchen.AckStarted, "bob"), s.ack(ref, kitchen.AckDone, "bob"), s.ack(ref, kitchen.AckStarted, "eve")}
	})
}

// What one order waits for is its own business.
func TestACallThatHangsHoldsUpNoOtherOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const orders = 200
		s := newScribe(t)
		queue := newWorkplace(s, hanging{order: kitchen.WorkflowID(mix(0).OrderID)})
		done := make(chan string, orders)
		ctx, cancel := context.WithCancel(t.Context())
		for order := range orders {
			s.issue(mix(order), 1)
			ack := s.ack(mix(order), kitchen.AckDone, "bob")
			ack.ctx, ack.done = ctx, func() { done <- ack.ack.OrderID }
			queue.put(ack)
		}
		synctest.Wait()
		require.Len(t, done, orders-1)
		cancel()
		queue.working.Wait()
		require.Len(t, done, orders-1)
	})
}

// hanging is a Temporal that does not answer about one order.
type hanging struct {
	client.Client
	order string
}

func (h hanging) CompleteActivityByID(ctx context.Context, _, workflowID, _, _ string, _ any, _ error) error {
	if workflowID != h.order {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}
