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
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

const (
	indexPage = "index.html"
	// worthCompressing is from which size on a file is kept compressed too.
	worthCompressing = 1 << 10

	// contentPolicy lets a page load and do only what comes from this server,
	// and nothing that stands in the page itself.
	contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

// pageRoutes are the addresses of pages. Each has the same document: the
// scripts in it read the address.
var pageRoutes = []string{"/orders/:id", "/sign-in", "/stations/:stage", "/dashboard", "/attention", "/counter"}

// fileRoutes are the addresses of what pages load.
var fileRoutes = []string{"/assets/*file", "/favicon.svg", "/manifest.webmanifest", "/theme.js"}

// pages are the browser's side, held in memory as it is sent. A build without
// them has none.
type pages map[string]page

// page is a file of the browser's side.
type page struct {
	data       []byte
	compressed []byte // by gzip; nil if that is not worth it
	mediaType  string
	tag        string
}

// mediaTypes are those of the files that pages consist of: what the machine
// knows of them differs from machine to machine.
var mediaTypes = map[string]string{
	".css":         "text/css; charset=utf-8",
	".html":        "text/html; charset=utf-8",
	".js":          "text/javascript; charset=utf-8",
	".svg":         "image/svg+xml",
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
		read["/"+name] = page{data: data, compressed: compress(data), mediaType: kind, tag: `"` + hex.EncodeToString(sum[:12]) + `"`}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the pages: %w", err)
	}
	return read, nil
}

// compress returns nil unless it pays.
func compress(data []byte) []byte {
	if len(data) < worthCompressing {
		return nil
	}
	var compressed bytes.Buffer
	writer, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is a good one
	}
	_, _ = writer.Write(data) // into memory
	_ = writer.Close()
	if compressed.Len() > len(data)*9/10 {
		return nil
	}
	return compressed.Bytes()
}

func (s *Server) routePages(engine *gin.Engine) {
	for _, route := range pageRoutes {
		engine.GET(route, s.showPage)
	}
	for _, route := range fileRoutes {
		engine.GET(route, s.sendFile)
	}
}

// showPage sends the document that all pages share.
func (s *Server) showPage(c *gin.Context) {
	document, built := s.pages["/"+indexPage]
	if !built {
		s.fail(c, &problemError{Type: ProblemNotFound, Detail: "This build has no pages: build it with make. GET / lists what there is."})
		return
	}
	// It names the files of this build, so it is asked for each time.
	s.send(c, http.StatusOK, document, "no-cache")
}

// sendFile sends what a page loads. The names under /assets change with their
// content.
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
	s.send(c, http.StatusOK, file, caching)
}

func (s *Server) send(c *gin.Context, status int, file page, caching string) {
	header := c.Writer.Header()
	header.Set("Cache-Control", caching)
	header.Set("ETag", file.tag)
	header.Add("Vary", "Accept-Encoding")
	if status == http.StatusOK && slices.Contains(listed(c.Request.Header.Values("If-None-Match")), file.tag) {
		c.Status(http.StatusNotModified)
		c.Writer.WriteHeaderNow()
		return
	}
	data := file.data
	if file.compressed != nil && slices.Contains(listed(c.Request.Header.Values("Accept-Encoding")), "gzip") {
		header.Set("Content-Encoding", "gzip")
		data = file.compressed
	}
	c.Data(status, file.mediaType, data)
}

// listed splits a header that lists things. What follows a semicolon is left
// out.
func listed(values []string) []string {
	var all []string
	for _, value := range values {
		for each := range strings.SplitSeq(value, ",") {
			name, _, _ := strings.Cut(each, ";")
			all = append(all, strings.TrimSpace(name))
		}
	}
	return all
}

// isForPerson reports whether a browser asks for something to show.
func isForPerson(c *gin.Context) bool {
	return slices.Contains(listed(c.Request.Header.Values("Accept")), "text/html")
}
