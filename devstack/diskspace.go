package devstack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	// spaceNeeded is how much room a data directory's disk must have: more than
	// a fresh one takes, and enough to shut down cleanly.
	spaceNeeded = 8 << 20
	// spaceCheckEvery is the pause between two looks at the disk.
	spaceCheckEvery = 3 * time.Second
	// spaceCheckFile is written to see whether one can: the file
	// system's numbers do not show quotas.
	spaceCheckFile = "space-check"
)

// DiskFullError says that a data directory's disk has no room.
type DiskFullError struct {
	Dir string
	Err error
}

// Error names the directory and the remedy.
func (e *DiskFullError) Error() string {
	return fmt.Sprintf("the disk of data directory %q is full (%v): free some space there, or choose another directory", e.Dir, e.Err)
}

// Unwrap returns the disk's own error.
func (e *DiskFullError) Unwrap() error { return e.Err }

// WatchSpace returns a *DiskFullError when the directory's disk is full, or nil
// when ctx ends. Otherwise Temporal and Kafka would run on and accept nothing,
// without an explanation.
func (d *DataDir) WatchSpace(ctx context.Context) error {
	ticker := time.NewTicker(spaceCheckEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := checkSpace(d.path); err != nil {
				return err
			}
		}
	}
}

// checkSpace returns a *DiskFullError if the directory's disk is full.
func checkSpace(dir string) error {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err == nil { // otherwise writing will show it
		if free := uint64(disk.Bavail) * uint64(disk.Bsize); free < spaceNeeded {
			return &DiskFullError{dir, fmt.Errorf("%.1f MB free, %d MB are needed", float64(free)/(1<<20), spaceNeeded>>20)}
		}
	}
	file := filepath.Join(dir, spaceCheckFile)
	if err := os.WriteFile(file, make([]byte, 64<<10), 0o600); err != nil {
		return asDiskFull(dir, fmt.Errorf("write into data directory: %w", err))
	}
	if err := os.Remove(file); err != nil {
		return fmt.Errorf("remove what was written into data directory: %w", err)
	}
	return nil
}

// asDiskFull makes a *DiskFullError of an error that means one.
func asDiskFull(dir string, err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &DiskFullError{dir, err}
	}
	return err
}
