package events

import (
	"bytes"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cupcakery/cupcakery/kitchen"
)

var flagTime = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// flagRecord is a record as a writer makes it, or what takes one back.
func flagRecord(t require.TestingT, at kitchen.FlagAt, by string) Message {
	m, err := flagMessage("/api", "1", kitchen.Flag{FlagAt: at, By: by, At: flagTime})
	if by == "" {
		m, err = takeBackMessage("/api", "1", at)
	}
	require.NoError(t, err)
	return m
}

// Of each key the last record counts, whether the log is read as it was written, with
// records twice, or after the broker has dropped what was replaced.
func TestFlagsAreWhatTheLastRecordOfEachKeySays(t *testing.T) {
	t.Parallel()
	places := []kitchen.FlagAt{
		{Kind: kitchen.FlagPaused, Of: "bake"}, {Kind: kitchen.FlagSoldOut, Of: "lemon"}, {Kind: kitchen.FlagSessions, Of: "Ann"},
		{Kind: kitchen.FlagRush, Of: testOrder}, {Kind: kitchen.FlagCollected, Of: testOrder},
	}
	rapid.Check(t, func(t *rapid.T) {
		var log []Message
		last := map[kitchen.FlagAt]string{}
		for range rapid.IntRange(0, 40).Draw(t, "records") {
			at := rapid.SampledFrom(places).Draw(t, "at")
			by := rapid.SampledFrom([]string{"", "", "Ann", "Bob", "poison"}).Draw(t, "by")
			m := flagRecord(t, at, by)
			if last[at] = by; by == "poison" {
				m.Value, last[at] = []byte("{"), ""
			}
			log = append(log, m)
			for rapid.IntRange(0, 3).Draw(t, "again") == 0 { // a writer that did not hear that it was written
				log = append(log, m)
			}
			if rapid.IntRange(0, 5).Draw(t, "foreign") == 0 {
				log = append(log, Message{Key: []byte("later/thing"), Value: []byte("{}")})
			}
		}
		for i := 0; i < len(log); i++ {
			replaced := slices.ContainsFunc(log[i+1:], func(m Message) bool { return string(m.Key) == string(log[i].Key) })
			if replaced && rapid.Bool().Draw(t, "compacted") {
				log = slices.Delete(log, i, i+1)
				i--
			}
		}
		flags, told := NewFlags(FlagsConfig{}), map[kitchen.FlagAt]string{}
		flags.config.OnRecord = func(record FlagRecord) {
			before := ""
			if record.Before != nil {
				before = record.Before.By
			}
			require.Equal(t, told[record.FlagAt], before, "each record tells what it changes")
			if told[record.FlagAt] = ""; record.Now != nil {
				told[record.FlagAt] = record.Now.By
			}
		}
		for _, m := range log {
			flags.Add(m)
		}
		for _, at := range places {
			flag, up := flags.Get(at.Kind, at.Of)
			require.Equal(t, last[at] != "", up, at.String())
			require.Equal(t, last[at], flag.By, at.String())
			require.Equal(t, last[at], told[at], at.String())
		}
	})
}

func TestWhatIsNoFlagIsKeptAsPoisonUntilItIsCleared(t *testing.T) {
	t.Parallel()
	flags := NewFlags(FlagsConfig{})
	at := kitchen.FlagAt{Kind: kitchen.FlagPaused, Of: "bake"}
	elsewhere := flagRecord(t, at, "Ann")
	elsewhere.Partition = 3
	for _, m := range []Message{
		{Key: []byte("paused/bake"), Value: []byte("{")}, {Key: []byte("rush/7"), Value: []byte("{}")}, elsewhere,
		{Key: []byte("new-kind/x"), Value: []byte("{")}, flagRecord(t, kitchen.FlagAt{Kind: kitchen.FlagSoldOut, Of: "lemon"}, "Ann"),
	} {
		flags.Add(m)
	}
	var reasons []string
	for _, poison := range flags.Poison() {
		reasons = append(reasons, poison.Error())
	}
	slices.Sort(reasons)
	require.Len(t, reasons, 3, "not what is good, and not what another build may understand")
	assert.Contains(t, reasons[0], "not a JSON object")
	assert.Contains(t, reasons[1], "partition 3: flags are written to partition 0")
	assert.Contains(t, reasons[2], `what the key "rush/7" names`)
	assert.Empty(t, flags.All(kitchen.FlagPaused))

	for _, poison := range flags.Poison() {
		flags.Add(Message{Partition: poison.Message.Partition, Key: poison.Message.Key})
	}
	assert.Empty(t, flags.Poison())
	require.Len(t, flags.All(kitchen.FlagSoldOut), 1)
}

// A worker asks before each ticket, also long after its patience has ended.
func TestWhatWasReadIsNotAwaited(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	flags := NewFlags(FlagsConfig{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	close(flags.read)
	for range 100 {
		flags.AwaitRead(t.Context(), -time.Second)
	}
	require.Empty(t, log.String())
}
