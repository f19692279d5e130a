package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// event is a line of "go test -json"; see "go doc test2json".
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Output     string
}

// testName names a test; without Test, what its package says for itself.
type testName struct{ Package, Test string }

func (n testName) String() string { return n.Package + " " + n.Test }

// report gathers what tests say until it is known whether it matters.
type report struct {
	w        io.Writer
	output   map[testName]*strings.Builder
	passed   int
	failed   int
	broken   []string        // packages that failed without a failed test: not built, or broken off
	inFailed map[string]bool // packages that have a failed test
	packages int
	skipped  []string
}

func newReport(w io.Writer) *report {
	return &report{w: w, output: map[testName]*strings.Builder{}, inFailed: map[string]bool{}}
}

// read takes all events, and prints each package's line and what failed.
func (r *report) read(events io.Reader) error {
	lines := bufio.NewReader(events)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) == nil && e.Action != "" {
				r.take(e)
			} else {
				r.print(string(line)) // not every failure of go test is an event
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the output of go test: %w", err)
		}
	}
}

func (r *report) take(e event) {
	name := testName{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		r.print(e.Output)
	case "output":
		if e.Test == "" && isPackageLine(e.Output) {
			r.print(e.Output)
			return
		}
		if e.Test == "" && (e.Output == "PASS\n" || e.Output == "FAIL\n") {
			return // the package's line says so too
		}
		if r.output[name] == nil {
			r.output[name] = &strings.Builder{}
		}
		r.output[name].WriteString(e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e)
		} else {
			r.endTest(e, name)
		}
	}
}

func (r *report) endTest(e event, name testName) {
	switch e.Action {
	case "pass":
		r.passed++
	case "fail":
		r.failed++
		r.inFailed[e.Package] = true
		r.printOutput(name)
	case "skip":
		r.skipped = append(r.skipped, name.String())
	}
	delete(r.output, name)
}

// endPackage prints, of a package that failed, what no finished test has said:
// a panic, a race, or where tests were when time ran out.
func (r *report) endPackage(e event) {
	var rest []testName
	for _, name := range slices.SortedFunc(maps.Keys(r.output), func(a, b testName) int { return strings.Compare(a.Test, b.Test) }) {
		if name.Package == e.Package {
			rest = append(rest, name)
		}
	}
	if e.Action == "fail" {
		if !r.inFailed[e.Package] {
			r.broken = append(r.broken, e.Package)
		}
		for _, name := range rest {
			r.printOutput(name)
		}
	}
	if e.Action == "pass" {
		r.packages++
	}
	for _, name := range rest {
		delete(r.output, name)
	}
}

// summarise prints the last lines and reports whether all is well.
func (r *report) summarise(took time.Duration) (ok bool) {
	for _, name := range r.skipped {
		r.print("SKIPPED, which counts as failed: " + name + "\n")
	}
	for _, name := range r.broken {
		r.print("BROKEN, it did not build or not run to its end: " + name + "\n")
	}
	verdict := "ok"
	switch {
	case r.failed > 0 || len(r.skipped) > 0 || len(r.broken) > 0:
		verdict = "FAIL"
	case r.passed == 0:
		verdict = "FAIL, there were no tests"
	}
	r.print(fmt.Sprintf("%s: %d tests passed, %d failed, %d skipped; %d packages in %s\n",
		verdict, r.passed, r.failed, len(r.skipped), r.packages, took.Round(time.Second)))
	return verdict == "ok"
}

func (r *report) printOutput(name testName) {
	if output := r.output[name]; output != nil {
		r.print(output.String())
	}
}

func (r *report) print(text string) { _, _ = io.WriteString(r.w, text) } // the exit code decides, not the text

func isPackageLine(output string) bool {
	for _, prefix := range []string{"ok  \t", "FAIL\t", "?   \t"} {
		if strings.HasPrefix(output, prefix) {
			return true
		}
	}
	return false
}
