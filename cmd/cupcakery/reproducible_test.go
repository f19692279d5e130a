package main

import (
	"crypto/sha256"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Two builds as the image makes them, in two folders, are equal to the byte: whoever
// doubts an image can build it again.
func TestTwoBuildsAreEqualToTheByte(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("links the program twice")
	}
	runs := instructions(t, "RUN")
	match := regexp.MustCompile(`CGO_ENABLED=0 go (build .*) -o /out/cupcakery (\S+)$`).FindStringSubmatch(runs[len(runs)-1])
	require.NotNil(t, match)
	arguments := regexp.MustCompile(`"[^"]*"|\S+`).FindAllString(strings.ReplaceAll(match[1], "${VERSION}", "1.2.3"), -1)
	for i, argument := range arguments {
		arguments[i] = strings.Trim(argument, `"`)
	}
	copied := t.TempDir()
	for _, source := range programSources(t) {
		target := filepath.Join(copied, source)
		require.NoError(t, os.MkdirAll(filepath.Dir(target), 0o755))
		data, err := os.ReadFile(filepath.Join(repositoryRoot, source))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(target, data, 0o600))
	}
	var sums [][]byte
	for _, folder := range []string{repositoryRoot, copied} {
		output := filepath.Join(t.TempDir(), "cupcakery")
		build := exec.CommandContext(t.Context(), "go", append(arguments, "-o", output, match[2])...)
		build.Dir = folder
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		text, err := build.CombinedOutput()
		require.NoError(t, err, string(text))
		file, err := os.Open(output)
		require.NoError(t, err)
		hash := sha256.New()
		_, err = io.Copy(hash, file)
		require.NoError(t, err)
		require.NoError(t, file.Close())
		sums = append(sums, hash.Sum(nil))
	}
	require.Equal(t, sums[0], sums[1])
}
