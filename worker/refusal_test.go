package worker

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	sdktemporal "go.temporal.io/sdk/temporal"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// fresh is a Temporal whose orders have issued nothing yet.
type fresh struct {
	client.Client
	reset bool
}

func (fresh) CompleteActivityByID(context.Context, string, string, string, string, any, error) error {
	return serviceerror.NewNotFound("no such activity")
}

func (f fresh) DescribeWorkflowExecution(_ context.Context, workflowID, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	first := "run 1"
	if f.reset {
		first = "run 0"
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{
		Execution:  &commonpb.WorkflowExecution{WorkflowId: workflowID, RunId: "run 1"},
		FirstRunId: first,
		Status:     enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
	}}, nil
}

func (fresh) GetWorkflowHistory(context.Context, string, string, bool, enumspb.HistoryEventFilterType) client.HistoryEventIterator {
	return new(onlyStarted)
}

// onlyStarted is the history of an order that has just been placed.
type onlyStarted struct{ read bool }

func (o *onlyStarted) HasNext() bool { return !o.read }

func (o *onlyStarted) Next() (*historypb.HistoryEvent, error) {
	o.read = true
	input, err := converter.GetDefaultDataConverter().ToPayloads(workflows.OrderInput{Rules: kitchen.Default().Rules, PlacedAt: time.Now()})
	return &historypb.HistoryEvent{
		EventId: 1, EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
			WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{Input: input},
		},
	}, err
}

// desk takes what a worker publishes. The worker may die before a dead letter is
// there.
type desk struct {
	t     *testing.T
	log   *scribe
	dies  context.CancelFunc // nil to stay alive
	wrote []string
}

func (d *desk) PublishAck(_ context.Context, ack kitchen.Ack) error {
	require.NoError(d.t, ack.Check())
	d.wrote = append(d.wrote, string(ack.Kind))
	d.log.readOn(d.log.unread(ack))
	return nil
}

func (d *desk) PublishDeadLetter(context.Context, events.Message, string) error {
	if d.dies != nil {
		d.dies()
		return errors.New("it is dead")
	}
	d.wrote = append(d.wrote, "letter")
	return nil
}

func (*desk) ForwardAck(context.Context, events.Message, kitchen.Ack) error { return nil }

// Whoever reads it again must not take it for an ack that is merely stale.
func TestARefusedAckBecomesADeadLetterEvenIfItsWorkerIsKilled(t *testing.T) {
	t.Parallel()
	s := newScribe(t)
	early := s.ack(mix(1), kitchen.AckDone, "ghost")
	ctx, kill := context.WithCancel(t.Context())
	early.ctx = ctx
	dying := &desk{t: t, log: s, dies: kill}
	queue := newTestQueue(fresh{}, dying)
	queue.carrier.log = s.ticketLog
	require.ErrorIs(t, queue.carrier.carry(early), context.Canceled)
	require.Equal(t, []string{"refused"}, dying.wrote)

	next := &desk{t: t, log: s}
	queue = newTestQueue(fresh{}, next)
	queue.carrier.log = s.ticketLog
	early.ctx = t.Context()
	s.issue(mix(1), 1) // the order has gone on meanwhile
	require.NoError(t, queue.carrier.carry(early))
	require.Equal(t, []string{"letter"}, next.wrote, "it is not refused twice")
}

// Somebody may start an order by hand with an input that no build reads. Its ack was
// tried again for ever, and stopped its partition.
func TestAFailureOfAnOrderThatCannotBeReadIsTheOrdersToDecide(t *testing.T) {
	t.Parallel()
	s, temporal := newScribe(t), unreadable{&onceIssued{failed: make(chan error, 1)}}
	queue := newTestQueue(temporal, &desk{t: t, log: s})
	queue.carrier.log = s.ticketLog
	s.issue(mix(1), 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ack := s.ack(mix(1), kitchen.AckFailed, "bob")
	ack.ctx = ctx
	require.NoError(t, queue.carrier.carry(ack))
	require.ErrorContains(t, <-temporal.failed, "retryable: false")
}

// unreadable is a Temporal whose orders began with something else.
type unreadable struct{ *onceIssued }

func (unreadable) GetWorkflowHistory(context.Context, string, string, bool, enumspb.HistoryEventFilterType) client.HistoryEventIterator {
	return new(onlyJunk)
}

type onlyJunk struct{ onlyStarted }

func (o *onlyJunk) Next() (*historypb.HistoryEvent, error) {
	event, err := o.onlyStarted.Next()
	event.GetWorkflowExecutionStartedEventAttributes().Input.Payloads[0].Data = []byte("junk")
	return event, err
}

// What cannot be proved is not refused.
func TestNothingIsRefusedThatMayBeGood(t *testing.T) {
	t.Parallel()
	for name, temporal := range map[string]fresh{"TheOrderWasResetAndTheLogIsNotRead": {reset: true}, "TheLogHasSeenItIssued": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScribe(t)
			if !temporal.reset {
				s.issue(mix(1), 1)
			}
			ack := s.ack(mix(1), kitchen.AckDone, "bob")
			wrote := &desk{t: t, log: s}
			queue := newTestQueue(temporal, wrote)
			queue.carrier.log = s.ticketLog
			require.NoError(t, queue.carrier.carry(ack))
			require.Empty(t, wrote.wrote)
			require.EqualValues(t, 1, queue.carrier.metrics.count(t, kitchen.AckDone, outcomeStale))
		})
	}
}

// What came behind a refused ack counts once that is taken back.
func TestAnAckIsJudgedByTheRefusalOfTheOneBefore(t *testing.T) {
	t.Parallel()
	broker, err := devstack.StartKafka(t.Context(), devstack.KafkaConfig{})
	require.NoError(t, err)
	t.Cleanup(broker.Stop)
	s := newScribe(t)
	s.connection = events.Connection{Brokers: []string{broker.Addr()}}
	_, err = events.ApplyTopics(t.Context(), s.connection, events.TopicSettings{Partitions: 1})
	require.NoError(t, err)
	writer, err := events.NewWriter(s.connection)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, writer.Close()) })
	s.begin()
	s.setCaughtUp()
	s.issue(mix(1), 1)
	acks := []queuedAck{
		s.ack(mix(1), kitchen.AckFailed, "ghost", func(a *kitchen.Ack) { a.Attempt, a.Reason = 99_999, "burnt" }),
		s.ack(mix(1), kitchen.AckFailed, "bob", func(a *kitchen.Ack) { a.Attempt, a.Reason = 1, "burnt" }),
	}
	for _, ack := range acks {
		require.NoError(t, writer.PublishAck(t.Context(), ack.ack))
	}
	slow := &slowDesk{desk: desk{t: t, log: s}, writer: writer, refused: make(chan queuedAck, 1)}
	temporal := &onceIssued{failed: make(chan error, 1)}
	queue := newTestQueue(temporal, slow)
	queue.carrier.log = s.ticketLog
	for _, ack := range acks {
		queue.put(ack)
	}
	refusal := <-slow.refused
	at := partition{events.TopicAcks, 0}
	require.Eventually(t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.place(at).waiters) > 0
	}, time.Minute, time.Millisecond, "the refusal is waited for")
	s.readOn(refusal)
	queue.working.Wait()
	require.ErrorContains(t, <-temporal.failed, "burnt at mix: bob")
}

// slowDesk publishes to Kafka what the log reads only later.
type slowDesk struct {
	desk
	writer  *events.Writer
	refused chan queuedAck
}

func (d *slowDesk) PublishAck(ctx context.Context, ack kitchen.Ack) error {
	refusal := d.log.unread(ack)
	err := d.writer.PublishAck(ctx, ack)
	d.refused <- refusal
	return err
}

// onceIssued is a Temporal whose orders have issued mix once, and which knows no more
// of that.
type onceIssued struct {
	fresh
	failed chan error
}

func (o *onceIssued) CompleteActivityByID(_ context.Context, _, _, _, _ string, _ any, err error) error {
	o.failed <- err
	return nil
}

// The type of a failure is never encrypted, so what a station has written in its own
// words must not become one, nor be taken for an error of the factory.
func TestAFailuresTypeIsACodeOfTheOrdersKitchenFile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reason, code string
		scrapped     int
	}{
		"a code":                      {"burnt", "burnt", 0},
		"none":                        {"", kitchen.ReasonOther, 0},
		"free text":                   {"Ada's-allergy", kitchen.ReasonOther, 0},
		"free text of scrapped cakes": {"Ada's-allergy", kitchen.ReasonOther, 3},
		"an error's name":             {kitchen.FailureWithdrawn, kitchen.ReasonOther, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, temporal := newScribe(t), &onceIssued{failed: make(chan error, 1)}
			queue := newTestQueue(beating{temporal}, &desk{t: t, log: s})
			queue.carrier.log = s.ticketLog
			s.issue(mix(1), 1)
			require.NoError(t, queue.carrier.carry(s.ack(mix(1), kitchen.AckFailed, "bob", func(a *kitchen.Ack) { a.Reason, a.Scrapped = c.reason, c.scrapped })))
			failure, is := errors.AsType[*sdktemporal.ApplicationError](<-temporal.failed)
			require.True(t, is)
			require.Equal(t, c.code, failure.Type())
			require.Contains(t, failure.Message(), c.reason)
			var told kitchen.Ack
			require.NoError(t, failure.Details(&told))
			require.Equal(t, c.reason, told.Reason)
		})
	}
}

// beating is a Temporal that takes heartbeats.
type beating struct{ *onceIssued }

func (beating) RecordActivityHeartbeatByID(context.Context, string, string, string, string, ...any) error {
	return nil
}
