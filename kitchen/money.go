package kitchen

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/text/currency"
)

// Money is an amount in a currency. It is exact: whoever adds amounts adds whole
// numbers.
type Money struct {
	// Currency is a code of ISO 4217, such as EUR.
	Currency string `json:"currency"`
	// Decimals is how many digits of Amount stand behind the point. An amount carries
	// them, so that whoever reads it needs no table of currencies, and so that another
	// table does not change what an order costs.
	Decimals int `json:"decimals"`
	// Amount counts the currency's smallest unit, such as cents.
	Amount int64 `json:"amount"`
}

// String is the amount for people and for ParseMoney: EUR 28.80.
func (m Money) String() string {
	sign, digits := "", strconv.FormatInt(m.Amount, 10)
	if m.Amount < 0 {
		sign, digits = "-", digits[1:]
	}
	if m.Decimals > 0 {
		digits = strings.Repeat("0", max(0, m.Decimals+1-len(digits))) + digits
		point := len(digits) - m.Decimals
		digits = digits[:point] + "." + digits[point:]
	}
	return m.Currency + " " + sign + digits
}

// Check returns an error that names the first field that is wrong.
func (m Money) Check() error {
	switch {
	case !currencyPattern.MatchString(m.Currency):
		return fmt.Errorf("currency: %q is no code of ISO 4217", Excerpt(m.Currency))
	case m.Decimals < 0 || m.Decimals > maxDecimals:
		return fmt.Errorf("decimals: must be from 0 to %d, it is %d", maxDecimals, m.Decimals)
	case m.Amount < 0 || m.Amount > maxMoney:
		return fmt.Errorf("amount: must be from 0 to %d, it is %d", int64(maxMoney), m.Amount)
	}
	return nil
}

// ParseMoney reads an amount as String writes it.
func ParseMoney(text string) (Money, error) {
	code, amount, found := strings.Cut(strings.TrimSpace(text), " ")
	if !found {
		return Money{}, fmt.Errorf("%q is no amount of money: write it as EUR 28.80", Excerpt(text))
	}
	decimals, err := decimalsOf(code)
	if err != nil {
		return Money{}, err
	}
	money := Money{Currency: code, Decimals: decimals}
	money.Amount, err = parseAmount(strings.TrimSpace(amount), money, maxMoney)
	return money, err
}

// maxMoney is the largest amount that every reader of JSON takes exactly.
const maxMoney = 1<<53 - 1

// maxDecimals is more than any currency has.
const maxDecimals = 4

var currencyPattern = regexp.MustCompile(`^[A-Z]{3}$`)

// decimalsOf is how many decimals amounts in a currency have.
func decimalsOf(code string) (int, error) {
	unit, err := currency.ParseISO(code)
	if err != nil || unit == (currency.Unit{}) {
		return 0, fmt.Errorf("unknown currency %q: use a code of ISO 4217, such as EUR", Excerpt(code))
	}
	if !currencyPattern.MatchString(code) {
		return 0, fmt.Errorf("unknown currency %q: did you mean %q?", Excerpt(code), unit)
	}
	decimals, _ := currency.Standard.Rounding(unit)
	return decimals, nil
}

// An amount has no leading zeros, which YAML would read as another number.
var amountPattern = regexp.MustCompile(`^(0|[1-9][0-9]*)(?:\.([0-9]+))?$`)

// parseAmount reads an amount of a currency in its units, such as 2.40, exactly.
// What is above most, in the smallest unit, is refused.
func parseAmount(text string, in Money, most int64) (int64, error) {
	parts := amountPattern.FindStringSubmatch(text)
	if parts == nil {
		return 0, fmt.Errorf("%q is no amount: write digits, and behind a point up to %d of them, such as %s", Excerpt(text), in.Decimals, exampleOf(in))
	}
	whole, fraction := parts[1], parts[2]
	if len(fraction) > in.Decimals {
		if in.Decimals == 0 {
			return 0, fmt.Errorf("%s has no decimals: write a whole number, such as %s", in.Currency, exampleOf(in))
		}
		return 0, fmt.Errorf("%s has %d decimals, it has %d: write it such as %s", in.Currency, in.Decimals, len(fraction), exampleOf(in))
	}
	amount, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", in.Decimals-len(fraction)), 10, 64)
	if err != nil || amount > most { // what does not fit into 64 bits is too much too
		in.Amount = most
		return 0, fmt.Errorf("must be at most %s, it is %s", in, Excerpt(text))
	}
	return amount, nil
}

// exampleOf is an amount as it is written in the currency.
func exampleOf(in Money) string {
	if in.Decimals == 0 {
		return "240"
	}
	return "2.4" + strings.Repeat("0", in.Decimals-1)
}
