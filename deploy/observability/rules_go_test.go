package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the repository's.
const root = "../.."

// TestTheRulesAlertWhenTheyShould runs rules_test.yaml.
func TestTheRulesAlertWhenTheyShould(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"check", "rules", "--lint-fatal", "rules.yaml"}, {"test", "rules", "rules_test.yaml"}} {
		out, err := exec.CommandContext(t.Context(), root+"/.tools/promtool", args...).CombinedOutput()
		require.NoError(t, err, "promtool %v, which make test-observability builds:\n%s", args, out)
	}
}

// alerts are the names of all alerts, and of the pages that they point to.
func alerts() map[string]string {
	pages := make(map[string]string)
	for _, group := range groups() {
		for _, rule := range group.Rules {
			if rule.Alert != "" {
				pages[rule.Alert] = rule.Annotations["runbook_url"]
			}
		}
	}
	return pages
}

func TestEveryAlertIsTested(t *testing.T) {
	t.Parallel()
	tests, err := os.ReadFile("rules_test.yaml")
	require.NoError(t, err)
	for name := range alerts() {
		fires := regexp.MustCompile(`(?s)alertname: ` + name + `\n +exp_alerts|alertname="` + name + `"`)
		require.Regexp(t, fires, string(tests), "no test shows that it fires")
		require.Contains(t, string(tests), "alertname: "+name+"}", "no test shows that it is silent")
	}
}

// Whoever is woken reads what to do, and no page is about an alert that is gone.
func TestEveryAlertHasAPage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(root + "/docs/runbook.md")
	require.NoError(t, err)
	sections := strings.Split(string(text), "\n## ")[1:]
	pages := make(map[string]string)
	for _, section := range sections {
		heading, page, _ := strings.Cut(section, "\n")
		pages[heading] = page
	}
	for name, address := range alerts() {
		require.Equal(t, runbook+strings.ToLower(name), address)
		page, written := pages[name]
		require.True(t, written, "docs/runbook.md has no page %q", name)
		for _, part := range []string{"**People see**", "**Look at**", "**Do**"} {
			require.Contains(t, page, part, name)
		}
		delete(pages, name)
	}
	require.Empty(t, pages, "pages that no alert points to")
}

func TestThePromisesStandInTheDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(root + "/docs/metrics.md")
	require.NoError(t, err)
	for _, slo := range slos {
		promise := strings.ToLower(slo.promise[:1]) + strings.TrimSuffix(slo.promise[1:], ".")
		require.Contains(t, string(text), fmt.Sprintf("| `%s` | %s | %s of ", slo.name, promise, percent(slo.objective)))
	}
}
