// Command notices writes what the licences of others ask for: the texts that go
// with every Go module in the program and every package in the pages. It takes
// them from the modules themselves and from what the pages' build has noted, so
// that they are always those of what was built.
//
//	go run ./internal/make/notices PACKAGE PAGES-LICENCES OUTPUT
package main

import (
	"bytes"
	"cmp"
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

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: notices PACKAGE PAGES-LICENCES OUTPUT")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "write the third-party notices:", err)
		os.Exit(1)
	}
}

// withoutText are modules that were looked into and come without a text. Another
// version is looked into again.
var withoutText = map[string]string{
	"github.com/nexus-rpc/nexus-proto-annotations v0.1.0": "This module comes without a licence text. It is a generated file of options of Protocol Buffers, by the authors of\n" +
		"Nexus RPC (https://github.com/nexus-rpc), on which go.temporal.io/api (MIT) depends.",
}

// component is a piece of somebody else's work.
type component struct {
	name  string // with its version
	texts []string
}

func write(program, pagesLicences, output string) error {
	modules, err := linkedModules(program)
	if err != nil {
		return err
	}
	packages, err := bundledPackages(pagesLicences)
	if err != nil {
		return err
	}
	return os.WriteFile(output, render(append(modules, packages...)), 0o644)
}

// linkedModules are the Go modules that the program is built from, and Go
// itself.
func linkedModules(program string) ([]component, error) {
	list := exec.Command("go", "list", "-deps", "-json=Dir,Standard,Module", program)
	list.Stderr = os.Stderr
	output, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("list what %s is built from: %w", program, err)
	}
	folders := map[string][]string{} // by module: those of its packages
	places := map[string]string{}
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
		name := found.Module.Path + " " + found.Module.Version
		folders[name] = append(folders[name], found.Dir)
		places[name] = found.Module.Dir
	}
	var modules []component
	var faults []error
	for name, dirs := range folders {
		texts, err := textsOf(places[name], dirs)
		if note, known := withoutText[name]; known && len(texts) == 0 {
			texts = []string{note}
		}
		if err == nil && len(texts) == 0 {
			err = fmt.Errorf("module %s has no licence text: find out whether it may be handed on, and note that in internal/make/notices", name)
		}
		faults = append(faults, err)
		modules = append(modules, component{name, texts})
	}
	standard, err := standardLibrary(modules)
	return append(modules, standard), errors.Join(append(faults, err)...)
}

// standardLibrary is Go's own. Some distributions leave its licence out; Go's
// other modules have the same one.
func standardLibrary(modules []component) (component, error) {
	name := "The Go standard library " + runtime.Version()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return component{}, fmt.Errorf("find Go: %w", err)
	}
	dir := strings.TrimSpace(string(root))
	if texts, err := textsOf(dir, []string{dir}); err != nil || len(texts) > 0 {
		return component{name, texts}, err
	}
	at := slices.IndexFunc(modules, func(m component) bool { return strings.HasPrefix(m.name, "golang.org/x/") })
	if at < 0 {
		return component{}, fmt.Errorf("%q has no licence", dir)
	}
	return component{name, modules[at].texts}, nil
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

// bundledPackages are the npm packages in the pages, as Vite has noted them.
func bundledPackages(file string) ([]component, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the licences of the pages' packages: %w", err)
	}
	var noted []struct{ Name, Version, Identifier, Text string }
	if err := json.Unmarshal(data, &noted); err != nil {
		return nil, fmt.Errorf("read the licences of the pages' packages in %q: %w", file, err)
	}
	var packages []component
	var faults []error
	for _, found := range noted {
		if found.Text == "" {
			faults = append(faults, fmt.Errorf("package %s %s (%s) has no licence text", found.Name, found.Version, found.Identifier))
		}
		packages = append(packages, component{found.Name + " " + found.Version, []string{found.Text}})
	}
	if len(packages) == 0 {
		faults = append(faults, fmt.Errorf("%q names no package", file))
	}
	return packages, errors.Join(faults...)
}

// render writes each text once, below the names of those that it goes with.
func render(components []component) []byte {
	names := map[string][]string{}
	for _, c := range components {
		for _, text := range c.texts {
			text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
			if !slices.Contains(names[text], c.name) {
				names[text] = append(names[text], c.name)
			}
		}
	}
	type notice struct {
		names []string
		text  string
	}
	var notices []notice
	for text, with := range names {
		slices.Sort(with)
		notices = append(notices, notice{with, text})
	}
	slices.SortFunc(notices, func(a, b notice) int {
		return cmp.Or(slices.Compare(a.names, b.names), strings.Compare(a.text, b.text))
	})
	var out bytes.Buffer
	out.WriteString("Third-party notices\n\nCupcakery contains the software below. Each text goes with what is named above it.\n")
	rule := strings.Repeat("=", 80)
	for _, n := range notices {
		fmt.Fprintf(&out, "\n%s\n%s\n%s\n\n%s\n", rule, strings.Join(n.names, "\n"), rule, n.text)
	}
	return out.Bytes()
}
