package events

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Reading and publishing share one outage, however many publishes fail.
func TestAnOutageIsLoggedOnceByReadingAndPublishing(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	consumer := &Consumer{outage: newOutage(slog.New(slog.NewTextHandler(&log, nil)))}
	watch := consumer.WatchPublishes()
	watch.Heard(TopicShip, nil)
	watch.Heard(TopicShip, context.Canceled) // the process stops
	require.Empty(t, log.String())

	for range 50 {
		watch.Heard(TopicShip, &UnavailableError{Err: errors.New("connection refused")})
	}
	consumer.outage.failed("group", errors.New("connection refused"))
	watch.Heard(TopicShip, nil)
	require.Equal(t, 1, strings.Count(log.String(), "\n"), log.String())
	require.Contains(t, log.String(), "level=WARN msg=\"Kafka does not answer as it should")

	consumer.outage.recovered("group")
	require.Equal(t, 2, strings.Count(log.String(), "\n"), log.String())
	require.Contains(t, log.String(), "level=INFO msg=\"Kafka answers again\"")

	watch.Heard(TopicShip, errors.New(`topic "orders-to-mix" does not exist`))
	require.Contains(t, log.String(), "orders-to-mix", "what only publishing meets is logged too")
	watch.Heard(TopicShip, nil)
	require.Equal(t, 4, strings.Count(log.String(), "\n"), log.String())

	// One topic that is away among others that are well is one outage.
	for range 50 {
		watch.Heard(TopicFailures, errors.New("not enough replicas are in sync"))
		watch.Heard(TopicShip, nil)
	}
	watch.Heard(TopicFailures, nil)
	require.Equal(t, 6, strings.Count(log.String(), "\n"), log.String())
}

// Whoever hears of a failure may look at the outage, and at what it guards itself:
// no lock of the outage is held then, whatever else its functions come to defer.
func TestWhoHearsOfAFailureMayAskTheOutage(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	o := newOutage(slog.New(slog.NewTextHandler(&log, nil)))
	var heard []any
	o.onFailed = func(part any) {
		heard = append(heard, part)
		require.Contains(t, log.String(), "does not answer", "it was logged before")
		o.recovered(part)
	}
	o.failed("topics", errors.New("connection refused"))
	o.failed("topics", errors.New("connection refused"))
	require.Equal(t, []any{"topics", "topics"}, heard, "it had recovered in between")
	require.Equal(t, 2, strings.Count(log.String(), "answers again"), log.String())
}
