package api

import (
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func TestABoardTellsHowManyTicketsGoTogether(t *testing.T) {
	t.Parallel()
	b := openBakery(t, startBrokers(t), untouchedTemporal{}, nil)
	for _, stage := range kitchen.Stages() {
		require.Equal(t, stage.Info().Batch, b.board(stage).Rules.Batch, stage)
	}
	require.NotZero(t, b.board(kitchen.Bake).Rules.Batch)
	require.NotContains(t, asJSON(t, b.board(kitchen.Package).Rules), "batch")
}

// A batch is an ack for each of its tickets, so what one of them meets is no
// matter of the others.
func TestTwoPeopleWhoBeginTheSameBatchShareItsTickets(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	b := openBakery(t, kafka, untouchedTemporal{}, nil)
	writer := kafka.writer()
	tickets := make([]kitchen.Ticket, 6)
	for i := range tickets {
		tickets[i] = newTicket(t, kitchen.Bake)
		b.onBoard(writer, tickets[i])
	}
	people := []string{"bob", "eve"}
	started := make([]map[string]int, len(tickets))
	var requests sync.WaitGroup
	var mu sync.Mutex
	for i, ticket := range tickets {
		started[i] = map[string]int{}
		for _, person := range people {
			requests.Go(func() {
				answer := b.ack(person, ticket, `{"kind":"started"}`)
				mu.Lock()
				defer mu.Unlock()
				started[i][person] = answer.Code
			})
		}
	}
	requests.Wait()

	for i, ticket := range tickets {
		owner, other := people[0], people[1]
		if started[i][owner] != http.StatusOK {
			owner, other = other, owner
		}
		require.Equal(t, map[string]int{owner: http.StatusOK, other: http.StatusConflict}, started[i], "exactly one has it")
		// Begun again, finished, and finished again: the same for the same person.
		require.Equal(t, owner, b.acked(owner, ticket, `{"kind":"started"}`).By)
		require.Equal(t, owner, requireProblem(t, b.ack(other, ticket, `{"kind":"done"}`), wire.ProblemTicketTaken).By)
		first := b.acked(owner, ticket, `{"kind":"done"}`)
		require.Equal(t, kitchen.TicketDone, first.State)
		require.Equal(t, first, b.acked(owner, ticket, `{"kind":"done"}`))
	}
	require.Empty(t, b.board(kitchen.Bake).Tickets)
}
