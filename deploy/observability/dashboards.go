package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// row, panel and line are what a dashboard needs to know here.
type row struct {
	title  string
	panels []panel
}

type panel struct {
	title string
	// tells is what people read when they ask what it means.
	tells string
	unit  string // Grafana's name of it
	lines []line
}

type line struct {
	expr string
	name string // may have {{label}}
}

func lineOf(expr, name string) []line { return []line{{expr, name}} }

// quantiles are the median and a slow one of a histogram.
func quantiles(histogram, by, name string) []line {
	grouped := "le"
	if by != "" {
		grouped = by + ", le"
		name += " {{" + by + "}}"
	}
	of := "sum by (" + grouped + ") (rate(" + histogram + "_bucket[15m]))"
	return []line{{"histogram_quantile(0.5, " + of + ")", "half of" + name}, {"histogram_quantile(0.9, " + of + ")", "nine of ten" + name}}
}

// What each API process gives is the same, so the largest of them is the newest.
var bakery = []row{
	{"Now", []panel{
		{"Tickets that wait", "Nobody has begun them.", "short", lineOf("max by (stage) (cupcakery_tickets_waiting)", "{{stage}}")},
		{"Tickets in hand", "Somebody works on them.", "short", lineOf("max by (stage) (cupcakery_tickets_in_hand)", "{{stage}}")},
		{"Oldest ticket", "The age of the open ticket that comes first.", "s", lineOf("max by (stage) (cupcakery_oldest_ticket_seconds)", "{{stage}}")},
		{"Stations' alarm", "For how long nobody has taken anything although tickets wait; 0 is well.", "s", lineOf("max by (stage) (cupcakery_station_untaken_seconds)", "{{stage}}")},
	}},
	{"Orders", []panel{
		{"Orders taken", "In an hour, at the present pace.", "short", lineOf("sum(rate(cupcakery_orders_created_total[15m])) * 3600", "taken")},
		{"Orders refused", "In an hour, by which limit.", "short", lineOf("sum by (limit) (rate(cupcakery_orders_refused_total[15m])) * 3600", "{{limit}}")},
		{"Questions to managers", "Orders that stand still until a manager decides.", "short", lineOf("max(cupcakery_questions_open)", "open")},
		{"The first question has waited", "15 minutes are promised.", "s", lineOf("max(cupcakery_oldest_question_seconds)", "waits")},
	}},
	{"Work", []panel{
		{"Waited at the station", "Tickets that are done: from delivered to begun.", "s", quantiles("cupcakery_ticket_waited_seconds", "stage", "")},
		{"In hand", "Tickets that are done: from begun to done. This is the bake; Temporal's activity latency is not.", "s", quantiles("cupcakery_ticket_in_hand_seconds", "stage", "")},
		{"What stations say", "Acks that workers have carried to their orders, in an hour.", "short", lineOf(`sum by (kind) (rate(cupcakery_acks_finished_total{outcome="carried"}[15m])) * 3600`, "{{kind}}")},
		{"Dead letters", "What was not understood and waits for a person.", "short", lineOf("max by (state) (cupcakery_dead_letters)", "{{state}}")},
	}},
}

var plumbing = []row{
	{"Promises", []panel{
		{"Kept, over 30 days", "The part that was good; docs/metrics.md has what is promised.", "percentunit", lineOf("1 - cupcakery:slo_errors:ratio_30d", "{{slo}}")},
		{"Not kept, in the last hour", "The part that was not good.", "percentunit", lineOf("cupcakery:slo_errors:ratio_1h", "{{slo}}")},
		{"Parts", "1 while an API process reaches them.", "short", lineOf("min by (part) (cupcakery_part_up)", "{{part}}")},
		{"Workers that are ready", "Those that could carry an ack now.", "short", lineOf("sum(cupcakery_worker_ready)", "ready")},
	}},
	{"Acks", []panel{
		{"Lag of the groups", "Messages that are not finished. Of a station's group it counts what is in hand.", "short", lineOf("sum by (group) (cupcakery_consumer_lag)", "{{group}}")},
		{"Carried after", "From Kafka's clock to Temporal's answer.", "s", quantiles("cupcakery_ack_carried_seconds", "", "")},
		{"Acks by outcome", "A second.", "short", lineOf("sum by (outcome) (rate(cupcakery_acks_finished_total[5m]))", "{{outcome}}")},
		{"Tried again", "Times a second that Temporal could not take an ack.", "short", lineOf("sum(rate(cupcakery_ack_retries_total[5m]))", "tried again")},
		{"Acks at boards", "A second, by outcome.", "short", lineOf("sum by (outcome) (rate(cupcakery_board_acks_total[5m]))", "{{outcome}}")},
		{"Acks by stations", "A second, by stage, from stations that listen.", "short", lineOf("sum by (stage) (rate(cupcakery_station_acks_total[5m]))", "{{stage}}")},
		{"Rebalances", "In half an hour.", "short", lineOf("max by (group) (increase(cupcakery_rebalances_total[30m]))", "{{group}}")},
		{"Owners told", "Times a second that Temporal was told who has a ticket in hand; and transactions that held acks back.", "short", []line{
			{"sum(rate(cupcakery_ticket_heartbeats_total[5m]))", "owners"}, {"sum(rate(cupcakery_ack_transactions_held_total[5m]))", "held back"},
		}},
	}},
	{"API", []panel{
		{"Requests", "A second, by status.", "reqps", lineOf("sum by (status) (rate(cupcakery_http_request_duration_seconds_count[5m]))", "{{status}}")},
		{"Requests took", "", "s", quantiles("cupcakery_http_request_duration_seconds", "", "")},
		{"Answers about orders", "A second, by where they come from.", "short", []line{
			{"sum by (source) (rate(cupcakery_order_answers_total[5m]))", "{{source}}"}, {"sum(rate(cupcakery_stale_answers_total[5m]))", "marked stale"},
		}},
		{"Sign-ins", "A second, by outcome.", "short", lineOf("sum by (outcome) (rate(cupcakery_sign_ins_total[5m]))", "{{outcome}}")},
		{"Boards behind", "For how long the boards of a process have been behind the log.", "s", lineOf("max by (reason) (cupcakery_board_behind_seconds)", "{{reason}}")},
		{"Questions answered after", "", "s", quantiles("cupcakery_question_answered_seconds", "", "")},
	}},
	{"Live", []panel{
		{"Connections", "", "short", lineOf("sum(cupcakery_live_connections)", "open")},
		{"Followers", "By kind of channel.", "short", lineOf("sum by (channel) (cupcakery_live_followers)", "{{channel}}")},
		{"Messages", "A second, by type.", "short", lineOf("sum by (type) (rate(cupcakery_live_messages_total[5m]))", "{{type}}")},
		{"Slow clients", "A second: those that got a snapshot instead of what they missed, and those that were cut off.", "short", []line{
			{"sum(rate(cupcakery_live_missed_total[5m]))", "missed"}, {"sum(rate(cupcakery_live_cut_off_total[5m]))", "cut off"},
		}},
	}},
	{"Ledger", []panel{
		{"Behind", "How long what is written now has lain in Kafka.", "s", lineOf("max(cupcakery_ledger_behind_seconds)", "behind")},
		{"Records", "A second, by outcome.", "short", lineOf("sum by (outcome) (rate(cupcakery_ledger_records_total[5m]))", "{{outcome}}")},
		{"Batches took", "One transaction each.", "s", quantiles("cupcakery_ledger_batch_seconds", "", "")},
		{"Not yet written", "Messages, by topic.", "short", lineOf(`sum by (topic) (cupcakery_consumer_lag{group="cupcakery-ledger"})`, "{{topic}}")},
		{"Orders folded", "A second.", "short", lineOf("sum(rate(cupcakery_ledger_orders_folded_total[5m]))", "folded")},
		{"Rejected", "In an hour, by kind.", "short", lineOf("sum by (kind) (increase(cupcakery_ledger_rejects_total[1h]))", "{{kind}}")},
		{"Newest record", "How long ago it was; at night that says nothing.", "s", lineOf("time() - max(cupcakery_ledger_newest_record_timestamp_seconds > 0)", "ago")},
		{"Trouble", "Times in an hour: outages of the database, partitions that another process had claimed, and gaps.", "short", []line{
			{"sum(increase(cupcakery_ledger_outages_total[1h]))", "outages"}, {"sum(increase(cupcakery_ledger_fenced_total[1h]))", "claimed"}, {"sum(increase(cupcakery_ledger_gaps_total[1h]))", "gaps"},
		}},
	}},
	{"Temporal, as the SDK sees it", []panel{
		{"Calls", "A second, by operation.", "reqps", lineOf("sum by (operation) (rate(temporal_request_total[5m]))", "{{operation}}")},
		{"Workflow tasks waited", "Until a worker took them: if it grows, workers are missing.", "s", quantiles("temporal_workflow_task_schedule_to_start_latency_seconds", "", "")},
		{"Workflow tasks took", "", "s", quantiles("temporal_workflow_task_execution_latency_seconds", "", "")},
		{"Activities took", "For tickets that is the publish, not the bake.", "s", quantiles("temporal_activity_execution_latency_seconds", "activity_type", "")},
		{"Orders closed", "An hour, as their workflows see it.", "short", lineOf("sum(rate(temporal_workflow_completed_total[15m])) * 3600", "completed")},
		{"Cache of orders", "", "short", lineOf("sum(temporal_sticky_cache_size)", "orders")},
	}},
	{"Processes", []panel{
		{"Processor", "Cores in use.", "short", lineOf("rate(process_cpu_seconds_total[5m])", "{{job}} {{instance}}")},
		{"Memory", "Resident.", "bytes", lineOf("process_resident_memory_bytes", "{{job}} {{instance}}")},
		{"Goroutines", "", "short", lineOf("go_goroutines", "{{job}} {{instance}}")},
	}},
}

// dashboards are of the older kind, which is marked as deprecated: every Grafana takes
// it, and the newer one only those since 12.
func dashboards() []dashboard.Dashboard {
	return []dashboard.Dashboard{
		newDashboard("cupcakery-bakery", "Cupcakery: the bakery", "now-6h", bakery),
		newDashboard("cupcakery-plumbing", "Cupcakery: the plumbing", "now-6h", plumbing),
	}
}

func newDashboard(uid, title, from string, rows []row) dashboard.Dashboard {
	builder := dashboard.NewDashboardBuilder(title).
		Uid(uid).
		Tags([]string{"cupcakery", "generated"}).
		Editable().
		Refresh("30s").
		Time(from, "now").
		Timezone("browser").
		WithVariable(dashboard.NewDatasourceVariableBuilder("prometheus").Label("Prometheus").Type("prometheus"))
	source := common.DataSourceRef{Type: cog.ToPtr("prometheus"), Uid: cog.ToPtr("${prometheus}")}
	for _, row := range rows {
		builder.WithRow(dashboard.NewRowBuilder(row.title))
		for _, panel := range row.panels {
			drawn := timeseries.NewPanelBuilder().
				Title(panel.title).
				Description(panel.tells).
				Unit(panel.unit).
				Min(0).
				Legend(common.NewVizLegendOptionsBuilder().DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom).ShowLegend(true)).
				Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending)).
				Span(6).
				Height(8).
				Datasource(source)
			for i, line := range panel.lines {
				drawn.WithTarget(prometheus.NewDataqueryBuilder().RefId(string(rune('A' + i))).Expr(line.expr).LegendFormat(line.name).Datasource(source))
			}
			builder.WithPanel(drawn)
		}
	}
	board, err := builder.Build()
	if err != nil {
		panic(err) // a rule of Grafana's that the test would find
	}
	return board
}
