package kitchen

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestFold(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Björn  Ångström": "bjorn angstrom",
		"STRAßE":          "strasse",
		"ﬁnn":             "finn", // a ligature
		"Ирина":           "ирина",
		" \t ":            "",
		"Zoe\u0308":       "zoe",
	} {
		assert.Equal(t, want, Fold(text), text)
	}
}

func TestFoldingTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		once := Fold(rapid.String().Draw(t, "text"))
		require.Equal(t, once, Fold(once))
	})
}

func TestACustomerIsNamedByPartsOfTheirName(t *testing.T) {
	t.Parallel()
	bjorn := Customer{Name: "Björn Ångström-Lee"}
	for text, want := range map[string]bool{
		"bjo": true, "BJÖRN": true, "lee bj": true, "angstrom": true, "björn ångström-lee": true,
		"bob": false, "bjorn bob": false, "": false, "  ": false, "\u0301": false,
	} {
		assert.Equal(t, want, bjorn.Names(text), text)
	}
}

func TestWhatMayBeAPickupCode(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"K7QF": true, "k7qf": true, "K7Q": false, "K7QFF": false, "Anna": false, "K0QF": false, "Kéé": false} {
		assert.Equal(t, want, IsPickupCode(text), text)
	}
	rapid.Check(t, func(t *rapid.T) {
		require.True(t, IsPickupCode(PickupCode(rapid.String().Draw(t, "id"))))
	})
}
