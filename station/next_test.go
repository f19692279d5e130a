package station

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
)

// TestNextIsTheTableOfTheDocs compares next with the table in doc.go, for each
// input in each state.
func TestNextIsTheTableOfTheDocs(t *testing.T) {
	t.Parallel()
	states := []State{absent, undecided, undoing, Waiting, Elsewhere, claiming, contested, InHand, answering, overtaken, closed}
	table := documentedTable(t, states[1:10])
	require.ElementsMatch(t, slices.Collect(maps.Keys(transitions)), slices.Collect(maps.Keys(table)))
	for in, row := range table {
		for _, state := range states {
			want, documented := row[state]
			if !documented {
				want.to = state
			}
			require.Contains(t, states, want.to)
			to, follows := next(state, in)
			require.Equal(t, want, cell{to, follows}, "%s in state %q", in, state)
		}
	}
}

type cell struct {
	to      State
	follows effects
}

// documentedTable reads the table; all are the states that its word "all" means.
func documentedTable(t *testing.T, all []State) map[input]map[State]cell {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	events := map[string]EventKind{
		"Offered": Offered, "PutBack": PutBack, "Started": Started, "StartedElsewhere": StartedElsewhere,
		"Answered": Answered, "Withdrawn": Withdrawn,
	}
	table := map[input]map[State]cell{}
	rows := regexp.MustCompile(`(?m)^//\t(\w[\w ]*?) {2,}(\S.*?) {2,}(\w[\w ]*?) {2,}(\S.*)$`).FindAllStringSubmatch(string(text), -1)
	for _, row := range rows[1:] { // after the head
		c := cell{to: State(row[3])}
		for _, effect := range strings.Split(row[4], ", ") {
			kind, published := strings.CutPrefix(effect, "publish ")
			switch {
			case effect == "-":
			case effect == "finish":
				c.follows.finish = true
			case published:
				c.follows.publish = kitchen.AckKind(kind)
			default:
				require.Contains(t, events, effect)
				c.follows.observe = append(c.follows.observe, events[effect])
			}
		}
		in := input(row[1])
		if table[in] == nil {
			table[in] = map[State]cell{}
		}
		from := all
		if row[2] != "all" {
			from = nil
			for _, name := range strings.Split(row[2], ", ") {
				from = append(from, State(strings.TrimPrefix(name, "absent")))
			}
		}
		for _, state := range from {
			require.NotContains(t, table[in], state, "two rows say what follows from %s", in)
			to := c
			if c.to == "same" {
				to.to = state
			}
			table[in][state] = to
		}
	}
	return table
}
