package namespace_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/namespace"
	"github.com/cupcakery/cupcakery/workflows"
)

func TestSearchAttributesAreThoseOfTheOrders(t *testing.T) {
	t.Parallel()
	keys := []temporal.SearchAttributeKey{workflows.KeyState, workflows.KeyFlavours, workflows.KeyCustomer, workflows.KeyPickupCode}
	want := map[string]enumspb.IndexedValueType{}
	for _, key := range keys {
		want[key.GetName()] = key.GetValueType()
	}
	require.Equal(t, want, namespace.SearchAttributes())

	// An order sets every attribute there is, so a new one cannot be left out above.
	orderID, input := anOrder(t)
	require.Equal(t, len(want), workflows.StartOptions(orderID, input, "").TypedSearchAttributes.Size())
}

func TestANamespaceTakesOrdersOnceItIsPrepared(t *testing.T) {
	t.Parallel()
	server, err := devstack.StartTemporal(t.Context(), devstack.TemporalConfig{Headless: true})
	require.NoError(t, err)
	t.Cleanup(server.Stop)

	t.Run("OneThatDoesNotExistIsMade", func(t *testing.T) {
		t.Parallel()
		c := dial(t, server, "bakery")
		var unprepared *namespace.UnpreparedError
		require.ErrorAs(t, namespace.Ready(t.Context(), c), &unprepared)
		require.ErrorContains(t, namespace.Check(t.Context(), c, "bakery"), "namespace \"bakery\" does not exist: run `cupcakery temporal apply`")
		require.Equal(t, []string{
			"create the namespace, which keeps finished orders for 10 days",
			"add the search attribute CupcakeCustomer (Keyword)",
			"add the search attribute CupcakeFlavours (KeywordList)",
			"add the search attribute CupcakePickupCode (Keyword)",
			"add the search attribute CupcakeState (Keyword)",
		}, apply(t, c, namespace.Settings{Namespace: "bakery", Retention: 240 * time.Hour}))
		requireTakesOrders(t, c)
		require.Equal(t, 240*time.Hour, retention(t, c, "bakery"))

		require.Empty(t, apply(t, c, namespace.Settings{Namespace: "bakery", Retention: 240 * time.Hour}), "again it changes nothing")
		require.Empty(t, apply(t, c, namespace.Settings{Namespace: "bakery"}), "no retention keeps what there is")
		require.Equal(t, []string{"keep finished orders for 36h0m0s instead of 10 days"}, apply(t, c, namespace.Settings{Namespace: "bakery", Retention: 36 * time.Hour}))
		require.Equal(t, 36*time.Hour, retention(t, c, "bakery"))
	})

	t.Run("OneThatLacksASearchAttributeGetsIt", func(t *testing.T) {
		t.Parallel()
		c := dial(t, server, "half")
		register(t, c, "half")
		add(t, c, "half", map[string]enumspb.IndexedValueType{"CupcakeState": enumspb.INDEXED_VALUE_TYPE_KEYWORD, "Flour": enumspb.INDEXED_VALUE_TYPE_INT})
		require.Eventually(t, func() bool {
			err := namespace.Check(t.Context(), c, "half")
			return err != nil && err.Error() == "search attribute CupcakeCustomer is missing in namespace \"half\": run `cupcakery temporal apply`\n"+
				"search attribute CupcakeFlavours is missing in namespace \"half\": run `cupcakery temporal apply`\n"+
				"search attribute CupcakePickupCode is missing in namespace \"half\": run `cupcakery temporal apply`"
		}, time.Minute, 50*time.Millisecond)
		var unprepared *namespace.UnpreparedError
		require.ErrorAs(t, namespace.Ready(t.Context(), c), &unprepared)
		require.Len(t, apply(t, c, namespace.Settings{Namespace: "half"}), 3)
		requireTakesOrders(t, c)
		require.NoError(t, namespace.Check(t.Context(), c, "half"))
	})

	t.Run("OneWithASearchAttributeOfAnotherTypeIsLeftAlone", func(t *testing.T) {
		t.Parallel()
		c := dial(t, server, "crooked")
		register(t, c, "crooked")
		add(t, c, "crooked", map[string]enumspb.IndexedValueType{"CupcakeState": enumspb.INDEXED_VALUE_TYPE_TEXT})
		says := "search attribute CupcakeState is Text and must be Keyword: if nothing else uses it, run `temporal operator search-attribute remove --name CupcakeState`"
		require.ErrorContains(t, namespace.Check(t.Context(), c, "crooked"), says)
		planned := false
		err := namespace.Apply(t.Context(), c, namespace.Settings{Namespace: "crooked"}, func([]string) { planned = true })
		require.ErrorContains(t, err, says)
		require.False(t, planned)
	})

	t.Run("TwoAtOnceMakeOne", func(t *testing.T) {
		t.Parallel()
		c := dial(t, server, "shared")
		done := make(chan error)
		for range 2 {
			go func() {
				done <- namespace.Apply(t.Context(), c, namespace.Settings{Namespace: "shared"}, func([]string) {})
			}()
		}
		require.NoError(t, <-done)
		require.NoError(t, <-done)
		requireTakesOrders(t, c)
	})

	t.Run("WhereNobodyMayListAttributesTheyAreTried", func(t *testing.T) {
		t.Parallel()
		const name = "cloud"
		c := dial(t, server, name)
		register(t, c, name)
		add(t, c, name, map[string]enumspb.IndexedValueType{"CupcakeState": enumspb.INDEXED_VALUE_TYPE_KEYWORD})
		cloud := cloudClient{c}
		require.Eventually(t, func() bool {
			err := namespace.Check(t.Context(), cloud, name)
			return err != nil && err.Error() == "search attribute CupcakeCustomer is missing in namespace \"cloud\": run `cupcakery temporal apply`\n"+
				"search attribute CupcakeFlavours is missing in namespace \"cloud\": run `cupcakery temporal apply`\n"+
				"search attribute CupcakePickupCode is missing in namespace \"cloud\": run `cupcakery temporal apply`"
		}, time.Minute, 50*time.Millisecond)
		err := namespace.Apply(t.Context(), cloud, namespace.Settings{Namespace: name}, func([]string) {})
		require.ErrorContains(t, err, "add the search attribute CupcakeCustomer (Keyword): ")
		require.ErrorContains(t, err, "run `tcld namespace search-attributes add --namespace cloud --search-attribute CupcakeCustomer=Keyword --search-attribute CupcakeFlavours=KeywordList")
		require.NotEmpty(t, apply(t, c, namespace.Settings{Namespace: name}), "what somebody with the rights does")
		require.NoError(t, namespace.Check(t.Context(), cloud, name))
	})
}

func TestARetentionThatTemporalWouldNotTakeIsRefused(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, namespace.Settings{Retention: time.Minute}.Check(), "at least 1h0m0s")
	require.NoError(t, namespace.Settings{}.Check())
}

// cloudClient is a client of a Temporal that nobody may operate, as
// Temporal Cloud does.
type cloudClient struct{ client.Client }

func (cloudClient) OperatorService() operatorservice.OperatorServiceClient { return noOperator{} }

type noOperator struct {
	operatorservice.OperatorServiceClient
}

func (noOperator) ListSearchAttributes(context.Context, *operatorservice.ListSearchAttributesRequest, ...grpc.CallOption) (*operatorservice.ListSearchAttributesResponse, error) {
	return nil, serviceerror.NewPermissionDenied("not for you", "")
}

func (noOperator) AddSearchAttributes(context.Context, *operatorservice.AddSearchAttributesRequest, ...grpc.CallOption) (*operatorservice.AddSearchAttributesResponse, error) {
	return nil, serviceerror.NewPermissionDenied("not for you", "")
}

func dial(t *testing.T, server *devstack.Temporal, name string) client.Client {
	t.Helper()
	c, err := client.NewLazyClient(client.Options{HostPort: server.Addr(), Namespace: name, Logger: sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func register(t *testing.T, c client.Client, name string) {
	t.Helper()
	_, err := c.WorkflowService().RegisterNamespace(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: name, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	})
	require.NoError(t, err)
}

// add adds search attributes once the server sees the namespace.
func add(t *testing.T, c client.Client, name string, attributes map[string]enumspb.IndexedValueType) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := c.OperatorService().AddSearchAttributes(t.Context(), &operatorservice.AddSearchAttributesRequest{Namespace: name, SearchAttributes: attributes})
		return err == nil
	}, time.Minute, 50*time.Millisecond)
}

func apply(t *testing.T, c client.Client, settings namespace.Settings) (planned []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, namespace.Apply(ctx, c, settings, func(steps []string) { planned = steps }))
	return planned
}

func retention(t *testing.T, c client.Client, name string) time.Duration {
	t.Helper()
	described, err := c.WorkflowService().DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: name})
	require.NoError(t, err)
	return described.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration()
}

// requireTakesOrders starts an order at once: nothing has to be waited for.
func requireTakesOrders(t *testing.T, c client.Client) {
	t.Helper()
	orderID, input := anOrder(t)
	_, err := c.ExecuteWorkflow(t.Context(), workflows.StartOptions(orderID, input, "hash"), workflows.OrderWorkflowType, input)
	require.NoError(t, err)
}

func anOrder(t *testing.T) (string, workflows.OrderInput) {
	t.Helper()
	orderID, err := kitchen.NewOrderID()
	require.NoError(t, err)
	return orderID, workflows.OrderInput{
		Order:    kitchen.Order{Customer: kitchen.Customer{Name: "Ada"}, Lines: []kitchen.Line{{Flavour: "lemon", Size: kitchen.SizeM, Quantity: 1}}},
		Rules:    kitchen.Default().Rules,
		PlacedAt: time.Now(),
	}
}
