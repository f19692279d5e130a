package devstack

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOpenDataDir(t *testing.T) {
	t.Parallel()

	t.Run("RefusesASecondProcessOnTheSamePartAndNamesTheFirst", func(t *testing.T) {
		t.Parallel()
		path := t.TempDir()
		first, err := OpenDataDir(path, PartTemporal, PartKafka)
		require.NoError(t, err)

		_, err = OpenDataDir(path, PartKafka)
		var locked *DataDirLockedError
		require.ErrorAs(t, err, &locked)
		require.Equal(t, PartKafka, locked.Part)
		require.Equal(t, strconv.Itoa(os.Getpid()), locked.PID)

		first.Close()
		again, err := OpenDataDir(path, PartKafka)
		require.NoError(t, err, "the lock ends with Close")
		again.Close()
	})

	t.Run("LetsDifferentPartsRunInDifferentProcesses", func(t *testing.T) {
		t.Parallel()
		path := t.TempDir()
		for _, parts := range [][]Part{{PartTemporal}, {PartKafka}, nil} {
			dir, err := OpenDataDir(path, parts...)
			require.NoError(t, err)
			defer dir.Close()
		}
	})

	t.Run("GivesBackWhatItLockedWhenItRefuses", func(t *testing.T) {
		t.Parallel()
		path := t.TempDir()
		kafka, err := OpenDataDir(path, PartKafka)
		require.NoError(t, err)
		defer kafka.Close()
		_, err = OpenDataDir(path, PartTemporal, PartKafka)
		require.Error(t, err)
		temporal, err := OpenDataDir(path, PartTemporal)
		require.NoError(t, err)
		temporal.Close()
	})

	t.Run("RefusesAnotherFormatWithTheRemedy", func(t *testing.T) {
		t.Parallel()
		path := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(path, "version"), []byte("7\n"), 0o644))
		_, err := OpenDataDir(path)
		var format *DataDirFormatError
		require.ErrorAs(t, err, &format)
		require.Equal(t, "7", format.Have)
		require.ErrorContains(t, err, "another directory")
	})

	t.Run("RefusesAFullDiskWithTheRemedy", func(t *testing.T) {
		t.Parallel()
		path := newDataDir(t)
		fillDisk(t, path)
		_, err := OpenDataDir(path, PartKafka)
		var full *DiskFullError
		require.ErrorAs(t, err, &full)
		require.Equal(t, path, full.Dir)
		require.ErrorContains(t, err, `the disk of data directory "`+path+`" is full`)
		require.ErrorContains(t, err, "free some space there, or choose another directory")
		require.NoFileExists(t, filepath.Join(path, "kafka.lock"))
	})

	t.Run("NoticesThatTheDiskIsFullLater", func(t *testing.T) {
		t.Parallel()
		path := newDataDir(t)
		dir, err := OpenDataDir(path, PartKafka)
		require.NoError(t, err)
		defer dir.Close()
		fillDisk(t, path)
		var full *DiskFullError
		require.ErrorAs(t, dir.WatchSpace(t.Context()), &full)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, dir.WatchSpace(ctx), "told to stop")
	})

	t.Run("RefusesADirectoryOfSomebodyElse", func(t *testing.T) {
		t.Parallel()
		path := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(path, "thesis.tex"), nil, 0o644))
		_, err := OpenDataDir(path)
		require.ErrorContains(t, err, "is not empty")
		entries, err := os.ReadDir(path)
		require.NoError(t, err)
		require.Len(t, entries, 1, "nothing was written there")
	})
}

// fillDisk makes the directory's disk look full, by Linux's device that always
// is.
func fillDisk(t *testing.T, path string) {
	t.Helper()
	require.NoError(t, os.Symlink("/dev/full", filepath.Join(path, spaceCheckFile)))
}

func TestProcessesThatWereLeftBehind(t *testing.T) {
	t.Parallel()

	t.Run("AreEnded", func(t *testing.T) {
		t.Parallel()
		path := newDataDir(t)
		orphan := startSleeper(t)
		require.NoError(t, orphan.record(filepath.Join(path, temporalPIDFile)))

		dir, err := OpenDataDir(path, PartTemporal)
		require.NoError(t, err)
		defer dir.Close()
		<-orphan.exited
		require.NoFileExists(t, filepath.Join(path, temporalPIDFile))
	})

	t.Run("AreSparedWhileTheirPartIsNotAskedFor", func(t *testing.T) {
		t.Parallel()
		path := newDataDir(t)
		other := startSleeper(t)
		require.NoError(t, other.record(filepath.Join(path, temporalPIDFile)))

		dir, err := OpenDataDir(path, PartKafka)
		require.NoError(t, err)
		defer dir.Close()
		requireAlive(t, other)
	})

	t.Run("AreSparedWhenThePIDNowBelongsToAnotherProcess", func(t *testing.T) {
		t.Parallel()
		path := newDataDir(t)
		bystander := startSleeper(t)
		record := `{"pid":` + strconv.Itoa(bystander.cmd.Process.Pid) + `,"started":"long ago"}`
		require.NoError(t, os.WriteFile(filepath.Join(path, temporalPIDFile), []byte(record), 0o644))

		dir, err := OpenDataDir(path, PartTemporal)
		require.NoError(t, err)
		defer dir.Close()
		requireAlive(t, bystander)
		require.NoFileExists(t, filepath.Join(path, temporalPIDFile))
	})

	t.Run("DoNotMatterWhenTheyAreGone", func(t *testing.T) {
		t.Parallel()
		path := newDataDir(t)
		gone := startSleeper(t)
		require.NoError(t, gone.record(filepath.Join(path, temporalPIDFile)))
		gone.kill()

		dir, err := OpenDataDir(path, PartTemporal)
		require.NoError(t, err)
		dir.Close()
	})

	t.Run("AreNamedWhenTheirRecordCannotBeRead", func(t *testing.T) {
		t.Parallel()
		path := newDataDir(t)
		require.NoError(t, os.WriteFile(filepath.Join(path, temporalPIDFile), []byte("4711"), 0o644))
		_, err := OpenDataDir(path, PartTemporal)
		require.ErrorContains(t, err, temporalPIDFile)
		require.ErrorContains(t, err, "delete the file")
	})
}

func TestWriteFileAtomicallyLeavesNothingBehindWhenItFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	taken := filepath.Join(dir, "taken")
	require.NoError(t, os.MkdirAll(filepath.Join(taken, "by a directory"), 0o755))
	require.Error(t, WriteFileAtomically(taken, []byte("x"), 0o644))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

// newDataDir returns the path of a data directory that nobody has open.
func newDataDir(t *testing.T) string {
	t.Helper()
	path := t.TempDir()
	dir, err := OpenDataDir(path)
	require.NoError(t, err)
	dir.Close()
	return path
}

func startSleeper(t *testing.T) *childProcess {
	t.Helper()
	child, err := startChild(exec.Command("sleep", "600"))
	require.NoError(t, err)
	t.Cleanup(child.kill)
	return child
}

// requireAlive fails if the process has ended or is about to: a signal that
// ends it would have been sent by now.
func requireAlive(t *testing.T, child *childProcess) {
	t.Helper()
	select {
	case <-child.exited:
		require.NoError(t, errors.New("the process was ended"))
	default:
	}
	started, err := processStart(child.cmd.Process.Pid)
	require.NoError(t, err)
	require.NotEmpty(t, started)
}
