package kitchen

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// Limits on what a station may say in an ack.
const (
	MaxByLength      = 80
	MaxReasonLength  = maxCodeLength
	MaxAckNoteLength = 500
	MaxScrapped      = 10_000
	// MaxAttempt is more often than any ticket is issued.
	MaxAttempt = 1_000_000
)

const timeRemedy = "give the time as RFC 3339, such as 2026-01-31T12:00:00Z"

// ParseAck reads an ack as a station wrote it. Fields it does not know are
// ignored; a missing or wrong one is named in the error. An ack that does not
// say when it was given, as one typed by hand, was given when it was received;
// with a zero received it must say so itself. Times are turned into UTC.
//
// An ack that ParseAck refuses can never be understood: it is poison, not an
// outage.
func ParseAck(data []byte, received time.Time) (Ack, error) {
	if !utf8.Valid(data) {
		return Ack{}, errors.New("not UTF-8: send the ack as JSON in UTF-8")
	}
	var ack Ack
	if err := json.Unmarshal(data, &ack); err != nil {
		return Ack{}, ackDecodeError(data, err)
	}
	if ack.At.IsZero() {
		ack.At = received
	}
	ack.At = ack.At.UTC()
	if ack.StartedAt != nil {
		startedAt := ack.StartedAt.UTC()
		ack.StartedAt = &startedAt
	}
	if err := ack.Check(); err != nil {
		return Ack{}, err
	}
	return ack, nil
}

// ackDecodeError names the field that made err. A time that cannot be read is
// found again by its text, because encoding/json does not say where it was.
func ackDecodeError(data []byte, err error) error {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		if wrongType.Field == "" {
			return fmt.Errorf("not a JSON object but a JSON %s", wrongType.Value)
		}
		return fmt.Errorf("%s: must not be a JSON %s", wrongType.Field, wrongType.Value)
	}
	var times struct{ At, StartedAt json.RawMessage }
	if json.Unmarshal(data, &times) == nil {
		for _, field := range []struct {
			name string
			raw  json.RawMessage
		}{{"at", times.At}, {"startedAt", times.StartedAt}} {
			if len(field.raw) > 0 && new(time.Time).UnmarshalJSON(field.raw) != nil {
				return fmt.Errorf("%s: not a time: %s", field.name, timeRemedy)
			}
		}
	}
	return fmt.Errorf("not a JSON object: %w", err)
}

// Check returns an error that names the first field that is missing or wrong.
func (a Ack) Check() error {
	ref, err := ParseTicketID(a.TicketID)
	if err != nil {
		return fmt.Errorf("ticketId: %w", err)
	}
	if a.OrderID != ref.OrderID {
		return fmt.Errorf("orderId: %q is not the order of ticket %q", clip(a.OrderID), a.TicketID)
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
	if isBlank(a.By) {
		return errors.New("by: missing: say who did the work")
	}
	if err := checkText(a.By, MaxByLength, false); err != nil {
		return fmt.Errorf("by: %w", err)
	}
	if a.At.IsZero() {
		return errors.New("at: missing: " + timeRemedy)
	}
	if !inFourDigits(a.At) {
		return errors.New("at: the year must have four digits")
	}
	if a.StartedAt != nil && !inFourDigits(*a.StartedAt) {
		return errors.New("startedAt: the year must have four digits")
	}
	if a.Attempt < 0 || a.Attempt > MaxAttempt {
		return fmt.Errorf("attempt: must be from 1 to %d, or left out", MaxAttempt)
	}
	if err := checkText(a.Reason, MaxReasonLength, false); err != nil {
		return fmt.Errorf("reason: %w", err)
	}
	if err := checkText(a.Note, MaxAckNoteLength, true); err != nil {
		return fmt.Errorf("note: %w", err)
	}
	if a.Scrapped < 0 || a.Scrapped > MaxScrapped {
		return fmt.Errorf("scrapped: must be from 0 to %d pieces", MaxScrapped)
	}
	return nil
}

// inFourDigits reports whether t can be written as RFC 3339 in UTC: an offset
// can move a time that was read out of the years that can be written.
func inFourDigits(t time.Time) bool {
	year := t.UTC().Year()
	return year >= 0 && year <= 9999
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
	return fmt.Errorf("unknown kind %q: use started, done, failed or undone", clip(string(a.Kind)))
}
