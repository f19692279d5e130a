package api

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/cupcakery/cupcakery/wire"
)

const (
	indexPage = "index.html"
	// worthCompressing is the size from which a file is sent compressed.
	worthCompressing = 1 << 10

	// contentPolicy lets a page load files of this server only, and run or show
	// nothing that stands in the page itself.
	contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

// pageRoutes are the addresses of pages. Each has the same document: the
// scripts in it read the address.
var pageRoutes = []string{"/orders/:id", "/sign-in", "/stations/:stage", "/dashboard", "/attention", "/counter", "/kitchen", "/standing", "/wall", "/find", "/find/:id", "/sheet", "/history", "/work"}

// fileRoutes are the addresses of what pages load.
var fileRoutes = []string{"/assets/*file", "/favicon.svg", "/icons/*file", "/manifest.webmanifest", "/staff.webmanifest", "/theme.js", "/third-party-notices.txt"}

// pages are the files of the browser's side by address, held in memory. A build
// without them has none.
type pages map[string]page

// page is a file of the browser's side.
type page struct {
	data       []byte
	compressed []byte // by gzip
	compresses bool   // so well that it is sent compressed
	mediaType  string
	hash       string
}

// mediaTypes are those of the files that pages consist of. The machine's own
// table differs from machine to machine.
var mediaTypes = map[string]string{
	".css":         "text/css; charset=utf-8",
	".html":        "text/html; charset=utf-8",
	".png":         "image/png",
	".js":          "text/javascript; charset=utf-8",
	".svg":         "image/svg+xml",
	".txt":         "text/plain; charset=utf-8",
	".webmanifest": "application/manifest+json",
	".woff2":       "font/woff2",
}

// readPages reads files into memory. Files and folders whose name begins with a
// dot are left out.
func readPages(files fs.FS) (pages, error) {
	read := pages{}
	if files == nil {
		return read, nil
	}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch hidden := name != "." && strings.HasPrefix(entry.Name(), "."); {
		case err != nil:
			return err
		case entry.IsDir() && hidden:
			return fs.SkipDir
		case entry.IsDir() || hidden:
			return nil
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		kind := cmp.Or(mediaTypes[path.Ext(name)], mime.TypeByExtension(path.Ext(name)), "application/octet-stream")
		read["/"+name] = page{data: data, mediaType: kind, hash: hex.EncodeToString(sum[:12])}.compress()
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the pages: %w", err)
	}
	return read, nil
}

// compress adds the file's compressed form, and whether to send it.
func (p page) compress() page {
	var compressed bytes.Buffer
	writer, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression)
	if err != nil {
		panic(err) // the level exists
	}
	_, _ = writer.Write(p.data) // into memory
	_ = writer.Close()
	p.compressed = compressed.Bytes()
	p.compresses = len(p.data) >= worthCompressing && compressed.Len() <= len(p.data)*9/10
	return p
}

func (s *Server) routePages(engine *gin.Engine) {
	for _, route := range pageRoutes {
		engine.GET(route, s.showPage)
	}
	for _, route := range fileRoutes {
		engine.GET(route, s.sendFile)
	}
	engine.GET(qrRoute, s.showQR)
}

// showPage sends the document that all pages share.
func (s *Server) showPage(c *gin.Context) {
	document, built := s.pages["/"+indexPage]
	if !built {
		s.fail(c, &problemError{Type: wire.ProblemNotFound, Detail: "This build has no pages: build it with make. GET / lists what there is."})
		return
	}
	// The document names the files of this build, so browsers must ask each time.
	s.send(c, document, "no-cache")
}

// sendFile sends what a page loads. A file under /assets has another name when
// its content changes.
func (s *Server) sendFile(c *gin.Context) {
	file, found := s.pages[c.Request.URL.Path]
	if !found {
		s.notFound(c)
		return
	}
	caching := "no-cache"
	if strings.HasPrefix(c.FullPath(), "/assets/") {
		caching = "public, max-age=31536000, immutable"
	}
	s.send(c, file, caching)
}

// send sends a file as net/http does, by RFC 9110: it compares validators and
// sends ranges. Each encoding has a strong ETag of its own.
func (s *Server) send(c *gin.Context, file page, caching string) {
	file.describe(c, caching)
	for _, name := range []string{"If-Match", "If-None-Match"} { // net/http reads their first line only
		if lines := c.Request.Header.Values(name); len(lines) > 1 {
			c.Request.Header.Set(name, strings.Join(lines, ", "))
		}
	}
	http.ServeContent(c.Writer, c.Request, "", time.Time{}, bytes.NewReader(file.chosen(c)))
}

// sendAs sends a file as the body of an answer that is not about the file, so
// without validators.
func (s *Server) sendAs(c *gin.Context, status int, file page, caching string) {
	file.describe(c, caching)
	c.Writer.Header().Del("ETag")
	c.Data(status, file.mediaType, file.chosen(c))
}

// describe sets the headers that say what is sent, in the encoding that the
// client prefers.
func (p page) describe(c *gin.Context, caching string) {
	header := c.Writer.Header()
	header.Set("Cache-Control", caching)
	header.Set("Content-Type", p.mediaType)
	header.Add("Vary", "Accept-Encoding")
	if p.isSentCompressed(c) {
		header.Set("Content-Encoding", "gzip")
		header.Set("ETag", `"`+p.hash+`-gzip"`)
	} else {
		header.Set("ETag", `"`+p.hash+`"`)
	}
}

func (p page) chosen(c *gin.Context) []byte {
	if p.isSentCompressed(c) {
		return p.compressed
	}
	return p.data
}

// isSentCompressed decides by RFC 9110, section 12.5.3. A client takes files
// uncompressed unless it says that it does not. One that takes neither form gets
// the file as it is, which section 12.4.1 allows.
func (p page) isSentCompressed(c *gin.Context) bool {
	weights := readWeights(c.Request.Header.Values("Accept-Encoding"))
	compressed, named := weights["gzip"]
	if !named {
		compressed, named = weights["x-gzip"] // the same, by section 8.4.1.3
	}
	others, all := weights["*"]
	if !named {
		compressed = others
	}
	plain, named := weights["identity"]
	switch {
	case compressed == 0:
		return false
	case named && plain == 0, !named && all && others == 0:
		return true // the only form that it takes
	case !p.compresses:
		return false
	case named:
		return compressed >= plain
	}
	return compressed >= others
}

// readWeights reads a header that lists names with weights, by RFC 9110, section
// 12.4.2. Names are in lower case. Entries that cannot be read and other
// parameters are left out.
func readWeights(values []string) map[string]float64 {
	weights := map[string]float64{}
	for _, value := range values {
		for each := range strings.SplitSeq(value, ",") {
			name, parameters, _ := strings.Cut(each, ";")
			name = strings.ToLower(strings.TrimSpace(name))
			weight, err := 1.0, error(nil)
			for parameter := range strings.SplitSeq(parameters, ";") {
				if key, q, is := strings.Cut(strings.TrimSpace(parameter), "="); is && strings.EqualFold(key, "q") {
					weight, err = strconv.ParseFloat(q, 64)
				}
			}
			if name != "" && err == nil && weight >= 0 && weight <= 1 {
				weights[name] = weight
			}
		}
	}
	return weights
}

// isForPerson reports whether a browser asks for something to show.
func isForPerson(c *gin.Context) bool {
	return readWeights(c.Request.Header.Values("Accept"))["text/html"] > 0
}
