// Package namespace prepares a namespace of Temporal for orders, and checks
// whether one is prepared: it must exist, and have the orders' search
// attributes before the first order is started.
//
// Check and Apply ask what the namespace is set to, which needs an operator's
// rights. Ready asks what the server does with an order's search attributes at
// this moment, which everybody who may start orders may do. The two differ for the
// seconds that a server needs to see a change of its own settings.
package namespace

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/cupcakery/cupcakery/internal/retry"
)

// MemoBytes is more than the memo of any order takes. Temporal refuses one of two
// mebibytes only, but it and its SDK warn from two kibibytes on by default, which an order
// of some lines has: lists show what is in it, and are read from memos.
const MemoBytes = 64 << 10

const (
	// DefaultRetention is how long a new namespace keeps finished orders.
	DefaultRetention = 30 * 24 * time.Hour
	// MinRetention is the shortest retention that Temporal accepts.
	MinRetention = time.Hour

	remedy = "run `cupcakery temporal apply`"
	// againAfter is the pause before a server is asked again.
	againAfter = 100 * time.Millisecond
)

// SearchAttributes are the orders' search attributes, by name and type: package
// workflows' typed keys.
func SearchAttributes() map[string]enumspb.IndexedValueType {
	return map[string]enumspb.IndexedValueType{
		"CupcakeState":      enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		"CupcakeFlavours":   enumspb.INDEXED_VALUE_TYPE_KEYWORD_LIST,
		"CupcakeCustomer":   enumspb.INDEXED_VALUE_TYPE_KEYWORD,
		"CupcakePickupCode": enumspb.INDEXED_VALUE_TYPE_KEYWORD,
	}
}

// UnpreparedError says that a namespace cannot take orders until somebody
// prepares it.
type UnpreparedError struct{ Err error }

// Error names the remedy and the cause.
func (e *UnpreparedError) Error() string {
	return fmt.Sprintf("Temporal's namespace is not prepared for orders: %s: %v", remedy, e.Err)
}

// Unwrap returns Temporal's error.
func (e *UnpreparedError) Unwrap() error { return e.Err }

// Ready returns nil if the client's namespace would take an order now, an
// *UnpreparedError if somebody must prepare it first, and any other error if
// Temporal cannot be asked. It costs one call.
func Ready(ctx context.Context, temporal client.Client) error {
	var conditions []string
	for _, name := range attributeNames() {
		conditions = append(conditions, name+` = ""`)
	}
	_, err := temporal.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: strings.Join(conditions, " OR ")})
	var invalid *serviceerror.InvalidArgument
	if isMissing(err) || errors.As(err, &invalid) { // it does not know an attribute that the query names
		return &UnpreparedError{err}
	}
	return err
}

// Check returns every fault of the namespace at once, as sentences that name
// the remedy.
func Check(ctx context.Context, temporal client.Client, name string) error {
	found, err := look(ctx, temporal, name)
	if err != nil {
		return err
	}
	if !found.exists {
		return fmt.Errorf("namespace %q does not exist: %s", name, remedy)
	}
	if found.state != enumspb.NAMESPACE_STATE_REGISTERED {
		return fmt.Errorf("namespace %q is %s: choose another one with --temporal-namespace", name, strings.ToLower(found.state.String()))
	}
	faults := []error{found.checkTypes()}
	for _, attribute := range found.missing() {
		faults = append(faults, fmt.Errorf("search attribute %s is missing in namespace %q: %s", attribute, name, remedy))
	}
	if err := errors.Join(faults...); err != nil {
		return err
	}
	if err := Ready(ctx, temporal); err != nil {
		return fmt.Errorf("namespace %q is set up and does not take orders yet, which can take Temporal some seconds; check again: %w", name, err)
	}
	return nil
}

// Settings is the wanted state of a namespace.
type Settings struct {
	Namespace string
	// Retention is how long finished orders are kept. Defaults to
	// DefaultRetention for a new namespace; an existing one keeps its own.
	Retention time.Duration
}

// Check returns what is wrong with the settings.
func (s Settings) Check() error {
	if s.Retention != 0 && s.Retention < MinRetention {
		return fmt.Errorf("retention: %s is too short: Temporal keeps finished orders for at least %s", s.Retention, MinRetention)
	}
	return nil
}

// Apply makes the namespace and its search attributes as orders need them, and
// returns once it takes orders. Before it does anything it gives its steps to plan,
// one sentence each; no step means that nothing needs to be done. ctx bounds the
// wait for a server that is slow to see its own changes. Doing it again changes
// nothing.
func Apply(ctx context.Context, temporal client.Client, settings Settings, plan func(steps []string)) error {
	if err := settings.Check(); err != nil {
		return err
	}
	found, err := look(ctx, temporal, settings.Namespace)
	if err != nil {
		return err
	}
	if found.exists && found.state != enumspb.NAMESPACE_STATE_REGISTERED {
		return fmt.Errorf("namespace %q is %s: choose another one with --temporal-namespace", settings.Namespace, strings.ToLower(found.state.String()))
	}
	if err := found.checkTypes(); err != nil {
		return err
	}
	steps := found.steps(temporal, settings)
	says := make([]string, len(steps))
	for i, step := range steps {
		says[i] = step.says
	}
	plan(says)
	for _, step := range steps {
		if err := untilItPasses(ctx, step.do); err != nil {
			return fmt.Errorf("%s: %w", step.says, explain(err, settings.Namespace))
		}
	}
	if err := untilItPasses(ctx, func(ctx context.Context) error { return Ready(ctx, temporal) }); err != nil {
		return fmt.Errorf("wait until namespace %q takes orders: %w", settings.Namespace, err)
	}
	return nil
}

// found is what a namespace is set to.
type found struct {
	exists     bool
	state      enumspb.NamespaceState
	retention  time.Duration
	attributes map[string]enumspb.IndexedValueType
}

func look(ctx context.Context, temporal client.Client, name string) (found, error) {
	described, err := temporal.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: name})
	if isMissing(err) {
		return found{}, nil
	}
	if err != nil {
		return found{}, fmt.Errorf("look at namespace %q: %w", name, explain(err, name))
	}
	is := found{
		exists:    true,
		state:     described.GetNamespaceInfo().GetState(),
		retention: described.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration(),
	}
	listed, err := temporal.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: name})
	switch {
	case isMissing(err): // made a moment ago
		return is, nil
	case isForbidden(err):
		is.attributes, err = tryAttributes(ctx, temporal, name)
		return is, err
	case err != nil:
		return found{}, fmt.Errorf("list the search attributes of namespace %q: %w", name, err)
	}
	is.attributes = listed.GetCustomAttributes()
	return is, nil
}

// tryAttributes finds out which attributes exist where nobody may list them, as
// on Temporal Cloud: it sends a query that names each. Their types stay unknown
// and count as right.
func tryAttributes(ctx context.Context, temporal client.Client, name string) (map[string]enumspb.IndexedValueType, error) {
	known := map[string]enumspb.IndexedValueType{}
	for attribute, kind := range SearchAttributes() {
		_, err := temporal.WorkflowService().CountWorkflowExecutions(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: name, Query: attribute + ` = ""`})
		var invalid *serviceerror.InvalidArgument
		switch {
		case err == nil:
			known[attribute] = kind
		case !errors.As(err, &invalid):
			return nil, fmt.Errorf("look for search attribute %s in namespace %q: %w", attribute, name, explain(err, name))
		}
	}
	return known, nil
}

// checkTypes returns the attributes whose type orders cannot use.
func (f found) checkTypes() error {
	var faults []error
	wanted := SearchAttributes()
	for _, name := range attributeNames() {
		if kind, there := f.attributes[name]; there && kind != wanted[name] {
			faults = append(faults, fmt.Errorf("search attribute %[1]s is %[2]s and must be %[3]s: if nothing else uses it, run `temporal operator search-attribute remove --name %[1]s`, then `cupcakery temporal apply`",
				name, kind, wanted[name]))
		}
	}
	return errors.Join(faults...)
}

func (f found) missing() []string {
	return slices.DeleteFunc(attributeNames(), func(name string) bool {
		_, there := f.attributes[name]
		return there
	})
}

// step is something to do, and the sentence that announces it.
type step struct {
	says string
	do   func(context.Context) error
}

func (f found) steps(temporal client.Client, settings Settings) []step {
	var steps []step
	switch {
	case !f.exists:
		retention := settings.Retention
		if retention == 0 {
			retention = DefaultRetention
		}
		steps = append(steps, step{
			fmt.Sprintf("create the namespace, which keeps finished orders for %s", days(retention)),
			func(ctx context.Context) error {
				_, err := temporal.WorkflowService().RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
					Namespace: settings.Namespace, WorkflowExecutionRetentionPeriod: durationpb.New(retention),
				})
				var exists *serviceerror.NamespaceAlreadyExists // somebody else applies at the same time
				if errors.As(err, &exists) {
					return nil
				}
				return err
			},
		})
	case settings.Retention != 0 && settings.Retention != f.retention:
		steps = append(steps, step{
			fmt.Sprintf("keep finished orders for %s instead of %s", days(settings.Retention), days(f.retention)),
			func(ctx context.Context) error {
				_, err := temporal.WorkflowService().UpdateNamespace(ctx, &workflowservice.UpdateNamespaceRequest{
					Namespace: settings.Namespace,
					Config:    &namespacepb.NamespaceConfig{WorkflowExecutionRetentionTtl: durationpb.New(settings.Retention)},
				})
				return err
			},
		})
	}
	kinds := SearchAttributes()
	for _, name := range f.missing() {
		steps = append(steps, step{
			fmt.Sprintf("add the search attribute %s (%s)", name, kinds[name]),
			func(ctx context.Context) error {
				_, err := temporal.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
					Namespace: settings.Namespace, SearchAttributes: map[string]enumspb.IndexedValueType{name: kinds[name]},
				})
				var exists *serviceerror.AlreadyExists // somebody else applies at the same time
				if errors.As(err, &exists) {
					return nil
				}
				return err
			},
		})
	}
	return steps
}

// days writes a duration as operators think of it.
func days(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	return d.String()
}

func attributeNames() []string { return slices.Sorted(maps.Keys(SearchAttributes())) }

// untilItPasses retries while the error is transient: a server may not yet have
// seen its own new settings.
func untilItPasses(ctx context.Context, do func(context.Context) error) error {
	for {
		err := do(ctx)
		if err == nil || !passes(err) || !retry.Pause(ctx, againAfter) {
			return err // which says more than that time is up
		}
	}
}

func passes(err error) bool {
	var unprepared *UnpreparedError
	return errors.As(err, &unprepared) || isMissing(err) || IsAway(err)
}

// IsAway reports whether an error means that Temporal cannot be reached at
// present, or is too busy to answer.
func IsAway(err error) bool {
	var (
		unavailable *serviceerror.Unavailable
		exhausted   *serviceerror.ResourceExhausted
		late        *serviceerror.DeadlineExceeded
	)
	return errors.As(err, &unavailable) || errors.As(err, &exhausted) || errors.As(err, &late) || errors.Is(err, context.DeadlineExceeded)
}

func isMissing(err error) bool {
	var missing *serviceerror.NamespaceNotFound
	return errors.As(err, &missing)
}

func isForbidden(err error) bool {
	var (
		denied        *serviceerror.PermissionDenied
		unimplemented *serviceerror.Unimplemented
	)
	return errors.As(err, &denied) || errors.As(err, &unimplemented)
}

// explain adds the remedy where Temporal does not allow this from here.
func explain(err error, namespace string) error {
	if !isForbidden(err) {
		return err
	}
	var attributes strings.Builder
	kinds := SearchAttributes()
	for _, name := range attributeNames() {
		fmt.Fprintf(&attributes, " --search-attribute %s=%s", name, kinds[name])
	}
	return fmt.Errorf("%w: use credentials of an operator; on Temporal Cloud, which takes this from its own tools only, create the namespace there and run `tcld namespace search-attributes add --namespace %s%s`, then `cupcakery temporal check`",
		err, namespace, &attributes)
}
