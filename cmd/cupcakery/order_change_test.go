package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/api"
	"github.com/cupcakery/cupcakery/kitchen"
)

// inTrouble is an order that a manager is asked about.
func inTrouble() kitchen.Status {
	status := at(kitchen.Bake, kitchen.TicketFailed, "carol")
	status.State, status.WaitingFor = kitchen.StateNeedsAttention, ""
	failed := status.PlacedAt.Add(90 * time.Second)
	status.Stages[1].Reason, status.Stages[1].Note, status.Stages[1].Scrapped, status.Stages[1].FailedAt = "burnt", "the oven ran hot", 12, &failed
	status.Attention = &kitchen.Attention{Reason: "bake failed after 2 remakes", Stage: kitchen.Bake, Pass: 1, Since: failed, Choices: []kitchen.Choice{kitchen.ChoiceRetry, kitchen.ChoiceRemake, kitchen.ChoiceCancel}}
	return status
}

// beingCancelled is an order that is being cancelled: bake is undone, mix is not yet.
func beingCancelled() kitchen.Status {
	status := at(kitchen.Bake, kitchen.TicketUndone, "dave")
	status.State, status.WaitingFor, status.CancelReason = kitchen.StateCancelling, kitchen.Mix, "changed my mind"
	issued, undone := status.PlacedAt.Add(3*time.Minute), status.PlacedAt.Add(4*time.Minute)
	bake := &status.Stages[1]
	bake.DoneAt, bake.MadeBy, bake.Scrapped = new(status.PlacedAt.Add(2*time.Minute)), "carol", 12
	bake.Undo = &kitchen.UndoStatus{State: kitchen.TicketUndone, Attempt: 1, IssuedAt: &issued, By: "dave", UndoneAt: &undone}
	status.Stages[0].Undo = &kitchen.UndoStatus{State: kitchen.TicketStarted, Attempt: 2, IssuedAt: &undone, By: "erin"}
	status.Remakes, status.Scrapped = 1, 12
	return status
}

func cancelledOrder() kitchen.Status {
	status := beingCancelled()
	status.State, status.WaitingFor, status.CancelledAt = kitchen.StateCancelled, "", new(status.PlacedAt.Add(5*time.Minute))
	status.Stages[0].Undo = &kitchen.UndoStatus{State: kitchen.TicketFailed, Attempt: 2, By: "erin", Left: "the bowl is gone"}
	return status
}

func TestChangesAreSentAsTheyAreGiven(t *testing.T) {
	t.Parallel()
	key := uuid.NewString()
	for name, c := range map[string]struct {
		args         []string
		target, body string
	}{
		"cancel":               {[]string{"cancel", anOrderID}, "/cancel", `{}`},
		"cancel with a reason": {[]string{"cancel", anOrderID, "--reason", "changed my mind"}, "/cancel", `{"reason":"changed my mind"}`},
		"notes and messages": {[]string{"amend", anOrderID, "--notes", "ring twice", "--message", "0:Happy 41st: yes", "--message", "2:"}, "/amend",
			`{"notes":"ring twice","messages":[{"line":0,"message":"Happy 41st: yes"},{"line":2,"message":""}]}`},
		"another phone number": {[]string{"amend", anOrderID, "--phone", "+49 30 5550123"}, "/amend", `{"phone":"+49 30 5550123"}`},
		"no phone number":      {[]string{"amend", anOrderID, "--phone", ""}, "/amend", `{"phone":""}`},
		"no more notes":        {[]string{"amend", anOrderID, "--notes", ""}, "/amend", `{"notes":""}`},
		"a choice":             {[]string{"resolve", anOrderID, "retry"}, "/resolve", `{"choice":"retry"}`},
		"a choice and a note":  {[]string{"resolve", anOrderID, "remake", "--note", "other oven"}, "/resolve", `{"choice":"remake","note":"other oven"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fake := newFakeAPI(t, answerJSON(http.StatusOK, beingCancelled()))
			said := invoke(t, "", append(append([]string{"order"}, c.args...), "--api", fake.URL, "-o", "json", "--idempotency-key", key)...)
			require.Equal(t, 0, said.code, said.stderr)
			require.Empty(t, said.stderr, "JSON comes without chatter")
			require.Contains(t, said.stdout, `"cancelReason": "changed my mind"`)
			require.Equal(t, http.MethodPost, fake.requests[0].Method)
			require.Equal(t, "/api/v1/orders/"+anOrderID+c.target, fake.requests[0].URL.Path)
			require.Equal(t, key, fake.requests[0].Header.Get("Idempotency-Key"))
			require.JSONEq(t, c.body, fake.bodies[0])
		})
	}
}

func TestAChangeIsRepeatedWithTheSameKey(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"cancel", anOrderID}, {"amend", anOrderID, "--notes", "x"}, {"resolve", anOrderID, "retry"}} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			fake := newFakeAPI(t, hangUp, answerProblem(503, "No answer in time", "Nobody can tell."), answerJSON(http.StatusOK, beingCancelled()))
			c := invoke(t, "", append(append([]string{"order"}, args...), "--api", fake.URL)...)
			require.Equal(t, 0, c.code, c.stderr)
			require.Contains(t, c.stderr, "sending the same request again")
			require.Contains(t, c.stderr, "Follow it with: cupcakery order watch "+anOrderID)
			require.Len(t, fake.requests, 3)
			for i, request := range fake.requests {
				require.NotEmpty(t, request.Header.Get("Idempotency-Key"))
				require.Equal(t, fake.requests[0].Header.Get("Idempotency-Key"), request.Header.Get("Idempotency-Key"))
				require.Equal(t, fake.bodies[0], fake.bodies[i])
			}
		})
	}
}

func TestARefusedChangeIsNotRepeated(t *testing.T) {
	t.Parallel()
	fake := newFakeAPI(t, answerProblem(409, "The order cannot be changed like this", "The order is shipped: it cannot be cancelled any more."))
	c := invoke(t, "", "order", "cancel", anOrderID, "--api", fake.URL)
	require.Equal(t, exitRefused, c.code)
	require.Equal(t, "cupcakery: The order cannot be changed like this: The order is shipped: it cannot be cancelled any more.\n", c.stderr)
	require.Len(t, fake.requests, 1)
	require.Empty(t, c.stdout)
}

func TestATrueOrderIsChangedFromTheCommandLine(t *testing.T) {
	t.Parallel()
	f := newFactory(t)
	staff, demo, err := demoStaff()
	require.NoError(t, err)
	server, err := api.New(api.Config{Temporal: f.temporal, Secret: []byte("a secret of the tests"), Staff: staff, Demo: demo, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	web := httptest.NewServer(server.Handler())
	t.Cleanup(web.Close)
	id := f.order().OrderID
	order := func(args ...string) said {
		t.Helper()
		return invoke(t, "", append([]string{"order", args[0], id, "--api", web.URL}, args[1:]...)...)
	}

	c := order("amend", "--message", "0:Happy 41st", "--notes", "")
	require.Equal(t, 0, c.code, c.stderr)
	require.Contains(t, c.stdout, "6 × S lemon “Happy 41st”")
	require.NotContains(t, c.stdout, "Notes")
	require.Contains(t, c.stderr, "The order is changed.")
	c = order("amend", "--message", "1:of no line")
	require.Equal(t, exitRefused, c.code)
	require.Contains(t, c.stderr, "\n  /messages/0/line: ")
	c = order("resolve", "retry")
	require.Equal(t, exitRefused, c.code)
	require.Contains(t, c.stderr, "The order cannot be changed like this: ")
	key := uuid.NewString()
	first := order("cancel", "--reason", "changed my mind", "--idempotency-key", key, "-o", "json")
	require.Equal(t, 0, first.code, first.stderr)
	require.Contains(t, first.stdout, `"state": "cancelling"`)
	require.Equal(t, first, order("cancel", "--reason", "changed my mind", "--idempotency-key", key, "-o", "json"))
	require.Equal(t, exitRefused, order("cancel").code)
}

func TestTheShellCompletesChoices(t *testing.T) {
	t.Parallel()
	c := invoke(t, "", "__complete", "order", "resolve", anOrderID, "re")
	require.Equal(t, 0, c.code, c.stderr)
	require.True(t, strings.HasPrefix(c.stdout, "retry\nremake\n:"), c.stdout)
}

func TestGetShowsWhatAManagerIsAsked(t *testing.T) {
	t.Parallel()
	c := invoke(t, "", "order", "get", anOrderID, "--api", newFakeAPI(t, answerJSON(200, inTrouble())).URL)
	require.Equal(t, 0, c.code, c.stderr)
	for _, part := range []string{
		"needs-attention", "bake failed after 2 remakes", "failed: burnt; the oven ran hot; 12 scrapped",
		"cupcakery order resolve " + anOrderID + " retry\n", "cupcakery order resolve " + anOrderID + " remake\n", "cupcakery order resolve " + anOrderID + " cancel\n",
	} {
		require.Contains(t, c.stdout, part)
	}
}

func TestGetShowsWhatIsUndone(t *testing.T) {
	t.Parallel()
	c := invoke(t, "", "order", "get", anOrderID, "--api", newFakeAPI(t, answerJSON(200, beingCancelled())).URL)
	require.Equal(t, 0, c.code, c.stderr)
	require.Contains(t, c.stdout, "cancelling, waiting for mix")
	require.Regexp(t, `(?m)^Because +changed my mind$`, c.stdout)
	require.Regexp(t, `(?m)^bake .* undone +dave .* made by carol; 12 scrapped$`, c.stdout)
	require.Regexp(t, `(?m)^mix .* done +bob .* undo started by erin, attempt 2$`, c.stdout)
	require.Regexp(t, `(?m)^Remakes +1, 12 pieces scrapped$`, c.stdout)
	c = invoke(t, "", "order", "get", anOrderID, "--api", newFakeAPI(t, answerJSON(200, cancelledOrder())).URL)
	require.Regexp(t, `(?m)^Cancelled +2026-01-31 `, c.stdout)
	require.Regexp(t, `(?m)^mix .* done +bob .* left as it is: the bowl is gone$`, c.stdout)
}

func TestWatchSaysWhatHappensToAnOrderInTrouble(t *testing.T) {
	t.Parallel()
	amended := at(kitchen.Bake, kitchen.TicketStarted, "carol")
	amended.Lines[0].Message, amended.Notes = "Happy 41st", "ring twice"
	goesOn := at(kitchen.Bake, kitchen.TicketWaiting, "")
	goesOn.Lines, goesOn.Notes = amended.Lines, amended.Notes
	goesOn.Stages[1].Attempt = 2
	fake := newFakeAPI(t, answerJSON(200, at(kitchen.Bake, kitchen.TicketStarted, "carol")), answerJSON(200, amended), answerJSON(200, inTrouble()), answerJSON(200, inTrouble()),
		answerJSON(200, goesOn), answerJSON(200, beingCancelled()), answerJSON(200, cancelledOrder()))
	c := invoke(t, "", "order", "watch", anOrderID, "--api", fake.URL)
	require.Equal(t, exitFailed, c.code)
	require.Equal(t, "cupcakery: the order was cancelled: changed my mind\n", c.stderr)
	rest := c.stdout
	for _, part := range []string{
		" order amended: 12 × L red-velvet “Happy 41st”\n", " order amended: notes “ring twice”\n",
		" bake failed by carol: failed: burnt; the oven ran hot; 12 scrapped\n", " order needs-attention\n", " order needs a decision: bake failed after 2 remakes\n",
		"  decide with: cupcakery order resolve " + anOrderID + " retry\n", " bake waiting, attempt 2\n", " order goes on\n",
		" mix done by bob: undo started by erin, attempt 2\n", " bake undone by dave: made by carol; 12 scrapped\n", " order cancelling: changed my mind\n",
		" mix done by bob: left as it is: the bowl is gone\n", " order cancelled: changed my mind\n",
	} {
		_, after, found := strings.Cut(rest, part)
		require.True(t, found, "%q in %q", part, rest)
		rest = after
	}
	require.Equal(t, 1, strings.Count(c.stdout, " needs a decision: "))
}

func TestWatchOnATerminalShowsTheChoices(t *testing.T) {
	t.Parallel()
	lines := watchLines(inTrouble())
	require.Equal(t, []string{
		"needs a decision: bake failed after 2 remakes",
		"choose retry, remake or cancel:",
		"  cupcakery order resolve " + anOrderID + " CHOICE",
	}, lines[len(lines)-3:])
}
