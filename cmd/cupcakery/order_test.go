package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	temporalclient "go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"

	"github.com/cupcakery/cupcakery/api"
	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/kitchen"
)

// said is a command's output and exit code.
type said struct {
	code   int
	stdout string
	stderr string
}

func invoke(t *testing.T, stdin string, args ...string) said {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, strings.NewReader(stdin), &stdout, &stderr)
	return said{code, stdout.String(), stderr.String()}
}

const anOrderID = "0199c0de-7a11-7000-8000-00000000cafe"

func aStatus() kitchen.Status {
	placed := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	return kitchen.Status{
		ID: anOrderID, PickupCode: "K7QF", State: kitchen.StateAccepted, Customer: kitchen.Customer{Name: "Ada"},
		Lines:    []kitchen.Line{{Flavour: "red-velvet", Size: kitchen.SizeL, Quantity: 12, Message: "Happy 40th"}},
		PlacedAt: placed, Stages: []kitchen.StageStatus{},
	}
}

// at is aStatus on its way: done with the stages before stage.
func at(stage kitchen.Stage, state kitchen.TicketState, by string) kitchen.Status {
	status := aStatus()
	status.State, status.Stage, status.WaitingFor = kitchen.StateInProgress, stage, stage
	for i, each := range status.Route.Stages() {
		issued := status.PlacedAt.Add(time.Duration(i) * time.Minute)
		pass := kitchen.StageStatus{Stage: each, Pass: 1, Attempt: 1, State: kitchen.TicketDone, By: "bob", IssuedAt: &issued, DoneAt: new(issued.Add(time.Minute))}
		if each == stage {
			pass.State, pass.By, pass.DoneAt = state, by, nil
		}
		status.Stages = append(status.Stages, pass)
		if each == stage {
			break
		}
	}
	return status
}

func shipped() kitchen.Status {
	status := at(kitchen.Package, kitchen.TicketDone, "bob")
	status.State, status.WaitingFor, status.ShippedAt = kitchen.StateShipped, "", new(status.PlacedAt.Add(5*time.Minute))
	return status
}

// fakeAPI answers with whatever comes next; the last answer stays.
type fakeAPI struct {
	*httptest.Server
	mu       sync.Mutex
	answers  []http.HandlerFunc
	requests []*http.Request
	bodies   []string
}

func newFakeAPI(t *testing.T, answers ...http.HandlerFunc) *fakeAPI {
	t.Helper()
	f := &fakeAPI{answers: answers}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		f.requests, f.bodies = append(f.requests, r), append(f.bodies, string(body))
		answer := f.answers[0]
		if len(f.answers) > 1 {
			f.answers = f.answers[1:]
		}
		f.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

func answerJSON(code int, value any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if code >= 400 {
			w.Header().Set("Content-Type", "application/problem+json")
		}
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(value)
	}
}

func answerProblem(code int, title, detail string, errors ...map[string]string) http.HandlerFunc {
	return answerJSON(code, map[string]any{"type": "/problems/some", "title": title, "status": code, "detail": detail, "errors": errors, "requestId": "r-1"})
}

func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// realAPI is an API on a Temporal dev server without a worker.
func realAPI(t *testing.T) (address string, temporal temporalclient.Client) {
	t.Helper()
	devServer, err := devstack.StartTemporal(t.Context(), devstack.TemporalConfig{Headless: true})
	require.NoError(t, err)
	t.Cleanup(devServer.Stop)
	quiet := slog.New(slog.DiscardHandler)
	temporal, err = temporalclient.Dial(temporalclient.Options{HostPort: devServer.Addr(), Logger: sdklog.NewStructuredLogger(quiet)})
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	staff, demo, err := demoStaff()
	require.NoError(t, err)
	server, err := api.New(api.Config{Temporal: temporal, Secret: []byte("a secret of the tests"), Staff: staff, Demo: demo, Logger: quiet})
	require.NoError(t, err)
	web := httptest.NewServer(server.Handler())
	t.Cleanup(web.Close)
	return web.URL, temporal
}

func TestAnAllergyIsConfirmedByAClearYes(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]bool{"y\n": true, " YES \n": true, "yes": true, "\n": false, "": false, "n\n": false, "yesterday\n": false} {
		var asked strings.Builder
		require.Equal(t, want, askToConfirm(strings.NewReader(answer), &asked, []string{"Lemon contains egg"}), "%q", answer)
		require.Equal(t, "Lemon contains egg.\nOrder all the same? [y/N] ", asked.String())
	}
	confirmed, err := confirmAllergy([]byte(`{"notes":"x","tip":5}`))
	require.NoError(t, err)
	require.JSONEq(t, `{"notes":"x","tip":5,"allergyConfirmed":true}`, string(confirmed))
}

func TestOnlyAnOrderWithNothingElseWrongCanBeConfirmed(t *testing.T) {
	t.Parallel()
	met := `{"pointer":"/allergyConfirmed","detail":"Lemon contains egg: send true"}`
	problem := func(faults string) []byte {
		return []byte(`{"type":"/problems/invalid-order","errors":[` + faults + `]}`)
	}
	require.Equal(t, []string{"Lemon contains egg"}, allergyFaults(http.StatusUnprocessableEntity, problem(met)))
	require.Empty(t, allergyFaults(http.StatusUnprocessableEntity, problem(met+`,{"pointer":"/notes","detail":"too long"}`)))
	require.Empty(t, allergyFaults(http.StatusConflict, problem(met)))
	require.Empty(t, allergyFaults(http.StatusUnprocessableEntity, []byte("<html>")))
}

func TestOrdersFromTheCommandLine(t *testing.T) {
	t.Parallel()
	address, temporal := realAPI(t)
	name := "Ada " + uuid.NewString()
	file := filepath.Join(t.TempDir(), "order.json")
	order := kitchen.Order{Customer: kitchen.Customer{Name: name}, Lines: []kitchen.Line{{Flavour: "lemon", Size: kitchen.SizeS, Quantity: 6}}}
	data, err := json.Marshal(order)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, data, 0o600))

	created := func(c said) kitchen.Status {
		t.Helper()
		require.Equal(t, 0, c.code, c.stderr)
		require.Empty(t, c.stderr, "JSON comes without chatter")
		var status kitchen.Status
		require.NoError(t, json.Unmarshal([]byte(c.stdout), &status))
		return status
	}
	byFlags := created(invoke(t, "", "order", "create", "--api", address, "-o", "json",
		"--name", name, "--line", "12xXL:red-velvet:Happy 40th: yes", "--line", "6 × s: lemon", "--notes", "ring the bell", "--allergy", "nuts", "--allergy", "milk, raw", "--allergy-confirmed"))
	require.Equal(t, []kitchen.Line{
		{Flavour: "red-velvet", Size: kitchen.SizeXL, Quantity: 12, Message: "Happy 40th: yes"},
		{Flavour: "lemon", Size: kitchen.SizeS, Quantity: 6},
	}, byFlags.Lines)
	require.Equal(t, []string{"nuts", "milk, raw"}, byFlags.Allergies)
	require.Equal(t, "ring the bell", byFlags.Notes)
	byFile := created(invoke(t, "", "order", "create", "--api", address, "-o", "json", "-f", file))
	require.Equal(t, name, byFile.Customer.Name)
	key := uuid.NewString()
	byStdin := created(invoke(t, string(data), "order", "create", "--api", address, "-o", "json", "-f", "-", "--idempotency-key", key))
	again := created(invoke(t, "\n"+string(data), "order", "create", "--api", address, "-o", "json", "-f", "-", "--idempotency-key", key))
	require.Equal(t, byStdin, again)
	require.NotEqual(t, byFile.ID, byStdin.ID)

	t.Run("another order with the key is refused", func(t *testing.T) {
		t.Parallel()
		c := invoke(t, "", "order", "create", "--api", address, "--name", name, "--line", "1xS:lemon", "--idempotency-key", key)
		require.Equal(t, exitRefused, c.code)
		require.Contains(t, c.stderr, "use a new key")
		require.Empty(t, c.stdout)
	})
	t.Run("create shows people where to go on", func(t *testing.T) {
		t.Parallel()
		c := invoke(t, "", "order", "create", "--api", address, "--name", "Eve", "--line", "1xS:lemon:ring\u200f")
		require.Equal(t, 0, c.code, c.stderr)
		require.Contains(t, c.stdout, "1 × S lemon")
		require.Contains(t, c.stderr, "cupcakery order watch ")
	})
	t.Run("a flavour that meets an allergy must be confirmed", func(t *testing.T) {
		t.Parallel()
		order := []string{"order", "create", "--api", address, "--name", "Eve", "--line", "2xL:lemon", "--allergy", "Eggs"}
		c := invoke(t, "y\n", order...) // a pipe is no terminal, and is not asked
		require.Equal(t, exitRefused, c.code)
		require.Contains(t, c.stderr, "/allergyConfirmed: Lemon contains egg, and the order names an allergy to it")
		require.Contains(t, c.stderr, "repeat the command with --allergy-confirmed")
		require.Empty(t, c.stdout)
		c = invoke(t, "", append(order, "--allergy-confirmed")...)
		require.Equal(t, 0, c.code, c.stderr)
	})
	t.Run("create says what it costs, and orders nothing at another price", func(t *testing.T) {
		t.Parallel()
		c := invoke(t, "", "order", "create", "--api", address, "--name", "Eve", "--line", "2xL:red-velvet:Hi", "--total", "EUR 7.80")
		require.Equal(t, 0, c.code, c.stderr)
		require.Contains(t, c.stdout, "2 × L red-velvet “Hi”, EUR 3.90 each\n")
		require.Contains(t, c.stdout, "EUR 7.80, paid at pickup\n")
		c = invoke(t, "", "order", "create", "--api", address, "--name", "Eve", "--line", "2xL:red-velvet:Hi", "--total", "EUR 7.79")
		require.Equal(t, exitRefused, c.code)
		require.Contains(t, c.stderr, "The order costs EUR 7.80 now, and not EUR 7.79.")
		require.Empty(t, c.stdout)
	})
	t.Run("get shows where it stands", func(t *testing.T) {
		t.Parallel()
		require.NoError(t, temporal.SignalWorkflow(t.Context(), kitchen.WorkflowID(byFlags.ID), "", "news", nil)) // or its history would tell all that there is
		c := invoke(t, "", "order", "get", byFlags.ID, "--api", address)
		require.Equal(t, 0, c.code, c.stderr)
		for _, part := range []string{byFlags.ID, kitchen.PickupCode(byFlags.ID), name, "no worker answers", "12 × XL red-velvet “Happy 40th: yes”", "EUR 4.90 each", "EUR 69.60, paid at pickup", "nuts, milk, raw", "ring the bell"} {
			require.Contains(t, c.stdout, part)
		}
		c = invoke(t, "", "order", "get", byFlags.ID, "--api", address, "-o", "json")
		var status kitchen.Status
		require.NoError(t, json.Unmarshal([]byte(c.stdout), &status))
		require.True(t, status.Stale)
	})
	t.Run("an order that does not exist has its own exit code", func(t *testing.T) {
		t.Parallel()
		c := invoke(t, "", "order", "get", anOrderID, "--api", address)
		require.Equal(t, exitNotFound, c.code)
		require.Contains(t, c.stderr, "There is no such order")
		c = invoke(t, "", "order", "watch", anOrderID, "--api", address)
		require.Equal(t, exitNotFound, c.code)
	})
	t.Run("every fault of an order is on its line", func(t *testing.T) {
		t.Parallel()
		c := invoke(t, `{"customer":{"name":""},"lines":[{"flavour":"lava","size":"S","quantity":0,"tip":1}]}`, "order", "create", "--api", address, "-f", "-", "-o", "json")
		require.Equal(t, exitRefused, c.code)
		require.Empty(t, c.stdout)
		for _, where := range []string{"\n  /customer/name: ", "\n  /lines/0/flavour: ", "\n  /lines/0/quantity: ", "\n  /lines/0/tip: "} {
			require.Contains(t, c.stderr, where)
		}
	})
	t.Run("list finds orders by page", func(t *testing.T) {
		t.Parallel()
		list := func(args ...string) listed {
			t.Helper()
			c := invoke(t, "", append([]string{"order", "list", "--api", address, "-o", "json"}, args...)...)
			require.Equal(t, 0, c.code, c.stderr)
			require.Empty(t, c.stderr)
			var page listed
			require.NoError(t, json.Unmarshal([]byte(c.stdout), &page))
			return page
		}
		require.Eventually(t, func() bool { return len(list("--customer", name).Orders) == 3 }, 30*time.Second, 20*time.Millisecond)
		require.Len(t, list("--customer", name, "--flavour", "red-velvet").Orders, 1)
		require.Equal(t, byFile.ID, list("--pickup-code", byFile.PickupCode, "--customer", name).Orders[0].ID)
		require.Empty(t, list("--customer", name, "--state", "shipped").Orders)
		first := list("--customer", name, "--limit", "2")
		require.Len(t, first.Orders, 2)
		require.NotEmpty(t, first.NextPageToken)
		rest := list("--customer", name, "--limit", "2", "--page-token", first.NextPageToken)
		require.Len(t, rest.Orders, 1)

		c := invoke(t, "", "order", "list", "--api", address, "--customer", name, "--limit", "2")
		require.Equal(t, 0, c.code, c.stderr)
		require.Contains(t, c.stdout, "CODE")
		require.Equal(t, 3, strings.Count(c.stdout, "\n"))
		require.Contains(t, c.stdout, " EUR 10.80 ")
		require.Contains(t, c.stderr, "There are more")
		c = invoke(t, "", "order", "list", "--api", address, "--customer", "nobody")
		require.Equal(t, 0, c.code)
		require.Empty(t, c.stdout)
		require.Contains(t, c.stderr, "No order matches")
	})
	t.Run("a wrong filter is named, also an empty one", func(t *testing.T) {
		t.Parallel()
		c := invoke(t, "", "order", "list", "--api", address, "--state", "baking", "--customer", "")
		require.Equal(t, exitRefused, c.code)
		require.Contains(t, c.stderr, "\n  state: unknown value: use scheduled, in-progress")
		require.Contains(t, c.stderr, "\n  q: must have 1 to 80 characters")
	})
	t.Run("the shell completes flavours, sizes, states and ids", func(t *testing.T) {
		t.Parallel()
		complete := func(args ...string) []string {
			t.Helper()
			c := invoke(t, "", append([]string{"__complete"}, args...)...)
			require.Equal(t, 0, c.code, c.stderr)
			lines := strings.Split(strings.TrimSpace(c.stdout), "\n")
			return lines[:len(lines)-1] // the last is cobra's directive
		}
		require.Equal(t, []string{"12xS:", "12xM:", "12xL:", "12xXL:"}, complete("order", "create", "--line", "12x"))
		require.Equal(t, []string{"12xL:red-velvet"}, complete("order", "create", "--api", address, "--line", "12xL:red"))
		require.Equal(t, []string{"red-velvet"}, complete("order", "list", "--api", address, "--flavour", "red"))
		require.Equal(t, []string{"cancelling", "cancelled"}, complete("order", "list", "--state", "canc"))
		require.Equal(t, []string{"bake"}, complete("order", "list", "--stage", "b"))
		require.Equal(t, []string{"table"}, complete("order", "get", "-o", "t"))
		require.Eventually(t, func() bool {
			want := fmt.Sprintf("%s\t%s %s", byFile.ID, byFile.PickupCode, name)
			return slices.Contains(complete("order", "get", "--api", address, byFile.ID[:30]), want)
		}, 30*time.Second, 20*time.Millisecond)
		require.Empty(t, complete("order", "get", "--api", "http://127.0.0.1:1", ""))
	})
}

// listed is what order list writes as JSON.
type listed struct {
	Orders []struct {
		ID string `json:"id"`
	} `json:"orders"`
	NextPageToken string `json:"nextPageToken"`
}

func TestOrderCommandLinesThatAreWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		part string
	}{
		"nothing ordered":       {[]string{"create"}, "nothing is ordered: give --file, or --name and --line"},
		"file and flags":        {[]string{"create", "-f", "-", "--name", "Ada"}, "--file and --name both say what is ordered: keep one"},
		"a file that is none":   {[]string{"create", "-f", "/nowhere/order.json"}, "no such file"},
		"file and total":        {[]string{"create", "-f", "-", "--total", "EUR 1.00"}, "--file and --total both say what is ordered: keep one"},
		"a total that is none":  {[]string{"create", "--name", "Ada", "--line", "1xS:lemon", "--total", "28.80"}, `--total: "28.80" is no amount of money: write it as EUR 28.80`},
		"an empty total":        {[]string{"create", "--name", "Ada", "--line", "1xS:lemon", "--total", ""}, `--total: "" is no amount of money`},
		"a line without size":   {[]string{"create", "--name", "Ada", "--line", "12:lemon"}, `--line "12:lemon": write QUANTITYxSIZE:FLAVOUR`},
		"a line without number": {[]string{"create", "--name", "Ada", "--line", "xL:lemon"}, "write QUANTITYxSIZE:FLAVOUR"},
		"a line without taste":  {[]string{"create", "--name", "Ada", "--line", "12xL"}, "write QUANTITYxSIZE:FLAVOUR"},
		"another output":        {[]string{"list", "-o", "yaml"}, `--output "yaml": use table or json`},
		"an address that is none": {[]string{"list", "--api", "localhost:8080"},
			`--api "localhost:8080": give an address such as http://127.0.0.1:8080`},
		"limit 0":                  {[]string{"list", "--limit", "0"}, "--limit 0: give a number from 1"},
		"an id too short":          {[]string{"get", "0199"}, `"0199" is not an order id`},
		"no id":                    {[]string{"watch"}, "accepts 1 arg(s)"},
		"unknown command":          {[]string{"refund"}, `unknown command "refund"`},
		"cancelling what is no id": {[]string{"cancel", "0199"}, `"0199" is not an order id`},
		"amending nothing":         {[]string{"amend", anOrderID}, "nothing is changed: give --notes, --message or --phone"},
		"a message of no line":     {[]string{"amend", anOrderID, "--message", "Happy 41st"}, `--message "Happy 41st": write LINE:TEXT`},
		"a line below 0":           {[]string{"amend", anOrderID, "--message", "-1:x"}, "counted from 0"},
		"no choice":                {[]string{"resolve", anOrderID}, "accepts 2 arg(s)"},
		"an unknown choice":        {[]string{"resolve", anOrderID, "remak"}, `did you mean "remake"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c2 := invoke(t, "", append([]string{"order"}, c.args...)...)
			require.Equal(t, exitUsage, c2.code, c2.stderr)
			require.Contains(t, c2.stderr, c.part)
			require.Empty(t, c2.stdout)
		})
	}
}

func TestAnAPIThatIsNotThere(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := "http://" + listener.Addr().String()
	require.NoError(t, listener.Close())
	for _, args := range [][]string{{"get", anOrderID}, {"watch", anOrderID}, {"list"}, {"create", "--name", "Ada", "--line", "1xS:lemon"},
		{"cancel", anOrderID}, {"amend", anOrderID, "--notes", ""}, {"resolve", anOrderID, "retry"}} {
		c := invoke(t, "", append(append([]string{"order"}, args...), "--api", address)...)
		require.Equal(t, exitUnavailable, c.code, c.stderr)
		require.Contains(t, c.stderr, "the API at "+address+" cannot be reached")
		require.Contains(t, c.stderr, "--api")
		require.NotContains(t, c.stderr, anOrderID)
		require.Empty(t, c.stdout)
	}
}

func TestCreateRepeatsALostRequestWithTheSameKey(t *testing.T) {
	t.Parallel()
	fake := newFakeAPI(t, hangUp, answerProblem(503, "Temporal cannot be reached", "Ask again."), answerJSON(http.StatusCreated, aStatus()))
	c := invoke(t, "", "order", "create", "--api", fake.URL, "--name", "Ada", "--line", "12xL:red-velvet", "-o", "json")
	require.Equal(t, 0, c.code, c.stderr)
	require.Contains(t, c.stderr, "sending the same order again")
	require.Len(t, fake.requests, 3)
	for i, request := range fake.requests {
		require.NotEmpty(t, request.Header.Get("Idempotency-Key"))
		require.Equal(t, fake.requests[0].Header.Get("Idempotency-Key"), request.Header.Get("Idempotency-Key"))
		require.Equal(t, fake.bodies[0], fake.bodies[i])
	}
}

func TestCreateDoesNotRepeatARefusal(t *testing.T) {
	t.Parallel()
	fake := newFakeAPI(t, answerProblem(422, "The order breaks a rule", "", map[string]string{"pointer": "/lines/0/flavour", "detail": "unknown \x1b[31mflavour"}))
	c := invoke(t, "", "order", "create", "--api", fake.URL, "--name", "Ada", "--line", "12xL:lava")
	require.Equal(t, exitRefused, c.code)
	require.Len(t, fake.requests, 1)
	require.Equal(t, "cupcakery: The order breaks a rule\n  /lines/0/flavour: unknown \\u001b[31mflavour\n", c.stderr)
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for status, code := range map[int]int{400: exitRefused, 404: exitNotFound, 409: exitRefused, 413: exitRefused, 429: exitUnavailable, 500: exitFailed, 502: exitUnavailable, 503: exitUnavailable} {
		fake := newFakeAPI(t, answerProblem(status, "A title", "A detail."))
		c := invoke(t, "", "order", "get", anOrderID, "--api", fake.URL)
		require.Equal(t, code, c.code)
		require.Contains(t, c.stderr, "A title: A detail.")
	}
	fake := newFakeAPI(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") })
	c := invoke(t, "", "order", "get", anOrderID, "--api", fake.URL)
	require.Equal(t, exitFailed, c.code)
	require.Contains(t, c.stderr, "not as Cupcakery does: check the address")
}

func TestTextFromElsewhereDoesNotReachTheTerminalRaw(t *testing.T) {
	t.Parallel()
	evil := at(kitchen.Mix, kitchen.TicketStarted, "bob\x1b]0;owned\x07\u009b31m\u202e")
	evil.Customer.Name = "\x1b[2JAda\r\n"
	evil.Notes = "line\nbreak\x7f"
	evil.Stages[0].Note = "\x1b[A"
	evil.State = kitchen.StateShipped
	page := map[string]any{"orders": []any{map[string]any{"id": anOrderID, "pickupCode": "\x1b[5m", "state": "shipped", "customer": evil.Customer, "flavours": []string{"\x1b[7m"}, "placedAt": evil.PlacedAt,
		"stage": "\x1b[8m", "inHand": map[string]any{"by": "\x1b[9mbob", "since": evil.PlacedAt}}}}
	for _, output := range []string{"table", "json"} {
		for _, args := range [][]string{{"get", anOrderID}, {"watch", anOrderID}, {"list"}} {
			answer := answerJSON(200, evil)
			if args[0] == "list" {
				answer = answerJSON(200, page)
			}
			c := invoke(t, "", append(append([]string{"order"}, args...), "--api", newFakeAPI(t, answer).URL, "-o", output)...)
			require.Equal(t, 0, c.code, c.stderr)
			require.NotEmpty(t, c.stdout)
			for _, r := range c.stdout {
				require.False(t, unsafeRune(r) && r != '\n' && r != '\u202e', "%q in %q", r, c.stdout)
			}
			if output == "table" {
				require.NotContains(t, c.stdout, "\u202e")
			} else {
				require.True(t, json.Valid([]byte(c.stdout)))
			}
		}
	}
}

func TestWatchInAPipe(t *testing.T) {
	t.Parallel()
	again := at(kitchen.Mix, kitchen.TicketWaiting, "")
	again.Stages[0].Attempt = 2
	fake := newFakeAPI(t,
		answerJSON(200, aStatus()),
		answerJSON(200, at(kitchen.Mix, kitchen.TicketWaiting, "")),
		hangUp, // the API restarts
		answerProblem(503, "Temporal cannot be reached", "Ask again."),
		answerJSON(200, again),
		answerJSON(200, at(kitchen.Bake, kitchen.TicketStarted, "carol")),
		answerJSON(200, shipped()))
	c := invoke(t, "", "order", "watch", anOrderID, "--api", fake.URL)
	require.Equal(t, 0, c.code, c.stderr)
	clockOf := func(minutes int) string {
		return time.Date(2026, 1, 31, 12, minutes, 0, 0, time.UTC).Local().Format(time.DateTime)
	}
	require.Equal(t, strings.Join([]string{
		clockOf(0) + " order " + anOrderID + " of Ada, pickup code K7QF",
		clockOf(0) + " mix waiting",
		clockOf(0) + " mix waiting, attempt 2",
		clockOf(1) + " mix done by bob",
		clockOf(1) + " bake started by carol",
		clockOf(2) + " bake done by bob",
		clockOf(3) + " decorate done by bob",
		clockOf(3) + " package done by bob",
		clockOf(5) + " order shipped",
		"",
	}, "\n"), c.stdout)
	require.Equal(t, 1, strings.Count(c.stderr, "The API is away"), c.stderr)
	require.Equal(t, 1, strings.Count(c.stderr, "The API is back"), c.stderr)
}

func TestWatchAsJSON(t *testing.T) {
	t.Parallel()
	fake := newFakeAPI(t, answerJSON(200, at(kitchen.Mix, kitchen.TicketWaiting, "")), answerJSON(200, at(kitchen.Mix, kitchen.TicketWaiting, "")), answerJSON(200, shipped()))
	c := invoke(t, "", "order", "watch", anOrderID, "--api", fake.URL, "-o", "json")
	require.Equal(t, 0, c.code, c.stderr)
	require.Empty(t, c.stderr)
	lines := strings.Split(strings.TrimSpace(c.stdout), "\n")
	require.Len(t, lines, 2, "one for each change")
	var last kitchen.Status
	require.NoError(t, json.Unmarshal([]byte(lines[1]), &last))
	require.Equal(t, kitchen.StateShipped, last.State)
}

func TestWatchEndsWithACancelledOrder(t *testing.T) {
	t.Parallel()
	cancelled := at(kitchen.Bake, kitchen.TicketWaiting, "")
	cancelled.State = kitchen.StateCancelled
	c := invoke(t, "", "order", "watch", anOrderID, "--api", newFakeAPI(t, answerJSON(200, cancelled)).URL)
	require.Equal(t, exitFailed, c.code)
	require.Contains(t, c.stdout, "order cancelled")
	require.Contains(t, c.stderr, "the order was cancelled")
}

func TestWatchEndsWhenInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	fake := newFakeAPI(t, answerJSON(200, at(kitchen.Mix, kitchen.TicketWaiting, "")), func(w http.ResponseWriter, r *http.Request) {
		cancel()
		hangUp(w, r)
	})
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitFailed, run(ctx, []string{"order", "watch", anOrderID, "--api", fake.URL}, strings.NewReader(""), &stdout, &stderr))
	require.Contains(t, stderr.String(), "stopped watching; the order goes on")
}

func TestWatchOnATerminal(t *testing.T) {
	t.Parallel()
	var screen bytes.Buffer
	view := &redrawnView{w: &screen, width: func() int { return 40 }}
	require.NoError(t, view.show(nil, at(kitchen.Mix, kitchen.TicketWaiting, "")))
	require.Equal(t, "K7QF  Ada  in-progress, waiting for mix\n  mix       waiting\n  bake      -\n  decorate  -\n  package   -\n", screen.String())
	screen.Reset()
	status := at(kitchen.Bake, kitchen.TicketStarted, "carol\x1b[2J and a name that is longer than the row")
	require.NoError(t, view.show(nil, status))
	frame, cleared := strings.CutPrefix(screen.String(), "\x1b[5A\x1b[J")
	require.True(t, cleared, "goes back to the first of the five lines: %q", screen.String())
	require.NotContains(t, frame, "\x1b")
	require.Equal(t, 5, strings.Count(frame, "\n"))
	for line := range strings.Lines(frame) {
		require.LessOrEqual(t, len([]rune(strings.TrimSuffix(line, "\n"))), 40)
	}
}

func TestFitMeasuresWideCharacters(t *testing.T) {
	t.Parallel()
	require.Equal(t, "abcd", fit("abcd", 4))
	require.Equal(t, "abc…", fit("abcde", 4))
	require.Equal(t, "蛋糕", fit("蛋糕", 4))
	require.Equal(t, "蛋…", fit("蛋糕店", 4))
	require.Equal(t, "Łódź", fit("Łódź", 4))
	require.Equal(t, "🧁…", fit("🧁🧁", 3))
}

func TestWatchPace(t *testing.T) {
	t.Parallel()
	var pace watchPace
	pace.looked(true)
	require.Equal(t, watchEvery, pace.next)
	for range 2 * watchPatience {
		pace.looked(false)
	}
	require.Equal(t, watchSlowest, pace.next)
	pace.looked(true)
	require.Equal(t, watchEvery, pace.next)
	pace.failed()
	require.Greater(t, pace.next, watchEvery)
}
