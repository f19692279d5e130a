package kitchen

import "maps"

// MaxPrice is the highest price of a size, surcharge of a flavour and price of a
// message, in the currency's smallest unit. The largest order that HardLimits allow
// then costs less than maxMoney, so that no sum overflows.
const MaxPrice = 1_000_000_000

// PriceList says what cupcakes cost, in the smallest unit of a currency. A kitchen
// without one sells without prices.
type PriceList struct {
	// Currency and Decimals are those of Money.
	Currency string `json:"currency"`
	Decimals int    `json:"decimals"`
	// Sizes has the price of a piece of each size.
	Sizes map[Size]int64 `json:"sizes"`
	// Surcharges has what a piece of a flavour costs more; one that is left out
	// costs nothing more.
	Surcharges map[string]int64 `json:"surcharges"`
	// Message is what a message piped onto a piece costs.
	Message int64 `json:"message"`
}

// UnitPrice is what each piece of a line costs.
func (p *PriceList) UnitPrice(line Line) int64 {
	price := p.Sizes[line.Size] + p.Surcharges[line.Flavour]
	if line.Message != "" {
		price += p.Message
	}
	return price
}

// Charge is what the lines of an order cost: a piece of each, and all together. Both
// are nil without a price list.
func (p *PriceList) Charge(lines []Line) (unitPrices []int64, total *Money) {
	if p == nil {
		return nil, nil
	}
	total = &Money{Currency: p.Currency, Decimals: p.Decimals}
	for _, line := range lines {
		price := p.UnitPrice(line)
		unitPrices = append(unitPrices, price)
		total.Amount += price * int64(line.Quantity)
	}
	return unitPrices, total
}

func (p *PriceList) clone() *PriceList {
	if p == nil {
		return nil
	}
	c := *p
	c.Sizes, c.Surcharges = maps.Clone(p.Sizes), maps.Clone(p.Surcharges)
	return &c
}

// priceReader reads the prices of a menu. They stand in several places of the file
// and mean something only together with the currency, which may come last.
type priceReader struct {
	r                 *yamlReader
	currency, message yamlPlace // without a node if the file has none
	sizes, flavours   []pricedEntry
}

// pricedEntry is an entry of a list that may have a price; price has no node if it
// has none.
type pricedEntry struct {
	code         string
	entry, price yamlPlace
}

// later keeps the place of an amount until the currency is known.
func later(place *yamlPlace) yamlRead { return func(p yamlPlace) { *place = p } }

// priceList is what the file says; nil without a currency or with a fault. The
// prices of the embedded file are nobody else's: a file without prices sells
// without.
func (pr *priceReader) priceList(menu yamlPlace) *PriceList {
	given := pr.given()
	if pr.currency.node == nil {
		for _, p := range given {
			pr.r.faultf(p, "needs a currency: add menu.currency, such as EUR")
		}
		return nil
	}
	before := len(pr.r.faults)
	code, isText := pr.r.text(pr.currency)
	if !isText {
		return nil
	}
	decimals, err := decimalsOf(code)
	if err != nil {
		pr.r.faultf(pr.currency, "%v", err)
		return nil
	}
	list := &PriceList{Currency: code, Decimals: decimals, Sizes: map[Size]int64{}, Surcharges: map[string]int64{}}
	if !pr.r.present[join(menu.key, "sizes")] {
		pr.r.faultf(yamlPlace{menu.node, join(menu.key, "sizes")}, "missing: with a currency, list the sizes with their prices")
	}
	for _, size := range pr.sizes {
		if size.price.node == nil {
			pr.r.faultf(yamlPlace{size.entry.node, join(size.entry.key, "price")}, "missing: add it, or leave out menu.currency to sell without prices")
			continue
		}
		list.Sizes[Size(size.code)] = pr.amount(size.price, list)
	}
	for _, flavour := range pr.flavours {
		if flavour.price.node == nil {
			continue
		}
		if surcharge := pr.amount(flavour.price, list); surcharge > 0 {
			list.Surcharges[flavour.code] = surcharge
		}
	}
	if pr.message.node != nil {
		list.Message = pr.amount(pr.message, list)
	}
	if len(pr.r.faults) > before {
		return nil
	}
	return list
}

// given are the places of all amounts.
func (pr *priceReader) given() []yamlPlace {
	var places []yamlPlace
	for _, entry := range append(append([]pricedEntry{{price: pr.message}}, pr.sizes...), pr.flavours...) {
		if entry.price.node != nil {
			places = append(places, entry.price)
		}
	}
	return places
}

// amount reads an amount from its text: as a number it would be rounded.
func (pr *priceReader) amount(p yamlPlace, list *PriceList) int64 {
	in := Money{Currency: list.Currency, Decimals: list.Decimals}
	if p.node.ShortTag() != intTag && p.node.ShortTag() != floatTag {
		pr.r.wrongType(p, "an amount such as "+exampleOf(in))
		return 0
	}
	amount, err := parseAmount(p.node.Value, in, MaxPrice)
	if err != nil {
		pr.r.faultf(p, "%v", err)
	}
	return amount
}
