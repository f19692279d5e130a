package kitchen

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxPhoneLength is the most characters of a telephone number as somebody writes it.
const MaxPhoneLength = 24

// minPhoneDigits and maxPhoneDigits bound a number; no network has longer ones (E.164).
const minPhoneDigits, maxPhoneDigits = 6, 15

// With fewer digits a search would find too many orders, and with more it would be
// for the whole number, which people write with and without their country's code.
const minPhoneEnd, maxPhoneEnd = 3, 6

// ParsePhone reads a telephone number as people write it, and returns it as orders keep
// it: its digits, behind a + if it has one. An empty text is none.
func ParsePhone(text string) (string, error) {
	switch {
	case text == "":
		return "", nil
	case !utf8.ValidString(text):
		return "", errors.New("not UTF-8: send the text in UTF-8")
	case utf8.RuneCountInString(text) > MaxPhoneLength:
		return "", fmt.Errorf("must have at most %s, it has %d: give one number", characters(MaxPhoneLength), utf8.RuneCountInString(text))
	}
	national := text
	if strings.Contains(text, "+") {
		national = strings.Replace(text, "(0)", "", 1) // is dialled only without the country's code
	}
	var kept strings.Builder
	for _, r := range national {
		switch {
		case '0' <= r && r <= '9', r == '+' && kept.Len() == 0:
			kept.WriteRune(r)
		case r == ' ', r == '-', r == '(', r == ')':
		case r == '+':
			return "", errors.New("has a + behind its beginning: give one number, with + only before the country's code")
		case unicode.IsDigit(r):
			return "", fmt.Errorf("has a digit of another script (U+%04X): write it with the digits 0 to 9", r)
		default:
			return "", fmt.Errorf("has the character U+%04X: write it with digits, spaces, +, -, ( and ) only, such as +49 30 123456", r)
		}
	}
	digits := len(strings.TrimPrefix(kept.String(), "+"))
	if digits < minPhoneDigits || digits > maxPhoneDigits {
		return "", fmt.Errorf("must have from %d to %d digits, it has %d: give the whole number or leave it out", minPhoneDigits, maxPhoneDigits, digits)
	}
	return kept.String(), nil
}

// PhoneEndsIn reports whether a text is some of the last digits of an order's telephone
// number.
func PhoneEndsIn(phone, text string) bool {
	digits := strings.NewReplacer(" ", "", "-", "").Replace(text)
	return len(digits) >= minPhoneEnd && len(digits) <= maxPhoneEnd && strings.Trim(digits, "0123456789") == "" && strings.HasSuffix(phone, digits)
}
