package api

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"go.temporal.io/api/workflowservice/v1"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/floor"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/live"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	// defaultLiveConnections is how many live connections a process takes, and
	// defaultLiveConnectionsPerAddress how many of them from one address.
	defaultLiveConnections           = 4096
	defaultLiveConnectionsPerAddress = 256
	// liveRetryAfter is when a client may connect again whose address has too
	// many.
	liveRetryAfter = 30 * time.Second
	// orderCountsWithin is how long Temporal may take to count.
	orderCountsWithin = 2 * time.Second
)

// getLive turns a request into a live connection.
func (s *Server) getLive(c *gin.Context) {
	session, signedIn := sessionOf(c)
	isWall := s.isWall(c.Request)
	client := live.Client{
		Address: s.addressOf(c.Request),
		MayFollow: func(channel string) error {
			if isWall && channel == floor.ChannelCounter {
				return nil
			}
			stage, _ := strings.CutPrefix(channel, floor.ChannelStation)
			return s.permit(s.mayFollow(channel), kitchen.Stage(stage), session, signedIn)
		},
	}
	if signedIn {
		client.Session = &live.Session{HasEnded: func() bool { return s.sessions.HasEnded(session) }, Remaining: session.ExpiresAt.Sub(s.sessions.Now())}
	}
	if err := s.live.Serve(c.Writer, c.Request, client); err != nil {
		s.fail(c, err)
	}
}

// readLiveRequest reads a client's message on a live connection by the
// specification.
func (c *contract) readLiveRequest(data []byte) (wire.LiveRequest, error) {
	value, err := readJSON(data)
	if err != nil {
		if problem, ok := errors.AsType[*problemError](err); ok {
			return wire.LiveRequest{}, errors.New(problem.Detail)
		}
		return wire.LiveRequest{}, err
	}
	if faults := checkSchema(c.liveRequest, value); len(faults) > 0 {
		return wire.LiveRequest{}, errors.New(strings.TrimPrefix(faults[0].pointer()+": "+faults[0].detail, ": "))
	}
	object, _ := value.(map[string]any)
	return readAs[wire.LiveRequest](object), nil
}

// liveProblem is a problem as a live channel has it: no request has led to it.
func liveProblem(err error) wire.Problem {
	problem := asProblem(err)
	kind := kindOf(problem.Type)
	return wire.Problem{Type: problem.Type, Title: kind.Title, Status: kind.Status, Detail: problem.Detail}
}

// Status is what the followers of an order's channel see.
func (f *follower) Status(ctx context.Context, orderID string) (kitchen.Status, error) {
	if erased, _ := f.log.IsErased(orderID); erased {
		return kitchen.Status{}, errErased
	}
	status, _, err := f.status(ctx, orderID)
	return status, err
}

// Problem is what the followers of an order's channel are told of an error, and
// what the log has.
func (f *follower) Problem(err error) (problem wire.Problem, text string) {
	return liveProblem(err), withoutOrderIDs(err)
}

// Count counts the open orders by state, as Temporal lists them.
func (f *follower) Count(ctx context.Context) (wire.OrderCounts, error) {
	ctx, cancel := context.WithTimeout(ctx, orderCountsWithin)
	defer cancel()
	var counts wire.OrderCounts
	counting, ctx := errgroup.WithContext(ctx)
	for state, count := range map[kitchen.OrderState]*int{
		kitchen.StateScheduled:      &counts.Scheduled,
		kitchen.StateInProgress:     &counts.InProgress,
		kitchen.StateNeedsAttention: &counts.NeedsAttention,
		kitchen.StateCancelling:     &counts.Cancelling,
	} {
		counting.Go(func() error {
			answer, err := f.temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: listQuery(wire.ListOrdersParams{State: &state})})
			if err != nil {
				return fmt.Errorf("count the orders that are %s: %w", state, err)
			}
			*count = int(answer.GetCount())
			return nil
		})
	}
	return counts, counting.Wait()
}

// ListStations tells how much there is to do at each station.
func (s *Server) ListStations(context.Context, ListStationsRequestObject) (ListStationsResponseObject, error) {
	return ListStations200JSONResponse(s.floor.Stations()), nil
}

// GetBoard shows a station's board.
func (s *Server) GetBoard(_ context.Context, request GetBoardRequestObject) (GetBoardResponseObject, error) {
	return GetBoard200JSONResponse(s.floor.Board(request.Stage)), nil
}

// AckTicket publishes an ack and answers with what the log makes of it.
func (s *Server) AckTicket(ctx context.Context, request AckTicketRequestObject) (AckTicketResponseObject, error) {
	by, _ := sessionOf(ctx)
	ticket, err := s.floor.Ack(requestContext(ctx), by.Name, request.Stage, request.Ticket, *request.Body)
	s.metrics.acks.WithLabelValues(string(request.Body.Kind), ackOutcome(err)).Inc()
	if err != nil {
		return nil, err
	}
	return AckTicket200JSONResponse(ticket), nil
}

// ackOutcome is what became of an ack, for the metrics.
func ackOutcome(err error) string {
	if err == nil {
		return ackCounted
	}
	if kindOf(asProblem(err).Type).Status >= 500 {
		return ackUnconfirmed
	}
	return ackRefused
}

// GetStatistics tells what the stations did in the last hours.
func (s *Server) GetStatistics(context.Context, GetStatisticsRequestObject) (GetStatisticsResponseObject, error) {
	return GetStatistics200JSONResponse(s.floor.Statistics()), nil
}

// GetPace tells how long the stages take at present.
func (s *Server) GetPace(context.Context, GetPaceRequestObject) (GetPaceResponseObject, error) {
	return GetPace200JSONResponse(s.floor.Pace()), nil
}
