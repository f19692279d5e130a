package kitchen

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// This file decides which characters may stand in names, messages and notes.
// What is refused is listed, and everything else is allowed, because Go's
// tables of what is printable are older than the newest scripts and emoji.
//
// Some invisible format characters stay allowed, because real text breaks
// without them: joiners (emoji families, Persian, Indic scripts), direction
// marks (Hebrew and Arabic beside Latin), word breaks (Khmer, Thai), Mongolian
// vowel separators, tags (the flags of Scotland and Wales) and the visible signs
// that Unicode counts as format. Embeddings, overrides and isolates are refused:
// they make a label read differently from its characters.

// excerptLength is how many characters of a wrong value an error repeats.
const excerptLength = 80

// formatAllowed are the characters of category Cf that may be used.
var formatAllowed = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x0600, Hi: 0x0605, Stride: 1}, // Arabic number signs
		{Lo: 0x061C, Hi: 0x061C, Stride: 1}, // Arabic letter mark
		{Lo: 0x06DD, Hi: 0x06DD, Stride: 1}, // Arabic end of ayah
		{Lo: 0x070F, Hi: 0x070F, Stride: 1}, // Syriac abbreviation mark
		{Lo: 0x0890, Hi: 0x0891, Stride: 1}, // Arabic currency marks
		{Lo: 0x08E2, Hi: 0x08E2, Stride: 1}, // Arabic disputed end of ayah
		{Lo: 0x180E, Hi: 0x180E, Stride: 1}, // Mongolian vowel separator
		{Lo: 0x200B, Hi: 0x200F, Stride: 1}, // zero-width space, joiners, direction marks
	},
	R32: []unicode.Range32{
		{Lo: 0x110BD, Hi: 0x110CD, Stride: 16}, // Kaithi number signs
		{Lo: 0x13430, Hi: 0x1343F, Stride: 1},  // Egyptian hieroglyph joiners
		{Lo: 0x1BCA0, Hi: 0x1BCA3, Stride: 1},  // shorthand format controls
		{Lo: 0xE0020, Hi: 0xE007F, Stride: 1},  // tags, which end flags
	},
}

// checkText returns an error that names the first thing wrong with text and
// the remedy.
func checkText(text string, longest int, lineBreaks bool) error {
	if !utf8.ValidString(text) {
		return errors.New("not UTF-8: send the text in UTF-8")
	}
	if n := utf8.RuneCountInString(text); n > longest {
		return fmt.Errorf("must have at most %s, it has %d", characters(longest), n)
	}
	position := 0
	for _, r := range text {
		position++
		if r == '\n' && lineBreaks {
			continue
		}
		if what := refused(r); what != "" {
			return fmt.Errorf("character %d is %s (U+%04X): remove it", position, what, r)
		}
	}
	return nil
}

// refused names what r is if no text may have it; empty if texts may.
func refused(r rune) string {
	switch {
	case r == '\n' || r == '\u2028' || r == '\u2029':
		return "a line break"
	case unicode.IsControl(r):
		return "a control character"
	case r == utf8.RuneError:
		return "the sign for a character that was lost"
	case unicode.Is(unicode.Bidi_Control, r) && !unicode.Is(formatAllowed, r):
		return "a character that changes the direction of the text around it"
	case unicode.Is(unicode.Cf, r) && !unicode.Is(formatAllowed, r):
		return "an invisible format character"
	case unicode.Is(unicode.Co, r):
		return "a private character, which every device shows differently"
	case unicode.Is(unicode.Noncharacter_Code_Point, r):
		return "not a character"
	}
	return ""
}

// isBlank reports whether text shows nothing: white space and characters
// without a look of their own.
func isBlank(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return !isInvisible(r) }) < 0
}

func isInvisible(r rune) bool {
	const brailleBlank = '\u2800'
	return unicode.IsSpace(r) || r == brailleBlank || unicode.Is(unicode.Cf, r) ||
		unicode.Is(unicode.Other_Default_Ignorable_Code_Point, r) || unicode.Is(unicode.Variation_Selector, r)
}

// characters is "40 characters", or "1 character".
func characters(n int) string {
	if n == 1 {
		return "1 character"
	}
	return fmt.Sprintf("%d characters", n)
}

// Excerpt is the beginning of a text that somebody else wrote, short enough and
// in good UTF-8, so that an answer can repeat it.
func Excerpt(text string) string {
	seen := 0
	for i := range text {
		if seen == excerptLength {
			return strings.ToValidUTF8(text[:i], "\uFFFD") + "…"
		}
		seen++
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
