package worker

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.temporal.io/api/serviceerror"
)

func TestWhichAcksAreTriedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want outcome
	}{
		"Temporal has it": {nil, outcomeCarried},
		"its activity is over, or there never was one": {serviceerror.NewNotFound("no such activity"), outcomeStale},
		"its ticket has ended since":                   {errOver, outcomeStale},
		"its ticket was never issued":                  {errNeverIssued, outcomeRefused},
		"its ticket was never issued so often":         {errNeverSoOften, outcomeRefused},
		"its ticket is about to be issued again":       {errBetweenAttempts, outcomeWait},
		"Temporal refuses it for good":                 {serviceerror.NewInvalidArgument("too large"), outcomePoison},
		"Temporal cannot be reached":                   {serviceerror.NewUnavailable("connection refused"), outcomeRetry},
		"Temporal is too slow":                         {context.DeadlineExceeded, outcomeRetry},
		"Temporal is too busy":                         {serviceerror.NewResourceExhausted(0, "slow down"), outcomeRetry},
		"the namespace is not there yet":               {serviceerror.NewNamespaceNotFound("orders"), outcomeRetry},
		"anything else":                                {errors.New("who knows"), outcomeRetry},
	} {
		assert.Equal(t, c.want, outcomeOf(c.err), name)
		if c.err != nil {
			assert.Equal(t, c.want, outcomeOf(fmt.Errorf("wrapped: %w", c.err)), name)
		}
	}
}
