package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/cupcakery/cupcakery/floor"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/live"
	"github.com/cupcakery/cupcakery/staff"
	"github.com/cupcakery/cupcakery/wire"
)

func TestErrorToProblem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want wire.ProblemType
	}{
		"a problem keeps its type":      {&problemError{Type: wire.ProblemTimeout}, wire.ProblemTimeout},
		"a flag that nobody has seen":   {&floor.FlagUnconfirmedError{Err: context.DeadlineExceeded}, wire.ProblemUnavailable},
		"no Kafka for a flag":           {floor.ErrNoLog, wire.ProblemUnavailable},
		"a paused station":              {&floor.PausedError{By: "ann"}, wire.ProblemStationPaused},
		"no such workflow":              {serviceerror.NewNotFound("workflow not found"), wire.ProblemOrderNotFound},
		"Temporal unavailable":          {serviceerror.NewUnavailable("connection refused"), wire.ProblemUnavailable},
		"Temporal too slow":             {serviceerror.NewDeadlineExceeded("too slow"), wire.ProblemUnavailable},
		"Temporal overloaded":           {serviceerror.NewResourceExhausted(0, "rps limit"), wire.ProblemUnavailable},
		"Temporal gave up":              {serviceerror.NewCanceled("cancelled"), wire.ProblemUnavailable},
		"the namespace is missing":      {serviceerror.NewNamespaceNotFound("default"), wire.ProblemUnavailable},
		"our deadline":                  {context.DeadlineExceeded, wire.ProblemUnavailable},
		"the client left":               {context.Canceled, wire.ProblemUnavailable},
		"a gRPC status":                 {status.Error(codes.Unavailable, "away"), wire.ProblemUnavailable},
		"a search attribute is missing": {serviceerror.NewInvalidArgument("no mapping defined for search attribute"), wire.ProblemInternal},
		"nobody could sign in":          {staff.ErrNoStaff, wire.ProblemNoStaff},
		"a wrong name or PIN":           {staff.ErrWrongNameOrPIN, wire.ProblemWrongNameOrPIN},
		"too many sign in at once":      {staff.ErrBusy, wire.ProblemTooManyAttempts},
		"too many wrong PINs":           {&staff.LimitError{Limit: staff.LimitName, Wait: time.Minute}, wire.ProblemTooManyAttempts},
		"anything else":                 {errors.New("disk on fire"), wire.ProblemInternal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, err := range []error{c.err, fmt.Errorf("while doing: %w", fmt.Errorf("something: %w", c.err))} {
				problem := asProblem(err)
				require.Equal(t, c.want, problem.Type)
				if _, isProblem := errors.AsType[*problemError](c.err); !isProblem {
					require.NotContains(t, problem.Detail, c.err.Error(), "internal text")
				}
			}
		})
	}
}

func TestProblemsOfTheHTTPLayer(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, nil)

	t.Run("an unknown address is a 404 problem, also with a slash too many", func(t *testing.T) {
		t.Parallel()
		for _, target := range []string{"/nowhere", "/api", "/api/v2/orders", "/api/v1/orders/", "//api/v1/orders", "/problems/nothing"} {
			requireProblem(t, do(t, server, newRequest(http.MethodGet, target, nil)), wire.ProblemNotFound)
		}
	})
	t.Run("a method that is not allowed is a 405 problem with Allow", func(t *testing.T) {
		t.Parallel()
		recorder := do(t, server, newRequest(http.MethodDelete, "/api/v1/orders", nil))
		problem := requireProblem(t, recorder, wire.ProblemMethodNotAllowed)
		require.Equal(t, "GET, HEAD, OPTIONS, POST", recorder.Header().Get("Allow"))
		require.Contains(t, problem.Detail, "GET, HEAD, OPTIONS or POST")
		recorder = do(t, server, newRequest("BREW", "/api/v1/menu", nil))
		requireProblem(t, recorder, wire.ProblemMethodNotAllowed)
		require.Equal(t, "GET, HEAD, OPTIONS", recorder.Header().Get("Allow"))
	})
	t.Run("OPTIONS says what is allowed", func(t *testing.T) {
		t.Parallel()
		recorder := do(t, server, newRequest(http.MethodOptions, "/api/v1/menu", nil))
		require.Equal(t, http.StatusNoContent, recorder.Code)
		require.Equal(t, "GET, HEAD, OPTIONS", recorder.Header().Get("Allow"))
	})
	t.Run("every problem's type explains itself", func(t *testing.T) {
		t.Parallel()
		for _, kind := range problemKinds {
			recorder := do(t, server, newRequest(http.MethodGet, string(kind.Type), nil))
			require.Equal(t, http.StatusOK, recorder.Code)
			require.Contains(t, recorder.Body.String(), kind.Title)
			require.Contains(t, recorder.Body.String(), kind.Meaning)
		}
	})
}

// explodingTemporal panics with a text that no client may see.
type explodingTemporal struct{ client.Client }

func (explodingTemporal) ListWorkflow(context.Context, *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	panic("secret of the house")
}

func TestAPanicIsAProblemWithoutInternals(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	server := newTestServer(t, explodingTemporal{}, func(c *Config) { c.Logger = slog.New(slog.NewJSONHandler(&log, nil)) })
	recorder := do(t, server, signInAs(server, kitchen.RoleMixer, newRequest(http.MethodGet, "/api/v1/orders", nil, requestIDHeader, "my-request")))
	problem := requireProblem(t, recorder, wire.ProblemInternal)
	require.Equal(t, "my-request", problem.RequestID)
	require.NotContains(t, recorder.Body.String(), "secret of the house")
	require.Contains(t, log.String(), "secret of the house")
	require.Contains(t, log.String(), "ListWorkflow", "the stack")
	require.Contains(t, log.String(), `"request_id":"my-request"`)

	require.Equal(t, http.StatusOK, do(t, server, newRequest(http.MethodGet, "/healthz", nil)).Code, "the server goes on")
}

// failingTemporal fails as Temporal does, naming the workflow.
type failingTemporal struct {
	client.Client
	err error
}

func (f failingTemporal) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return nil, f.err
}

func (f failingTemporal) GetWorkflowHistory(context.Context, string, string, bool, enumspb.HistoryEventFilterType) client.HistoryEventIterator {
	return failingHistory{f.err}
}

func (f failingTemporal) QueryWorkflowWithOptions(context.Context, *client.QueryWorkflowWithOptionsRequest) (*client.QueryWorkflowWithOptionsResponse, error) {
	return nil, f.err
}

type failingHistory struct{ err error }

func (failingHistory) HasNext() bool { return true }

func (h failingHistory) Next() (*historypb.HistoryEvent, error) { return nil, h.err }

func TestOrderIDsStayOutOfTheLog(t *testing.T) {
	t.Parallel()
	const id = "0199c0de-7a11-7000-8000-00000000cafe"
	for _, err := range []error{
		serviceerror.NewNotFound("workflow not found for ID: order-" + id),
		serviceerror.NewUnavailable("shard of order-" + strings.ToUpper(id) + " is moving"),
		errors.New("order-" + id + " is odd"),
	} {
		var log bytes.Buffer
		server := newTestServer(t, failingTemporal{err: err}, func(c *Config) { c.Logger = slog.New(slog.NewJSONHandler(&log, nil)) })
		recorder := do(t, server, newRequest(http.MethodGet, "/api/v1/orders/"+id, nil))
		require.GreaterOrEqual(t, recorder.Code, 400)
		require.NotContains(t, recorder.Body.String(), id)
		require.Contains(t, log.String(), `"route":"/api/v1/orders/:id"`)
		require.NotContains(t, strings.ToLower(log.String()), id)
	}
	var log bytes.Buffer
	server := newTestServer(t, untouchedTemporal{}, func(c *Config) { c.Logger = slog.New(slog.NewJSONHandler(&log, nil)) })
	do(t, server, newRequest(http.MethodGet, "/orders/"+id, nil, "Accept", "text/html"))
	require.Contains(t, log.String(), `"route":"/orders/:id"`)
	do(t, server, newRequest(http.MethodGet, "/order/"+id, nil))
	require.Contains(t, log.String(), `"route":"none"`)
	require.NotContains(t, log.String(), id)
}

func TestWhatTheFloorAndLiveConnectionsRefuseHasItsProblem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		want   wire.ProblemType
		detail string
	}{
		"an ack breaks a rule":      {&floor.InvalidAckError{Err: errors.New("note: too long")}, wire.ProblemInvalidAck, "/note: too long"},
		"somebody has the ticket":   {&floor.TakenError{Owner: "eve"}, wire.ProblemTicketTaken, "eve has the ticket in hand."},
		"nobody has the ticket":     {floor.ErrNotInHand, wire.ProblemTicketNotInHand, "Nobody has the ticket in hand"},
		"an ack takes from nobody":  {&floor.InvalidAckError{Err: errors.New("from: missing")}, wire.ProblemInvalidAck, "/from: missing"},
		"an ack takes and ends":     {&floor.InvalidAckError{Err: errors.New("takeOver: goes with started")}, wire.ProblemInvalidAck, "/takeOver: goes"},
		"the ticket is done":        {&floor.EndedError{By: "eve", State: kitchen.TicketDone}, wire.ProblemTicketEnded, "eve was first: the ticket is done."},
		"the ticket has failed":     {&floor.EndedError{By: "eve", State: kitchen.TicketFailed}, wire.ProblemTicketEnded, "eve let the ticket fail"},
		"the ticket is withdrawn":   {&floor.EndedError{}, wire.ProblemTicketEnded, "This work was cancelled"},
		"nobody knows of the ack":   {&floor.UnconfirmedError{Err: context.DeadlineExceeded}, wire.ProblemUnavailable, "It may count all the same"},
		"no such ticket":            {floor.ErrTicketNotFound, wire.ProblemTicketNotFound, "not on this stage's board"},
		"the log is not yet read":   {floor.ErrStillReading, wire.ProblemUnavailable, "Nothing was written"},
		"no such channel":           {floor.ErrNoChannel, wire.ProblemNotFound, "There is no such channel"},
		"too many channels":         {live.ErrTooManyChannels, wire.ProblemRefused, "at most 16 channels"},
		"the process is full":       {&live.FullError{Limit: 2}, wire.ProblemUnavailable, "has its 2 live connections"},
		"an address is full":        {&live.AddressFullError{Limit: 2}, wire.ProblemTooManyConnections, "has its 2 live connections"},
		"the process stops":         {live.ErrStopping, wire.ProblemUnavailable, "about to stop"},
		"no WebSocket":              {live.ErrNotWebSocket, wire.ProblemUpgradeRequired, "ws://"},
		"a page of another site":    {live.ErrCrossSite, wire.ProblemCrossSite, "another site"},
		"nothing of either of them": {errors.New("disk on fire"), wire.ProblemInternal, "log"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problem := asProblem(fmt.Errorf("while doing: %w", c.err))
			require.Equal(t, c.want, problem.Type)
			require.Contains(t, problem.Detail, c.detail)
		})
	}
}

// The names and the values come from two lists, which are matched by their order.
func TestEachProblemHasItsOwnName(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "../wire/wire.gen.go", nil, 0)
	require.NoError(t, err)
	named := 0
	for node := range ast.Preorder(file) {
		spec, is := node.(*ast.ValueSpec)
		if !is {
			continue
		}
		if kind, is := spec.Type.(*ast.Ident); !is || kind.Name != "ProblemType" {
			continue
		}
		slug, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		require.NoError(t, err)
		name := "problem" + strings.ReplaceAll(strings.TrimPrefix(slug, "/problems/"), "-", "")
		require.Equal(t, name, strings.ToLower(spec.Names[0].Name))
		named++
	}
	require.Len(t, problemKinds, named)
}
