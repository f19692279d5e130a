// Package web has the pages that people order, work and watch with. They are
// built from this folder by "make web" and become part of the binary.
package web

import (
	"embed"
	"io/fs"
)

// A clone that has not built the pages has only the file that keeps the
// folder, whose name begins with a dot.
//
//go:embed all:dist
var dist embed.FS

// Files returns the built pages, with index.html at their root; there is none
// if they were not built before the binary.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the name is a good one
	}
	return files
}
