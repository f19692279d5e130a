package api

import (
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

// addressOf is the key under which sign-ins, orders and live connections from a
// request's address are counted. For IPv6 it is the network: whoever has one of
// its addresses has all 2⁶⁴ of them.
func (s *Server) addressOf(r *http.Request) string {
	address := s.clientAddress(r)
	if !address.IsValid() {
		return "unknown"
	}
	if address.Is4() {
		return address.String()
	}
	network, err := address.Prefix(64)
	if err != nil {
		return "unknown"
	}
	return network.String()
}

// clientAddress is the address that a request comes from: that of the
// connection, unless a trusted proxy has it. A proxy appends to X-Forwarded-For
// the address from which it was asked. So the list is read from its end, and
// each entry is believed only if a trusted proxy has written it; entries before
// that may be made up. An entry that is no address ends the search, and the
// request counts for the proxy that has written it.
func (s *Server) clientAddress(r *http.Request) netip.Addr {
	address := readAddress(r.RemoteAddr)
	entries := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, entry := range slices.Backward(entries) {
		if !s.trusts(address) {
			break
		}
		previous := readAddress(entry)
		if !previous.IsValid() {
			break
		}
		address = previous
	}
	if !s.trusts(address) && (address.IsPrivate() || address.IsLoopback()) && len(r.Header.Values("X-Forwarded-For")) > 0 {
		s.warnOfProxy.Do(func() {
			s.logger.Warn("a proxy is not trusted: everybody behind it counts as one address; if it is yours, name it with --trusted-proxies or CUPCAKERY_TRUSTED_PROXIES",
				slog.String("address", address.String()))
		})
	}
	return address
}

// readAddress reads an address as proxies write it: with or without a port, an
// IPv6 one with or without brackets, perhaps in quotes. The result is the zero
// address if the text is no address.
func readAddress(text string) netip.Addr {
	text = strings.TrimSpace(text)
	if len(text) > 1 && strings.HasPrefix(text, `"`) && strings.HasSuffix(text, `"`) {
		text = text[1 : len(text)-1]
	}
	address, err := netip.ParseAddr(text)
	if err != nil && strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		address, err = netip.ParseAddr(text[1 : len(text)-1])
	}
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}
		}
		address = withPort.Addr()
	}
	return address.Unmap().WithZone("")
}

// trusts reports whether an address belongs to a proxy whose headers count.
func (s *Server) trusts(address netip.Addr) bool {
	return slices.ContainsFunc(s.trustedProxies, func(proxy netip.Prefix) bool { return proxy.Contains(address) })
}

// isHTTPS reports whether the browser speaks https, to this server or to a
// trusted proxy in front of it.
func (s *Server) isHTTPS(c *gin.Context) bool {
	if c.Request.TLS != nil {
		return true
	}
	if !s.trusts(readAddress(c.Request.RemoteAddr)) {
		return false
	}
	// Each proxy appends: the last entry is written by the one that is trusted.
	entries := strings.Split(strings.Join(c.Request.Header.Values("X-Forwarded-Proto"), ","), ",")
	return strings.EqualFold(strings.TrimSpace(entries[len(entries)-1]), "https")
}
