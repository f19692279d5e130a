package api

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/floor"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/live"
	"github.com/cupcakery/cupcakery/wire"
)

func TestWhatTheFloorAndLiveConnectionsRefuseHasItsProblem(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		want   wire.ProblemType
		detail string
	}{
		"an ack breaks a rule":      {&floor.InvalidAckError{Err: errors.New("note: too long")}, wire.ProblemInvalidAck, "/note: too long"},
		"somebody has the ticket":   {&floor.TakenError{Owner: "eve"}, wire.ProblemTicketTaken, "eve has the ticket in hand."},
		"the ticket is done":        {&floor.EndedError{By: "eve", State: kitchen.TicketDone}, wire.ProblemTicketEnded, "eve was first: the ticket is done."},
		"the ticket has failed":     {&floor.EndedError{By: "eve", State: kitchen.TicketFailed}, wire.ProblemTicketEnded, "eve let the ticket fail"},
		"the ticket is withdrawn":   {&floor.EndedError{}, wire.ProblemTicketEnded, "The order was cancelled"},
		"nobody knows of the ack":   {&floor.UnconfirmedError{Err: context.DeadlineExceeded}, wire.ProblemUnavailable, "It may count all the same"},
		"no such ticket":            {floor.ErrTicketNotFound, wire.ProblemTicketNotFound, "not on this stage's board"},
		"the log is not yet read":   {floor.ErrStillReading, wire.ProblemUnavailable, "Nothing was written"},
		"no such channel":           {floor.ErrNoChannel, wire.ProblemNotFound, "There is no such channel"},
		"too many channels":         {live.ErrTooManyChannels, wire.ProblemRefused, "at most 16 channels"},
		"the process is full":       {&live.FullError{Limit: 2}, wire.ProblemUnavailable, "has its 2 live connections"},
		"an address is full":        {&live.AddressFullError{Limit: 2}, wire.ProblemTooManyConnections, "has its 2 live connections"},
		"the process stops":         {live.ErrStopping, wire.ProblemUnavailable, "about to stop"},
		"no WebSocket":              {live.ErrNotWebSocket, wire.ProblemUpgradeRequired, "ws://"},
		"a page of another site":    {live.ErrCrossSite, wire.ProblemCrossSite, "another site"},
		"nothing of either of them": {errors.New("disk on fire"), wire.ProblemInternal, "log"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problem := asProblem(fmt.Errorf("while doing: %w", c.err))
			require.Equal(t, c.want, problem.Type)
			require.Contains(t, problem.Detail, c.detail)
		})
	}
}
