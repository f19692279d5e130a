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

// wantText is wrongType's want where quotes would make the value right.
const wantText = "text"

// maxDocuments is how many documents are searched for the one that is not empty.
const maxDocuments = 10

// maxFileFaults is the most faults of one file that are reported.
const maxFileFaults = 50

// FileFault is a fault in one place of a kitchen file or a staff file.
type FileFault struct {
	// Line and Column count from 1.
	Line, Column int
	// Key is where in the file's structure, such as limits.lines or
	// menu.flavours[2].code; empty for the file as a whole.
	Key string
	// Detail says what is wrong and the remedy.
	Detail string
}

// FileError is what is wrong with a kitchen file or a staff file.
type FileError struct {
	// Name is what the file is called.
	Name   string
	Faults []FileFault
}

// Error has one line for each fault: file:line:column: key: detail.
func (e *FileError) Error() string {
	lines := make([]string, len(e.Faults))
	for i, fault := range e.Faults {
		lines[i] = fmt.Sprintf("%s:%d:%d: ", e.Name, fault.Line, fault.Column)
		if fault.Key != "" {
			lines[i] += fault.Key + ": "
		}
		lines[i] += fault.Detail
	}
	return strings.Join(lines, "\n")
}

// yamlReader reads values out of a YAML document and gathers every fault with
// its place, where a decoder into structs would stop at the first. It accepts
// only plain YAML: an anchor, alias, tag or merge key is a fault, because it
// makes a file mean something other than what one reads.
type yamlReader struct {
	// file is the kind of file, and startFrom says how to begin one.
	file, startFrom string
	faults          []FileFault
	// known are the keys that were looked for, and present those that were
	// found, with [] for the index in a list.
	known, present map[string]bool
}

func newYAMLReader() *yamlReader {
	return &yamlReader{
		file: "kitchen file", startFrom: "start from what `cupcakery kitchen default` prints",
		known: map[string]bool{}, present: map[string]bool{},
	}
}

// document reads the file's one document.
func (r *yamlReader) document(data []byte, read yamlRead) {
	if root := r.parse(data); root != nil {
		read(yamlPlace{node: root})
	}
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
			if !r.isPlain(yamlPlace{node: root}) {
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
			r.faultf(yamlPlace{node: node}, "a second document: a %s has one, without --- in between", r.file)
			return nil
		}
		root = node
	}
}

// What the YAML library's errors look like.
var (
	syntaxError   = regexp.MustCompile(`^yaml: (?:line ([0-9]+): )?(.*)$`)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// notYAML reports the YAML library's error, which has no column.
func (r *yamlReader) notYAML(data []byte, err error) {
	line, column, message := 1, 1, Excerpt(err.Error())
	if parts := syntaxError.FindStringSubmatch(err.Error()); parts != nil {
		message = Excerpt(parts[2])
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
	r.faultAt(line, column, "", "not YAML: %s", message)
}

const aliasRefused = "anchors and aliases are not taken here: write the value out"

// isPlain reports whether a node is plain YAML. Anything else is a fault.
func (r *yamlReader) isPlain(p yamlPlace) bool {
	switch node := p.node; {
	case node.Kind == yaml.AliasNode, node.Anchor != "":
		r.faultf(p, aliasRefused)
		return false
	case node.Style&yaml.TaggedStyle != 0:
		r.faultf(p, "tags such as %s are not taken here: write the plain value", Excerpt(node.ShortTag()))
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

// The tags of YAML's types.
const (
	nullTag  = "!!null"
	intTag   = "!!int"
	floatTag = "!!float"
	boolTag  = "!!bool"
	mergeTag = "!!merge"
)

// isText reports whether a node is text. What is a time to YAML is text here.
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

func (r *yamlReader) wrongType(p yamlPlace, want string) {
	switch node := p.node; {
	case node.Kind == yaml.MappingNode:
		r.faultf(p, "must be %s, it is keys with values", want)
	case node.Kind == yaml.SequenceNode:
		r.faultf(p, "must be %s, it is a list", want)
	case node.ShortTag() == nullTag:
		r.faultf(p, "has no value: give it %s, or remove the key", want)
	case isBlock(node):
		r.faultf(p, "must be %s, it is a block of text", want)
	case isText(node):
		r.faultf(p, "must be %s, it is the text %q", want, Excerpt(node.Value))
	case want == wantText:
		r.faultf(p, "must be text: put %s into quotes", Excerpt(node.Value))
	default:
		r.faultf(p, "must be %s, it is %s", want, Excerpt(node.Value))
	}
}

// full reports whether no more faults are reported.
func (r *yamlReader) full() bool { return len(r.faults) >= maxFileFaults }

func (r *yamlReader) faultf(p yamlPlace, format string, args ...any) {
	r.faultAt(max(1, p.node.Line), max(1, p.node.Column), p.key, format, args...)
}

func (r *yamlReader) faultAt(line, column int, key, format string, args ...any) {
	if !r.full() {
		r.faults = append(r.faults, FileFault{line, column, key, fmt.Sprintf(format, args...)})
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

func join(parent, key string) string {
	if parent == "" {
		return key
	}
	return parent + "." + key
}
