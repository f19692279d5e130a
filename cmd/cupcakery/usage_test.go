package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnUnknownCommandIsWrongUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"fry"}, {"topics", "fry"}, {"order", "fry"}, {"kitchen", "fry"}, {"worker", "fry"}, {"dead-letters", "fry"}, {"staff", "fry"}, {"--fry"}, {"order", "find"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			require.Equal(t, exitUsage, run(t.Context(), args, strings.NewReader(""), &stdout, &stderr))
			require.Contains(t, stderr.String(), "--help")
			require.Empty(t, stdout.String())
		})
	}
}

func TestWithoutACommandThereIsHelp(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	require.Zero(t, run(t.Context(), []string{}, strings.NewReader(""), &stdout, &stderr))
	require.Contains(t, stdout.String(), "Run a cupcake factory")
}

func TestAMistypedWordIsAskedBack(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"ordr":                    `unknown command "ordr" for "cupcakery": did you mean "order"? (see cupcakery --help)`,
		"order lst":               `unknown command "lst" for "cupcakery order": did you mean "list"?`,
		"stations puase":          `unknown command "puase" for "cupcakery stations": did you mean "pause"?`,
		"kitchen sold":            `did you mean "sold-out"?`,
		"dead-letters shwo":       `did you mean "show"?`,
		"station bak --name bob":  `unknown stage "bak": use mix, bake, decorate or package: did you mean "bake"?`,
		"order list --sate x":     `unknown flag: --sate: did you mean "--state"?`,
		"dev --dmeo":              `did you mean "--demo"?`,
		"stations pause --raeson": `did you mean "--reason"?`,
		"top --onec":              `did you mean "--once"?`,
	} {
		c := invoke(t, "", strings.Fields(typed)...)
		require.Equal(t, exitUsage, c.code, typed)
		require.Contains(t, c.stderr, want)
	}
	for _, typed := range []string{"xyzzy", "order xyzzy", "order list --xyzzy", "order list -z"} {
		require.NotContains(t, invoke(t, "", strings.Fields(typed)...).stderr, "did you mean", typed)
	}
}

func TestShellsCompleteCommandsFlagsAndValues(t *testing.T) {
	t.Parallel()
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		require.Contains(t, invoke(t, "", "completion", shell).stdout, "cupcakery", shell)
	}
	for typed, want := range map[string]string{
		"to": "top", "station ": "decorate", "order li": "list", "top --on": "--once", "order list --state ": "needs-attention", "stations pause ": "bake",
	} {
		require.Contains(t, invoke(t, "", append([]string{"__complete"}, strings.Split(typed, " ")...)...).stdout, want, typed)
	}
}
