package kitchen

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const flagOrder = "0199c0de-7a11-7000-8000-00000000cafe"

func TestTheKeyOfAFlagTellsWhatItStandsAt(t *testing.T) {
	t.Parallel()
	for _, at := range []FlagAt{
		{FlagCollected, flagOrder}, {FlagPaused, "bake"}, {FlagPaused, "glaze"}, {FlagRush, flagOrder},
		{FlagErased, OrderKey(flagOrder)},
		{FlagSession, "Zm9v_-"}, {FlagSessions, "Ann / Bob"}, {FlagSoldOut, "red-velvet"},
	} {
		read, err := ParseFlagAt(at.String())
		require.NoError(t, err)
		assert.Equal(t, at, read)
	}
	for key, says := range map[string]string{
		"rush/" + strings.ToUpper(flagOrder): "id", "collected/": "id", "erased/" + flagOrder: "not the key", "erased/": "not the key", "paused": "1 to 64", "sold-out/" + strings.Repeat("x", 65): "1 to 64",
		"sessions/\xff": "1 to 80",
	} {
		_, err := ParseFlagAt(key)
		require.ErrorContains(t, err, says, key)
		assert.NotErrorIs(t, err, ErrUnknownFlag, key)
	}
	for _, key := range []string{"", "rush-hour/" + flagOrder, "bake"} {
		_, err := ParseFlagAt(key)
		assert.ErrorIs(t, err, ErrUnknownFlag, key)
	}
}

func TestAFlagIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	flag := Flag{FlagAt: FlagAt{FlagSoldOut, "lemon"}, By: "Ann", At: at, Until: new(at.Add(time.Hour)), Reason: "no lemons"}
	data, err := json.Marshal(flag)
	require.NoError(t, err)
	read, err := ParseFlag(flag.FlagAt, data)
	require.NoError(t, err)
	assert.Equal(t, flag, read)
	assert.False(t, read.IsOver(at))
	assert.True(t, read.IsOver(at.Add(time.Hour)))
	assert.False(t, Flag{}.IsOver(at), "a flag without an end stands until it is taken back")

	read, err = ParseFlag(flag.FlagAt, []byte(`{"by":"Ann","at":"2026-01-31T13:00:00+01:00","later":7}`))
	require.NoError(t, err, "fields of another build do not matter")
	assert.Equal(t, at, read.At)
	for value, says := range map[string]string{
		`[]`: "not a JSON object", `{"at":"2026-01-31T12:00:00Z"}`: "by: must have 1 to 80", `{"by":"Ann"}`: "at: give the time",
		`{"by":"Ann","at":"2026-01-31T12:00:00Z","until":"0001-01-01T00:00:00Z"}`:                          "until: give the time",
		`{"by":"Ann","at":"2026-01-31T12:00:00Z","reason":"` + strings.Repeat("x", MaxFlagReason+1) + `"}`: "reason: must have at most",
		`{"by":"` + strings.Repeat("x", MaxByLength+1) + `","at":"2026-01-31T12:00:00Z"}`:                  "by: must have 1 to 80",
	} {
		_, err := ParseFlag(flag.FlagAt, []byte(value))
		assert.ErrorContains(t, err, says, value)
	}
}
