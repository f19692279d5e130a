package events_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
)

func TestTheDocsHaveTheRights(t *testing.T) {
	t.Parallel()
	docs, err := os.ReadFile("../docs/production.md")
	require.NoError(t, err)
	var table strings.Builder
	for _, process := range events.Rights() {
		user, what := "`"+process.Process+"`", process.What
		type kind struct {
			operation events.Operation
			resource  string
		}
		var kinds []kind
		names := map[kind][]string{}
		for _, right := range process.Rights {
			k := kind{right.Operation, right.Resource}
			if names[k] == nil {
				kinds = append(kinds, k)
			}
			names[k] = append(names[k], "`"+right.Name+"`")
		}
		for _, k := range kinds {
			fmt.Fprintf(&table, "| %s | %s | %s | %s | %s |\n", user, what, k.operation, k.resource, strings.Join(names[k], ", "))
			user, what = "", ""
		}
	}
	require.Contains(t, string(docs), table.String(), "the table of rights in docs/production.md")
}

func TestNoRightIsListedTwiceAndReadIncludesDescribe(t *testing.T) {
	t.Parallel()
	for _, process := range events.Rights() {
		seen := map[events.Right]bool{}
		for _, right := range process.Rights {
			require.False(t, seen[right], "%s: %s", process.Process, right)
			seen[right] = true
		}
		for _, right := range process.Rights {
			if right.Operation == events.OperationDescribe {
				more := right
				for _, more.Operation = range []events.Operation{events.OperationRead, events.OperationWrite, events.OperationAlter} {
					require.False(t, seen[more], "%s: %s includes %s", process.Process, more, right)
				}
			}
		}
	}
}
