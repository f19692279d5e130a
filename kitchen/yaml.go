package kitchen

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// wantText is what wrongType calls a text that could be put into quotes.
const wantText = "text"

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
	read     func(node ast.Node, at string)
}

// parse returns the document's root, or nil after reporting why there is none.
func (r *yamlReader) parse(data []byte) ast.Node {
	start := &token.Position{Line: 1, Column: 1}
	if len(data) > maxFileBytes {
		r.faultAt(start, "", "has %d bytes: a %s has at most %d", len(data), r.file, maxFileBytes)
		return nil
	}
	data = bytes.TrimPrefix(data, []byte(byteOrderMark))
	if !utf8.Valid(data) {
		r.faultAt(positionOf(data), "", "not UTF-8: save the file in UTF-8")
		return nil
	}
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		var syntax yaml.Error
		if errors.As(err, &syntax) && syntax.GetToken() != nil && syntax.GetToken().Position != nil {
			r.faultAt(syntax.GetToken().Position, "", "not YAML: %s", syntax.GetMessage())
		} else {
			r.faultAt(start, "", "not YAML: %v", err)
		}
		return nil
	}
	var root ast.Node
	for _, document := range file.Docs {
		// What stands before --- counts as a document of its own.
		if document.Body == nil || document.Body.Type() == ast.CommentType || document.Body.Type() == ast.DirectiveType {
			continue
		}
		if root != nil {
			r.faultf(document.Body, "", "a second document: a %s has one, without --- in between", r.file)
			return nil
		}
		root = document.Body
	}
	if root == nil || root.Type() == ast.NullType {
		r.faultAt(start, "", "the file is empty: %s", r.startFrom)
		return nil
	}
	return root
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
func (r *yamlReader) mapping(node ast.Node, at string, fields []yamlField) {
	names := make([]string, len(fields))
	for i, field := range fields {
		names[i] = field.key
		r.known[withoutIndexes(join(at, field.key))] = true
	}
	var pairs []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	default:
		r.wrongType(node, at, "keys with values: "+strings.Join(names, ", "))
		return
	}
	lines := map[string]int{}
	for _, pair := range pairs {
		key, ok := r.key(pair, at)
		if !ok {
			continue
		}
		if line, again := lines[key]; again {
			r.faultf(pair.Key, join(at, key), "is there already, on line %d: keep one of them", line)
			continue
		}
		lines[key] = position(pair.Key).Line
		found := false
		for _, field := range fields {
			if field.key == key {
				found = true
				r.present[withoutIndexes(join(at, key))] = true
				field.read(pair.Value, join(at, key))
			}
		}
		if !found {
			r.faultf(pair.Key, join(at, clip(key)), "%v", unknown("key", key, names, "known here are"))
		}
	}
	for _, field := range fields {
		if _, found := lines[field.key]; field.required && !found {
			r.faultf(node, join(at, field.key), "missing: add it")
		}
	}
}

func (r *yamlReader) key(pair *ast.MappingValueNode, at string) (string, bool) {
	switch key := pair.Key.(type) {
	case *ast.StringNode:
		return key.Value, true
	case *ast.NullNode:
		r.faultf(key, at, "null is not a key: put it into quotes or write another")
	case *ast.MergeKeyNode:
		r.faultf(key, at, "<< is not taken here: write the keys out")
	default:
		return strings.TrimSpace(pair.Key.GetToken().Value), true // such as 1 or true; no such key exists
	}
	return "", false
}

// sequence calls read for each value of a list that has from least to most.
func (r *yamlReader) sequence(node ast.Node, at string, least, most int, read func(node ast.Node, at string)) {
	list, ok := node.(*ast.SequenceNode)
	if !ok {
		r.wrongType(node, at, "a list")
		return
	}
	if n := len(list.Values); n < least || n > most {
		r.faultf(node, at, "must have from %d to %d entries, it has %d", least, most, n)
	}
	for i, value := range list.Values[:min(len(list.Values), most)] {
		read(value, fmt.Sprintf("%s[%d]", at, i))
	}
}

// text reads a text. What YAML takes for a number or a boolean is refused
// rather than guessed at.
func (r *yamlReader) text(node ast.Node, at string) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	r.wrongType(node, at, wantText)
	return "", false
}

// into reads a whole number into target.
func (r *yamlReader) into(target *int, least, most int) func(node ast.Node, at string) {
	return func(node ast.Node, at string) {
		n, ok := node.(*ast.IntegerNode)
		if !ok {
			r.wrongType(node, at, fmt.Sprintf("a whole number from %d to %d", least, most))
			return
		}
		value := int64(math.MaxInt64)
		switch v := n.Value.(type) {
		case int64:
			value = v
		case uint64:
			value = int64(min(v, math.MaxInt64)) //nolint:gosec // bounded by min
		}
		if value < int64(least) || value > int64(most) {
			r.faultf(node, at, "must be from %d to %d, it is %s", least, most, clip(n.Token.Value))
			return
		}
		*target = int(value)
	}
}

func (r *yamlReader) wrongType(node ast.Node, at, want string) {
	switch node.Type() {
	case ast.NullType:
		r.faultf(node, at, "has no value: give it %s, or remove the key", want)
	case ast.AnchorType, ast.AliasType:
		r.faultf(node, at, "anchors and aliases are not taken here: write the value out")
	case ast.TagType:
		r.faultf(node, at, "tags such as %s are not taken here: write the plain value", clip(node.GetToken().Value))
	case ast.MappingType, ast.MappingValueType:
		r.faultf(node, at, "must be %s, it is keys with values", want)
	case ast.SequenceType:
		r.faultf(node, at, "must be %s, it is a list", want)
	case ast.IntegerType, ast.FloatType, ast.BoolType, ast.InfinityType, ast.NanType:
		if want == wantText {
			r.faultf(node, at, "must be text: put %s into quotes", clip(node.GetToken().Value))
			return
		}
		r.faultf(node, at, "must be %s, it is %s", want, clip(node.GetToken().Value))
	case ast.LiteralType:
		r.faultf(node, at, "must be %s, it is a block of text", want)
	default:
		r.faultf(node, at, "must be %s, it is the text %q", want, clip(node.GetToken().Value))
	}
}

func (r *yamlReader) faultf(node ast.Node, at, format string, args ...any) {
	r.faultAt(position(node), at, format, args...)
}

func (r *yamlReader) faultAt(p *token.Position, at, format string, args ...any) {
	if len(r.faults) < maxFileFaults {
		r.faults = append(r.faults, FileFault{p.Line, p.Column, at, fmt.Sprintf(format, args...)})
	}
}

var indexPattern = regexp.MustCompile(`\[\d+\]`)

func withoutIndexes(key string) string { return indexPattern.ReplaceAllString(key, "[]") }

// position is where a value starts; a mapping's own token is its first colon.
func position(node ast.Node) *token.Position {
	switch n := node.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return position(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return position(n.Key)
	}
	if t := node.GetToken(); t != nil && t.Position != nil {
		return t.Position
	}
	return &token.Position{Line: 1, Column: 1}
}

// positionOf is where data stops being UTF-8.
func positionOf(data []byte) *token.Position {
	p := &token.Position{Line: 1, Column: 1}
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 {
			break
		}
		p.Column++
		if r == '\n' {
			p.Line, p.Column = p.Line+1, 1
		}
		data = data[size:]
	}
	return p
}

func join(at, key string) string {
	if at == "" {
		return key
	}
	return at + "." + key
}
