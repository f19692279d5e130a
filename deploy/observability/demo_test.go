package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"
	"github.com/stretchr/testify/require"
)

// patience bounds each wait; it is far more than any takes.
const patience = 3 * time.Minute

// TestAFactoryThatRunsAnswersEveryExpression starts the whole factory with robots and
// customers, scrapes it as Prometheus would, and holds everything against that.
func TestAFactoryThatRunsAnswersEveryExpression(t *testing.T) {
	t.Parallel()
	p := newPrometheus(t, startDemo(t))
	wanted := wantedAnswers()
	again := time.NewTicker(500 * time.Millisecond)
	defer again.Stop()
	for late := time.After(patience); len(wanted) > 0; {
		p.scrape()
		p.record()
		maps.DeleteFunc(wanted, func(expr, _ string) bool { return p.hasAnswer(expr) })
		select {
		case <-again.C:
		case <-late:
			require.Empty(t, wanted, "expressions without an answer, and where they stand")
		}
	}

	t.Run("TheDocsNameEveryMetric", func(t *testing.T) {
		written := metricsInDocs(t)
		for name, family := range p.families {
			if !strings.HasPrefix(name, "cupcakery_") {
				continue
			}
			require.Contains(t, written, name, "docs/metrics.md does not tell of it")
			require.Equal(t, written[name], describe(family), "%s as docs/metrics.md has it, and as it is", name)
			delete(written, name)
		}
		require.Empty(t, written, "the factory does not give what docs/metrics.md tells of")
	})
	t.Run("NoLabelHasAnID", func(t *testing.T) {
		id := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-`)
		for _, family := range p.families {
			for _, metric := range family.GetMetric() {
				for _, label := range metric.GetLabel() {
					require.NotRegexp(t, id, label.GetValue(), family.GetName())
				}
			}
		}
	})
}

// wantedAnswers are the expressions that must have an answer: of dashboards and
// recordings the whole, and of alerts, which are to be silent, each selector. The value
// says where it stands.
func wantedAnswers() map[string]string {
	wanted := make(map[string]string)
	for _, rows := range [][]row{bakery, plumbing} {
		for _, row := range rows {
			for _, panel := range row.panels {
				for _, line := range panel.lines {
					wanted[line.expr] = panel.title
				}
			}
		}
	}
	for _, group := range groups() {
		for _, rule := range group.Rules {
			switch {
			case rule.Record != "":
				wanted[rule.Expr] = rule.Record
			default:
				for _, selector := range selectorsOf(rule.Expr) {
					wanted[selector] = rule.Alert
				}
			}
		}
	}
	// Questions come when something has failed too often, which takes a factory hours.
	for expr := range wanted {
		if strings.Contains(expr, "cupcakery_question_answered_seconds") {
			wanted["cupcakery_question_answered_seconds_bucket"] = wanted[expr]
			delete(wanted, expr)
		}
		if strings.Contains(expr, "temporal_workflow_task_execution_failed_total") {
			delete(wanted, expr) // none fails, and the SDK makes a metric when it is first counted
		}
	}
	return wanted
}

// selectorsOf are the selectors of an expression, at the present.
func selectorsOf(text string) []string {
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		panic(fmt.Sprintf("%s: %v", text, err))
	}
	var selectors []string
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		if selector, is := node.(*parser.VectorSelector); is {
			now := *selector
			now.OriginalOffset, now.Offset = 0, 0
			selectors = append(selectors, now.String())
		}
		return nil
	})
	return selectors
}

// prometheusServer scrapes one process and answers expressions.
type prometheusServer struct {
	*testing.T
	address  string
	db       *tsdb.DB
	engine   *promql.Engine
	families map[string]*dto.MetricFamily // of the last scrape
}

func newPrometheus(t *testing.T, address string) *prometheusServer {
	t.Helper()
	db, err := tsdb.Open(t.TempDir(), nil, nil, tsdb.DefaultOptions(), nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 10_000_000, Timeout: time.Minute, EnableAtModifier: true, EnableNegativeOffset: true})
	return &prometheusServer{T: t, address: address, db: db, engine: engine}
}

func (p *prometheusServer) scrape() {
	p.Helper()
	answer, err := http.Get(p.address)
	require.NoError(p, err)
	defer func() { require.NoError(p, answer.Body.Close()) }()
	require.Equal(p, http.StatusOK, answer.StatusCode)
	textParser := expfmt.NewTextParser(model.UTF8Validation)
	p.families, err = textParser.TextToMetricFamilies(answer.Body)
	require.NoError(p, err)
	samples, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{Timestamp: model.Now()}, slices.Collect(maps.Values(p.families))...)
	require.NoError(p, err)
	app := p.db.Appender(context.Background())
	for _, sample := range samples {
		series := map[string]string{"job": "cupcakery", "instance": "demo"}
		for name, value := range sample.Metric {
			series[string(name)] = string(value)
		}
		_, err := app.Append(0, labels.FromMap(series), int64(sample.Timestamp), float64(sample.Value))
		require.NoError(p, err)
	}
	require.NoError(p, app.Commit())
}

// record evaluates the recording rules.
func (p *prometheusServer) record() {
	p.Helper()
	for _, group := range groups() {
		for _, rule := range group.Rules {
			if rule.Record == "" {
				continue
			}
			app := p.db.Appender(context.Background())
			for _, sample := range p.ask(rule.Expr) {
				series := sample.Metric.Map()
				series["__name__"] = rule.Record
				maps.Copy(series, rule.Labels)
				_, err := app.Append(0, labels.FromMap(series), sample.T, sample.F)
				require.NoError(p, err)
			}
			require.NoError(p, app.Commit())
		}
	}
}

func (p *prometheusServer) ask(expr string) promql.Vector {
	p.Helper()
	query, err := p.engine.NewInstantQuery(context.Background(), p.db, nil, expr, time.Now())
	require.NoError(p, err, expr)
	defer query.Close()
	result := query.Exec(context.Background())
	require.NoError(p, result.Err, expr)
	answer, err := result.Vector()
	require.NoError(p, err, expr)
	return slices.Clone(answer)
}

// hasAnswer reports whether an expression gives a number.
func (p *prometheusServer) hasAnswer(expr string) bool {
	p.Helper()
	return slices.ContainsFunc(p.ask(expr), func(sample promql.Sample) bool { return !math.IsNaN(sample.F) })
}

// startDemo starts a factory with robots, customers and a ledger and returns where its metrics
// are.
func startDemo(t *testing.T) string {
	t.Helper()
	ready := filepath.Join(t.TempDir(), "ready.json")
	demo := exec.Command("bin/cupcakery", "dev", "--demo", "--ephemeral", "--ready-file", ready,
		"--demo-every", "500ms", "--demo-work-time", "50ms", "--demo-fail-rate", "0.1",
		"--ledger", "--postgres-port", "0",
		"--api-port", "0", "--metrics-port", "0", "--temporal-port", "0", "--temporal-ui-port", "0", "--kafka-port", "0")
	demo.Dir = root
	log, err := os.Create(filepath.Join(t.TempDir(), "demo.log"))
	require.NoError(t, err)
	demo.Stdout, demo.Stderr = log, log
	require.NoError(t, demo.Start(), "make test-observability builds it")
	exited := make(chan error, 1)
	go func() { exited <- demo.Wait() }()
	t.Cleanup(func() {
		_ = demo.Process.Signal(syscall.SIGTERM) // it may have ended
		_ = <-exited                             // it was told to end
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("the demo said:\n%s", text)
		}
	})
	var addresses struct{ Metrics string }
	require.Eventually(t, func() bool {
		data, err := os.ReadFile(ready)
		return err == nil && json.Unmarshal(data, &addresses) == nil
	}, patience, 50*time.Millisecond, "the demo is not ready")
	return addresses.Metrics
}

// metricsInDocs are the metrics that docs/metrics.md tells of, with type and labels.
func metricsInDocs(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(root + "/docs/metrics.md")
	require.NoError(t, err)
	written := make(map[string]string)
	for _, row := range regexp.MustCompile("(?m)^\\| `(cupcakery_[a-z_]+)` \\| ([a-z]+) \\|([^|]*)\\|").FindAllStringSubmatch(string(text), -1) {
		require.NotContains(t, written, row[1], "told twice")
		var labels []string
		for _, label := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(row[3], -1) {
			labels = append(labels, label[1])
		}
		slices.Sort(labels)
		written[row[1]] = row[2] + " " + strings.Join(labels, " ")
	}
	require.NotEmpty(t, written)
	return written
}

// describe is a metric's type and labels, as metricsInDocs has them.
func describe(family *dto.MetricFamily) string {
	found := make(map[string]bool)
	for _, metric := range family.GetMetric() {
		for _, label := range metric.GetLabel() {
			found[label.GetName()] = true
		}
	}
	return strings.ToLower(family.GetType().String()) + " " + strings.Join(slices.Sorted(maps.Keys(found)), " ")
}
