package dependencies

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTextsOfAModuleAreThoseOfItsPackagesToo(t *testing.T) {
	t.Parallel()
	module := t.TempDir()
	for name, text := range map[string]string{
		"LICENSE": "ours", "NOTICE.txt": "notice", "licence.md": "more", "license.go": "package license", "README": "read",
		"zip/LICENSE": "somebody else's", "other/LICENSE": "not linked",
	} {
		file := filepath.Join(module, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	texts, err := textsOf(module, []string{module, filepath.Join(module, "zip")})
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"ours", "notice", "more", "somebody else's"}, texts)
}

func TestPackagesOfThePagesWithoutATextAreNamed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "licences.json")
	require.NoError(t, os.WriteFile(file, []byte(`[{"name": "x", "version": "1", "identifier": "MIT", "text": ""}, {"name": "y", "version": "2", "text": "MIT"}]`), 0o600))
	_, err := Bundled(file)
	require.ErrorContains(t, err, "package x 1 (MIT) has no licence text")
	require.NotContains(t, err.Error(), "y 2")
	require.NoError(t, os.WriteFile(file, []byte(`[]`), 0o600))
	_, err = Bundled(file)
	require.ErrorContains(t, err, "names no package")
}
