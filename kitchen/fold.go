package kitchen

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Fold is a text as people look for it: without case and accents, its words one space
// apart. It is for comparing only.
func Fold(text string) string {
	var folded strings.Builder
	for _, character := range norm.NFKD.String(text) {
		switch {
		case unicode.Is(unicode.Mn, character): // an accent
		case character == 'ß', character == 'ẞ':
			folded.WriteString("ss")
		default:
			folded.WriteRune(foldCase(character))
		}
	}
	return strings.Join(strings.Fields(folded.String()), " ")
}

// foldCase is the same letter in whichever case it is.
func foldCase(letter rune) rune {
	first := letter
	for other := unicode.SimpleFold(letter); other != letter; other = unicode.SimpleFold(other) {
		if !unicode.Is(unicode.Mn, other) {
			first = min(first, other)
		}
	}
	return unicode.ToLower(first)
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
