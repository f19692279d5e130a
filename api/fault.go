package api

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// fault is what is wrong in one place of a body.
type fault struct {
	path   []string
	detail string
	// badForm is set when a text does not match the specification's pattern,
	// which no person should have to read.
	badForm bool
	// wrongType is set when a value cannot stand in its field at all, missing
	// when there is no value.
	wrongType bool
	missing   bool
}

func (f fault) pointer() string { return pointerTo(f.path) }

func fieldErrors(faults []fault) []wire.FieldError {
	fields := make([]wire.FieldError, len(faults))
	for i, f := range faults {
		pointer := f.pointer()
		fields[i] = wire.FieldError{Pointer: &pointer, Detail: f.detail}
	}
	return fields
}

var (
	pointerEscapes   = strings.NewReplacer("~", "~0", "/", "~1")
	pointerUnescapes = strings.NewReplacer("~1", "/", "~0", "~")
)

// pointerTo is the JSON pointer (RFC 6901) to a place. Names that no field of
// ours has are clipped, since an answer should not be longer than its question.
func pointerTo(path []string) string {
	var pointer strings.Builder
	for _, name := range path {
		pointer.WriteString("/" + pointerEscapes.Replace(kitchen.Excerpt(name)))
	}
	return pointer.String()
}

// pathOf is the place of a JSON pointer.
func pathOf(pointer string) []string {
	path := strings.Split(pointer, "/")[1:]
	for i, token := range path {
		path[i] = pointerUnescapes.Replace(token)
	}
	return path
}

// comparePaths sorts numbers as numbers, so that line 10 comes after line 9.
func comparePaths(a, b []string) int {
	return slices.CompareFunc(a, b, func(x, y string) int {
		i, errX := strconv.Atoi(x)
		j, errY := strconv.Atoi(y)
		if errX == nil && errY == nil {
			return cmp.Compare(i, j)
		}
		return cmp.Compare(x, y)
	})
}
