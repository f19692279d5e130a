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
