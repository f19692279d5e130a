package kitchen

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Limits of the kitchen file itself, and of the staff file where it has the same.
const (
	maxFileBytes  = 128 << 10
	maxFlavours   = 500
	maxAllergens  = 50
	maxReasons    = 100
	maxCodeLength = 64
	maxLabel      = 80
	maxGrams      = 10_000
	maxBoxPieces  = 10_000
	minAge        = time.Second
	maxAge        = 24 * time.Hour
)

// codePattern is what a code looks like that orders, acks and addresses carry.
var codePattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// FileFault is a fault in one place of a kitchen file or a staff file.
type FileFault struct {
	// Line and Column count from 1.
	Line, Column int
	// Key is where in the file's structure, such as limits.lines or
	// menu.flavours[2].code; empty for the file as a whole.
	Key string
	// Detail says what is wrong and the remedy.
	Detail string
}

// FileError is what is wrong with a kitchen file or a staff file.
type FileError struct {
	// Name is what the file is called.
	Name   string
	Faults []FileFault
}

// Error has one line for each fault: file:line:column: key: detail.
func (e *FileError) Error() string {
	lines := make([]string, len(e.Faults))
	for i, fault := range e.Faults {
		lines[i] = fmt.Sprintf("%s:%d:%d: ", e.Name, fault.Line, fault.Column)
		if fault.Key != "" {
			lines[i] += fault.Key + ": "
		}
		lines[i] += fault.Detail
	}
	return strings.Join(lines, "\n")
}

// parseFile reads a kitchen file over what base has; base is nil for the
// embedded file, which has everything.
func parseFile(name string, data []byte, base *Kitchen) (*Kitchen, error) {
	if base == nil {
		base = emptyKitchen()
	}
	r := newYAMLReader()
	if root := r.parse(data); root != nil {
		r.kitchen(root, base)
	}
	if err := r.result(name); err != nil {
		return nil, err
	}
	base.Rules.Reasons = make(map[string]Outcome, len(base.Reasons))
	for _, reason := range base.Reasons {
		base.Rules.Reasons[reason.Code] = reason.Then
	}
	return base, nil
}

func emptyKitchen() *Kitchen {
	return &Kitchen{Rules: Rules{AckWithin: map[Stage]Duration{}, Undo: map[Stage]UndoWith{}}, Age: map[Stage]Age{}}
}

func (r *yamlReader) kitchen(node *yaml.Node, k *Kitchen) {
	r.mapping(node, "", []yamlField{
		{key: "menu", read: func(n *yaml.Node, at string) { r.menu(n, at, &k.Menu) }},
		{key: "limits", read: func(n *yaml.Node, at string) { r.limits(n, at, &k.Limits) }},
		{key: "ackWithin", read: func(n *yaml.Node, at string) { r.ackWithin(n, at, k.Rules.AckWithin) }},
		{key: "attention", read: func(n *yaml.Node, at string) {
			r.mapping(n, at, []yamlField{{key: "afterReissues", required: true, read: r.into(&k.Rules.MaxReissues, 0, HighestReissues)}})
		}},
		{key: "undo", read: func(n *yaml.Node, at string) { r.undo(n, at, k.Rules.Undo) }},
		{key: "remakes", read: func(n *yaml.Node, at string) {
			r.mapping(n, at, []yamlField{{key: "max", required: true, read: r.into(&k.Rules.MaxRemakes, 0, HighestMaxRemakes)}})
		}},
		{key: "reasons", read: func(n *yaml.Node, at string) { k.Reasons = r.reasons(n, at) }},
		{key: "age", read: func(n *yaml.Node, at string) { r.age(n, at, k.Age) }},
		{key: "boxes", read: func(n *yaml.Node, at string) { k.BoxSizes = r.boxes(n, at) }},
		{key: "open", read: func(n *yaml.Node, at string) {
			r.mapping(n, at, []yamlField{
				{key: "orders", read: r.into(&k.Open.Orders, 0, HighestOpenOrders)},
				{key: "pieces", read: r.into(&k.Open.Pieces, 0, HighestOpenPieces)},
			})
		}},
	})
}

func (r *yamlReader) menu(node *yaml.Node, at string, menu *Menu) {
	r.mapping(node, at, []yamlField{
		{key: "flavours", read: func(n *yaml.Node, at string) { menu.Flavours = r.flavours(n, at) }},
		{key: "sizes", read: func(n *yaml.Node, at string) { menu.Sizes = r.sizes(n, at) }},
	})
}

func (r *yamlReader) flavours(node *yaml.Node, at string) []Flavour {
	var flavours []Flavour
	codes := r.uniqueTexts("two flavours with the code %q: give one of them another")
	r.sequence(node, at, 1, maxFlavours, func(n *yaml.Node, at string) {
		flavour := Flavour{Allergens: []string{}}
		r.mapping(n, at, []yamlField{
			{key: "code", required: true, read: func(n *yaml.Node, at string) {
				flavour.Code = r.code(n, at)
				codes(n, at, flavour.Code)
			}},
			{key: "name", required: true, read: func(n *yaml.Node, at string) { flavour.Name = r.label(n, at) }},
			{key: "allergens", required: true, read: func(n *yaml.Node, at string) {
				allergens := r.uniqueTexts("%q is in the list already: leave one of them out")
				r.sequence(n, at, 0, maxAllergens, func(n *yaml.Node, at string) {
					code := r.code(n, at)
					allergens(n, at, code)
					flavour.Allergens = append(flavour.Allergens, code)
				})
			}},
		})
		flavours = append(flavours, flavour)
	})
	return flavours
}

func (r *yamlReader) sizes(node *yaml.Node, at string) []SizeOnSale {
	var sizes []SizeOnSale
	codes := r.uniqueTexts("%q is in the list already: leave one of them out")
	r.sequence(node, at, 1, len(Sizes()), func(n *yaml.Node, at string) {
		var size SizeOnSale
		r.mapping(n, at, []yamlField{
			{key: "code", required: true, read: func(n *yaml.Node, at string) {
				size.Code = oneOf(r, n, at, "size", Sizes())
				codes(n, at, string(size.Code))
			}},
			{key: "label", required: true, read: func(n *yaml.Node, at string) { size.Label = r.label(n, at) }},
			{key: "grams", read: r.into(&size.Grams, 1, maxGrams)},
		})
		sizes = append(sizes, size)
	})
	return sizes
}

func (r *yamlReader) limits(node *yaml.Node, at string, limits *Limits) {
	hard := HardLimits()
	if *limits == (Limits{}) {
		*limits = hard
	}
	r.mapping(node, at, []yamlField{
		{key: "nameLength", read: r.into(&limits.NameLength, 1, hard.NameLength)},
		{key: "lines", read: r.into(&limits.Lines, 1, hard.Lines)},
		{key: "quantity", read: r.into(&limits.Quantity, 1, hard.Quantity)},
		{key: "messageLength", read: r.into(&limits.MessageLength, 0, hard.MessageLength)},
		{key: "notesLength", read: r.into(&limits.NotesLength, 0, hard.NotesLength)},
		{key: "allergies", read: r.into(&limits.Allergies, 0, hard.Allergies)},
		{key: "allergyLength", read: r.into(&limits.AllergyLength, 1, hard.AllergyLength)},
	})
}

func (r *yamlReader) ackWithin(node *yaml.Node, at string, within map[Stage]Duration) {
	fields := make([]yamlField, 0, len(stages))
	for _, stage := range Stages() {
		fields = append(fields, yamlField{key: string(stage), read: func(n *yaml.Node, at string) {
			within[stage] = r.duration(n, at, MinAckWithin, MaxAckWithin)
		}})
	}
	r.mapping(node, at, fields)
}

func (r *yamlReader) undo(node *yaml.Node, at string, undo map[Stage]UndoWith) {
	fields := make([]yamlField, 0, len(stages))
	for _, stage := range Stages() {
		fields = append(fields, yamlField{key: string(stage), read: func(n *yaml.Node, at string) {
			undo[stage] = oneOf(r, n, at, "way to undo", []UndoWith{UndoByHand, UndoOnRecord})
		}})
	}
	r.mapping(node, at, fields)
}

func (r *yamlReader) reasons(node *yaml.Node, at string) []Reason {
	var reasons []Reason
	codes := r.uniqueTexts("two reasons with the code %q: give one of them another")
	r.sequence(node, at, 1, maxReasons, func(n *yaml.Node, at string) {
		var reason Reason
		r.mapping(n, at, []yamlField{
			{key: "code", required: true, read: func(n *yaml.Node, at string) {
				reason.Code = r.code(n, at)
				codes(n, at, reason.Code)
			}},
			{key: "label", required: true, read: func(n *yaml.Node, at string) { reason.Label = r.label(n, at) }},
			{key: "then", required: true, read: func(n *yaml.Node, at string) {
				reason.Then = oneOf(r, n, at, "outcome", []Outcome{OutcomeAgain, OutcomeRemake})
			}},
		})
		reasons = append(reasons, reason)
	})
	return reasons
}

func (r *yamlReader) age(node *yaml.Node, at string, ages map[Stage]Age) {
	fields := make([]yamlField, 0, len(stages))
	for _, stage := range Stages() {
		fields = append(fields, yamlField{key: string(stage), read: func(n *yaml.Node, at string) {
			var age Age
			var overdue func() // the fault of overdue, once both are read
			r.mapping(n, at, []yamlField{
				{key: "late", required: true, read: func(n *yaml.Node, at string) { age.Late = r.seconds(n, at) }},
				{key: "overdue", required: true, read: func(n *yaml.Node, at string) {
					age.Overdue = r.seconds(n, at)
					overdue = func() { r.faultf(n, at, "must be longer than late, %s, it is %s", age.Late, age.Overdue) }
				}},
			})
			if age.Late > 0 && age.Overdue > 0 && age.Overdue <= age.Late {
				overdue()
			}
			ages[stage] = age
		}})
	}
	r.mapping(node, at, fields)
}

// seconds reads an age, which is shown in whole seconds; zero after a fault.
func (r *yamlReader) seconds(node *yaml.Node, at string) Duration {
	before := len(r.faults)
	d := r.duration(node, at, minAge, maxAge)
	if len(r.faults) == before && time.Duration(d)%time.Second != 0 {
		r.faultf(node, at, "must be whole seconds, it is %s", d)
	}
	if len(r.faults) > before {
		return 0
	}
	return d
}

// boxes reads sizes of boxes in any order, and puts the smallest first.
func (r *yamlReader) boxes(node *yaml.Node, at string) []BoxSize {
	type given struct {
		size BoxSize
		node *yaml.Node // of the pieces
		at   string
	}
	var all []given
	codes := r.uniqueTexts("%q is in the list already: leave one of them out")
	r.sequence(node, at, 1, len(Sizes()), func(n *yaml.Node, at string) {
		var box given
		r.mapping(n, at, []yamlField{
			{key: "code", required: true, read: func(n *yaml.Node, at string) {
				box.size.Code = oneOf(r, n, at, "size", Sizes())
				codes(n, at, string(box.size.Code))
			}},
			{key: "pieces", required: true, read: func(n *yaml.Node, at string) {
				box.node, box.at = n, at
				r.into(&box.size.Pieces, 1, maxBoxPieces)(n, at)
			}},
		})
		all = append(all, box)
	})
	slices.SortStableFunc(all, func(a, b given) int {
		return slices.Index(Sizes(), a.size.Code) - slices.Index(Sizes(), b.size.Code)
	})
	var sizes []BoxSize
	for i, box := range all {
		if i > 0 {
			smaller := all[i-1].size
			if smaller.Code != "" && smaller.Code != box.size.Code && smaller.Pieces > 0 && box.size.Pieces > 0 && box.size.Pieces <= smaller.Pieces {
				r.faultf(box.node, box.at, "must be more than in size %s, %d, it is %d", smaller.Code, smaller.Pieces, box.size.Pieces)
			}
		}
		sizes = append(sizes, box.size)
	}
	return sizes
}

// code reads a code, and label a text for people.
func (r *yamlReader) code(node *yaml.Node, at string) string {
	code, ok := r.text(node, at)
	if ok && (len(code) > maxCodeLength || !codePattern.MatchString(code)) {
		r.faultf(node, at, "%q is not a code: use at most %d small letters, digits and single hyphens, such as red-velvet", clip(code), maxCodeLength)
	}
	return code
}

func (r *yamlReader) label(node *yaml.Node, at string) string {
	label, ok := r.text(node, at)
	if !ok {
		return ""
	}
	err := checkText(label, maxLabel, false)
	if isBlank(label) {
		err = fmt.Errorf("must not be blank: write what people should read")
	}
	if err != nil {
		r.faultf(node, at, "%v", err)
	}
	return label
}

func (r *yamlReader) duration(node *yaml.Node, at string, least, most time.Duration) Duration {
	if !isText(node) || isBlock(node) {
		r.wrongType(node, at, "a duration such as 20m")
		return 0
	}
	var d Duration
	if err := d.UnmarshalText([]byte(node.Value)); err != nil {
		r.faultf(node, at, "%v", err)
	} else if time.Duration(d) < least || time.Duration(d) > most {
		r.faultf(node, at, "must be from %s to %s, it is %s", Duration(least), Duration(most), d)
	}
	return d
}

// oneOf reads one of a closed set of texts.
func oneOf[T ~string](r *yamlReader, node *yaml.Node, at, what string, known []T) T {
	text, isText := r.text(node, at)
	if !isText || slices.Contains(known, T(text)) {
		return T(text)
	}
	names := make([]string, len(known))
	for i, value := range known {
		names[i] = string(value)
	}
	r.faultf(node, at, "%v", unknown(what, text, names, "use one of"))
	return ""
}

// uniqueTexts returns a function that takes the texts of a list one by one and
// reports a second one that is the same.
func (r *yamlReader) uniqueTexts(format string) func(node *yaml.Node, at, text string) {
	lines := map[string]int{}
	return func(node *yaml.Node, at, text string) {
		if line, again := lines[text]; again && text != "" {
			r.faultf(node, at, format+" (the other is on line %d)", text, line)
			return
		}
		lines[text] = node.Line
	}
}
