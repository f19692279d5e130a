package kitchen

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// MaxDecisionLength is the most characters of a cancellation's reason and of a
// resolution's note.
const MaxDecisionLength = 500

// Cancellation asks that an order be cancelled and undone.
type Cancellation struct {
	// Reason is for people; empty if none is given.
	Reason string `json:"reason,omitempty"`
	// By is the member of the staff who cancels; empty for a customer. The API sets it,
	// whatever a request says.
	By string `json:"by,omitempty"`
}

// Check returns every fault, in the order of the fields.
func (c Cancellation) Check() []FieldError {
	var check orderCheck
	check.add(checkOptional(c.Reason, MaxDecisionLength, true), "/reason")
	check.add(checkOptional(c.By, MaxByLength, false), "/by")
	return check.faults
}

// Amendment changes an order's notes, piped messages and telephone number. What it
// leaves out stays as it is.
type Amendment struct {
	// Notes replace the order's notes; an empty text removes them.
	Notes *string `json:"notes,omitempty"`
	// Messages replace the piped messages of the lines that they name.
	Messages []LineMessage `json:"messages,omitempty"`
	// Phone replaces where to call the customer, as ParsePhone returns it; an empty text
	// removes it.
	Phone *string `json:"phone,omitempty"`
}

// ChangesTexts reports whether it changes what stations read.
func (a Amendment) ChangesTexts() bool { return a.Notes != nil || len(a.Messages) > 0 }

// LineMessage is the new piped message of one line.
type LineMessage struct {
	// Line counts the order's lines from 0.
	Line int `json:"line"`
	// Message is piped onto each cupcake of the line; empty for none.
	Message string `json:"message"`
}

// Check returns every fault, in the order of the fields, for an order with that
// number of lines.
func (a Amendment) Check(limits Limits, lines int) []FieldError {
	var c orderCheck
	if !a.ChangesTexts() && a.Phone == nil {
		c.add(errors.New("changes nothing: give notes, messages or a phone number"), "")
	}
	if a.Notes != nil {
		c.add(limits.CheckNotes(*a.Notes), "/notes")
	}
	if len(a.Messages) > lines {
		c.addf("/messages", "must have at most %d entries, one for each line, it has %d", lines, len(a.Messages))
	}
	for i, message := range a.Messages[:min(len(a.Messages), lines)] {
		at := fmt.Sprintf("/messages/%d/", i)
		same := func(other LineMessage) bool { return other.Line == message.Line }
		switch {
		case message.Line < 0 || message.Line >= lines:
			c.addf(at+"line", "must be from 0 to %d: lines are counted from 0", lines-1)
		case slices.ContainsFunc(a.Messages[:i], same):
			c.addf(at+"line", "line %d is in the list already: leave one of them out", message.Line)
		}
		c.add(limits.CheckMessage(message.Message), at+"message")
	}
	if a.Phone != nil {
		_, err := ParsePhone(*a.Phone)
		c.add(err, "/phone")
	}
	return c.faults
}

// Resolution is a manager's decision about an order that needs attention.
type Resolution struct {
	Choice Choice `json:"choice"`
	// Note is for people; empty if none is given.
	Note string `json:"note,omitempty"`
	// Since is the Since of the question that is decided; zero for whichever is
	// asked. With it no decision counts for a question that its maker has not seen.
	Since time.Time `json:"since,omitzero"`
	// By is the manager who decides; empty if that is not known. The API sets it,
	// whatever a request says.
	By string `json:"by,omitempty"`
}

// Check returns every fault, in the order of the fields.
func (r Resolution) Check() []FieldError {
	var c orderCheck
	if !slices.Contains(Choices(), r.Choice) {
		c.add(unknown("choice", string(r.Choice), Choices(), "use one of"), "/choice")
	}
	c.add(checkOptional(r.Note, MaxDecisionLength, true), "/note")
	c.add(checkOptional(r.By, MaxByLength, false), "/by")
	return c.faults
}

// FieldErrors joins faults into one line, for logs and operators.
func FieldErrors(faults []FieldError) string {
	texts := make([]string, len(faults))
	for i, fault := range faults {
		texts[i] = strings.TrimPrefix(fault.Pointer+": ", ": ") + fault.Detail
	}
	return strings.Join(texts, "; ")
}
