package kitchen

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestStagesAndSizesAreClosedSets(t *testing.T) {
	t.Parallel()
	assert.Subset(t, Stages(), []Stage{Mix, Bake, Decorate, Package})
	Stages()[0] = "changed"
	assert.Equal(t, Mix, Stages()[0])
	for _, stage := range Stages() {
		assert.True(t, stage.Valid())
	}
	assert.Equal(t, "Mix", Mix.ActivityType())
	for _, size := range Sizes() {
		assert.True(t, size.Valid())
	}
	assert.False(t, Stage("").Valid())
	assert.False(t, Stage("Mix").Valid())
	assert.Empty(t, Stage("").ActivityType())
	assert.False(t, Size("").Valid())
	assert.False(t, Size("XXL").Valid())
}

func TestOnlyStartedAcksLeaveATicketOpen(t *testing.T) {
	t.Parallel()
	assert.False(t, AckStarted.Ends())
	for _, kind := range []AckKind{AckDone, AckFailed, AckUndone} {
		assert.True(t, kind.Ends(), kind)
	}
}

func TestACustomerIsCalledByFirstNameAndInitial(t *testing.T) {
	t.Parallel()
	for name, called := range map[string]string{
		"":                     "",
		" Ada ":                "Ada",
		"Ada Augusta Lovelace": "Ada L.",
		"Ada L":                "Ada L.",
		"王小明":                  "王小明",
		"अदा किरण":             "अदा कि.",
		"Éva  Ödön":            "Éva Ö.",
		"Table 12":             "Table 12",
		"Ada 🎂":                "Ada 🎂",
	} {
		assert.Equal(t, called, Customer{Name: name}.CalledName(), name)
	}
}

func TestEverybodyMayReadAFirstNameOnly(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]string{
		"":                     "",
		" Ada ":                "Ada",
		"Ada Augusta Lovelace": "Ada",
		"Ada Lovelace 🎂":       "Ada",
		"Ada +49 171 234567":   "Ada",
		"Ada (0171) 23 45":     "Ada",
		"王小明":                  "王小明",
		"अदा किरण":             "अदा",
		"Table 12":             "Table 12",
		"Ada 🎂":                "Ada 🎂",
	} {
		assert.Equal(t, first, Customer{Name: name}.FirstName(), name)
	}
}

func TestPiecesCountsEveryLine(t *testing.T) {
	t.Parallel()
	assert.Equal(t, 0, Order{}.Pieces())
	assert.Equal(t, 36, Order{Lines: append(linesOf(2), goodOrder().Lines...)}.Pieces())
}
