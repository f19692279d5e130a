package api

import (
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

var somePages = fstest.MapFS{
	"index.html":           {Data: []byte("<!doctype html><title>Cupcakery</title>")},
	"assets/app-1a2b3c.js": {Data: []byte(strings.Repeat("console.log('cupcakes');", 100))},
	"favicon.svg":          {Data: []byte("<svg/>")},
	".gitkeep":             {},
	".vite/manifest.json":  {Data: []byte("{}")},
}

func withPages(c *Config) { c.Pages = somePages }

func TestABrowserGetsPagesAndAProgramTheIndex(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, withPages)
	for _, target := range []string{"/", "/orders/01936f8e-5c1a-7d3b-9f00-000000000001", "/sign-in", "/stations/bake", "/dashboard", "/attention", "/counter"} {
		recorder := do(t, server, newRequest(http.MethodGet, target, nil, "Accept", "text/html,application/xhtml+xml,*/*;q=0.8"))
		require.Equal(t, http.StatusOK, recorder.Code, target)
		require.Equal(t, "text/html; charset=utf-8", recorder.Header().Get("Content-Type"))
		require.Equal(t, "no-cache", recorder.Header().Get("Cache-Control"))
		require.Contains(t, recorder.Body.String(), "<title>Cupcakery</title>")
	}
	index := do(t, server, newRequest(http.MethodGet, "/", nil, "Accept", "*/*"))
	require.Contains(t, index.Header().Get("Content-Type"), "text/plain")
	require.Contains(t, index.Body.String(), "/api/v1/orders")
	require.Contains(t, index.Header().Values("Vary"), "Accept")
}

func TestWhatPagesLoadIsCompressedAndKept(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, withPages)
	const target = "/assets/app-1a2b3c.js"
	plain := do(t, server, newRequest(http.MethodGet, target, nil))
	require.Equal(t, http.StatusOK, plain.Code)
	require.Equal(t, "text/javascript; charset=utf-8", plain.Header().Get("Content-Type"))
	require.Equal(t, "public, max-age=31536000, immutable", plain.Header().Get("Cache-Control"))
	require.Equal(t, somePages["assets/app-1a2b3c.js"].Data, plain.Body.Bytes())
	require.Contains(t, plain.Header().Values("Vary"), "Accept-Encoding")

	compressed := do(t, server, newRequest(http.MethodGet, target, nil, "Accept-Encoding", "br, gzip;q=0.9"))
	require.Equal(t, "gzip", compressed.Header().Get("Content-Encoding"))
	require.Less(t, compressed.Body.Len(), plain.Body.Len()/2)
	reader, err := gzip.NewReader(compressed.Body)
	require.NoError(t, err)
	data, err := io.ReadAll(reader)
	require.NoError(t, err)
	require.Equal(t, plain.Body.Bytes(), data)

	again := do(t, server, newRequest(http.MethodGet, target, nil, "If-None-Match", plain.Header().Get("ETag")))
	require.Equal(t, http.StatusNotModified, again.Code)
	require.Empty(t, again.Body.Bytes())
	require.Empty(t, do(t, server, newRequest(http.MethodGet, "/favicon.svg", nil, "Accept-Encoding", "gzip")).Header().Get("Content-Encoding"), "too small to pay")
}

func TestAnUnknownAddressIsAPageForPeopleAndAProblemForPrograms(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, withPages)
	person := do(t, server, newRequest(http.MethodGet, "/cellar", nil, "Accept", "text/html"))
	require.Equal(t, http.StatusNotFound, person.Code)
	require.Contains(t, person.Body.String(), "<title>")
	for _, target := range []string{"/cellar", "/assets/none.js", "/assets/../index.html", "/assets/.gitkeep", "/.gitkeep", "/.vite/manifest.json"} {
		requireProblem(t, do(t, server, newRequest(http.MethodGet, target, nil)), ProblemNotFound)
	}
	requireProblem(t, do(t, server, newRequest(http.MethodGet, "/api/v1/cellar", nil, "Accept", "text/html")), ProblemNotFound)
}

func TestABuildWithoutPagesSaysSo(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, func(c *Config) { c.Pages = fstest.MapFS{".gitkeep": {}} })
	problem := requireProblem(t, do(t, server, newRequest(http.MethodGet, "/dashboard", nil, "Accept", "text/html")), ProblemNotFound)
	require.Contains(t, problem.Detail, "This build has no pages")
	require.Contains(t, do(t, server, newRequest(http.MethodGet, "/", nil, "Accept", "text/html")).Body.String(), "/api/v1/orders")
}

type brokenFiles struct{}

func (brokenFiles) Open(string) (fs.File, error) { return nil, errors.New("broken") }

func TestPagesThatCannotBeReadKeepTheServerFromStarting(t *testing.T) {
	t.Parallel()
	_, err := New(Config{Temporal: untouchedTemporal{}, Secret: testSecret, Pages: brokenFiles{}})
	require.ErrorContains(t, err, "read the pages: broken")
	read, err := readPages(somePages)
	require.NoError(t, err)
	require.Len(t, read, 3, "what begins with a dot is left out")
}

// Scripts of others, and any that stand in a page, must not run, whatever text
// gets into one.
func TestEveryAnswerForbidsWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, withPages)
	for _, target := range []string{"/", "/orders/x", "/assets/app-1a2b3c.js", "/api/v1/menu", "/api/v1/orders", "/cellar"} {
		header := do(t, server, newRequest(http.MethodGet, target, nil, "Accept", "text/html")).Header()
		policy := header.Get("Content-Security-Policy")
		require.Contains(t, policy, "default-src 'none'; script-src 'self';", target)
		require.Contains(t, policy, "frame-ancestors 'none'")
		require.NotContains(t, policy, "unsafe")
		require.Equal(t, "no-referrer", header.Get("Referrer-Policy"))
		require.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
		require.Equal(t, "same-origin", header.Get("Cross-Origin-Opener-Policy"))
	}
}
