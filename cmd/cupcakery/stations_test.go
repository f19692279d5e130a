package main

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func TestStationsShowTheirAlarm(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 1, 31, 12, 0, 0, 0, time.Local)
	stations := wire.Stations{At: noon, Stages: []wire.StageCounts{
		{Stage: kitchen.Mix, Waiting: 34, Oldest: noon.Add(-30 * time.Minute), UntakenSince: noon.Add(-21*time.Minute - 20*time.Second)},
		{Stage: kitchen.Bake, Waiting: 1, Started: 2, Failed: 3, Oldest: noon},
		{Stage: kitchen.Decorate},
	}}
	show := func(args ...string) said {
		fake := newFakeAPI(t, answerJSON(http.StatusOK, stations))
		c := invoke(t, "", append([]string{"stations", "--api", fake.URL}, args...)...)
		require.Equal(t, "/api/v1/stations", fake.requests[0].URL.Path)
		return c
	}
	require.Equal(t, said{stdout: `STATION   WAITING  IN HAND  FAILED  OLDEST               ALARM
mix       34       0        0       2026-01-31 11:30:00  nobody has taken anything for 21m, since 2026-01-31 11:38:40
bake      1        2        3       2026-01-31 12:00:00  -
decorate  0        0        0       -                    -
`}, show())

	c := show("-o", "json")
	require.Equal(t, 0, c.code)
	require.Empty(t, c.stderr)
	var got wire.Stations
	require.NoError(t, json.Unmarshal([]byte(c.stdout), &got))
	require.True(t, stations.Stages[0].UntakenSince.Equal(got.Stages[0].UntakenSince))

	stations.Behind = wire.Behind{Reason: wire.BehindKafka, Since: noon}
	stations.Stages[0].UntakenSince = noon.Add(-1500 * time.Millisecond)
	c = show()
	require.Contains(t, c.stdout, "nobody has taken anything for 1s, since")
	require.Equal(t, "This may be out of date since 2026-01-31 12:00:00: the API has not read the log in Kafka to its end.\n", c.stderr)
}

func TestStationsAreForStaff(t *testing.T) {
	t.Parallel()
	fake := newFakeAPI(t, answerJSON(http.StatusForbidden, map[string]any{"type": "/problems/not-allowed", "title": "This is for another role", "status": 403}))
	c := invoke(t, "", "stations", "--api", fake.URL)
	require.NotZero(t, c.code)
	require.Contains(t, c.stderr, "This is for another role")
	require.Equal(t, exitUsage, invoke(t, "", "stations", "mix").code)
	require.Equal(t, exitUsage, invoke(t, "", "stations", "-o", "yaml").code)
	require.Equal(t, exitUnavailable, invoke(t, "", "stations", "--api", "http://127.0.0.1:1").code)
}
