// Package kitchentest feeds parsers with what a stranger may send to make them
// work hard, and holds that they do not: what a byte costs is bounded, however
// many there are and however they are put together.
package kitchentest

import (
	"bytes"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Shape makes an input of about size bytes, and not of more.
type Shape func(size int) []byte

// JSON are shapes of JSON, and of what is nearly JSON, that make a careless
// reader slow.
func JSON() map[string]Shape {
	return map[string]Shape{
		"ManyNames":        list("{", "}", func(i int) string { return `"f` + strconv.Itoa(i) + `":1` }),
		"ManyLongNames":    list("{", "}", func(i int) string { return `"` + strings.Repeat("n", 80) + strconv.Itoa(i) + `":1` }),
		"OneName":          list("{", "}", func(int) string { return `"f":1` }),
		"OneLongName":      func(size int) []byte { return fmt.Appendf(nil, `{"%s":1}`, strings.Repeat("n", size-6)) },
		"EscapedNames":     list("{", "}", func(i int) string { return fmt.Sprintf(`"\u%04x":1`, 0x4e00+i%20000) }),
		"BelowALongName":   below(func(int) string { return "1" }),
		"TwiceInALongName": below(func(int) string { return `{"a":1,"a":1}` }),
		"NestedLists":      func(size int) []byte { return []byte(strings.Repeat("[", size/2) + strings.Repeat("]", size/2)) },
		"NestedObjects": func(size int) []byte {
			return []byte(strings.Repeat(`{"a":`, (size-1)/6) + "1" + strings.Repeat("}", (size-1)/6))
		},
		"ManyNestedLists":  list("[", "]", func(int) string { return strings.Repeat("[", 20) + strings.Repeat("]", 20) }),
		"LongList":         list("[", "]", func(int) string { return "0" }),
		"LongListOfLists":  list("[", "]", func(int) string { return "[]" }),
		"LongListOfEmpty":  list("[", "]", func(int) string { return "{}" }),
		"LongListOfNull":   list("[", "]", func(int) string { return "null" }),
		"LongListOfText":   list("[", "]", func(i int) string { return strconv.Quote(strconv.Itoa(i)) }),
		"LongNumber":       func(size int) []byte { return []byte("1" + strings.Repeat("0", size-1)) },
		"LongFraction":     func(size int) []byte { return []byte("0." + strings.Repeat("7", size-2)) },
		"LongExponent":     func(size int) []byte { return []byte("1e" + strings.Repeat("9", size-2)) },
		"HugeNumbers":      list("[", "]", func(int) string { return "1e999999" }),
		"LongText":         quoted("x"),
		"LongTextOfTwo":    quoted("é"),
		"LongEscapes":      quoted(`\u00e9`),
		"HalfSurrogates":   quoted(`\ud800`),
		"ControlCharacter": quoted(`\u0007`),
		"Quotes":           quoted(`\"`),
		"WhiteSpace":       func(size int) []byte { return []byte(strings.Repeat(" ", size)) },
		"Lines":            func(size int) []byte { return []byte(strings.Repeat("\n", size-1) + "!") },
		"CutOff":           func(size int) []byte { return []byte("[" + strings.Repeat("1,", size/2-1)) },
		"NoEnd":            func(size int) []byte { return []byte(strings.Repeat("[", size)) },
		"NotUTF8":          func(size int) []byte { return []byte(`"` + strings.Repeat("é", (size-2)/2) + "\xff") },
		"Zeros":            func(size int) []byte { return make([]byte, size) },
	}
}

// Within puts shapes where a value stands in a text.
func Within(before, after string, shapes map[string]Shape) map[string]Shape {
	within := make(map[string]Shape, len(shapes))
	for name, shape := range shapes {
		within[name] = func(size int) []byte {
			return slices.Concat([]byte(before), shape(size-len(before)-len(after)), []byte(after))
		}
	}
	return within
}

func quoted(of string) Shape {
	return func(size int) []byte { return []byte(`"` + strings.Repeat(of, (size-2)/len(of)) + `"`) }
}

// list repeats an element for as long as there is room.
func list(opening, closing string, element func(i int) string) Shape {
	return func(size int) []byte {
		var text bytes.Buffer
		text.WriteString(opening)
		for i := 0; ; i++ {
			next := element(i)
			if text.Len()+1+len(next)+len(closing) > size {
				break
			}
			if i > 0 {
				text.WriteByte(',')
			}
			text.WriteString(next)
		}
		text.WriteString(closing)
		return text.Bytes()
	}
}

// below has many values below one long name, which tempts to repeat it.
func below(element func(i int) string) Shape {
	return func(size int) []byte {
		name := strings.Repeat("n", size/2)
		return fmt.Appendf(nil, `{"%s":%s}`, name, list("[", "]", element)(size-len(name)-5))
	}
}

// sizes are from a kilobyte to the limit.
func sizes(limit int) []int {
	all := []int{limit}
	for size := limit / 4; size >= 1000; size /= 4 {
		all = append(all, size)
	}
	slices.Reverse(all)
	return all
}

// fixedCost is how much memory reading may take whatever is read.
const fixedCost = 256<<10 + raceCost

// RequireFlat fails if reading a shape takes more memory than its bytes
// justify, at any size from a kilobyte to the limit. Work that grows faster than
// what is read needs many times more than perByte. It looks at memory, which is
// the same every time, and not at a clock. A test that calls it must not be
// parallel.
func RequireFlat(t *testing.T, limit, perByte int, shapes map[string]Shape, read func(data []byte)) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		for _, size := range sizes(limit) {
			data := shapes[name](size)
			if len(data) > size {
				t.Errorf("the shape %s has %d bytes instead of %d", name, len(data), size)
			}
			// The first reading may compile what later ones use.
			if took := min(memoryOf(func() { read(data) }), memoryOf(func() { read(data) })); took > uint64(fixedCost+perByte*len(data)) {
				t.Errorf("%s: reading %d bytes took %d bytes of memory, %d for each", name, len(data), took, took/uint64(len(data)))
			}
		}
	}
}

// memoryOf is how many bytes of memory a call asks for.
func memoryOf(call func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	call()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Benchmark measures what a byte costs in time, for each shape and size. Flat
// means that ns/B stays, or falls.
func Benchmark(b *testing.B, limit int, shapes map[string]Shape, read func(data []byte)) {
	for _, name := range slices.Sorted(maps.Keys(shapes)) {
		for _, size := range sizes(limit) {
			b.Run(name+"/"+strconv.Itoa(size), func(b *testing.B) {
				data := shapes[name](size)
				for b.Loop() {
					read(data)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(data)), "ns/B")
			})
		}
	}
}
