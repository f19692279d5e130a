package devstack

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
)

// postgresAccounts are the users that the server may run as when this process is
// root, which it refuses. The first is what a package of PostgreSQL makes.
var postgresAccounts = []string{"postgres", "nobody"}

// account is another user, that PostgreSQL's programs run as.
type account struct {
	name     string
	uid, gid uint32
}

// chooseAccount makes the server's user the owner of its directory and sees to
// it that the user can run the programs.
func (p *Postgres) chooseAccount(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return nil
	}
	var err error
	if p.account, err = postgresAccount(filepath.Join(p.config.DataDir, "cluster")); err != nil {
		return err
	}
	if p.dir, err = os.Open(p.config.DataDir); err != nil {
		return err
	}
	if err := p.own(p.config.DataDir); err != nil {
		return err
	}
	fault := p.command(ctx, "postgres", "--version").Run()
	if fault == nil {
		return nil
	}
	if p.programs.movable {
		if fault = p.copyPrograms(); fault == nil {
			fault = p.command(ctx, "postgres", "--version").Run()
		}
	}
	if fault != nil {
		return fmt.Errorf("user %q, whom PostgreSQL runs as since it refuses root, cannot run the programs in %q: make them and each directory above readable (chmod o+rx), or start this as another user: %w",
			p.account.name, p.programs.bin, fault)
	}
	return nil
}

// postgresAccount is the owner of the cluster if there is one, and else the
// first user there is.
func postgresAccount(cluster string) (*account, error) {
	info, err := os.Stat(cluster)
	if err == nil {
		owner := info.Sys().(*syscall.Stat_t)
		return &account{name: strconv.FormatUint(uint64(owner.Uid), 10), uid: owner.Uid, gid: owner.Gid}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, name := range postgresAccounts {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.ParseUint(found.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(found.Gid, 10, 32)
		return &account{name: name, uid: uint32(uid), gid: uint32(gid)}, errors.Join(uidErr, gidErr)
	}
	return nil, fmt.Errorf("PostgreSQL refuses to run as root, and none of the users %q exists: make one (useradd --system %s), or start this as another user", postgresAccounts, postgresAccounts[0])
}

// reached is how the account's processes name the data directory. Directories
// above it may be closed to them; through an open descriptor they reach it all
// the same, where the system has such names.
const reached = "/proc/self/fd/3"

func throughDescriptor() bool { return runtime.GOOS == "linux" }

// run makes the command run as the account, with the data directory open.
func (a *account) run(cmd *exec.Cmd, dir *os.File) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: a.uid, Gid: a.gid}}
	if throughDescriptor() {
		cmd.Dir = "/"
		cmd.ExtraFiles = []*os.File{dir}
	}
}

// seen is how the server names a file in the data directory.
func (p *Postgres) seen(name string) string {
	if p.account != nil && throughDescriptor() {
		return filepath.Join(reached, name)
	}
	return filepath.Join(p.config.DataDir, name)
}

// remedy says what helps when the account does not reach a directory.
func (a *account) remedy() string {
	if a == nil || throughDescriptor() {
		return ""
	}
	return fmt.Sprintf(" (if permission is denied, each directory above must be open to user %q (chmod o+x), or choose another one)", a.name)
}

// own gives a file to the server's user.
func (p *Postgres) own(path string) error {
	if p.account == nil {
		return nil
	}
	return os.Chown(path, int(p.account.uid), int(p.account.gid))
}

// copyPrograms copies the programs to where the account can run them.
func (p *Postgres) copyPrograms() error {
	var err error
	if p.copied, err = os.MkdirTemp("", "postgresql-programs-"); err != nil {
		return err
	}
	if err := os.CopyFS(p.copied, os.DirFS(filepath.Dir(p.programs.bin))); err != nil {
		return err
	}
	p.programs.bin = filepath.Join(p.copied, "bin")
	return filepath.WalkDir(p.copied, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, p.own(path))
	})
}
