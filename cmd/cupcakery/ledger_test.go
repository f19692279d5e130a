package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// heard collects what a command that runs says.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(p)
}

// String returns everything so far.
func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}

func TestTheLedgersCommandsSayWhatIsWrong(t *testing.T) {
	const secret = "correct-horse-battery-staple"
	for name, c := range map[string]struct {
		variable string
		args     []string
		code     int
		says     string
	}{
		"NoDatabase":           {"", []string{"ledger"}, exitUsage, "set $CUPCAKERY_LEDGER_DATABASE"},
		"NoDatabaseToCheck":    {"", []string{"ledger", "check"}, exitUsage, "set $CUPCAKERY_LEDGER_DATABASE"},
		"AnotherDatabase":      {"mysql://ledger:" + secret + "@127.0.0.1/ledger", []string{"ledger"}, exitUsage, "not a database's address"},
		"NoAddress":            {"host=127.0.0.1 password=" + secret, []string{"ledger", "rebuild"}, exitUsage, "not a database's address"},
		"ABadPort":             {"postgres://ledger:" + secret + "@127.0.0.1:port/ledger", []string{"ledger", "migrate"}, exitUsage, "not a database's address"},
		"ABadSetting":          {"postgres://ledger:" + secret + "@127.0.0.1/ledger?sslmode=perhaps", []string{"ledger", "migrate"}, exitFailed, "not a URL as PostgreSQL has it"},
		"APasswordInTheOpen":   {"", []string{"ledger", "--database", "postgres://ledger:" + secret + "@127.0.0.1/ledger"}, exitUsage, "no password is taken from one"},
		"APasswordAsASetting":  {"", []string{"ledger", "check", "--database=postgres://127.0.0.1/ledger?password=" + secret}, exitUsage, "no password is taken from one"},
		"APasswordWithAPer":    {"", []string{"ledger", "migrate", "--database", "postgres://ledger:%" + secret + "@127.0.0.1/ledger"}, exitUsage, "no password is taken from one"},
		"ADatabaseThatIsAway":  {"postgres://ledger:" + secret + "@127.0.0.1:1/ledger", []string{"ledger", "migrate"}, exitUnavailable, "database is away"},
		"AnUnknownCommand":     {"", []string{"ledger", "rebiuld"}, exitUsage, `did you mean "rebuild"?`},
		"AnUnknownTopicToRead": {"postgres://ledger:" + secret + "@127.0.0.1/ledger", []string{"ledger", "--kafka-brokers", "nowhere"}, exitUsage, "must read host:port"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(ledgerVariable, c.variable)
			said := invoke(t, "", c.args...)
			assert.Equal(t, c.code, said.code, said.stderr)
			assert.Contains(t, said.stderr, c.says)
			assert.NotContains(t, said.stdout+said.stderr, secret)
		})
	}
}

func TestAPasswordMayBeLeftOutOfTheCommandLine(t *testing.T) {
	t.Parallel()
	cmd := newLedgerCommand()
	require.NoError(t, cmd.Flags().Parse([]string{"--database", "postgres://ledger@127.0.0.1:5432/ledger?sslmode=disable"}))
	require.NoError(t, applyEnvironment(cmd.Flags(), func(string) (string, bool) { return "", false }))
	require.Empty(t, cmd.Flags().Lookup("database").Value.String(), "no help shows it")
}

// A bakery's ledger from the first record to one that was built anew.
func TestTheLedgersLife(t *testing.T) {
	kafka, err := devstack.StartKafka(t.Context(), devstack.KafkaConfig{})
	require.NoError(t, err)
	t.Cleanup(kafka.Stop)
	postgres, err := devstack.StartPostgres(t.Context(), devstack.PostgresConfig{Fast: true})
	require.NoError(t, err)
	t.Cleanup(postgres.Stop)
	const secret = "correct-horse-battery-staple"
	database, err := postgres.CreateDatabase(t.Context(), "ledger", secret)
	require.NoError(t, err)
	t.Setenv(ledgerVariable, database)
	t.Setenv("KAFKA_BROKERS", kafka.Addr())
	connection := events.Connection{Brokers: []string{kafka.Addr()}}
	_, err = events.ApplyTopics(t.Context(), connection, events.TopicSettings{Partitions: 2})
	require.NoError(t, err)

	said := invoke(t, "", "ledger", "check")
	require.Equal(t, exitNotFound, said.code, said.stderr)
	require.Contains(t, said.stderr, "the database has no ledger")

	writer, err := events.NewWriter(connection)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, writer.Close()) })
	const orders = 3
	for range orders {
		ref := kitchen.TicketRef{OrderID: uuid.Must(uuid.NewV7()).String(), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
		require.NoError(t, writer.PublishTicket(t.Context(), kitchen.Ticket{
			TicketID: ref.TicketID(), OrderID: ref.OrderID, Stage: ref.Stage, Kind: ref.Kind, Pass: 1, Attempt: 1, PickupCode: "K7QF",
			Lines: []kitchen.Line{{Flavour: "lemon", Size: kitchen.SizeM, Quantity: 6}},
		}))
	}

	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	ctx, stop := context.WithCancel(t.Context())
	var stderr heard
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"ledger", "--listen", address}, strings.NewReader(""), io.Discard, &stderr)
	}()
	metric := func(pattern string) bool {
		answer, err := http.Get("http://" + address + "/metrics")
		if err != nil {
			return false
		}
		defer func() { _ = answer.Body.Close() }()
		text, err := io.ReadAll(answer.Body)
		return err == nil && regexp.MustCompile(pattern).Match(text)
	}
	require.Eventually(t, func() bool {
		return metric(`(?m)^cupcakery_ledger_ready 1$`) && metric(`(?m)^cupcakery_ledger_records_total\{outcome="fact"\} 3$`) &&
			metric(`(?m)^cupcakery_consumer_lag\{group="cupcakery-ledger",topic="orders-to-bake"\} 0$`)
	}, time.Minute, 50*time.Millisecond, "%s", &stderr)
	require.Zero(t, invoke(t, "", "healthcheck", "http://"+address+"/readyz").code)

	said = invoke(t, "", "ledger", "check")
	require.Zero(t, said.code, said.stderr)
	require.Contains(t, said.stdout, "Read 3 records from Kafka and folded 3 orders")
	require.Contains(t, said.stdout, "The ledger is as the log has it.")

	db, err := pgx.Connect(t.Context(), database)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close(context.WithoutCancel(t.Context()))) })
	_, err = db.Exec(t.Context(), "DELETE FROM ledger.orders WHERE order_key = (SELECT min(order_key::text)::uuid FROM ledger.orders)")
	require.NoError(t, err)
	said = invoke(t, "", "ledger", "check")
	require.Equal(t, exitFailed, said.code, said.stderr)
	require.Regexp(t, `(?m)^orders +2 +3`, said.stdout)
	require.NotRegexp(t, `(?m)^facts `, said.stdout)
	require.Contains(t, said.stderr, "`cupcakery ledger rebuild` builds it anew")
	said = invoke(t, "", "ledger", "rebuild")
	require.Zero(t, said.code, said.stderr)
	require.Regexp(t, `(?m)^orders +2 +3`, said.stdout)
	require.Contains(t, invoke(t, "", "ledger", "check").stdout, "The ledger is as the log has it.")

	_, err = db.Exec(t.Context(), "DROP SCHEMA ledger CASCADE")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return invoke(t, "", "healthcheck", "http://"+address+"/readyz").code == exitFailed }, time.Minute, 50*time.Millisecond)
	said = invoke(t, "", "ledger", "rebuild")
	require.Zero(t, said.code, said.stderr)
	require.Contains(t, said.stdout, "There was no ledger before.")
	said = invoke(t, "", "ledger", "migrate")
	require.Zero(t, said.code, said.stderr)

	stop()
	require.Zero(t, <-ended)
	require.NotContains(t, stderr.String(), secret)
}
