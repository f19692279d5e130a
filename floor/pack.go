package floor

import (
	"encoding/binary"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

// coder writes a value in few bytes, what it has one after the other and without
// names, or reads what was written. In JSON an order's status takes three times as
// many, and there may be very many orders. What was written is for this process
// alone. Times come back as printable.
type coder struct {
	data    []byte
	reading bool
}

// status codes all that is kept of an order's status but its id, by which it is kept.
// Its lines never change, apart from what the log leaves out.
func (c *coder) status(told *kitchen.LoggedStatus) {
	text(c, &told.PickupCode)
	number(c, &told.Version)
	c.flag(&told.Repeated)
	number(c, &told.DetailsVersion)
	c.time(&told.At)
	text(c, &told.State)
	slice(c, (*[]kitchen.Stage)(&told.Route), text)
	text(c, &told.Stage)
	text(c, &told.WaitingFor)
	c.time(&told.PlacedAt)
	optional(c, &told.ShippedAt, (*coder).time)
	optional(c, &told.CancelledAt, (*coder).time)
	slice(c, &told.Stages, (*coder).row)
	number(c, &told.Remakes)
	number(c, &told.Scrapped)
	optional(c, &told.Attention, (*coder).attention)
}

func (c *coder) row(row *kitchen.StageStatus) {
	text(c, &row.Stage)
	number(c, &row.Pass)
	text(c, &row.State)
	number(c, &row.Attempt)
	text(c, &row.By)
	optional(c, &row.IssuedAt, (*coder).time)
	optional(c, &row.StartedAt, (*coder).time)
	optional(c, &row.DoneAt, (*coder).time)
	text(c, &row.MadeBy)
	text(c, &row.Reason)
	optional(c, &row.FailedAt, (*coder).time)
	text(c, &row.Note)
	number(c, &row.Scrapped)
	optional(c, &row.Undo, (*coder).undo)
}

func (c *coder) undo(undo *kitchen.UndoStatus) {
	text(c, &undo.State)
	number(c, &undo.Attempt)
	optional(c, &undo.IssuedAt, (*coder).time)
	optional(c, &undo.StartedAt, (*coder).time)
	text(c, &undo.By)
	optional(c, &undo.UndoneAt, (*coder).time)
	number(c, &undo.Scrapped)
	text(c, &undo.Left)
}

func (c *coder) attention(asked *kitchen.Attention) {
	text(c, &asked.Reason)
	text(c, &asked.Stage)
	number(c, &asked.Pass)
	c.flag(&asked.Undoing)
	c.time(&asked.Since)
	text(c, &asked.Cause)
	text(c, &asked.By)
	text(c, &asked.ReasonCode)
	slice(c, &asked.Choices, text)
}

func number[T ~int | ~int64](c *coder, value *T) {
	if !c.reading {
		c.data = binary.AppendVarint(c.data, int64(*value))
		return
	}
	n, size := binary.Varint(c.data)
	*value, c.data = T(n), c.data[size:]
}

func text[T ~string](c *coder, value *T) {
	length := len(*value)
	number(c, &length)
	if !c.reading {
		c.data = append(c.data, *value...)
		return
	}
	*value, c.data = T(c.data[:length]), c.data[length:]
}

func (c *coder) flag(value *bool) {
	var n int
	if *value {
		n = 1
	}
	number(c, &n)
	if c.reading {
		*value = n == 1
	}
}

func (c *coder) time(at *time.Time) {
	seconds, nanoseconds := at.Unix(), at.Nanosecond()
	number(c, &seconds)
	number(c, &nanoseconds)
	if c.reading {
		*at = printable(time.Unix(seconds, int64(nanoseconds)))
	}
}

func optional[T any](c *coder, value **T, code func(*coder, *T)) {
	has := *value != nil
	c.flag(&has)
	if !has {
		return
	}
	if c.reading {
		*value = new(T)
	}
	code(c, *value)
}

func slice[T any](c *coder, values *[]T, code func(*coder, *T)) {
	length := len(*values)
	if *values == nil {
		length = -1
	}
	number(c, &length)
	if length < 0 {
		return
	}
	if c.reading {
		*values = make([]T, length)
	}
	for i := range *values {
		code(c, &(*values)[i])
	}
}
