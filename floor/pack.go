package floor

import (
	"time"

	"github.com/cupcakery/cupcakery/internal/pack"
	"github.com/cupcakery/cupcakery/kitchen"
)

// codeStatus packs all that is kept of an order's status but its id, by which it is kept.
// Its lines never change, apart from what the log leaves out, and neither do their
// prices: whoever asks for them has them from how the order was placed.
func codeStatus(c *pack.Coder, told *kitchen.LoggedStatus) {
	pack.Text(c, &told.PickupCode)
	pack.Number(c, &told.Version)
	pack.Flag(c, &told.Repeated)
	pack.Number(c, &told.DetailsVersion)
	codeTime(c, &told.At)
	pack.Text(c, &told.State)
	pack.Slice(c, &told.Route, pack.Text)
	pack.Text(c, &told.Stage)
	pack.Text(c, &told.WaitingFor)
	codeTime(c, &told.PlacedAt)
	pack.Optional(c, &told.DueAt, codeTime)
	pack.Optional(c, &told.ShippedAt, codeTime)
	pack.Optional(c, &told.CancelledAt, codeTime)
	pack.Slice(c, &told.Stages, codeRow)
	pack.Number(c, &told.Remakes)
	pack.Number(c, &told.Scrapped)
	pack.Optional(c, &told.Attention, codeAttention)
	pack.Slice(c, &told.Decisions, codeDecision)
	pack.Text(c, &told.CancelledBy)
}

func codeRow(c *pack.Coder, row *kitchen.StageStatus) {
	pack.Text(c, &row.Stage)
	pack.Number(c, &row.Pass)
	pack.Text(c, &row.State)
	pack.Number(c, &row.Attempt)
	pack.Text(c, &row.By)
	pack.Optional(c, &row.IssuedAt, codeTime)
	pack.Optional(c, &row.StartedAt, codeTime)
	pack.Optional(c, &row.DoneAt, codeTime)
	pack.Text(c, &row.MadeBy)
	pack.Text(c, &row.Reason)
	pack.Optional(c, &row.FailedAt, codeTime)
	pack.Text(c, &row.Note)
	pack.Number(c, &row.Scrapped)
	pack.Optional(c, &row.Undo, codeUndo)
}

func codeUndo(c *pack.Coder, undo *kitchen.UndoStatus) {
	pack.Text(c, &undo.State)
	pack.Number(c, &undo.Attempt)
	pack.Optional(c, &undo.IssuedAt, codeTime)
	pack.Optional(c, &undo.StartedAt, codeTime)
	pack.Text(c, &undo.By)
	pack.Optional(c, &undo.UndoneAt, codeTime)
	pack.Number(c, &undo.Scrapped)
	pack.Text(c, &undo.Left)
}

func codeAttention(c *pack.Coder, asked *kitchen.Attention) {
	pack.Text(c, &asked.Reason)
	pack.Text(c, &asked.Stage)
	pack.Number(c, &asked.Pass)
	pack.Flag(c, &asked.Undoing)
	codeTime(c, &asked.Since)
	pack.Text(c, &asked.Cause)
	pack.Text(c, &asked.By)
	pack.Text(c, &asked.ReasonCode)
	pack.Slice(c, &asked.Choices, pack.Text)
}

func codeDecision(c *pack.Coder, made *kitchen.Decision) {
	codeTime(c, &made.AskedAt)
	codeTime(c, &made.At)
	pack.Text(c, &made.Stage)
	pack.Number(c, &made.Pass)
	pack.Flag(c, &made.Undoing)
	pack.Text(c, &made.Cause)
	pack.Text(c, &made.ReasonCode)
	pack.Text(c, &made.Choice)
	pack.Text(c, &made.By)
}

// codeTime unpacks times as printable.
func codeTime(c *pack.Coder, at *time.Time) {
	pack.Time(c, at)
	if c.Unpacking() {
		*at = printable(*at)
	}
}
