package kitchen

import (
	"maps"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// docs/kitchen-file.md is checked, key by key, against the reader of the file.
func TestTheDocumentOfTheKitchenFileIsCompleteAndTrue(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../docs/kitchen-file.md")
	require.NoError(t, err)
	r := newYAMLReader()
	root := r.parse(DefaultFile())
	require.NotNil(t, root)
	r.kitchen(Default())(yamlPlace{node: root})

	values, defaults := map[string]string{}, map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (.*) \\| (.*)\\|$").FindAllStringSubmatch(string(data), -1) {
		require.NotContains(t, values, row[1], "a key twice")
		values[row[1]], defaults[row[1]] = row[2], strings.TrimSpace(row[3])
	}
	documented := map[string]bool{}
	for key := range maps.Keys(values) {
		documented[key] = true
	}
	require.Equal(t, r.known, documented, "keys that the reader takes, and keys in the document")

	k, hard := Default(), HardLimits()
	for key, c := range map[string]struct{ least, most, standard int }{
		"limits.nameLength":    {1, hard.NameLength, k.Limits.NameLength},
		"limits.lines":         {1, hard.Lines, k.Limits.Lines},
		"limits.quantity":      {1, hard.Quantity, k.Limits.Quantity},
		"limits.messageLength": {0, hard.MessageLength, k.Limits.MessageLength},
		"limits.notesLength":   {0, hard.NotesLength, k.Limits.NotesLength},
		"limits.allergies":     {0, hard.Allergies, k.Limits.Allergies},
		"limits.allergyLength": {1, hard.AllergyLength, k.Limits.AllergyLength},
		"remakes.max":          {0, HighestMaxRemakes, k.Rules.MaxRemakes},

		"open.orders": {0, HighestOpenOrders, k.Open.Orders},
		"open.pieces": {0, HighestOpenPieces, k.Open.Pieces},

		"opening.capacity": {1, MaxCapacity, k.Opening.Capacity},
		"opening.ahead":    {0, MaxAhead, k.Opening.Ahead},

		"attention.afterReissues": {0, HighestReissues, k.Rules.MaxReissues},
	} {
		assert.Contains(t, values[key], strconv.Itoa(c.least)+" to "+strconv.Itoa(c.most), key)
		assert.Equal(t, strconv.Itoa(c.standard), defaults[key], key)
	}
	for _, stage := range Stages() {
		assert.Equal(t, k.Rules.AckWithin[stage].String(), defaults["ackWithin."+string(stage)])
		assert.Equal(t, string(k.Rules.Undo[stage]), defaults["undo."+string(stage)])
	}
	assert.Contains(t, values["ackWithin"], Duration(MinAckWithin).String()+" to "+Duration(MaxAckWithin).String())
	assert.Contains(t, values["attention.untakenAfter"], Duration(MinUntakenAfter).String()+" to "+Duration(MaxUntakenAfter).String())
	assert.Equal(t, k.UntakenAfter.String(), defaults["attention.untakenAfter"])
	assert.Contains(t, values["menu.flavours"], "1 to "+strconv.Itoa(maxFlavours))
	assert.Equal(t, strconv.Itoa(len(k.Menu.Flavours))+" flavours", defaults["menu.flavours"])
	assert.Contains(t, values["menu.flavours[].allergens"], "up to "+strconv.Itoa(maxAllergens))
	assert.Contains(t, values["menu.sizes[].grams"], "1 to "+strconv.Itoa(maxGrams))
	prices := k.Menu.Prices
	assert.True(t, strings.HasPrefix(defaults["menu.currency"], prices.Currency+";"))
	message := Money{prices.Currency, prices.Decimals, prices.Message}
	assert.True(t, strings.HasPrefix(defaults["menu.message"], strings.TrimPrefix(message.String(), "EUR ")+";"))
	assert.Contains(t, string(data), "the highest is "+strconv.Itoa(MaxPrice))
	assert.Contains(t, values["reasons"], "1 to "+strconv.Itoa(maxReasons))
	assert.Equal(t, strconv.Itoa(len(k.Reasons))+" reasons", defaults["reasons"])
	for _, stage := range Stages() {
		assert.Equal(t, k.Age[stage].Late.String(), defaults["age."+string(stage)+".late"])
		assert.Equal(t, k.Age[stage].Overdue.String(), defaults["age."+string(stage)+".overdue"])
	}
	assert.Contains(t, values["age"], Duration(minAge).String()+" to "+Duration(maxAge).String())
	assert.Contains(t, values["opening.slot"], Duration(MinSlot).String()+" to "+Duration(MaxSlot).String())
	assert.Contains(t, values["opening.lead.base"], "0s to "+Duration(MaxLead).String())
	assert.Contains(t, values["opening.lead.perDozen"], "0s to "+Duration(MaxLeadPerDozen).String())
	assert.Contains(t, values["opening.closed"], "up to "+strconv.Itoa(maxClosed))
	assert.Contains(t, values["opening.hours"], "up to "+strconv.Itoa(maxSpans))
	for key, standard := range map[string]string{
		"timezone": k.Opening.TimeZone, "slot": k.Opening.Slot.String(), "lead.base": k.Opening.Lead.Base.String(), "lead.perDozen": k.Opening.Lead.PerDozen.String(),
	} {
		assert.Equal(t, standard, defaults["opening."+key])
	}
	assert.Contains(t, values["boxes[].pieces"], "1 to "+strconv.Itoa(maxBoxPieces))
	text := string(data)
	example := regexp.MustCompile("(?s)```yaml\n(menu:.*?)```").FindStringSubmatch(text)
	require.NotNil(t, example)
	priced, err := Parse("the example of prices", []byte(example[1]))
	require.NoError(t, err)
	_, total := priced.Menu.Prices.Charge([]Line{{Flavour: "red-velvet", Size: SizeL, Quantity: 1, Message: "Hi"}})
	assert.Contains(t, text, "= "+total.String()+".")
	assert.Contains(t, text, "4, 6, 12 and 24 cupcakes")
	assert.Equal(t, []BoxSize{{SizeS, 4}, {SizeM, 6}, {SizeL, 12}, {SizeXL, 24}}, k.BoxSizes)
	assert.Contains(t, text, "30\ncupcakes go into one XL and one M")
	assert.Equal(t, []BoxCount{{SizeXL, 1}, {SizeM, 1}}, k.Boxes(30))
	for _, reason := range k.Reasons {
		assert.Contains(t, text, "`"+reason.Code+"`")
	}
	assert.Contains(t, text, "at most "+strconv.Itoa(maxFileBytes>>10)+" KiB")
	assert.Contains(t, text, "1 to "+strconv.Itoa(maxCodeLength)+" small letters")
	assert.Contains(t, text, "1 to "+strconv.Itoa(maxLabel)+" characters")
}
