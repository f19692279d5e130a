package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
)

// letter is a dead letter as the command line lists it.
type letter struct{ Letter, Topic, Reason string }

// awaitLetters waits for so many dead letters. A kill may leave one twice.
func (f *leverFactory) awaitLetters(atLeast int) (letters []letter) {
	f.t.Helper()
	f.eventually(func() error {
		var list struct{ Letters []letter }
		printed := f.run("dead-letters", "list", "-o", "json")
		if err := json.Unmarshal([]byte(printed), &list); err != nil {
			return fmt.Errorf("%w: %s", err, printed)
		}
		if len(list.Letters) < atLeast {
			return fmt.Errorf("there are %d letters: %s", len(list.Letters), printed)
		}
		letters = list.Letters
		return nil
	})
	return letters
}

// While an order waits at mix, a ghost says done and failed for stages that have not
// begun, also as the README's lines do, and names attempts that never were. The order
// shipped with stages done by nobody, or waited for ever for a ticket that every board
// took for ended.
func TestNobodyIsAheadOfTheirOrder(t *testing.T) {
	t.Parallel()
	f := newLeverFactory(t)
	first := f.worker
	f.startWorker()
	second := f.worker
	o := f.at(t, kitchen.Mix)
	ghost := &kcatStation{f: f.factory}
	ticket := func(stage kitchen.Stage) kitchen.Ticket {
		return kitchen.Ticket{TicketID: o.id + "." + string(stage) + ".1", OrderID: o.id, Stage: stage}
	}
	ghost.says(kitchen.AckStarted, ticket(kitchen.Bake))
	ghost.says(kitchen.AckDone, ticket(kitchen.Bake), "-X", "topic.partitioner=murmur2_random")
	ghost.says(kitchen.AckDone, ticket(kitchen.Decorate)) // kcat's own choice of the partition
	o.say("mix.1", kitchen.AckStarted, `,"attempt":50000`)
	o.say("mix.1", kitchen.AckFailed, `,"attempt":1000000,"reason":"burnt"`)
	f.awaitLetters(5)
	first.Kill()
	second.Kill()
	o.say("package.1", kitchen.AckDone, "")
	o.say("bake.1", kitchen.AckFailed, `,"attempt":1,"reason":"burnt","scrapped":12,"at":"2026-01-31T12:00:00Z"`)
	f.startWorker()
	f.startWorker()
	var early string
	for _, letter := range f.awaitLetters(7) {
		require.Regexp(t, "never been issued|not been issued as often|attempt", letter.Reason)
		if f.letterHolds(letter.Letter, `"reason":"burnt","scrapped":12`) {
			early = letter.Letter
		}
	}
	require.NotEmpty(t, early)
	for _, stage := range []kitchen.Stage{kitchen.Bake, kitchen.Decorate, kitchen.Package} {
		require.Empty(t, o.board(string(stage)+".1"), "nothing has begun")
	}
	require.Equal(t, "waiting", o.board("mix.1"))

	f.robot(kitchen.Mix, "--work-time", "10ms")
	o.awaitIssued("bake.1", 1)
	o.eventually("it is open on its board", func() bool { return o.board("bake.1") == "waiting" })
	o.says(http.StatusOK, o.presses("bake.1", started))
	f.run("dead-letters", "redrive", early) // somebody sends the early failure again
	o.says(http.StatusOK, o.presses("bake.1", done))
	o.awaitIssued("decorate.1", 1)
	o.eventually("it is open on its board", func() bool { return o.board("decorate.1") == "waiting" })
	f.robot(kitchen.Decorate, "--work-time", "10ms")
	f.robot(kitchen.Package, "--work-time", "10ms")
	status := o.status("shipped", shipped)
	require.Zero(t, status.Remakes)
	require.Zero(t, status.Scrapped)
	require.Len(t, status.Stages, 4)
	for i, by := range []string{"robot-mix", "Max", "robot-decorate", "robot-package"} {
		require.Equal(t, by, status.Stages[i].By)
	}
}

// letterHolds reports whether a dead letter's bytes have this text.
func (f *leverFactory) letterHolds(place, text string) bool {
	f.t.Helper()
	return strings.Contains(f.run("dead-letters", "show", place, "--raw"), text)
}
