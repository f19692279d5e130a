package activities

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/cupcakery/cupcakery/kitchen"
)

// tray keeps what was published, or refuses it.
type tray struct {
	err     error
	tickets []kitchen.Ticket
}

func (p *tray) PublishTicket(_ context.Context, ticket kitchen.Ticket) error {
	p.tickets = append(p.tickets, ticket)
	return p.err
}

func (p *tray) PublishShipped(context.Context, kitchen.Shipped) error { return p.err }

func (p *tray) PublishFailed(context.Context, kitchen.Failed) error { return p.err }

func TestATicketGoesOutAsTheAttemptAfterTheLast(t *testing.T) {
	t.Parallel()
	suite := &testsuite.WorkflowTestSuite{}
	env := suite.NewTestActivityEnvironment()
	published := &tray{}
	Register(env, kitchen.Stages(), published, nil)
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
	Register(env, kitchen.Stages(), published, nil)
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
		"Mix": kitchen.Issue{}, "AnnounceShipped": kitchen.Shipped{}, "AnnounceFailed": kitchen.Failed{},
	} {
		env := suite.NewTestActivityEnvironment()
		Register(env, kitchen.Stages(), &tray{err: errors.New("Kafka is away")}, nil)
		_, err := env.ExecuteActivity(name, input)
		var notPublished *temporal.ApplicationError
		require.ErrorAs(t, err, &notPublished, name)
		require.Equal(t, ErrorTypeNotPublished, notPublished.Type())
		require.False(t, notPublished.NonRetryable())
		require.Equal(t, temporal.ApplicationErrorCategoryBenign, notPublished.Category(), "an outage fills no log")
	}
}

func TestATicketIsInVainByAttemptsAndTime(t *testing.T) {
	t.Parallel()
	const within = 40 * time.Minute
	for name, c := range map[string]struct {
		reissues int
		attempt  int32
		waited   time.Duration
		want     bool
	}{
		"the first attempt":                  {1, 1, 0, false},
		"as often as it may":                 {2, 2, within, false},
		"once too often":                     {2, 3, 2 * within, true},
		"any later":                          {2, 9, 8 * within, true},
		"attempts that passed quickly":       {2, 9, time.Minute, false},
		"one attempt that waited for Kafka":  {2, 2, 9 * within, false},
		"where nobody is ever to be asked":   {0, 9, 9 * within, false},
		"the first re-issue, if none may be": {1, 2, within, true},
	} {
		info := activity.Info{Attempt: c.attempt, StartToCloseTimeout: within}
		require.Equal(t, c.want, inVain(kitchen.Issue{MaxReissues: c.reissues}, info, c.waited), name)
	}
}
