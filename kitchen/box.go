package kitchen

import "slices"

// BoxSize is a size of box that finished cupcakes are packed into.
type BoxSize struct {
	Code Size `json:"code"`
	// Pieces is how many cupcakes, of whichever size, one box holds.
	Pieces int `json:"pieces"`
}

// BoxCount is a number of boxes of one size.
type BoxCount struct {
	Code  Size `json:"code"`
	Count int  `json:"count"`
}

// Boxes are the boxes to take for a number of pieces, the largest first: full
// boxes of the largest size, then the smallest box that holds the rest. These
// are the fewest boxes that hold them.
func (k *Kitchen) Boxes(pieces int) []BoxCount {
	if pieces < 1 {
		return nil
	}
	largest := k.BoxSizes[len(k.BoxSizes)-1]
	full, rest := pieces/largest.Pieces, pieces%largest.Pieces
	var last Size // holds the rest
	for _, size := range k.BoxSizes {
		if size.Pieces >= rest {
			last = size.Code
			break
		}
	}
	switch {
	case rest == 0:
		return []BoxCount{{largest.Code, full}}
	case last == largest.Code:
		return []BoxCount{{largest.Code, full + 1}}
	case full == 0:
		return []BoxCount{{last, 1}}
	}
	return []BoxCount{{largest.Code, full}, {last, 1}}
}

// PackedBox is one of an order's boxes, with what goes into it.
type PackedBox struct {
	Code  Size   `json:"code"`
	Lines []Line `json:"lines"`
}

// Packed are an order's boxes with what goes into each: line after line, so that few
// lines are in two boxes.
func (k *Kitchen) Packed(lines []Line) []PackedBox {
	boxes := []PackedBox{}
	holds := map[Size]int{}
	for _, size := range k.BoxSizes {
		holds[size.Code] = size.Pieces
	}
	lines = slices.Clone(lines)
	for _, count := range k.Boxes(Order{Lines: lines}.Pieces()) {
		for range count.Count {
			box, room := PackedBox{Code: count.Code, Lines: []Line{}}, holds[count.Code]
			for room > 0 && len(lines) > 0 {
				into := lines[0]
				into.Quantity = min(room, into.Quantity)
				room -= into.Quantity
				if into.Quantity > 0 {
					box.Lines = append(box.Lines, into)
				}
				if lines[0].Quantity -= into.Quantity; lines[0].Quantity <= 0 {
					lines = lines[1:]
				}
			}
			boxes = append(boxes, box)
		}
	}
	return boxes
}
