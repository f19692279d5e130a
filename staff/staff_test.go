package staff

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
)

const goodPIN = "123456"

var (
	testSecret = []byte("a secret that only tests know")
	// testStaff has one person for each role, with the role as name. Nobody knows
	// their PINs: tests replace the comparison.
	testStaff = func() kitchen.Staff {
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
)

// newTestSessions are sessions of testStaff at a fixed time, where goodPIN
// matches everybody's hash without the work.
func newTestSessions(t testing.TB) *Sessions {
	t.Helper()
	return newSessionsOf(t, testStaff, testSecret)
}

func newSessionsOf(t testing.TB, all kitchen.Staff, secret []byte) *Sessions {
	t.Helper()
	sessions, err := New(all, secret)
	require.NoError(t, err)
	sessions.Now = func() time.Time { return time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC) }
	sessions.Matches = func(_ kitchen.PINHash, pin string) bool { return pin == goodPIN }
	return sessions
}

func person(t testing.TB, role kitchen.Role) kitchen.Person {
	t.Helper()
	found, is := testStaff.Find(string(role))
	require.True(t, is)
	return found
}
