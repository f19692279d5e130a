package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/kitchen"
)

// tray keeps what was published, or refuses it.
type tray struct {
	err     error
	tickets []kitchen.Ticket
	// statusErr refuses a status, together one that is published after something
	// else and not beside it: it is where the two meet. Both are optional.
	statusErr error
	together  chan struct{}
	statuses  []kitchen.LoggedStatus
	shipped   []kitchen.Shipped
}

func (p *tray) PublishTicket(ctx context.Context, ticket kitchen.Ticket) error {
	p.tickets = append(p.tickets, ticket)
	return cmp.Or(p.meet(ctx), p.err)
}

// PublishStatus implements activities.Publisher.
func (p *tray) PublishStatus(ctx context.Context, status kitchen.LoggedStatus) error {
	p.statuses = append(p.statuses, status)
	if p.together != nil {
		select {
		case <-p.together:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return p.statusErr
}

func (p *tray) PublishShipped(ctx context.Context, shipped kitchen.Shipped) error {
	p.shipped = append(p.shipped, shipped)
	return cmp.Or(p.meet(ctx), p.err)
}

// meet waits until a status is being published.
func (p *tray) meet(ctx context.Context) error {
	if p.together == nil {
		return nil
	}
	select {
	case p.together <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *tray) PublishFailed(context.Context, kitchen.Failed) error { return p.err }

func TestATicketGoesOutAsTheAttemptAfterTheLast(t *testing.T) {
	t.Parallel()
	suite := &testsuite.WorkflowTestSuite{}
	env := suite.NewTestActivityEnvironment()
	published := &tray{}
	Register(env, kitchen.Stages(), published, &office{}, &notes{})
	_, err := env.ExecuteActivity("UndoBake", kitchen.Issue{Ticket: kitchen.Ticket{TicketID: "…bake.1.undo", Stage: kitchen.Bake}, Issued: 7})
	require.ErrorIs(t, err, activity.ErrResultPending)
	require.Equal(t, 8, published.tickets[0].Attempt)
	require.False(t, published.tickets[0].IssuedAt.IsZero())
	require.Equal(t, 10*time.Minute, published.tickets[0].AckBy.Sub(published.tickets[0].IssuedAt), "both by Temporal's clock, not the worker's")
}

func TestEveryStageHasActivitiesThatIssueItsTickets(t *testing.T) {
	t.Parallel()
	suite := &testsuite.WorkflowTestSuite{}
	env := suite.NewTestActivityEnvironment()
	published := &tray{}
	Register(env, kitchen.Stages(), published, &office{}, &notes{})
	for _, stage := range kitchen.Stages() {
		makes := kitchen.TicketRef{Stage: stage, Pass: 1}
		for _, ref := range []kitchen.TicketRef{makes, makes.Undo()} {
			_, err := env.ExecuteActivity(ref.ActivityType(), kitchen.Issue{Ticket: kitchen.Ticket{TicketID: ref.TicketID(), Stage: stage}})
			require.ErrorIs(t, err, activity.ErrResultPending)
			require.Equal(t, ref.TicketID(), published.tickets[len(published.tickets)-1].TicketID)
		}
	}
}

func TestWhatKafkaDoesNotTakeIsTriedAgain(t *testing.T) {
	t.Parallel()
	suite := &testsuite.WorkflowTestSuite{}
	for name, input := range map[string]any{
		"Mix": kitchen.Issue{}, "AnnounceShipped": kitchen.Shipped{}, "AnnounceFailed": kitchen.Failed{}, "TellStatus": kitchen.LoggedStatus{},
	} {
		env := suite.NewTestActivityEnvironment()
		away := errors.New("Kafka is away")
		Register(env, kitchen.Stages(), &tray{err: away, statusErr: away}, &office{}, &notes{})
		_, err := env.ExecuteActivity(name, input)
		var notPublished *temporal.ApplicationError
		require.ErrorAs(t, err, &notPublished, name)
		require.Equal(t, ErrorTypeNotPublished, notPublished.Type())
		require.False(t, notPublished.NonRetryable())
		require.Equal(t, temporal.ApplicationErrorCategoryBenign, notPublished.Category(), "an outage fills no log")
	}
}

func TestAStatusIsPublishedBesideItsTicket(t *testing.T) {
	t.Parallel()
	status := kitchen.LoggedStatus{OrderID: "01890a5d-ac96-774b-bcce-b302099a8057", Version: 7, Route: kitchen.Stages()}
	ticket := kitchen.TicketRef{OrderID: status.OrderID, Stage: kitchen.Mix, Pass: 1, Kind: kitchen.TicketMake}
	issue := kitchen.Issue{Ticket: kitchen.Ticket{TicketID: ticket.TicketID(), OrderID: status.OrderID, Stage: kitchen.Mix}, Status: &status}
	away := errors.New("Kafka is away")
	for name, c := range map[string]struct {
		tray   tray
		orders office
		want   error
		untold []int64
	}{
		"at the same time":                     {tray{together: make(chan struct{})}, office{}, activity.ErrResultPending, nil},
		"and the ticket does not depend on it": {tray{statusErr: away}, office{}, activity.ErrResultPending, []int64{7}},
		"nor on the order hearing of it":       {tray{statusErr: away}, office{err: errors.New("Temporal is away")}, activity.ErrResultPending, []int64{7}},
		"and it does not stand for the ticket": {tray{err: away}, office{}, away, nil},
		"and is told with the ticket later":    {tray{err: away, statusErr: away}, office{}, away, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			suite := &testsuite.WorkflowTestSuite{}
			env := suite.NewTestActivityEnvironment()
			published, orders := &c.tray, &c.orders
			Register(env, kitchen.Stages(), published, orders, &notes{})
			_, err := env.ExecuteActivity("Mix", issue)
			if c.want == away {
				require.ErrorContains(t, err, "the ticket could not be put on Kafka")
			} else {
				require.ErrorIs(t, err, c.want)
			}
			require.Equal(t, []kitchen.LoggedStatus{status}, published.statuses)
			require.Len(t, published.tickets, 1)
			require.Equal(t, c.untold, orders.untold)
		})
	}
	for name, log := range map[string]*notes{
		"not if the ticket has ended":     {end: &kitchen.Ack{Kind: kitchen.AckDone}},
		"not if the ticket was withdrawn": {withdrawn: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			suite := &testsuite.WorkflowTestSuite{}
			env := suite.NewTestActivityEnvironment()
			published := &tray{}
			Register(env, kitchen.Stages(), published, nil, log)
			_, _ = env.ExecuteActivity("Mix", kitchen.Issue{Ticket: kitchen.Ticket{TicketID: ticket.TicketID(), Kind: kitchen.TicketMake}, Status: &status})
			require.Empty(t, published.statuses, "the order goes on at once, or asks")
		})
	}
}

// The order may have gone on since, which the input of an attempt does not tell.
func TestAStatusThatIsToldAgainSaysSo(t *testing.T) {
	t.Parallel()
	told := kitchen.LoggedStatus{Version: 7}
	require.Same(t, &told, statusOfAttempt(&told, 1))
	require.Equal(t, &kitchen.LoggedStatus{Version: 7, Repeated: true}, statusOfAttempt(&told, 2))
	require.Equal(t, kitchen.LoggedStatus{Version: 7}, told)
	require.Nil(t, statusOfAttempt(nil, 2))
	for attempt, repeated := range map[int32]bool{1: false, 2: true, 3: true} {
		for name, input := range map[string][]any{"TellStatus": {told}, "AnnounceShipped": {kitchen.Shipped{}, &told}} {
			suite := &testsuite.WorkflowTestSuite{}
			env := suite.NewTestActivityEnvironment()
			env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&attempted{delivery: &delivery{attempt: attempt}}}})
			published := &tray{}
			Register(env, kitchen.Stages(), published, &office{}, &notes{})
			_, err := env.ExecuteActivity(name, input...)
			require.NoError(t, err)
			require.Equal(t, []kitchen.LoggedStatus{{Version: 7, Repeated: repeated, Route: kitchen.Stages()}}, published.statuses, name)
		}
	}
}

func TestAStatusThatNobodyReadsIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	suite := &testsuite.WorkflowTestSuite{}
	env := suite.NewTestActivityEnvironment()
	Register(env, kitchen.Stages(), &tray{statusErr: fmt.Errorf("publish: %w", ErrTooLarge)}, &office{}, &notes{})
	_, err := env.ExecuteActivity("TellStatus", kitchen.LoggedStatus{Version: 7})
	var final *temporal.ApplicationError
	require.ErrorAs(t, err, &final)
	require.True(t, final.NonRetryable())
	require.Equal(t, kitchen.FailureTooLarge, final.Type())
}

func TestAShippedOrderIsAnnouncedWithItsLastStatus(t *testing.T) {
	t.Parallel()
	shipped, status := kitchen.Shipped{OrderID: "01890a5d-ac96-774b-bcce-b302099a8057"}, &kitchen.LoggedStatus{Version: 7, Route: kitchen.Stages()}
	away := errors.New("Kafka is away")
	for name, c := range map[string]struct {
		tray   tray
		status *kitchen.LoggedStatus
		fails  bool
		untold bool
	}{
		"at the same time":               {tray{together: make(chan struct{})}, status, false, false},
		"but not again for its status":   {tray{statusErr: away}, status, false, true},
		"and again with only its status": {tray{err: away}, status, true, false},
		"unless the order tells none":    {tray{statusErr: away}, nil, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			suite := &testsuite.WorkflowTestSuite{}
			env := suite.NewTestActivityEnvironment()
			published := &c.tray
			Register(env, kitchen.Stages(), published, &office{}, &notes{})
			result, err := env.ExecuteActivity("AnnounceShipped", shipped, c.status)
			require.Equal(t, c.fails, err != nil, "%v", err)
			if err == nil {
				var announced kitchen.Announced
				require.NoError(t, result.Get(&announced))
				require.Equal(t, c.untold, announced.StatusUntold)
			}
			require.Equal(t, []kitchen.Shipped{shipped}, published.shipped)
			if c.status != nil {
				require.Equal(t, []kitchen.LoggedStatus{*c.status}, published.statuses)
			}
		})
	}
}

// Workers of two builds share a task queue while a new one is rolled out.
func TestAnAnnouncementIsForWorkersOfOtherBuildsToo(t *testing.T) {
	t.Parallel()
	shipped := kitchen.Shipped{OrderID: "01890a5d-ac96-774b-bcce-b302099a8057"}
	suite := &testsuite.WorkflowTestSuite{}
	env := suite.NewTestActivityEnvironment()
	published := &tray{}
	Register(env, kitchen.Stages(), published, &office{}, &notes{})
	_, err := env.ExecuteActivity("AnnounceShipped", shipped)
	require.NoError(t, err, "an order of a build without statuses")
	require.Len(t, published.shipped, 1)
	require.Empty(t, published.statuses)

	var older []kitchen.Shipped
	env.RegisterActivityWithOptions(func(_ context.Context, shipped kitchen.Shipped) error {
		older = append(older, shipped)
		return nil
	}, activity.RegisterOptions{Name: "AnnounceShippedOfAnOlderBuild"})
	_, err = env.ExecuteActivity("AnnounceShippedOfAnOlderBuild", shipped, &kitchen.LoggedStatus{Version: 7})
	require.NoError(t, err)
	require.Equal(t, []kitchen.Shipped{shipped}, older)
}

// notes are a log that knows what the test has it know.
type notes struct {
	end       *kitchen.Ack
	withdrawn bool
	failure   *kitchen.Ack
	code      string // the failure's own reason by default
	final     bool
	owner     *kitchen.AtWork // nil if it has heard of nobody
	paused    kitchen.Stage
}

func (n *notes) Paused(stage kitchen.Stage) bool { return n.paused == stage }

func (n *notes) Owner(string) (kitchen.AtWork, bool) {
	if n.owner == nil {
		return kitchen.AtWork{}, false
	}
	return *n.owner, true
}

func (n *notes) Withdrawn(string) bool { return n.withdrawn }

func (n *notes) End(string) (kitchen.Ack, bool) {
	if n.end == nil {
		return kitchen.Ack{}, false
	}
	return *n.end, true
}

func (n *notes) Failure(context.Context, string) (failed Failed, found bool) {
	if n.failure == nil {
		return Failed{}, false
	}
	return Failed{Ack: *n.failure, Code: cmp.Or(n.code, n.failure.Reason), Final: n.final}, true
}

// complaint is what an order was told of a ticket.
type complaint struct {
	ref     kitchen.TicketRef
	attempt int
	owner   kitchen.AtWork
	silence time.Duration
}

// office are orders that take complaints, or do not.
type office struct {
	heard bool // the last attempt's owner was not silent
	err   error
	// cannotWrite is set if the key is missing.
	cannotWrite error
	complaints  []complaint
	untold      []int64
	asked       []string // of the days' workflows
}

func (o *office) Silent(context.Context, kitchen.TicketRef) (bool, error) { return !o.heard, nil }

func (o *office) Complain(_ context.Context, ref kitchen.TicketRef, attempt int, owner kitchen.AtWork, silence time.Duration) error {
	if o.err == nil {
		o.complaints = append(o.complaints, complaint{ref, attempt, owner, silence})
	}
	return o.err
}

func (o *office) Untold(_ context.Context, _ string, version int64) error {
	o.untold = append(o.untold, version)
	return o.err
}

func (o *office) CanWrite() error { return o.cannotWrite }

func (o *office) Reserve(_ context.Context, taskQueue string, r kitchen.Reservation) error {
	o.asked = append(o.asked, taskQueue+" reserve "+r.Holder)
	return o.err
}

func (o *office) Release(_ context.Context, taskQueue string, r kitchen.Reservation) error {
	o.asked = append(o.asked, taskQueue+" release "+r.Holder)
	return o.err
}

func (o *office) CountAttempts(context.Context, string, string) (int, error) { return 0, nil }

// delivery is one attempt of an activity that issues a ticket, and its world.
type delivery struct {
	issue     kitchen.Issue
	attempt   int32
	heartbeat time.Duration
	details   any // of the last heartbeat; nil if there was none
	reads     *encryption.Codec

	tray   tray
	log    notes
	orders office

	recorded []kitchen.AtWork
	result   kitchen.Ack
	err      error
}

const within = 40 * time.Minute

var bake = kitchen.TicketRef{OrderID: "01890a5d-ac96-774b-bcce-b302099a8057", Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}

func (d *delivery) run(t *testing.T) *delivery {
	t.Helper()
	d.issue.Ticket = kitchen.Ticket{TicketID: bake.TicketID(), OrderID: bake.OrderID, Stage: bake.Stage, Pass: bake.Pass, Kind: bake.Kind}
	suite := &testsuite.WorkflowTestSuite{}
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&attempted{delivery: d}}})
	var options client.Options
	if d.reads.Configure(&options); options.DataConverter != nil {
		env.SetDataConverter(options.DataConverter)
	}
	if d.details != nil {
		env.SetHeartbeatDetails(d.details)
	}
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		var owner kitchen.AtWork
		require.NoError(t, details.Get(&owner))
		d.recorded = append(d.recorded, owner)
	})
	Register(env, kitchen.Stages(), &d.tray, &d.orders, &d.log)
	result, err := env.ExecuteActivity(bake.ActivityType(), d.issue)
	d.err = err
	if err == nil {
		require.NoError(t, result.Get(&d.result))
	}
	return d
}

// attempted has an activity believe that it is the delivery's attempt.
type attempted struct {
	interceptor.WorkerInterceptorBase
	delivery *delivery
}

func (a *attempted) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &attemptedIn{interceptor.ActivityInboundInterceptorBase{Next: next}, a.delivery}
}

type attemptedIn struct {
	interceptor.ActivityInboundInterceptorBase
	delivery *delivery
}

func (a *attemptedIn) Init(next interceptor.ActivityOutboundInterceptor) error {
	return a.Next.Init(&attemptedOut{interceptor.ActivityOutboundInterceptorBase{Next: next}, a.delivery})
}

type attemptedOut struct {
	interceptor.ActivityOutboundInterceptorBase
	delivery *delivery
}

func (a *attemptedOut) GetInfo(ctx context.Context) activity.Info {
	info := a.Next.GetInfo(ctx)
	info.Attempt = a.delivery.attempt
	info.HeartbeatTimeout = a.delivery.heartbeat
	info.StartToCloseTimeout = 4 * within
	return info
}

func TestAnAckIsDueBeforeItsOwnerCountsAsSilent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ heartbeat, want time.Duration }{
		"by the heartbeat timeout":                 {within, within},
		"by an older build's start-to-close limit": {0, 4 * within},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := (&delivery{attempt: 1, heartbeat: c.heartbeat}).run(t)
			require.Equal(t, c.want, d.tray.tickets[0].AckBy.Sub(d.tray.tickets[0].IssuedAt))
		})
	}
}

func TestATicketHasNoMoreAttemptsThanAnybodyReads(t *testing.T) {
	t.Parallel()
	d := (&delivery{attempt: 7, issue: kitchen.Issue{Issued: kitchen.MaxAttempt - 2}}).run(t)
	require.Equal(t, kitchen.MaxAttempt, d.tray.tickets[0].Attempt)
}

func TestOnlyWhoTookATicketCanBeSilent(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)
	kim := kitchen.AtWork{By: "kim", At: at}
	silent := func(times int) kitchen.AtWork { return kitchen.AtWork{By: "kim", At: at, Silent: times} }
	for name, c := range map[string]struct {
		reissues int
		attempt  int32
		details  any
		heard    bool
		recorded []kitchen.AtWork
		asks     bool
	}{
		"nobody, however often it is issued":                  {1, 900, nil, false, nil, false},
		"who has put it back":                                 {1, 9, kitchen.AtWork{}, false, nil, false},
		"a heartbeat of another kind":                         {1, 9, 7, false, nil, false},
		"once, where two are allowed":                         {2, 2, kim, false, []kitchen.AtWork{silent(1)}, false},
		"twice, where two are allowed":                        {2, 3, silent(1), false, []kitchen.AtWork{silent(2)}, true},
		"for longer":                                          {2, 9, silent(7), false, []kitchen.AtWork{silent(8)}, true},
		"many attempts, of which few were silent":             {3, 90, silent(1), false, []kitchen.AtWork{silent(2)}, false},
		"where nobody is ever to be asked":                    {0, 9, silent(7), false, []kitchen.AtWork{silent(8)}, false},
		"an attempt that has lasted long, by who is heard of": {1, 5, kim, true, nil, false},
		"the first attempt of an activity, as after a reset":  {1, 1, kim, false, nil, false},
		"the first silence, where one is allowed":             {1, 2, kim, false, []kitchen.AtWork{silent(1)}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := (&delivery{
				issue: kitchen.Issue{MaxReissues: c.reissues, Issued: 3}, attempt: c.attempt, heartbeat: within, details: c.details, orders: office{heard: c.heard},
			}).run(t)
			require.ErrorIs(t, d.err, activity.ErrResultPending)
			require.Len(t, d.tray.tickets, 1)
			require.Equal(t, c.recorded, d.recorded)
			if !c.asks {
				require.Empty(t, d.orders.complaints)
				return
			}
			owner := c.recorded[0]
			require.Equal(t, []complaint{{bake, 3 + int(c.attempt), owner, time.Duration(owner.Silent) * within}}, d.orders.complaints)
		})
	}
}

func TestNobodyIsAskedAboutSilenceAtAPausedStation(t *testing.T) {
	t.Parallel()
	silent := kitchen.AtWork{By: "kim", Silent: 7}
	for paused, asks := range map[kitchen.Stage]bool{kitchen.Bake: false, kitchen.Mix: true} {
		d := (&delivery{issue: kitchen.Issue{MaxReissues: 2}, attempt: 9, heartbeat: within, details: silent, log: notes{paused: paused}}).run(t)
		require.ErrorIs(t, d.err, activity.ErrResultPending)
		require.Len(t, d.tray.tickets, 1, "it is issued again all the same")
		require.Equal(t, asks, len(d.orders.complaints) > 0, paused)
		require.Equal(t, asks, len(d.recorded) > 0, "what is silent by then is not counted either")
	}
}

// A heartbeat may be lost with its worker, or come while the ticket is published.
func TestTheLogKnowsBetterThanTemporalWhoHasATicket(t *testing.T) {
	t.Parallel()
	kim, eve := kitchen.AtWork{By: "kim", Silent: 1}, kitchen.AtWork{By: "eve"}
	for name, c := range map[string]struct {
		details  any
		owner    kitchen.AtWork
		recorded kitchen.AtWork
		asks     bool
	}{
		"it was put back":        {kim, kitchen.AtWork{}, kitchen.AtWork{}, false},
		"it was taken over":      {kim, eve, eve, false},
		"Temporal has not heard": {nil, eve, eve, false},
		"it was taken again":     {kitchen.AtWork{}, eve, eve, false},
		"both know":              {kim, kitchen.AtWork{By: "kim"}, kitchen.AtWork{By: "kim", Silent: 2}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := (&delivery{issue: kitchen.Issue{MaxReissues: 2}, attempt: 5, heartbeat: within, details: c.details, log: notes{owner: &c.owner}}).run(t)
			require.ErrorIs(t, d.err, activity.ErrResultPending)
			require.Equal(t, []kitchen.AtWork{c.recorded}, d.recorded)
			require.Equal(t, c.asks, len(d.orders.complaints) > 0)
		})
	}
}

func TestADeliveryThatFailsCountsNoSilence(t *testing.T) {
	t.Parallel()
	kim := kitchen.AtWork{By: "kim"}
	t.Run("because Kafka is away", func(t *testing.T) {
		t.Parallel()
		d := (&delivery{issue: kitchen.Issue{MaxReissues: 1}, attempt: 2, details: kim, tray: tray{err: errors.New("Kafka is away")}}).run(t)
		require.Error(t, d.err)
		require.Empty(t, d.recorded)
		require.Empty(t, d.orders.complaints)
	})
	t.Run("because its order could not be told, which is tried again", func(t *testing.T) {
		t.Parallel()
		d := (&delivery{issue: kitchen.Issue{MaxReissues: 1}, attempt: 2, details: kim, orders: office{err: errors.New("Temporal is away")}}).run(t)
		var notTold *temporal.ApplicationError
		require.ErrorAs(t, d.err, &notTold)
		require.Equal(t, ErrorTypeNotTold, notTold.Type())
		require.Empty(t, d.recorded)
	})
}

// The acks that ended these tickets have reached the log, and Temporal has lost
// them or never got them.
func TestWhatTheLogKnowsIsNotIssuedAgain(t *testing.T) {
	t.Parallel()
	ack := func(kind kitchen.AckKind, attempt int) *kitchen.Ack {
		return &kitchen.Ack{TicketID: bake.TicketID(), OrderID: bake.OrderID, Stage: bake.Stage, Kind: kind, By: "kim", Attempt: attempt, Reason: "burnt", Note: "oven 2"}
	}
	t.Run("an end is the activity's result, also in its first attempt", func(t *testing.T) {
		t.Parallel()
		for _, attempt := range []int32{1, 2} {
			d := (&delivery{attempt: attempt, log: notes{end: ack(kitchen.AckDone, 1)}}).run(t)
			require.NoError(t, d.err)
			require.Equal(t, *ack(kitchen.AckDone, 1), d.result)
			require.Empty(t, d.tray.tickets)
		}
	})
	t.Run("an end by its undo ticket is no result of its own", func(t *testing.T) {
		t.Parallel()
		d := (&delivery{attempt: 2, log: notes{end: ack(kitchen.AckUndone, 1)}}).run(t)
		require.ErrorIs(t, d.err, activity.ErrResultPending)
		require.Len(t, d.tray.tickets, 1)
	})
	t.Run("a failure that ends the ticket ends the activity", func(t *testing.T) {
		t.Parallel()
		d := (&delivery{issue: kitchen.Issue{Issued: 3}, attempt: 2, log: notes{failure: ack(kitchen.AckFailed, 4), final: true}}).run(t)
		var failed *temporal.ApplicationError
		require.ErrorAs(t, d.err, &failed)
		require.Equal(t, "burnt", failed.Type())
		require.Equal(t, "burnt at bake: kim: oven 2", failed.Message())
		require.True(t, failed.NonRetryable())
		var told kitchen.Ack
		require.NoError(t, failed.Details(&told))
		require.Equal(t, *ack(kitchen.AckFailed, 4), told)
		require.Empty(t, d.tray.tickets)
	})
	t.Run("whose type is the code that the order knows, and no free text", func(t *testing.T) {
		t.Parallel()
		d := (&delivery{attempt: 2, log: notes{failure: ack(kitchen.AckFailed, 4), code: kitchen.ReasonOther, final: true}}).run(t)
		var failed *temporal.ApplicationError
		require.ErrorAs(t, d.err, &failed)
		require.Equal(t, kitchen.ReasonOther, failed.Type())
		require.Equal(t, "burnt at bake: kim: oven 2", failed.Message())
	})
	t.Run("attempts go on behind those that have failed, also after a reset", func(t *testing.T) {
		t.Parallel()
		d := (&delivery{attempt: 1, log: notes{failure: ack(kitchen.AckFailed, 4)}}).run(t)
		require.ErrorIs(t, d.err, activity.ErrResultPending)
		require.Equal(t, 5, d.tray.tickets[0].Attempt)
	})
	t.Run("a ticket that was withdrawn is not issued again", func(t *testing.T) {
		t.Parallel()
		d := (&delivery{attempt: 2, log: notes{withdrawn: true}}).run(t)
		var failed *temporal.ApplicationError
		require.ErrorAs(t, d.err, &failed)
		require.Equal(t, kitchen.FailureWithdrawn, failed.Type())
		require.True(t, failed.NonRetryable())
		require.Empty(t, d.tray.tickets)
	})
	for name, log := range map[string]notes{
		"a failure that means again":          {failure: ack(kitchen.AckFailed, 4), final: false},
		"a failure that the order had before": {failure: ack(kitchen.AckFailed, 3), final: true},
	} {
		t.Run(name+" does not", func(t *testing.T) {
			t.Parallel()
			d := (&delivery{issue: kitchen.Issue{Issued: 3}, attempt: 2, log: log}).run(t)
			require.ErrorIs(t, d.err, activity.ErrResultPending)
			require.Equal(t, 5, d.tray.tickets[0].Attempt)
		})
	}
}

// Without the key a failure would be kept in plain text, and an owner is not known to
// be nobody.
func TestWithoutTheKeyNothingIsIssuedNorTold(t *testing.T) {
	t.Parallel()
	missing := &encryption.MissingKeyError{KeyID: 7}
	failure := &kitchen.Ack{TicketID: bake.TicketID(), OrderID: bake.OrderID, Stage: bake.Stage, Kind: kitchen.AckFailed, By: "kim", Attempt: 1, Note: "oven 2"}
	keys, err := encryption.NewKeyset()
	require.NoError(t, err)
	sealed, err := encryption.New(keys, slog.New(slog.DiscardHandler)).DataOf("").ToPayload(kitchen.AtWork{By: "kim"})
	require.NoError(t, err)
	for name, d := range map[string]*delivery{
		"to write":              {attempt: 2, log: notes{failure: failure, final: true}, orders: office{cannotWrite: missing}},
		"to who has the ticket": {attempt: 2, details: converter.NewRawValue(sealed), reads: encryption.New(nil, slog.New(slog.DiscardHandler))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var noKey *temporal.ApplicationError
			require.ErrorAs(t, d.run(t).err, &noKey)
			require.Equal(t, ErrorTypeNoKey, noKey.Type())
			require.False(t, noKey.NonRetryable())
			require.NotContains(t, noKey.Error(), "oven 2")
			require.Empty(t, d.tray.tickets)
		})
	}
}
