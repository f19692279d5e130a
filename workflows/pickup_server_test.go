package workflows_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// nextDay gives each test a day of its own: all share one server.
var nextDay atomic.Int64

// dayPlan is a day of a test's own with four slots: the first begins in an hour.
func dayPlan(capacity int) kitchen.PickupPlan {
	plan := planFrom(time.Now().Add(time.Hour).Truncate(time.Second), 4, capacity)
	plan.Day = pickupDay.Add(int(nextDay.Add(1)))
	return plan
}

// laterInput is an order of a few pieces for a slot, which the kitchen begins at a time.
func laterInput(plan kitchen.PickupPlan, slot, pieces int, beginAt time.Time) workflows.OrderInput {
	in := orderInput()
	in.Order.Lines = []kitchen.Line{{Flavour: "vanilla", Size: kitchen.SizeS, Quantity: pieces}}
	in.Order.PickupAt = plan.Slots()[slot]
	in.Pickup = &kitchen.Pickup{At: in.Order.PickupAt, BeginAt: beginAt.UTC().Truncate(time.Millisecond), Plan: plan}
	return in
}

// place places an order for later on the worker's task queue.
func (l *live) place(ctx context.Context, orderID string, in workflows.OrderInput, again bool) error {
	options := workflows.StartOptions(orderID, in, "hash")
	options.TaskQueue = l.orderID
	_, err := workflows.NewOrders(l.server, codec).Place(ctx, options, in, again)
	return err
}

// taken is how many pieces of the slots are taken.
func (l *live) taken(plan kitchen.PickupPlan) (taken []int) {
	l.t.Helper()
	slots, err := workflows.NewOrders(l.server, codec).TakenSlots(l.t.Context(), plan.Day)
	require.NoError(l.t, err)
	for _, at := range plan.Slots() {
		n := 0
		for _, slot := range slots {
			if slot.At.Equal(at) {
				n = slot.Taken
			}
		}
		taken = append(taken, n)
	}
	return taken
}

// placed places the order of l, whose run the test follows from then on.
func (l *live) placed(in workflows.OrderInput) {
	l.t.Helper()
	require.NoError(l.t, l.place(l.t.Context(), l.orderID, in, false))
	l.run = l.server.GetWorkflow(l.t.Context(), kitchen.WorkflowID(l.orderID), "")
}

// untilItIsThere is a context that ends once the server has the order.
func (l *live) untilItIsThere() context.Context {
	ctx, cancel := context.WithCancel(l.t.Context())
	go func() {
		defer cancel()
		for ctx.Err() == nil {
			if _, err := l.server.DescribeWorkflow(ctx, kitchen.WorkflowID(l.orderID), ""); err == nil {
				return
			}
			<-time.After(tick)
		}
	}()
	return ctx
}

func (l *live) stateListed() string {
	l.t.Helper()
	attributes, err := l.server.DescribeWorkflow(l.t.Context(), kitchen.WorkflowID(l.orderID), "")
	require.NoError(l.t, err)
	state, _ := attributes.TypedSearchAttributes.GetKeyword(workflows.KeyState)
	return state
}

func TestOrdersForLater(t *testing.T) {
	t.Parallel()

	t.Run("one has its place, waits, is amended meanwhile, and begins at its time", func(t *testing.T) {
		t.Parallel()
		plan := dayPlan(12)
		l := prepareLiveOn(t, server, nil)
		in := laterInput(plan, 1, 12, time.Now().Add(3*time.Second))
		l.placed(in)
		require.Equal(t, []int{0, 12, 0, 0}, l.taken(plan))
		status := l.query()
		require.Equal(t, kitchen.StateScheduled, status.State)
		require.True(t, in.Order.PickupAt.Equal(*status.DueAt))
		require.Empty(t, status.WaitingFor)
		require.Equal(t, "scheduled", l.stateListed())
		fromHistory, err := workflows.NewOrders(server, codec).StatusFromHistory(t.Context(), l.orderID)
		require.NoError(t, err)
		requireSameButTimes(t, status, fromHistory)
		l.update(workflows.UpdateAmend, kitchen.Amendment{Notes: new("ring twice")})

		ticket := l.ticket()
		require.False(t, ticket.IssuedAt.Before(in.Pickup.BeginAt))
		require.True(t, in.Order.PickupAt.Equal(ticket.DueAt))
		require.Equal(t, "ring twice", ticket.Notes)
		require.Equal(t, "in-progress", l.stateListed())
		l.ends(ticket)
		l.makes("bake.1", "decorate.1", "package.1")
		require.Equal(t, kitchen.StateShipped, l.result().State)
		require.True(t, in.Order.PickupAt.Equal(*(<-l.tray.shipped).DueAt))
		require.Equal(t, []int{0, 12, 0, 0}, l.taken(plan), "its place stays its own")
		var started *serviceerror.WorkflowExecutionAlreadyStarted
		require.ErrorAs(t, l.place(t.Context(), l.orderID, in, false), &started)
	})

	t.Run("one that is cancelled gives its place back, and another gets it", func(t *testing.T) {
		t.Parallel()
		plan := dayPlan(12)
		l := prepareLiveOn(t, server, nil)
		l.placed(laterInput(plan, 0, 12, time.Now().Add(time.Hour)))
		other, err := kitchen.NewOrderID()
		require.NoError(t, err)
		ask := func(again bool) error {
			return l.place(t.Context(), other, laterInput(plan, 0, 1, time.Now().Add(time.Hour)), again)
		}
		slots := plan.Slots()
		require.Equal(t, &kitchen.NoPlaceError{Why: kitchen.PickupFull, Free: slots[1:]}, ask(false))
		orders := workflows.NewOrders(server, codec)
		require.Eventually(t, func() bool {
			_, err := orders.StatusFromHistory(t.Context(), other)
			return workflows.IsNotFound(err)
		}, patience, tick, "nothing was ordered")
		placing, err := orders.PlacingOf(t.Context(), other)
		require.NoError(t, err)
		require.Equal(t, workflows.NotPlaced, placing)

		l.update(workflows.UpdateCancel, kitchen.Cancellation{Reason: "changed my mind"})
		require.Equal(t, kitchen.StateCancelled, l.result().State)
		require.Equal(t, []int{0, 0, 0, 0}, l.taken(plan))
		require.Equal(t, kitchen.StateCancelled, (<-l.tray.failed).State)
		placing, err = orders.PlacingOf(t.Context(), l.orderID)
		require.NoError(t, err)
		require.Equal(t, workflows.HasPlace, placing, "and cancelled")
		require.NoError(t, ask(true), "the same order, once more")
		require.Equal(t, []int{1, 0, 0, 0}, l.taken(plan))
		require.NoError(t, ask(true), "it is placed already")
		require.Equal(t, []int{1, 0, 0, 0}, l.taken(plan))
	})

	t.Run("one whose day somebody has ended can be cancelled, and nobody orders for that day any more", func(t *testing.T) {
		t.Parallel()
		plan := dayPlan(12)
		l := prepareLiveOn(t, server, nil)
		l.placed(laterInput(plan, 0, 12, time.Now().Add(time.Hour)))
		require.NoError(t, server.TerminateWorkflow(t.Context(), kitchen.PickupWorkflowID(plan.Day), "", "by hand"))
		l.update(workflows.UpdateCancel, kitchen.Cancellation{})
		require.Equal(t, kitchen.StateCancelled, l.result().State)
		err := workflows.NewOrders(server, codec).Reserve(t.Context(), workflows.TaskQueue, kitchen.Reservation{Holder: "another", Slot: plan.Slots()[0], Pieces: 1, Plan: plan})
		require.ErrorContains(t, err, "has to be reset", "a new day would have forgotten its places")
	})

	t.Run("one that is cancelled in the kitchen gives its place back last", func(t *testing.T) {
		t.Parallel()
		plan := dayPlan(12)
		l := prepareLiveOn(t, server, nil)
		l.placed(laterInput(plan, 0, 12, time.Now()))
		l.makes("mix.1")
		l.expect("bake.1")
		l.update(workflows.UpdateCancel, kitchen.Cancellation{})
		bake := l.expect("bake.1.undo")
		require.Equal(t, []int{12, 0, 0, 0}, l.taken(plan))
		l.ends(bake)
		l.undoes("mix.1.undo")
		require.Equal(t, kitchen.StateCancelled, l.result().State)
		require.Equal(t, []int{0, 0, 0, 0}, l.taken(plan))
	})

	// The worker was away until whoever wanted to place the order had given up.
	t.Run("one that nobody waits for any more is none", func(t *testing.T) {
		t.Parallel()
		plan := dayPlan(12)
		l := prepareLiveOn(t, server, nil)
		l.worker.Stop()
		in := laterInput(plan, 0, 12, time.Now().Add(time.Hour))
		options := workflows.StartOptions(l.orderID, in, "hash")
		options.TaskQueue, options.WorkflowIDConflictPolicy = l.orderID, enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
		ctx := l.untilItIsThere()
		_, err := server.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
			StartWorkflowOperation: server.NewWithStartWorkflowOperation(options, workflows.OrderWorkflowType, in),
			UpdateOptions: client.UpdateWorkflowOptions{
				WorkflowID: options.ID, UpdateID: "given-up", UpdateName: workflows.UpdatePlace, WaitForStage: client.WorkflowUpdateStageCompleted,
				Args: []any{workflows.Place{Until: time.Now()}},
			},
		})
		require.Error(t, err, "no worker is there")
		l.run = server.GetWorkflow(t.Context(), options.ID, "")
		l.startWorker()
		require.ErrorContains(t, l.run.Get(t.Context(), nil), "the order was not placed")
		require.Equal(t, []int{0, 0, 0, 0}, l.taken(plan))
		require.NoError(t, l.place(t.Context(), l.orderID, in, true), "whoever repeats it places it")
		require.Equal(t, []int{12, 0, 0, 0}, l.taken(plan))
	})

	t.Run("one that is asked for without a worker is placed once, if somebody still waits", func(t *testing.T) {
		t.Parallel()
		plan := dayPlan(12)
		l := prepareLiveOn(t, server, nil)
		l.worker.Stop()
		in := laterInput(plan, 0, 12, time.Now().Add(time.Hour))
		ctx := l.untilItIsThere()
		require.Error(t, l.place(ctx, l.orderID, in, false))
		require.Equal(t, workflows.StatePlacing, l.stateListed())
		l.startWorker()
		other := in
		other.RequestHash = "of another order"
		failed, _ := errors.AsType[*temporal.ApplicationError](l.place(t.Context(), l.orderID, other, false))
		require.Equal(t, workflows.ErrorAnotherOrder, failed.Type())
		require.NoError(t, l.place(t.Context(), l.orderID, in, false))
		require.Equal(t, []int{12, 0, 0, 0}, l.taken(plan))
	})

	t.Run("the last places go to as many as there are, however many ask at once", func(t *testing.T) {
		t.Parallel()
		plan := dayPlan(10)
		l := prepareLiveOn(t, server, nil)
		gate := make(chan struct{})
		var placed, full atomic.Int64
		var asking sync.WaitGroup
		for range 30 {
			id, err := kitchen.NewOrderID()
			require.NoError(t, err)
			asking.Go(func() {
				<-gate
				err := l.place(t.Context(), id, laterInput(plan, 2, 1, time.Now().Add(time.Hour)), false)
				switch refusal, is := errors.AsType[*kitchen.NoPlaceError](err); {
				case err == nil:
					placed.Add(1)
				case is && refusal.Why == kitchen.PickupFull:
					full.Add(1)
				default:
					assert.NoError(t, err)
				}
			})
		}
		close(gate)
		asking.Wait()
		require.EqualValues(t, 10, placed.Load())
		require.EqualValues(t, 20, full.Load())
		require.Equal(t, []int{0, 0, 10, 0}, l.taken(plan))
	})
}

// Whatever happens to the workers, and however often things are asked: no slot has more
// than its capacity, and what it has is what its orders hold.
func TestPlacesAreKeptWhileWorkersDie(t *testing.T) {
	t.Parallel()
	on, err := shortServer() // days and orders continue as new often
	require.NoError(t, err)
	plan := dayPlan(10)
	l := prepareLiveOn(t, on, nil)
	orders := workflows.NewOrders(on, codec)
	type customer struct {
		id   string
		in   workflows.OrderInput
		gone bool
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a test's choices
	customers := make([]*customer, 24)       // who want half as much again as there is
	for i := range customers {
		id, err := kitchen.NewOrderID()
		require.NoError(t, err)
		customers[i] = &customer{id: id, in: laterInput(plan, random.IntN(4), 1+random.IntN(4), time.Now().Add(time.Hour)), gone: random.IntN(3) == 0}
	}
	stop := make(chan struct{})
	var kills sync.WaitGroup
	kills.Go(func() {
		for range 6 {
			select {
			case <-stop:
				return
			case <-time.After(300 * time.Millisecond): // in the midst of things
				l.worker.Stop()
				l.startWorker()
			}
		}
	})
	var asking sync.WaitGroup
	for _, c := range customers {
		asking.Go(func() {
			again := false
			// Who gives up leaves a question behind, so at a machine that is too slow for
			// all of them they have to ask less often.
			for waits := 2 * time.Second; ; waits *= 2 {
				ctx, cancel := context.WithTimeout(t.Context(), waits)
				err := l.place(ctx, c.id, c.in, again)
				cancel()
				refusal, refused := errors.AsType[*kitchen.NoPlaceError](err)
				if err == nil || refused && refusal.Why == kitchen.PickupFull {
					break
				}
				again = true // as the API does with an order that was refused
			}
			if !c.gone {
				return
			}
			for range 20 {
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				_, err := on.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
					WorkflowID: kitchen.WorkflowID(c.id), UpdateID: "cancel", UpdateName: workflows.UpdateCancel, Args: []any{kitchen.Cancellation{}}, WaitForStage: client.WorkflowUpdateStageCompleted,
				})
				cancel()
				if err == nil || workflows.IsNotFound(err) {
					return
				}
			}
		})
	}
	asking.Wait()
	close(stop)
	kills.Wait()

	var want []int
	require.EventuallyWithT(t, func(t *assert.CollectT) {
		want = make([]int, 4)
		for _, c := range customers {
			status, err := orders.StatusFromHistory(context.Background(), c.id)
			if workflows.IsNotFound(err) {
				continue
			}
			require.NoError(t, err)
			require.NotEqual(t, kitchen.StateCancelling, status.State)
			require.NotEqual(t, kitchen.StateAccepted, status.State)
			if status.State == kitchen.StateScheduled {
				for i, slot := range plan.Slots() {
					if slot.Equal(*status.DueAt) {
						want[i] += c.in.Order.Pieces()
					}
				}
			}
		}
	}, patience, 10*tick)
	require.Equal(t, want, l.taken(plan))
	for _, n := range want {
		require.LessOrEqual(t, n, plan.Capacity)
	}
	require.NotEqual(t, []int{0, 0, 0, 0}, want)
}
