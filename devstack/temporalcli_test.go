package devstack_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/devstack"
)

// These tests change the environment and the working directory, so they do
// not run in parallel.

func TestFindTemporalCLI(t *testing.T) {
	// emptyWorld leaves no place where a CLI could be found.
	emptyWorld := func(t *testing.T) (dir string) {
		dir, err := filepath.EvalSymlinks(t.TempDir())
		require.NoError(t, err)
		t.Chdir(dir)
		t.Setenv("PATH", "")
		t.Setenv("HOME", filepath.Join(dir, "home"))
		t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
		return dir
	}
	inDir := func(t *testing.T, dir string) string {
		require.NoError(t, os.MkdirAll(dir, 0o755))
		return executable(t, dir, "temporal", "exit 0")
	}
	find := func(t *testing.T, given string) string {
		found, err := devstack.FindTemporalCLI(t.Context(), given, func(string) { t.Error("nothing needs to be downloaded") })
		require.NoError(t, err)
		return found
	}

	t.Run("TakesTheOneThatIsGiven", func(t *testing.T) {
		dir := emptyWorld(t)
		t.Setenv("PATH", filepath.Dir(inDir(t, filepath.Join(dir, "path"))))
		given := inDir(t, filepath.Join(dir, "given"))
		require.Equal(t, given, find(t, given))
	})

	t.Run("TakesTheOneInPATHBeforeThatInTools", func(t *testing.T) {
		dir := emptyWorld(t)
		inPath := inDir(t, filepath.Join(dir, "path"))
		t.Setenv("PATH", filepath.Dir(inPath))
		inDir(t, filepath.Join(dir, ".tools"))
		require.Equal(t, inPath, find(t, ""))
	})

	t.Run("LooksForToolsFromTheWorkingDirectoryUpwards", func(t *testing.T) {
		dir := emptyWorld(t)
		inTools := inDir(t, filepath.Join(dir, ".tools"))
		below := filepath.Join(dir, "some", "where")
		require.NoError(t, os.MkdirAll(below, 0o755))
		t.Chdir(below)
		require.Equal(t, inTools, find(t, ""))
	})

	t.Run("TakesAnEarlierDownload", func(t *testing.T) {
		emptyWorld(t)
		cache, err := os.UserCacheDir()
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Join(cache, "cupcakery"), 0o755))
		earlier := executable(t, filepath.Join(cache, "cupcakery"), "temporal-cli-v"+devstack.TemporalCLIVersion, "exit 0")
		require.Equal(t, earlier, find(t, ""))
	})

	t.Run("SaysHowToGetOneWhenTheDownloadFails", func(t *testing.T) {
		emptyWorld(t)
		offline, cancel := context.WithCancel(t.Context())
		cancel()
		var announced []string
		_, err := devstack.FindTemporalCLI(offline, "", func(text string) { announced = append(announced, text) })
		require.ErrorContains(t, err, `run "make tools"`)
		require.ErrorContains(t, err, "--temporal-cli")
		require.Len(t, announced, 1, "a download says so first")
	})

	t.Run("RefusesAGivenOneThatCannotRun", func(t *testing.T) {
		dir := emptyWorld(t)
		inDir(t, filepath.Join(dir, ".tools"))
		_, err := devstack.FindTemporalCLI(t.Context(), filepath.Join(dir, "missing"), nil)
		require.ErrorContains(t, err, "missing")
		require.ErrorContains(t, err, `run "make tools"`)
	})
}
