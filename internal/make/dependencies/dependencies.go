// Package dependencies finds what Cupcakery is made of that others have made, with
// its licences: Go modules and npm packages.
package dependencies

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// Ecosystem is where a component comes from, as package URLs name it.
type Ecosystem string

// The ecosystems.
const (
	Go  Ecosystem = "golang"
	NPM Ecosystem = "npm"
)

// Component is a piece of somebody else's work.
type Component struct {
	Ecosystem Ecosystem
	Name      string
	Version   string
	// Texts are what its licence asks to be handed on.
	Texts []string
	// Licences are the identifiers of SPDX, or expressions of it, all of which hold.
	Licences []string
}

// String is the component's name with its version.
func (c Component) String() string { return c.Name + " " + c.Version }

// withoutText are modules that were looked into and come without a text. Another
// version is looked into again.
var withoutText = map[string]string{
	"github.com/nexus-rpc/nexus-proto-annotations v0.1.0": "This module comes without a licence text. It is a generated file of options of Protocol Buffers, by the authors of\n" +
		"Nexus RPC (https://github.com/nexus-rpc), on which go.temporal.io/api (MIT) depends.",
}

// Linked are the Go modules that packages are built from, and Go itself.
func Linked(packages ...string) ([]Component, error) {
	return linked("-deps", packages)
}

// Tested are the Go modules that packages and their tests are built from, and Go
// itself.
func Tested(packages ...string) ([]Component, error) {
	return linked("-deps -test", packages)
}

func linked(flags string, packages []string) ([]Component, error) {
	program := strings.Join(packages, " ")
	list := exec.Command("go", slices.Concat([]string{"list"}, strings.Fields(flags), []string{"-json=Dir,Standard,Module"}, packages)...) //nolint:gosec // our own Makefile's
	list.Stderr = os.Stderr
	output, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("list what %s is built from: %w", program, err)
	}
	type module struct{ Path, Version, Dir string }
	folders := map[module][]string{} // those of its packages
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var found struct {
			Dir      string
			Standard bool
			Module   *struct {
				Path, Version, Dir string
				Main               bool
			}
		}
		if err := decoder.Decode(&found); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("read what %s is built from: %w", program, err)
		}
		if found.Standard || found.Module == nil || found.Module.Main {
			continue
		}
		of := module{found.Module.Path, found.Module.Version, found.Module.Dir}
		folders[of] = append(folders[of], found.Dir)
	}
	var modules []Component
	var faults []error
	for of, dirs := range folders {
		c := Component{Ecosystem: Go, Name: of.Path, Version: of.Version}
		var err error
		c.Texts, err = textsOf(of.Dir, dirs)
		c.Licences = classify(c.Texts)
		if note, known := withoutText[c.String()]; known && len(c.Texts) == 0 {
			c.Texts, c.Licences = []string{note}, []string{LookedInto}
		}
		if err == nil && len(c.Texts) == 0 {
			err = fmt.Errorf("module %s has no licence text: find out whether it may be handed on, and note that in internal/make/dependencies", c)
		}
		faults = append(faults, err)
		modules = append(modules, c)
	}
	slices.SortFunc(modules, func(a, b Component) int { return strings.Compare(a.String(), b.String()) })
	standard, err := standardLibrary(modules)
	return append(modules, standard), errors.Join(append(faults, err)...)
}

// StandardLibrary is the name of Go's own.
const StandardLibrary = "The Go standard library"

// standardLibrary is Go's own. Some distributions leave its licence out; Go's
// other modules have the same one.
func standardLibrary(modules []Component) (Component, error) {
	c := Component{Ecosystem: Go, Name: StandardLibrary, Version: runtime.Version(), Licences: []string{"BSD-3-Clause"}}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return c, fmt.Errorf("find Go: %w", err)
	}
	dir := strings.TrimSpace(string(root))
	if c.Texts, err = textsOf(dir, []string{dir}); err != nil || len(c.Texts) > 0 {
		return c, err
	}
	at := slices.IndexFunc(modules, func(m Component) bool { return strings.HasPrefix(m.Name, "golang.org/x/") })
	if at < 0 {
		return c, fmt.Errorf("%q has no licence", dir)
	}
	c.Texts = modules[at].Texts
	return c, nil
}

var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|copyright|notice|patents)([.-].*)?$`)

// textsOf reads what stands beside the folders, and above them up to the
// module's own: parts of a module may come from somebody else.
func textsOf(module string, folders []string) ([]string, error) {
	var texts []string
	seen := map[string]bool{}
	for _, folder := range folders {
		for dir := folder; !seen[dir]; dir = filepath.Dir(dir) {
			seen[dir] = true
			entries, err := os.ReadDir(dir)
			if err != nil {
				return nil, fmt.Errorf("look for licences: %w", err)
			}
			for _, entry := range entries {
				if entry.IsDir() || !licenceFile.MatchString(entry.Name()) || strings.HasSuffix(entry.Name(), ".go") {
					continue
				}
				text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
				if err != nil {
					return nil, fmt.Errorf("read a licence: %w", err)
				}
				texts = append(texts, string(text))
			}
			if dir == module {
				break
			}
		}
	}
	return texts, nil
}

// Bundled are the npm packages in the pages, as Vite has noted them.
func Bundled(file string) ([]Component, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the licences of the pages' packages: %w", err)
	}
	var noted []struct{ Name, Version, Identifier, Text string }
	if err := json.Unmarshal(data, &noted); err != nil {
		return nil, fmt.Errorf("read the licences of the pages' packages in %q: %w", file, err)
	}
	var packages []Component
	var faults []error
	for _, found := range noted {
		if found.Text == "" {
			faults = append(faults, fmt.Errorf("package %s %s (%s) has no licence text", found.Name, found.Version, found.Identifier))
		}
		packages = append(packages, Component{Ecosystem: NPM, Name: found.Name, Version: found.Version, Texts: []string{found.Text}, Licences: []string{found.Identifier}})
	}
	if len(packages) == 0 {
		faults = append(faults, fmt.Errorf("%q names no package", file))
	}
	return packages, errors.Join(faults...)
}

// Locked are all npm packages that the pages are built and tested with, with the
// licences that they declare.
func Locked(lockFile string) ([]Component, error) {
	data, err := os.ReadFile(lockFile)
	if err != nil {
		return nil, fmt.Errorf("read the pages' packages: %w", err)
	}
	var lock struct {
		Packages map[string]struct{ Version, License string }
	}
	if err := json.Unmarshal(data, &lock); err != nil {
		return nil, fmt.Errorf("read the pages' packages in %q: %w", lockFile, err)
	}
	const modules = "node_modules/"
	var packages []Component
	for path, found := range lock.Packages {
		if at := strings.LastIndex(path, modules); at >= 0 {
			name := path[at+len(modules):]
			packages = append(packages, Component{Ecosystem: NPM, Name: name, Version: found.Version, Licences: []string{found.License}})
		}
	}
	if len(packages) == 0 {
		return nil, fmt.Errorf("%q names no package", lockFile)
	}
	slices.SortFunc(packages, func(a, b Component) int { return strings.Compare(a.String(), b.String()) })
	return slices.CompactFunc(packages, func(a, b Component) bool { return a.String() == b.String() && slices.Equal(a.Licences, b.Licences) }), nil
}
