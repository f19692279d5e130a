package kitchen

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestBoxesOfTheDefaultKitchen(t *testing.T) {
	t.Parallel()
	k := Default()
	for pieces, want := range map[int][]BoxCount{
		-1: nil, 0: nil,
		1:  {{SizeS, 1}},
		4:  {{SizeS, 1}},
		5:  {{SizeM, 1}},
		12: {{SizeL, 1}},
		13: {{SizeXL, 1}},
		24: {{SizeXL, 1}},
		25: {{SizeXL, 1}, {SizeS, 1}},
		47: {{SizeXL, 2}},
		60: {{SizeXL, 2}, {SizeL, 1}},
	} {
		assert.Equal(t, want, k.Boxes(pieces), pieces)
	}
}

// Whatever boxes there are, an order's boxes hold all of its pieces, fewer boxes
// would not, and no smaller box would do in place of the last.
func TestBoxesHoldAllPiecesAndAreTheFewest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		k := &Kitchen{}
		holds := map[Size]int{}
		pieces := 0
		for _, size := range Sizes() {
			if len(k.BoxSizes) == 0 && size == SizeXL || rapid.Bool().Draw(t, "has "+string(size)) {
				pieces += rapid.IntRange(1, 30).Draw(t, "more pieces")
				k.BoxSizes = append(k.BoxSizes, BoxSize{size, pieces})
				holds[size] = pieces
			}
		}
		order := rapid.IntRange(1, 300).Draw(t, "pieces of the order")
		boxes := k.Boxes(order)
		room, count := 0, 0
		for _, box := range boxes {
			require.Positive(t, box.Count)
			room += holds[box.Code] * box.Count
			count += box.Count
		}
		require.GreaterOrEqual(t, room, order)
		require.True(t, slices.IsSortedFunc(boxes, func(a, b BoxCount) int { return holds[b.Code] - holds[a.Code] }), "the largest first")
		fewest := 0 // no box holds more than the largest
		for most := k.BoxSizes[len(k.BoxSizes)-1].Pieces; fewest*most < order; fewest++ {
		}
		require.Equal(t, fewest, count)
		last := boxes[len(boxes)-1]
		for _, smaller := range k.BoxSizes {
			if smaller.Pieces < holds[last.Code] {
				require.Less(t, room-holds[last.Code]+smaller.Pieces, order, "%s would do instead of %s", smaller.Code, last.Code)
			}
		}
	})
}

func TestWhatGoesIntoEachBox(t *testing.T) {
	t.Parallel()
	k := Default()
	lemon, carrot := Line{Flavour: "lemon", Size: SizeM, Quantity: 20}, Line{Flavour: "carrot", Size: SizeM, Quantity: 10, Message: "Hi"}
	first, rest := carrot, carrot
	first.Quantity, rest.Quantity = 4, 6
	require.Equal(t, []PackedBox{{SizeXL, []Line{lemon, first}}, {SizeM, []Line{rest}}}, k.Packed([]Line{lemon, carrot}))
	require.Equal(t, 10, carrot.Quantity, "the order stays as it is")
	require.Equal(t, []PackedBox{}, k.Packed(nil))
	rapid.Check(t, func(t *rapid.T) {
		var lines []Line
		for range rapid.IntRange(1, 20).Draw(t, "lines") {
			lines = append(lines, Line{Flavour: rapid.SampledFrom([]string{"lemon", "carrot"}).Draw(t, "flavour"), Quantity: rapid.IntRange(1, 90).Draw(t, "quantity")})
		}
		want, got := map[string]int{}, map[string]int{}
		for _, line := range lines {
			want[line.Flavour] += line.Quantity
		}
		counts := map[Size]int{}
		for _, box := range k.Packed(lines) {
			counts[box.Code]++
			pieces := 0
			for _, line := range box.Lines {
				got[line.Flavour] += line.Quantity
				pieces += line.Quantity
			}
			require.Positive(t, pieces, "no box is empty")
			require.LessOrEqual(t, pieces, k.BoxSizes[slices.IndexFunc(k.BoxSizes, func(size BoxSize) bool { return size.Code == box.Code })].Pieces)
		}
		require.Equal(t, want, got)
		for _, count := range k.Boxes(Order{Lines: lines}.Pieces()) {
			require.Equal(t, count.Count, counts[count.Code])
		}
	})
}
