package kitchen

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// Fold is a text as people look for it: without case and accents, its words one space
// apart.
func Fold(text string) string {
	// A transformer keeps state, so each call makes its own.
	folded, _, err := transform.String(transform.Chain(norm.NFKD, runes.Remove(runes.In(unicode.Mn)), cases.Fold()), text)
	if err != nil {
		folded = strings.ToLower(text) // not reached: none of the three fails
	}
	return strings.Join(strings.Fields(folded), " ")
}

// Names reports whether a customer is meant by a text: each of its words is a part of
// their name.
func (c Customer) Names(text string) bool {
	name := Fold(c.Name)
	words := strings.Fields(Fold(text))
	for _, word := range words {
		if !strings.Contains(name, word) {
			return false
		}
	}
	return len(words) > 0
}

// IsPickupCode reports whether a text may be a pickup code, in capital or small letters.
func IsPickupCode(text string) bool {
	if len(text) != pickupCodeLength {
		return false
	}
	for _, character := range strings.ToUpper(text) {
		if !strings.ContainsRune(pickupAlphabet, character) {
			return false
		}
	}
	return true
}
