package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"

	"rsc.io/qr"
)

// lanAuto has --lan find this machine's address by itself.
const lanAuto = "auto"

// lanAddress is the address at which other machines of this network reach this one.
// It is never one that the whole internet may reach.
func lanAddress(wanted string) (netip.Addr, error) {
	if wanted != lanAuto {
		addr, err := netip.ParseAddr(wanted)
		switch {
		case err != nil:
			return addr, fmt.Errorf("--lan %q is no IP address: give one of this machine's, or none to have it found", wanted)
		case !isOfLAN(addr) && !addr.IsLoopback():
			return addr, fmt.Errorf("--lan %s: the demo staff's PINs are known to everybody, so this opens private addresses only, such as 192.168.1.20", addr)
		}
		return addr, nil
	}
	// This sends nothing: it asks which address of ours leads out.
	if conn, err := net.Dial("udp4", "192.0.2.1:9"); err == nil {
		local, _ := conn.LocalAddr().(*net.UDPAddr)
		_ = conn.Close() // nothing was sent
		if addr := local.AddrPort().Addr().Unmap(); isOfLAN(addr) {
			return addr, nil
		}
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Addr{}, fmt.Errorf("--lan: look for this machine's addresses: %w", err)
	}
	for _, each := range addresses {
		if network, err := netip.ParsePrefix(each.String()); err == nil && network.Addr().Is4() && isOfLAN(network.Addr()) {
			return network.Addr(), nil
		}
	}
	return netip.Addr{}, errors.New("--lan: this machine has no private address: is it on a network? You can name one, such as --lan=192.168.1.20")
}

func isOfLAN(addr netip.Addr) bool { return addr.IsPrivate() || addr.IsLinkLocalUnicast() }

// openToLAN lets the API listen on the network too, at the same port.
func (d *dev) openToLAN(addr netip.Addr) error {
	port := d.listener.Addr().(*net.TCPAddr).Port
	listener, err := net.Listen("tcp", net.JoinHostPort(addr.String(), strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("--lan: listen for the API on %s: %w", addr, err)
	}
	d.lanAddr = listener.Addr().String()
	d.listener = joinListeners(d.listener, listener)
	return nil
}

// joined are listeners that are one to who accepts.
type joined struct {
	all      []net.Listener
	accepted chan accepted
	closing  sync.Once
	closed   chan struct{}
}

type accepted struct {
	conn net.Conn
	err  error
}

// joinListeners makes one of several listeners. Its address is that of the first.
func joinListeners(all ...net.Listener) net.Listener {
	j := &joined{all: all, accepted: make(chan accepted), closed: make(chan struct{})}
	for _, listener := range all {
		go j.accept(listener)
	}
	return j
}

func (j *joined) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		select {
		case j.accepted <- accepted{conn, err}:
		case <-j.closed:
			if conn != nil {
				_ = conn.Close() // nobody takes it
			}
			return
		}
	}
}

// Accept implements net.Listener.
func (j *joined) Accept() (net.Conn, error) {
	select {
	case a := <-j.accepted:
		return a.conn, a.err
	case <-j.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (j *joined) Close() error {
	var faults []error
	j.closing.Do(func() {
		close(j.closed)
		for _, listener := range j.all {
			faults = append(faults, listener.Close())
		}
	})
	return errors.Join(faults...)
}

// Addr implements net.Listener.
func (j *joined) Addr() net.Addr { return j.all[0].Addr() }

// describeLAN says what is open to whom, with a code for phones.
func (d *dev) describeLAN() (string, error) {
	address := d.addresses().LAN
	if address == "" {
		return "", nil
	}
	code, err := qr.Encode(address+"/", qr.M)
	if err != nil {
		return "", fmt.Errorf("--lan: draw the code for phones: %w", err)
	}
	var text strings.Builder
	fmt.Fprintf(&text, "Order from a phone: %s/\n\n", address)
	drawQR(&text, code, isColourful(d.stdout))
	fmt.Fprintf(&text, "\nOpen to everybody in this network, without encryption: the pages and the API at %s.\n"+
		"Whoever is there can sign in with the PINs of the demo staff, as a manager too. Temporal, Kafka and\n"+
		"metrics stay with this machine. Start without --lan to close it again.\n\n", d.lanAddr)
	return text.String(), nil
}

// isColourful reports whether colours may be sent: to people who have not said no.
func isColourful(stream any) bool { return isTerminal(stream) && os.Getenv("NO_COLOR") == "" }

// quietZone is how many modules around a code are empty, or it is not recognised.
const quietZone = 4

// drawQR draws a code with half blocks, two rows in a line. A terminal's own colours
// may be light on dark, which some phones do not read, so it is given others.
func drawQR(w io.Writer, code *qr.Code, coloured bool) {
	blocks := [2][2]string{{" ", "▄"}, {"▀", "█"}}
	at := func(x, y int) int {
		if code.Black(x, y) {
			return 1
		}
		return 0
	}
	for y := -quietZone; y < code.Size+quietZone; y += 2 {
		var line strings.Builder
		for x := -quietZone; x < code.Size+quietZone; x++ {
			line.WriteString(blocks[at(x, y)][at(x, y+1)])
		}
		text := line.String()
		if coloured {
			text = "\x1b[38;5;16;48;5;231m" + text + "\x1b[0m"
		}
		_, _ = fmt.Fprintln(w, text) // into memory
	}
}
