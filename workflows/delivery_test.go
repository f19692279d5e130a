package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/cupcakery/cupcakery/activities"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// deliver has the activity issue its ticket again, as the server does when the
// last attempt has ended, and returns its complaint to the order, if it makes one.
// silent says that nobody was heard of in the last attempt; unpublished is why
// Kafka does not take the ticket. It is the activity's own code that runs.
func (w *world) deliver(p *pending, silent bool, unpublished error) *workflows.Unanswered {
	p.attempt++
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	env := suite.NewTestActivityEnvironment()
	d := &deliveredAgain{pending: p, silent: silent, unpublished: unpublished, told: &w.told}
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&attempted{pending: p}}})
	if p.owner != nil {
		env.SetHeartbeatDetails(*p.owner)
	}
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		var owner kitchen.AtWork
		if err := details.Get(&owner); err != nil {
			panic(err)
		}
		p.owner = &owner
	})
	activities.Register(env, kitchen.Stages(), d, d, noLog{})
	if _, err := env.ExecuteActivity(p.ref.ActivityType(), p.issue); !errors.Is(err, activity.ErrResultPending) && unpublished == nil {
		panic(fmt.Sprintf("the activity has not issued its ticket: %v", err))
	}
	return d.complaint
}

// deliveredAgain is what surrounds one attempt of an activity that issues a ticket.
type deliveredAgain struct {
	pending     *pending
	silent      bool
	unpublished error
	complaint   *workflows.Unanswered
	told        *told
}

func (d *deliveredAgain) PublishTicket(context.Context, kitchen.Ticket) error { return d.unpublished }

// PublishStatus implements activities.Publisher.
func (d *deliveredAgain) PublishStatus(_ context.Context, status kitchen.LoggedStatus) error {
	if err := d.told.take(status); err != nil {
		panic(err)
	}
	return d.unpublished
}

func (d *deliveredAgain) PublishShipped(context.Context, kitchen.Shipped) error { return nil }
func (d *deliveredAgain) PublishFailed(context.Context, kitchen.Failed) error   { return nil }

func (d *deliveredAgain) Silent(context.Context, kitchen.TicketRef) (bool, error) {
	return d.silent, nil
}

func (d *deliveredAgain) Complain(_ context.Context, ref kitchen.TicketRef, attempt int, owner kitchen.AtWork, _ time.Duration) error {
	d.complaint = &workflows.Unanswered{ActivityID: ref.ActivityID(), Attempt: attempt, Reason: "silence", By: owner.By, Silent: owner.Silent}
	return nil
}

func (d *deliveredAgain) Untold(context.Context, string, int64) error { return nil }

func (d *deliveredAgain) Reserve(context.Context, string, kitchen.Reservation) error { return nil }

func (d *deliveredAgain) Release(context.Context, string, kitchen.Reservation) error { return nil }

func (d *deliveredAgain) CountAttempts(context.Context, string, string) (int, error) { return 0, nil }

func (d *deliveredAgain) CanWrite() error { return nil }

// attempted has an activity know its attempt, which the SDK's test environment
// does not count.
type attempted struct {
	interceptor.WorkerInterceptorBase
	pending *pending
}

func (a *attempted) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &attemptedInbound{interceptor.ActivityInboundInterceptorBase{Next: next}, a.pending}
}

type attemptedInbound struct {
	interceptor.ActivityInboundInterceptorBase
	pending *pending
}

func (a *attemptedInbound) Init(next interceptor.ActivityOutboundInterceptor) error {
	return a.Next.Init(&attemptedOutbound{interceptor.ActivityOutboundInterceptorBase{Next: next}, a.pending})
}

type attemptedOutbound struct {
	interceptor.ActivityOutboundInterceptorBase
	pending *pending
}

func (a *attemptedOutbound) GetInfo(ctx context.Context) activity.Info {
	info := a.Next.GetInfo(ctx)
	info.Attempt = int32(a.pending.attempt)
	return info
}
