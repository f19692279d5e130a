package staff

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
)

func TestASessionThatHasEndedIsNoneAnyMore(t *testing.T) {
	t.Parallel()
	sessions := newTestSessions(t)
	one, token := sessions.Begin(person(t, kitchen.RoleBaker))
	_, other := sessions.Begin(person(t, kitchen.RoleBaker))
	sessions.End(one.Mark(), one.ExpiresAt)
	_, valid := sessions.Read(token)
	require.False(t, valid)
	_, valid = sessions.Read(other)
	require.True(t, valid, "the person has signed in elsewhere too")
	require.NotContains(t, token, one.Mark(), "who reads the log cannot forge a token from it")

	now := one.ExpiresAt
	sessions.Now = func() time.Time { return now }
	sessions.End("another", now.Add(time.Hour))
	require.Len(t, sessions.ended.marks, 1, "what has ended by itself is forgotten")
	sessions.End("late", now)
	require.Len(t, sessions.ended.marks, 1)
}

func TestAllSessionsOfAPersonEndButThoseThatBeginAfter(t *testing.T) {
	t.Parallel()
	sessions, elsewhere := newTestSessions(t), newTestSessions(t)
	baker, mixer := person(t, kitchen.RoleBaker), person(t, kitchen.RoleMixer)
	_, before := sessions.Begin(baker)
	_, mixers := sessions.Begin(mixer)
	at := time.Now().Add(-time.Hour) // of whichever process, by whichever clock
	sessions.EndAll(baker.Name, at)
	_, valid := sessions.Read(before)
	require.False(t, valid)
	_, valid = sessions.Read(mixers)
	require.True(t, valid)

	_, late := elsewhere.Begin(baker) // at a process that has not heard of it yet
	_, valid = sessions.Read(late)
	require.False(t, valid)
	_, after := sessions.Begin(baker)
	_, valid = sessions.Read(after)
	require.True(t, valid)
	elsewhere.EndAll(baker.Name, at)
	_, valid = elsewhere.Read(after)
	require.True(t, valid, "also there")
	sessions.EndAll(baker.Name, at.Add(time.Millisecond))
	_, valid = sessions.Read(after)
	require.False(t, valid, "a second end in the same second ends it too")
}
