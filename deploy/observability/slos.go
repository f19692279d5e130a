package main

import (
	"fmt"
	"strconv"
	"strings"
)

// slo is a promise to the bakery, over 30 days.
type slo struct {
	name string
	// promise is what is promised, in the bakery's words.
	promise string
	// objective is which part of all is to be good, such as 0.999.
	objective float64
	// errors is the part that was not good in a window, which is where it says WINDOW.
	errors string
	// alert is named when too much goes wrong; empty if a plain alert says it better.
	alert string
	// bad is how many were not good in a window; empty if the promise is about time and
	// not about events.
	bad string
	// people is what people see then.
	people string
}

const (
	orderRequests = `method="POST",route="/api/v1/orders"`
	allRequests   = `cupcakery_http_request_duration_seconds_count{` + orderRequests + `}`
	goodRequests  = `cupcakery_http_request_duration_seconds_bucket{` + orderRequests + `,status!~"5..",le="2.5"}`
	// ten matches a bucket of ten seconds: Prometheus 3 calls it 10.0, and 2 what the
	// process does.
	ten     = `le=~"10(\\.0)?"`
	quarter = `le=~"900(\\.0)?"`
)

// slos are all promises. docs/metrics.md tells them to people.
var slos = []slo{
	{
		name:      "order-accepted",
		promise:   "An order is taken, or refused with a reason, within 2.5 seconds.",
		objective: 0.999,
		errors: `1 - (sum by (namespace) (rate(` + goodRequests + `[WINDOW])) or 0 * sum by (namespace) (rate(` + allRequests + `[WINDOW])))` +
			` / sum by (namespace) (rate(` + allRequests + `[WINDOW]))`,
		bad: `sum by (namespace) (increase(` + allRequests + `[WINDOW]))` +
			` - (sum by (namespace) (increase(` + goodRequests + `[WINDOW])) or 0 * sum by (namespace) (increase(` + allRequests + `[WINDOW])))`,
		alert:  "OrdersNotAccepted",
		people: "Customers cannot order, or wait for long until they know.",
	},
	{
		name:      "ack-carried",
		promise:   "What a station has said is with its order within 10 seconds.",
		objective: 0.999,
		errors: `1 - sum by (namespace) (rate(cupcakery_ack_carried_seconds_bucket{` + ten + `}[WINDOW]))` +
			` / sum by (namespace) (rate(cupcakery_ack_carried_seconds_count[WINDOW]))`,
		bad: `sum by (namespace) (increase(cupcakery_ack_carried_seconds_count[WINDOW]))` +
			` - sum by (namespace) (increase(cupcakery_ack_carried_seconds_bucket{` + ten + `}[WINDOW]))`,
		alert:  "AcksCarriedLate",
		people: "A tray is done, and the next station does not get its ticket.",
	},
	{
		name:      "board-fresh",
		promise:   "Boards show what has happened, and do not say that they are behind.",
		objective: 0.999,
		errors:    `sum by (namespace) (sum_over_time(cupcakery:board_is_behind[WINDOW])) / sum by (namespace) (count_over_time(cupcakery:board_is_behind[WINDOW]))`,
		alert:     "BoardsBehind",
		people:    "Boards and the counter's screen say that they show how things were.",
	},
	{
		name:      "question-answered",
		promise:   "A manager has answered a question within 15 minutes.",
		objective: 0.95,
		errors: `1 - sum by (namespace) (rate(cupcakery_question_answered_seconds_bucket{` + quarter + `}[WINDOW]))` +
			` / sum by (namespace) (rate(cupcakery_question_answered_seconds_count[WINDOW]))`,
		// No alert: there are few questions, so QuestionsWait looks at each.
	},
}

// burn is how fast an objective's allowance for 30 days is used up, seen over two
// windows: the long one shows that it matters, the short one that it goes on.
type burn struct {
	severity    string
	long, short string
	times       float64
}

// burns are those of Google's SRE workbook: 2 % of the allowance in an hour or 5 % in
// six wake somebody, 10 % in three days wait for the morning.
var burns = []burn{
	{"page", "1h", "5m", 14.4},
	{"page", "6h", "30m", 6},
	{"ticket", "3d", "6h", 1},
}

// badEnough is how many events must have gone wrong before anybody hears of it. A small
// bakery has few: one order of five that is not taken is a large part of them, and
// chance. Three are not, where one in a thousand may be, however few there were in
// all. Counting does not see half an event; increase() does, since it extrapolates.
const badEnough = 2.5

func over(expr, window string) string { return strings.ReplaceAll(expr, "WINDOW", window) }

// ratio is the recorded part that was not good in a window.
func (s slo) ratio(window string) string {
	return fmt.Sprintf(`cupcakery:slo_errors:ratio_%s{slo="%s"}`, window, s.name)
}

// condition is that an allowance is used up as fast as that. The long window shows that
// it matters. The short one ends the alert when all is well again: no event in it says
// nothing, and a small bakery often has none, so it neither ends the alert nor brings
// it back.
func (s slo) condition(b burn) string {
	limit := strconv.FormatFloat(b.times*(1-s.objective), 'g', 4, 64)
	// Without events the ratio is not a number: what counts is how the last ones went.
	short := fmt.Sprintf("last_over_time((%s >= 0)[%s:1m])", s.ratio(b.short), b.long)
	condition := fmt.Sprintf("%s > %s unless %s <= %s", s.ratio(b.long), limit, short, limit)
	if s.bad != "" {
		condition += fmt.Sprintf(` and cupcakery:slo_bad:increase_%s{slo="%s"} > %g`, b.long, s.name, badEnough)
	}
	return "(" + condition + ")"
}
