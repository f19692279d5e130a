package api

import (
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// addressOf is under which key what comes from a request's address is counted:
// sign-ins, orders and live connections.
// Who has one address of an IPv6 network has all 2⁶⁴ of it.
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

// clientAddress is where a request comes from: the address of the connection,
// unless that is a trusted proxy's. A proxy appends the address that it was
// asked from to X-Forwarded-For, so the list is read from its end, and each
// word is believed only if whoever has written it is trusted. What stands
// before that may be made up. A word that is no address ends the search: it
// all counts as the proxy's that has written it.
func (s *Server) clientAddress(r *http.Request) netip.Addr {
	address := readAddress(r.RemoteAddr)
	said := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, word := range slices.Backward(said) {
		if !s.trusts(address) {
			break
		}
		before := readAddress(word)
		if !before.IsValid() {
			break
		}
		address = before
	}
	if !s.trusts(address) && (address.IsPrivate() || address.IsLoopback()) && len(r.Header.Values("X-Forwarded-For")) > 0 {
		s.untrustedProxy.Do(func() {
			s.logger.Warn("a proxy is not trusted: everybody behind it counts as one address; if it is yours, name it with --trusted-proxies or CUPCAKERY_TRUSTED_PROXIES",
				slog.String("address", address.String()))
		})
	}
	return address
}

// readAddress reads an address as proxies write it: with a port or without, an
// IPv6 one in brackets or not, perhaps in quotes. What is none is the zero
// address.
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

// trusts reports whether an address is that of a proxy whose headers count.
func (s *Server) trusts(address netip.Addr) bool {
	return slices.ContainsFunc(s.trustedProxies, func(proxy netip.Prefix) bool { return proxy.Contains(address) })
}
