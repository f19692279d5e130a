package worker

import (
	"context"
	"sync"

	"go.temporal.io/sdk/activity"

	"github.com/cupcakery/cupcakery/activities"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// mostRuns bounds the runs that are kept: the acks of tickets that this process has
// issued may go to other workers.
const mostRuns = 10_000

// runs are those of the workflows whose tickets this process has issued, by ticket.
// Told the run, Temporal need not ask its database for an order's current one,
// which it does for every call about an activity by its id.
type runs struct {
	mu  sync.Mutex
	ids map[string]string
}

func newRuns() *runs { return &runs{ids: map[string]string{}} }

func (r *runs) note(ticketID, runID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.ids) >= mostRuns {
		clear(r.ids)
	}
	r.ids[ticketID] = runID
}

// of returns the run of a ticket, empty for the order's current one.
func (r *runs) of(ticketID string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ids[ticketID]
}

func (r *runs) drop(ticketID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.ids, ticketID)
}

// call makes a call about a ticket's activity. The run that has issued the ticket
// may be over, and another one wait for it.
func (r *runs) call(ticketID string, call func(runID string) error) error {
	runID := r.of(ticketID)
	err := call(runID)
	if runID != "" && workflows.IsNotFound(err) {
		r.drop(ticketID)
		err = call("")
	}
	return err
}

// notingPublisher notes from which run each ticket comes, before anybody can answer
// it, and what the log has of it in traces.
type notingPublisher struct {
	activities.Publisher
	runs *runs
	log  *ticketLog
}

// PublishTicket implements activities.Publisher.
func (p notingPublisher) PublishTicket(ctx context.Context, ticket kitchen.Ticket) error {
	p.runs.note(ticket.TicketID, activity.GetInfo(ctx).WorkflowExecution.RunID)
	before, known := p.log.before(ticket)
	err := p.Publisher.PublishTicket(ctx, ticket)
	if err == nil && known {
		p.log.traceIssue(ctx, ticket, before)
	}
	return err
}
