package api

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// cell is a text for a spreadsheet, which must not take it for a formula: names come from
// customers and stations. An apostrophe goes before what begins a formula, at the beginning
// of the cell and behind each character at which some spreadsheets begin another cell,
// whatever commas and quotes say.
func cell(text string) string {
	var safe strings.Builder
	begins := true // a cell, or what may be one
	for i, r := range text {
		switch {
		case strings.ContainsRune("\t\r\n", r):
			if i == 0 {
				safe.WriteByte('\'')
			}
			begins = true
		case r == ';':
			begins = true
		case begins && strings.ContainsRune("=+-@＝＋－＠", r):
			safe.WriteByte('\'')
			begins = false
		default:
			begins = begins && unicode.IsSpace(r)
		}
		safe.WriteRune(r)
	}
	return safe.String()
}

func numberCell[T int | int64](number T) string { return strconv.FormatInt(int64(number), 10) }

// secondsCell is a number of seconds to the millisecond; empty if it is not known.
func secondsCell(seconds *float64) string {
	if seconds == nil {
		return ""
	}
	return strconv.FormatFloat(math.Round(*seconds*1000)/1000, 'f', -1, 64)
}

// timeCell is a time; empty if there is none.
func timeCell(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// moneyCells are an amount and its currency. Several currencies stand in the order of
// their amounts; there is one, unless the bakery has changed it that day.
func moneyCells(amounts []kitchen.Money) []string {
	values, currencies := make([]string, len(amounts)), make([]string, len(amounts))
	for i, amount := range amounts {
		currencies[i], values[i], _ = strings.Cut(amount.String(), " ")
	}
	return []string{strings.Join(values, " "), strings.Join(currencies, " ")}
}

func quantileCells(times *wire.Quantiles) []string {
	if times == nil {
		return []string{"", ""}
	}
	return []string{secondsCell(&times.P50), secondsCell(&times.P90)}
}

// csvReport is an answer in CSV (RFC 4180): one table with a header.
type csvReport struct {
	// name is the file's, without its ending. It must not have anything that others
	// have written.
	name   string
	header []string
	rows   [][]string
}

func (r *csvReport) add(cells ...string) { r.rows = append(r.rows, cells) }

// write answers with the report as a file.
func (r *csvReport) write(w http.ResponseWriter) error {
	var text bytes.Buffer
	table := csv.NewWriter(&text)
	table.UseCRLF = true
	if err := table.WriteAll(append([][]string{r.header}, r.rows...)); err != nil {
		return fmt.Errorf("write a report as CSV: %w", err)
	}
	header := w.Header()
	header.Set("Content-Type", "text/csv; charset=utf-8")
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": r.name + ".csv"}))
	header.Set("Content-Length", strconv.Itoa(text.Len()))
	w.WriteHeader(http.StatusOK)
	_, err := text.WriteTo(w)
	return err
}

// VisitGetHistoryDaysResponse writes the answer.
func (r *csvReport) VisitGetHistoryDaysResponse(w http.ResponseWriter) error { return r.write(w) }

// VisitGetHistoryDayResponse writes the answer.
func (r *csvReport) VisitGetHistoryDayResponse(w http.ResponseWriter) error { return r.write(w) }

// VisitGetHistoryStagesResponse writes the answer.
func (r *csvReport) VisitGetHistoryStagesResponse(w http.ResponseWriter) error { return r.write(w) }

// VisitGetHistoryForecastResponse writes the answer.
func (r *csvReport) VisitGetHistoryForecastResponse(w http.ResponseWriter) error { return r.write(w) }

// VisitGetHistoryBottleneckResponse writes the answer.
func (r *csvReport) VisitGetHistoryBottleneckResponse(w http.ResponseWriter) error {
	return r.write(w)
}

// VisitGetHistoryDelayResponse writes the answer.
func (r *csvReport) VisitGetHistoryDelayResponse(w http.ResponseWriter) error { return r.write(w) }

// VisitTraceHistoryResponse writes the answer.
func (r *csvReport) VisitTraceHistoryResponse(w http.ResponseWriter) error { return r.write(w) }

func csvOfDays(days wire.HistoryDays, first, last kitchen.Date) *csvReport {
	r := &csvReport{
		name:   fmt.Sprintf("cupcakery-days-%s-%s", first, last),
		header: []string{"day", "orders", "pieces", "ready", "collected", "cancelled", "open", "late", "remakes", "scrapped", "revenue", "currency"},
	}
	for _, d := range days.Days {
		r.add(append([]string{d.Day.String(), numberCell(d.Orders), numberCell(d.Pieces), numberCell(d.Ready), numberCell(d.Collected), numberCell(d.Cancelled),
			numberCell(d.Open), numberCell(d.Late), numberCell(d.Remakes), numberCell(d.Scrapped)}, moneyCells(d.Revenue)...)...)
	}
	return r
}

// The tables of a day and of the stages.
const (
	tableFlavours = "flavours"
	tableWaste    = "waste"
	tablePeople   = "people"
	tableHours    = "hours"
	tableLate     = "late"
	tableStages   = "stages"
)

// csvOfDay has one of a day's tables.
func csvOfDay(told wire.HistoryDay, day kitchen.Date, table string) *csvReport {
	r := &csvReport{name: fmt.Sprintf("cupcakery-day-%s-%s", day, table)}
	switch table {
	case tableFlavours:
		r.header = []string{"flavour", "size", "pieces", "scrapped", "revenue", "currency"}
		for _, f := range told.Flavours {
			r.add(append([]string{cell(f.Flavour), cell(string(f.Size)), numberCell(f.Pieces), numberCell(f.Scrapped)}, moneyCells(f.Revenue)...)...)
		}
	case tableWaste:
		r.header = []string{"stage", "reason", "flavour", "worker", "failures", "pieces"}
		for _, w := range told.Waste {
			r.add(cell(string(w.Stage)), cell(w.Reason), cell(w.Flavour), cell(w.Worker), numberCell(w.Failures), numberCell(w.Pieces))
		}
	case tablePeople:
		r.header = []string{"worker", "stage", "tickets", "pieces", "in_hand_seconds", "failures", "scrapped"}
		for _, p := range told.People {
			r.add(cell(p.Worker), cell(string(p.Stage)), numberCell(p.Tickets), numberCell(p.Pieces), secondsCell(&p.InHandSeconds), numberCell(p.Failures), numberCell(p.Scrapped))
		}
	case tableHours:
		r.header = []string{"hour", "placed", "due", "ready"}
		for _, h := range told.Hours {
			r.add(numberCell(h.Hour), numberCell(h.Placed), numberCell(h.Due), numberCell(h.Ready))
		}
	case tableLate:
		r.header = []string{"order_id", "pickup_code", "due_at", "ready_at", "late_seconds", "cause", "stage"}
		for _, l := range told.Late {
			r.add(cell(l.OrderID), cell(l.PickupCode), timeCell(l.DueAt), timeCell(l.ReadyAt), secondsCell(&l.LateSeconds), cell(string(l.Cause)), cell(string(l.Stage)))
		}
	}
	return r
}

// csvOfStages has one of the tables of stages.
func csvOfStages(told wire.HistoryStages, first, last kitchen.Date, table string) *csvReport {
	r := &csvReport{name: fmt.Sprintf("cupcakery-stages-%s-%s", first, last)}
	if table == tableHours {
		r.name += "-" + table
		r.header = []string{"stage", "weekday", "hour", "tickets", "waited_p50", "waited_p90", "in_hand_p50", "in_hand_p90"}
		for _, h := range told.Hours {
			row := []string{cell(string(h.Stage)), cell(string(h.Weekday)), numberCell(h.Hour), numberCell(h.Tickets)}
			r.add(append(append(row, quantileCells(h.Waited)...), quantileCells(h.InHand)...)...)
		}
		return r
	}
	r.header = []string{"stage", "tickets", "waited_p50", "waited_p90", "in_hand_p50", "in_hand_p90"}
	for _, s := range told.Stages {
		row := []string{cell(string(s.Stage)), numberCell(s.Tickets)}
		r.add(append(append(row, quantileCells(s.Waited)...), quantileCells(s.InHand)...)...)
	}
	return r
}

func csvOfForecast(forecast wire.HistoryForecast, day kitchen.Date) *csvReport {
	r := &csvReport{name: fmt.Sprintf("cupcakery-forecast-%s", day), header: []string{"flavour", "pieces", "low", "high", "ordered"}}
	for _, f := range forecast.Flavours {
		r.add(cell(f.Flavour), numberCell(f.Pieces), numberCell(f.Low), numberCell(f.High), numberCell(f.Ordered))
	}
	return r
}

func csvOfBottleneck(bottleneck wire.HistoryBottleneck) *csvReport {
	r := &csvReport{
		name:   "cupcakery-bottleneck",
		header: []string{"stage", "waiting", "in_hand", "oldest_waiting_seconds", "arrived_last_hour", "done_last_hour", "typical_in_hand_seconds", "people", "clear_seconds", "bottleneck"},
	}
	for _, s := range bottleneck.Stages {
		r.add(cell(string(s.Stage)), numberCell(s.Waiting), numberCell(s.InHand), secondsCell(s.OldestWaitingSeconds), numberCell(s.ArrivedLastHour), numberCell(s.DoneLastHour),
			secondsCell(s.TypicalInHandSeconds), numberCell(s.People), secondsCell(s.ClearSeconds), strconv.FormatBool(s.Stage == bottleneck.Stage))
	}
	return r
}

func csvOfDelay(delay wire.HistoryDelay, orderID string) *csvReport {
	r := &csvReport{
		name:   "cupcakery-delay-" + kitchen.PickupCode(orderID),
		header: []string{"stage", "pass", "kind", "waited_seconds", "usual_waited_seconds", "in_hand_seconds", "usual_in_hand_seconds", "extra_seconds", "failures", "silent_seconds", "worker"},
	}
	for _, s := range delay.Steps {
		r.add(cell(string(s.Stage)), numberCell(s.Pass), cell(string(s.Kind)), secondsCell(s.WaitedSeconds), secondsCell(s.UsualWaitedSeconds), secondsCell(s.InHandSeconds),
			secondsCell(s.UsualInHandSeconds), secondsCell(&s.ExtraSeconds), numberCell(s.Failures), secondsCell(&s.SilentSeconds), cell(s.Worker))
	}
	return r
}

func csvOfTrace(traced wire.HistoryTrace) *csvReport {
	r := &csvReport{
		name:   "cupcakery-trace",
		header: []string{"order_id", "pickup_code", "customer", "stage", "pass", "worker", "started_at", "ended_at", "flavours", "pieces", "state", "collected_at"},
	}
	for _, t := range traced.Tickets {
		r.add(cell(t.OrderID), cell(t.PickupCode), cell(t.Customer), cell(string(t.Stage)), numberCell(t.Pass), cell(t.Worker), timeCell(t.StartedAt), timeCell(t.EndedAt),
			cell(strings.Join(t.Flavours, " ")), numberCell(t.Pieces), cell(string(t.State)), timeCell(t.CollectedAt))
	}
	return r
}
