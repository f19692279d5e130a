package kitchen

import "fmt"

// Limits are what one order may hold. Lengths count characters, which here are
// Unicode code points, as JSON Schema's maxLength does: so the API's
// specification, its clients and this package agree on every text. An emoji
// that is put together from several code points counts as several.
type Limits struct {
	// NameLength is the most characters of the customer's name.
	NameLength int `json:"nameLength"`
	// Lines is the most lines of an order.
	Lines int `json:"lines"`
	// Quantity is the most pieces of a line.
	Quantity int `json:"quantity"`
	// MessageLength is the most characters piped onto a cupcake.
	MessageLength int `json:"messageLength"`
	// NotesLength is the most characters of the notes.
	NotesLength int `json:"notesLength"`
	// Allergies is the most allergies of an order.
	Allergies int `json:"allergies"`
	// AllergyLength is the most characters of one allergy.
	AllergyLength int `json:"allergyLength"`
}

// The highest values of Open.
const (
	HighestOpenOrders = 1_000_000
	HighestOpenPieces = 100_000_000
)

// Open is how much may be open at once, over all orders, before new orders are
// refused; 0 is no limit. It is about the kitchen as a whole and no part of an
// order's rules.
type Open struct {
	Orders int `json:"orders"`
	Pieces int `json:"pieces"`
}

// HardLimits are the highest limits: a kitchen file may lower them, and every
// program that reads orders can count on them.
func HardLimits() Limits {
	return Limits{
		NameLength:    80,
		Lines:         20,
		Quantity:      500,
		MessageLength: 40,
		NotesLength:   500,
		Allergies:     20,
		AllergyLength: 80,
	}
}

// CheckName returns an error that says what is wrong with a customer's name.
func (l Limits) CheckName(name string) error {
	if isBlank(name) {
		return fmt.Errorf("must not be blank: give a name of 1 to %s", characters(l.NameLength))
	}
	return checkText(name, l.NameLength, false)
}

// CheckMessage returns an error that says what is wrong with a message to pipe
// onto cupcakes; an empty one is no message.
func (l Limits) CheckMessage(message string) error {
	return checkOptional(message, l.MessageLength, false)
}

// CheckNotes returns an error that says what is wrong with an order's notes;
// empty ones are none. Only notes may have line breaks.
func (l Limits) CheckNotes(notes string) error { return checkOptional(notes, l.NotesLength, true) }

// CheckAllergy returns an error that says what is wrong with one allergy.
// Allergies are free text: no list can know what a customer cannot eat.
func (l Limits) CheckAllergy(allergy string) error {
	if isBlank(allergy) {
		return fmt.Errorf("must not be blank: name the allergy or leave the entry out")
	}
	return checkText(allergy, l.AllergyLength, false)
}

func checkOptional(text string, longest int, lineBreaks bool) error {
	switch {
	case text == "":
		return nil
	case longest == 0:
		return fmt.Errorf("not taken here: leave it out")
	case isBlank(text):
		return fmt.Errorf("must not be blank: write something or leave it out")
	}
	return checkText(text, longest, lineBreaks)
}
