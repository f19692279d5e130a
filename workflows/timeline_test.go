package workflows

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/kitchen"
)

// told is the timeline of a recorded run, an entry a line.
func told(t *testing.T, recorded string) []string {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata/histories", recorded))
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	history, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{})
	require.NoError(t, err)
	teller := newTeller("01890a5d-ac96-774b-bcce-b302099a8057", nil)
	for _, event := range history.GetEvents() {
		require.NoError(t, teller.apply(event), "event %d", event.GetEventId())
	}
	var lines []string
	for _, h := range teller.happened {
		require.False(t, h.At.IsZero(), h)
		line := string(h.Kind)
		if h.Stage != "" {
			line += fmt.Sprintf(" %s.%d", h.Stage, h.Pass)
		}
		if h.Undoing {
			line += ".undo"
		}
		for _, word := range []string{h.By, h.Reason, h.Note, string(h.Choice)} {
			if word != "" {
				line += " " + word
			}
		}
		if h.Scrapped > 0 {
			line += fmt.Sprintf(" scrapped %d", h.Scrapped)
		}
		lines = append(lines, line)
	}
	return lines
}

func TestTimelinesOfRecordedOrders(t *testing.T) {
	t.Parallel()
	made := func(pass int, stages ...kitchen.Stage) (lines []string) {
		for _, stage := range stages {
			ref := fmt.Sprintf("%s.%d", stage, pass)
			lines = append(lines, "issued "+ref, "started "+ref+" bob", "done "+ref+" bob")
		}
		return lines
	}
	for recorded, want := range map[string][]string{
		"2026-11-23-happy.json": slices.Concat([]string{"placed"}, made(1, kitchen.Stages()...), []string{"shipped"}),
		"2026-11-25-attention-remade.json": slices.Concat([]string{"placed"}, made(1, kitchen.Mix), []string{
			"issued bake.1", "started bake.1 bob", "failed bake.1 bob burnt oven 2 scrapped 13",
			"asked bake.1 bake failed after 0 remakes: burnt (bob): oven 2", "decided the manager says so remake",
		}, made(2, kitchen.Stages()...), []string{"shipped"}),
		"2026-11-25-cancelled-at-bake.json": slices.Concat([]string{"placed"}, made(1, kitchen.Mix), []string{
			"issued bake.1", "cancelling changed my mind",
			"issued bake.1.undo", "started bake.1.undo bob", "undone bake.1.undo bob",
			"issued mix.1.undo", "started mix.1.undo bob", "undone mix.1.undo bob scrapped 13", "cancelled",
		}),
		"2026-11-26-priced-and-amended.json": slices.Concat([]string{"placed", "issued mix.1", "amended", "started mix.1 bob", "done mix.1 bob"},
			made(1, kitchen.Stages()[1:]...), []string{"shipped"}),
		"2026-11-25-continued-as-new.run-2.json": slices.Concat(made(1, kitchen.Stages()[1:]...), []string{"shipped"}),
		// Two failures, delivered four times in all.
		"2026-11-26-failed-again-repeated.json": slices.Concat([]string{"placed", "issued mix.1", "started mix.1 bob", "failed mix.1 bob equipment oven 2 scrapped 5", "issued mix.1", "started mix.1 bob", "failed mix.1 bob equipment oven 2 scrapped 5", "issued mix.1", "issued mix.1"},
			made(1, kitchen.Stages()...), []string{"shipped"}),
	} {
		require.Equal(t, want, told(t, recorded), recorded)
	}
}

func TestTimelinesNameWhoHasAsked(t *testing.T) {
	t.Parallel()
	teller := newTeller("01890a5d-ac96-774b-bcce-b302099a8057", nil)
	for name, asked := range map[string]any{UpdateResolve: kitchen.Resolution{Choice: kitchen.ChoiceRetry, By: "max"}, UpdateCancel: kitchen.Cancellation{By: "max"}} {
		arguments, err := teller.data.ToPayloads(asked)
		require.NoError(t, err)
		require.NoError(t, teller.updated(name, arguments, time.Unix(1, 0)))
		require.Equal(t, "max", teller.happened[len(teller.happened)-1].By, name)
	}
}

func TestEveryRecordedOrderHasATimeline(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/histories/*.json")
	require.NoError(t, err)
	for _, file := range files {
		if strings.HasSuffix(file, ".day.json") {
			continue // of a day's slots
		}
		require.NotEmpty(t, told(t, filepath.Base(file)), file)
	}
}
