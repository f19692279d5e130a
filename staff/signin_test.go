package staff

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
)

func TestManyAttemptsAtOnceAreNotMoreThanTheLimit(t *testing.T) {
	t.Parallel()
	sessions := newTestSessions(t)
	var compared sync.Map
	sessions.Matches = func(_ kitchen.PINHash, pin string) bool { compared.Store(pin, true); return false }
	var signing sync.WaitGroup
	for i := range 5 * NameBurst {
		signing.Go(func() {
			_, _ = sessions.SignIn(t.Context(), Attempt{Name: "baker", PIN: fmt.Sprintf("%06d", i), Address: fmt.Sprint(i)})
		})
	}
	signing.Wait()
	count := 0
	compared.Range(func(any, any) bool { count++; return true })
	require.Equal(t, NameBurst, count)
}

func TestALimitSaysWhatItCountsAndHowLongToWait(t *testing.T) {
	t.Parallel()
	sessions := newTestSessions(t)
	attempt := func(name, address string) error {
		_, err := sessions.SignIn(t.Context(), Attempt{Name: name, PIN: "000000", Address: address})
		return err
	}
	for i := range NameBurst {
		require.ErrorIs(t, attempt("baker", strconv.Itoa(i)), ErrWrongNameOrPIN)
	}
	require.Equal(t, &LimitError{LimitName, NameEvery}, attempt("baker", "elsewhere"))
	for i := range AddressBurst {
		require.ErrorIs(t, attempt(fmt.Sprintf("person %d", i), "here"), ErrWrongNameOrPIN)
	}
	require.Equal(t, &LimitError{LimitAddress, AddressEvery}, attempt("mixer", "here"))
	require.EqualError(t, attempt("mixer", "here"), "too many wrong PINs for this address: wait 30s")
}

func TestNobodySignsInWithoutStaff(t *testing.T) {
	t.Parallel()
	sessions := newSessionsOf(t, kitchen.Staff{}, testSecret)
	require.False(t, sessions.HasStaff())
	_, err := sessions.SignIn(t.Context(), Attempt{Name: "baker", PIN: goodPIN})
	require.ErrorIs(t, err, ErrNoStaff)
}

func TestFewPINsAreHashedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sessions := newTestSessions(t)
		var mu sync.Mutex
		running, most := 0, 0
		release := make(chan struct{})
		sessions.Matches = func(kitchen.PINHash, string) bool {
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			<-release
			mu.Lock()
			running--
			mu.Unlock()
			return true
		}
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		outcomes := make(chan error, 10)
		for i := range 10 {
			go func() {
				_, err := sessions.authenticate(ctx, "stranger "+strconv.Itoa(i), goodPIN, strconv.Itoa(i), "")
				outcomes <- err
			}()
		}
		synctest.Wait()
		require.Equal(t, 1, most, "strangers have one place")
		known := make(chan error, 1)
		go func() {
			_, err := sessions.authenticate(ctx, "baker", goodPIN, "", "a known device")
			known <- err
		}()
		synctest.Wait()
		require.Equal(t, 2, most, "and never that of a device which is known")
		for range 9 { // synctest's clock moves on while all wait
			require.ErrorIs(t, <-outcomes, ErrBusy)
		}
		close(release)
		require.ErrorIs(t, <-outcomes, ErrWrongNameOrPIN)
		require.NoError(t, <-known)
		require.Equal(t, 2, most)
		require.Equal(t, 10, sessions.otherNames.Len())
		require.Empty(t, sessions.hashing)
		require.Empty(t, sessions.hashingKnown)
	})
}

func TestFloodsOfNamesAndAddressesKeepNoKnownDeviceOut(t *testing.T) {
	t.Parallel()
	sessions := newTestSessions(t)
	desk := signInOn(t, sessions, kitchen.RoleManager, "")
	_, err := sessions.SignIn(t.Context(), Attempt{Name: "manager", PIN: "000000", Devices: []string{desk}})
	require.ErrorIs(t, err, ErrWrongNameOrPIN)
	for i := range maxKeys + 500 {
		_, _ = sessions.authenticate(t.Context(), fmt.Sprintf("person %d", i), "000000", fmt.Sprintf("address %d", i), "")
	}
	require.Equal(t, 1, sessions.devices.Len())
	require.LessOrEqual(t, sessions.addresses.Len()+sessions.otherNames.Len(), 2*maxKeys)
	signInOn(t, sessions, kitchen.RoleManager, desk)
}

// signInOn signs somebody in on a device and returns what the device keeps of
// that, beside what it had.
func signInOn(t testing.TB, sessions *Sessions, role kitchen.Role, had string) string {
	t.Helper()
	signedIn, err := sessions.SignIn(t.Context(), Attempt{Name: string(role), PIN: goodPIN, Address: "198.51.100.1", Devices: []string{had}})
	require.NoError(t, err)
	require.Equal(t, role, signedIn.Session.Role)
	require.WithinDuration(t, sessions.Now().Add(SessionLifetime), signedIn.Session.ExpiresAt, time.Second)
	return signedIn.Devices
}
