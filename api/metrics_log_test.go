package api

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

func TestTheMetricsTellWhatTheLogTells(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	writer := kafka.writer()
	poison := events.Message{Topic: events.TopicAcks, Key: []byte("nobody"), Value: []byte("{")}
	require.NoError(t, writer.PublishDeadLetter(t.Context(), poison, "it is cut off"))
	b := openBakery(t, kafka, unreachableTemporal{}, nil)
	first, second := newTicket(t, kitchen.Bake), newTicket(t, kitchen.Bake)
	b.onBoard(writer, first)
	b.onBoard(writer, second)
	b.acked("bob", first, `{"kind":"started"}`)
	metrics := scrape(t, b.server)
	for _, part := range []string{
		`cupcakery_tickets_waiting{stage="bake"} 1`,
		`cupcakery_tickets_in_hand{stage="bake"} 1`,
		`cupcakery_tickets_waiting{stage="mix"} 0`,
		`cupcakery_oldest_ticket_seconds{stage="mix"} 0`,
		"cupcakery_questions_open 0",
		"cupcakery_oldest_question_seconds 0",
		`cupcakery_board_behind_seconds{reason="kafka"} 0`,
		`cupcakery_board_behind_seconds{reason="starting"} 0`,
		`cupcakery_part_up{part="kafka"} 1`,
		`cupcakery_part_up{part="temporal"} 0`,
		`cupcakery_live_followers{channel="station"} 2`, // each waited for its ticket
		`cupcakery_live_followers{channel="order"} 0`,
	} {
		require.Contains(t, metrics, part)
	}
	require.NotContains(t, metrics, `cupcakery_oldest_ticket_seconds{stage="bake"} 0`+"\n")
	require.Eventually(t, func() bool { return contains(t, b, `cupcakery_dead_letters{state="open"} 1`) }, time.Minute, 10*time.Millisecond)
	require.Contains(t, scrape(t, b.server), `cupcakery_dead_letters{state="redriving"} 0`)

	kafka.stop()
	require.Eventually(t, func() bool { return !contains(t, b, `cupcakery_board_behind_seconds{reason="kafka"} 0`+"\n") }, time.Minute, 10*time.Millisecond)
	require.Eventually(t, func() bool { return contains(t, b, `cupcakery_part_up{part="kafka"} 0`) }, time.Minute, 10*time.Millisecond)
	require.Contains(t, scrape(t, b.server), `cupcakery_tickets_in_hand{stage="bake"} 1`, "as far as the log was read")
	kafka.start()
}

func TestAQueueThatIsNotKnownIsNotGiven(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, unreachableTemporal{}, nil) // it has no Kafka
	metrics := scrape(t, server)
	require.Contains(t, metrics, `cupcakery_board_behind_seconds{reason="starting"}`)
	for _, name := range []string{"cupcakery_tickets_waiting", "cupcakery_questions_open", "cupcakery_dead_letters"} {
		require.NotContains(t, metrics, name)
	}
}

func contains(t *testing.T, b *bakery, part string) bool {
	t.Helper()
	return strings.Contains(scrape(t, b.server), part)
}

// An order that was terminated in Temporal never tells the log that its question is
// over.
func TestQuestionsOfOrdersThatWereEndedInTemporalAreClosed(t *testing.T) {
	t.Parallel()
	asked := &oldQuestions{open: []string{"ended", "waits", "forgotten"}}
	questions := &closedQuestions{floor: asked, temporal: endedTemporal{}}
	questions.look(t.Context(), oldQuestion)
	require.Equal(t, []string{"ended", "forgotten"}, asked.closed)

	asked = &oldQuestions{open: []string{"away", "ended"}}
	questions = &closedQuestions{floor: asked, temporal: endedTemporal{}}
	questions.look(t.Context(), oldQuestion)
	require.Empty(t, asked.closed, "while Temporal is away the log knows best")
}

type oldQuestions struct{ open, closed []string }

func (o *oldQuestions) AskedLonger(time.Duration) []string { return o.open }

func (o *oldQuestions) QuestionClosed(orderID string) { o.closed = append(o.closed, orderID) }

// endedTemporal has an order that was ended, one that waits, and no other.
type endedTemporal struct{ client.Client }

func (endedTemporal) DescribeWorkflowExecution(_ context.Context, workflowID, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	info := &workflowpb.WorkflowExecutionInfo{}
	switch workflowID {
	case kitchen.WorkflowID("ended"):
		info.CloseTime = timestamppb.Now()
	case kitchen.WorkflowID("waits"):
	case kitchen.WorkflowID("away"):
		return nil, serviceerror.NewUnavailable("away")
	default:
		return nil, serviceerror.NewNotFound("no such order")
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: info}, nil
}
