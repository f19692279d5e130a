package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/wire"
)

func TestNamesOfTheStaffAreShownOnlyWhereTheOperatorAllowsIt(t *testing.T) {
	t.Parallel()
	ask := func(allowed bool) (wire.SignInNames, string) {
		server := newTestServer(t, untouchedTemporal{}, func(c *Config) { c.Staff, c.SignInNames = testStaff, allowed })
		answer := do(t, server, newRequest(http.MethodGet, "/api/v1/session/names", nil))
		body := answer.Body.String()
		return answerOf[wire.SignInNames](t, answer, http.StatusOK), body
	}
	_, body := ask(false)
	require.JSONEq(t, `{"people":[]}`, body)

	names, body := ask(true)
	require.Len(t, names.People, len(testStaff.People))
	for i, person := range testStaff.People {
		require.Equal(t, wire.SignInName{Name: person.Name, Role: person.Role}, names.People[i])
		require.NotContains(t, body, person.PIN.String())
	}
}
