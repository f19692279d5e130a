package api

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/staff"
	"github.com/cupcakery/cupcakery/wire"
)

// deviceShop is a server behind a proxy, with a clock of its own.
type deviceShop struct {
	*testing.T
	*Server
	now time.Time
}

func openDeviceShop(t *testing.T) *deviceShop {
	shop := &deviceShop{T: t, now: time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC)}
	shop.Server = newTestServer(t, untouchedTemporal{}, func(c *Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} // where httptest's requests come from
	})
	shop.sessions.Now = func() time.Time { return shop.now }
	matchGoodPIN(shop.Server)
	return shop
}

// device signs somebody in from an address and returns the device cookie, which
// also has what the browser had before.
func (s *deviceShop) device(name, address, had string) string {
	s.Helper()
	recorder := signIn(s.T, s.Server, name, goodPIN, "X-Forwarded-For", address, "Cookie", deviceCookie+"="+had)
	requireSession(s.T, recorder)
	return requireCookie(s.T, recorder, deviceCookie).Value
}

// attempt signs in and returns the type of the problem, or "".
func (s *deviceShop) attempt(name, pin, address, device string) wire.ProblemType {
	s.Helper()
	headers := []string{"X-Forwarded-For", address}
	if device != "" {
		headers = append(headers, "Cookie", deviceCookie+"="+device)
	}
	recorder := signIn(s.T, s.Server, name, pin, headers...)
	switch recorder.Code {
	case http.StatusOK:
		return ""
	case http.StatusTooManyRequests:
		return wire.ProblemTooManyAttempts
	default:
		requireProblem(s.T, recorder, wire.ProblemWrongNameOrPIN)
		return wire.ProblemWrongNameOrPIN
	}
}

func TestStrangersCannotKeepAKnownDeviceOut(t *testing.T) {
	t.Parallel()
	t.Run("ByWrongPINsForTheName", func(t *testing.T) {
		t.Parallel()
		s := openDeviceShop(t)
		desk := s.device("manager", "198.51.100.1", "")
		for i := range 3 * staff.NameBurst {
			s.attempt("manager", "000000", fmt.Sprintf("203.0.113.%d", i), "")
		}
		require.Equal(t, wire.ProblemTooManyAttempts, s.attempt("manager", goodPIN, "203.0.113.99", ""), "a strange device has to wait")
		require.Empty(t, s.attempt("manager", goodPIN, "198.51.100.1", desk))
	})
	t.Run("ByWrongNamesFromTheSameAddress", func(t *testing.T) {
		t.Parallel()
		s := openDeviceShop(t)
		desk := s.device("manager", "198.51.100.1", "")
		for i := range 3 * staff.AddressBurst {
			s.attempt(fmt.Sprintf("person %d", i), "000000", "198.51.100.1", "")
		}
		require.Equal(t, wire.ProblemTooManyAttempts, s.attempt("baker", goodPIN, "198.51.100.1", ""), "a strange device has to wait")
		require.Empty(t, s.attempt("manager", goodPIN, "198.51.100.1", desk))
	})
}

func TestAKnownDeviceIsLimitedAsWell(t *testing.T) {
	t.Parallel()
	s := openDeviceShop(t)
	desk, phone := s.device("manager", "198.51.100.1", ""), s.device("manager", "198.51.100.2", "")
	compared := 0
	s.sessions.Matches = func(_ kitchen.PINHash, pin string) bool { compared++; return pin == goodPIN }
	for i := range staff.NameBurst {
		require.Equal(t, wire.ProblemWrongNameOrPIN, s.attempt("manager", "000000", fmt.Sprintf("203.0.113.%d", i), desk))
	}
	recorder := signIn(t, s.Server, "manager", goodPIN, "X-Forwarded-For", "203.0.113.99", "Cookie", deviceCookie+"="+desk)
	require.Contains(t, requireProblem(t, recorder, wire.ProblemTooManyAttempts).Detail, "on this device: try again in 180 seconds")
	require.Equal(t, "180", recorder.Header().Get("Retry-After"))
	require.Equal(t, staff.NameBurst, compared, "what a limit refuses costs nothing")
	require.Empty(t, s.attempt("manager", goodPIN, "198.51.100.2", phone), "another device of the person")
	require.Empty(t, s.attempt("manager", goodPIN, "203.0.113.99", ""), "wrong PINs on a known device are not the name's")

	renewed := s.device("baker", "198.51.100.1", desk) // somebody else at the desk
	require.Equal(t, wire.ProblemTooManyAttempts, s.attempt("manager", goodPIN, "198.51.100.1", renewed), "the desk stays the desk")
	s.now = s.now.Add(staff.NameEvery)
	renewed = s.device("manager", "198.51.100.1", renewed)
	require.Equal(t, wire.ProblemWrongNameOrPIN, s.attempt("manager", "000000", "198.51.100.1", renewed))
	require.Equal(t, wire.ProblemTooManyAttempts, s.attempt("manager", goodPIN, "198.51.100.1", desk), "a sign-in does not make it another one")
}

func TestADeviceCookieIsNoSession(t *testing.T) {
	t.Parallel()
	s := openDeviceShop(t)
	recorder := signIn(t, s.Server, "manager", goodPIN)
	device := requireCookie(t, recorder, deviceCookie)
	require.True(t, device.HttpOnly)
	require.Equal(t, http.SameSiteStrictMode, device.SameSite)
	require.Equal(t, sessionPath, device.Path, "it goes nowhere but to the sign-in")
	require.Equal(t, int(staff.DeviceLifetime.Seconds()), device.MaxAge)
	require.NotContains(t, device.Value, requireCookie(t, recorder, sessionCookie).Value)
	require.Equal(t, sessionCookie, recorder.Result().Cookies()[0].Name, "first, for clients that take one cookie") //nolint:bodyclose // a recorder's
	requireProblem(t, whoAmI(t, s.Server, device.Value), wire.ProblemNotSignedIn)
	request := newRequest(http.MethodGet, sessionPath, nil)
	request.AddCookie(device)
	requireProblem(t, do(t, s.Server, request), wire.ProblemNotSignedIn)

	out := do(t, s.Server, newRequest(http.MethodDelete, sessionPath, nil))
	require.Equal(t, http.StatusNoContent, out.Code)
	requireCookie(t, out, sessionCookie)
	require.Len(t, out.Header().Values("Set-Cookie"), 1, "whoever signs out here may sign in here again")
	require.Empty(t, signIn(t, s.Server, "manager", "000000").Header().Get("Set-Cookie"))
}
