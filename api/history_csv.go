package api

import (
	"bytes"
	"mime"
	"net/http"
	"strconv"

	"github.com/cupcakery/cupcakery/ledger"
	"github.com/cupcakery/cupcakery/wire"
)

// The tables of a day; the stages have one of hours, too.
const (
	tableFlavours = "flavours"
	tableWaste    = "waste"
	tablePeople   = "people"
	tableHours    = "hours"
	tableLate     = "late"
)

// dayTable is one of a day's tables.
func dayTable(day wire.HistoryDay, name string) ledger.Table {
	switch name {
	case tableWaste:
		return ledger.WasteTable(day)
	case tablePeople:
		return ledger.PeopleTable(day)
	case tableHours:
		return ledger.HoursTable(day)
	case tableLate:
		return ledger.LateTable(day)
	}
	return ledger.FlavoursTable(day)
}

// csvFile is an answer in CSV.
type csvFile struct {
	// name is the file's, without its ending. It must not have anything that others
	// have written.
	name  string
	table ledger.Table
}

// write answers with the file.
func (f csvFile) write(w http.ResponseWriter) error {
	var text bytes.Buffer
	if err := f.table.WriteCSV(&text); err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", "text/csv; charset=utf-8")
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": "cupcakery-" + f.name + ".csv"}))
	header.Set("Content-Length", strconv.Itoa(text.Len()))
	w.WriteHeader(http.StatusOK)
	_, err := text.WriteTo(w)
	return err
}

// VisitGetHistoryDaysResponse writes the answer.
func (f csvFile) VisitGetHistoryDaysResponse(w http.ResponseWriter) error { return f.write(w) }

// VisitGetHistoryDayResponse writes the answer.
func (f csvFile) VisitGetHistoryDayResponse(w http.ResponseWriter) error { return f.write(w) }

// VisitGetHistoryStagesResponse writes the answer.
func (f csvFile) VisitGetHistoryStagesResponse(w http.ResponseWriter) error { return f.write(w) }

// VisitGetHistoryForecastResponse writes the answer.
func (f csvFile) VisitGetHistoryForecastResponse(w http.ResponseWriter) error { return f.write(w) }

// VisitGetHistoryBottleneckResponse writes the answer.
func (f csvFile) VisitGetHistoryBottleneckResponse(w http.ResponseWriter) error { return f.write(w) }

// VisitGetHistoryOrdersResponse writes the answer.
func (f csvFile) VisitGetHistoryOrdersResponse(w http.ResponseWriter) error { return f.write(w) }

// VisitGetHistoryDelayResponse writes the answer.
func (f csvFile) VisitGetHistoryDelayResponse(w http.ResponseWriter) error { return f.write(w) }

// VisitTraceHistoryResponse writes the answer.
func (f csvFile) VisitTraceHistoryResponse(w http.ResponseWriter) error { return f.write(w) }
