// Command licences lists everything that Cupcakery is built and tested with, with
// its licence, and fails if one is not on the list of those that are allowed.
//
//	go run ./internal/make/licences
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cupcakery/cupcakery/internal/make/dependencies"
)

func main() {
	if err := check(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "check the licences:", err)
		os.Exit(1)
	}
}

func check(out io.Writer) error {
	linked, linkedErr := dependencies.Linked("./cmd/cupcakery")
	tested, testedErr := dependencies.Tested("./...")
	locked, lockedErr := dependencies.Locked("web/package-lock.json")
	faults := []error{linkedErr, testedErr, lockedErr}
	handedOn := map[string]bool{}
	for _, c := range linked {
		handedOn[c.String()] = true
	}
	for _, c := range append(tested, locked...) {
		use := "tool"
		if handedOn[c.String()] {
			use = "program"
		}
		for _, licence := range c.Licences {
			if _, err := fmt.Fprintf(out, "%-8s %-7s %-14s %s\n", c.Ecosystem, use, licence, c); err != nil {
				return err
			}
		}
		faults = append(faults, dependencies.Check(c, !handedOn[c.String()]))
	}
	return errors.Join(faults...)
}
