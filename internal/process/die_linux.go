package process

import "syscall"

// dieWithParent keeps a killed test or benchmark from leaving processes
// behind.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
