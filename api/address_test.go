package api

import (
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhereARequestComesFrom(t *testing.T) {
	t.Parallel()
	const proxy, inner, stranger = "10.1.2.3:4711", "10.9.9.9", "203.0.113.7:5678"
	for name, c := range map[string]struct {
		remote    string
		forwarded []string
		want      string
	}{
		"Nobody":                             {"@", nil, "unknown"},
		"AConnection":                        {stranger, nil, "203.0.113.7"},
		"AConnectionOverIPv6":                {"[2001:db8:1:2:3::4]:443", nil, "2001:db8:1:2::/64"},
		"AMappedAddress":                     {"[::ffff:203.0.113.7]:443", nil, "203.0.113.7"},
		"AnAddressWithAZone":                 {"[fe80::1%eth0]:443", nil, "fe80::/64"},
		"AStrangerWhoSaysOtherwise":          {stranger, []string{"198.51.100.1"}, "203.0.113.7"},
		"TheProxyItself":                     {proxy, nil, "10.1.2.3"},
		"Plain":                              {proxy, []string{"198.51.100.1"}, "198.51.100.1"},
		"WithAPort":                          {proxy, []string{"198.51.100.1:5678"}, "198.51.100.1"},
		"IPv6":                               {proxy, []string{"2001:db8::1"}, "2001:db8::/64"},
		"IPv6InBrackets":                     {proxy, []string{"[2001:db8::1]"}, "2001:db8::/64"},
		"IPv6WithAPort":                      {proxy, []string{"[2001:db8::1]:443"}, "2001:db8::/64"},
		"InQuotes":                           {proxy, []string{`"198.51.100.1:5678"`}, "198.51.100.1"},
		"IPv6InQuotes":                       {proxy, []string{`"[2001:db8::1]:443"`}, "2001:db8::/64"},
		"WithSpaceAround":                    {proxy, []string{" 198.51.100.1 "}, "198.51.100.1"},
		"WhatTheClientMadeUpBeforeIt":        {proxy, []string{"192.0.2.1, 198.51.100.1:5678"}, "198.51.100.1"},
		"WhatTheClientMadeUpInAnotherHeader": {proxy, []string{"192.0.2.1", "198.51.100.1"}, "198.51.100.1"},
		"AMadeUpProxyBeforeIt":               {proxy, []string{"192.0.2.1, " + inner + ", 198.51.100.1"}, "198.51.100.1"},
		"TwoProxies":                         {proxy, []string{"192.0.2.1, 198.51.100.1:99, " + inner + ":80"}, "198.51.100.1"},
		"NothingBeforeAProxy":                {proxy, []string{inner}, inner},
		"UnknownToTheProxy":                  {proxy, []string{"198.51.100.1, unknown"}, "10.1.2.3"},
		"NoAddress":                          {proxy, []string{"198.51.100.1:port"}, "10.1.2.3"},
		"AnEmptyHeader":                      {proxy, []string{""}, "10.1.2.3"},
		"AnEmptyWordAtTheEnd":                {proxy, []string{"198.51.100.1,"}, "10.1.2.3"},
		"AQuoteAlone":                        {proxy, []string{`"`}, "10.1.2.3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newTestServer(t, untouchedTemporal{}, func(c *Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
			request := newRequest(http.MethodGet, "/", nil)
			request.RemoteAddr = c.remote
			request.Header["X-Forwarded-For"] = c.forwarded
			require.Equal(t, c.want, server.addressOf(request))
		})
	}
}

func TestAForgottenProxyIsNamedOnce(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	server := newTestServer(t, untouchedTemporal{}, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	for _, remote := range []string{"203.0.113.7:1", "10.1.2.3:1", "10.1.2.4:1"} {
		request := newRequest(http.MethodGet, "/", nil, "X-Forwarded-For", "198.51.100.1")
		request.RemoteAddr = remote
		server.addressOf(request)
	}
	require.Equal(t, 1, strings.Count(log.String(), "--trusted-proxies"), log.String())
	require.Contains(t, log.String(), "address=10.1.2.3", "not what a stranger makes up")
}
