package api

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"rsc.io/qr"
)

func TestAnOrdersPageCanBeOpenedFromAQRCode(t *testing.T) {
	t.Parallel()
	const target = "/orders/01936f8e-5c1a-7d3b-9f00-000000000001"
	server := newTestServer(t, untouchedTemporal{}, withPages)
	request := newRequest(http.MethodGet, target+"/qr.svg", nil)
	request.Host = "cupcakes.example:8443"
	recorder := do(t, server, request)
	require.Equal(t, http.StatusOK, recorder.Code)
	require.Equal(t, "image/svg+xml", recorder.Header().Get("Content-Type"))
	require.Equal(t, "no-store", recorder.Header().Get("Cache-Control"), "it has the order's id in it")

	code, err := qr.Encode("http://cupcakes.example:8443"+target, qr.M)
	require.NoError(t, err)
	require.Equal(t, string(drawQR(code)), recorder.Body.String())

	for _, id := range []string{"none", "01936F8E-5C1A-7D3B-9F00-000000000001x"} {
		require.Equal(t, http.StatusNotFound, do(t, server, newRequest(http.MethodGet, "/orders/"+id+"/qr.svg", nil)).Code, id)
	}
}

func TestAQRCodeSaysHTTPSWhereTheBrowserDoes(t *testing.T) {
	t.Parallel()
	const target = "/orders/01936f8e-5c1a-7d3b-9f00-000000000001"
	server := newTestServer(t, untouchedTemporal{}, func(c *Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} // where httptest's requests come from
	})
	plain := do(t, server, newRequest(http.MethodGet, target+"/qr.svg", nil))
	secure := do(t, server, newRequest(http.MethodGet, target+"/qr.svg", nil, "X-Forwarded-Proto", "https"))
	code, err := qr.Encode("https://"+newRequest(http.MethodGet, target, nil).Host+target, qr.M)
	require.NoError(t, err)
	require.Equal(t, string(drawQR(code)), secure.Body.String())
	require.NotEqual(t, plain.Body.String(), secure.Body.String())
}

func TestAQRCodeHasAWhiteEdgeAndEveryModule(t *testing.T) {
	t.Parallel()
	code, err := qr.Encode("x", qr.L)
	require.NoError(t, err)
	require.Equal(t, 21, code.Size)
	require.Contains(t, string(drawQR(code)), `viewBox="0 0 29 29"`)
	require.Contains(t, string(drawQR(code)), "M4 4h1v1h-1zM5 4h1v1h-1z", "the corner of a finder pattern")
}
