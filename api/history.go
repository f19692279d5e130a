package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/ledger"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	// maxHistoryDays is how many days a report may span, and historyDays how many it
	// does if nobody says.
	maxHistoryDays, historyDays = 366, 28
	// maxTraced is the time from which a trace may take tickets.
	maxTraced = 31 * 24 * time.Hour
	// reportsAtOnce is how many reports a process has the database work on at the same
	// time: they read much, and whoever takes orders must not wait for them.
	reportsAtOnce = 2
	// reportTurnWithin is how long a report waits for its turn, and reportWithin how long
	// it may take in all.
	reportTurnWithin, reportWithin = 3 * time.Second, 13 * time.Second
)

// History answers from the ledger. Its errors are those of package ledger.
type History interface {
	// Days tells every day from the first to the last.
	Days(ctx context.Context, first, last kitchen.Date) (wire.HistoryDays, error)
	Day(ctx context.Context, day kitchen.Date) (wire.HistoryDay, error)
	// Stages tells of the tickets that ended on a day from the first to the last.
	Stages(ctx context.Context, first, last kitchen.Date) (wire.HistoryStages, error)
	Forecast(ctx context.Context, day kitchen.Date) (wire.HistoryForecast, error)
	Bottleneck(ctx context.Context) (wire.HistoryBottleneck, error)
	// Orders tells which orders had a pickup code, the newest first.
	Orders(ctx context.Context, pickupCode string) (wire.HistoryOrders, error)
	// Delay returns ledger.ErrUnknownOrder if the ledger has nothing of the order.
	Delay(ctx context.Context, orderID string) (wire.HistoryDelay, error)
	Trace(ctx context.Context, what ledger.Trace) (wire.HistoryTrace, error)
}

// reports lets few reports at a time at the ledger.
type reports struct {
	history History // nil without a ledger
	turns   *semaphore.Weighted
	// turnWithin is how long a report waits for its turn.
	turnWithin time.Duration
}

func newReports(history History) *reports {
	return &reports{history: history, turns: semaphore.NewWeighted(reportsAtOnce), turnWithin: reportTurnWithin}
}

// readReport has the ledger answer, when it is this report's turn.
func readReport[T any](ctx context.Context, r *reports, read func(context.Context, History) (T, error)) (report T, err error) {
	if r.history == nil {
		return report, &problemError{Type: wire.ProblemNoLedger, Detail: "It remembers no more than the last hours: its operator runs cupcakery ledger, and names its database with --ledger-database or CUPCAKERY_LEDGER_DATABASE."}
	}
	ctx, cancel := context.WithTimeout(requestContext(ctx), reportWithin)
	defer cancel()
	if err := r.takeTurn(ctx); err != nil {
		return report, err
	}
	defer r.turns.Release(1)
	report, err = read(ctx, r.history)
	if err != nil {
		return report, historyProblem(err)
	}
	return report, nil
}

func (r *reports) takeTurn(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.turnWithin)
	defer cancel()
	if err := r.turns.Acquire(ctx, 1); err != nil {
		return &problemError{Type: wire.ProblemUnavailable, Cause: err, Detail: fmt.Sprintf("Others are reading reports, and only %d are read at a time: ask again in %d seconds.", reportsAtOnce, inSeconds(retryAfter))}
	}
	return nil
}

// historyProblem is the problem that an error of the ledger is to a client.
func historyProblem(err error) error {
	if errors.Is(err, ledger.ErrUnknownOrder) {
		return &problemError{Type: wire.ProblemOrderNotFound, Cause: err, Detail: "The ledger knows no order with this id: check it. An order that was placed a moment ago is there as soon as the ledger has read of it."}
	}
	if away, is := errors.AsType[*ledger.AwayError](err); is {
		return &problemError{Type: wire.ProblemUnavailable, Cause: away, Detail: fmt.Sprintf("The ledger's database did not answer in time: ask again in %d seconds. Everything but history works without it.", inSeconds(retryAfter))}
	}
	if refused, is := errors.AsType[*ledger.RefusedError](err); is {
		return &problemError{Type: wire.ProblemUnavailable, Cause: refused, Detail: "The ledger's database does not let this server read. Its operator finds the cause in the server's log; everything but history works without it."}
	}
	if schema, is := errors.AsType[*ledger.SchemaError](err); is {
		return &problemError{Type: wire.ProblemUnavailable, Cause: schema, Detail: "The ledger cannot be read yet: " + schema.Error() + "."}
	}
	return fmt.Errorf("read the ledger: %w", err)
}

// GetHistoryDays tells what was made and sold, day by day.
func (s *Server) GetHistoryDays(ctx context.Context, request GetHistoryDaysRequestObject) (GetHistoryDaysResponseObject, error) {
	first, last, err := s.historyDays(request.Params.From, request.Params.To)
	if err != nil {
		return nil, err
	}
	days, err := readReport(ctx, s.reports, func(ctx context.Context, history History) (wire.HistoryDays, error) {
		return history.Days(ctx, first, last)
	})
	if err != nil || !wantsCSV(ctx, request.Params.Format) {
		return GetHistoryDays200JSONResponse(days), err
	}
	return csvFile{fmt.Sprintf("days-%s-%s", first, last), ledger.DaysTable(days)}, nil
}

// GetHistoryDay tells a day in full.
func (s *Server) GetHistoryDay(ctx context.Context, request GetHistoryDayRequestObject) (GetHistoryDayResponseObject, error) {
	day, fault := readDay("day", request.Day)
	if fault != nil {
		return nil, fieldsProblem(wire.ProblemInvalidParameter, fault)
	}
	told, err := readReport(ctx, s.reports, func(ctx context.Context, history History) (wire.HistoryDay, error) {
		return history.Day(ctx, day)
	})
	for i := range told.Late {
		if late := &told.Late[i]; s.isErased(late.OrderID) {
			late.OrderID = ""
		}
	}
	if err != nil || !wantsCSV(ctx, request.Params.Format) {
		return GetHistoryDay200JSONResponse(told), err
	}
	table := cmp.Or(orZero(request.Params.Table), tableFlavours)
	return csvFile{fmt.Sprintf("day-%s-%s", day, table), dayTable(told, table)}, nil
}

// GetHistoryStages tells how long the stages took.
func (s *Server) GetHistoryStages(ctx context.Context, request GetHistoryStagesRequestObject) (GetHistoryStagesResponseObject, error) {
	first, last, err := s.historyDays(request.Params.From, request.Params.To)
	if err != nil {
		return nil, err
	}
	stages, err := readReport(ctx, s.reports, func(ctx context.Context, history History) (wire.HistoryStages, error) {
		return history.Stages(ctx, first, last)
	})
	if err != nil || !wantsCSV(ctx, request.Params.Format) {
		return GetHistoryStages200JSONResponse(stages), err
	}
	if orZero(request.Params.Table) == tableHours {
		return csvFile{fmt.Sprintf("stage-hours-%s-%s", first, last), ledger.StageHoursTable(stages)}, nil
	}
	return csvFile{fmt.Sprintf("stages-%s-%s", first, last), ledger.StagesTable(stages)}, nil
}

// GetHistoryForecast tells what a day is likely to need.
func (s *Server) GetHistoryForecast(ctx context.Context, request GetHistoryForecastRequestObject) (GetHistoryForecastResponseObject, error) {
	day := s.kitchen.Opening.DateOf(now()).Next()
	if request.Params.Day != nil {
		var fault []wire.FieldError
		if day, fault = readDay("day", *request.Params.Day); fault != nil {
			return nil, fieldsProblem(wire.ProblemInvalidParameter, fault)
		}
	}
	forecast, err := readReport(ctx, s.reports, func(ctx context.Context, history History) (wire.HistoryForecast, error) {
		return history.Forecast(ctx, day)
	})
	if err != nil || !wantsCSV(ctx, request.Params.Format) {
		return GetHistoryForecast200JSONResponse(forecast), err
	}
	return csvFile{fmt.Sprintf("forecast-%s", day), ledger.ForecastTable(forecast)}, nil
}

// GetHistoryBottleneck tells which stage holds up the others now.
func (s *Server) GetHistoryBottleneck(ctx context.Context, request GetHistoryBottleneckRequestObject) (GetHistoryBottleneckResponseObject, error) {
	bottleneck, err := readReport(ctx, s.reports, func(ctx context.Context, history History) (wire.HistoryBottleneck, error) {
		return history.Bottleneck(ctx)
	})
	if err != nil || !wantsCSV(ctx, request.Params.Format) {
		return GetHistoryBottleneck200JSONResponse(bottleneck), err
	}
	return csvFile{"bottleneck", ledger.BottleneckTable(bottleneck)}, nil
}

// GetHistoryOrders tells which orders had a pickup code.
func (s *Server) GetHistoryOrders(ctx context.Context, request GetHistoryOrdersRequestObject) (GetHistoryOrdersResponseObject, error) {
	code := strings.ToUpper(request.Params.PickupCode)
	orders, err := readReport(ctx, s.reports, func(ctx context.Context, history History) (wire.HistoryOrders, error) {
		return history.Orders(ctx, code)
	})
	orders.Orders = slices.DeleteFunc(orders.Orders, func(order wire.RememberedOrder) bool { return s.isErased(order.OrderID) })
	if err != nil || !wantsCSV(ctx, request.Params.Format) {
		return GetHistoryOrders200JSONResponse(orders), err
	}
	return csvFile{"orders-" + code, ledger.OrdersTable(orders)}, nil
}

// GetHistoryDelay tells why an order was late.
func (s *Server) GetHistoryDelay(ctx context.Context, request GetHistoryDelayRequestObject) (GetHistoryDelayResponseObject, error) {
	delay, err := readReport(ctx, s.reports, func(ctx context.Context, history History) (wire.HistoryDelay, error) {
		return history.Delay(ctx, request.ID)
	})
	if err != nil || !wantsCSV(ctx, request.Params.Format) {
		return GetHistoryDelay200JSONResponse(delay), err
	}
	return csvFile{"delay-" + kitchen.PickupCode(request.ID), ledger.DelayTable(delay)}, nil
}

// TraceHistory tells which orders a batch went into.
func (s *Server) TraceHistory(ctx context.Context, request TraceHistoryRequestObject) (TraceHistoryResponseObject, error) {
	what, faults := whatToTrace(request.Params)
	if len(faults) > 0 {
		return nil, fieldsProblem(wire.ProblemInvalidParameter, faults)
	}
	traced, err := readReport(ctx, s.reports, func(ctx context.Context, history History) (wire.HistoryTrace, error) {
		return history.Trace(ctx, what)
	})
	for i := range traced.Tickets {
		if ticket := &traced.Tickets[i]; s.isErased(ticket.OrderID) {
			ticket.OrderID, ticket.Customer = "", ""
		}
	}
	if err != nil || !wantsCSV(ctx, request.Params.Format) {
		return TraceHistory200JSONResponse(traced), err
	}
	if traced.More {
		// A table cannot say that something is missing, and customers would not be warned.
		return nil, fieldsProblem(wire.ProblemInvalidParameter, []wire.FieldError{{Parameter: "format", Detail: fmt.Sprintf("there are more than %d tickets, and CSV would not say so: ask for less time, or for JSON", ledger.MaxTraced)}})
	}
	return csvFile{"trace", ledger.TraceTable(traced)}, nil
}

// wantsCSV reports whether the answer is to be CSV.
func wantsCSV(ctx context.Context, format *string) bool {
	c, err := ginContext(ctx)
	if err != nil {
		return false
	}
	c.Header("Vary", "Accept")
	if format != nil {
		return *format == "csv"
	}
	weights := readWeights(c.Request.Header.Values("Accept"))
	return weights["text/csv"] > weights["application/json"]
}

// The years of days that are asked for. Neither Temporal nor PostgreSQL is asked about the
// ends of its calendar then.
const firstYear, lastYear = 1970, 2999

// readDay reads a parameter that is a day.
func readDay(parameter, text string) (kitchen.Date, []wire.FieldError) {
	day, err := kitchen.ParseDate(text)
	switch {
	case err != nil:
		return day, []wire.FieldError{{Parameter: parameter, Detail: "the calendar has no such day: write it like 2026-11-26"}}
	case day.Year < firstYear || day.Year > lastYear:
		return day, []wire.FieldError{{Parameter: parameter, Detail: fmt.Sprintf("no bakery has that day: give one of the years %d to %d", firstYear, lastYear)}}
	}
	return day, nil
}

// historyDays are the first and the last day of a report.
func (s *Server) historyDays(from, to *string) (first, last kitchen.Date, err error) {
	var faults []wire.FieldError
	last = s.kitchen.Opening.DateOf(now())
	if to != nil {
		day, fault := readDay("to", *to)
		last, faults = day, append(faults, fault...)
	}
	first = last.Add(1 - historyDays)
	if from != nil {
		day, fault := readDay("from", *from)
		first, faults = day, append(faults, fault...)
	}
	switch {
	case len(faults) > 0:
	case first.After(last) && to == nil:
		faults = []wire.FieldError{{Parameter: "from", Detail: fmt.Sprintf("is after today, %s: give an earlier day, or to as well", last)}}
	case first.After(last):
		faults = []wire.FieldError{{Parameter: "from", Detail: fmt.Sprintf("is after to, %s: give the earlier day as from", last)}}
	case last.After(first.Add(maxHistoryDays - 1)):
		faults = []wire.FieldError{{Parameter: "from", Detail: fmt.Sprintf("is more than %d days before to, %s: ask for a year at a time", maxHistoryDays, last)}}
	}
	if len(faults) > 0 {
		return first, last, fieldsProblem(wire.ProblemInvalidParameter, faults)
	}
	return first, last, nil
}

// whatToTrace reads which tickets are to be traced.
func whatToTrace(params wire.TraceHistoryParams) (what ledger.Trace, faults []wire.FieldError) {
	fault := func(parameter, detail string) {
		faults = append(faults, wire.FieldError{Parameter: parameter, Detail: detail})
	}
	if params.Ticket != nil {
		ticket, err := kitchen.ParseTicketID(*params.Ticket)
		switch {
		case err != nil || !ticket.Stage.Valid():
			fault("ticket", "is no ticket's id: write the order's id, the stage and the pass with points between them")
		case ticket.Kind == kitchen.TicketUndo:
			fault("ticket", "is an undo ticket, which has no tray: leave .undo out")
		}
		for name, given := range map[string]bool{"stage": params.Stage != nil, "from": params.From != nil, "to": params.To != nil, "flavour": params.Flavour != nil, "worker": params.Worker != nil} {
			if given {
				fault(name, "cannot be given with ticket: leave one of them out")
			}
		}
		return ledger.Trace{Ticket: ticket}, faults
	}
	what = ledger.Trace{Stage: orZero(params.Stage), Flavour: orZero(params.Flavour), Worker: orZero(params.Worker)}
	if params.Stage == nil {
		fault("stage", "missing: give ticket, or stage, from and to")
	}
	instant := func(parameter string, text *string) time.Time {
		if text == nil {
			fault(parameter, "missing: give ticket, or stage, from and to")
			return time.Time{}
		}
		at, err := time.Parse(time.RFC3339, *text)
		if err != nil {
			fault(parameter, "the calendar has no such time: write it like 2026-11-26T08:00:00Z")
		}
		return at.UTC()
	}
	what.From, what.To = instant("from", params.From), instant("to", params.To)
	switch {
	case len(faults) > 0:
	case !what.From.Before(what.To):
		fault("from", "is not before to: give the earlier time as from")
	case what.To.Sub(what.From) > maxTraced:
		fault("from", fmt.Sprintf("is more than %d days before to: ask for less time", int(maxTraced/(24*time.Hour))))
	}
	return what, faults
}
