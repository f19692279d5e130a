package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/require"
)

var record = flag.Bool("record", false, "record what the golden tests show: look at the difference")

// requireGolden compares a screen with the one in testdata that somebody has looked
// at, its colours left out.
func requireGolden(t *testing.T, name, shown string) {
	t.Helper()
	lines := strings.Split(ansi.Strip(shown), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	shown = strings.Join(lines, "\n") + "\n"
	file := filepath.Join("testdata", name+".txt")
	if *record {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(shown), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), shown, "go test ./cmd/cupcakery -run %s -record writes it anew", t.Name())
}
