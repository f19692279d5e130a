package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/events/deadletter"
)

const goodAck = `{"ticketId":"` + anOrderID + `.bake.1","orderId":"` + anOrderID + `","stage":"bake","kind":"done","by":"bob"}`

// letterBox is a Kafka with the factory's topics and a way to make letters.
type letterBox struct {
	t          *testing.T
	connection events.Connection
	writer     *events.Writer
}

func newLetterBox(t *testing.T) *letterBox {
	t.Helper()
	kafka, err := devstack.StartKafka(t.Context(), devstack.KafkaConfig{})
	require.NoError(t, err)
	t.Cleanup(kafka.Stop)
	b := &letterBox{t: t, connection: events.Connection{Brokers: []string{kafka.Addr()}}}
	_, err = events.ApplyTopics(t.Context(), b.connection, events.TopicSettings{Partitions: 2})
	require.NoError(t, err)
	b.writer, err = events.NewWriter(b.connection)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.writer.Close()) })
	return b
}

func (b *letterBox) bury(topic, value, reason string) {
	b.t.Helper()
	original := events.Message{
		Topic: topic, Partition: 1, Offset: 42, Key: []byte(anOrderID), Value: []byte(value), Time: time.Now(),
		Headers: []events.Header{{Key: "mine", Value: []byte("kept \x1b[2J \xff")}},
	}
	require.NoError(b.t, b.writer.PublishDeadLetter(b.t.Context(), original, reason))
}

func (b *letterBox) run(stdin string, args ...string) said {
	b.t.Helper()
	return invoke(b.t, stdin, append([]string{"dead-letters", args[0], "--kafka-brokers", b.connection.Brokers[0]}, args[1:]...)...)
}

// do is run for what must succeed.
func (b *letterBox) do(args ...string) string {
	b.t.Helper()
	got := b.run("", args...)
	require.Zero(b.t, got.code, got.stderr)
	return got.stdout
}

type listedLetters struct {
	Letters []struct {
		Letter, State, Reason, Offset, By, Note string
		Redrives                                int
		Mended                                  bool
	}
}

func (b *letterBox) list(args ...string) listedLetters {
	b.t.Helper()
	var list listedLetters
	require.NoError(b.t, json.Unmarshal([]byte(b.do(append([]string{"list", "-o", "json"}, args...)...)), &list))
	return list
}

// messages are what lies in a topic.
func (b *letterBox) messages(topic string) []events.Message {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	var messages []events.Message
	require.NoError(b.t, events.Tail(ctx, events.TailConfig{
		Connection: b.connection, Topics: []string{topic}, CaughtUp: cancel, Handle: func(m events.Message) { messages = append(messages, m) },
	}))
	require.ErrorIs(b.t, ctx.Err(), context.Canceled, "the end of the topic did not come")
	return messages
}

func TestDeadLettersAreSeenMendedAndSentAgain(t *testing.T) {
	t.Parallel()
	box := newLetterBox(t)
	got := box.run("", "list")
	assert.Equal(t, said{0, "", "There is no dead letter.\n"}, got)
	assert.Equal(t, "{\n  \"letters\": []\n}\n", box.do("list", "-o", "json"))

	bad := strings.Replace(goodAck, "done", "d\x1b[31mne", 1)
	box.bury(events.TopicAcks, bad, "kind: \x1b[31m")
	list := box.list()
	require.Len(t, list.Letters, 1)
	place := list.Letters[0].Letter
	assert.Equal(t, "42", list.Letters[0].Offset)
	table := box.do("list")
	assert.Regexp(t, `(?m)^LETTER +DIED +FROM +BYTES +REDRIVEN +STATE +REASON\n`+place+` .* station-acks 1/42 +\d+ +0 +open +kind: \\u001b\[31m$`, table)

	shown := box.do("show", place)
	assert.NotContains(t, shown, "\x1b")
	for _, text := range []string{
		"station-acks, partition 1, offset 42", "cannot be redriven: who reads station-acks would not understand it", `d\u001b[31mne`, `kept \u001b[2J \xff`, anOrderID,
		fmt.Sprintf("VALUE (%d bytes)", len(bad)),
	} {
		assert.Contains(t, shown, text)
	}
	assert.Equal(t, bad, box.do("show", place, "--raw"), "every byte, and nothing else")

	got = box.run("", "redrive", place)
	assert.Equal(t, exitRefused, got.code)
	assert.Contains(t, got.stderr, "mend the value (show --raw, redrive --value) or discard the letter")
	assert.Empty(t, box.messages(events.TopicAcks))

	file := filepath.Join(t.TempDir(), "ack.json")
	require.NoError(t, os.WriteFile(file, []byte(goodAck), 0o600))
	assert.Equal(t, place+" sent to station-acks (redriven 1 time)\n", box.do("redrive", place, "--value", file, "--by", "ada", "--note", "it was cut"))
	sent := box.messages(events.TopicAcks)
	require.Len(t, sent, 1)
	assert.Equal(t, goodAck, string(sent[0].Value))
	assert.Equal(t, anOrderID, string(sent[0].Key))

	assert.Equal(t, said{0, "", "No dead letter is open; --all shows the 1 that are settled.\n"}, box.run("", "list"))
	assert.Regexp(t, `redriven \S+ by ada +kind`, box.do("list", "--all"))
	list = box.list("--all")
	assert.Equal(t, "it was cut", list.Letters[0].Note)
	assert.Equal(t, 1, list.Letters[0].Redrives)
	assert.True(t, list.Letters[0].Mended)
	shown = box.do("show", place)
	assert.Contains(t, shown, "it was cut")
	assert.Contains(t, shown, "it was sent with other bytes than these")

	got = box.run("", "redrive", place)
	assert.Equal(t, exitRefused, got.code)
	assert.Contains(t, got.stderr, "it was redriven at ")
	got = box.run(goodAck, "redrive", place, "--again", "--value", "-")
	assert.Equal(t, said{0, place + " sent to station-acks (redriven 2 times)\n", ""}, got)
}

func TestDeadLettersAsJSON(t *testing.T) {
	t.Parallel()
	box := newLetterBox(t)
	box.bury(events.TopicAcks, "\x1b\xff", "no text")
	place := box.list().Letters[0].Letter
	var shown struct {
		Letter  string
		Key     struct{ Text string }
		Value   struct{ Base64 []byte }
		Refusal string
		Headers []struct {
			Key   string
			Value struct {
				Text   string
				Base64 []byte
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(box.do("show", place, "-o", "json")), &shown))
	assert.Equal(t, place, shown.Letter)
	assert.Equal(t, anOrderID, shown.Key.Text)
	assert.Equal(t, "\x1b\xff", string(shown.Value.Base64))
	assert.Contains(t, shown.Refusal, "not UTF-8")
	assert.Equal(t, "kept \x1b[2J \xff", string(shown.Headers[0].Value.Base64))
	assert.Equal(t, "station-acks", shown.Headers[1].Value.Text)
}

func TestAllDeadLettersAtOnce(t *testing.T) {
	t.Parallel()
	box := newLetterBox(t)
	box.bury(events.TopicAcks, goodAck, "once")
	box.bury(events.TopicAcks, "junk", "never")
	box.bury(events.TopicShip, "junk", "who knows")
	got := box.run("", "redrive", "--all")
	assert.Equal(t, exitRefused, got.code)
	assert.Equal(t, 2, strings.Count(got.stdout, " sent to "))
	assert.Contains(t, got.stderr, "not a JSON object")
	list := box.list()
	require.Len(t, list.Letters, 1, "what cannot be understood stays")
	assert.Equal(t, "never", list.Letters[0].Reason)

	stays := list.Letters[0].Letter
	got = box.run("", "discard", "0/99", stays, "1/99", "--note", "junk", "--by", "ada")
	assert.Equal(t, exitNotFound, got.code)
	assert.Equal(t, stays+" discarded\n", got.stdout, "the others have their turn")
	assert.Contains(t, got.stderr, "not done for 2 letters\n  no dead letter 0/99: ")
	assert.Regexp(t, `discarded \S+ by ada`, box.do("list", "--all"))
	assert.Empty(t, box.do("discard", "--all"), "none is open")
	got = box.run("", "discard", stays)
	assert.Equal(t, exitRefused, got.code)
	assert.Contains(t, got.stderr, "it was discarded at ")
	assert.Contains(t, box.do("show", stays), "junk")
}

// An interruption lets the letter in hand end and begins no other.
func TestAnInterruptionLeavesTheOtherLettersOpen(t *testing.T) {
	t.Parallel()
	box := newLetterBox(t)
	for range 3 {
		box.bury(events.TopicAcks, goodAck, "once")
	}
	ctx, interrupt := context.WithCancel(t.Context())
	var stderr strings.Builder
	stdout := writerFunc(func(p []byte) (int, error) { interrupt(); return len(p), nil })
	code := run(ctx, []string{"dead-letters", "redrive", "--all", "--kafka-brokers", box.connection.Brokers[0]}, strings.NewReader(""), stdout, &stderr)
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, stderr.String(), "interrupted\nnot done for the last 2 letters")
	list := box.list()
	require.Len(t, list.Letters, 2)
	for _, letter := range list.Letters {
		assert.Equal(t, "open", letter.State)
	}
}

type writerFunc func([]byte) (int, error)

// Write implements io.Writer.
func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestALetterThatMayHaveBeenSentIsForAPerson(t *testing.T) {
	t.Parallel()
	box := newLetterBox(t)
	box.bury(events.TopicAcks, goodAck, "once")
	place := box.list().Letters[0].Letter
	letters, err := deadletter.New(deadletter.Config{
		Connection: box.connection,
		OnStep: func(_ deadletter.Place, step deadletter.RedriveStep) {
			if step == deadletter.RedriveAnnounced {
				panic("crash")
			}
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, letters.Close()) })
	at, err := deadletter.ParsePlace(place)
	require.NoError(t, err)
	require.Panics(t, func() { _, _ = letters.Redrive(t.Context(), at, deadletter.Redrive{}) })

	assert.Regexp(t, `1 +redriving \S+, may have been sent`, box.do("list"))
	got := box.run("", "redrive", "--all")
	assert.Equal(t, exitRefused, got.code)
	assert.Contains(t, got.stderr, "it may have been sent already, which a person must see to: call it by its place")
	got = box.run("", "redrive", place)
	assert.Equal(t, exitRefused, got.code)
	assert.Contains(t, got.stderr, "redrive it with --again or discard it")
	assert.Equal(t, place+" sent to station-acks (redriven 2 times)\n", box.do("redrive", place, "--again"))
}

func TestALargeValueIsNotShownWhole(t *testing.T) {
	t.Parallel()
	box := newLetterBox(t)
	huge := strings.Repeat("x", 1<<20)
	box.bury(events.TopicAcks, huge, "too large")
	place := box.list().Letters[0].Letter
	shown := box.do("show", place)
	assert.Less(t, len(shown), 32<<10)
	assert.Contains(t, shown, "… and 1032192 bytes more: --raw writes them all")
	assert.True(t, box.do("show", place, "--raw") == huge) // not Equal: it would print them
}

func TestDeadLettersSayWhatIsWrong(t *testing.T) {
	t.Parallel()
	box := newLetterBox(t)
	box.bury(events.TopicAcks, goodAck, "once")
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"NoLetterThere":      {[]string{"show", "1/99"}, exitNotFound, "no dead letter 1/99: its partition ends before offset"},
		"NoSuchPartition":    {[]string{"redrive", "2/0"}, exitNotFound, "no dead letter 2/0: the topic has 2 partitions, counted from 0"},
		"NotAPlace":          {[]string{"show", "17"}, exitUsage, `dead letter "17": call it by its place, PARTITION/OFFSET such as 3/17`},
		"NotANumber":         {[]string{"discard", "a/b"}, exitUsage, "call it by its place"},
		"Negative":           {[]string{"redrive", "--", "-1/0"}, exitUsage, "call it by its place"},
		"NoPlace":            {[]string{"redrive"}, exitUsage, "give the places of letters, such as 3/17, or --all"},
		"NoPlaceToShow":      {[]string{"show"}, exitUsage, "accepts 1 arg(s)"},
		"PlaceAndAll":        {[]string{"discard", "0/0", "--all"}, exitUsage, "give places or --all, not both"},
		"AgainForAll":        {[]string{"redrive", "--all", "--again"}, exitUsage, "give their places, not --all"},
		"ValueForTwo":        {[]string{"redrive", "0/0", "0/1", "--value", "-"}, exitUsage, "--value is for one letter"},
		"ValueForAll":        {[]string{"redrive", "--all", "--value", "-"}, exitUsage, "--value is for one letter"},
		"NoSuchFile":         {[]string{"redrive", "0/0", "--value", "nowhere.json"}, exitUsage, "--value: open nowhere.json"},
		"BadOutput":          {[]string{"list", "-o", "xml"}, exitUsage, `--output "xml": use table or json`},
		"RawAndOutput":       {[]string{"show", "0/0", "--raw", "-o", "json"}, exitUsage, "give --raw or --output, not both"},
		"LongName":           {[]string{"discard", "0/0", "--by", strings.Repeat("x", 81)}, exitUsage, "by: must be UTF-8 of at most 80 characters"},
		"KafkaAway":          {[]string{"list", "--kafka-brokers", "127.0.0.1:1"}, exitUnavailable, "Kafka is unavailable at 127.0.0.1:1"},
		"KafkaAwayShow":      {[]string{"show", "0/0", "--kafka-brokers", "127.0.0.1:1"}, exitUnavailable, "Kafka is unavailable at 127.0.0.1:1"},
		"KafkaAwayRedrive":   {[]string{"redrive", "0/0", "0/1", "--kafka-brokers", "127.0.0.1:1"}, exitUnavailable, "not done for the last 2 letters"},
		"KafkaAwayDiscard":   {[]string{"discard", "--all", "--kafka-brokers", "127.0.0.1:1"}, exitUnavailable, "Kafka is unavailable at 127.0.0.1:1"},
		"BadKafka":           {[]string{"list", "--kafka-brokers", "nowhere"}, exitUsage, `"nowhere" must read host:port`},
		"ArgumentsToTheList": {[]string{"list", "0/0"}, exitUsage, "accepts 0 arg(s)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := append([]string{"dead-letters"}, c.args...)
			if !strings.Contains(strings.Join(args, " "), "--kafka-brokers") {
				args = append(args[:2:2], append([]string{"--kafka-brokers", box.connection.Brokers[0]}, args[2:]...)...)
			}
			got := invoke(t, goodAck, args...)
			assert.Equal(t, c.code, got.code, got.stderr)
			assert.Contains(t, got.stderr, c.says)
			assert.Empty(t, got.stdout)
		})
	}
}

func TestDeadLettersWithoutTheirTopic(t *testing.T) {
	t.Parallel()
	kafka, err := devstack.StartKafka(t.Context(), devstack.KafkaConfig{})
	require.NoError(t, err)
	t.Cleanup(kafka.Stop)
	for _, args := range [][]string{{"list"}, {"show", "0/0"}, {"redrive", "0/0"}, {"discard", "--all"}} {
		got := invoke(t, "", append([]string{"dead-letters", args[0], "--kafka-brokers", kafka.Addr()}, args[1:]...)...)
		assert.Equal(t, exitFailed, got.code)
		assert.Contains(t, got.stderr, "topic \"dead-letters\" does not exist: run `cupcakery topics apply`")
	}
}
