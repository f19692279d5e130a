package workflows

import (
	"context"
	"fmt"
	"slices"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/converter"

	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// timelineRuns and timelineEvents are how many of an order's last runs, and how many
	// events of them, a timeline is made from at most.
	timelineRuns   = 10
	timelineEvents = 3000
)

// Happening is what has happened to an order at one time. The zero value is none.
type Happening struct {
	At    time.Time
	Kind  HappeningKind
	Stage kitchen.Stage
	Pass  int
	// Undoing is set if it is about the stage's undo ticket.
	Undoing bool
	// Attempt counts how often the ticket had been issued by then; 0 if that is not
	// known.
	Attempt int
	// By is who has done it.
	By string
	// Reason is a code for what failed, and else for people.
	Reason   string
	Note     string
	Scrapped int
	// Choice is a manager's.
	Choice kitchen.Choice
	// Notes, Messages and Phone say what was amended.
	Notes, Messages, Phone bool
}

// HappeningKind is the kind of a Happening. The zero value is no kind.
type HappeningKind string

// The kinds.
const (
	HappenedPlaced  HappeningKind = "placed"
	HappenedIssued  HappeningKind = "issued"
	HappenedStarted HappeningKind = "started"
	HappenedDone    HappeningKind = "done"
	HappenedUndone  HappeningKind = "undone"
	HappenedFailed  HappeningKind = "failed"
	// HappenedByHand is that somebody has ended a ticket in Temporal.
	HappenedByHand    HappeningKind = "ended-by-hand"
	HappenedWithdrawn HappeningKind = "withdrawn"
	HappenedAsked     HappeningKind = "asked"
	HappenedDecided   HappeningKind = "decided"
	HappenedAmended   HappeningKind = "amended"
	// HappenedCancelling is that somebody has asked to cancel the order, and
	// HappenedCancelled that it is over.
	HappenedCancelling HappeningKind = "cancelling"
	HappenedCancelled  HappeningKind = "cancelled"
	HappenedShipped    HappeningKind = "shipped"
	// HappenedTerminated is that somebody has ended the order in Temporal.
	HappenedTerminated HappeningKind = "terminated"
)

// Timeline is what has happened to an order by its history, the oldest first, and
// whether that is all: of an order with a very long history the beginning is left out,
// and so is what Temporal has forgotten, of an order that was for much later.
// What only the log has is missing, such as who has an open ticket in hand. An unknown
// order is a *serviceerror.NotFound.
func (o *Orders) Timeline(ctx context.Context, orderID string) (happened []Happening, complete bool, err error) {
	read, forgotten := 0, false
	var runs [][]Happening
	for runID := ""; ; {
		teller := newTeller(orderID, o.codec)
		events := o.temporal.GetWorkflowHistory(ctx, kitchen.WorkflowID(orderID), runID, false, historyFilterAll)
		for events.HasNext() && read < timelineEvents {
			event, err := events.Next()
			if runID != "" && IsNotFound(err) {
				forgotten = true
				break
			}
			if err != nil {
				return nil, false, fmt.Errorf("read the history of the order: %w", err)
			}
			read++
			if err := teller.apply(event); err != nil {
				return nil, false, fmt.Errorf("read event %d of the order's history: %w", event.GetEventId(), err)
			}
		}
		runs = append(runs, teller.happened)
		runID = teller.continues
		complete = runID == "" && read < timelineEvents && !forgotten
		if runID == "" || read >= timelineEvents || len(runs) == timelineRuns {
			break
		}
	}
	slices.Reverse(runs)
	happened = slices.Concat(runs...)
	slices.SortStableFunc(happened, func(x, y Happening) int { return x.At.Compare(y.At) })
	return happened, complete, nil
}

// teller tells what the events of one run mean.
type teller struct {
	orderID  string
	codec    *encryption.Codec
	data     converter.DataConverter
	happened []Happening
	// continues is the run before.
	continues string
	pending   map[int64]kitchen.TicketRef
	issued    map[kitchen.TicketRef]int
	// asked is when the last question was asked that was told.
	asked time.Time
}

func newTeller(orderID string, codec *encryption.Codec) *teller {
	return &teller{orderID: orderID, codec: codec, data: codec.DataOf(kitchen.WorkflowID(orderID)), pending: map[int64]kitchen.TicketRef{}, issued: map[kitchen.TicketRef]int{}}
}

// tell adds what has happened, once: an ack may be delivered again.
func (t *teller) tell(h Happening) {
	h.At = h.At.UTC()
	isKnown := func(known Happening) bool {
		known.Attempt = h.Attempt
		return known == h
	}
	if h.Kind == HappenedIssued || !slices.ContainsFunc(t.happened, isKnown) {
		t.happened = append(t.happened, h)
	}
}

func (t *teller) apply(event *historypb.HistoryEvent) error {
	at := event.GetEventTime().AsTime()
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
		started := event.GetWorkflowExecutionStartedEventAttributes()
		var in OrderInput
		if err := t.data.FromPayloads(started.GetInput(), &in); err != nil {
			return err
		}
		t.continues = started.GetContinuedExecutionRunId()
		if in.Progress == nil {
			t.tell(Happening{At: in.PlacedAt, Kind: HappenedPlaced})
		} else if asked := in.Progress.Status.Attention; asked != nil {
			t.asked = asked.Since // the run before tells of it
		}
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		ref, err := kitchen.ParseActivityID(event.GetActivityTaskScheduledEventAttributes().GetActivityId())
		if err != nil {
			return nil // an activity that is no ticket
		}
		t.pending[event.GetEventId()] = ref
		t.issued[ref]++
		t.tell(t.about(ref, Happening{At: at, Kind: HappenedIssued, Attempt: t.issued[ref]}))
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
		completed := event.GetActivityTaskCompletedEventAttributes()
		ref, isTicket := t.pending[completed.GetScheduledEventId()]
		if !isTicket {
			return nil
		}
		var ack kitchen.Ack
		if err := t.data.FromPayloads(completed.GetResult(), &ack); encryption.IsMissingKey(err) {
			return err
		} else if err != nil {
			t.tell(t.about(ref, Happening{At: at, Kind: HappenedByHand}))
			return nil
		}
		kind := HappenedDone
		if ref.Kind == kitchen.TicketUndo {
			kind = HappenedUndone
		}
		t.ended(ref, kind, ack, at)
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED:
		failed := event.GetActivityTaskFailedEventAttributes()
		ref, isTicket := t.pending[failed.GetScheduledEventId()]
		if !isTicket {
			return nil
		}
		failure, err := t.codec.FailureOf(kitchen.WorkflowID(t.orderID), failed.GetFailure())
		if err != nil {
			return err
		}
		ack, reported := failedAck(failure)
		if !reported {
			t.tell(t.about(ref, Happening{At: at, Kind: HappenedByHand}))
			return nil
		}
		t.ended(ref, HappenedFailed, ack, at)
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED:
		if ref, isTicket := t.pending[event.GetActivityTaskCanceledEventAttributes().GetScheduledEventId()]; isTicket {
			t.tell(t.about(ref, Happening{At: at, Kind: HappenedWithdrawn}))
		}
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
		input := event.GetWorkflowExecutionUpdateAcceptedEventAttributes().GetAcceptedRequest().GetInput()
		return t.updated(input.GetName(), input.GetArgs(), at)
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED:
		t.tell(Happening{At: at, Kind: HappenedCancelling, Reason: "cancelled in Temporal"})
	case enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED:
		payload := event.GetWorkflowPropertiesModifiedEventAttributes().GetUpsertedMemo().GetFields()[MemoStatus]
		if payload == nil {
			return nil
		}
		var status kitchen.Status
		if err := t.data.FromPayload(payload, &status); err != nil {
			return err
		}
		if asked := status.Attention; asked != nil && !asked.Since.Equal(t.asked) {
			t.asked = asked.Since
			t.tell(Happening{At: asked.Since, Kind: HappenedAsked, Stage: asked.Stage, Pass: asked.Pass, Undoing: asked.Undoing, Reason: asked.Reason})
		}
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		var status kitchen.Status
		if err := t.data.FromPayloads(event.GetWorkflowExecutionCompletedEventAttributes().GetResult(), &status); err != nil {
			return err
		}
		kind, ended := HappenedShipped, status.ShippedAt
		if status.State == kitchen.StateCancelled {
			kind, ended = HappenedCancelled, status.CancelledAt
		}
		if ended != nil {
			at = *ended
		}
		t.tell(Happening{At: at, Kind: kind})
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
		t.tell(Happening{At: at, Kind: HappenedTerminated, Reason: event.GetWorkflowExecutionTerminatedEventAttributes().GetReason()})
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
		t.tell(Happening{At: at, Kind: HappenedTerminated})
	default: // the rest, such as timers, is nothing that happens to the order
	}
	return nil
}

// about says which ticket something is about.
func (t *teller) about(ref kitchen.TicketRef, h Happening) Happening {
	h.Stage, h.Pass, h.Undoing = ref.Stage, ref.Pass, ref.Kind == kitchen.TicketUndo
	return h
}

// ended tells what a station has said of a ticket that has ended, and when the work had
// begun.
func (t *teller) ended(ref kitchen.TicketRef, kind HappeningKind, ack kitchen.Ack, recorded time.Time) {
	if started := timeOrZero(ack.StartedAt); !started.IsZero() {
		t.tell(t.about(ref, Happening{At: started, Kind: HappenedStarted, By: ack.By}))
	}
	at := ack.At
	if at.IsZero() {
		at = recorded
	}
	t.tell(t.about(ref, Happening{At: at, Kind: kind, By: ack.By, Attempt: ack.Attempt, Reason: ack.Reason, Note: ack.Note, Scrapped: ack.Scrapped}))
}

// updated tells of an update that acts.
func (t *teller) updated(name string, arguments *commonpb.Payloads, at time.Time) error {
	switch name {
	case UpdateCancel:
		var asked kitchen.Cancellation
		if err := t.data.FromPayloads(arguments, &asked); err != nil {
			return fmt.Errorf("read a cancellation: %w", err)
		}
		t.tell(Happening{At: at, Kind: HappenedCancelling, By: asked.By, Reason: asked.Reason})
	case UpdateAmend:
		var asked kitchen.Amendment
		if err := t.data.FromPayloads(arguments, &asked); err != nil {
			return fmt.Errorf("read an amendment: %w", err)
		}
		t.tell(Happening{At: at, Kind: HappenedAmended, Notes: asked.Notes != nil, Messages: len(asked.Messages) > 0, Phone: asked.Phone != nil})
	case UpdateResolve:
		var asked kitchen.Resolution
		if err := t.data.FromPayloads(arguments, &asked); err != nil {
			return fmt.Errorf("read a decision: %w", err)
		}
		t.tell(Happening{At: at, Kind: HappenedDecided, By: asked.By, Choice: asked.Choice, Note: asked.Note})
	}
	return nil
}
