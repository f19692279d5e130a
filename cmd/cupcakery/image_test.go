package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const dockerfilePath = repositoryRoot + "/deploy/Dockerfile"

func TestTheImageIsBuiltFromPinnedImagesWithGoModsVersionOfGo(t *testing.T) {
	t.Parallel()
	pinned := regexp.MustCompile(`^[a-z0-9./-]+:([0-9]+\.[0-9]+\.[0-9]+[a-z0-9.-]*|[a-z0-9.-]+@sha256:[0-9a-f]{64})$`)
	from := instructions(t, "FROM")
	require.Len(t, from, 3, "one stage builds the pages, one the program, one runs")
	for _, arguments := range from {
		image, _, _ := strings.Cut(arguments, " ")
		assert.Regexp(t, pinned, image)
	}
	mod, err := os.ReadFile(repositoryRoot + "/go.mod")
	require.NoError(t, err)
	want := regexp.MustCompile(`(?m)^go ([0-9]+\.[0-9]+)\.([0-9]+)$`).FindSubmatch(mod)
	require.NotNil(t, want)
	got := regexp.MustCompile(`^golang:([0-9]+\.[0-9]+)\.([0-9]+)-`).FindStringSubmatch(from[1])
	require.NotNil(t, got)
	assert.Equal(t, string(want[1]), got[1], "the release of go.mod, with its security fixes")
	assert.GreaterOrEqual(t, len(got[2]), len(want[2]))
	if len(got[2]) == len(want[2]) {
		assert.GreaterOrEqual(t, got[2], string(want[2]))
	}
	assert.Contains(t, from[2], "gcr.io/distroless/static-")

	node := regexp.MustCompile(`^node:([0-9]+)\.([0-9]+)\.`).FindStringSubmatch(from[0])
	require.NotNil(t, node)
	engines, err := os.ReadFile(repositoryRoot + "/web/package.json")
	require.NoError(t, err)
	assert.Contains(t, string(engines), `"node": ">=20.19"`)
	assert.Equal(t, "20", node[1])
	assert.GreaterOrEqual(t, node[2], "19")
}

func TestTheImageRunsTheProgramWithoutRootAndKnowsItsVersion(t *testing.T) {
	t.Parallel()
	users := instructions(t, "USER")
	require.NotEmpty(t, users)
	// In numbers, so that Kubernetes can tell that it is not root.
	assert.Regexp(t, `^[1-9][0-9]*:[1-9][0-9]*$`, users[len(users)-1])

	assert.Equal(t, []string{binaryInImage}, jsonForm(t, "ENTRYPOINT"))
	copies := instructions(t, "COPY")
	assert.Equal(t, "--from=build /out/cupcakery "+binaryInImage, copies[len(copies)-1])

	// A linker variable that does not exist is ignored without a word, so it is
	// held here that version is one: a string of package main.
	var _ string = version
	build := instructions(t, "RUN")
	assert.Contains(t, build[len(build)-1], `-X main.version=${VERSION}`)
	assert.Contains(t, build[len(build)-1], "CGO_ENABLED=0", "distroless static has no C library")
	assert.Equal(t, []string{"VERSION=development"}, instructions(t, "ARG"))
}

func TestTheImageStartsTheAPIAndAsksForItsHealth(t *testing.T) {
	t.Parallel()
	starts := parsedCommand(t, jsonForm(t, "CMD")).Flags()
	_, port, found := strings.Cut(starts.Lookup("listen").Value.String(), ":")
	require.True(t, found)
	assert.Equal(t, []string{port}, instructions(t, "EXPOSE"))
	_, operators, found := strings.Cut(starts.Lookup("metrics-listen").Value.String(), ":")
	require.True(t, found)
	check := instructions(t, "HEALTHCHECK")
	require.Len(t, check, 1)
	_, test, found := strings.Cut(check[0], "CMD ")
	require.True(t, found)
	var args []string
	require.NoError(t, json.Unmarshal([]byte(test), &args))
	require.Equal(t, binaryInImage, args[0])
	// Not the customers' address, which may have TLS.
	assertAsksItself(t, parsedCommand(t, args[1:]).Flags().Arg(0), []string{operators})
}

func TestTheImagesBuildGetsEveryFileItNeeds(t *testing.T) {
	t.Parallel()
	for _, arguments := range instructions(t, "COPY") {
		fields := strings.Fields(arguments)
		if strings.HasPrefix(fields[0], "--from=") {
			continue
		}
		for _, source := range fields[:len(fields)-1] {
			_, err := os.Stat(filepath.Join(repositoryRoot, source))
			assert.NoError(t, err)
			assert.False(t, isLeftOut(t, source), source)
		}
	}
	sources := programSources(t)
	require.Contains(t, sources, "cmd/cupcakery/main.go")
	require.Contains(t, sources, "kitchen/default.yaml")
	assert.Contains(t, instructions(t, "COPY"), "--from=pages /src/web/dist web/dist")
	for _, source := range sources {
		if strings.HasPrefix(source, "web/dist/") {
			continue // built by the stage before
		}
		assert.False(t, isLeftOut(t, source), "%s is part of the program, and .dockerignore leaves it out", source)
	}
	// The pages are built from all that git has of them.
	list := exec.CommandContext(t.Context(), "git", "ls-files", "web")
	list.Dir = repositoryRoot
	tracked, err := list.Output()
	require.NoError(t, err)
	for source := range strings.FieldsSeq(string(tracked)) {
		if !strings.HasSuffix(source, "_test.go") && !strings.HasPrefix(source, "web/dist/") {
			assert.False(t, isLeftOut(t, source), "%s belongs to the pages, and .dockerignore leaves it out", source)
		}
	}
	for _, file := range []string{".git/config", ".tools/temporal", ".cupcakery/temporal.db", "bin/cupcakery", "web/node_modules/x", "kitchen/ack_test.go"} {
		assert.True(t, isLeftOut(t, file), file)
	}
}

// Secrets that people keep beside the sources, as README, docs and
// docker-compose.yml tell them or in any folder, get neither into an image nor
// into a commit.
func TestSecretsGetIntoNoImageAndNoCommit(t *testing.T) {
	t.Parallel()
	repository := t.TempDir()
	git := func(args ...string) error {
		command := exec.CommandContext(t.Context(), "git", args...)
		command.Dir = repository
		return command.Run()
	}
	require.NoError(t, git("init", "--quiet"))
	ignore, err := os.ReadFile(repositoryRoot + "/.gitignore")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(repository, ".gitignore"), ignore, 0o600))
	for _, folder := range []string{"", "deploy/", "secrets/of/the/bakery/"} {
		for _, file := range []string{
			".env", ".env.production", "my-staff.yaml", "staff.yml", "staff-of-may.yaml", "secret", "secret.txt", "client-secret.txt",
			"keyset.json", "encryption-keyset.json", "tls.key", "tls.crt", "kafka-ca.pem", "keystore.jks", "client.p12", "temporal.toml",
		} {
			name := folder + file
			assert.True(t, isLeftOut(t, name), "%s would get into an image", name)
			assert.NoError(t, git("check-ignore", "--quiet", name), "%s would get into a commit", name)
		}
	}
	assert.NoError(t, git("check-ignore", "--quiet", ".cupcakery/secret"))
	for _, file := range []string{"deploy/staff.yaml", "cmd/cupcakery/dev_staff.yaml", "docs/staff.md", "kitchen/staff.go"} {
		assert.Error(t, git("check-ignore", "--quiet", file), "%s belongs to the project", file)
	}
}

// instructions lists the arguments of every instruction of that name in the
// Dockerfile, continued lines joined.
func instructions(t *testing.T, name string) []string {
	t.Helper()
	data, err := os.ReadFile(dockerfilePath)
	require.NoError(t, err)
	text := regexp.MustCompile(`(?m)^\s*#.*\n`).ReplaceAllString(string(data), "")
	text = regexp.MustCompile(`\s*\\\n\s*`).ReplaceAllString(text, " ")
	var found []string
	for line := range strings.SplitSeq(text, "\n") {
		if instruction, arguments, _ := strings.Cut(line, " "); instruction == name {
			found = append(found, strings.TrimSpace(arguments))
		}
	}
	return found
}

// jsonForm is the one instruction of that name, in its form without a shell.
func jsonForm(t *testing.T, name string) []string {
	t.Helper()
	found := instructions(t, name)
	require.Len(t, found, 1, name)
	var args []string
	require.NoError(t, json.Unmarshal([]byte(found[0]), &args), name)
	return args
}

// isLeftOut reports whether .dockerignore keeps the file out of the image's
// build.
func isLeftOut(t *testing.T, file string) bool {
	t.Helper()
	ignore, err := os.Open(repositoryRoot + "/.dockerignore")
	require.NoError(t, err)
	defer func() { require.NoError(t, ignore.Close()) }()
	patterns, err := ignorefile.ReadAll(ignore)
	require.NoError(t, err)
	matcher, err := patternmatcher.New(patterns)
	require.NoError(t, err)
	leftOut, err := matcher.MatchesOrParentMatches(file)
	require.NoError(t, err)
	return leftOut
}

// programSources lists the project's own files that the program is built from.
func programSources(t *testing.T) []string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=Dir,Standard,Module,GoFiles,EmbedFiles", "./cmd/cupcakery")
	list.Dir = repositoryRoot
	list.Env = append(os.Environ(), "GOOS=linux", "CGO_ENABLED=0")
	var stderr bytes.Buffer
	list.Stderr = &stderr
	output, err := list.Output()
	require.NoError(t, err, stderr.String())
	root, err := filepath.Abs(repositoryRoot)
	require.NoError(t, err)
	sources := []string{"go.mod", "go.sum"}
	decoder := json.NewDecoder(bytes.NewReader(output))
	for {
		var dependency struct {
			Dir                 string
			Module              *struct{ Main bool }
			GoFiles, EmbedFiles []string
		}
		if err := decoder.Decode(&dependency); errors.Is(err, io.EOF) {
			return sources
		} else {
			require.NoError(t, err)
		}
		if dependency.Module == nil || !dependency.Module.Main {
			continue
		}
		for _, file := range append(dependency.GoFiles, dependency.EmbedFiles...) {
			source, err := filepath.Rel(root, filepath.Join(dependency.Dir, file))
			require.NoError(t, err)
			sources = append(sources, filepath.ToSlash(source))
		}
	}
}
