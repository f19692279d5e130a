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
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/cupcakery/cupcakery/internal/make/dependencies"
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

func write(program, pagesLicences, output string) error {
	modules, modulesErr := dependencies.Linked(program)
	packages, packagesErr := dependencies.Bundled(pagesLicences)
	if err := errors.Join(modulesErr, packagesErr); err != nil {
		return err
	}
	return os.WriteFile(output, render(append(modules, packages...)), 0o644)
}

// render writes each text once, below the names of those that it goes with.
func render(components []dependencies.Component) []byte {
	names := map[string][]string{}
	for _, c := range components {
		for _, text := range c.Texts {
			text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
			if !slices.Contains(names[text], c.String()) {
				names[text] = append(names[text], c.String())
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
