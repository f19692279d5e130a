package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnUnknownCommandIsWrongUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"fry"}, {"topics", "fry"}, {"order", "fry"}, {"kitchen", "fry"}, {"worker", "fry"}, {"dead-letters", "fry"}, {"staff", "fry"}, {"--fry"}} {
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
	require.Zero(t, run(t.Context(), nil, strings.NewReader(""), &stdout, &stderr))
	require.Contains(t, stdout.String(), "Run a cupcake factory")
}
