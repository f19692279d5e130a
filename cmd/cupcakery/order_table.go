package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// narrowWidth is what a list of orders fits where there is no terminal.
const narrowWidth = 80

// writeOrders lists orders for people; what is not wide fits the terminal.
func writeOrders(w io.Writer, orders []wire.OrderSummary, wide bool) error {
	if len(orders) == 0 {
		return nil
	}
	columns, isTerminal := terminalWidth(w)
	if !isTerminal {
		columns = narrowWidth
	}
	lines := orderLines(orders, columns, time.Now())
	if wide {
		lines = wideOrderLines(orders)
	}
	_, err := io.WriteString(coloured(w), strings.Join(lines, "\n")+"\n")
	return err
}

// orderState is an order's state as people call it, and how it looks.
func orderState(state kitchen.OrderState) (string, ansi.Style) {
	switch state {
	case kitchen.StateScheduled:
		return "scheduled", nil
	case kitchen.StateAccepted, kitchen.StateInProgress:
		return "in progress", lookBusy
	case kitchen.StateNeedsAttention:
		return "needs attention", lookLate
	case kitchen.StateCancelling:
		return "being cancelled", lookSoon
	case kitchen.StateCancelled:
		return "cancelled", faint
	case kitchen.StateShipped:
		return "shipped", lookGood
	}
	return safeText(string(state)), nil
}

// roomForTexts is what the columns with people's names need at least.
const roomForTexts = 20

func columnWidth(rows [][]string, column int) int {
	width := 0
	for _, row := range rows {
		width = max(width, ansi.StringWidth(row[column]))
	}
	return width
}

// orderLines are orders in a table of some columns: names give way, and at last the
// ids. These are shortened to what tells two orders of one moment apart.
func orderLines(orders []wire.OrderSummary, columns int, now time.Time) []string {
	const where, customer = 2, 3
	rows := [][]string{{"CODE", "STATE", "WHERE", "CUSTOMER", "PCS", "TOTAL", "DUE", "ORDER"}}
	for _, order := range orders {
		state, look := orderState(order.State)
		at := string(order.Stage)
		if order.InHand.By != "" {
			at += ", " + order.InHand.By
		}
		pieces := "-"
		if order.Pieces > 0 {
			pieces = fmt.Sprint(order.Pieces)
		}
		rows = append(rows, []string{
			bold.Styled(safeText(order.PickupCode)), look.Styled(state), orDash(printable(at)), printable(order.Customer.Name),
			pieces, orderTotal(order), orderDue(order, now), shortID(order.ID),
		})
	}
	room := func() int { // for the two columns that give way
		room := columns
		for i := range rows[0] {
			if i != where && i != customer {
				room -= columnWidth(rows, i)
			}
		}
		return room - 2*(len(rows[0])-1)
	}
	if room() < roomForTexts { // then the code has to do
		for i, row := range rows {
			rows[i] = row[:len(row)-1]
		}
	}
	left := max(room(), 2*len("WHERE"))
	most := min(columnWidth(rows, where), max(left/2, left-columnWidth(rows, customer)))
	for _, row := range rows {
		row[where] = ansi.Truncate(row[where], most, "…")
		row[customer] = ansi.Truncate(row[customer], left-most, "…")
	}
	lines := alignColumns(rows, 4, 5)
	for i, line := range lines {
		lines[i] = ansi.Truncate(line, columns, "…")
	}
	lines[0] = faint.Styled(lines[0])
	return lines
}

// wideOrderLines are orders with all that a list knows of them.
func wideOrderLines(orders []wire.OrderSummary) []string {
	rows := [][]string{{"CODE", "STATE", "STAGE", "IN HAND", "CUSTOMER", "FLAVOURS", "PIECES", "TOTAL", "PLACED", "DUE", "CLOSED", "ORDER"}}
	for _, order := range orders {
		state, look := orderState(order.State)
		rows = append(rows, []string{
			bold.Styled(safeText(order.PickupCode)), look.Styled(state), orDash(safeText(string(order.Stage))), inHandWords(order.InHand),
			safeText(order.Customer.Name), safeText(strings.Join(order.Flavours, ", ")), fmt.Sprint(order.Pieces), orderTotal(order),
			clock(&order.PlacedAt), dueClock(&order.DueAt, time.Now()), clock(&order.ClosedAt), safeText(order.ID),
		})
	}
	lines := alignColumns(rows, 6, 7)
	lines[0] = faint.Styled(lines[0])
	return lines
}

// orderDue is when an order is to be fetched.
func orderDue(order wire.OrderSummary, now time.Time) string {
	if order.DueAt.IsZero() {
		return "asap"
	}
	text := shortDueClock(order.DueAt, now)
	if order.ClosedAt.IsZero() && now.After(order.DueAt) {
		return lookLate.Styled(text)
	}
	return text
}

// shortID is the end of an order's id, which is random; its beginning is the time.
func shortID(id string) string {
	const shown = 6
	if len(id) <= shown {
		return safeText(id)
	}
	return "…" + safeText(id[len(id)-shown:])
}
