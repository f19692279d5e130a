package kitchen

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/cupcakery/cupcakery/kitchen/kitchentest"
)

// maxAckBytes is the most that is read of a message from Kafka.
const maxAckBytes = 64 << 10

func hostileAcks() map[string]kitchentest.Shape {
	acks := kitchentest.JSON()
	for _, field := range []string{"ticketId", "by", "at", "startedAt", "attempt", "note", "scrapped", "takeOver", "from", "offset", "else"} {
		begin := strings.Replace(typedByHand, "{", `{"`+field+`": `, 1)
		before, after, _ := strings.Cut(begin, `": `)
		for name, shape := range kitchentest.Within(before+`": `, ","+after, kitchentest.JSON()) {
			acks[field+"/"+name] = shape
		}
	}
	for kind, field := range map[string]string{`"started", "takeOver": true`: "from", `"started"`: "takeOver", `"refused"`: "offset"} {
		begin := strings.Replace(typedByHand, `"kind": "done"`, `"kind": `+kind, 1)
		for name, shape := range kitchentest.Within(strings.TrimSuffix(begin, "}")+`, "`+field+`": `, "}", kitchentest.JSON()) {
			acks[field+"/of its kind/"+name] = shape
		}
	}
	return acks
}

func parseAck(data []byte) { _, _ = ParseAck(data, received) }

func TestReadingAnAckCostsNoMoreThanItsBytesJustify(t *testing.T) {
	kitchentest.RequireFlat(t, maxAckBytes, 400, hostileAcks(), parseAck)
}

func BenchmarkParseAck(b *testing.B) { kitchentest.Benchmark(b, maxAckBytes, hostileAcks(), parseAck) }

// hostileObjects are messages with something hostile in one of the fields.
func hostileObjects(fields ...string) map[string]kitchentest.Shape {
	objects := kitchentest.JSON()
	for _, field := range fields {
		for name, shape := range kitchentest.Within(`{"`+field+`":`, "}", kitchentest.JSON()) {
			objects[field+"/"+name] = shape
		}
	}
	return objects
}

func hostileTickets() map[string]kitchentest.Shape {
	return hostileObjects("lines", "allergies", "notes", "attempt", "since", "issuedAt")
}

func parseTicket(data []byte) { _, _ = ParseTicket(data) }

func TestReadingATicketCostsNoMoreThanItsBytesJustify(t *testing.T) {
	kitchentest.RequireFlat(t, maxAckBytes, 400, hostileTickets(), parseTicket)
}

func BenchmarkParseTicket(b *testing.B) {
	kitchentest.Benchmark(b, maxAckBytes, hostileTickets(), parseTicket)
}

func hostileStatuses() map[string]kitchentest.Shape {
	return hostileObjects("stages", "lines", "route", "attention", "version", "at")
}

func parseLoggedStatus(data []byte) { _, _ = ParseLoggedStatus(data) }

func TestReadingALoggedStatusCostsNoMoreThanItsBytesJustify(t *testing.T) {
	// The row of a stage is large: an empty one takes a hundred times its three bytes.
	kitchentest.RequireFlat(t, maxAckBytes, 600, hostileStatuses(), parseLoggedStatus)
}

func BenchmarkParseLoggedStatus(b *testing.B) {
	kitchentest.Benchmark(b, maxAckBytes, hostileStatuses(), parseLoggedStatus)
}

// hostileFiles are files to cost as much as possible.
func hostileFiles() map[string]kitchentest.Shape {
	repeated := func(part string) kitchentest.Shape {
		return func(size int) []byte { return []byte(strings.Repeat(part, size/len(part))) }
	}
	numbered := func(format string) kitchentest.Shape {
		return func(size int) []byte {
			var text strings.Builder
			for i := 0; text.Len() < size-40; i++ {
				fmt.Fprintf(&text, format, i)
			}
			return []byte(text.String())
		}
	}
	files := map[string]kitchentest.Shape{
		"Keys":      numbered("key%d: 1\n"),
		"SameKey":   repeated("menu: 1\n"),
		"KeysBelow": func(size int) []byte { return append([]byte("menu:\n"), numbered("  key%d: 1\n")(size-6)...) },
		"Flavours": func(size int) []byte {
			return append([]byte("menu:\n  flavours:\n"), numbered("    - {code: c%d, name: x, allergens: []}\n")(size-18)...)
		},
		"BadFlavours": func(size int) []byte {
			return append([]byte("menu:\n  flavours:\n"), numbered("    - c%d\n")(size-18)...)
		},
		"People": func(size int) []byte {
			return append([]byte("staff:\n"), numbered("  - {name: p%d, role: baker, pin: 1}\n")(size-7)...)
		},
		"Lists":        repeated("- "),
		"FlowLists":    repeated("["),
		"FlowMaps":     repeated("{a: "),
		"FlowPairs":    repeated("{a: 1},"),
		"Anchors":      numbered("a%d: &x%[1]d [*x%[1]d]\n"),
		"Bomb":         numbered("a%d: &a%[1]d [*a, *a, *a, *a, *a, *a]\n"),
		"Merges":       repeated("<<: *a\n"),
		"Tags":         repeated("!!str "),
		"TagKeys":      numbered("k%d: !!binary x\n"),
		"Questions":    repeated("? "),
		"Colons":       repeated(": "),
		"ColonsOnly":   repeated(":"),
		"Comments":     repeated("# x\n"),
		"Comment":      func(size int) []byte { return []byte("#" + strings.Repeat("x", size-1)) },
		"Documents":    repeated("---\n"),
		"Literal":      func(size int) []byte { return append([]byte("menu: |\n"), repeated("  x\n")(size-8)...) },
		"Folded":       func(size int) []byte { return append([]byte("menu: >\n"), repeated("  x\n")(size-8)...) },
		"LiteralHead":  repeated("a: |\n"),
		"Plain":        func(size int) []byte { return append([]byte("menu: "), repeated("word ")(size-6)...) },
		"PlainLines":   func(size int) []byte { return append([]byte("menu: "), repeated("word\n  ")(size-6)...) },
		"Quoted":       func(size int) []byte { return append([]byte(`menu: "`), repeated(`\u00e9`)(size-7)...) },
		"QuotedLines":  func(size int) []byte { return append([]byte(`menu: "`), repeated("x\n ")(size-7)...) },
		"SingleQuotes": repeated("'"),
		"DoubleQuotes": repeated(`"`),
		"Tabs":         repeated("\t"),
		"Directives":   repeated("%YAML 1.2\n"),
		"Numbers":      numbered("k%d: 0x7fffffffffffffffffffffffffffffffffff\n"),
		"Underscores":  func(size int) []byte { return append([]byte("limits: {lines: 1"), repeated("_")(size-17)...) },
		"Stairs": func(size int) []byte {
			var text strings.Builder
			for i := 0; text.Len()+i+3 <= size; i++ {
				text.WriteString(strings.Repeat(" ", i) + "a:\n")
			}
			return []byte(text.String())
		},
		"Comb": func(size int) []byte {
			var text strings.Builder
			for i := 0; text.Len() < size-60; i++ {
				text.WriteString(strings.Repeat(" ", i%20) + "a:\n")
			}
			return []byte(text.String())
		},
	}
	for name, shape := range kitchentest.JSON() {
		files["JSON/"+name] = shape
	}
	return files
}

func parseAnyFile(data []byte) {
	if bytes.HasPrefix(data, []byte("staff:")) {
		_, _ = ParseStaff("staff.yaml", data)
		return
	}
	_, _ = Parse("kitchen.yaml", data)
}

// A list in a list in a list costs more the deeper it lies; the YAML library
// ends that at 10,000.
func TestReadingAFileCostsNoMoreThanItsBytesJustify(t *testing.T) {
	perByte := 2000
	if kitchentest.RaceDetector {
		perByte *= 2
	}
	kitchentest.RequireFlat(t, maxFileBytes, perByte, hostileFiles(), parseAnyFile)
}

func BenchmarkParseFile(b *testing.B) {
	kitchentest.Benchmark(b, maxFileBytes, hostileFiles(), parseAnyFile)
}
