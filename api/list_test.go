package api

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// Managers decide questions of one kind together, so a list tells the questions.
func TestAListTellsWhatIsAsked(t *testing.T) {
	t.Parallel()
	asked := kitchen.Attention{
		Reason: "Bob went silent.", Stage: kitchen.Bake, Pass: 1, Since: time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC),
		Cause: kitchen.CauseSilent, By: "bob", Choices: kitchen.Choices(),
	}
	listed := func(attention *kitchen.Attention, closed *timestamppb.Timestamp) string {
		t.Helper()
		payload := func(value any) *commonpb.Payload {
			encoded, err := converter.GetDefaultDataConverter().ToPayload(value)
			require.NoError(t, err)
			return encoded
		}
		summary, err := summarise(&workflowpb.WorkflowExecutionInfo{
			Execution: &commonpb.WorkflowExecution{WorkflowId: kitchen.WorkflowID("0199c0de-7a11-7000-8000-00000000cafe")},
			SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{
				workflows.KeyCustomer.GetName(): payload("Ada"),
				workflows.KeyFlavours.GetName(): payload([]string{"lemon"}),
				workflows.KeyState.GetName():    payload(string(kitchen.StateNeedsAttention)),
			}},
			Memo:      &commonpb.Memo{Fields: map[string]*commonpb.Payload{workflows.MemoStatus: payload(kitchen.Status{Attention: attention})}},
			CloseTime: closed,
		})
		require.NoError(t, err)
		text, err := json.Marshal(summary)
		require.NoError(t, err)
		return string(text)
	}
	question, err := json.Marshal(asked)
	require.NoError(t, err)
	require.Contains(t, listed(&asked, nil), `"attention":`+string(question))
	require.NotContains(t, listed(nil, nil), "attention\":")
	require.NotContains(t, listed(&asked, timestamppb.Now()), "attention\":", "nobody can decide about an order that was ended from outside")
}
