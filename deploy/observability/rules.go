package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// group, rule and their fields are as Prometheus has them.
type group struct {
	Name     string `yaml:"name"`
	Interval string `yaml:"interval,omitempty"`
	Rules    []rule `yaml:"rules"`
}

type rule struct {
	Record      string            `yaml:"record,omitempty"`
	Alert       string            `yaml:"alert,omitempty"`
	Expr        string            `yaml:"expr"`
	For         string            `yaml:"for,omitempty"`
	Labels      map[string]string `yaml:"labels,omitempty"`
	Annotations map[string]string `yaml:"annotations,omitempty"`
}

// runbook is where people read what to do.
const runbook = "https://github.com/cupcakery/cupcakery/blob/main/docs/runbook.md#"

func groups() []group {
	return []group{
		{Name: "cupcakery-slo-short", Rules: append([]rule{boardIsBehind}, recordings("5m", "30m", "1h")...)},
		{Name: "cupcakery-slo-long", Interval: "5m", Rules: recordings("6h", "3d", "30d")},
		{Name: "cupcakery-slo-alerts", Rules: burnAlerts()},
		{Name: "cupcakery-causes", Rules: causes()},
	}
}

// boardIsBehind is 1 while a process's boards have been behind for more than five
// seconds, and otherwise 0.
var boardIsBehind = rule{Record: "cupcakery:board_is_behind", Expr: "max without (reason) (cupcakery_board_behind_seconds) > bool 5"}

func recordings(windows ...string) []rule {
	var rules []rule
	for _, slo := range slos {
		for _, window := range windows {
			rules = append(rules, rule{
				Record: "cupcakery:slo_errors:ratio_" + window,
				Expr:   over(slo.errors, window),
				Labels: map[string]string{"slo": slo.name},
			})
			if slo.bad != "" && slices.ContainsFunc(burns, func(b burn) bool { return b.long == window }) {
				rules = append(rules, rule{
					Record: "cupcakery:slo_bad:increase_" + window,
					Expr:   over(slo.bad, window),
					Labels: map[string]string{"slo": slo.name},
				})
			}
		}
	}
	return rules
}

func burnAlerts() []rule {
	var rules []rule
	for _, slo := range slos {
		if slo.alert == "" {
			continue
		}
		for _, severity := range []string{"page", "ticket"} {
			var conditions []string
			for _, b := range burns {
				if b.severity == severity {
					conditions = append(conditions, slo.condition(b))
				}
			}
			// All of them have the same labels, whatever their names.
			expr := strings.Join(conditions, " or ")
			rules = append(rules, alert(slo.alert, severity, expr, "1m", slo.people, fmt.Sprintf("%s Too often that was not so: {{ $value | humanizePercentage }} lately, of which %s are allowed.", slo.promise, percent(1-slo.objective))))
		}
	}
	return rules
}

func percent(part float64) string { return strconv.FormatFloat(100*part, 'g', 3, 64) + " %" }

func alert(name, severity, expr, lasting, summary, description string) rule {
	return rule{
		Alert: name, Expr: expr, For: lasting,
		Labels:      map[string]string{"severity": severity},
		Annotations: map[string]string{"summary": summary, "description": description, "runbook_url": runbook + strings.ToLower(name)},
	}
}

// gone is that no process gives a metric any more, in a namespace that had it within a
// day, or anywhere.
func gone(metric string) string {
	return fmt.Sprintf("%s or absent_over_time(%s[1d])", left(metric), metric)
}

// left is gone for a process that not every bakery has.
func left(metric string) string {
	return fmt.Sprintf("(group by (namespace) (present_over_time(%[1]s[1d])) unless group by (namespace) (%[1]s))", metric)
}

// blind are the alerts that see nothing because a metric is missing though its process
// is there.
func blind() []rule {
	var rules []rule
	for _, needs := range []struct{ process, metric string }{
		{"cupcakery_part_up", "cupcakery_board_behind_seconds"},
		{"cupcakery_part_up", "cupcakery_station_untaken_seconds"},
		{"cupcakery_part_up", "cupcakery_oldest_question_seconds"},
		{"cupcakery_part_up", "cupcakery_dead_letters"},
		{"cupcakery_worker_ready", `cupcakery_consumer_lag{group="order-acks"}`},
		{"cupcakery_worker_ready", "cupcakery_ack_transactions_held_total"},
		{"cupcakery_ledger_ready", "cupcakery_ledger_behind_seconds"},
	} {
		name, _, _ := strings.Cut(needs.metric, "{")
		missing := alert("MetricsMissing", "ticket", fmt.Sprintf("group by (namespace) (%s) unless group by (namespace) (%s)", needs.process, needs.metric), "30m",
			"An alert would not fire if it had to.",
			// Of the labels the template sees only those of the expression.
			"No process gives "+name+", which alerts need.")
		missing.Labels["metric"] = name
		rules = append(rules, missing)
	}
	return rules
}

// causes are plain: what they name is wrong, whoever has noticed it. All rules are by
// namespace: that is what tells one deployment from another.
func causes() []rule {
	const lag = `sum by (namespace) (cupcakery_consumer_lag{group="order-acks"}%s)`
	lagNow, lagBefore := fmt.Sprintf(lag, ""), fmt.Sprintf(lag, " offset 5m")
	return append(blind(), []rule{
		alert("KafkaAway", "page", `min by (namespace) (cupcakery_part_up{part="kafka"}) == 0`, "1m",
			"Stations get no tickets and cannot say that they are done; orders are still taken.",
			"An API process cannot reach Kafka, or its topics are not in order."),
		alert("TemporalAway", "page", `min by (namespace) (cupcakery_part_up{part="temporal"}) == 0`, "1m",
			"No order is taken and none goes on; stations still work on what they have.",
			"An API process cannot reach Temporal, or its namespace is not prepared."),
		alert("NoAPI", "page", gone("cupcakery_part_up"), "2m",
			"Nobody can order, and no board can be opened.",
			"Prometheus gets metrics of no API process: none runs, or none is scraped."),
		alert("NoWorker", "page", gone("cupcakery_worker_ready"), "2m",
			"Orders are taken, and none goes on.",
			"Prometheus gets metrics of no worker: none runs, or none is scraped."),
		alert("WorkersNotReady", "page", `max by (namespace) (cupcakery_worker_ready) == 0 unless min by (namespace) (cupcakery_part_up) == 0`, "2m",
			"Orders are taken, and none goes on.",
			"There are workers, and none of them could carry an ack, although the API reaches Kafka and Temporal."),
		alert("AckLagGrows", "page", lagNow+" > 100 and "+lagNow+" > "+lagBefore, "5m",
			"What stations say reaches their orders later and later.",
			"{{ $value }} acks wait in Kafka for a worker, and five minutes ago there were fewer."),
		alert("AcksHeldBack", "ticket", `sum by (namespace) (increase(cupcakery_ack_transactions_held_total[15m])) > 0`, "",
			"What some stations have said does not reach its orders.",
			"A program that writes acks in transactions has left one open for more than ten seconds."),
		alert("StationSilent", "page", `max by (namespace, stage) (cupcakery_station_untaken_seconds) > 0`, "1m",
			"Tickets wait at {{ $labels.stage }}, and nobody takes any.",
			"For {{ $value | humanizeDuration }} nobody has begun or finished anything there."),
		alert("QuestionsWait", "page", `max by (namespace) (cupcakery_oldest_question_seconds) > 900`, "1m",
			"An order stands still until a manager decides.",
			"The first question has waited for {{ $value | humanizeDuration }}."),
		alert("DeadLetters", "ticket", `max by (namespace, state) (cupcakery_dead_letters) > 0`, "1m",
			"Something that somebody said was not understood; perhaps an order waits for it.",
			"{{ $value }} dead letters are {{ $labels.state }}, and wait for a person."),
		alert("GroupUnsettled", "ticket", `max by (namespace, group) (increase(cupcakery_rebalances_total[30m])) > 10`, "",
			"Tickets or acks come with pauses of seconds.",
			"Members of the group {{ $labels.group }} come and go: {{ $value | humanize }} rebalances in half an hour."),
		alert("WorkflowTasksFail", "ticket", `sum by (namespace, workflow_type) (increase(temporal_workflow_task_execution_failed_total[1h])) > 2`, "",
			"Some orders stand still, and nobody is asked about them.",
			"The code of {{ $labels.workflow_type }} fails on orders under way, as after a rollout that cannot replay them."),
		alert("LedgerDown", "ticket", left("cupcakery_ledger_ready")+` or (max by (namespace) (cupcakery_ledger_ready) == 0 unless min by (namespace) (cupcakery_part_up{part="kafka"}) == 0)`, "5m",
			"Reports show how things were, and nothing newer.",
			"No process could write the ledger now: none runs, or its database is away, full or read-only."),
		alert("LedgerBehind", "ticket", `max by (namespace) (max_over_time(cupcakery_ledger_behind_seconds[5m])) > 300 unless max by (namespace) (cupcakery_ledger_ready) == 0`, "15m",
			"Reports show how things were a while ago.",
			"What the ledger writes now has lain in Kafka for {{ $value | humanizeDuration }}."),
		alert("LedgerRejects", "ticket", `sum by (namespace, kind) (increase(cupcakery_ledger_rejects_total[1h])) > 0`, "",
			"Some of what the log tells counts for nothing in reports.",
			"The ledger has rejected records as {{ $labels.kind }}: {{ $value | humanize }} in an hour."),
		alert("LedgerGaps", "ticket", `sum by (namespace) (cupcakery_ledger_gaps_total) > 0`, "",
			"Reports lack some of what has happened, for good.",
			"Records were gone from Kafka before the ledger had read them, or a topic was cut or made anew."),
	}...)
}
