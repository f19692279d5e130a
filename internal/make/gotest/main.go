// Command gotest runs "go test" with the arguments it is given, prints what
// failed, and ends with one line that counts. A skipped test counts as a
// failure: nobody reads the log of a run that passed.
package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"time"
)

func main() {
	ok, err := run(os.Args[1:], os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) (ok bool, err error) {
	begin := time.Now()
	cmd := exec.Command("go", append([]string{"test"}, withJSON(args)...)...)
	cmd.Stderr = stderr
	output, err := cmd.StdoutPipe()
	if err != nil {
		return false, err
	}
	if err := cmd.Start(); err != nil {
		return false, fmt.Errorf("run go test: %w", err)
	}
	r := newReport(stdout)
	readErr := r.read(output)
	if readErr != nil {
		// go test would wait for somebody to read on.
		_, _ = io.Copy(io.Discard, output)
	}
	testErr := cmd.Wait()
	ok = r.summarise(time.Since(begin)) && testErr == nil
	if readErr == nil && testErr != nil && r.failed == 0 && len(r.broken) == 0 {
		return false, fmt.Errorf("go test: %w", testErr)
	}
	return ok, readErr
}

// withJSON adds -json, behind -C if that is there: it must be the first flag.
func withJSON(args []string) []string {
	at := 0
	if len(args) > 1 && args[0] == "-C" {
		at = 2
	}
	return slices.Insert(slices.Clone(args), at, "-json")
}
