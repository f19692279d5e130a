package kitchen

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// This file decides which ordered flavours meet an allergy of the customer.
// Allergies are free text, so it errs on the side of a warning: one too many
// costs a look, one too few can cost a life. It only warns, and never says that
// something is safe. web/src/allergens.ts has the same rule for the pages;
// testdata/allergies.json holds both to each other.

// sameAllergen has other words for an allergen, or for food that contains it.
var sameAllergen = map[string][]string{
	"almond":    {"nut"},
	"barley":    {"gluten"},
	"butter":    {"milk"},
	"casein":    {"milk"},
	"cashew":    {"nut"},
	"celiac":    {"gluten", "wheat", "barley", "rye", "spelt", "oat"},
	"coeliac":   {"gluten", "wheat", "barley", "rye", "spelt", "oat"},
	"cream":     {"milk"},
	"dairy":     {"milk"},
	"flour":     {"wheat", "gluten"},
	"gluten":    {"wheat", "barley", "rye", "spelt", "oat"},
	"groundnut": {"nut"},
	"hazelnut":  {"nut"},
	"lactose":   {"milk"},
	"macadamia": {"nut"},
	"peanut":    {"nut"},
	"pecan":     {"nut"},
	"pistachio": {"nut"},
	"rye":       {"gluten"},
	"soja":      {"soya"},
	"soy":       {"soya"},
	"soybean":   {"soya"},
	"spelt":     {"wheat", "gluten"},
	"treenut":   {"nut"},
	"walnut":    {"nut"},
	"wheat":     {"gluten"},
	"whey":      {"milk"},
}

// allergyFillers are words that name no food.
var allergyFillers = []string{"a", "all", "and", "any", "free", "from", "i", "no", "not", "of", "or", "products", "the", "traces", "very", "without"}

// pluralsInEs are the endings behind which a plural has an "e" before its "s".
var pluralsInEs = []string{"che", "oe", "she", "sse", "xe"}

// AllergyConflict is an ordered flavour that contains what the customer is
// allergic to.
type AllergyConflict struct {
	// Flavour is the flavour's code.
	Flavour string `json:"flavour"`
	// Allergens are those of the flavour that meet an allergy, as the menu spells
	// them.
	Allergens []string `json:"allergens"`
}

// AllergyConflicts returns which flavours of the lines meet one of the
// allergies, in the menu's order. Of a flavour that is no longer on the menu
// nobody knows what it contains, so it is not among them.
func (m Menu) AllergyConflicts(lines []Line, allergies []string) []AllergyConflict {
	var conflicts []AllergyConflict
	for _, flavour := range m.Flavours {
		if !slices.ContainsFunc(lines, func(line Line) bool { return line.Flavour == flavour.Code }) {
			continue
		}
		if met := AllergensMet(flavour.Allergens, allergies); len(met) > 0 {
			conflicts = append(conflicts, AllergyConflict{flavour.Code, met})
		}
	}
	return conflicts
}

// AllergensMet returns those of the allergens that somebody with these allergies
// must know about, in their order.
func AllergensMet(allergens, allergies []string) []string {
	named := map[string]bool{}
	for _, allergy := range allergies {
		for _, word := range allergyWords(allergy) {
			named[word] = true
		}
	}
	words := slices.Collect(maps.Keys(named))
	return slices.DeleteFunc(slices.Clone(allergens), func(allergen string) bool {
		return !slices.ContainsFunc(allergyWords(allergen), func(inIt string) bool {
			return named[inIt] || slices.ContainsFunc(words, func(word string) bool {
				// "strawberry" is a berry; of shorter words too many end alike.
				return len([]rune(word)) > 3 && (strings.HasSuffix(inIt, word) || strings.HasSuffix(word, inIt))
			})
		})
	})
}

// allergyWords are the words of a text in small letters, without accents, in the
// singular, and each with its synonyms.
func allergyWords(text string) []string {
	var plain []rune
	for _, r := range norm.NFKD.String(text) {
		if !unicode.IsMark(r) {
			plain = append(plain, unicode.ToLower(r))
		}
	}
	var words []string
	for _, word := range strings.FieldsFunc(string(plain), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) }) {
		if slices.Contains(allergyFillers, word) {
			continue
		}
		for _, singular := range singulars(word) {
			words = append(words, singular)
			words = append(words, sameAllergen[singular]...)
		}
	}
	return words
}

// singulars are the words whose plural a word may be: peaches are of "peach", but
// brioches of "brioche", and nobody knows which it is. A word in the singular is its own.
func singulars(word string) []string {
	if len([]rune(word)) <= 3 || !strings.HasSuffix(word, "s") || strings.HasSuffix(word, "ss") {
		return []string{word}
	}
	word = strings.TrimSuffix(word, "s")
	if stem, found := strings.CutSuffix(word, "ie"); found && len([]rune(stem)) > 1 { // not pies
		return []string{word, stem + "y"}
	}
	if slices.ContainsFunc(pluralsInEs, func(ending string) bool { return strings.HasSuffix(word, ending) }) {
		return []string{word, strings.TrimSuffix(word, "e")}
	}
	return []string{word}
}
