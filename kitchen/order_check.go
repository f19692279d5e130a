package kitchen

import (
	"fmt"
	"slices"
	"strings"
)

// FieldError is a fault in one place of an order.
type FieldError struct {
	// Pointer says where: a JSON pointer (RFC 6901) into the order, such as
	// /lines/0/quantity.
	Pointer string `json:"pointer"`
	// Detail says what is wrong and the remedy.
	Detail string `json:"detail"`
}

// CheckOrder returns every fault of an order, in the order of its fields; none
// means that this kitchen can make it. Lines and allergies beyond their limit
// are not checked, so that the list of faults stays short.
func (k *Kitchen) CheckOrder(o Order) []FieldError {
	var c orderCheck
	c.add(k.Limits.CheckName(o.Customer.Name), "/customer/name")
	_, err := ParsePhone(o.Phone)
	c.add(err, "/phone")
	if len(o.Lines) < 1 || len(o.Lines) > k.Limits.Lines {
		c.addf("/lines", "must have from 1 to %d lines, it has %d", k.Limits.Lines, len(o.Lines))
	}
	for i, line := range o.Lines[:min(len(o.Lines), k.Limits.Lines)] {
		at := fmt.Sprintf("/lines/%d/", i)
		c.add(k.Menu.checkFlavour(line.Flavour), at+"flavour")
		c.add(k.Menu.checkSize(line.Size), at+"size")
		if line.Quantity < 1 || line.Quantity > k.Limits.Quantity {
			c.addf(at+"quantity", "must be from 1 to %d", k.Limits.Quantity)
		}
		c.add(k.Limits.CheckMessage(line.Message), at+"message")
	}
	c.add(k.Limits.CheckNotes(o.Notes), "/notes")
	if len(o.Allergies) > k.Limits.Allergies {
		c.addf("/allergies", "must have at most %d entries, it has %d", k.Limits.Allergies, len(o.Allergies))
	}
	for i, allergy := range o.Allergies[:min(len(o.Allergies), k.Limits.Allergies)] {
		at := fmt.Sprintf("/allergies/%d", i)
		same := func(other string) bool {
			return strings.EqualFold(strings.TrimSpace(other), strings.TrimSpace(allergy))
		}
		if err := k.Limits.CheckAllergy(allergy); err != nil {
			c.add(err, at)
		} else if slices.ContainsFunc(o.Allergies[:i], same) {
			c.addf(at, "%q is in the list already: leave one of them out", Excerpt(allergy))
		}
	}
	if !o.AllergyConfirmed {
		c.conflicts(k.Menu, o.Lines[:min(len(o.Lines), k.Limits.Lines)], o.Allergies[:min(len(o.Allergies), k.Limits.Allergies)])
	}
	return c.faults
}

// conflicts adds a fault for each ordered flavour that meets an allergy: somebody
// may have overlooked it, and must say that they have not.
func (c *orderCheck) conflicts(menu Menu, lines []Line, allergies []string) {
	for _, conflict := range menu.AllergyConflicts(lines, allergies) {
		flavour, _ := menu.Flavour(conflict.Flavour)
		c.addf("/allergyConfirmed", "%s contains %s, and the order names an allergy to it: send true once the customer has confirmed that they want it, or leave %s out",
			flavour.Name, strings.Join(conflict.Allergens, ", "), flavour.Code)
	}
}

type orderCheck struct{ faults []FieldError }

func (c *orderCheck) add(err error, pointer string) {
	if err != nil {
		c.faults = append(c.faults, FieldError{pointer, err.Error()})
	}
}

func (c *orderCheck) addf(pointer, format string, args ...any) {
	c.add(fmt.Errorf(format, args...), pointer)
}

func (m Menu) checkFlavour(code string) error {
	if _, known := m.Flavour(code); known {
		return nil
	}
	return unknown("flavour", code, m.FlavourCodes(), "the menu has")
}

func (m Menu) checkSize(size Size) error {
	if slices.Contains(m.SizeCodes(), size) {
		return nil
	}
	return unknown("size", string(size), m.SizeCodes(), "the menu has")
}
