package kitchen

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pricedFile is a kitchen file with these amounts as they are written.
func pricedFile(currency, message string, sizes, surcharges map[string]string) string {
	var file strings.Builder
	fmt.Fprintf(&file, "menu:\n  message: %s\n  sizes:\n", message)
	for _, size := range []string{"S", "M", "L", "XL"} {
		if price, onSale := sizes[size]; onSale {
			fmt.Fprintf(&file, "    - {code: %s, label: %[1]s, price: %s}\n", size, price)
		}
	}
	file.WriteString("  flavours:\n    - {code: plain, name: Plain, allergens: []}\n")
	for flavour, surcharge := range surcharges {
		fmt.Fprintf(&file, "    - {code: %s, name: %[1]s, allergens: [], surcharge: %s}\n", flavour, surcharge)
	}
	fmt.Fprintf(&file, "  currency: %s\n", currency) // comes last: the order of keys means nothing
	return file.String()
}

func parsePrices(t *testing.T, file string) *PriceList {
	t.Helper()
	k, err := Parse("kitchen.yaml", []byte(file))
	require.NoError(t, err)
	return k.Menu.Prices
}

func TestPricesAreReadExactlyInEveryCurrency(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		currency                  string
		price, surcharge, message string
		want                      PriceList
		total                     string // of 3 pieces with everything
	}{
		{"EUR", "2.40", "0.2", "1", PriceList{"EUR", 2, map[Size]int64{SizeM: 240}, map[string]int64{"gold": 20}, 100}, "EUR 10.80"},
		{"JPY", "350", "30", "100", PriceList{"JPY", 0, map[Size]int64{SizeM: 350}, map[string]int64{"gold": 30}, 100}, "JPY 1440"},
		{"KWD", "0.750", "0.1", "0.005", PriceList{"KWD", 3, map[Size]int64{SizeM: 750}, map[string]int64{"gold": 100}, 5}, "KWD 2.565"},
		{"EUR", "1.15", "0", "0.00", PriceList{"EUR", 2, map[Size]int64{SizeM: 115}, map[string]int64{}, 0}, "EUR 3.45"}, // 1.15 is no float
		{"EUR", "0", "10000000.00", "0.01", PriceList{"EUR", 2, map[Size]int64{SizeM: 0}, map[string]int64{"gold": MaxPrice}, 1}, "EUR 30000000.03"},
	} {
		prices := parsePrices(t, pricedFile(c.currency, c.message, map[string]string{"M": c.price}, map[string]string{"gold": c.surcharge}))
		assert.Equal(t, &c.want, prices)
		_, total := prices.Charge([]Line{{Flavour: "gold", Size: SizeM, Quantity: 3, Message: "Hi"}})
		assert.Equal(t, c.total, total.String())
		read, err := ParseMoney(c.total)
		require.NoError(t, err)
		assert.Equal(t, *total, read)
	}
}

func TestTheEmbeddedFileHasPricesThatNoOtherFileTakesOver(t *testing.T) {
	t.Parallel()
	unitPrices, total := Default().OrderRules().Prices.Charge([]Line{
		{Flavour: "red-velvet", Size: SizeL, Quantity: 12, Message: "Happy 40th"}, {Flavour: "lemon", Size: SizeS, Quantity: 6},
	})
	assert.Equal(t, []int64{390, 180}, unitPrices)
	assert.Equal(t, &Money{"EUR", 2, 12*390 + 6*180}, total)
	for _, file := range []string{"remakes: {max: 1}", "menu:\n  sizes: [{code: M, label: Medium}]"} {
		prices := parsePrices(t, file)
		assert.Nil(t, prices)
		unitPrices, total = prices.Charge([]Line{{Flavour: "lemon", Size: SizeM, Quantity: 1}})
		assert.Nil(t, unitPrices)
		assert.Nil(t, total)
	}
	again := parsePrices(t, string(DefaultFile()))
	assert.Equal(t, Default().Menu.Prices, again)
	again.Sizes[SizeM], Default().Menu.Prices.Surcharges["lemon"] = 1, 1
	assert.Equal(t, int64(240), Default().Menu.Prices.UnitPrice(Line{Flavour: "lemon", Size: SizeM}))
}

func TestFaultsOfPrices(t *testing.T) {
	t.Parallel()
	menu := func(currency, price string) string {
		return fmt.Sprintf("menu:\n  currency: %s\n  sizes:\n    - {code: M, label: Medium, price: %s}\n", currency, price)
	}
	const at = "kitchen.yaml:4:39: menu.sizes[0].price: "
	for name, c := range map[string]struct{ file, want string }{
		"ACommaForAPoint":       {menu("EUR", `"2,40"`), at + `must be an amount such as 2.40, it is the text "2,40"`},
		"Quotes":                {menu("EUR", `"2.40"`), at + `must be an amount such as 2.40, it is the text "2.40"`},
		"Nothing":               {menu("EUR", ""), at + "has no value: give it an amount such as 2.40, or remove the key"},
		"AList":                 {menu("EUR", "[2]"), at + "must be an amount such as 2.40, it is a list"},
		"Negative":              {menu("EUR", "-2.40"), at + `"-2.40" is no amount: write digits, and behind a point up to 2 of them, such as 2.40`},
		"NotANumber":            {menu("EUR", ".nan"), at + `".nan" is no amount: write digits, and behind a point up to 2 of them, such as 2.40`},
		"Scientific":            {menu("EUR", "1e3"), at + `"1e3" is no amount: write digits, and behind a point up to 2 of them, such as 2.40`},
		"AnotherNumberInYAML":   {menu("EUR", "010"), at + `"010" is no amount: write digits, and behind a point up to 2 of them, such as 2.40`},
		"Underscores":           {menu("EUR", "1_000"), at + `"1_000" is no amount: write digits, and behind a point up to 2 of them, such as 2.40`},
		"Endless":               {menu("EUR", "2."), at + `"2." is no amount: write digits, and behind a point up to 2 of them, such as 2.40`},
		"TooExact":              {menu("EUR", "2.405"), at + "EUR has 2 decimals, it has 3: write it such as 2.40"},
		"TooExactForThree":      {menu("KWD", "0.7501"), at + "KWD has 3 decimals, it has 4: write it such as 2.400"},
		"DecimalsWithoutAny":    {menu("JPY", "240.0"), at + "JPY has no decimals: write a whole number, such as 240"},
		"TooMuch":               {menu("EUR", "10000000.01"), at + "must be at most EUR 10000000.00, it is 10000000.01"},
		"BeyondEveryNumber":     {menu("EUR", "99999999999999999999"), at + "must be at most EUR 10000000.00, it is 99999999999999999999"},
		"AnUnknownCurrency":     {menu("EURO", "2.40"), `kitchen.yaml:2:13: menu.currency: unknown currency "EURO": use a code of ISO 4217, such as EUR`},
		"NoCurrencyAtAll":       {menu("XXX", "2.40"), `kitchen.yaml:2:13: menu.currency: unknown currency "XXX": use a code of ISO 4217, such as EUR`},
		"ACurrencyInSmall":      {menu("eur", "2.40"), `kitchen.yaml:2:13: menu.currency: unknown currency "eur": did you mean "EUR"?`},
		"ACurrencyThatIsNoText": {menu("978", "2.40"), `kitchen.yaml:2:13: menu.currency: must be text: put 978 into quotes`},
		"PricesWithoutCurrency": {"menu:\n  message: 0.50\n  sizes:\n    - {code: M, label: Medium, price: 2.40}\n",
			"kitchen.yaml:2:12: menu.message: needs a currency: add menu.currency, such as EUR\n" + at + "needs a currency: add menu.currency, such as EUR"},
		"ASizeWithoutAPrice": {"menu:\n  currency: EUR\n  sizes:\n    - {code: M, label: Medium}\n",
			"kitchen.yaml:4:7: menu.sizes[0].price: missing: add it, or leave out menu.currency to sell without prices"},
		"SizesOfTheDefaultFile": {"menu:\n  currency: EUR\n", "kitchen.yaml:2:3: menu.sizes: missing: with a currency, list the sizes with their prices"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse("kitchen.yaml", []byte(c.file))
			assert.EqualError(t, err, c.want)
		})
	}
}

func TestAmountsThatPeopleWrite(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                               `"" is no amount of money: write it as EUR 28.80`,
		"28.80":                          `"28.80" is no amount of money: write it as EUR 28.80`,
		"28.80 EUR":                      `unknown currency "28.80": use a code of ISO 4217, such as EUR`,
		"eur 28.80":                      `unknown currency "eur": did you mean "EUR"?`,
		"EUR -1":                         `"-1" is no amount: write digits, and behind a point up to 2 of them, such as 2.40`,
		"EUR 1 000":                      `"1 000" is no amount: write digits, and behind a point up to 2 of them, such as 2.40`,
		"JPY 1.0":                        `JPY has no decimals: write a whole number, such as 240`,
		"EUR 90071992547409.92":          `must be at most EUR 90071992547409.91, it is 90071992547409.92`,
		"JPY " + strings.Repeat("9", 99): `must be at most JPY 9007199254740991, it is 999`,
	} {
		_, err := ParseMoney(text)
		assert.ErrorContains(t, err, want, text)
	}
	assert.Equal(t, "EUR -0.05", Money{"EUR", 2, -5}.String()) // never charged, and never a panic
	assert.Equal(t, "KWD 0.005", Money{"KWD", 3, 5}.String())
	assert.Equal(t, "JPY 0", Money{"JPY", 0, 0}.String())
}

// The total of any order is the sum of its lines, computed here from the words of
// the kitchen file with fractions.
func TestTheTotalIsTheSumOfTheLines(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(15, 1))
	decimals := map[string]int{"EUR": 2, "JPY": 0, "KWD": 3, "USD": 2, "BHD": 3, "KRW": 0}
	currencies := []string{"EUR", "JPY", "KWD", "USD", "BHD", "KRW"}
	sizes, flavours := []string{"S", "M", "L", "XL"}, []string{"plain", "gold", "silver", "bronze"}
	for range 300 {
		currency := currencies[random.IntN(len(currencies))]
		amount := func() string {
			minor := []int64{0, 1, random.Int64N(1000), random.Int64N(MaxPrice), MaxPrice}[random.IntN(5)]
			digits := fmt.Sprintf("%0*d", decimals[currency]+1, minor)
			if point := len(digits) - decimals[currency]; point < len(digits) {
				return digits[:point] + "." + digits[point:]
			}
			return digits
		}
		message, prices, surcharges := amount(), map[string]string{}, map[string]string{}
		for _, size := range sizes {
			prices[size] = amount()
		}
		for _, flavour := range flavours[1:] {
			surcharges[flavour] = amount()
		}
		k, err := Parse("kitchen.yaml", []byte(pricedFile(currency, message, prices, surcharges)))
		require.NoError(t, err)
		order := Order{Customer: Customer{Name: "Ada"}}
		fraction := func(text string) *big.Rat {
			value, ok := new(big.Rat).SetString(text)
			require.True(t, ok, text)
			return value
		}
		sum := new(big.Rat)
		for range 1 + random.IntN(HardLimits().Lines) {
			size, flavour := sizes[random.IntN(4)], flavours[random.IntN(4)]
			line := Line{Flavour: flavour, Size: Size(size), Quantity: 1 + random.IntN(HardLimits().Quantity)}
			piece := fraction(prices[size])
			if surcharge, has := surcharges[flavour]; has {
				piece.Add(piece, fraction(surcharge))
			}
			if random.IntN(2) == 0 {
				line.Message = "Hi"
				piece.Add(piece, fraction(message))
			}
			order.Lines = append(order.Lines, line)
			sum.Add(sum, piece.Mul(piece, big.NewRat(int64(line.Quantity), 1)))
		}
		require.Empty(t, k.CheckOrder(order))
		unitPrices, total := k.Menu.Prices.Charge(order.Lines)
		require.Len(t, unitPrices, len(order.Lines))
		require.NoError(t, total.Check())
		require.Equal(t, currency+" "+sum.FloatString(decimals[currency]), total.String())
	}
}

func TestTheDearestOrderThatIsPossibleIsNotTooMuch(t *testing.T) {
	t.Parallel()
	prices := PriceList{"EUR", 2, map[Size]int64{SizeXL: MaxPrice}, map[string]int64{"gold": MaxPrice}, MaxPrice}
	lines := make([]Line, HardLimits().Lines)
	for i := range lines {
		lines[i] = Line{Flavour: "gold", Size: SizeXL, Quantity: HardLimits().Quantity, Message: "Hi"}
	}
	_, total := prices.Charge(lines)
	require.NoError(t, total.Check())
	assert.Equal(t, "EUR 300000000000.00", total.String())
}

func TestAStatusInTheLogHasPricesForAllItsLinesOrNone(t *testing.T) {
	t.Parallel()
	for change, want := range map[string]string{
		`{"currency": "eur", "decimals": 2, "amount": 1}`:                "total: currency: \"eur\" is no code of ISO 4217",
		`{"currency": "EUR", "decimals": -1, "amount": 1}`:               "total: decimals: must be from 0 to 4, it is -1",
		`{"currency": "EUR", "decimals": 99, "amount": 1}`:               "total: decimals: must be from 0 to 4, it is 99",
		`{"currency": "EUR", "decimals": 2, "amount": -1}`:               "total: amount: must be from 0 to 9007199254740991, it is -1",
		`{"currency": "EUR", "decimals": 2, "amount": 9007199254740992}`: "total: amount: must be from 0 to 9007199254740991, it is 9007199254740992",
		`{"currency": "EUR", "decimals": 2, "amount": 1}`:                "unitPrices: must have one price for each of 0 lines, it has 1",
	} {
		_, err := ParseLoggedStatus([]byte(`{"orderId": "` + someOrder + `", "version": 1, "state": "shipped", "unitPrices": [1], "total": ` + change + `}`))
		assert.EqualError(t, err, want)
	}
}

func FuzzParseMoney(f *testing.F) {
	for _, seed := range []string{"EUR 28.80", "JPY 0", "KWD 0.005", "XXX 1", "EUR -1", "eur 1", "EUR 1e9", "EUR 99999999999999999999", " EUR  1 "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		money, err := ParseMoney(text)
		if err != nil {
			requireShort(t, err, 300)
			return
		}
		require.NoError(t, money.Check())
		again, err := ParseMoney(money.String())
		require.NoError(t, err)
		require.Equal(t, money, again)
	})
}

// Prices in an order's input that nobody checks must not end a workflow.
func FuzzCharge(f *testing.F) {
	f.Add([]byte(`{"currency": "EUR", "decimals": 2, "sizes": {"M": -1}, "message": 9223372036854775807}`), 500)
	f.Add([]byte(`{"decimals": -99, "sizes": null, "surcharges": {"gold": 9223372036854775807}}`), -1)
	f.Fuzz(func(t *testing.T, data []byte, quantity int) {
		var prices PriceList
		if json.Unmarshal(data, &prices) != nil {
			return
		}
		unitPrices, total := prices.Charge([]Line{{Flavour: "gold", Size: SizeM, Quantity: quantity, Message: "Hi"}})
		require.Len(t, unitPrices, 1)
		if -4 < prices.Decimals && prices.Decimals < 100 {
			_ = total.String()
		}
	})
}
