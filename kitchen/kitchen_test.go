package kitchen

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheEmbeddedFileHasEveryKeyAndTheHardLimits(t *testing.T) {
	t.Parallel()
	r := newYAMLReader()
	root := r.parse(DefaultFile())
	require.NotNil(t, root)
	r.kitchen(emptyKitchen())(yamlPlace{node: root})
	require.Empty(t, r.faults)
	assert.Equal(t, r.known, r.present, "keys that the reader knows, and keys in default.yaml")

	k := Default()
	assert.Equal(t, HardLimits(), k.Limits)
	assert.GreaterOrEqual(t, len(k.Menu.Flavours), 8)
	assert.Equal(t, Sizes(), k.Menu.SizeCodes())
	assert.Equal(t, map[string]Outcome{"burnt": "remake", "dropped": "remake", "wrong-order": "remake", "equipment": "again", "other": "again"}, k.Rules.Reasons)
	assert.Equal(t, 2, k.Rules.MaxRemakes)
	for _, stage := range Stages() {
		assert.Positive(t, k.Rules.AckWithinFor(stage), stage)
	}
	flavour, found := k.Menu.Flavour("red-velvet")
	assert.True(t, found)
	assert.Equal(t, Flavour{"red-velvet", "Red velvet", []string{"egg", "milk", "wheat"}}, flavour)
}

func TestEveryDefaultIsItsCallersOwn(t *testing.T) {
	t.Parallel()
	k := Default()
	k.Menu.Flavours[0].Allergens[0] = "changed"
	k.Menu.Sizes[0].Code = "changed"
	k.Reasons[0].Code = "changed"
	k.Age[Mix] = Age{}
	k.BoxSizes[0].Code = "changed"
	k.Opening.Hours[0][0] = Span{}
	k.Rules.AckWithin[Mix] = 1
	k.Rules.Reasons["burnt"] = "changed"
	DefaultFile()[0] = 'x'
	again, err := Parse("again", DefaultFile())
	require.NoError(t, err)
	assert.Equal(t, Default(), again)
	assert.NotEqual(t, k, again)
}

// Rules are part of recorded histories: these bytes must be readable for ever,
// and this is what new orders write.
func TestRulesKeepTheirJSON(t *testing.T) {
	t.Parallel()
	const recorded = `{"ackWithin":{"bake":"1h30m","mix":"20m"},"maxRemakes":2,"reasons":{"burnt":"remake","other":"again"}}`
	want := Rules{
		AckWithin:  map[Stage]Duration{Mix: Duration(20 * time.Minute), Bake: Duration(90 * time.Minute)},
		MaxRemakes: 2,
		Reasons:    map[string]Outcome{"burnt": OutcomeRemake, "other": OutcomeAgain},
	}
	var got Rules
	require.NoError(t, json.Unmarshal([]byte(recorded), &got))
	assert.Equal(t, want, got)
	written, err := json.Marshal(got)
	require.NoError(t, err)
	assert.JSONEq(t, recorded, string(written))
	assert.Equal(t, recorded, string(written))
}

func TestRulesWithoutAValueFallBack(t *testing.T) {
	t.Parallel()
	rules := Rules{AckWithin: map[Stage]Duration{Bake: Duration(time.Second), Mix: 0}, Reasons: map[string]Outcome{"burnt": OutcomeRemake}}
	assert.Equal(t, time.Second, rules.AckWithinFor(Bake))
	assert.Equal(t, 15*time.Minute, rules.AckWithinFor(Mix))
	assert.Equal(t, 15*time.Minute, Rules{}.AckWithinFor(Package))
	assert.Equal(t, OutcomeRemake, rules.OutcomeFor("burnt"))
	assert.Equal(t, OutcomeAgain, rules.OutcomeFor("gremlins"))
	assert.Equal(t, OutcomeAgain, Rules{}.OutcomeFor(""))
	remakesOther := Rules{Reasons: map[string]Outcome{ReasonOther: OutcomeRemake, "equipment": OutcomeAgain}}
	assert.Equal(t, OutcomeRemake, remakesOther.OutcomeFor("gremlins"), "an unknown reason counts as other")
	assert.Equal(t, OutcomeAgain, remakesOther.OutcomeFor("equipment"))
}

func TestDurationsAreShortText(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", 10 * time.Second: "10s", time.Minute: "1m", 20 * time.Minute: "20m", time.Hour: "1h", 24 * time.Hour: "24h",
		90 * time.Minute: "1h30m", time.Hour + time.Second: "1h0m1s", 61 * time.Second: "1m1s", 1500 * time.Millisecond: "1.5s", -time.Minute: "-1m",
	} {
		text, err := json.Marshal(Duration(d))
		require.NoError(t, err)
		assert.Equal(t, strconv.Quote(want), string(text))
		var back Duration
		require.NoError(t, json.Unmarshal(text, &back))
		assert.Equal(t, Duration(d), back)
	}
	assert.ErrorContains(t, new(Duration).UnmarshalText([]byte("soon")), `"soon" is not a duration: write it like 20m, 90s or 1h30m`)
}

func TestWhatAFileLeavesOutKeepsItsDefault(t *testing.T) {
	t.Parallel()
	k, err := Parse("kitchen.yaml", []byte("limits: {quantity: 24}\nackWithin: {bake: 1h}\nreasons: [{code: gone, label: Gone, then: remake}]\n"+
		"age: {bake: {late: 1h, overdue: 2h}}\nboxes: [{code: L, pieces: 10}, {code: M, pieces: 5}]\n"))
	require.NoError(t, err)
	want := Default()
	want.Menu.Prices = nil // nobody sells at prices that they have not set
	want.Limits.Quantity = 24
	want.Rules.AckWithin[Bake] = Duration(time.Hour)
	want.Reasons = []Reason{{"gone", "Gone", OutcomeRemake}}
	want.Rules.Reasons = map[string]Outcome{"gone": OutcomeRemake}
	want.Age[Bake] = Age{Duration(time.Hour), Duration(2 * time.Hour)}
	want.BoxSizes = []BoxSize{{SizeM, 5}, {SizeL, 10}}
	assert.Equal(t, want, k)
}

func TestAFileReplacesTheMenu(t *testing.T) {
	t.Parallel()
	k, err := Parse("kitchen.yaml", []byte(`
menu:
  flavours:
    - code: "7"
      name: |-
        Seven
      allergens: []
  sizes:
    - code: XL
      label: Huge 🧁
`))
	require.NoError(t, err)
	assert.Equal(t, Menu{Flavours: []Flavour{{"7", "Seven", []string{}}}, Sizes: []SizeOnSale{{Code: "XL", Label: "Huge 🧁"}}}, k.Menu)
	assert.Equal(t, []FieldError{
		{"/lines/0/flavour", `unknown flavour "red-velvet": the menu has 7`},
		{"/lines/0/size", `unknown size "L": the menu has XL`},
	}, k.CheckOrder(goodOrder()))
}

func TestFilesAtTheEdgeOfTheirLimits(t *testing.T) {
	t.Parallel()
	hard := HardLimits()
	for _, c := range []struct {
		key         string
		least, most int
	}{
		{"limits.nameLength", 1, hard.NameLength},
		{"limits.lines", 1, hard.Lines},
		{"limits.quantity", 1, hard.Quantity},
		{"limits.messageLength", 0, hard.MessageLength},
		{"limits.notesLength", 0, hard.NotesLength},
		{"limits.allergies", 0, hard.Allergies},
		{"limits.allergyLength", 1, hard.AllergyLength},
		{"remakes.max", 0, HighestMaxRemakes},
	} {
		section, key, _ := strings.Cut(c.key, ".")
		file := func(value int) []byte { return []byte(section + ":\n  " + key + ": " + strconv.Itoa(value) + "\n") }
		for _, value := range []int{c.least, c.most} {
			_, err := Parse("k", file(value))
			assert.NoError(t, err, "%s: %d", c.key, value)
		}
		for _, value := range []int{c.least - 1, c.most + 1} {
			_, err := Parse("k", file(value))
			assert.EqualError(t, err, "k:2:"+strconv.Itoa(len(key)+5)+": "+c.key+": must be from "+strconv.Itoa(c.least)+" to "+strconv.Itoa(c.most)+", it is "+strconv.Itoa(value))
		}
	}
	for value, want := range map[string]string{
		"1s": "", "24h": "", "999ms": "must be from 1s to 24h, it is 999ms", "24h0m1s": "must be from 1s to 24h, it is 24h0m1s",
		"-20m": "must be from 1s to 24h, it is -20m", "20": "must be a duration such as 20m, it is 20", "20 minutes": `"20 minutes" is not a duration`,
	} {
		for _, stage := range Stages() {
			_, err := Parse("k", []byte("ackWithin:\n  "+string(stage)+": "+value))
			if want == "" {
				assert.NoError(t, err)
				continue
			}
			assert.ErrorContains(t, err, ": ackWithin."+string(stage)+": "+want)
		}
	}
	for value, want := range map[string]string{
		"0": "", "0s": "", "1s": "", "24h": "", "999ms": "must be from 1s to 24h, it is 999ms", "24h0m1s": "must be from 1s to 24h, it is 24h0m1s",
		"-20m": "must be from 1s to 24h, it is -20m", "20": "must be a duration such as 20m, it is 20", "never": `"never" is not a duration`,
	} {
		k, err := Parse("k", []byte("attention:\n  untakenAfter: "+value))
		if want == "" {
			require.NoError(t, err, value)
			assert.Equal(t, strings.HasPrefix(value, "0"), k.UntakenAfter == 0)
			assert.Equal(t, Default().Rules.MaxReissues, k.Rules.MaxReissues, "the other key keeps its default")
			continue
		}
		assert.ErrorContains(t, err, "k:2:17: attention.untakenAfter: "+want)
	}
	list := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.ReplaceAll(format, "%", strconv.Itoa(i)))
		}
		return b.String()
	}
	const flavour, reason = "    - {code: f%, name: F, allergens: []}\n", "  - {code: r%, label: R, then: again}\n"
	for name, c := range map[string]struct{ file, want string }{
		"the most flavours":    {"menu:\n  flavours:\n" + list(500, flavour), ""},
		"a flavour too many":   {"menu:\n  flavours:\n" + list(501, flavour), "menu.flavours: must have from 1 to 500 entries, it has 501"},
		"the most reasons":     {"reasons:\n" + list(100, reason), ""},
		"a reason too many":    {"reasons:\n" + list(101, reason), "reasons: must have from 1 to 100 entries, it has 101"},
		"the most allergens":   {"menu: {flavours: [{code: f, name: F, allergens: [" + list(50, "a%, ") + "]}]}", ""},
		"an allergen too many": {"menu: {flavours: [{code: f, name: F, allergens: [" + list(51, "a%, ") + "]}]}", "menu.flavours[0].allergens: must have from 0 to 50 entries, it has 51"},
		"the longest code":     {"menu: {flavours: [{code: " + strings.Repeat("x", 64) + ", name: F, allergens: []}]}", ""},
		"a longer code":        {"menu: {flavours: [{code: " + strings.Repeat("x", 65) + ", name: F, allergens: []}]}", "use at most 64 small letters"},
		"the longest name":     {"menu: {flavours: [{code: f, name: " + strings.Repeat("é", 80) + ", allergens: []}]}", ""},
		"a longer name":        {"menu: {flavours: [{code: f, name: " + strings.Repeat("é", 81) + ", allergens: []}]}", "menu.flavours[0].name: must have at most 80 characters, it has 81"},
		"the lightest":         {"menu: {sizes: [{code: S, label: Small, grams: 1}]}", ""},
		"too light":            {"menu: {sizes: [{code: S, label: Small, grams: 0}]}", "menu.sizes[0].grams: must be from 1 to 10000, it is 0"},
		"the heaviest":         {"menu: {sizes: [{code: S, label: Small, grams: 10000}]}", ""},
		"too heavy":            {"menu: {sizes: [{code: S, label: Small, grams: 10001}]}", "menu.sizes[0].grams: must be from 1 to 10000, it is 10001"},
		"the shortest ages":    {"age: {mix: {late: 1s, overdue: 2s}}", ""},
		"a shorter age":        {"age: {mix: {late: 999ms, overdue: 2s}}", "age.mix.late: must be from 1s to 24h, it is 999ms"},
		"the longest age":      {"age: {mix: {late: 1s, overdue: 24h}}", ""},
		"a longer age":         {"age: {mix: {late: 1s, overdue: 24h0m1s}}", "age.mix.overdue: must be from 1s to 24h, it is 24h0m1s"},
		"the largest box":      {"boxes: [{code: S, pieces: 10000}]", ""},
		"a larger box":         {"boxes: [{code: S, pieces: 10001}]", "boxes[0].pieces: must be from 1 to 10000, it is 10001"},
		"the largest file":     {"limits: {lines: 3}\n#" + strings.Repeat("x", 128<<10-20), ""},
		"a larger file":        {"limits: {lines: 3}\n#" + strings.Repeat("x", 128<<10-19), "has 131073 bytes: a kitchen file has at most 131072"},
	} {
		_, err := Parse("k", []byte(c.file))
		if c.want == "" {
			assert.NoError(t, err, name)
			continue
		}
		assert.ErrorContains(t, err, c.want, name)
	}
}

func TestFaultsOfAFileHavePlaceAndRemedy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, want string }{
		"empty":                  {"", "k:1:1: the file is empty: start from what `cupcakery kitchen default` prints"},
		"comments only":          {"# menu\n", "k:1:1: the file is empty: start from what `cupcakery kitchen default` prints"},
		"null":                   {"~", "k:1:1: the file is empty: start from what `cupcakery kitchen default` prints"},
		"not UTF-8":              {"limits:\n  lines: 3 # f\xfcr\n", "k:2:15: not UTF-8: save the file in UTF-8"},
		"a list":                 {"- menu", "k:1:1: must be keys with values: menu, limits, ackWithin, attention, undo, remakes, reasons, age, boxes, open, opening, it is a list"},
		"text":                   {"menu", `k:1:1: must be keys with values: menu, limits, ackWithin, attention, undo, remakes, reasons, age, boxes, open, opening, it is the text "menu"`},
		"an open bracket":        {"menu: [\n", "k:1:1: not YAML: did not find expected node content"},
		"two documents":          {"limits: {lines: 3}\n---\nlimits: {lines: 4}", "k:3:1: a second document: a kitchen file has one, without --- in between"},
		"an unknown key":         {"limits:\n  line: 3\n", `k:2:3: limits.line: unknown key "line": did you mean "lines"? Known here are nameLength, lines, quantity, messageLength, notesLength, allergies, allergyLength`},
		"swapped letters":        {"limits:\n  liens: 3\n", `k:2:3: limits.liens: unknown key "liens": did you mean "lines"? Known here are nameLength, lines, quantity, messageLength, notesLength, allergies, allergyLength`},
		"an unknown section":     {"staff: []\n", `k:1:1: staff: unknown key "staff": known here are menu, limits, ackWithin, attention, undo, remakes, reasons, age, boxes, open, opening`},
		"an unknown stage":       {"ackWithin:\n  fry: 20m", `k:2:3: ackWithin.fry: unknown key "fry": known here are ` + strings.Join(StageNames(), ", ")},
		"a key twice":            {"limits:\n  lines: 3\n  quantity: 4\n  lines: 3\n", "k:4:3: limits.lines: is there already, on line 2: keep one of them"},
		"a section twice":        {"remakes: {max: 1}\nremakes: {max: 1}\n", "k:2:1: remakes: is there already, on line 1: keep one of them"},
		"a number for a key":     {"3: 4", `k:1:1: 3: unknown key "3": known here are menu, limits, ackWithin, attention, undo, remakes, reasons, age, boxes, open, opening`},
		"no value":               {"limits:\n  lines:\n", "k:2:9: limits.lines: has no value: give it a whole number from 1 to 20, or remove the key"},
		"text for a number":      {"limits:\n  lines: \"3\"\n", `k:2:10: limits.lines: must be a whole number from 1 to 20, it is the text "3"`},
		"a fraction":             {"limits: {lines: 3.5}", "k:1:17: limits.lines: must be a whole number from 1 to 20, it is 3.5"},
		"a huge number":          {"limits: {lines: 18446744073709551615}", "k:1:17: limits.lines: must be from 1 to 20, it is 18446744073709551615"},
		"a number for text":      {"menu: {sizes: [{code: S, label: 3}]}", "k:1:33: menu.sizes[0].label: must be text: put 3 into quotes"},
		"a bool for text":        {"menu: {sizes: [{code: S, label: true}]}", "k:1:33: menu.sizes[0].label: must be text: put true into quotes"},
		"a list for text":        {"menu: {sizes: [{code: S, label: [x]}]}", "k:1:33: menu.sizes[0].label: must be text, it is a list"},
		"keys for a list":        {"reasons: {burnt: remake}", "k:1:10: reasons: must be a list, it is keys with values"},
		"a block for keys":       {"limits: |\n  lines: 3\n", "k:1:9: limits: must be keys with values: nameLength, lines, quantity, messageLength, notesLength, allergies, allergyLength, it is a block of text"},
		"too many open":          {"open: {orders: -1, pieces: 100000001}", "k:1:16: open.orders: must be from 0 to 1000000, it is -1\nk:1:28: open.pieces: must be from 0 to 100000000, it is 100000001"},
		"an alias":               {"remakes: {max: 1}\nlimits: *x", "k:2:9: anchors and aliases are not taken here: write the value out"},
		"a good alias":           {"remakes: &x {max: 1}\nlimits: {lines: *x}", "k:1:10: remakes: anchors and aliases are not taken here: write the value out\nk:2:17: limits.lines: anchors and aliases are not taken here: write the value out"},
		"a list for a key":       {"[a]: 1", "k:1:1: a key must be text: write one"},
		"an anchor":              {"limits: &x {lines: 3}", "k:1:9: limits: anchors and aliases are not taken here: write the value out"},
		"a tag":                  {"limits: {lines: !!int 3}", "k:1:17: limits.lines: tags such as !!int are not taken here: write the plain value"},
		"a merge key":            {"limits:\n  <<: {lines: 3}", "k:2:3: limits: << is not taken here: write the keys out"},
		"an empty list":          {"menu: {flavours: []}", "k:1:18: menu.flavours: must have from 1 to 500 entries, it has 0"},
		"no allergens":           {"menu:\n  flavours:\n    - code: lime\n      name: Lime\n", "k:3:7: menu.flavours[0].allergens: missing: add it"},
		"a code in capitals":     {"menu: {flavours: [{code: Lime Pie, name: Lime, allergens: []}]}", `k:1:26: menu.flavours[0].code: "Lime Pie" is not a code: use at most 64 small letters, digits and single hyphens, such as red-velvet`},
		"a code twice":           {"menu:\n  flavours:\n    - {code: lime, name: A, allergens: []}\n    - {code: lime, name: B, allergens: []}\n", `k:4:14: menu.flavours[1].code: two flavours with the code "lime": give one of them another (the other is on line 3)`},
		"a size twice":           {"menu: {sizes: [{code: S, label: Small}, {code: S, label: Little}]}", `k:1:48: menu.sizes[1].code: "S" is in the list already: leave one of them out (the other is on line 1)`},
		"an allergen twice":      {"menu: {flavours: [{code: a, name: A, allergens: [egg, egg]}]}", `k:1:55: menu.flavours[0].allergens[1]: "egg" is in the list already: leave one of them out (the other is on line 1)`},
		"an unknown size":        {"menu: {sizes: [{code: XXL, label: Huge}]}", `k:1:23: menu.sizes[0].code: unknown size "XXL": did you mean "XL"? Use one of S, M, L, XL`},
		"a blank name":           {"menu: {flavours: [{code: a, name: ' ', allergens: []}]}", "k:1:35: menu.flavours[0].name: must not be blank: write what people should read"},
		"an escape in a name":    {"menu: {flavours: [{code: a, name: \"\\e[2J\", allergens: []}]}", "k:1:35: menu.flavours[0].name: character 1 is a control character (U+001B): remove it"},
		"an unknown outcome":     {"reasons: [{code: burnt, label: Burnt, then: remakes}]", `k:1:45: reasons[0].then: unknown outcome "remakes": did you mean "remake"? Use one of again, remake`},
		"a reason twice":         {"reasons:\n  - {code: a, label: A, then: again}\n  - {code: a, label: A, then: again}", `k:3:12: reasons[1].code: two reasons with the code "a": give one of them another (the other is on line 2)`},
		"remakes without max":    {"remakes: {}", "k:1:10: remakes.max: missing: add it"},
		"late without overdue":   {"age:\n  mix: {late: 5m}", "k:2:8: age.mix.overdue: missing: add it"},
		"an age that is none":    {"age: {mix: {late: soon, overdue: 10m}}", `k:1:19: age.mix.late: "soon" is not a duration: write it like 20m, 90s or 1h30m`},
		"overdue before late":    {"age:\n  bake:\n    overdue: 20m\n    late: 30m", "k:3:14: age.bake.overdue: must be longer than late, 30m, it is 20m"},
		"overdue with late":      {"age: {bake: {late: 20m, overdue: 20m}}", "k:1:34: age.bake.overdue: must be longer than late, 20m, it is 20m"},
		"an age in half seconds": {"age: {mix: {late: 1500ms, overdue: 10m}}", "k:1:19: age.mix.late: must be whole seconds, it is 1.5s"},
		"a box twice":            {"boxes: [{code: S, pieces: 4}, {code: S, pieces: 6}]", `k:1:38: boxes[1].code: "S" is in the list already: leave one of them out (the other is on line 1)`},
		"a box of no size":       {"boxes: [{code: XXL, pieces: 4}]", `k:1:16: boxes[0].code: unknown size "XXL": did you mean "XL"? Use one of S, M, L, XL`},
		"a box without pieces":   {"boxes: [{code: S}]", "k:1:9: boxes[0].pieces: missing: add it"},
		"a box that holds none":  {"boxes: [{code: S, pieces: 0}]", "k:1:27: boxes[0].pieces: must be from 1 to 10000, it is 0"},
		"a larger box for less":  {"boxes:\n  - {code: L, pieces: 6}\n  - {code: S, pieces: 6}\n", "k:2:23: boxes[0].pieces: must be more than in size S, 6, it is 6"},
		"no zone":                {"opening: {timezone: Berlin}", `k:1:21: opening.timezone: "Berlin" is no time zone: use a name such as Europe/Berlin, America/New_York or UTC`},
		"the machine's zone":     {"opening: {timezone: Local}", `k:1:21: opening.timezone: "Local" is no time zone: use a name such as Europe/Berlin, America/New_York or UTC`},
		"hours over midnight":    {"opening: {hours: {friday: [18:00-02:00]}}", `k:1:28: opening.hours.friday[0]: "18:00-02:00" ends before it begins: give what is after midnight to the next day, as 00:00-02:00`},
		"hours that are none":    {"opening: {hours: {friday: [8-18]}}", `k:1:28: opening.hours.friday[0]: "8-18" are no hours: write them like 08:00-18:00, at most 00:00-24:00`},
		"hours that overlap":     {"opening: {hours: {friday: [08:00-12:00, 11:00-18:00]}}", `k:1:41: opening.hours.friday[1]: must begin when 08:00-12:00 has ended, or later`},
		"a day of the week":      {"opening: {hours: {funday: []}}", `k:1:19: opening.hours.funday: unknown key "funday": did you mean "sunday"? Known here are sunday, monday, tuesday, wednesday, thursday, friday, saturday`},
		"a date that is none":    {"opening: {closed: [2026-02-30]}", `k:1:20: opening.closed[0]: "2026-02-30" is no date: write it like 2026-11-28`},
		"a date twice":           {"opening: {closed: [2026-12-25, 2026-12-25]}", `k:1:32: opening.closed[1]: "2026-12-25" is in the list already: leave one of them out (the other is on line 1)`},
		"half minutes":           {"opening: {slot: 15m30s}", "k:1:17: opening.slot: must be whole minutes, it is 15m30s"},
		"no capacity":            {"opening: {capacity: 0}", "k:1:21: opening.capacity: must be from 1 to 10000, it is 0"},
		"no boxes":               {"boxes: []", "k:1:8: boxes: must have from 1 to 4 entries, it has 0"},
	} {
		k, err := Parse("k", []byte(c.file))
		assert.EqualError(t, err, c.want, name)
		assert.Nil(t, k, name)
	}
}

func TestAllFaultsOfAFileAreReportedAtOnceInItsOrder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "kitchen.yaml")
	require.NoError(t, os.WriteFile(path, []byte("remakes: {max: many}\nlimits: {lines: 21, pages: 1}\nackWithin:\n  bake: soon\n"), 0o600))
	_, err := Load(path)
	assert.EqualError(t, err, strings.Join([]string{
		path + `:1:16: remakes.max: must be a whole number from 0 to 20, it is the text "many"`,
		path + `:2:17: limits.lines: must be from 1 to 20, it is 21`,
		path + `:2:21: limits.pages: unknown key "pages": known here are nameLength, lines, quantity, messageLength, notesLength, allergies, allergyLength`,
		path + `:4:9: ackWithin.bake: "soon" is not a duration: write it like 20m, 90s or 1h30m`,
	}, "\n"))
	var fileError *FileError
	require.True(t, errors.As(err, &fileError))
	assert.Len(t, fileError.Faults, 4)
}

func TestAHopelessFileGetsAnAnswerOfBoundedLength(t *testing.T) {
	t.Parallel()
	_, err := Parse("k", []byte("menu:\n  flavours:\n"+strings.Repeat("    - {}\n", 10_000)))
	var fileError *FileError
	require.ErrorAs(t, err, &fileError)
	assert.Len(t, fileError.Faults, maxFileFaults)
}

func TestLoadSaysWhichFileCannotBeRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "no.yaml")
	_, err := Load(path)
	assert.ErrorContains(t, err, "read the kitchen file: open "+path)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestFilesOfOtherEditorsAreFine(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{
		"from Windows":         "\ufefflimits:\r\n  lines: 3\r\n",
		"with a YAML header":   "%YAML 1.2\n---\nlimits: {lines: 3}\n...\n",
		"with a document mark": "# Menu\n---\nlimits: {lines: 3}\n",
		"like JSON":            `{"limits": {"lines": 3,}}`,
	} {
		k, err := Parse("k", []byte(file))
		require.NoError(t, err, name)
		assert.Equal(t, 3, k.Limits.Lines, name)
	}
}

// Whatever a file holds, reading it ends without a panic, with a kitchen that
// keeps the hard limits or with faults that have a place.
func FuzzParse(f *testing.F) {
	f.Add(DefaultFile())
	f.Add([]byte("limits: {lines: 3}\nackWithin:\n  bake: 1h30m\n"))
	f.Add([]byte("menu:\n  flavours:\n    - code: &a lime\n      name: *a\n      <<: {x: [1, 2.5, ~, true]}\n"))
	f.Add([]byte("? [a]\n: |\n  b\n--- !!map\n\"c\": 'd'\n..."))
	f.Add([]byte("menu: {currency: KWD, message: 1e9, sizes: [{code: M, label: M, price: 0.0005}], flavours: [{code: a, name: a, allergens: [], surcharge: -.inf}]}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := Parse("k", data)
		if err != nil {
			var fileError *FileError
			require.ErrorAs(t, err, &fileError)
			require.NotEmpty(t, fileError.Faults)
			for _, fault := range fileError.Faults {
				assert.Positive(t, fault.Line)
				assert.Positive(t, fault.Column)
				assert.NotEmpty(t, fault.Detail)
			}
			return
		}
		hard := HardLimits()
		assert.LessOrEqual(t, k.Limits.Lines, hard.Lines)
		assert.LessOrEqual(t, k.Limits.Quantity, hard.Quantity)
		assert.NotEmpty(t, k.Menu.Flavours)
		assert.NotEmpty(t, k.Menu.Sizes)
		for _, size := range k.Menu.Sizes {
			for _, flavour := range k.Menu.Flavours {
				lines := slices.Repeat([]Line{{Flavour: flavour.Code, Size: size.Code, Quantity: hard.Quantity, Message: "Hi"}}, hard.Lines)
				unitPrices, total := k.Menu.Prices.Charge(lines)
				if k.Menu.Prices == nil {
					assert.Nil(t, total)
					continue
				}
				assert.Contains(t, k.Menu.Prices.Sizes, size.Code)
				assert.NoError(t, total.Check())
				assert.LessOrEqual(t, unitPrices[0], int64(3*MaxPrice))
			}
		}
		for _, stage := range Stages() {
			assert.GreaterOrEqual(t, k.Rules.AckWithinFor(stage), MinAckWithin)
			assert.LessOrEqual(t, k.Rules.AckWithinFor(stage), MaxAckWithin)
		}
		for _, stage := range Stages() {
			assert.Positive(t, k.Age[stage].Late)
			assert.Greater(t, k.Age[stage].Overdue, k.Age[stage].Late)
		}
		assert.NotEmpty(t, k.Boxes(1))
		rules, err := json.Marshal(k.Rules)
		require.NoError(t, err)
		var back Rules
		require.NoError(t, json.Unmarshal(rules, &back))
		assert.Equal(t, k.Rules, back)
	})
}
