package kitchen

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestAnOrderRemembersItsLastDecisions(t *testing.T) {
	t.Parallel()
	asked := Attention{Stage: Decorate, Pass: MaxPass, Undoing: true, Since: time.Unix(1, 999_999_999), Cause: CauseEndedByHand, ReasonCode: "equipment"}
	var decisions, before []Decision
	for i := range 2 * MaxDecisions {
		asked.Pass = i + 1
		before = decisions
		decisions = AddDecision(decisions, asked.Decide(ChoiceRetry, "Maximiliane Musterfrau", time.Unix(2, 999_999_999)))
	}
	require.Len(t, decisions, MaxDecisions, "of names and codes that are not very long")
	require.Equal(t, MaxDecisions+1, decisions[0].Pass)
	require.Equal(t, 2*MaxDecisions, decisions[MaxDecisions-1].Pass)
	require.Equal(t, 2*MaxDecisions-1, before[MaxDecisions-1].Pass, "those of before are not touched")
}

func TestDecisionsAreAsLargeAsTheLogHasRoomFor(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.SampledFrom([]string{"b", "ß", "<", "\"", "\\", "\x7f", "\xff", "\u2028", "🧁", "\n"})
		text := func(most int) string {
			return strings.Repeat(piece.Draw(t, "piece"), rapid.IntRange(0, most).Draw(t, "length"))
		}
		var decisions []Decision
		for range 60 {
			asked := Attention{Stage: Stage(text(maxStageLength)), Pass: MaxPass, Undoing: true, Since: time.Unix(1, 999_999_999).UTC(), Cause: CauseEndedByHand, ReasonCode: text(1000)}
			last := asked.Decide(ChoiceRemake, text(MaxByLength), time.Unix(1, 999_999_999))
			require.GreaterOrEqual(t, last.sizeAtMost(), sizeOf(last)+len(","))
			decisions = AddDecision(decisions, last)
			require.LessOrEqual(t, sizeOf(decisions), maxDecisionsBytes)
			require.Equal(t, last, decisions[len(decisions)-1])
		}
	})
}

func TestCustomersSeeNeitherWhoHasDecidedNorThePhoneNumber(t *testing.T) {
	t.Parallel()
	status := fullStatus()
	shown := status.ForCustomer()
	require.Empty(t, shown.Decisions)
	require.Empty(t, shown.CancelledBy)
	require.Empty(t, shown.Phone)
	shown.Decisions, shown.CancelledBy, shown.Phone = status.Decisions, status.CancelledBy, status.Phone
	require.Equal(t, status, shown, "and everything else")
}
