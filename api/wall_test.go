package api

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/staff"
	"github.com/cupcakery/cupcakery/wire"
)

const wallToken = "only-the-screen-on-the-wall-has-this%23?"

// openWall shows a server a token of a screen.
func openWall(t *testing.T, server *Server, token string) *httptest.ResponseRecorder {
	t.Helper()
	return do(t, server, newRequest(http.MethodPost, "/api/v1/wall", strings.NewReader(`{"token":"`+token+`"}`), "Content-Type", "application/json"))
}

func TestTheTokenOfTheWallOpensTheCounterAndNothingElse(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	b := openBakery(t, kafka, awayTemporal(t), func(c *Config) { c.WallToken = wallToken })
	opened := openWall(t, b.server, wallToken)
	require.Equal(t, http.StatusNoContent, opened.Code, opened.Body.String())
	cookie := opened.Result().Cookies()[0]
	require.Equal(t, "/api/v1/live", cookie.Path, "it is sent nowhere else")
	require.True(t, cookie.HttpOnly)
	require.Equal(t, http.SameSiteStrictMode, cookie.SameSite)
	require.NotContains(t, cookie.Value, wallToken)

	screen := b.connectWith(http.Header{"Cookie": {cookie.Name + "=" + cookie.Value}})
	screen.subscribe("counter", "")
	require.Equal(t, wire.LiveMessageTypeSnapshot, screen.next().Type)
	for _, channel := range []string{"kitchen", "overview", "station/mix", "station/package"} {
		screen.subscribe(channel, "")
		require.Equal(t, wire.ProblemNotSignedIn, screen.next().Problem.Type, channel)
	}
	for route, needed := range access {
		method, path, _ := strings.Cut(route, " ")
		if needed.open || !strings.HasPrefix(path, "/api/") {
			continue
		}
		path = strings.NewReplacer(":id", "01936f8e-5c1a-7d3b-9f00-000000000001", ":stage", "mix", ":flavour", "lemon", ":ticket", "t", ":name", "bob").Replace(path)
		request := newRequest(method, path, nil)
		request.AddCookie(cookie)
		requireProblem(t, do(t, b.server, request), wire.ProblemNotSignedIn)
	}

	// Another token ends it, and so does none.
	for _, token := range []string{"another token of the wall", ""} {
		later := openBakery(t, kafka, awayTemporal(t), func(c *Config) { c.WallToken = token })
		screen := later.connectWith(http.Header{"Cookie": {cookie.Name + "=" + cookie.Value}})
		screen.subscribe("counter", "")
		require.Equal(t, wire.ProblemNotSignedIn, screen.next().Problem.Type, token)
	}
}

func TestAWrongTokenOfTheWallIsRefusedAndLoggedNowhere(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	server := newTestServer(t, untouchedTemporal{}, func(c *Config) {
		c.WallToken = wallToken
		c.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	const wrong = "a token of the wall that is wrong"
	require.Empty(t, openWall(t, server, wrong).Result().Cookies())
	requireProblem(t, openWall(t, server, wrong), wire.ProblemNotAllowed)
	require.Equal(t, http.StatusNoContent, openWall(t, server, wallToken).Code)
	require.Contains(t, log.String(), "a screen was refused")
	require.NotContains(t, log.String(), wrong)
	require.NotContains(t, log.String(), wallToken)

	off := newTestServer(t, untouchedTemporal{}, nil)
	requireProblem(t, openWall(t, off, wallToken), wire.ProblemNotFound)
}

func TestTheTokenOfTheWallCannotBeGuessed(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)
	server := newTestServer(t, untouchedTemporal{}, func(c *Config) {
		c.WallToken = wallToken
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} // where httptest's requests come from
	})
	server.sessions.Now = func() time.Time { return now }
	show := func(address, token string) *httptest.ResponseRecorder {
		return do(t, server, newRequest(http.MethodPost, "/api/v1/wall", strings.NewReader(`{"token":"`+token+`"}`), "Content-Type", "application/json", "X-Forwarded-For", address))
	}
	for range 3 * staff.AddressBurst {
		require.Equal(t, http.StatusNoContent, show("203.0.113.9", wallToken).Code, "the right one does not count")
	}
	for range staff.AddressBurst {
		requireProblem(t, show("203.0.113.9", "guessed"), wire.ProblemNotAllowed)
	}
	for _, token := range []string{"guessed", wallToken} {
		answer := show("203.0.113.9", token)
		require.Contains(t, requireProblem(t, answer, wire.ProblemTooManyAttempts).Detail, "from your address: try again in 30 seconds")
		require.Equal(t, "30", answer.Header().Get("Retry-After"))
	}
	require.Equal(t, http.StatusNoContent, show("198.51.100.1", wallToken).Code, "the shop's own screen is elsewhere")
	now = now.Add(staff.AddressEvery)
	require.Equal(t, http.StatusNoContent, show("203.0.113.9", wallToken).Code)
}

func TestAManagerIsToldTheAddressOfTheWall(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*Config){
		"/wall#only-the-screen-on-the-wall-has-this%2523?": func(c *Config) { c.WallToken = wallToken },
		"/wall": func(c *Config) {
			person := c.Staff.People[0]
			c.Demo = []wire.DemoPerson{{Name: person.Name, Pin: "123456", Role: person.Role}}
		},
		"": func(*Config) {},
	} {
		b := &bakery{t: t, server: newTestServer(t, untouchedTemporal{}, change)}
		answer := b.ask(string(kitchen.RoleManager), http.MethodGet, "/api/v1/wall", "")
		require.Equal(t, want, answerOf[wire.Wall](t, answer, http.StatusOK).Address)
		require.Equal(t, "no-store", answer.Header().Get("Cache-Control"))
		requireProblem(t, b.ask(string(kitchen.RoleBaker), http.MethodGet, "/api/v1/wall", ""), wire.ProblemNotAllowed)
	}
}

func TestAShortTokenOfTheWallIsRefused(t *testing.T) {
	t.Parallel()
	_, err := New(Config{Temporal: untouchedTemporal{}, Secret: testSecret, WallToken: "guess me"})
	require.ErrorContains(t, err, "the token of the screen on the wall has 8 bytes: give 16 to 500")
}

func TestProblemsHaveTheirOwnTypes(t *testing.T) {
	t.Parallel()
	for name, problem := range map[string]wire.ProblemType{"sold-out": wire.ProblemSoldOut, "slot-full": wire.ProblemSlotFull, "station-paused": wire.ProblemStationPaused} {
		require.Equal(t, wire.ProblemType("/problems/"+name), problem)
	}
}
