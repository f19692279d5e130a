package station

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	allStates = []State{absent, undecided, undoing, Waiting, Elsewhere, claiming, contested, InHand, answering, overtaken, closed}
	allInputs = []input{
		undoDelivered, offered, offeredOwned, reissued, reissuedOwned, needsNobody, claimed, claimDropped, ownedHere, ownedElsewhere,
		answered, answerDropped, ended, withdrawn, undone, partitionLost, expired,
	}
)

// TestNextIsTheTableOfTheDocs reads the table of states in doc.go and compares
// it with next, for each input in each state.
func TestNextIsTheTableOfTheDocs(t *testing.T) {
	t.Parallel()
	table := documentedTable(t)
	known := map[State]bool{}
	for _, state := range allStates {
		known[state] = true
	}
	for _, in := range allInputs {
		require.Contains(t, table, in, "no row has this input")
		for _, state := range allStates {
			want, documented := table[in][state]
			if !documented {
				want = outcome{to: state}
			}
			require.True(t, known[want.to], "a row leads to %q", want.to)
			to, effects := next(state, in)
			require.Equal(t, want, outcome{to, effects}, "%s in state %q", in, state)
		}
	}
	require.Len(t, table, len(allInputs))
}

type outcome struct {
	to      State
	effects []effect
}

func documentedTable(t *testing.T) map[input]map[State]outcome {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	_, rows, found := strings.Cut(string(text), "//\tinput  ")
	require.True(t, found, "the table has no head")
	rows, _, found = strings.Cut(rows, "\n// All means")
	require.True(t, found, "the table has no end")
	table := map[input]map[State]outcome{}
	for _, line := range strings.Split(rows, "\n")[1:] {
		line = strings.TrimSpace(strings.TrimPrefix(line, "//"))
		if line == "" {
			continue
		}
		columns := regexp.MustCompile(` {2,}`).Split(line, -1)
		require.Len(t, columns, 4, line)
		row := table[input(columns[0])]
		if row == nil {
			row = map[State]outcome{}
			table[input(columns[0])] = row
		}
		for _, from := range strings.Split(columns[1], ", ") {
			states := []State{State(from)}
			switch from {
			case "all":
				states = allStates[1 : len(allStates)-1]
			case "absent":
				states = []State{absent}
			}
			for _, state := range states {
				require.NotContains(t, row, state, "two rows for %s", columns[0])
				o := outcome{to: State(columns[2])}
				if columns[2] == "same" {
					o.to = state
				}
				if columns[3] != "-" {
					for _, e := range strings.Split(columns[3], ", ") {
						o.effects = append(o.effects, effect(e))
					}
				}
				row[state] = o
			}
		}
	}
	return table
}
