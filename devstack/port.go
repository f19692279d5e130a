package devstack

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// localhost is where every part listens: a development stack is for this
// machine only.
const localhost = "127.0.0.1"

// PortInUseError says that a part's port is taken.
type PortInUseError struct {
	// For is what wants the port, such as "Temporal".
	For  string
	Port int
}

func (e *PortInUseError) Error() string {
	return fmt.Sprintf("port %d, wanted for %s, is in use by another program", e.Port, e.For)
}

// CheckPort returns a PortInUseError unless the port can be listened on.
// Port 0 always can.
func CheckPort(wantedFor string, port int) error {
	if port < 0 || port > 65535 {
		return fmt.Errorf("port %d, wanted for %s, is not a port: use 0 to 65535, 0 for any free one", port, wantedFor)
	}
	listener, err := net.Listen("tcp", hostPort(port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return &PortInUseError{For: wantedFor, Port: port}
	}
	if err != nil {
		return fmt.Errorf("listen for %s: %w", wantedFor, err)
	}
	return listener.Close()
}

// Ports of these numbers are handed out by FreePort. They lie below those that
// Linux and macOS give to outgoing connections: a part that comes back to its
// port after a restart does not find a connection sitting on it.
const firstFreePort, portsToGive = 20_000, 10_000

// startAttempts is how often a part is started when others take its ports.
const startAttempts = 3

// given holds the ports that this process has handed out. What it starts may
// not listen yet, or may be down for a moment: its port is not free then either.
var given sync.Map

// FreePort returns a port that nobody listens on, and never the same one twice.
// Another program may take it before it is used, so callers that pass it on try
// again with another one.
func FreePort() (int, error) {
	ports, err := freePorts(1)
	if err != nil {
		return 0, err
	}
	return ports[0], nil
}

// freePorts is FreePort for some that differ.
func freePorts(count int) ([]int, error) {
	var ports []int
	for len(ports) < count {
		listener, err := listenSomewhere()
		if err != nil {
			return nil, err
		}
		defer func() { _ = listener.Close() }() // it was only to hold the port
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

func listenSomewhere() (net.Listener, error) {
	for range 100 {
		port := firstFreePort + rand.IntN(portsToGive)
		if _, isGiven := given.Load(port); isGiven {
			continue
		}
		if listener, err := net.Listen("tcp", hostPort(port)); err == nil {
			given.Store(port, true)
			return listener, nil
		}
	}
	// Perhaps this machine allows no such ports: take what the system gives.
	listener, err := net.Listen("tcp", hostPort(0))
	if err != nil {
		return nil, fmt.Errorf("find a free port: %w", err)
	}
	return listener, nil
}

// isPortInUse reports whether a server's error or log says that another program
// was quicker to take its port.
func isPortInUse(err error) bool {
	return err != nil && strings.Contains(strings.ToLower(err.Error()), "address already in use")
}

func hostPort(port int) string { return net.JoinHostPort(localhost, strconv.Itoa(port)) }
