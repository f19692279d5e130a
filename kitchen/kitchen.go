package kitchen

import (
	"bytes"
	_ "embed"
	"fmt"
	"maps"
	"os"
	"slices"
	"text/template"
)

// Kitchen is a kitchen file, read and checked: what a bakery sells and how it
// works. It is not changed after it was read, so it may be shared.
type Kitchen struct {
	Menu   Menu   `json:"menu"`
	Limits Limits `json:"limits"`
	Rules  Rules  `json:"rules"`
	// Reasons are the reason codes with their labels, in the file's order.
	Reasons []Reason `json:"reasons"`
	// Age is how old each stage's tickets may become before its board shows
	// that they are. It is for people and no part of an order's rules.
	Age map[Stage]Age `json:"age"`
	// UntakenAfter is for how long nobody may take anything at a station where
	// tickets wait before that is shown as its alarm; 0 for ever. It is no part of
	// an order's rules.
	UntakenAfter Duration `json:"untakenAfter"`
	// BoxSizes are what orders are packed into, the smallest first; see Boxes.
	BoxSizes []BoxSize `json:"boxes"`
	// Open is how much may be open at once.
	Open Open `json:"open"`
	// Opening says when customers may fetch what they order.
	Opening Opening `json:"opening"`
}

// Menu is what can be ordered, in the order in which it is shown.
type Menu struct {
	Flavours []Flavour    `json:"flavours"`
	Sizes    []SizeOnSale `json:"sizes"`
	// Prices are what it costs; nil if it is sold without prices.
	Prices *PriceList `json:"prices,omitempty"`
}

// Flavour is one kind of cupcake.
type Flavour struct {
	// Code stands for the flavour in orders, such as red-velvet.
	Code string `json:"code"`
	Name string `json:"name"`
	// Allergens are the codes of what the flavour contains; empty for none.
	Allergens []string `json:"allergens"`
}

// SizeOnSale is a size that the menu has.
type SizeOnSale struct {
	Code  Size   `json:"code"`
	Label string `json:"label"`
	// Grams is what one cupcake weighs; 0 if the file does not say.
	Grams int `json:"grams,omitempty"`
}

// Reason says why work can fail and what happens then.
type Reason struct {
	Code  string  `json:"code"`
	Label string  `json:"label"`
	Then  Outcome `json:"then"`
}

// Age says from which age on a ticket is late, and from which it is overdue,
// both in whole seconds. Overdue is the longer one.
type Age struct {
	Late    Duration `json:"late"`
	Overdue Duration `json:"overdue"`
}

//go:embed default.yaml
var defaultTemplate string

// defaultFile is the embedded kitchen file with the table of stages filled in.
var defaultFile = func() []byte {
	var file bytes.Buffer
	if err := template.Must(template.New("default.yaml").Parse(defaultTemplate)).Execute(&file, stages); err != nil {
		panic(err)
	}
	return file.Bytes()
}()

// defaultKitchen is read when the program starts; a fault in the embedded file
// is a fault of the program, and its tests find it.
var defaultKitchen = func() *Kitchen {
	k, err := parseFile("the embedded kitchen file", defaultFile, nil)
	if err != nil {
		panic(err)
	}
	return k
}()

// Default is the kitchen of the embedded kitchen file. Every call returns a
// kitchen of its own.
func Default() *Kitchen { return defaultKitchen.clone() }

// DefaultFile is the text of the embedded kitchen file, to start from.
func DefaultFile() []byte { return slices.Clone(defaultFile) }

// Load reads the kitchen file at path. Its error names every fault, with line,
// column and remedy.
func Load(path string) (*Kitchen, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the kitchen file: %w", err)
	}
	return Parse(path, data)
}

// Parse reads a kitchen file's text; name is what the error calls it. The error
// is a *FileError that has every fault, with line, column and remedy.
//
// What the file leaves out keeps the embedded file's value: a section, a single
// limit, or a single stage's ackWithin. A list that is given replaces the whole
// of the embedded one. Prices alone are not the embedded file's: a file without
// any sells without prices.
func Parse(name string, data []byte) (*Kitchen, error) {
	base := Default()
	base.Menu.Prices = nil
	return parseFile(name, data, base)
}

// OrderRules are the rules that an order placed now is given, with the limits
// that its amendments must keep, the route through all stages, the prices, and
// by when an order is due.
func (k *Kitchen) OrderRules() Rules {
	rules := k.Rules
	limits := k.Limits
	rules.Limits = &limits
	rules.Route = Stages()
	rules.Prices = k.Menu.Prices
	lead := k.Opening.Lead
	rules.Lead = &lead
	return rules
}

// Flavour returns the flavour with the code.
func (m Menu) Flavour(code string) (Flavour, bool) {
	i := slices.IndexFunc(m.Flavours, func(f Flavour) bool { return f.Code == code })
	if i < 0 {
		return Flavour{}, false
	}
	return m.Flavours[i], true
}

// FlavourCodes lists the codes of the flavours in the menu's order.
func (m Menu) FlavourCodes() []string {
	codes := make([]string, len(m.Flavours))
	for i, flavour := range m.Flavours {
		codes[i] = flavour.Code
	}
	return codes
}

// SizeCodes lists the sizes on sale in the menu's order.
func (m Menu) SizeCodes() []Size {
	codes := make([]Size, len(m.Sizes))
	for i, size := range m.Sizes {
		codes[i] = size.Code
	}
	return codes
}

func (k *Kitchen) clone() *Kitchen {
	c := *k
	c.Menu.Flavours = slices.Clone(k.Menu.Flavours)
	for i, flavour := range c.Menu.Flavours {
		c.Menu.Flavours[i].Allergens = slices.Clone(flavour.Allergens)
	}
	c.Menu.Sizes = slices.Clone(k.Menu.Sizes)
	c.Menu.Prices = k.Menu.Prices.clone()
	c.Reasons = slices.Clone(k.Reasons)
	c.Age = maps.Clone(k.Age)
	c.BoxSizes = slices.Clone(k.BoxSizes)
	for i, spans := range k.Opening.Hours {
		c.Opening.Hours[i] = slices.Clone(spans)
	}
	c.Opening.Closed = slices.Clone(k.Opening.Closed)
	c.Rules.AckWithin = maps.Clone(k.Rules.AckWithin)
	c.Rules.Reasons = maps.Clone(k.Rules.Reasons)
	c.Rules.Undo = maps.Clone(k.Rules.Undo)
	return &c
}
