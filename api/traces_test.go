package api

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/cupcakery/cupcakery/internal/tracing"
)

// A request's span has its route, and joins a trace only if a trusted proxy says so.
func TestRequestsAreTraced(t *testing.T) {
	const theirs = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	const orderID = "01936f8e-5c1a-7d3b-9f00-000000000001"
	for name, test := range map[string]struct {
		method, target string
		proxy          string
		spans          []string
		joins          bool
	}{
		"FromAnybody":          {http.MethodGet, "/api/v1/menu", "", []string{"GET /api/v1/menu"}, false},
		"FromAProxy":           {http.MethodGet, "/api/v1/menu", "192.0.2.0/24", []string{"GET /api/v1/menu"}, true},
		"FromBehindAnother":    {http.MethodGet, "/api/v1/menu", "198.51.100.0/24", []string{"GET /api/v1/menu"}, false},
		"AboutAnOrder":         {http.MethodPost, "/api/v1/orders/" + orderID + "/cancel", "", []string{"POST /api/v1/orders/:id/cancel"}, false},
		"ByHead":               {http.MethodHead, "/api/v1/menu", "", []string{"GET /api/v1/menu"}, false},
		"NotOfProbes":          {http.MethodGet, "/healthz", "", nil, false},
		"NotOfPages":           {http.MethodGet, "/openapi.yaml", "", nil, false},
		"NotOfLiveConnections": {http.MethodGet, "/api/v1/live", "", nil, false},
		"NotOfWhatIsNotThere":  {http.MethodGet, "/api/v1/" + orderID, "", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			recorded := tracetest.NewInMemoryExporter()
			tracing.Use(sdktrace.NewTracerProvider(sdktrace.WithSyncer(recorded)))
			defer tracing.Use(nil)
			server := newTestServer(t, untouchedTemporal{}, func(c *Config) {
				if test.proxy != "" {
					c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix(test.proxy)}
				}
			})
			do(t, server, newRequest(test.method, test.target, nil, "traceparent", theirs))
			var names []string
			for _, span := range recorded.GetSpans() {
				names = append(names, span.Name)
				require.Equal(t, test.joins, span.Parent.IsValid())
				for _, attribute := range span.Attributes {
					require.NotContains(t, attribute.Value.String(), orderID)
				}
			}
			require.Equal(t, test.spans, names)
		})
	}
}
