package staff

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
)

func TestADeviceIsKnownForWhoHasSignedInOnIt(t *testing.T) {
	t.Parallel()
	sessions := newTestSessions(t)
	known := func(sessions *Sessions, role kitchen.Role, texts ...string) bool {
		person, found := sessions.Find(string(role))
		require.True(t, found)
		return sessions.deviceID(texts, person) != ""
	}
	desk := signInOn(t, sessions, kitchen.RoleManager, "")
	require.True(t, known(sessions, kitchen.RoleManager, desk))
	require.False(t, known(sessions, kitchen.RoleBaker, desk))
	for _, text := range []string{"", "nonsense", ".", desk[1:], desk + "A", desk[:len(desk)-1], strings.Repeat("A", len(desk)), strings.ToUpper(desk)} {
		require.False(t, known(sessions, kitchen.RoleManager, text), text)
	}
	require.True(t, known(sessions, kitchen.RoleManager, "nonsense."+desk))
	require.True(t, known(sessions, kitchen.RoleManager, "nonsense", desk))

	both := signInOn(t, sessions, kitchen.RoleBaker, desk)
	require.True(t, known(sessions, kitchen.RoleManager, both))
	require.True(t, known(sessions, kitchen.RoleBaker, both))
	require.Less(t, len(both), 1024)
	many := both
	for range 3 * devicePeople {
		many = signInOn(t, sessions, kitchen.RoleMixer, many)
	}
	require.Equal(t, 3, strings.Count(many, ".")+1, "each person once")
	crowded := strings.Repeat(desk[:30]+strings.Repeat("A", len(desk)-30)+".", 20)
	require.Equal(t, devicePeople-1, strings.Count(signInOn(t, sessions, kitchen.RolePackager, crowded), "."))

	signedOut, changed := testStaff, testStaff
	signedOut.Sessions++
	changed.People = slices.Clone(testStaff.People)
	for i := range changed.People {
		if changed.People[i].Role == kitchen.RoleManager {
			changed.People[i].PIN = person(t, kitchen.RoleMixer).PIN
		}
	}
	for name, others := range map[string]*Sessions{
		"SignedWithAnotherSecret": newSessionsOf(t, testStaff, []byte("another secret of a deployment")),
		"EverybodyWasSignedOut":   newSessionsOf(t, signedOut, testSecret),
		"ThePINWasChanged":        newSessionsOf(t, changed, testSecret),
	} {
		require.False(t, known(others, kitchen.RoleManager, desk), name)
	}
	require.True(t, known(newTestSessions(t), kitchen.RoleManager, desk), "at another process of the deployment")
}

func TestADeviceIsKnownForHalfAYear(t *testing.T) {
	t.Parallel()
	sessions := newTestSessions(t)
	desk := signInOn(t, sessions, kitchen.RoleManager, "")
	now := sessions.Now().Add(DeviceLifetime - time.Second)
	sessions.Now = func() time.Time { return now }
	require.NotEmpty(t, sessions.deviceID([]string{desk}, person(t, kitchen.RoleManager)))
	renewed := signInOn(t, sessions, kitchen.RoleManager, desk)
	now = now.Add(time.Second)
	require.Empty(t, sessions.deviceID([]string{desk}, person(t, kitchen.RoleManager)))
	require.NotEmpty(t, sessions.deviceID([]string{renewed}, person(t, kitchen.RoleManager)))
}
