package devstack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// DataDirFormat is the version of what lies in a DataDir. It changes when an
// older program could no longer read what a newer one has written, or the
// other way round.
const DataDirFormat = 1

// Part is a piece of the stack that keeps data, and that at most one process
// may run on the same DataDir.
type Part string

// The parts that keep data.
const (
	PartTemporal Part = "temporal"
	PartKafka    Part = "kafka"
	PartPostgres Part = "postgres"
	// PartProduction is the whole of a production stack, which is always run
	// together.
	PartProduction Part = "production"
)

// DataDir is a directory in which parts of the stack keep their data, locked
// for this process.
type DataDir struct {
	path  string
	locks map[Part]*os.File
}

// DataDirFormatError says that a directory was written by another version of
// the program.
type DataDirFormatError struct {
	Dir  string
	Have string
	Want int
}

func (e *DataDirFormatError) Error() string {
	return fmt.Sprintf("data directory %q has format %q, this program reads format %d: use the program that wrote it, or start afresh with another directory or by deleting this one", e.Dir, e.Have, e.Want)
}

// DataDirLockedError says that another process runs a part on the directory.
type DataDirLockedError struct {
	Dir  string
	Part Part
	PID  string
}

func (e *DataDirLockedError) Error() string {
	return fmt.Sprintf("data directory %q is in use by process %s, which runs %s on it: stop that process first, or choose another directory", e.Dir, e.PID, e.Part)
}

// OpenDataDir creates the directory unless it exists, checks its format and that
// its disk has room, and locks the given parts for this process until Close. A dev server that an
// earlier process left behind is ended. The locks end with the process, so
// none is ever left over.
func OpenDataDir(path string, parts ...Part) (*DataDir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open data directory: %w", err)
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, asDiskFull(path, fmt.Errorf("create data directory %q: %w", path, err))
	}
	d := &DataDir{path: path, locks: map[Part]*os.File{}}
	if err := d.checkFormat(); err != nil {
		return nil, asDiskFull(path, err)
	}
	if err := checkSpace(path); err != nil {
		return nil, err
	}
	for _, part := range parts {
		if err := d.lock(part); err != nil {
			d.Close()
			return nil, asDiskFull(path, err)
		}
	}
	if slices.Contains(parts, PartTemporal) {
		if _, err := endRecordedProcess(d.Path(temporalPIDFile)); err != nil {
			d.Close()
			return nil, fmt.Errorf("end the Temporal dev server that an earlier run left behind: %w", err)
		}
	}
	return d, nil
}

// Path returns the path of a file in the directory.
func (d *DataDir) Path(name string) string { return filepath.Join(d.path, name) }

// Close releases the locks. The parts must have been stopped.
func (d *DataDir) Close() {
	for part, file := range d.locks {
		_ = file.Close() // the lock ends with the descriptor, whatever Close says
		delete(d.locks, part)
	}
}

func (d *DataDir) holds(part Part) bool { return d.locks[part] != nil }

// checkFormat reads the version file, or writes it into an empty directory.
// A directory with something in it but no version file is not ours: refusing
// it keeps a mistyped path from being filled.
func (d *DataDir) checkFormat() error {
	file := d.Path("version")
	data, err := os.ReadFile(file)
	switch {
	case err == nil:
		if have := strings.TrimSpace(string(data)); have != strconv.Itoa(DataDirFormat) {
			return &DataDirFormatError{Dir: d.path, Have: have, Want: DataDirFormat}
		}
		return nil
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("read the data directory's format: %w", err)
	}
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return fmt.Errorf("read data directory: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("directory %q is not empty and not a data directory of this program (it has no file %q): choose another one", d.path, "version")
	}
	return WriteFileAtomically(file, []byte(strconv.Itoa(DataDirFormat)+"\n"), 0o644)
}

func (d *DataDir) lock(part Part) error {
	name := d.Path(string(part) + ".lock")
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("lock data directory %q: %w", d.path, err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil {
		holder, readErr := os.ReadFile(name)
		_ = file.Close() // nothing was written
		if !errors.Is(err, syscall.EWOULDBLOCK) || readErr != nil {
			return fmt.Errorf("lock %q: %w", name, err)
		}
		return &DataDirLockedError{Dir: d.path, Part: part, PID: strings.TrimSpace(string(holder))}
	}
	d.locks[part] = file
	if err := errors.Join(file.Truncate(0), writeAtStart(file, strconv.Itoa(os.Getpid())+"\n")); err != nil {
		return fmt.Errorf("write %q: %w", name, err)
	}
	return nil
}

func writeAtStart(file *os.File, text string) error {
	_, err := file.WriteAt([]byte(text), 0)
	return err
}

// WriteFileAtomically makes the file appear whole or not at all.
func WriteFileAtomically(name string, data []byte, mode fs.FileMode) error {
	file, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return fmt.Errorf("write %q: %w", name, err)
	}
	_, err = file.Write(data)
	if err := errors.Join(err, file.Chmod(mode), file.Close()); err != nil {
		_ = os.Remove(file.Name()) // the first error is the one to report
		return fmt.Errorf("write %q: %w", name, err)
	}
	if err := os.Rename(file.Name(), name); err != nil {
		_ = os.Remove(file.Name()) // as above
		return fmt.Errorf("write %q: %w", name, err)
	}
	return nil
}
