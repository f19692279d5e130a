package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDevShowsTraces(t *testing.T) {
	t.Parallel()
	d := newDevRun(t)
	d.start("--ephemeral", "--traces", "--demo", "--demo-every", "1s", "--demo-work-time", "20ms", "--demo-fail-rate", "0")
	require.Contains(t, d.process.Output(), d.ready.Traces)
	requireStatus(t, http.StatusOK, d.ready.Metrics)
	story := []string{"POST /api/v1/orders", "RunActivity:Mix", "send orders-to-package", "wait for package", "CompleteActivity:Package", "RunActivity:AnnounceShipped"}
	deadline := time.After(devPatience)
	for page := ""; len(story) > 0; {
		select {
		case <-deadline:
			require.FailNow(t, "the page does not have "+story[0], page)
		case <-time.After(100 * time.Millisecond): // between two questions
		}
		response, err := http.Get(d.ready.Traces)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		for page = string(body); len(story) > 0 && strings.Contains(page, story[0]); story = story[1:] {
		}
	}
	require.NoError(t, d.process.Stop(devStopsWithin))
	require.NotContains(t, d.process.Output(), "traces cannot be sent")
}

func TestOTelVariablesThatCannotBeUsedAreRefused(t *testing.T) {
	t.Setenv("OTEL_TRACES_EXPORTER", "zipkin")
	for _, args := range [][]string{{"api", "--secret-file", "none"}, {"worker"}, {"station", "mix"}} {
		t.Run(args[0], func(t *testing.T) {
			var out strings.Builder
			require.Equal(t, exitUsage, run(t.Context(), args, strings.NewReader(""), &out, &out))
			require.Contains(t, out.String(), `OTEL_TRACES_EXPORTER: "zipkin" is not built in: use otlp, or none`)
		})
	}
}
