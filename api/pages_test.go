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

	"github.com/cupcakery/cupcakery/wire"
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
	for _, target := range []string{"/", "/orders/01936f8e-5c1a-7d3b-9f00-000000000001", "/sign-in", "/stations/bake", "/dashboard", "/attention", "/counter", "/kitchen", "/standing", "/find", "/find/01936f8e-5c1a-7d3b-9f00-000000000001", "/sheet", "/history"} {
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

// The table is RFC 9110, section 12.5.3.
func TestTheEncodingIsTheOneThatTheClientPrefers(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, withPages)
	const large, small = "/assets/app-1a2b3c.js", "/favicon.svg"
	for name, c := range map[string]struct {
		target string
		accept []string
		want   string
	}{
		"NothingIsSaid":              {large, nil, ""},
		"NoEncodingAtAll":            {large, []string{""}, ""},
		"Gzip":                       {large, []string{"gzip"}, "gzip"},
		"InCapitals":                 {large, []string{"GZip"}, "gzip"},
		"ByItsOldName":               {large, []string{"x-gzip"}, "gzip"},
		"AmongOthers":                {large, []string{"compress;q=0.5, gzip;q=1.0"}, "gzip"},
		"InASecondLine":              {large, []string{"br", "deflate, gzip;q=0.2"}, "gzip"},
		"OnlyOthers":                 {large, []string{"br, zstd"}, ""},
		"Refused":                    {large, []string{"gzip;q=0"}, ""},
		"RefusedAmongAll":            {large, []string{"gzip;q=0.000, *"}, ""},
		"Anything":                   {large, []string{"*"}, "gzip"},
		"AnythingButWhatIsNamed":     {large, []string{"gzip;q=0.3, *;q=0.5"}, ""},
		"LessThanPlain":              {large, []string{"gzip;q=0.4, identity;q=0.5"}, ""},
		"MoreThanPlain":              {large, []string{"gzip;q=1.0, identity; q=0.5, *;q=0"}, "gzip"},
		"PlainRefused":               {large, []string{"identity;q=0, gzip;q=0.1"}, "gzip"},
		"PlainRefusedWithAll":        {large, []string{"*;q=0, gzip;Q=0.1"}, "gzip"},
		"PlainRefusedAndNothingElse": {large, []string{"identity;q=0"}, ""},
		"EverythingRefused":          {large, []string{"*;q=0"}, ""},
		"AWeightThatIsNone":          {large, []string{"gzip;q=lots"}, ""},
		"AWeightAboveOne":            {large, []string{"gzip;q=1.5"}, ""},
		"EmptyElements":              {large, []string{", ,gzip,"}, "gzip"},
		"TooSmallToPay":              {small, []string{"gzip"}, ""},
		"TooSmallToPayAndPlainIsNot": {small, []string{"gzip, identity;q=0"}, "gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := newRequest(http.MethodGet, c.target, nil)
			for _, line := range c.accept {
				request.Header.Add("Accept-Encoding", line)
			}
			answer := do(t, server, request)
			require.Equal(t, http.StatusOK, answer.Code)
			require.Equal(t, c.want, answer.Header().Get("Content-Encoding"))
			require.Contains(t, answer.Header().Values("Vary"), "Accept-Encoding")
			data := answer.Body.Bytes()
			if c.want == "gzip" {
				reader, err := gzip.NewReader(answer.Body)
				require.NoError(t, err)
				data, err = io.ReadAll(reader)
				require.NoError(t, err)
			}
			require.Equal(t, somePages[c.target[1:]].Data, data)
		})
	}
}

// The table is RFC 9110, sections 8.8.3 and 13.1.2.
func TestWhatABrowserHasIsNotSentAgain(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, withPages)
	const target = "/assets/app-1a2b3c.js"
	plain := do(t, server, newRequest(http.MethodGet, target, nil)).Header().Get("ETag")
	compressed := do(t, server, newRequest(http.MethodGet, target, nil, "Accept-Encoding", "gzip")).Header().Get("ETag")
	require.NotEqual(t, plain, compressed, "what is another sequence of bytes has another strong tag")
	for _, tag := range []string{plain, compressed} {
		require.Regexp(t, `^"[0-9a-z-]+"$`, tag)
	}
	for name, c := range map[string]struct {
		has      []string
		encoding string
		status   int
	}{
		"TheSame":                    {[]string{plain}, "", http.StatusNotModified},
		"TheSameCompressed":          {[]string{compressed}, "gzip", http.StatusNotModified},
		"CompressedButAsksForPlain":  {[]string{compressed}, "", http.StatusOK},
		"PlainButAsksForCompressed":  {[]string{plain}, "gzip", http.StatusOK},
		"AWeakOne":                   {[]string{"W/" + plain}, "", http.StatusNotModified},
		"AnyOne":                     {[]string{"*"}, "", http.StatusNotModified},
		"OneOfAList":                 {[]string{`"a", W/"b,c" , ` + plain}, "", http.StatusNotModified},
		"OneOfTwoLines":              {[]string{`"a"`, plain}, "", http.StatusNotModified},
		"Another":                    {[]string{`"another"`}, "", http.StatusOK},
		"OneWithoutItsQuotes":        {[]string{plain[1 : len(plain)-1]}, "", http.StatusOK},
		"AListWithSomethingElseInIt": {[]string{`nonsense, ` + plain}, "", http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				request := newRequest(method, target, nil, "Accept-Encoding", c.encoding)
				for _, line := range c.has {
					request.Header.Add("If-None-Match", line)
				}
				answer := do(t, server, request)
				require.Equal(t, c.status, answer.Code)
				require.NotEmpty(t, answer.Header().Get("ETag"))
				require.Contains(t, answer.Header().Values("Vary"), "Accept-Encoding")
				require.Equal(t, "public, max-age=31536000, immutable", answer.Header().Get("Cache-Control"))
				if c.status == http.StatusNotModified {
					require.Empty(t, answer.Body.Bytes())
				}
			}
		})
	}
	require.Empty(t, do(t, server, newRequest(http.MethodGet, "/cellar", nil, "Accept", "text/html", "If-None-Match", "*")).Header().Get("ETag"), "an error is no file to keep")
}

func TestAnUnknownAddressIsAPageForPeopleAndAProblemForPrograms(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, withPages)
	person := do(t, server, newRequest(http.MethodGet, "/cellar", nil, "Accept", "text/html"))
	require.Equal(t, http.StatusNotFound, person.Code)
	require.Contains(t, person.Header().Values("Vary"), "Accept")
	for accept, page := range map[string]bool{"TEXT/HTML;level=1": true, "text/plain, text/html;q=0.1": true, "text/html;q=0, */*": false} {
		answer := do(t, server, newRequest(http.MethodGet, "/cellar", nil, "Accept", accept))
		require.Equal(t, page, strings.Contains(answer.Body.String(), "<title>"), accept)
	}
	require.Contains(t, person.Body.String(), "<title>")
	for _, target := range []string{"/cellar", "/assets/none.js", "/assets/../index.html", "/assets/.gitkeep", "/.gitkeep", "/.vite/manifest.json"} {
		requireProblem(t, do(t, server, newRequest(http.MethodGet, target, nil)), wire.ProblemNotFound)
	}
	requireProblem(t, do(t, server, newRequest(http.MethodGet, "/api/v1/cellar", nil, "Accept", "text/html")), wire.ProblemNotFound)
}

func TestABuildWithoutPagesSaysSo(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, func(c *Config) { c.Pages = fstest.MapFS{".gitkeep": {}} })
	problem := requireProblem(t, do(t, server, newRequest(http.MethodGet, "/dashboard", nil, "Accept", "text/html")), wire.ProblemNotFound)
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

// Scripts of other servers, and scripts inside a page, must not run, whatever
// text gets into a page.
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
