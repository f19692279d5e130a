package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// These tests run go test on small modules of their own.
func TestGotest(t *testing.T) {
	t.Parallel()
	const passes = "func TestPasses(t *testing.T) { t.Log(\"not worth reading\") }\n"

	for name, test := range map[string]struct {
		tests   string
		ok      bool
		says    []string
		notSays []string
	}{
		"PassesWhenEveryTestPasses": {
			tests:   passes + "func TestParent(t *testing.T) { t.Run(\"Child\", func(t *testing.T) {}) }\n",
			ok:      true,
			says:    []string{"ok  \texample.org/m", "ok: 3 tests passed, 0 failed, 0 skipped; 1 packages"},
			notSays: []string{"not worth reading"},
		},
		"FailsAndShowsWhatAFailedTestSaid": {
			tests:   passes + "func TestFails(t *testing.T) { t.Error(\"the cake fell\") }\n",
			says:    []string{"the cake fell", "FAIL\texample.org/m", "FAIL: 1 tests passed, 1 failed"},
			notSays: []string{"not worth reading"},
		},
		"FailsWhenATestIsSkipped": {
			tests: passes + "func TestSkips(t *testing.T) { t.Skip() }\n",
			says:  []string{"SKIPPED, which counts as failed: example.org/m TestSkips", "FAIL: 1 tests passed, 0 failed, 1 skipped"},
		},
		"FailsAndShowsAPanicOutsideOfTests": {
			tests: passes + "func TestMain(m *testing.M) { panic(\"no oven\") }\n",
			says:  []string{"no oven", "BROKEN", "FAIL: 0 tests passed"},
		},
		"FailsAndShowsAnEarlyExit": {
			tests: "func TestExits(t *testing.T) { println(\"on the way out\"); os.Exit(3) }\n",
			says:  []string{"on the way out", "FAIL"},
		},
		"FailsAndShowsWhatDoesNotBuild": {
			tests: "func TestBroken(t *testing.T) { undefinedThing() }\n",
			says:  []string{"undefinedThing", "BROKEN", "FAIL: 0 tests passed"},
		},
		"FailsWhenThereAreNoTests": {
			says: []string{"FAIL, there were no tests"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write := func(name, text string) {
				require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
			}
			write("go.mod", "module example.org/m\n\ngo 1.26.0\n")
			write("m.go", "package m\n")
			write("m_test.go", "package m\n\nimport (\n\t\"os\"\n\t\"testing\"\n)\n\nvar _ = os.Exit\nvar _ testing.TB\n\n"+test.tests)
			var out strings.Builder
			ok, err := run([]string{"-C", dir, "-count=1", "./..."}, &out, &out)
			require.Equal(t, test.ok, ok && err == nil, out.String())
			for _, text := range test.says {
				require.Contains(t, out.String(), text)
			}
			for _, text := range test.notSays {
				require.NotContains(t, out.String(), text)
			}
		})
	}

	t.Run("FailsWhenGoTestRefusesItsArguments", func(t *testing.T) {
		t.Parallel()
		var out strings.Builder
		ok, err := run([]string{"-no-such-flag"}, &out, &out)
		require.False(t, ok && err == nil, out.String())
	})
}
