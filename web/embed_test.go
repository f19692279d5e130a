package web

import (
	"io/fs"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the document names must be in the same build, or people see a white page.
func TestTheDocumentNamesOnlyFilesOfItsBuild(t *testing.T) {
	t.Parallel()
	document, err := fs.ReadFile(Files(), "index.html")
	require.NoError(t, err, "build the pages first: make web")
	named := regexp.MustCompile(`(?:src|href)="/([^"]*)"`).FindAllSubmatch(document, -1)
	require.NotEmpty(t, named)
	for _, name := range named {
		_, err := fs.Stat(Files(), string(name[1]))
		require.NoError(t, err)
	}
}
