package api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/staff"
	"github.com/cupcakery/cupcakery/wire"
)

// testStaff has one person for each role, with the role as name. Nobody knows
// their PINs: a test that signs in with a PIN replaces the comparison.
var testStaff = func() kitchen.Staff {
	var all kitchen.Staff
	for i, role := range kitchen.Roles() {
		hash, err := kitchen.ParsePINHash(fmt.Sprintf("$argon2id$v=19$m=19456,t=2,p=1$%s$%s", strings.Repeat("A", 22), strings.Repeat(string(rune('B'+i)), 42)+"A"))
		if err != nil {
			panic(err)
		}
		all.People = append(all.People, kitchen.Person{Name: string(role), Role: role, PIN: hash})
	}
	return all
}()

const goodPIN = "123456"

// matchGoodPIN makes goodPIN match every hash, without the work.
func matchGoodPIN(server *Server) {
	server.sessions.Matches = func(_ kitchen.PINHash, pin string) bool { return pin == goodPIN }
}

// signInAs gives a request the session of the person with the role.
func signInAs(server *Server, role kitchen.Role, request *http.Request) *http.Request {
	person, found := server.sessions.Find(string(role))
	if !found {
		panic("nobody is " + role)
	}
	_, token := server.sessions.Begin(person)
	request.AddCookie(&http.Cookie{Name: sessionCookie, Value: token})
	return request
}

func signIn(t *testing.T, server *Server, name, pin string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	body, err := json.Marshal(wire.SignIn{Name: name, Pin: pin})
	require.NoError(t, err)
	request := newRequest(http.MethodPost, sessionPath, bytes.NewReader(body), append([]string{"Content-Type", "application/json"}, headers...)...)
	return do(t, server, request)
}

func whoAmI(t *testing.T, server *Server, cookie string) *httptest.ResponseRecorder {
	t.Helper()
	request := newRequest(http.MethodGet, sessionPath, nil)
	if cookie != "" {
		request.Header.Set("Cookie", sessionCookie+"="+cookie)
	}
	return do(t, server, request)
}

func requireCookie(t *testing.T, recorder *httptest.ResponseRecorder, name string) *http.Cookie {
	t.Helper()
	var found []*http.Cookie
	for _, cookie := range recorder.Result().Cookies() { //nolint:bodyclose // a recorder's
		if cookie.Name == name {
			found = append(found, cookie)
		}
	}
	require.Len(t, found, 1, name)
	return found[0]
}

func requireSession(t *testing.T, recorder *httptest.ResponseRecorder) wire.Session {
	t.Helper()
	return answerOf[wire.Session](t, recorder, http.StatusOK)
}

func TestASessionFromSignInToSignOut(t *testing.T) {
	t.Parallel()
	hash, err := kitchen.HashPIN("271828")
	require.NoError(t, err)
	server := newTestServer(t, untouchedTemporal{}, func(c *Config) {
		c.Staff = kitchen.Staff{People: []kitchen.Person{{Name: "Zoë 🧁", Role: kitchen.RoleBaker, PIN: hash}}}
	})
	recorder := signIn(t, server, "Zoë 🧁", "271828")
	session := requireSession(t, recorder)
	require.Equal(t, "Zoë 🧁", session.Name)
	require.Equal(t, kitchen.RoleBaker, session.Role)
	cookie := requireCookie(t, recorder, sessionCookie)
	require.True(t, cookie.HttpOnly)
	require.Equal(t, http.SameSiteStrictMode, cookie.SameSite)
	require.Equal(t, "/", cookie.Path)
	require.Empty(t, cookie.Domain)
	require.False(t, cookie.Secure, "over plain http")
	require.Equal(t, int(staff.SessionLifetime.Seconds()), cookie.MaxAge)
	require.NotContains(t, cookie.Value, "271828")

	require.Equal(t, session, requireSession(t, whoAmI(t, server, cookie.Value)))

	request := newRequest(http.MethodDelete, sessionPath, nil)
	request.AddCookie(cookie)
	recorder = do(t, server, request)
	require.Equal(t, http.StatusNoContent, recorder.Code)
	gone := recorder.Result().Cookies() //nolint:bodyclose // a recorder's
	require.Len(t, gone, 1)
	require.Equal(t, cookie.Name, gone[0].Name)
	require.Equal(t, cookie.Path, gone[0].Path)
	require.Negative(t, gone[0].MaxAge)
	require.Empty(t, gone[0].Value)

	requireProblem(t, signIn(t, server, "Zoë 🧁", "271829"), wire.ProblemWrongNameOrPIN)
	requireProblem(t, signIn(t, server, "zoë 🧁", "271828"), wire.ProblemWrongNameOrPIN)
}

func TestAnInvalidSessionIsTreatedAsNone(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)
	at := func(server *Server, offset time.Duration) *Server {
		server.sessions.Now = func() time.Time { return now.Add(offset) }
		return server
	}
	tokenOf := func(server *Server, role kitchen.Role) string {
		person, _ := server.sessions.Find(string(role))
		_, token := server.sessions.Begin(person)
		return token
	}
	server := at(newTestServer(t, untouchedTemporal{}, nil), 0)
	good := tokenOf(server, kitchen.RoleBaker)
	require.Equal(t, "baker", requireSession(t, whoAmI(t, server, good)).Name)
	require.Equal(t, "baker", requireSession(t, whoAmI(t, server, "forged; "+sessionCookie+"="+good)).Name, "another cookie of the name before it")

	encode := base64.RawURLEncoding.EncodeToString
	payload, signature, _ := strings.Cut(good, ".")
	manager := encode(fmt.Appendf(nil, `{"name":"manager","expires":%d}`, now.Add(staff.SessionLifetime).Unix()))
	for name, text := range map[string]string{
		"none":                     "",
		"made up":                  "manager",
		"only a dot":               ".",
		"without a signature":      payload + ".",
		"without a dot":            payload,
		"another's signature":      manager + "." + signature,
		"longer validity":          encode(fmt.Appendf(nil, `{"name":"baker","expires":%d}`, now.Add(1000*time.Hour).Unix())) + "." + signature,
		"signature of zeros":       payload + "." + encode(make([]byte, 32)),
		"signature too long":       good + "AAAA",
		"padded":                   good + "==",
		"not JSON":                 encode([]byte("baker")) + "." + signature,
		"JSON of another kind":     encode([]byte("[]")) + "." + signature,
		"expiry beyond every time": encode([]byte(`{"name":"baker","expires":99999999999999999999}`)) + "." + signature,
		"name of 10,000":           encode([]byte(`{"name":"`+strings.Repeat("b", 10_000)+`","expires":1}`)) + "." + signature,
		"somebody unknown":         encode(fmt.Appendf(nil, `{"name":"nobody","expires":%d}`, now.Add(time.Hour).Unix())) + "." + signature,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireProblem(t, whoAmI(t, server, text), wire.ProblemNotSignedIn)
		})
	}
	t.Run("expired", func(t *testing.T) {
		t.Parallel()
		later := at(newTestServer(t, untouchedTemporal{}, nil), staff.SessionLifetime-time.Second)
		require.Equal(t, "baker", requireSession(t, whoAmI(t, later, good)).Name)
		requireProblem(t, whoAmI(t, at(later, staff.SessionLifetime), good), wire.ProblemNotSignedIn)
	})
	t.Run("good at another process of the deployment", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, "baker", requireSession(t, whoAmI(t, at(newTestServer(t, untouchedTemporal{}, nil), 0), good)).Name)
	})
	for name, change := range map[string]func(*Config){
		"signed with another secret":    func(c *Config) { c.Secret = []byte("another secret of a deployment") },
		"everybody was signed out":      func(c *Config) { c.Staff.Sessions++ },
		"the PIN was changed":           func(c *Config) { c.Staff.People = withPINOf(c.Staff, "baker", "mixer") },
		"the person has left":           func(c *Config) { c.Staff.People = c.Staff.People[2:] },
		"there is no staff any more":    func(c *Config) { c.Staff = kitchen.Staff{} },
		"the name is somebody else now": func(c *Config) { c.Staff.People = []kitchen.Person{{Name: "baker", Role: kitchen.RoleManager}} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireProblem(t, whoAmI(t, at(newTestServer(t, untouchedTemporal{}, change), 0), good), wire.ProblemNotSignedIn)
		})
	}
	t.Run("another role counts at once", func(t *testing.T) {
		t.Parallel()
		promoted := at(newTestServer(t, untouchedTemporal{}, func(c *Config) {
			person, _ := c.Staff.Find("baker")
			person.Role = kitchen.RoleManager
			c.Staff.People = []kitchen.Person{person}
		}), 0)
		require.Equal(t, kitchen.RoleManager, requireSession(t, whoAmI(t, promoted, good)).Role)
	})
}

// withPINOf returns the people of a staff, with one person's PIN replaced by
// that of another.
func withPINOf(all kitchen.Staff, name, other string) []kitchen.Person {
	from, _ := all.Find(other)
	var people []kitchen.Person
	for _, person := range all.People {
		if person.Name == name {
			person.PIN = from.PIN
		}
		people = append(people, person)
	}
	return people
}

func TestSignInRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, nil)
	server.sessions.Matches = func(kitchen.PINHash, string) bool { panic("nothing to compare") }
	for name, c := range map[string]struct {
		body, says string
		want       wire.ProblemType
	}{
		"name of 10,000":       {`{"name":"` + strings.Repeat("m", 10_000) + `","pin":"123456"}`, "1 to 80 characters, it has 10000", wire.ProblemInvalidSignIn},
		"no name":              {`{"pin":"123456"}`, "missing", wire.ProblemInvalidSignIn},
		"empty name":           {`{"name":"","pin":"123456"}`, "1 to 80 characters, it has 0", wire.ProblemInvalidSignIn},
		"no PIN":               {`{"name":"mia"}`, "missing", wire.ProblemInvalidSignIn},
		"PIN as a number":      {`{"name":"mia","pin":987654}`, "must be a text, not another number", wire.ProblemInvalidSignIn},
		"PIN too short":        {`{"name":"mia","pin":"98765"}`, "6 to 12 characters, it has 5", wire.ProblemInvalidSignIn},
		"PIN of 10,000 digits": {`{"name":"mia","pin":"` + strings.Repeat("9", 10_000) + `"}`, "6 to 12 characters, it has 10000", wire.ProblemInvalidSignIn},
		"PIN with letters":     {`{"name":"mia","pin":"98765a"}`, "must be 6 to 12 digits, as a text", wire.ProblemInvalidSignIn},
		"a role":               {`{"name":"mia","pin":"987654","role":"manager"}`, "unknown field", wire.ProblemInvalidSignIn},
		"two names":            {`{"name":"mia","name":"max","pin":"987654"}`, "named twice", wire.ProblemMalformedBody},
		"not JSON":             {`name=mia&pin=987654`, "not JSON", wire.ProblemMalformedBody},
		"a list":               {`[]`, "must be an object", wire.ProblemInvalidSignIn},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			recorder := do(t, server, newRequest(http.MethodPost, sessionPath, strings.NewReader(c.body), "Content-Type", "application/json"))
			problem := requireProblem(t, recorder, c.want)
			require.Contains(t, problem.Detail, c.says)
			require.NotContains(t, recorder.Body.String(), "98765", "a PIN is not repeated")
			require.Empty(t, recorder.Header().Get("Set-Cookie"))
		})
	}
}

func TestAnswersDoNotTellAWrongPINFromAnUnknownName(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, nil)
	var compared []kitchen.PINHash
	server.sessions.Matches = func(hash kitchen.PINHash, _ string) bool {
		compared = append(compared, hash)
		return false
	}
	var answers []string
	for i, name := range []string{"manager", "nobody"} {
		for range staff.NameBurst + 1 {
			recorder := signIn(t, server, name, goodPIN, requestIDHeader, "same", "X-Forwarded-For", strconv.Itoa(i))
			answers = append(answers, strconv.Itoa(recorder.Code)+recorder.Body.String())
		}
	}
	require.Equal(t, answers[:staff.NameBurst+1], answers[staff.NameBurst+1:])
	require.Len(t, compared, 2*staff.NameBurst, "the same work for both")
	costs := func(hash kitchen.PINHash) string { return strings.Join(strings.Split(hash.String(), "$")[:4], "$") }
	require.Equal(t, costs(compared[0]), costs(compared[staff.NameBurst]))
}

func TestAMatchingPINDoesNotSignAStrangerIn(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, nil)
	matchGoodPIN(server)
	requireProblem(t, signIn(t, server, "nobody", goodPIN), wire.ProblemWrongNameOrPIN)
}

func TestWrongPINsAreLimited(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)
	type clocked struct {
		*Server
		now time.Time
	}
	open := func(t *testing.T) *clocked {
		c := &clocked{Server: newTestServer(t, untouchedTemporal{}, func(c *Config) {
			c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} // where httptest's requests come from
		}), now: start}
		c.sessions.Now = func() time.Time { return c.now }
		matchGoodPIN(c.Server)
		return c
	}
	t.Run("under one name, from wherever", func(t *testing.T) {
		t.Parallel()
		c := open(t)
		for i := range staff.NameBurst {
			requireProblem(t, signIn(t, c.Server, "baker", "000000", "X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i)), wire.ProblemWrongNameOrPIN)
		}
		recorder := signIn(t, c.Server, "baker", goodPIN, "X-Forwarded-For", "203.0.113.9")
		problem := requireProblem(t, recorder, wire.ProblemTooManyAttempts)
		require.Equal(t, "180", recorder.Header().Get("Retry-After"))
		require.Contains(t, problem.Detail, "under this name: try again in 180 seconds")
		requireSession(t, signIn(t, c.Server, "mixer", goodPIN, "X-Forwarded-For", "203.0.113.9"))

		c.now = start.Add(staff.NameEvery - time.Second)
		recorder = signIn(t, c.Server, "baker", goodPIN)
		requireProblem(t, recorder, wire.ProblemTooManyAttempts)
		require.Equal(t, "1", recorder.Header().Get("Retry-After"))
		c.now = start.Add(staff.NameEvery)
		requireSession(t, signIn(t, c.Server, "baker", goodPIN))
		requireProblem(t, signIn(t, c.Server, "baker", "000000"), wire.ProblemWrongNameOrPIN)
		requireProblem(t, signIn(t, c.Server, "baker", "000000"), wire.ProblemTooManyAttempts)
	})
	t.Run("whoever guesses gains nothing by sign-ins of the person", func(t *testing.T) {
		t.Parallel()
		c := open(t)
		for range staff.NameBurst - 1 {
			requireProblem(t, signIn(t, c.Server, "baker", "000000"), wire.ProblemWrongNameOrPIN)
			requireSession(t, signIn(t, c.Server, "baker", goodPIN))
		}
		requireProblem(t, signIn(t, c.Server, "baker", "000000"), wire.ProblemWrongNameOrPIN)
		requireProblem(t, signIn(t, c.Server, "baker", "000000"), wire.ProblemTooManyAttempts)
	})
	t.Run("from one address, under whatever name", func(t *testing.T) {
		t.Parallel()
		c := open(t)
		for i := range staff.AddressBurst {
			requireProblem(t, signIn(t, c.Server, fmt.Sprintf("person %d", i), "000000", "X-Forwarded-For", fmt.Sprintf("2001:db8::%d", i)), wire.ProblemWrongNameOrPIN)
		}
		recorder := signIn(t, c.Server, "baker", goodPIN, "X-Forwarded-For", "2001:db8::ffff:1")
		problem := requireProblem(t, recorder, wire.ProblemTooManyAttempts)
		require.Equal(t, "30", recorder.Header().Get("Retry-After"))
		require.Contains(t, problem.Detail, "from your address")
		requireSession(t, signIn(t, c.Server, "baker", goodPIN, "X-Forwarded-For", "2001:db8:0:1::1"))
		c.now = start.Add(staff.AddressEvery)
		requireSession(t, signIn(t, c.Server, "baker", goodPIN, "X-Forwarded-For", "2001:db8::ffff:1"))
	})
	t.Run("good PINs do not count", func(t *testing.T) {
		t.Parallel()
		c := open(t)
		for range 3 * staff.AddressBurst {
			requireSession(t, signIn(t, c.Server, "baker", goodPIN))
		}
	})
	t.Run("an address that is not a trusted proxy's cannot name another", func(t *testing.T) {
		t.Parallel()
		server := newTestServer(t, untouchedTemporal{}, nil)
		matchGoodPIN(server)
		for i := range staff.AddressBurst {
			requireProblem(t, signIn(t, server, fmt.Sprintf("person %d", i), "000000", "X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i), "X-Real-IP", fmt.Sprintf("198.51.100.%d", i)), wire.ProblemWrongNameOrPIN)
		}
		requireProblem(t, signIn(t, server, "baker", goodPIN, "X-Forwarded-For", "203.0.113.9"), wire.ProblemTooManyAttempts)
	})
}

func TestTheCookieIsForHTTPSOnlyWhereTheBrowserSpeaksIt(t *testing.T) {
	t.Parallel()
	proxy := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for name, c := range map[string]struct {
		proxies []netip.Prefix
		remote  string
		proto   []string
		secure  bool
	}{
		"plain":                          {nil, "203.0.113.1:5", nil, false},
		"anybody says https":             {nil, "203.0.113.1:5", []string{"https"}, false},
		"not the proxy says https":       {proxy, "203.0.113.1:5", []string{"https"}, false},
		"the proxy says https":           {proxy, "10.1.2.3:5", []string{"https"}, true},
		"the proxy, by a mapped address": {proxy, "[::ffff:10.1.2.3]:5", []string{"https"}, true},
		"the proxy says http":            {proxy, "10.1.2.3:5", []string{"http"}, false},
		"the proxy corrects the client":  {proxy, "10.1.2.3:5", []string{"https, http"}, false},
		"the proxy appends":              {proxy, "10.1.2.3:5", []string{"http", "HTTPS"}, true},
		"the proxy says nothing":         {proxy, "10.1.2.3:5", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newTestServer(t, untouchedTemporal{}, func(config *Config) { config.TrustedProxies = c.proxies })
			matchGoodPIN(server)
			for _, request := range []*http.Request{
				newRequest(http.MethodPost, sessionPath, strings.NewReader(`{"name":"baker","pin":"`+goodPIN+`"}`), "Content-Type", "application/json"),
				newRequest(http.MethodDelete, sessionPath, nil),
			} {
				request.RemoteAddr = c.remote
				request.Header["X-Forwarded-Proto"] = c.proto
				recorder := do(t, server, request)
				cookies := recorder.Result().Cookies() //nolint:bodyclose // a recorder's
				require.NotEmpty(t, cookies, recorder.Body.String())
				for _, cookie := range cookies {
					require.Equal(t, c.secure, cookie.Secure, cookie.Name)
				}
			}
		})
	}
}

func TestSignInsAreLoggedWithoutPINsAndStrangers(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	server := newTestServer(t, unreachableTemporal{}, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	matchGoodPIN(server)
	requireSession(t, signIn(t, server, "manager", goodPIN, requestIDHeader, "first"))
	requireProblem(t, signIn(t, server, "manager", "987654", requestIDHeader, "second"), wire.ProblemWrongNameOrPIN)
	requireProblem(t, signIn(t, server, "987654", "987654", requestIDHeader, "third"), wire.ProblemWrongNameOrPIN)
	text := log.String()
	require.Contains(t, text, `msg="signed in" name=manager role=manager request_id=first`)
	require.Contains(t, text, `msg="a sign-in was refused" problem=/problems/wrong-name-or-pin request_id=second name=manager`)
	require.Contains(t, text, `problem=/problems/wrong-name-or-pin request_id=third`)
	require.NotContains(t, text, "987654")
	require.NotContains(t, text, goodPIN)
	metrics := scrape(t, server)
	require.Contains(t, metrics, `cupcakery_sign_ins_total{outcome="signed-in"} 1`)
	require.Contains(t, metrics, `cupcakery_sign_ins_total{outcome="wrong"} 2`)
	require.Contains(t, metrics, `cupcakery_sign_ins_total{outcome="refused"} 0`)
}

func TestDemoStaffAreListedIfThereAreAny(t *testing.T) {
	t.Parallel()
	requireProblem(t, do(t, newTestServer(t, untouchedTemporal{}, nil), newRequest(http.MethodGet, sessionPath+"/demo", nil)), wire.ProblemNotFound)
	server := newTestServer(t, untouchedTemporal{}, func(c *Config) {
		c.Demo = []wire.DemoPerson{{Name: "manager", Role: kitchen.RoleManager, Pin: goodPIN}}
	})
	recorder := do(t, server, newRequest(http.MethodGet, sessionPath+"/demo", nil))
	require.Equal(t, http.StatusOK, recorder.Code)
	require.JSONEq(t, `{"staff":[{"name":"manager","role":"manager","pin":"123456"}]}`, recorder.Body.String())

	_, err := New(Config{Temporal: untouchedTemporal{}, Secret: testSecret, Demo: []wire.DemoPerson{{Name: "ghost"}}})
	require.ErrorContains(t, err, `"ghost" of the demo is not on the staff`)
}
