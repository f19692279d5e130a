package kitchen

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of an ack's fields.
const (
	MaxByLength      = 80
	MaxReasonLength  = maxCodeLength
	MaxAckNoteLength = 500
	// MaxScrapped is the number of pieces of the largest order;
	// Ticket.CheckScrapped knows that of a ticket.
	MaxScrapped = 10_000
	// MaxAttempt is an upper bound: no ticket is issued this often. A ticket that
	// is issued every second and never answered reaches it after a day.
	MaxAttempt = 100_000
	// maxOffset is the largest whole number that every JSON library keeps.
	maxOffset = 1<<53 - 1
)

const timeRemedy = "give the time as RFC 3339, such as 2026-01-31T12:00:00Z"

// byteOrderMark is what some editors and languages put before UTF-8.
const byteOrderMark = "\ufeff"

// writtenAck is an ack as stations write it, in all languages. The fields that
// they write differently, or that only some kinds of acks have, are read one by
// one.
type writtenAck struct {
	TicketID  string          `json:"ticketId"`
	OrderID   string          `json:"orderId"`
	Stage     Stage           `json:"stage"`
	Kind      AckKind         `json:"kind"`
	By        string          `json:"by"`
	At        json.RawMessage `json:"at"`
	StartedAt json.RawMessage `json:"startedAt"`
	TakeOver  json.RawMessage `json:"takeOver"`
	From      json.RawMessage `json:"from"`
	Offset    json.RawMessage `json:"offset"`
	Attempt   json.RawMessage `json:"attempt"`
	Reason    string          `json:"reason"`
	Note      string          `json:"note"`
	Scrapped  json.RawMessage `json:"scrapped"`
}

// ParseAck reads an ack as a station wrote it. Fields it does not know are
// ignored, and so are takeOver, from and offset where they do not go with the
// kind: a station may have fields of its own by these names. A missing or wrong
// field is named in the error. Without a time, or without a time zone, the ack gets
// the time at which it was received; if that is zero, the ack must have a time.
// Times are turned into UTC. A whole number may be written as 1.0.
//
// An ack may answer a ticket of a stage that only another build knows: see
// Stage.Valid. One that ParseAck refuses can never be understood: it is poison,
// not an outage.
func ParseAck(data []byte, received time.Time) (Ack, error) {
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	if !utf8.Valid(data) {
		return Ack{}, errors.New("not UTF-8: send the ack as JSON in UTF-8")
	}
	var written writtenAck
	if err := json.Unmarshal(data, &written); err != nil {
		return Ack{}, decodeError("ack", err)
	}
	ack := Ack{
		TicketID: written.TicketID,
		OrderID:  written.OrderID,
		Stage:    written.Stage,
		Kind:     written.Kind,
		By:       written.By,
		Reason:   written.Reason,
		Note:     written.Note,
	}
	at, err := readTime("at", written.At)
	if err != nil {
		return Ack{}, err
	}
	if ack.At = received.UTC(); at != nil {
		ack.At = *at
	}
	if ack.StartedAt, err = readTime("startedAt", written.StartedAt); err != nil {
		return Ack{}, err
	}
	if ack.Attempt, err = readWhole("attempt", written.Attempt, MaxAttempt); err != nil {
		return Ack{}, err
	}
	if ack.Scrapped, err = readWhole("scrapped", written.Scrapped, MaxScrapped); err != nil {
		return Ack{}, err
	}
	if err := ack.readFieldsOfKind(written); err != nil {
		return Ack{}, err
	}
	if err := ack.Check(); err != nil {
		return Ack{}, err
	}
	return ack, nil
}

// readFieldsOfKind reads the fields that go only with some kinds.
func (a *Ack) readFieldsOfKind(written writtenAck) error {
	if a.Kind == AckStarted && !isAbsent(written.TakeOver) {
		if json.Unmarshal(written.TakeOver, &a.TakeOver) != nil {
			return fmt.Errorf("takeOver: must not be a JSON %s: give true or false", jsonType(written.TakeOver))
		}
	}
	if a.TakeOver && !isAbsent(written.From) {
		if json.Unmarshal(written.From, &a.From) != nil {
			return fmt.Errorf("from: must not be a JSON %s: give a text", jsonType(written.From))
		}
	}
	if a.Kind == AckRefused && !isAbsent(written.Offset) {
		offset, err := readWhole("offset", written.Offset, maxOffset)
		if err != nil {
			return err
		}
		place := int64(offset)
		a.Offset = &place
	}
	return nil
}

// decodeError names the field at which decoding failed and says what was
// expected. It repeats only the beginning of what was sent.
func decodeError(what string, err error) error {
	var wrongType *json.UnmarshalTypeError
	switch {
	case !errors.As(err, &wrongType):
		return fmt.Errorf("not a JSON object: %s: send the %s as one JSON object in UTF-8", Excerpt(err.Error()), what)
	case wrongType.Field == "":
		return fmt.Errorf("not a JSON object but a JSON %s: send the %s as one JSON object", Excerpt(wrongType.Value), what)
	}
	want := "a text"
	switch wrongType.Type.Kind() {
	case reflect.Bool:
		want = "true or false"
	case reflect.Int:
		want = "a whole number"
	case reflect.Slice:
		want = "a list"
	case reflect.Struct:
		want = "an object"
	}
	return fmt.Errorf("%s: must not be a JSON %s: give %s", Excerpt(wrongType.Field), Excerpt(wrongType.Value), want)
}

// jsonType names the type of a JSON value, for people.
func jsonType(raw json.RawMessage) string {
	switch raw[0] {
	case '"':
		return "string"
	case '{':
		return "object"
	case '[':
		return "array"
	case 't', 'f':
		return "boolean"
	}
	return "number " + Excerpt(string(raw))
}

func isAbsent(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// readWhole reads a whole number, 0 if there is none. All numbers above most
// become most+1: no field may have them.
func readWhole(field string, raw json.RawMessage, most int) (int, error) {
	if isAbsent(raw) {
		return 0, nil
	}
	value, err := strconv.ParseFloat(string(raw), 64)
	if errors.Is(err, strconv.ErrRange) {
		err = nil // the value is infinite
	}
	if err != nil || value != math.Trunc(value) {
		return 0, fmt.Errorf("%s: must not be a JSON %s: give a whole number", field, jsonType(raw))
	}
	return int(max(-1, min(value, float64(most)+1))), nil
}

// timeForms are the ways to write a time: RFC 3339, and how common libraries
// differ from it. zonelessForms lack the time zone.
var (
	timeForms     = []string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04Z07:00"}
	zonelessForms = []string{"2006-01-02T15:04:05", "2006-01-02T15:04"}
)

// readTime reads a time, nil if there is none. A time without a zone is treated
// as none: it may be wrong by hours.
func readTime(field string, raw json.RawMessage) (*time.Time, error) {
	const longest = 64
	if isAbsent(raw) {
		return nil, nil
	}
	var text string
	if len(raw) <= longest && json.Unmarshal(raw, &text) == nil {
		text = strings.ToUpper(text)
		if len(text) > 10 && text[10] == ' ' {
			text = text[:10] + "T" + text[11:]
		}
		for _, form := range timeForms {
			if t, err := time.Parse(form, text); err == nil {
				t = t.UTC()
				return &t, nil
			}
		}
		for _, form := range zonelessForms {
			if _, err := time.Parse(form, text); err == nil {
				return nil, nil
			}
		}
	}
	return nil, fmt.Errorf("%s: not a time: %s", field, timeRemedy)
}

// Check returns an error that names the first field that is missing or wrong.
func (a Ack) Check() error {
	ref, err := ParseTicketID(a.TicketID)
	if err != nil {
		return fmt.Errorf("ticketId: %w", err)
	}
	if a.OrderID != ref.OrderID {
		return fmt.Errorf("orderId: %q is not the order of ticket %q", Excerpt(a.OrderID), a.TicketID)
	}
	if a.Stage != ref.Stage {
		if _, err := ParseStage(string(a.Stage)); err != nil {
			return fmt.Errorf("stage: %w", err)
		}
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
	if err := a.checkTakeOver(); err != nil {
		return err
	}
	if err := a.checkOffset(); err != nil {
		return fmt.Errorf("offset: %w", err)
	}
	if faults := a.CheckRemarks(); len(faults) > 0 {
		return fmt.Errorf("%s: %s", faults[0].Pointer[1:], faults[0].Detail)
	}
	return nil
}

// checkTakeOver checks the fields of a started that takes a ticket over.
func (a Ack) checkTakeOver() error {
	switch {
	case !a.TakeOver:
		if a.From != "" {
			return errors.New("from: goes with takeOver: set takeOver to true, or leave from out")
		}
		return nil
	case a.Kind != AckStarted:
		return fmt.Errorf("takeOver: goes with started, not with %s", a.Kind)
	case isBlank(a.From):
		return errors.New("from: missing: say whom the ticket is taken from")
	case a.From == a.By:
		return errors.New("from: nobody takes a ticket over from themselves: leave takeOver and from out")
	}
	if err := checkText(a.From, MaxByLength, false); err != nil {
		return fmt.Errorf("from: %w", err)
	}
	return nil
}

// checkOffset checks that a refused, and nothing else, names the ack that it
// refuses.
func (a Ack) checkOffset() error {
	switch {
	case a.Kind != AckRefused && a.Offset == nil:
		return nil
	case a.Kind != AckRefused:
		return fmt.Errorf("goes with refused, not with %s", a.Kind)
	case a.Offset == nil:
		return errors.New("missing: say where the ack lies that is refused")
	case *a.Offset < 0 || *a.Offset > maxOffset:
		return errors.New("must be the offset of an ack in the same partition")
	}
	return nil
}

// CheckRemarks returns every fault of the fields that go with failed and undone,
// in their order.
func (a Ack) CheckRemarks() []FieldError {
	var c orderCheck
	c.add(checkText(a.Reason, MaxReasonLength, false), "/reason")
	c.add(checkText(a.Note, MaxAckNoteLength, true), "/note")
	if a.Scrapped < 0 || a.Scrapped > MaxScrapped {
		c.addf("/scrapped", "must be from 0 to %d pieces", MaxScrapped)
	}
	return c.faults
}

// inFourDigits reports whether t can be written as RFC 3339 in UTC. A time that
// was read may not: its offset can move it out of the four-digit years.
func inFourDigits(t time.Time) bool {
	year := t.UTC().Year()
	return year >= 0 && year <= 9999
}

func (a Ack) checkKind(ticket TicketKind) error {
	switch a.Kind {
	case AckStarted, AckReleased, AckFailed, AckRefused:
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
	return fmt.Errorf("unknown kind %q: use started, released, done, failed or undone", Excerpt(string(a.Kind)))
}
