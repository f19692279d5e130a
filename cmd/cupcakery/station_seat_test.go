package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/api"
	"github.com/cupcakery/cupcakery/kitchen"
)

// aDemo is the API of a demonstration with one robot, at the oven.
func aDemo(t *testing.T) (crew *demoCrew, address string) {
	t.Helper()
	crew = newCrewOf(new(dummy))
	staff := answerJSON(http.StatusOK, map[string]any{"staff": []any{
		map[string]any{"name": "max", "role": "manager", "pin": "555555"}, map[string]any{"name": "bob", "role": "baker", "pin": "222222"},
		map[string]any{"name": "mia", "role": "mixer", "pin": "111111"}}})
	signIn := func(w http.ResponseWriter, r *http.Request) {
		var person struct{ Name string }
		_ = json.NewDecoder(r.Body).Decode(&person)
		http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: person.Name})
		answerJSON(http.StatusOK, map[string]any{})(w, r)
	}
	seats := func(w http.ResponseWriter, r *http.Request) {
		session, err := r.Cookie(sessionCookie)
		stage := kitchen.Stage(r.PathValue("stage"))
		switch {
		case err != nil:
			problemOf(http.StatusUnauthorized, "not-signed-in", "Nobody is signed in")(w, r)
		case r.Method == http.MethodPut:
			answerJSON(http.StatusOK, crew.Take(stage, session.Value))(w, r)
		case r.Method == http.MethodPost:
			answerJSON(http.StatusOK, crew.Keep(stage, session.Value))(w, r)
		default:
			answerJSON(http.StatusOK, crew.HandBack(stage))(w, r)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("GET /api/v1/session/demo", staff)
	mux.HandleFunc("POST /api/v1/session", signIn)
	mux.HandleFunc("/demo/seats/{stage}", seats)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return crew, server.URL
}

// sitter is who sits at the oven.
func sitter(crew *demoCrew) string { return crew.Keep(kitchen.Bake, "").By }

func TestStationTakesTheRobotsSeatUntilItIsClosed(t *testing.T) {
	t.Parallel()
	floor := newFactoryFloor(t)
	ticket := floor.issue(nil)
	crew, address := aDemo(t)
	bob := openStation(t, floor.kafka.Addr(), "--plain", "--take-seat", "--api", address)
	bob.errOut.await(t, "You have the seat of robot-baker, which waits until you leave.")
	require.Equal(t, "bob", sitter(crew))
	bob.enter("start 1")
	bob.out.await(t, "#1  "+ticket.PickupCode+"  started by bob")
	bob.ctrlC()
	require.Zero(t, bob.exit(), bob.errOut)
	require.Empty(t, sitter(crew))
	require.Contains(t, bob.errOut.String(), "robot-baker works here again.\n")

	ann := openStation(t, floor.kafka.Addr(), "--plain", "--take-seat", "--api", address, "--name", "ann")
	ann.errOut.await(t, "You have the seat")
	crew.Take(kitchen.Bake, "max")
	require.NoError(t, ann.input.Close())
	require.Zero(t, ann.exit(), ann.errOut)
	require.Equal(t, "max", sitter(crew), "nobody else's seat is handed back")
	require.Empty(t, floor.acks(ticket)[1:])
}

func TestStationSaysWhyItGetsNoSeat(t *testing.T) {
	t.Parallel()
	_, demo := aDemo(t)
	plain := newFakeAPI(t, problemOf(http.StatusNotFound, "not-found", "There is nothing here"))
	other := newFakeAPI(t, answerJSON(http.StatusOK, []string{"something else"}))
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"station", "mix", "--api", demo}, exitUnavailable, "no robot works at the mix station yet: the demo is still starting"},
		{[]string{"station", "bake", "--api", plain.URL}, exitNotFound, `no robot works at a station "bake" of the API at ` + plain.URL + `: robots are in a demo only, which "make demo" and "cupcakery dev --demo" start`},
		{[]string{"station", "bake", "--api", other.URL}, exitFailed, "not as Cupcakery does"},
		{[]string{"station", "bake", "--api", "http://127.0.0.1:1"}, exitUnavailable, "the API at http://127.0.0.1:1 cannot be reached"},
		{[]string{"station", "bake", "--api", "kitchen"}, exitUsage, `--api "kitchen": give an address`},
		{[]string{"station", "cellar", "--api", demo}, exitUsage, `unknown stage "cellar"`},
		{[]string{"station", "bake", "--auto"}, exitUsage, "--take-seat: is for people; leave it out with --auto"},
	} {
		c := invoke(t, "", append(test.args, "--take-seat")...)
		require.Equal(t, test.code, c.code, "%v: %s", test.args, c.stderr)
		require.Contains(t, c.stderr, test.says)
		require.Empty(t, c.stdout)
	}
}

// toldLines are what somebody was told.
type toldLines struct {
	mu    sync.Mutex
	lines []string
}

func (l *toldLines) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

func TestASeatIsKeptByASignNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		crew := newCrewOf(new(dummy))
		crew.Take(kitchen.Bake, "bob")
		var away atomic.Bool
		seat := &robotSeat{robot: "robot-baker", by: "bob", ask: func(context.Context, string) (api.Seat, error) {
			if away.Load() {
				return api.Seat{}, errors.New("the API is away")
			}
			return crew.Keep(kitchen.Bake, "bob"), nil
		}}
		var told toldLines
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			seat.keep(t.Context(), told.add)
		}()
		time.Sleep(3 * seatKeptFor)
		synctest.Wait()
		require.Equal(t, "bob", sitter(crew), "bob is still there")
		away.Store(true)
		time.Sleep(3 * seatSignEvery)
		synctest.Wait()
		away.Store(false)
		time.Sleep(seatSignEvery)
		crew.Take(kitchen.Bake, "max")
		<-ended
		require.True(t, seat.isLost)
		require.Equal(t, []string{
			"You have the seat of robot-baker, which waits until you leave.", "! The robot's seat: the API is away", "! max has taken the robot's seat.",
		}, told.lines)
		crew.HandBack(kitchen.Bake)

		seat.isLost = false
		seat.keep(t.Context(), told.add)
		require.True(t, seat.isLost)
		require.Equal(t, "! robot-baker works here again: its seat was handed back.", told.lines[len(told.lines)-1])
	})
}
