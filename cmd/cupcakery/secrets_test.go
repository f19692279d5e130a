package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// secretFile has a secret, as --secret-file takes it.
func secretFile(t *testing.T, secret string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte(secret+"\n"), 0o600))
	return file
}

// notSecret are flags whose names have a word of secrets, and that name a file or
// something public.
var notSecret = []string{"counter-token-file", "encryption-keyset", "encryption-kms", "idempotency-key", "kafka-sasl-password-file", "kafka-tls-key", "page-token", "secret-file", "tls-key"}

func TestNoFlagTakesASecret(t *testing.T) {
	t.Parallel()
	secret := 0
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if _, is := f.Value.(*secretValue); is {
				secret++
				assert.True(t, f.Hidden, "%s --%s", cmd.CommandPath(), f.Name)
				assert.NotContains(t, cmd.UsageString(), "--"+f.Name+" ", cmd.CommandPath())
				return
			}
			for _, word := range []string{"secret", "password", "key", "token", "pin"} {
				for part := range strings.SplitSeq(f.Name, "-") {
					if part == word {
						assert.Contains(t, notSecret, f.Name, "%s --%s: take it from a file or a variable", cmd.CommandPath(), f.Name)
					}
				}
			}
		})
		for _, child := range cmd.Commands() {
			walk(child)
		}
	}
	walk(newRootCommand())
	require.Greater(t, secret, 2, "the secret of the API, and Kafka's password of several commands")
}

func TestASecretOnTheCommandLineIsRefusedAndNotRepeated(t *testing.T) {
	t.Parallel()
	const secret = "correct-horse-battery-staple"
	for _, args := range [][]string{{"api", "--secret", secret}, {"worker", "--kafka-sasl-password", secret}, {"topics", "check", "--kafka-sasl-password=" + secret}, {"api", "--counter-token", secret}} {
		c := invoke(t, "", args...)
		require.Equal(t, exitUsage, c.code, args)
		require.Contains(t, c.stderr, "no secret is taken from one: set $", args)
		require.NotContains(t, c.stdout+c.stderr, secret, args)
	}
}

func TestASecretThatIsGivenTwiceIsRefused(t *testing.T) {
	t.Parallel()
	_, err := (&secretSettings{secret: "0123456789abcdef", file: "x"}).load()
	require.ErrorContains(t, err, "given twice")
	_, err = (&counterSettings{token: "0123456789abcdef", file: "x"}).load()
	require.ErrorContains(t, err, "given twice")
	_, err = (&kafkaSettings{saslPassword: "0123456789abcdef", saslPasswordFile: "x"}).password()
	require.ErrorContains(t, err, "given twice")
	password, err := (&kafkaSettings{saslPasswordFile: secretFile(t, " with blanks ")}).password()
	require.NoError(t, err)
	require.Equal(t, " with blanks ", password)
	_, err = (&kafkaSettings{saslPasswordFile: "/nowhere/password"}).password()
	require.ErrorContains(t, err, "read Kafka's password")
}

func TestTheCountersTokenIsRandomOrMissing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ token, want, fault string }{
		"none":                       {},
		"a good one":                 {token: "0123456789abcdef", want: "0123456789abcdef"},
		"white space of a file":      {token: "0123456789abcdef\n", want: "0123456789abcdef"},
		"short":                      {token: "0123456789", fault: "at least 16"},
		"long":                       {token: strings.Repeat("0123456789", 60), fault: "may have 500"},
		"guessed":                    {token: "abababababababab", fault: "can be guessed"},
		"what a link does not carry": {token: "0123456789 abcdef", fault: "a link cannot carry"},
	} {
		settings := counterSettings{token: test.token}
		if strings.HasSuffix(test.token, "\n") {
			settings = counterSettings{file: secretFile(t, strings.TrimSpace(test.token))}
		}
		token, err := settings.load()
		require.Equal(t, test.want, token, name)
		if test.fault == "" {
			require.NoError(t, err, name)
		} else {
			require.ErrorContains(t, err, test.fault, name)
			require.NotContains(t, err.Error(), test.token, name)
		}
	}
}
