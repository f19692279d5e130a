package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Everything that is linked into the program or bundled into the pages has its
// entry, of the version that is used.
func TestTheLicencesAreThoseOfAllThatIsBuiltIn(t *testing.T) {
	t.Parallel()
	c := invoke(t, "", "licences")
	require.Equal(t, 0, c.code, c.stderr+": make web makes them")
	lines := map[string]bool{}
	for line := range strings.Lines(c.stdout) {
		lines[strings.TrimSpace(line)] = true
	}

	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}", "./cmd/cupcakery")
	list.Dir = repositoryRoot
	modules, err := list.Output()
	require.NoError(t, err)
	require.Contains(t, string(modules), "github.com/gin-gonic/gin v")
	for module := range strings.Lines(string(modules)) {
		if module = strings.TrimSpace(module); module != "" {
			assert.True(t, lines[module], "%s has no entry: make web", module)
		}
	}
	assert.Contains(t, c.stdout, "The Go standard library go1.")

	// The pages' packages are those that their build has found in the bundle.
	// All that package.json names is in it.
	var manifest struct{ Dependencies map[string]string }
	var locked struct {
		Packages map[string]struct{ Version string }
	}
	for file, into := range map[string]any{"package.json": &manifest, "package-lock.json": &locked} {
		data, err := os.ReadFile(repositoryRoot + "/web/" + file)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(data, into))
	}
	require.NotEmpty(t, manifest.Dependencies)
	for name := range manifest.Dependencies {
		assert.True(t, lines[name+" "+locked.Packages["node_modules/"+name].Version], "%s has no entry: make web", name)
	}
	assert.Contains(t, c.stdout, "Permission is hereby granted, free of charge")
	assert.Contains(t, c.stdout, "Apache License")
}

// The image has them as a file too, for those who look there.
func TestTheImageHasTheLicences(t *testing.T) {
	t.Parallel()
	assert.Contains(t, instructions(t, "COPY"), "--from=build /src/LICENSE /src/web/dist/third-party-notices.txt /")
	assert.Contains(t, strings.Join(instructions(t, "RUN"), "\n"), "go run ./internal/make/notices ./cmd/cupcakery web/dist/.vite/licences.json web/dist/third-party-notices.txt")
	assert.False(t, isLeftOut(t, "LICENSE"))
	assert.False(t, isLeftOut(t, "internal/make/notices/main.go"))
}
