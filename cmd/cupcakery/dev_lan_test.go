package main

import (
	"bytes"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"rsc.io/qr"
)

// otherHome stands for an address of this machine in its network: one that nothing
// listens on that is for 127.0.0.1.
const otherHome = "127.0.0.2"

func TestDevOpensPagesAndAPIToTheNetworkAndNothingElse(t *testing.T) {
	t.Parallel()
	d := newDevRun(t)
	d.start("--ephemeral", "--lan="+otherHome)
	api, err := url.Parse(d.ready.API)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", api.Hostname(), "commands here go on as ever")
	require.Equal(t, "http://"+net.JoinHostPort(otherHome, api.Port()), d.ready.LAN)
	for _, address := range []string{d.ready.API, d.ready.LAN} {
		requireStatus(t, http.StatusOK, address+"/api/v1/menu")
		requireStatus(t, http.StatusNotFound, address+"/metrics")
	}
	for _, closed := range []string{d.ready.Temporal, d.ready.Kafka, strings.TrimPrefix(d.ready.TemporalUI, "http://"), strings.TrimSuffix(strings.TrimPrefix(d.ready.Metrics, "http://"), "/metrics")} {
		_, port, err := net.SplitHostPort(closed)
		require.NoError(t, err)
		_, err = net.Dial("tcp", net.JoinHostPort(otherHome, port))
		require.Error(t, err, closed)
	}
	// What is open, and to whom, is said.
	require.Contains(t, d.process.Output(), "Order from a phone: "+d.ready.LAN+"/")
	require.Contains(t, d.process.Output(), "Open to everybody in this network, without encryption")

	// A page that was opened by that address works, also for staff.
	for origin, want := range map[string]int{d.ready.LAN: http.StatusOK, d.ready.API: http.StatusForbidden} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.ready.LAN+"/api/v1/session", strings.NewReader(`{"name":"max","pin":"555555"}`))
		require.NoError(t, err)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Origin", origin)
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, want, answer.StatusCode, origin)
	}
	require.NoError(t, d.process.Stop(devStopsWithin))
}

func TestDevIsClosedToTheNetworkUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	d := newDevRun(t)
	d.start("--ephemeral")
	require.Empty(t, d.ready.LAN)
	api, err := url.Parse(d.ready.API)
	require.NoError(t, err)
	_, err = net.Dial("tcp", net.JoinHostPort(otherHome, api.Port()))
	require.Error(t, err)
	require.NotContains(t, d.process.Output(), "Open to everybody")
}

func TestTheLANIsNeverTheInternet(t *testing.T) {
	t.Parallel()
	for _, private := range []string{"192.168.1.20", "10.0.0.7", "172.16.3.4", "169.254.9.9", "fd00::7"} {
		addr, err := lanAddress(private)
		require.NoError(t, err)
		require.Equal(t, netip.MustParseAddr(private), addr)
	}
	for _, public := range []string{"0.0.0.0", "::", "8.8.8.8", "100.64.0.1", "2001:db8::1"} {
		_, err := lanAddress(public)
		require.ErrorContains(t, err, "private addresses only")
	}
	if addr, err := lanAddress(lanAuto); err == nil {
		require.True(t, isOfLAN(addr))
	} else {
		require.ErrorContains(t, err, "no private address")
	}
}

func TestJoinedListenersAreOne(t *testing.T) {
	t.Parallel()
	var all []net.Listener
	for range 2 {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		all = append(all, listener)
	}
	joined := joinListeners(all...)
	require.Equal(t, all[0].Addr(), joined.Addr())
	for _, listener := range all {
		there, err := net.Dial("tcp", listener.Addr().String())
		require.NoError(t, err)
		here, err := joined.Accept()
		require.NoError(t, err)
		require.Equal(t, there.LocalAddr().String(), here.RemoteAddr().String())
		require.NoError(t, here.Close())
		require.NoError(t, there.Close())
	}
	// One that nobody accepts any more is not left open.
	forgotten, err := net.Dial("tcp", all[1].Addr().String())
	require.NoError(t, err)
	require.NoError(t, joined.Close())
	require.NoError(t, joined.Close())
	_, err = forgotten.Read(make([]byte, 1))
	require.Error(t, err)
	_, err = joined.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
	for _, listener := range all {
		_, err := net.Dial("tcp", listener.Addr().String())
		require.Error(t, err)
	}
}

func TestACodeIsDrawnAsItIs(t *testing.T) {
	t.Parallel()
	code, err := qr.Encode("http://192.168.178.100:8080/", qr.M)
	require.NoError(t, err)
	var plain, coloured bytes.Buffer
	drawQR(&plain, code, false)
	drawQR(&coloured, code, true)
	lines := strings.Split(strings.TrimSuffix(plain.String(), "\n"), "\n")
	for y := range 2 * len(lines) {
		cells := []rune(lines[y/2])
		require.Len(t, cells, code.Size+2*quietZone)
		for x, cell := range cells {
			halves := map[rune][2]bool{' ': {}, '▀': {true, false}, '▄': {false, true}, '█': {true, true}}
			black, known := halves[cell]
			require.True(t, known)
			require.Equal(t, code.Black(x-quietZone, y-quietZone), black[y%2], "%d, %d", x, y)
		}
	}
	withoutColours := strings.NewReplacer("\x1b[38;5;16;48;5;231m", "", "\x1b[0m", "").Replace(coloured.String())
	require.Equal(t, plain.String(), withoutColours)
	require.NotEqual(t, plain.String(), coloured.String())
}
