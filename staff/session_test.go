package staff

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
)

func TestOnlyTheWholeTokenIsASession(t *testing.T) {
	t.Parallel()
	sessions := newTestSessions(t)
	begun, token := sessions.Begin(person(t, kitchen.RoleBaker))
	read, valid := sessions.Read(token)
	require.True(t, valid)
	require.Equal(t, begun, read)
	for i := range token {
		_, valid := sessions.Read(token[:i])
		require.False(t, valid, "cut off at %d", i)
		changed := []byte(token)
		changed[i] ^= 1
		_, valid = sessions.Read(string(changed))
		require.False(t, valid, "changed at %d", i)
	}
}

func TestSessionsOfOneSecondAreToldApart(t *testing.T) {
	t.Parallel()
	sessions := newTestSessions(t)
	first, _ := sessions.Begin(person(t, kitchen.RoleBaker))
	second, _ := sessions.Begin(person(t, kitchen.RoleBaker))
	require.NotEqual(t, first.ID, second.ID)
}

// Only a token that we have signed is a session.
func FuzzSessionToken(f *testing.F) {
	sessions := newTestSessions(f)
	_, token := sessions.Begin(testStaff.People[0])
	f.Add(token)
	f.Add(token + "=")
	f.Add(strings.ToUpper(token))
	f.Add("e30.e30")
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(`{"name":"`+testStaff.People[0].Name+`","expires":99999999999}`)) + ".")
	f.Add(".")
	f.Fuzz(func(t *testing.T, text string) {
		session, valid := sessions.Read(text)
		require.Equal(t, text == token, valid)
		if valid {
			require.Equal(t, testStaff.People[0].Name, session.Name)
		}
	})
}
