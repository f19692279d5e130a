package ledger

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// Table is a report as rows of cells. The first row names the columns.
type Table [][]string

// WriteCSV writes the table as RFC 4180 has it, in UTF-8. A cell that a spreadsheet would
// take for a formula begins with an apostrophe there: names and codes are anybody's.
func (t Table) WriteCSV(w io.Writer) error {
	writer := csv.NewWriter(w)
	writer.UseCRLF = true
	for _, row := range t {
		safe := make([]string, len(row))
		for i, cell := range row {
			safe[i] = notAFormula(cell)
		}
		if err := writer.Write(safe); err != nil {
			return fmt.Errorf("write CSV: %w", err)
		}
	}
	writer.Flush()
	if err := writer.Error(); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

// formulaStarts are what spreadsheets begin a formula with, also in the wide forms that
// some of them take for the same; cellStarts, behind what some of them begin a cell.
const (
	formulaStarts = "=+-@＝＋－＠"
	cellStarts    = ";\t\r\n"
)

// plainNumber is a number as the tables write them, which may be negative.
var plainNumber = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

// notAFormula puts an apostrophe before what begins a formula, at the beginning of the
// cell and behind what begins another cell to some spreadsheets, whatever commas and
// quotes say.
func notAFormula(cell string) string {
	if plainNumber.MatchString(cell) {
		return cell
	}
	var safe strings.Builder
	begins := true // a cell, or what may be one
	for i, r := range cell {
		switch {
		case strings.ContainsRune(cellStarts, r):
			if i == 0 && r != ';' {
				safe.WriteByte('\'')
			}
			begins = true
		case begins && strings.ContainsRune(formulaStarts, r):
			safe.WriteByte('\'')
			begins = false
		default:
			begins = begins && unicode.IsSpace(r)
		}
		safe.WriteRune(r)
	}
	return safe.String()
}

// DaysTable has a row for each day, and one more, with nothing but the amount, for each
// further currency.
func DaysTable(days wire.HistoryDays) Table {
	table := Table{{"day", "orders", "pieces", "ready", "collected", "cancelled", "open", "late", "remakes", "scrapped", "revenue", "currency"}}
	for _, day := range days.Days {
		table = table.withMoney([]string{day.Day.String()}, []string{
			inDigits(day.Orders), inDigits(day.Pieces), inDigits(day.Ready), inDigits(day.Collected), inDigits(day.Cancelled),
			inDigits(day.Open), inDigits(day.Late), inDigits(day.Remakes), inDigits(day.Scrapped),
		}, day.Revenue)
	}
	return table
}

// FlavoursTable has a day's flavours, with a row more for each further currency.
func FlavoursTable(day wire.HistoryDay) Table {
	table := Table{{"flavour", "size", "pieces", "scrapped", "revenue", "currency"}}
	for _, flavour := range day.Flavours {
		table = table.withMoney([]string{flavour.Flavour, string(flavour.Size)}, []string{inDigits(flavour.Pieces), inDigits(flavour.Scrapped)}, flavour.Revenue)
	}
	return table
}

// withMoney adds a row that ends in an amount, and one for each further amount in which
// the numbers are left out: whoever adds a column up counts each once.
func (t Table) withMoney(names, numbers []string, revenue []wire.Money) Table {
	row := func(numbers []string, amount, currency string) []string {
		row := append([]string{}, names...)
		return append(append(row, numbers...), amount, currency)
	}
	if len(revenue) == 0 {
		return append(t, row(numbers, "", ""))
	}
	for i, money := range revenue {
		if i == 1 {
			numbers = make([]string, len(numbers))
		}
		t = append(t, row(numbers, inUnits(money), money.Currency))
	}
	return t
}

// WasteTable has what was thrown away on a day.
func WasteTable(day wire.HistoryDay) Table {
	table := Table{{"stage", "reason", "flavour", "worker", "failures", "pieces"}}
	for _, waste := range day.Waste {
		table = append(table, []string{string(waste.Stage), waste.Reason, waste.Flavour, waste.Worker, inDigits(waste.Failures), inDigits(waste.Pieces)})
	}
	return table
}

// PeopleTable has what people did on a day.
func PeopleTable(day wire.HistoryDay) Table {
	table := Table{{"worker", "stage", "tickets", "pieces", "in_hand_seconds", "failures", "scrapped"}}
	for _, person := range day.People {
		table = append(table, []string{
			person.Worker, string(person.Stage), inDigits(person.Tickets), inDigits(person.Pieces), inSeconds(&person.InHandSeconds), inDigits(person.Failures), inDigits(person.Scrapped),
		})
	}
	return table
}

// HoursTable has a day's hours.
func HoursTable(day wire.HistoryDay) Table {
	table := Table{{"hour", "placed", "due", "ready"}}
	for _, hour := range day.Hours {
		table = append(table, []string{inDigits(hour.Hour), inDigits(hour.Placed), inDigits(hour.Due), inDigits(hour.Ready)})
	}
	return table
}

// LateTable has a day's late orders.
func LateTable(day wire.HistoryDay) Table {
	table := Table{{"order_id", "pickup_code", "due_at", "ready_at", "late_seconds", "cause", "stage"}}
	for _, late := range day.Late {
		table = append(table, []string{
			late.OrderID, late.PickupCode, inRFC3339(late.DueAt), inRFC3339(late.ReadyAt), inSeconds(&late.LateSeconds), string(late.Cause), string(late.Stage),
		})
	}
	return table
}

// StagesTable has the stages' times.
func StagesTable(stages wire.HistoryStages) Table {
	table := Table{{"stage", "tickets", "waited_p50", "waited_p90", "in_hand_p50", "in_hand_p90"}}
	for _, stage := range stages.Stages {
		row := []string{string(stage.Stage), inDigits(stage.Tickets)}
		table = append(table, append(row, inQuantiles(stage.Waited, stage.InHand)...))
	}
	return table
}

// StageHoursTable has the stages' times by weekday and hour.
func StageHoursTable(stages wire.HistoryStages) Table {
	table := Table{{"stage", "weekday", "hour", "tickets", "waited_p50", "waited_p90", "in_hand_p50", "in_hand_p90"}}
	for _, hour := range stages.Hours {
		row := []string{string(hour.Stage), string(hour.Weekday), inDigits(hour.Hour), inDigits(hour.Tickets)}
		table = append(table, append(row, inQuantiles(hour.Waited, hour.InHand)...))
	}
	return table
}

// ForecastTable has what a day is likely to need.
func ForecastTable(forecast wire.HistoryForecast) Table {
	table := Table{{"flavour", "pieces", "low", "high", "ordered"}}
	for _, flavour := range forecast.Flavours {
		table = append(table, []string{flavour.Flavour, inDigits(flavour.Pieces), inDigits(flavour.Low), inDigits(flavour.High), inDigits(flavour.Ordered)})
	}
	return table
}

// BottleneckTable has how the stages stand.
func BottleneckTable(told wire.HistoryBottleneck) Table {
	table := Table{{"stage", "waiting", "in_hand", "asked", "oldest_waiting_seconds", "arrived_last_hour", "done_last_hour", "typical_in_hand_seconds", "people", "clear_seconds", "bottleneck"}}
	for _, load := range told.Stages {
		table = append(table, []string{
			string(load.Stage), inDigits(load.Waiting), inDigits(load.InHand), inDigits(load.Asked), inSeconds(load.OldestWaitingSeconds), inDigits(load.ArrivedLastHour), inDigits(load.DoneLastHour),
			inSeconds(load.TypicalInHandSeconds), inDigits(load.People), inSeconds(load.ClearSeconds), strconv.FormatBool(told.Stage != "" && load.Stage == told.Stage),
		})
	}
	return table
}

// DelayTable has the steps of an order.
func DelayTable(delay wire.HistoryDelay) Table {
	table := Table{{
		"stage", "pass", "kind", "waited_seconds", "usual_waited_seconds", "in_hand_seconds", "usual_in_hand_seconds", "extra_seconds", "failures", "silent_seconds", "asked_seconds", "worker",
	}}
	for _, step := range delay.Steps {
		table = append(table, []string{
			string(step.Stage), inDigits(step.Pass), string(step.Kind), inSeconds(step.WaitedSeconds), inSeconds(step.UsualWaitedSeconds), inSeconds(step.InHandSeconds),
			inSeconds(step.UsualInHandSeconds), inSeconds(&step.ExtraSeconds), inDigits(step.Failures), inSeconds(&step.SilentSeconds), inSeconds(&step.AskedSeconds), step.Worker,
		})
	}
	return table
}

// OrdersTable has the orders that had a pickup code.
func OrdersTable(told wire.HistoryOrders) Table {
	table := Table{{"order_id", "pickup_code", "state", "pieces", "placed_at", "due_at", "ready_at", "withdrawn_at"}}
	for _, order := range told.Orders {
		table = append(table, []string{
			order.OrderID, order.PickupCode, string(order.State), inDigits(order.Pieces), inRFC3339(order.PlacedAt), inRFC3339(order.DueAt), inRFC3339(order.ReadyAt), inRFC3339(order.WithdrawnAt),
		})
	}
	return table
}

// TraceTable has the tickets of a batch.
func TraceTable(trace wire.HistoryTrace) Table {
	table := Table{{"order_id", "pickup_code", "stage", "pass", "worker", "started_at", "ended_at", "flavours", "pieces", "state", "collected_at", "customer"}}
	for _, ticket := range trace.Tickets {
		table = append(table, []string{
			ticket.OrderID, ticket.PickupCode, string(ticket.Stage), inDigits(ticket.Pass), ticket.Worker, inRFC3339(ticket.StartedAt), inRFC3339(ticket.EndedAt),
			strings.Join(ticket.Flavours, " "), inDigits(ticket.Pieces), string(ticket.State), inRFC3339(ticket.CollectedAt), ticket.Customer,
		})
	}
	return table
}

func inDigits(number int) string { return strconv.Itoa(number) }

// inSeconds is a duration to the millisecond; empty if it is not known.
func inSeconds(seconds *float64) string {
	if seconds == nil {
		return ""
	}
	return strconv.FormatFloat(math.Round(*seconds*1000)/1000+0, 'f', -1, 64) // never -0
}

func inQuantiles(of ...*wire.Quantiles) []string {
	var cells []string
	for _, each := range of {
		if each == nil {
			cells = append(cells, "", "")
			continue
		}
		cells = append(cells, inSeconds(&each.P50), inSeconds(&each.P90))
	}
	return cells
}

func inRFC3339(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

// inUnits is the amount alone, in the currency's unit: 28.80.
func inUnits(money kitchen.Money) string {
	return strings.TrimPrefix(money.String(), money.Currency+" ")
}
