package kitchen

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Limits on what a station may say in an ack.
const (
	MaxByLength      = 80
	MaxAckNoteLength = 500
	MaxScrapped      = 10_000
)

// ParseAck reads an ack as a station wrote it. Fields it does not know are
// ignored; a missing or wrong one is named in the error. An ack that ParseAck
// refuses can never be understood: it is poison, not an outage.
func ParseAck(data []byte) (Ack, error) {
	var ack Ack
	if err := json.Unmarshal(data, &ack); err != nil {
		var wrongType *json.UnmarshalTypeError
		if errors.As(err, &wrongType) && wrongType.Field != "" {
			return Ack{}, fmt.Errorf("%s: must not be a JSON %s", wrongType.Field, wrongType.Value)
		}
		return Ack{}, fmt.Errorf("not a JSON object: %w", err)
	}
	return ack, ack.Check()
}

// Check returns an error that names the first field that is missing or wrong.
func (a Ack) Check() error {
	ref, err := ParseTicketID(a.TicketID)
	if err != nil {
		return fmt.Errorf("ticketId: %w", err)
	}
	if a.OrderID != ref.OrderID {
		return fmt.Errorf("orderId: %q is not the order of ticket %q", a.OrderID, a.TicketID)
	}
	if _, err := ParseStage(string(a.Stage)); err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	if a.Stage != ref.Stage {
		return fmt.Errorf("stage: %q is not the stage of ticket %q", a.Stage, a.TicketID)
	}
	if err := a.checkKind(ref.Kind); err != nil {
		return fmt.Errorf("kind: %w", err)
	}
	switch {
	case a.By == "":
		return errors.New("by: missing: say who did the work")
	case utf8.RuneCountInString(a.By) > MaxByLength:
		return fmt.Errorf("by: longer than %d characters", MaxByLength)
	case a.At.IsZero():
		return errors.New("at: missing: give the time as RFC 3339, such as 2026-01-31T12:00:00Z")
	case utf8.RuneCountInString(a.Note) > MaxAckNoteLength:
		return fmt.Errorf("note: longer than %d characters", MaxAckNoteLength)
	case a.Scrapped < 0 || a.Scrapped > MaxScrapped:
		return fmt.Errorf("scrapped: must be from 0 to %d pieces", MaxScrapped)
	case a.Attempt < 0:
		return errors.New("attempt: must not be negative")
	}
	return nil
}

func (a Ack) checkKind(ticket TicketKind) error {
	switch a.Kind {
	case AckStarted, AckFailed:
		return nil
	case AckDone:
		if ticket == TicketUndo {
			return fmt.Errorf("an undo ticket ends with %q, not %q", AckUndone, AckDone)
		}
		return nil
	case AckUndone:
		if ticket == TicketMake {
			return fmt.Errorf("%q answers only an undo ticket", AckUndone)
		}
		return nil
	}
	return fmt.Errorf("unknown kind %q: use started, done, failed or undone", a.Kind)
}
