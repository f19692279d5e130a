package live

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

const (
	// readBuffer and writeBuffer are what a connection keeps. A change of a board
	// fits into the latter and is then written at once.
	readBuffer  = 512
	writeBuffer = 2 << 10
)

// Why a request is not made into a connection.
var (
	ErrNotWebSocket = errors.New("the request is no WebSocket's")
	ErrCrossSite    = errors.New("the request comes from a page of another site")
)

// checkUpgrade refuses what is no WebSocket, and pages of other sites: a
// browser lets any page connect and sends our cookies along.
func checkUpgrade(r *http.Request) error {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return ErrNotWebSocket
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil // no browser
	}
	from, err := url.Parse(origin)
	if err != nil || from.Host == "" || !strings.EqualFold(from.Host, r.Host) {
		return ErrCrossSite
	}
	return nil
}

// smallBuffers gives a connection smaller buffers when it is taken over than
// a request has: a page says little, and most of what it is sent fits.
type smallBuffers struct{ http.ResponseWriter }

// WriteHeaderNow is for response writers that hold the header back until they
// are told; the WebSocket library does so.
func (w smallBuffers) WriteHeaderNow() {
	if held, is := w.ResponseWriter.(interface{ WriteHeaderNow() }); is {
		held.WriteHeaderNow()
	}
}

// Hijack implements http.Hijacker.
func (w smallBuffers) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffers, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return conn, buffers, err
	}
	// What the client has sent already moves from one buffer to the other, where
	// it is looked for.
	sent := buffers.Reader.Buffered()
	reader := bufio.NewReaderSize(io.MultiReader(io.LimitReader(buffers.Reader, int64(sent)), conn), max(sent, readBuffer))
	if _, err := reader.Peek(sent); err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return conn, bufio.NewReadWriter(reader, bufio.NewWriterSize(conn, writeBuffer)), nil
}
