package main

import (
	"bytes"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
)

func TestTheLineOfAPINIsGoodForTheStaffFile(t *testing.T) {
	t.Parallel()
	c := invoke(t, "314159\r\n", "staff", "hash")
	require.Equal(t, 0, c.code, c.stderr)
	require.NotContains(t, c.stdout+c.stderr, "314159")
	file := filepath.Join(t.TempDir(), "staff.yaml")
	require.NoError(t, os.WriteFile(file, []byte("staff:\n  - name: Max\n    role: manager\n"+c.stdout), 0o600))
	staff, err := kitchen.LoadStaff(file)
	require.NoError(t, err)
	max, found := staff.Find("Max")
	require.True(t, found)
	require.True(t, max.PIN.Matches("314159"))

	c = invoke(t, "", "staff", "check", file)
	require.Equal(t, 0, c.code, c.stderr)
	require.Equal(t, file+": no faults: 1 person, 1 manager\n", c.stdout)
}

func TestWhatIsNoPINIsNotHashed(t *testing.T) {
	t.Parallel()
	for _, stdin := range []string{"", "\n", "98765\n", "98765a\n", strings.Repeat("9", 10_000)} {
		c := invoke(t, stdin, "staff", "hash")
		require.Equal(t, exitRefused, c.code)
		require.Empty(t, c.stdout)
		require.Equal(t, "cupcakery: a PIN has 6 to 12 digits and nothing else\n", c.stderr)
	}
}

func TestStaffCheckReportsEveryFault(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "staff.yaml")
	require.NoError(t, os.WriteFile(file, []byte("staff:\n  - {name: mia, role: mixr, pin: 987654}\n"), 0o600))
	c := invoke(t, "", "staff", "check", file)
	require.Equal(t, exitRefused, c.code)
	require.Contains(t, c.stdout, file+":2:23: staff[0].role: ")
	require.Contains(t, c.stdout, "staff[0].pin: is a number: keep the hash of the PIN only")
	require.Contains(t, c.stderr, "2 faults")
	require.NotContains(t, c.stdout+c.stderr, "987654")

	c = invoke(t, "", "staff", "check", file+".none")
	require.Equal(t, exitFailed, c.code)
	require.Contains(t, c.stderr, "read the staff file")
}

// Whoever copies the demo's staff into a file of their own is told, whatever
// they call the people.
func TestTheDemosPINsAreForTheDemo(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "staff.yaml")
	require.NoError(t, os.WriteFile(file, bytes.ReplaceAll(demoStaffFile, []byte("name: max"), []byte("name: Boss")), 0o600))
	for _, test := range []struct {
		args []string
		code int
	}{
		{[]string{"staff", "check", file}, exitRefused},
		{[]string{"api", "--secret-file", secretFile(t, "0123456789abcdef"), "--staff", file}, exitUsage},
	} {
		c := invoke(t, "", test.args...)
		require.Equal(t, test.code, c.code, c.stderr)
		require.Contains(t, c.stderr, `the PIN of "Boss" is that of the demo's staff, which everybody knows: make another one with "cupcakery staff hash"`)
		require.Equal(t, len(kitchen.DemoStaff()), strings.Count(c.stderr, "which everybody knows"))
	}
}

func TestTheDemoStaffHaveEveryRoleAndTheirPINs(t *testing.T) {
	t.Parallel()
	staff, demo, err := demoStaff()
	require.NoError(t, err)
	require.Len(t, demo, len(staff.People))
	var roles []kitchen.Role
	for i, person := range staff.People {
		require.True(t, person.PIN.Matches(demo[i].Pin), person.Name)
		roles = append(roles, person.Role)
	}
	require.Equal(t, kitchen.Roles(), roles)
	require.Regexp(t, "^mia 111111 \\(mixer\\), .*dora 333333 \\(decorator\\), .*pat 444444 \\(packager\\), max 555555 \\(manager\\)$", describeStaff(demo))
}

func TestTrustedProxiesAreNetworksOrAddresses(t *testing.T) {
	t.Parallel()
	settings := staffSettings{proxies: []string{"10.1.2.3/8", " 192.0.2.1", "2001:db8::/32"}}
	networks, err := settings.trusted()
	require.NoError(t, err)
	require.Equal(t, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("2001:db8::/32")}, networks)
}

// problemOf is a problem of a type, as the API answers.
func problemOf(code int, problemType, title string) http.HandlerFunc {
	return answerJSON(code, map[string]any{"type": "/problems/" + problemType, "title": title, "status": code, "detail": "why", "requestId": "r-1"})
}

func answerSession(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: "cupcakery_device", Value: "known"})
	http.SetCookie(w, &http.Cookie{Name: "cupcakery_session", Value: "signed", Secure: true})
	answerJSON(http.StatusOK, map[string]any{"name": "Max", "role": "manager", "expiresAt": "2026-01-31T20:00:00Z"})(w, r)
}

func TestStaffSignInFromTheCommandLine(t *testing.T) {
	signedOut := problemOf(http.StatusUnauthorized, "not-signed-in", "Nobody is signed in")
	orders := answerJSON(http.StatusOK, map[string]any{"orders": []any{}})
	noDemo := problemOf(http.StatusNotFound, "not-found", "There is nothing here")
	decided := answerJSON(http.StatusOK, aStatus())

	t.Run("as whom --as names, with the PIN from the environment", func(t *testing.T) {
		t.Setenv(pinVariable, "314159")
		fake := newFakeAPI(t, signedOut, answerSession, decided)
		c := invoke(t, "", "order", "resolve", anOrderID, "retry", "--as", "Max", "--api", fake.URL)
		require.Equal(t, 0, c.code, c.stderr)
		require.Len(t, fake.requests, 3)
		require.Equal(t, "POST /api/v1/session", fake.requests[1].Method+" "+fake.requests[1].URL.Path)
		require.JSONEq(t, `{"name":"Max","pin":"314159"}`, fake.bodies[1])
		require.Equal(t, "cupcakery_session=signed", fake.requests[2].Header.Get("Cookie"))
		require.Equal(t, fake.bodies[0], fake.bodies[2], "the same request once more")
		require.Equal(t, fake.requests[0].Header.Get("Idempotency-Key"), fake.requests[2].Header.Get("Idempotency-Key"))
		require.NotContains(t, c.stdout+c.stderr, "314159")
	})
	t.Run("as whom the environment names", func(t *testing.T) {
		t.Setenv(nameVariable, "Max")
		t.Setenv(pinVariable, "314159")
		fake := newFakeAPI(t, signedOut, answerSession, orders)
		c := invoke(t, "", "order", "list", "--api", fake.URL, "-o", "json")
		require.Equal(t, 0, c.code, c.stderr)
		require.JSONEq(t, `{"name":"Max","pin":"314159"}`, fake.bodies[1])
	})
	t.Run("a wrong PIN is the answer", func(t *testing.T) {
		t.Setenv(pinVariable, "314159")
		fake := newFakeAPI(t, signedOut, problemOf(http.StatusUnauthorized, "wrong-name-or-pin", "The name or the PIN is wrong"))
		c := invoke(t, "", "order", "list", "--as", "Max", "--api", fake.URL)
		require.Equal(t, exitRefused, c.code)
		require.Equal(t, "cupcakery: The name or the PIN is wrong: why\n", c.stderr)
		require.Len(t, fake.requests, 2)
	})
	t.Run("too many attempts are the answer", func(t *testing.T) {
		t.Setenv(pinVariable, "314159")
		fake := newFakeAPI(t, signedOut, problemOf(http.StatusTooManyRequests, "too-many-attempts", "Too many attempts to sign in"))
		c := invoke(t, "", "order", "resolve", anOrderID, "retry", "--as", "Max", "--api", fake.URL)
		require.Equal(t, exitUnavailable, c.code)
		require.Contains(t, c.stderr, "Too many attempts")
	})
	t.Run("as the demo's manager where there is a demo", func(t *testing.T) {
		demo := answerJSON(http.StatusOK, map[string]any{"staff": []any{
			map[string]any{"name": "mia", "role": "mixer", "pin": "111111"}, map[string]any{"name": "max", "role": "manager", "pin": "555555"}}})
		fake := newFakeAPI(t, signedOut, demo, answerSession, orders)
		c := invoke(t, "", "order", "list", "--api", fake.URL, "-o", "json")
		require.Equal(t, 0, c.code, c.stderr)
		require.Empty(t, c.stderr)
		require.Equal(t, "/api/v1/session/demo", fake.requests[1].URL.Path)
		require.JSONEq(t, `{"name":"max","pin":"555555"}`, fake.bodies[2])
		require.Equal(t, "cupcakery_session=signed", fake.requests[3].Header.Get("Cookie"))
	})
	t.Run("nobody to sign in as, and what to do", func(t *testing.T) {
		fake := newFakeAPI(t, signedOut, noDemo)
		c := invoke(t, "", "order", "list", "--api", fake.URL)
		require.Equal(t, exitRefused, c.code)
		require.Contains(t, c.stderr, "Nobody is signed in: why\nHere: give --as NAME (or $CUPCAKERY_AS); the PIN comes from $CUPCAKERY_PIN or a prompt.")
		require.Len(t, fake.requests, 2)
	})
	t.Run("a server without staff says so itself", func(t *testing.T) {
		fake := newFakeAPI(t, problemOf(http.StatusForbidden, "no-staff", "The server has no staff"))
		c := invoke(t, "", "order", "list", "--api", fake.URL)
		require.Equal(t, exitRefused, c.code)
		require.Contains(t, c.stderr, "The server has no staff")
		require.Len(t, fake.requests, 1)
	})
	t.Run("without a PIN and a terminal nothing is sent", func(t *testing.T) {
		fake := newFakeAPI(t, hangUp)
		c := invoke(t, "314159\n", "order", "list", "--as", "Max", "--api", fake.URL)
		require.Equal(t, exitUsage, c.code)
		require.Contains(t, c.stderr, `the PIN of "Max" is missing: set $CUPCAKERY_PIN, or run this on a terminal`)
		require.Empty(t, fake.requests)
	})
	t.Run("what cannot be a PIN is not sent", func(t *testing.T) {
		t.Setenv(pinVariable, "98765")
		fake := newFakeAPI(t, hangUp)
		c := invoke(t, "", "order", "list", "--as", "Max", "--api", fake.URL)
		require.Equal(t, exitUsage, c.code)
		require.NotContains(t, c.stderr, "98765")
		require.Empty(t, fake.requests)
	})
}
