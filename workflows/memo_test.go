package workflows_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/namespace"
	"github.com/cupcakery/cupcakery/workflows"
)

// The memo of the largest order that any kitchen takes is kept whole, and nobody warns of
// it; but for the setting, the SDK would, of every such order.
func TestTheMemoOfTheLargestOrderIsNoWarning(t *testing.T) {
	t.Parallel()
	limits := kitchen.HardLimits()
	order := kitchen.Order{Customer: kitchen.Customer{Name: strings.Repeat("𝔸", limits.NameLength)}}
	for range limits.Lines {
		order.Lines = append(order.Lines, kitchen.Line{Flavour: "red-velvet", Size: kitchen.SizeM, Quantity: limits.Quantity, Message: strings.Repeat("🎂", limits.MessageLength)})
	}
	for range limits.Allergies {
		order.Allergies = append(order.Allergies, strings.Repeat("𝔸", limits.AllergyLength))
	}
	for _, codec := range []*encryption.Codec{nil, codec} {
		warns := func(limits client.PayloadLimitOptions) bool {
			var log bytes.Buffer
			options := client.Options{Logger: sdklog.NewStructuredLogger(slog.New(slog.NewTextHandler(&log, nil))), PayloadLimits: limits}
			codec.Configure(&options)
			through, err := client.NewClientFromExisting(server, options)
			require.NoError(t, err)
			orders := workflows.NewOrders(through, codec)
			orderID, err := kitchen.NewOrderID()
			require.NoError(t, err)
			in := workflows.OrderInput{Order: order, Rules: kitchen.Default().OrderRules(), PlacedAt: time.Now()}
			start := orders.StartOptions(orderID, in, strings.Repeat("f", 64))
			start.TaskQueue, start.TypedSearchAttributes = orderID, workflows.StartOptions(orderID, workflows.OrderInput{}, "").TypedSearchAttributes
			run, err := through.ExecuteWorkflow(t.Context(), start, workflows.OrderWorkflowType, in)
			require.NoError(t, err)
			t.Cleanup(func() {
				_ = server.TerminateWorkflow(context.WithoutCancel(t.Context()), run.GetID(), "", "the test is over")
			})
			description, err := through.DescribeWorkflowExecution(t.Context(), run.GetID(), "")
			require.NoError(t, err)
			var contents workflows.Contents
			require.NoError(t, codec.DataOf(run.GetID()).FromPayload(description.GetWorkflowExecutionInfo().GetMemo().GetFields()[workflows.MemoContents], &contents))
			require.Equal(t, workflows.Contents{Lines: order.Lines, Allergies: order.Allergies}, contents)
			return strings.Contains(log.String(), "level=WARN")
		}
		require.True(t, warns(client.PayloadLimitOptions{}), "by default")
		require.False(t, warns(client.PayloadLimitOptions{MemoSizeWarning: namespace.MemoBytes}))
	}
}
