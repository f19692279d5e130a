package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// onlySeat is the one seat of a demonstration.
type onlySeat struct{ by, kept string }

func (s *onlySeat) Take(_ kitchen.Stage, by string) Seat {
	s.by = by
	return Seat{Robot: "robot", By: s.by}
}
func (s *onlySeat) Keep(_ kitchen.Stage, by string) Seat {
	s.kept = by
	return Seat{Robot: "robot", By: s.by}
}
func (s *onlySeat) HandBack(stage kitchen.Stage) Seat { return s.Take(stage, "") }

func TestASeatIsTakenKeptAndHandedBackByWhoeverIsSignedIn(t *testing.T) {
	t.Parallel()
	seat := new(onlySeat)
	server := newTestServer(t, untouchedTemporal{}, func(c *Config) { c.Seats = seat })
	ask := func(method, says string) {
		t.Helper()
		request := newRequest(method, "/demo/seats/bake", nil)
		signInAs(server, kitchen.RoleBaker, request)
		answer := do(t, server, request)
		require.Equal(t, http.StatusOK, answer.Code, answer.Body.String())
		require.JSONEq(t, says, answer.Body.String())
	}
	ask(http.MethodPost, `{"robot":"robot"}`)
	me := seat.kept
	require.NotEmpty(t, me)
	ask(http.MethodPut, `{"robot":"robot","by":"`+me+`"}`)
	ask(http.MethodPost, `{"robot":"robot","by":"`+me+`"}`)
	ask(http.MethodDelete, `{"robot":"robot"}`)

	request := newRequest(http.MethodPut, "/demo/seats/cellar", nil)
	signInAs(server, kitchen.RoleManager, request)
	requireProblem(t, do(t, server, request), wire.ProblemNotFound)
}

func TestThereAreNoSeatsInProduction(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, nil)
	for _, method := range []string{http.MethodPut, http.MethodPost, http.MethodDelete} {
		request := newRequest(method, "/demo/seats/bake", nil)
		signInAs(server, kitchen.RoleManager, request)
		requireProblem(t, do(t, server, request), wire.ProblemNotFound)
	}
}

func TestAnotherSiteTakesNoSeat(t *testing.T) {
	t.Parallel()
	seat := new(onlySeat)
	server := newTestServer(t, untouchedTemporal{}, func(c *Config) { c.Seats = seat })
	request := newRequest(http.MethodPut, "/demo/seats/bake", nil, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example")
	signInAs(server, kitchen.RoleBaker, request)
	requireProblem(t, do(t, server, request), wire.ProblemCrossSite)
	require.Empty(t, seat.by)
}

func TestWhoeverLeavesASeatHasNothingInHandThereAnyMore(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	b := openBakery(t, kafka, untouchedTemporal{}, nil)
	first, second, eves, done, elsewhere := newTicket(t, kitchen.Bake), newTicket(t, kitchen.Bake), newTicket(t, kitchen.Bake), newTicket(t, kitchen.Bake), newTicket(t, kitchen.Mix)
	for _, ticket := range []kitchen.Ticket{first, second, eves, done, elsewhere} {
		b.onBoard(kafka.writer(), ticket)
	}
	for _, ticket := range []kitchen.Ticket{first, second, done, elsewhere} {
		b.acked("bob", ticket, `{"kind":"started"}`)
	}
	b.acked("eve", eves, `{"kind":"started"}`)
	b.acked("bob", done, `{"kind":"done"}`)

	b.server.PutBack(t.Context(), kitchen.Bake, "bob")
	hands := map[string]string{}
	for _, ticket := range b.board(kitchen.Bake).Tickets {
		hands[ticket.TicketID] = string(ticket.State) + " " + ticket.By
	}
	require.Equal(t, map[string]string{first.TicketID: "waiting ", second.TicketID: "waiting ", eves.TicketID: "started eve"}, hands)
	require.Equal(t, "bob", b.board(kitchen.Mix).Tickets[0].By, "he sits there by himself")
	require.Equal(t, "bob", b.board(kitchen.Bake).Ended[0].By)
}
