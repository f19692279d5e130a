package kitchen

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sharedAllergies are what the pages' tests hold their rule against too.
type sharedAllergies struct {
	Cases []struct {
		Allergens, Allergies, Found []string
	}
	// Words has every word that either rule may know, with the others that meet it.
	Words map[string][]string
}

func TestThePagesTellTheSameAllergensAsThisRule(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/allergies.json")
	require.NoError(t, err)
	var shared sharedAllergies
	require.NoError(t, json.Unmarshal(data, &shared))

	require.NotEmpty(t, shared.Cases)
	for _, c := range shared.Cases {
		assert.Equal(t, c.Found, append([]string{}, AllergensMet(c.Allergens, c.Allergies)...), "%q in %q", c.Allergies, c.Allergens)
	}

	vocabulary := map[string]bool{}
	for word, others := range sameAllergen {
		vocabulary[word] = true
		for _, other := range others {
			vocabulary[other] = true
		}
	}
	for _, filler := range allergyFillers {
		vocabulary[filler] = true
	}
	words := slices.Sorted(maps.Keys(vocabulary))
	met := map[string][]string{}
	for _, word := range words {
		met[word] = append([]string{}, AllergensMet(words, []string{word})...)
	}
	if !assert.Equal(t, met, shared.Words, "the words that this rule knows: the pages' rule must know the same") {
		for _, word := range words {
			row, err := json.Marshal(met[word])
			require.NoError(t, err)
			t.Logf("    %q: %s,", word, row)
		}
	}
}

func TestAnOrdersConflictsAreItsFlavoursThatMeetAnAllergy(t *testing.T) {
	t.Parallel()
	menu := Menu{Flavours: []Flavour{
		{Code: "carrot", Allergens: []string{"egg", "nuts"}},
		{Code: "lemon", Allergens: []string{}},
		{Code: "vanilla", Allergens: []string{"egg"}},
	}}
	lines := []Line{{Flavour: "vanilla"}, {Flavour: "lemon"}, {Flavour: "carrot"}, {Flavour: "vanilla"}, {Flavour: "gone"}}
	assert.Equal(t, []AllergyConflict{{"carrot", []string{"egg"}}, {"vanilla", []string{"egg"}}}, menu.AllergyConflicts(lines, []string{"Eggs"}))
	assert.Equal(t, []AllergyConflict{{"carrot", []string{"nuts"}}}, menu.AllergyConflicts(lines, []string{"hazelnuts"}))
	assert.Empty(t, menu.AllergyConflicts(lines, []string{"soya"}))
	assert.Empty(t, menu.AllergyConflicts(lines, nil))
}
