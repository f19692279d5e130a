package kitchen

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPhoneNumbersAreKeptAsTheirDigits(t *testing.T) {
	t.Parallel()
	for written, kept := range map[string]string{
		"":                        "",
		"030 5550123":             "0305550123",
		"+49 30 555-0123":         "+49305550123",
		"(+49) 30 5550123":        "+49305550123",
		" (555) 123-4567 ":        "5551234567",
		"+44 (0)20 7946 0018":     "+442079460018",
		"(0)30 5550123":           "0305550123",
		"123456":                  "123456",
		"+123456789012345":        "+123456789012345",
		"1 2 3 4 5 6 7 8 9 0 1 2": "123456789012",
	} {
		got, err := ParsePhone(written)
		require.NoError(t, err, written)
		assert.Equal(t, kept, got, written)
	}
}

func TestWhatIsNoPhoneNumberIsRefusedWithTheRemedy(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{
		"12345":                        "must have from 6 to 15 digits, it has 5: give the whole number or leave it out",
		"1234567890123456":             "must have from 6 to 15 digits, it has 16: give the whole number or leave it out",
		" ":                            "must have from 6 to 15 digits, it has 0: give the whole number or leave it out",
		"+()-":                         "must have from 6 to 15 digits, it has 0: give the whole number or leave it out",
		"+49 (0)123":                   "must have from 6 to 15 digits, it has 5: give the whole number or leave it out",
		strings.Repeat("1 ", 12) + "1": "must have at most 24 characters, it has 25: give one number",
		"030+5550123":                  "has a + behind its beginning: give one number, with + only before the country's code",
		"++49305550123":                "has a + behind its beginning: give one number, with + only before the country's code",
		"٠٣٠ ٥٥٥٠١٢٣":                  "has a digit of another script (U+0660): write it with the digits 0 to 9",
		"０３０５５５０１２３":                   "has a digit of another script (U+FF10): write it with the digits 0 to 9",
		"030/5550123":                  "has the character U+002F: write it with digits, spaces, +, -, ( and ) only, such as +49 30 123456",
		"call Ada":                     "has the character U+0063: write it with digits, spaces, +, -, ( and ) only, such as +49 30 123456",
		"030\n5550123":                 "has the character U+000A: write it with digits, spaces, +, -, ( and ) only, such as +49 30 123456",
		"030\u00a05550123":             "has the character U+00A0: write it with digits, spaces, +, -, ( and ) only, such as +49 30 123456",
		"030555\xff":                   "not UTF-8: send the text in UTF-8",
	} {
		kept, err := ParsePhone(written)
		require.EqualError(t, err, want, "%q", written)
		assert.Empty(t, kept)
	}
}

func TestAPhoneNumberIsFoundByItsEnd(t *testing.T) {
	t.Parallel()
	for text, found := range map[string]bool{
		"123": true, "0123": true, " 55 01-23 ": true, "550123": true,
		"23": false, "": false, "5550123": false, "124": false, "+4930": false, "12e": false, "١٢٣": false,
	} {
		assert.Equal(t, found, PhoneEndsIn("+49305550123", text), "%q", text)
	}
	assert.False(t, PhoneEndsIn("", "123"))
}

var keptPhone = regexp.MustCompile(`^(\+?[0-9]{6,15})?$`)

// What is kept is a number, is kept as it is when it is read again, and is what the
// specification takes.
func FuzzParsePhone(f *testing.F) {
	for _, text := range []string{"", "+49 (0)30 555-0123", "(0)(0)123456", "+(0)123456", "1+2", "٣", "\xff", strings.Repeat("9", 25)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		kept, err := ParsePhone(text)
		if err != nil {
			requireShort(t, err, 300)
			require.Empty(t, kept)
			return
		}
		require.Regexp(t, keptPhone, kept)
		again, err := ParsePhone(kept)
		require.NoError(t, err)
		require.Equal(t, kept, again)
		if len(kept) >= maxPhoneEnd {
			require.True(t, PhoneEndsIn(kept, kept[len(kept)-minPhoneEnd:]))
		}
	})
}
