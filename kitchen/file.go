package kitchen

import (
	"slices"
	"time"
)

// Limits of the kitchen file itself, and of the staff file where it has the
// same.
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

// parseFile reads a kitchen file over what base has; base is nil for the
// embedded file, which has everything.
func parseFile(name string, data []byte, base *Kitchen) (*Kitchen, error) {
	if base == nil {
		base = emptyKitchen()
	}
	r := newYAMLReader()
	r.document(data, r.kitchen(base))
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
	return &Kitchen{
		Limits: HardLimits(),
		Rules:  Rules{AckWithin: map[Stage]Duration{}, Undo: map[Stage]UndoWith{}},
		Age:    map[Stage]Age{},
	}
}

func (r *yamlReader) kitchen(k *Kitchen) yamlRead {
	return r.mapping(
		optional("menu", r.menu(&k.Menu)),
		optional("limits", r.limits(&k.Limits)),
		optional("ackWithin", byStage(r, k.Rules.AckWithin, func(within *Duration) yamlRead {
			return r.duration(within, MinAckWithin, MaxAckWithin)
		})),
		optional("attention", r.mapping(
			optional("afterReissues", r.whole(&k.Rules.MaxReissues, 0, HighestReissues)),
			optional("untakenAfter", r.durationOrNever(&k.UntakenAfter, MinUntakenAfter, MaxUntakenAfter)),
		)),
		optional("undo", byStage(r, k.Rules.Undo, func(with *UndoWith) yamlRead {
			return oneOf(r, with, "way to undo", []UndoWith{UndoByHand, UndoOnRecord})
		})),
		optional("remakes", r.mapping(
			required("max", r.whole(&k.Rules.MaxRemakes, 0, HighestMaxRemakes)),
		)),
		optional("reasons", r.reasons(&k.Reasons)),
		optional("age", byStage(r, k.Age, r.age)),
		optional("boxes", r.boxes(&k.BoxSizes)),
		optional("open", r.mapping(
			optional("orders", r.whole(&k.Open.Orders, 0, HighestOpenOrders)),
			optional("pieces", r.whole(&k.Open.Pieces, 0, HighestOpenPieces)),
		)),
		optional("opening", r.opening(&k.Opening)),
	)
}

func (r *yamlReader) menu(menu *Menu) yamlRead {
	prices := &priceReader{r: r}
	fields := r.mapping(
		optional("flavours", r.flavours(&menu.Flavours, prices)),
		optional("sizes", r.sizes(&menu.Sizes, prices)),
		optional("currency", later(&prices.currency)),
		optional("message", later(&prices.message)),
	)
	return func(p yamlPlace) {
		fields(p)
		menu.Prices = prices.priceList(p)
	}
}

func (r *yamlReader) flavours(flavours *[]Flavour, prices *priceReader) yamlRead {
	codes := r.unique("two flavours with the code %q: give one of them another")
	return listOf(r, flavours, 1, maxFlavours, func(flavour *Flavour) yamlRead {
		flavour.Allergens = []string{}
		allergens := r.unique(alreadyInList)
		var surcharge yamlPlace
		fields := r.mapping(
			required("code", once(codes, &flavour.Code, r.code(&flavour.Code))),
			required("name", r.label(&flavour.Name)),
			required("allergens", listOf(r, &flavour.Allergens, 0, maxAllergens, func(code *string) yamlRead {
				return once(allergens, code, r.code(code))
			})),
			optional("surcharge", later(&surcharge)),
		)
		return func(p yamlPlace) {
			fields(p)
			prices.flavours = append(prices.flavours, pricedEntry{flavour.Code, p, surcharge})
		}
	})
}

func (r *yamlReader) sizes(sizes *[]SizeOnSale, prices *priceReader) yamlRead {
	codes := r.unique(alreadyInList)
	return listOf(r, sizes, 1, len(Sizes()), func(size *SizeOnSale) yamlRead {
		var price yamlPlace
		fields := r.mapping(
			required("code", once(codes, &size.Code, oneOf(r, &size.Code, "size", Sizes()))),
			required("label", r.label(&size.Label)),
			optional("grams", r.whole(&size.Grams, 1, maxGrams)),
			optional("price", later(&price)),
		)
		return func(p yamlPlace) {
			fields(p)
			prices.sizes = append(prices.sizes, pricedEntry{string(size.Code), p, price})
		}
	})
}

func (r *yamlReader) limits(limits *Limits) yamlRead {
	hard := HardLimits()
	return r.mapping(
		optional("nameLength", r.whole(&limits.NameLength, 1, hard.NameLength)),
		optional("lines", r.whole(&limits.Lines, 1, hard.Lines)),
		optional("quantity", r.whole(&limits.Quantity, 1, hard.Quantity)),
		optional("messageLength", r.whole(&limits.MessageLength, 0, hard.MessageLength)),
		optional("notesLength", r.whole(&limits.NotesLength, 0, hard.NotesLength)),
		optional("allergies", r.whole(&limits.Allergies, 0, hard.Allergies)),
		optional("allergyLength", r.whole(&limits.AllergyLength, 1, hard.AllergyLength)),
	)
}

func (r *yamlReader) reasons(reasons *[]Reason) yamlRead {
	codes := r.unique("two reasons with the code %q: give one of them another")
	return listOf(r, reasons, 1, maxReasons, func(reason *Reason) yamlRead {
		return r.mapping(
			required("code", once(codes, &reason.Code, r.code(&reason.Code))),
			required("label", r.label(&reason.Label)),
			required("then", oneOf(r, &reason.Then, "outcome", []Outcome{OutcomeAgain, OutcomeRemake})),
		)
	})
}

func (r *yamlReader) age(age *Age) yamlRead {
	var overdue yamlPlace
	fields := r.mapping(
		required("late", r.seconds(&age.Late)),
		required("overdue", placed(&overdue, r.seconds(&age.Overdue))),
	)
	return func(p yamlPlace) {
		fields(p)
		if age.Late > 0 && age.Overdue > 0 && age.Overdue <= age.Late {
			r.faultf(overdue, "must be longer than late, %s, it is %s", age.Late, age.Overdue)
		}
	}
}

// seconds reads an age, which is shown in whole seconds; zero after a fault.
func (r *yamlReader) seconds(age *Duration) yamlRead {
	read := r.duration(age, minAge, maxAge)
	return func(p yamlPlace) {
		before := len(r.faults)
		read(p)
		if len(r.faults) == before && time.Duration(*age)%time.Second != 0 {
			r.faultf(p, "must be whole seconds, it is %s", *age)
		}
		if len(r.faults) > before {
			*age = 0
		}
	}
}

// boxes reads the sizes of boxes in any order and puts the smallest first.
func (r *yamlReader) boxes(sizes *[]BoxSize) yamlRead {
	type box struct {
		BoxSize
		pieces yamlPlace
	}
	var boxes []box
	codes := r.unique(alreadyInList)
	list := listOf(r, &boxes, 1, len(Sizes()), func(b *box) yamlRead {
		return r.mapping(
			required("code", once(codes, &b.Code, oneOf(r, &b.Code, "size", Sizes()))),
			required("pieces", placed(&b.pieces, r.whole(&b.Pieces, 1, maxBoxPieces))),
		)
	})
	return func(p yamlPlace) {
		list(p)
		slices.SortStableFunc(boxes, func(a, b box) int {
			return slices.Index(Sizes(), a.Code) - slices.Index(Sizes(), b.Code)
		})
		*sizes = nil
		for i, larger := range boxes {
			*sizes = append(*sizes, larger.BoxSize)
			if i == 0 {
				continue
			}
			smaller := boxes[i-1]
			known := smaller.Code != "" && smaller.Pieces > 0 && larger.Pieces > 0 // without a fault of their own
			if known && smaller.Code != larger.Code && larger.Pieces <= smaller.Pieces {
				r.faultf(larger.pieces, "must be more than in size %s, %d, it is %d", smaller.Code, smaller.Pieces, larger.Pieces)
			}
		}
	}
}
