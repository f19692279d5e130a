package kitchen

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestOrdersThatABakeryTakes(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Order){
		"a plain one":         func(*Order) {},
		"the shortest name":   func(o *Order) { o.Customer.Name = "Ø" },
		"the longest name":    func(o *Order) { o.Customer.Name = strings.Repeat("é", 80) },
		"a telephone number":  func(o *Order) { o.Phone = "+49 (30) 555-0123" },
		"the most lines":      func(o *Order) { o.Lines = linesOf(20) },
		"one piece":           func(o *Order) { o.Lines[0].Quantity = 1 },
		"the most pieces":     func(o *Order) { o.Lines[0].Quantity = 500 },
		"the longest message": func(o *Order) { o.Lines[0].Message = strings.Repeat("é", 40) },
		"the longest notes":   func(o *Order) { o.Notes = strings.Repeat("é", 500) },
		"notes of two lines":  func(o *Order) { o.Notes = "ring the bell\nthen wait" },
		"the most allergies":  func(o *Order) { o.Allergies = distinct(20) },
		"the longest allergy": func(o *Order) { o.Allergies = []string{strings.Repeat("é", 80)} },
		"an emoji family":     func(o *Order) { o.Lines[0].Message = "👨‍👩‍👧‍👦 ❤️ 👩🏽‍🍳" },
		"a flag made of tags": func(o *Order) {
			o.Lines[0].Message = "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
		},
		"Hebrew with direction marks":           func(o *Order) { o.Lines[0].Message = "מזל טוב \u200fC++\u200e ל-40" },
		"Arabic":                                func(o *Order) { o.Customer.Name = "فاطمة" },
		"Persian with a non-joiner":             func(o *Order) { o.Lines[0].Message = "می\u200cخواهم" },
		"Hindi with a joiner":                   func(o *Order) { o.Lines[0].Message = "क्\u200dष" },
		"Thai, Japanese, Georgian":              func(o *Order) { o.Lines[0].Message = "สุขสันต์ お誕生日 გილოცავ" },
		"combining accents":                     func(o *Order) { o.Customer.Name = "Zoe\u0308" },
		"no-break and wide spaces":              func(o *Order) { o.Lines[0].Message = "Happy\u00a040th\u3000!" },
		"an emoji that Go's tables do not know": func(o *Order) { o.Lines[0].Message = "\U0001fadf" },
	} {
		order := goodOrder()
		change(&order)
		assert.Empty(t, Default().CheckOrder(order), name)
	}
}

func TestFaultsOfAnOrderNameFieldAndRemedy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change          func(*Order)
		pointer, detail string
	}{
		"no name":                      {func(o *Order) { o.Customer.Name = "" }, "/customer/name", "must not be blank: give a name of 1 to 80 characters"},
		"a blank name":                 {func(o *Order) { o.Customer.Name = " \u3000\t" }, "/customer/name", "must not be blank: give a name of 1 to 80 characters"},
		"an invisible name":            {func(o *Order) { o.Customer.Name = "\u3164\u200d\u2800\ufe0f" }, "/customer/name", "must not be blank: give a name of 1 to 80 characters"},
		"name too long":                {func(o *Order) { o.Customer.Name = strings.Repeat("é", 81) }, "/customer/name", "must have at most 80 characters, it has 81"},
		"name not UTF-8":               {func(o *Order) { o.Customer.Name = "Zo\xeb" }, "/customer/name", "not UTF-8: send the text in UTF-8"},
		"name of two lines":            {func(o *Order) { o.Customer.Name = "Ada\nBob" }, "/customer/name", "character 4 is a line break (U+000A): remove it"},
		"half a telephone number":      {func(o *Order) { o.Phone = "55501" }, "/phone", "must have from 6 to 15 digits, it has 5: give the whole number or leave it out"},
		"no lines":                     {func(o *Order) { o.Lines = nil }, "/lines", "must have from 1 to 20 lines, it has 0"},
		"too many lines":               {func(o *Order) { o.Lines = linesOf(21) }, "/lines", "must have from 1 to 20 lines, it has 21"},
		"mistyped flavour":             {func(o *Order) { o.Lines[0].Flavour = "choclate" }, "/lines/0/flavour", `unknown flavour "choclate": did you mean "chocolate"? The menu has red-velvet, chocolate, vanilla, lemon, carrot, strawberry, salted-caramel, coffee-walnut, almond, vegan-chocolate`},
		"flavour by name":              {func(o *Order) { o.Lines[0].Flavour = "Red Velvet" }, "/lines/0/flavour", `unknown flavour "Red Velvet": did you mean "red-velvet"? The menu has red-velvet, chocolate, vanilla, lemon, carrot, strawberry, salted-caramel, coffee-walnut, almond, vegan-chocolate`},
		"unknown flavour":              {func(o *Order) { o.Lines[0].Flavour = "durian" }, "/lines/0/flavour", `unknown flavour "durian": the menu has red-velvet, chocolate, vanilla, lemon, carrot, strawberry, salted-caramel, coffee-walnut, almond, vegan-chocolate`},
		"no flavour":                   {func(o *Order) { o.Lines[0].Flavour = "" }, "/lines/0/flavour", `missing: the menu has red-velvet, chocolate, vanilla, lemon, carrot, strawberry, salted-caramel, coffee-walnut, almond, vegan-chocolate`},
		"unknown size":                 {func(o *Order) { o.Lines[0].Size = "XXXXL" }, "/lines/0/size", `unknown size "XXXXL": the menu has S, M, L, XL`},
		"small letters":                {func(o *Order) { o.Lines[0].Size = "xl" }, "/lines/0/size", `unknown size "xl": did you mean "XL"? The menu has S, M, L, XL`},
		"no size":                      {func(o *Order) { o.Lines[0].Size = "" }, "/lines/0/size", "missing: the menu has S, M, L, XL"},
		"no pieces":                    {func(o *Order) { o.Lines[0].Quantity = 0 }, "/lines/0/quantity", "must be from 1 to 500"},
		"minus one piece":              {func(o *Order) { o.Lines[0].Quantity = -1 }, "/lines/0/quantity", "must be from 1 to 500"},
		"a piece too many":             {func(o *Order) { o.Lines[0].Quantity = 501 }, "/lines/0/quantity", "must be from 1 to 500"},
		"a billion pieces":             {func(o *Order) { o.Lines[0].Quantity = 1e9 }, "/lines/0/quantity", "must be from 1 to 500"},
		"message too long":             {func(o *Order) { o.Lines[0].Message = strings.Repeat("é", 41) }, "/lines/0/message", "must have at most 40 characters, it has 41"},
		"a blank message":              {func(o *Order) { o.Lines[0].Message = "   " }, "/lines/0/message", "must not be blank: write something or leave it out"},
		"a message of two lines":       {func(o *Order) { o.Lines[0].Message = "Happy\n40th" }, "/lines/0/message", "character 6 is a line break (U+000A): remove it"},
		"a bell":                       {func(o *Order) { o.Lines[0].Message = "Happy\a" }, "/lines/0/message", "character 6 is a control character (U+0007): remove it"},
		"a C1 control":                 {func(o *Order) { o.Lines[0].Message = "\u009b31m" }, "/lines/0/message", "character 1 is a control character (U+009B): remove it"},
		"an override":                  {func(o *Order) { o.Lines[0].Message = "é\u202eevil" }, "/lines/0/message", "character 2 is a character that changes the direction of the text around it (U+202E): remove it"},
		"an isolate":                   {func(o *Order) { o.Lines[0].Message = "\u2066x\u2069" }, "/lines/0/message", "character 1 is a character that changes the direction of the text around it (U+2066): remove it"},
		"a byte order mark":            {func(o *Order) { o.Lines[0].Message = "x\ufeff" }, "/lines/0/message", "character 2 is an invisible format character (U+FEFF): remove it"},
		"a line separator":             {func(o *Order) { o.Lines[0].Message = "x\u2028y" }, "/lines/0/message", "character 2 is a line break (U+2028): remove it"},
		"a lost character":             {func(o *Order) { o.Lines[0].Message = "x\ufffd" }, "/lines/0/message", "character 2 is the sign for a character that was lost (U+FFFD): remove it"},
		"a private character":          {func(o *Order) { o.Lines[0].Message = "\uf8ff" }, "/lines/0/message", "character 1 is a private character, which every device shows differently (U+F8FF): remove it"},
		"a noncharacter":               {func(o *Order) { o.Lines[0].Message = "\uffff" }, "/lines/0/message", "character 1 is not a character (U+FFFF): remove it"},
		"notes too long":               {func(o *Order) { o.Notes = strings.Repeat("é", 501) }, "/notes", "must have at most 500 characters, it has 501"},
		"notes with a tab":             {func(o *Order) { o.Notes = "a\tb" }, "/notes", "character 2 is a control character (U+0009): remove it"},
		"notes with a carriage return": {func(o *Order) { o.Notes = "a\r\nb" }, "/notes", "character 2 is a control character (U+000D): remove it"},
		"too many allergies":           {func(o *Order) { o.Allergies = distinct(21) }, "/allergies", "must have at most 20 entries, it has 21"},
		"a blank allergy":              {func(o *Order) { o.Allergies = []string{"nuts", ""} }, "/allergies/1", "must not be blank: name the allergy or leave the entry out"},
		"allergy too long":             {func(o *Order) { o.Allergies = []string{strings.Repeat("é", 81)} }, "/allergies/0", "must have at most 80 characters, it has 81"},
		"an allergy twice":             {func(o *Order) { o.Allergies = []string{"nuts", "kiwi", " Nuts"} }, "/allergies/2", `" Nuts" is in the list already: leave one of them out`},
	} {
		order := goodOrder()
		c.change(&order)
		assert.Equal(t, []FieldError{{c.pointer, c.detail}}, Default().CheckOrder(order), name)
	}
}

func TestAFlavourThatMeetsAnAllergyMustBeConfirmed(t *testing.T) {
	t.Parallel()
	bakery := Default()
	order := goodOrder()
	order.Lines = []Line{
		{Flavour: "vegan-chocolate", Size: SizeM, Quantity: 1}, {Flavour: "carrot", Size: SizeM, Quantity: 1},
		{Flavour: "lemon", Size: SizeM, Quantity: 1}, {Flavour: "carrot", Size: SizeS, Quantity: 2},
	}
	order.Allergies = []string{"Eggs", "tree nuts"}
	require.Equal(t, []FieldError{
		{"/allergyConfirmed", "Lemon contains egg, and the order names an allergy to it: send true once the customer has confirmed that they want it, or leave lemon out"},
		{"/allergyConfirmed", "Carrot contains egg, nuts, and the order names an allergy to it: send true once the customer has confirmed that they want it, or leave carrot out"},
	}, bakery.CheckOrder(order))
	order.AllergyConfirmed = true
	require.Empty(t, bakery.CheckOrder(order))
	order.AllergyConfirmed, order.Allergies = false, []string{"kiwi"}
	require.Empty(t, bakery.CheckOrder(order), "none of them contains it")
}

func TestAllFaultsOfAnOrderAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	order := goodOrder()
	order.Customer.Name = ""
	order.Lines = append(order.Lines, Line{Flavour: "x", Size: "Q", Quantity: 0, Message: "\n"})
	order.Notes = "\x00"
	order.Allergies = []string{"\u202e"}
	var pointers []string
	for _, fault := range Default().CheckOrder(order) {
		pointers = append(pointers, fault.Pointer)
	}
	assert.Equal(t, []string{"/customer/name", "/lines/1/flavour", "/lines/1/size", "/lines/1/quantity", "/lines/1/message", "/notes", "/allergies/0"}, pointers)
}

func TestAnAnswerStaysShortWhateverTheOrder(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1<<16)
	order := Order{Customer: Customer{long}, Notes: strings.Repeat("\n", 1<<16)}
	for range 10_000 {
		order.Lines = append(order.Lines, Line{Flavour: long, Size: Size(long)})
		order.Allergies = append(order.Allergies, long)
	}
	answer, err := json.Marshal(Default().CheckOrder(order))
	require.NoError(t, err)
	assert.Less(t, len(answer), 16<<10)
}

func TestALongMenuIsListedInPart(t *testing.T) {
	t.Parallel()
	err := unknown("flavour", "zzz", distinct(23), "the menu has")
	assert.Equal(t, `unknown flavour "zzz": the menu has `+strings.Join(distinct(20), ", ")+" and 3 more", err.Error())
}

func TestAFileMayLowerEveryLimitToNothing(t *testing.T) {
	t.Parallel()
	k := Default()
	k.Limits = Limits{NameLength: 1, Lines: 1, Quantity: 1, AllergyLength: 1}
	order := Order{Customer: Customer{"A"}, Lines: []Line{{Flavour: "lemon", Size: "S", Quantity: 1}}}
	assert.Empty(t, k.CheckOrder(order))
	order.Lines[0].Message, order.Notes, order.Allergies = "x", "x", []string{"x"}
	assert.Equal(t, []FieldError{
		{"/lines/0/message", "not taken here: leave it out"},
		{"/notes", "not taken here: leave it out"},
		{"/allergies", "must have at most 0 entries, it has 1"},
	}, k.CheckOrder(order))
	order.Customer.Name = "AB"
	assert.Equal(t, FieldError{"/customer/name", "must have at most 1 character, it has 2"}, k.CheckOrder(order)[0])
}

// Whatever an order holds, checking it neither panics nor points at something
// that the order's JSON does not have.
func TestPointersResolveInTheOrdersJSON(t *testing.T) {
	t.Parallel()
	text := rapid.OneOf(rapid.String(), rapid.StringN(0, 100, 600),
		rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 50), func(b []byte) string { return string(b) }),
		rapid.SampledFrom([]string{"", "lemon", "L", "Ada", "\u202e", "~/"}))
	line := rapid.Custom(func(t *rapid.T) Line {
		return Line{text.Draw(t, "flavour"), Size(text.Draw(t, "size")), rapid.Int().Draw(t, "quantity"), text.Draw(t, "message")}
	})
	k := Default()
	rapid.Check(t, func(t *rapid.T) {
		order := Order{
			Customer:  Customer{text.Draw(t, "name")},
			Lines:     rapid.SliceOfN(line, 0, 22).Draw(t, "lines"),
			Notes:     text.Draw(t, "notes"),
			Allergies: rapid.SliceOfN(text, 0, 22).Draw(t, "allergies"),
		}
		data, err := json.Marshal(order)
		require.NoError(t, err)
		var document any
		require.NoError(t, json.Unmarshal(data, &document))
		for _, fault := range k.CheckOrder(order) {
			require.True(t, resolves(document, fault.Pointer), "%s in %s", fault.Pointer, data)
			require.NotEmpty(t, fault.Detail)
			require.True(t, utf8.ValidString(fault.Detail), "%q", fault.Detail)
		}
	})
}

// What is accepted must survive JSON unchanged: tickets, histories and answers
// carry it on.
func TestGoodOrdersSurviveJSON(t *testing.T) {
	t.Parallel()
	k := Default()
	rapid.Check(t, func(t *rapid.T) {
		order := goodOrder()
		order.Lines[0].Message = rapid.StringN(0, 40, -1).Draw(t, "message")
		order.Notes = rapid.StringN(0, 500, -1).Draw(t, "notes")
		if len(k.CheckOrder(order)) > 0 {
			return
		}
		data, err := json.Marshal(order)
		require.NoError(t, err)
		var back Order
		require.NoError(t, json.Unmarshal(data, &back))
		require.Equal(t, order, back)
	})
}

func goodOrder() Order {
	return Order{
		Customer:  Customer{"Ada"},
		Lines:     []Line{{Flavour: "red-velvet", Size: SizeL, Quantity: 12, Message: "Happy 40th"}},
		Notes:     "ring the bell",
		Allergies: []string{"nuts"},
	}
}

func linesOf(n int) []Line {
	lines := make([]Line, n)
	for i := range lines {
		lines[i] = goodOrder().Lines[0]
	}
	return lines
}

func distinct(n int) []string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf("kind %d", i)
	}
	return texts
}

// resolves reports whether an RFC 6901 pointer leads to a value of the document.
func resolves(document any, pointer string) bool {
	if pointer == "" {
		return true
	}
	rest, rooted := strings.CutPrefix(pointer, "/")
	if !rooted {
		return false
	}
	for token := range strings.SplitSeq(rest, "/") {
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch value := document.(type) {
		case map[string]any:
			next, found := value[token]
			if !found {
				return false
			}
			document = next
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(value) {
				return false
			}
			document = value[i]
		default:
			return false
		}
	}
	return true
}
