package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/events"
)

func runTopics(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), append([]string{"topics"}, args...), strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

func TestTopicsApplyAndCheck(t *testing.T) {
	kafka, err := devstack.StartKafka(t.Context(), devstack.KafkaConfig{})
	require.NoError(t, err)
	t.Cleanup(kafka.Stop)
	t.Setenv("KAFKA_BROKERS", kafka.Addr())

	code, stdout, stderr := runTopics(t, "check")
	assert.Equal(t, exitFailed, code)
	assert.Empty(t, stdout)
	for _, topic := range events.Topics() {
		assert.Contains(t, stderr, "topic \""+topic+"\" does not exist: run `cupcakery topics apply`")
	}

	code, stdout, stderr = runTopics(t, "apply", "--partitions", "3", "--replication", "1", "--dry-run")
	require.Equal(t, 0, code, stderr)
	plan := stdout
	assert.Regexp(t, `(?m)^station-acks +created with 3 partitions, .*retention.ms=604800000`, plan)
	assert.Regexp(t, `(?m)^order-failures +created with 3 partitions, .*retention.ms=2592000000`, plan)
	assert.Regexp(t, `(?m)^dead-letters +created with 3 partitions, .*retention.ms=-1`, plan)
	code, _, _ = runTopics(t, "check")
	assert.Equal(t, exitFailed, code, "nothing was done")

	code, stdout, stderr = runTopics(t, "apply", "--partitions", "3", "--replication", "1")
	require.Equal(t, 0, code, stderr)
	assert.Equal(t, plan, stdout)
	assert.Empty(t, stderr)

	for _, again := range [][]string{nil, {"--partitions", "3"}, {"--partitions", "2"}} {
		code, stdout, stderr = runTopics(t, append([]string{"apply"}, again...)...)
		require.Equal(t, 0, code, stderr)
		assert.Equal(t, len(events.Topics()), strings.Count(stdout, "unchanged"), "doing it again changes nothing and shrinks nothing")
		assert.Empty(t, stderr)
	}

	code, stdout, stderr = runTopics(t, "check")
	require.Equal(t, 0, code, stderr)
	assert.Equal(t, fmt.Sprintf("All %d topics are there and as they should be.\n", len(events.Topics())), stdout)

	code, _, stderr = runTopics(t, "check", "--retention", "240h")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, stderr, "topic \"station-acks\" has retention.ms 604800000 (168h) instead of 864000000 (240h), and boards, stations and figures read it again: run `cupcakery topics apply --retention 240h`")
	code, stdout, stderr = runTopics(t, "apply", "--retention", "240h")
	require.Equal(t, 0, code, stderr)
	assert.Regexp(t, `(?m)^station-acks +retention.ms changed from 604800000 to 864000000$`, stdout)
	code, _, stderr = runTopics(t, "check")
	assert.Equal(t, 0, code, "who keeps longer does so on purpose: %s", stderr)

	code, stdout, stderr = runTopics(t, "apply", "--partitions", "4", "--dry-run")
	require.Equal(t, 0, code, stderr)
	assert.Contains(t, stderr, "warning: more partitions for orders-to-mix, ")
	assert.Contains(t, stderr, "Open orders go on")
	assert.Regexp(t, `(?m)^station-acks +extended from 3 to 4 partitions$`, stdout)
}

func TestTopicsSayWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		code int
		says []string
	}{
		"NoKafka":       {[]string{"check", "--kafka-brokers", "127.0.0.1:1"}, exitUnavailable, []string{"Kafka is unavailable at 127.0.0.1:1"}},
		"NoKafkaApply":  {[]string{"apply", "--kafka-brokers", "127.0.0.1:1"}, exitUnavailable, []string{"Kafka is unavailable at 127.0.0.1:1"}},
		"BadRetention":  {[]string{"check", "--retention", "1h"}, exitUsage, []string{"retention: 1h must be at least 24h"}},
		"BadPartitions": {[]string{"apply", "--partitions", "-1"}, exitUsage, []string{"partitions: -1 must be from 1 to 10000"}},
		"BadSettings": {
			[]string{"check", "--kafka-brokers", "nowhere", "--kafka-sasl-mechanism", "magic", "--kafka-tls-ca", "ca.pem"}, exitUsage,
			[]string{`"nowhere" must read host:port`, `SASL mechanism: unknown "magic"`, "SASL password: missing", "TLS is off"},
		},
		"Arguments": {[]string{"check", "station-acks"}, exitUsage, []string{"accepts 0 arg(s)"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, _, stderr := runTopics(t, c.args...)
			assert.Equal(t, c.code, code, stderr)
			for _, text := range c.says {
				assert.Contains(t, stderr, text)
			}
		})
	}
}

func TestKafkaSettingsComeFromTheEnvironment(t *testing.T) {
	t.Parallel()
	environment := map[string]string{
		"KAFKA_BROKERS": "a:1, b:2", "KAFKA_SASL_MECHANISM": "scram-sha-512", "KAFKA_SASL_USERNAME": "bob", "KAFKA_SASL_PASSWORD": "secret",
		"KAFKA_TLS": "true", "KAFKA_TLS_SERVER_NAME": "kafka.example.com",
	}
	var settings kafkaSettings
	cmd := &cobra.Command{}
	settings.register(cmd)
	require.NoError(t, cmd.Flags().Set("kafka-sasl-username", "alice"))
	require.NoError(t, applyEnvironment(cmd.Flags(), func(name string) (string, bool) { value, ok := environment[name]; return value, ok }))
	connection, err := settings.connection()
	require.NoError(t, err)
	assert.Equal(t, events.Connection{
		Brokers: []string{"a:1", "b:2"},
		SASL:    events.SASL{Mechanism: "scram-sha-512", Username: "alice", Password: "secret"},
		TLS:     events.TLS{Enabled: true, ServerName: "kafka.example.com"},
	}, connection, "a flag wins over its variable")
	for _, flag := range []string{"brokers", "sasl-mechanism", "sasl-username", "sasl-password", "tls", "tls-ca", "tls-cert", "tls-key", "tls-server-name"} {
		variable := "KAFKA_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
		assert.Contains(t, cmd.Flags().Lookup("kafka-"+flag).Usage, "[$"+variable+"]")
	}
}

func TestTopicsACLs(t *testing.T) {
	code, stdout, stderr := runTopics(t, "acls")
	require.Zero(t, code, stderr)
	assert.Regexp(t, `(?m)^api +topic +station-acks +Read, Write$`, stdout)
	assert.Regexp(t, `(?m)^station-bake +group +[a-z-]+ +Read$`, stdout)

	code, stdout, stderr = runTopics(t, "acls", "--json", "--principal", "api=User:sa-1")
	require.Zero(t, code, stderr)
	var list []struct {
		Process, Principal string
		Rights             []events.Right
	}
	require.NoError(t, json.Unmarshal([]byte(stdout), &list))
	require.Len(t, list, 1, "only who is named")
	assert.Equal(t, "User:sa-1", list[0].Principal)
	assert.Equal(t, events.RightsOf("api"), list[0].Rights)

	for _, wrong := range [][]string{{"--principal", "pantry=User:x"}, {"--principal", "api=sa-1"}, {"--json", "--apply"}, {"extra"}} {
		code, _, stderr = runTopics(t, append([]string{"acls"}, wrong...)...)
		assert.Equal(t, exitUsage, code, stderr)
	}
}
