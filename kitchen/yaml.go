package kitchen

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// wantText is what wrongType calls a text that could be put into quotes.
const wantText = "text"

// maxDocuments is how many documents are looked through for the one that is not
// empty.
const maxDocuments = 10

// maxFileFaults is how many faults of one file are reported.
const maxFileFaults = 50

// yamlReader reads values out of a YAML document and gathers every fault with
// its place, where a decoder into structs would stop at the first. It takes
// plain YAML only: an anchor, alias, tag or merge key is a fault, because it
// makes a file mean something other than what one reads.
type yamlReader struct {
	// file is what kind of file is read, and startFrom how to begin one.
	file, startFrom string
	faults          []FileFault
	// known are the keys that were looked for, and present those that were
	// there, with [] for the index of a list.
	known, present map[string]bool
}

func newYAMLReader() *yamlReader {
	return &yamlReader{
		file: "kitchen file", startFrom: "start from what `cupcakery kitchen default` prints",
		known: map[string]bool{}, present: map[string]bool{},
	}
}

// yamlField is a key that a mapping may have.
type yamlField struct {
	key      string
	required bool
	read     func(node *yaml.Node, at string)
}

// parse returns the document's root, or nil after reporting why there is none.
func (r *yamlReader) parse(data []byte) *yaml.Node {
	if len(data) > maxFileBytes {
		r.faultAt(1, 1, "", "has %d bytes: a %s has at most %d", len(data), r.file, maxFileBytes)
		return nil
	}
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	if end := invalidUTF8(data); end >= 0 {
		line, column := positionAt(data, end)
		r.faultAt(line, column, "", "not UTF-8: save the file in UTF-8")
		return nil
	}
	// The library reads YAML 1.2 and refuses the directive that says so.
	if after, found := bytes.CutPrefix(data, []byte("%YAML 1.2")); found {
		data = append([]byte("%YAML 1.1"), after...)
	}
	var root *yaml.Node
	documents := yaml.NewDecoder(bytes.NewReader(data))
	for count := 1; ; count++ {
		var document yaml.Node
		err := documents.Decode(&document)
		switch {
		case errors.Is(err, io.EOF):
			if root == nil {
				r.faultAt(1, 1, "", "the file is empty: %s", r.startFrom)
				return nil
			}
			if !r.isPlain(root, "") {
				return nil
			}
			return root
		case err != nil:
			r.notYAML(data, err)
			return nil
		}
		// What stands before --- counts as a document of its own.
		node := &document
		if len(document.Content) > 0 {
			node = document.Content[0]
		}
		if empty := node == &document || node.ShortTag() == nullTag; empty && count <= maxDocuments {
			continue
		}
		if root != nil || count > maxDocuments {
			r.faultf(node, "", "a second document: a %s has one, without --- in between", r.file)
			return nil
		}
		root = node
	}
}

// The ways in which the YAML library says where a text stops being YAML.
var (
	syntaxError   = regexp.MustCompile(`^yaml: (?:line ([0-9]+): )?(.*)$`)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// notYAML reports what the YAML library says. It knows no columns.
func (r *yamlReader) notYAML(data []byte, err error) {
	line, column, says := 1, 1, clip(err.Error())
	if parts := syntaxError.FindStringSubmatch(err.Error()); parts != nil {
		says = clip(parts[2])
		if number, err := strconv.Atoi(parts[1]); err == nil {
			line = max(1, number)
		}
		if anchor := unknownAnchor.FindStringSubmatch(parts[2]); anchor != nil {
			if at := bytes.Index(data, []byte("*"+anchor[1])); at >= 0 {
				line, column = positionAt(data, at)
			}
			r.faultAt(line, column, "", aliasRefused)
			return
		}
	}
	r.faultAt(line, column, "", "not YAML: %s", says)
}

const aliasRefused = "anchors and aliases are not taken here: write the value out"

// isPlain reports whether a node is plain YAML, and what it is if it is not.
func (r *yamlReader) isPlain(node *yaml.Node, at string) bool {
	switch {
	case node.Kind == yaml.AliasNode, node.Anchor != "":
		r.faultf(node, at, aliasRefused)
		return false
	case node.Style&yaml.TaggedStyle != 0:
		r.faultf(node, at, "tags such as %s are not taken here: write the plain value", clip(node.ShortTag()))
		return false
	}
	return true
}

// result is the error for the file called name, with its faults in their order;
// nil if there are none.
func (r *yamlReader) result(name string) error {
	if len(r.faults) == 0 {
		return nil
	}
	slices.SortStableFunc(r.faults, func(a, b FileFault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return &FileError{name, r.faults}
}

// mapping reads a mapping's values with fields, and reports keys that are
// unknown, missing or there twice.
func (r *yamlReader) mapping(node *yaml.Node, at string, fields []yamlField) {
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = field.key
		r.known[withoutIndexes(join(at, field.key))] = true
	}
	if node.Kind != yaml.MappingNode {
		r.wrongType(node, at, "keys with values: "+strings.Join(names, ", "))
		return
	}
	lines := make(map[string]int, len(fields))
	for i := 0; i+1 < len(node.Content) && !r.full(); i += 2 {
		keyNode, value := node.Content[i], node.Content[i+1]
		key, ok := r.key(keyNode, at)
		if !ok {
			continue
		}
		if line, again := lines[key]; again {
			r.faultf(keyNode, join(at, key), "is there already, on line %d: keep one of them", line)
			continue
		}
		lines[key] = keyNode.Line
		found := false
		for _, field := range fields {
			if field.key == key {
				found = true
				r.present[withoutIndexes(join(at, key))] = true
				if r.isPlain(value, join(at, key)) {
					field.read(value, join(at, key))
				}
			}
		}
		if !found {
			r.faultf(keyNode, join(at, clip(key)), "%v", unknown("key", key, names, "known here are"))
		}
	}
	for _, field := range fields {
		if _, found := lines[field.key]; field.required && !found {
			r.faultf(node, join(at, field.key), "missing: add it")
		}
	}
}

func (r *yamlReader) key(node *yaml.Node, at string) (string, bool) {
	switch {
	case !r.isPlain(node, at):
	case node.Kind != yaml.ScalarNode:
		r.faultf(node, at, "a key must be text: write one")
	case node.ShortTag() == nullTag:
		r.faultf(node, at, "null is not a key: put it into quotes or write another")
	case node.ShortTag() == mergeTag:
		r.faultf(node, at, "<< is not taken here: write the keys out")
	default:
		return node.Value, true // also such as 1 or true; no such key exists
	}
	return "", false
}

// sequence calls read for each value of a list that has from least to most.
func (r *yamlReader) sequence(node *yaml.Node, at string, least, most int, read func(node *yaml.Node, at string)) {
	if node.Kind != yaml.SequenceNode {
		r.wrongType(node, at, "a list")
		return
	}
	if n := len(node.Content); n < least || n > most {
		r.faultf(node, at, "must have from %d to %d entries, it has %d", least, most, n)
	}
	for i, value := range node.Content[:min(len(node.Content), most)] {
		if r.full() {
			return
		}
		if at := fmt.Sprintf("%s[%d]", at, i); r.isPlain(value, at) {
			read(value, at)
		}
	}
}

// The tags of YAML's types.
const (
	nullTag  = "!!null"
	intTag   = "!!int"
	floatTag = "!!float"
	boolTag  = "!!bool"
	mergeTag = "!!merge"
)

// isText reports whether a node is text. What YAML takes for a time is text
// here.
func isText(node *yaml.Node) bool {
	if node.Kind != yaml.ScalarNode {
		return false
	}
	switch node.ShortTag() {
	case nullTag, intTag, floatTag, boolTag:
		return false
	}
	return true
}

func isBlock(node *yaml.Node) bool {
	return node.Kind == yaml.ScalarNode && node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0
}

// text reads a text. What YAML takes for a number or a boolean is refused
// rather than guessed at.
func (r *yamlReader) text(node *yaml.Node, at string) (string, bool) {
	if !isText(node) {
		r.wrongType(node, at, wantText)
		return "", false
	}
	return node.Value, true
}

// into reads a whole number into target.
func (r *yamlReader) into(target *int, least, most int) func(node *yaml.Node, at string) {
	return func(node *yaml.Node, at string) {
		if node.Kind != yaml.ScalarNode || node.ShortTag() != intTag {
			r.wrongType(node, at, fmt.Sprintf("a whole number from %d to %d", least, most))
			return
		}
		value, err := strconv.ParseInt(strings.ReplaceAll(node.Value, "_", ""), 0, 64)
		if err != nil || value < int64(least) || value > int64(most) { // no field may have what does not fit
			r.faultf(node, at, "must be from %d to %d, it is %s", least, most, clip(node.Value))
			return
		}
		*target = int(value)
	}
}

func (r *yamlReader) wrongType(node *yaml.Node, at, want string) {
	switch {
	case node.Kind == yaml.MappingNode:
		r.faultf(node, at, "must be %s, it is keys with values", want)
	case node.Kind == yaml.SequenceNode:
		r.faultf(node, at, "must be %s, it is a list", want)
	case node.ShortTag() == nullTag:
		r.faultf(node, at, "has no value: give it %s, or remove the key", want)
	case isBlock(node):
		r.faultf(node, at, "must be %s, it is a block of text", want)
	case isText(node):
		r.faultf(node, at, "must be %s, it is the text %q", want, clip(node.Value))
	case want == wantText:
		r.faultf(node, at, "must be text: put %s into quotes", clip(node.Value))
	default:
		r.faultf(node, at, "must be %s, it is %s", want, clip(node.Value))
	}
}

// full reports whether there are as many faults as are told.
func (r *yamlReader) full() bool { return len(r.faults) >= maxFileFaults }

func (r *yamlReader) faultf(node *yaml.Node, at, format string, args ...any) {
	r.faultAt(max(1, node.Line), max(1, node.Column), at, format, args...)
}

func (r *yamlReader) faultAt(line, column int, at, format string, args ...any) {
	if !r.full() {
		r.faults = append(r.faults, FileFault{line, column, at, fmt.Sprintf(format, args...)})
	}
}

var indexPattern = regexp.MustCompile(`\[\d+\]`)

func withoutIndexes(key string) string { return indexPattern.ReplaceAllString(key, "[]") }

// invalidUTF8 is the index of the first byte that is not UTF-8, or -1.
func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// positionAt is where the byte at index stands, as people count.
func positionAt(data []byte, index int) (line, column int) {
	before := data[:index]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte{'\n'}) + 1, utf8.RuneCount(before[start:]) + 1
}

func join(at, key string) string {
	if at == "" {
		return key
	}
	return at + "." + key
}
