package architecture

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the repository's.
const root = "../.."

var (
	// filePaths are the files and folders that a text names in backquotes.
	filePaths = regexp.MustCompile("`([a-z0-9_.-]+(?:/[A-Za-z0-9_.*-]+)*/?)`")
	// rows are lines of a table that name a folder, then files in it.
	rows = regexp.MustCompile("(?m)^\\| `([a-z/]+)/`[a-z ]* \\| ((?:`[^`]+`(?:, )?)+) \\|")
	// links are a text's links to files of the repository.
	links = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
)

func TestDocsNameFilesThatExist(t *testing.T) {
	t.Parallel()
	texts, err := filepath.Glob(root + "/docs/*.md")
	require.NoError(t, err)
	for _, text := range append(texts, root+"/README.md", root+"/CONTRIBUTING.md", root+"/SECURITY.md") {
		t.Run(filepath.Base(text), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(text)
			require.NoError(t, err)
			for _, match := range filePaths.FindAllStringSubmatch(string(data), -1) {
				// Only what starts with one of our folders is meant as a path.
				first, _, isPath := strings.Cut(match[1], "/")
				if _, err := os.Stat(filepath.Join(root, first)); err != nil || !isPath {
					continue
				}
				found, err := filepath.Glob(filepath.Join(root, match[1]))
				require.NoError(t, err)
				require.NotEmpty(t, found, "%s is not there", match[1])
			}
			for _, row := range rows.FindAllStringSubmatch(string(data), -1) {
				for _, file := range strings.Split(row[2], ", ") {
					require.FileExists(t, filepath.Join(root, row[1], strings.Trim(file, "`")))
				}
			}
			for _, match := range links.FindAllStringSubmatch(string(data), -1) {
				_, err := os.Stat(filepath.Join(filepath.Dir(text), match[1]))
				require.NoError(t, err)
			}
		})
	}
}
