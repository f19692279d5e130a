package api

import (
	"context"
	"net/http"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
)

// contextTemporal records the contexts with which an order is followed.
type contextTemporal struct {
	client.Client
	seen chan context.Context
}

func (c contextTemporal) DescribeWorkflowExecution(ctx context.Context, _, _ string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	c.seen <- ctx
	return nil, serviceerror.NewNotFound("no such workflow")
}

func (c contextTemporal) QueryWorkflow(ctx context.Context, _, _, _ string, _ ...any) (converter.EncodedValue, error) {
	c.seen <- ctx
	return nil, serviceerror.NewNotFound("no such workflow")
}

// The answer about an order that does not exist is sent while the query of its
// workflow is still under way. By then gin has given its context to another
// request, which is a data race if the query still uses it.
func TestFollowingAnOrderHoldsNothingThatGinUsesAgain(t *testing.T) {
	t.Parallel()
	temporal := contextTemporal{seen: make(chan context.Context, 2)}
	server := newTestServer(t, temporal, func(*Config) {})
	recorder := do(t, server, newRequest(http.MethodGet, "/api/v1/orders/0199c0de-7a11-7000-8000-00000000cafe", nil))
	require.Equal(t, http.StatusNotFound, recorder.Code)
	for range cap(temporal.seen) {
		ctx := <-temporal.seen
		require.Nil(t, ctx.Value(gin.ContextKey))
		_, limited := ctx.Deadline()
		require.True(t, limited)
	}
}
