package kitchen

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// yamlPlace is a node and where it is in the file's structure.
type yamlPlace struct {
	node *yaml.Node
	key  string
}

// yamlRead reads what is at a place into a variable that it was made for, and
// reports the faults. A file's structure is one yamlRead made of others.
type yamlRead func(yamlPlace)

// yamlField is a key that a mapping may have.
type yamlField struct {
	key      string
	required bool
	read     yamlRead
}

func required(key string, read yamlRead) yamlField { return yamlField{key, true, read} }
func optional(key string, read yamlRead) yamlField { return yamlField{key, false, read} }

// mapping reads a mapping's values with fields, and reports keys that are
// unknown, missing or there twice.
func (r *yamlReader) mapping(fields ...yamlField) yamlRead {
	return func(p yamlPlace) {
		names := make([]string, len(fields))
		for i, field := range fields {
			names[i] = field.key
			r.known[withoutIndexes(join(p.key, field.key))] = true
		}
		if p.node.Kind != yaml.MappingNode {
			r.wrongType(p, "keys with values: "+strings.Join(names, ", "))
			return
		}
		lines := make(map[string]int, len(fields))
		for i := 0; i+1 < len(p.node.Content) && !r.full(); i += 2 {
			r.entry(p, p.node.Content[i], p.node.Content[i+1], fields, names, lines)
		}
		for _, field := range fields {
			if _, found := lines[field.key]; field.required && !found {
				r.faultf(yamlPlace{p.node, join(p.key, field.key)}, "missing: add it")
			}
		}
	}
}

// entry reads one key of a mapping with its value. lines has the line of each
// key that has been read.
func (r *yamlReader) entry(mapping yamlPlace, keyNode, value *yaml.Node, fields []yamlField, names []string, lines map[string]int) {
	key, ok := r.key(yamlPlace{keyNode, mapping.key})
	if !ok {
		return
	}
	at := join(mapping.key, key)
	if line, again := lines[key]; again {
		r.faultf(yamlPlace{keyNode, at}, "is there already, on line %d: keep one of them", line)
		return
	}
	lines[key] = keyNode.Line
	i := slices.Index(names, key)
	if i < 0 {
		r.faultf(yamlPlace{keyNode, join(mapping.key, Excerpt(key))}, "%v", unknown("key", key, names, "known here are"))
		return
	}
	r.present[withoutIndexes(at)] = true
	if p := (yamlPlace{value, at}); r.isPlain(p) {
		fields[i].read(p)
	}
}

func (r *yamlReader) key(p yamlPlace) (string, bool) {
	switch {
	case !r.isPlain(p):
	case p.node.Kind != yaml.ScalarNode:
		r.faultf(p, "a key must be text: write one")
	case p.node.ShortTag() == nullTag:
		r.faultf(p, "null is not a key: put it into quotes or write another")
	case p.node.ShortTag() == mergeTag:
		r.faultf(p, "<< is not taken here: write the keys out")
	default:
		return p.node.Value, true // also such as 1 or true; no such key exists
	}
	return "", false
}

// byStage reads a mapping whose keys are stages.
func byStage[T any](r *yamlReader, values map[Stage]T, read func(*T) yamlRead) yamlRead {
	var fields []yamlField
	for _, stage := range Stages() {
		fields = append(fields, optional(string(stage), func(p yamlPlace) {
			var value T
			read(&value)(p)
			values[stage] = value
		}))
	}
	return r.mapping(fields...)
}

// listOf reads a list of least to most values, which replaces what values has.
func listOf[T any](r *yamlReader, values *[]T, least, most int, read func(*T) yamlRead) yamlRead {
	return func(p yamlPlace) {
		*values = (*values)[:0:0]
		if p.node.Kind != yaml.SequenceNode {
			r.wrongType(p, "a list")
			return
		}
		if n := len(p.node.Content); n < least || n > most {
			r.faultf(p, "must have from %d to %d entries, it has %d", least, most, n)
		}
		for i, node := range p.node.Content[:min(len(p.node.Content), most)] {
			if r.full() {
				return
			}
			if entry := (yamlPlace{node, fmt.Sprintf("%s[%d]", p.key, i)}); r.isPlain(entry) {
				var value T
				read(&value)(entry)
				*values = append(*values, value)
			}
		}
	}
}

// placed keeps the place of what is read, for a fault that is found only later.
func placed(place *yamlPlace, read yamlRead) yamlRead {
	return func(p yamlPlace) {
		*place = p
		read(p)
	}
}

const alreadyInList = "%q is in the list already: leave one of them out"

// uniqueTexts finds texts that occur twice.
type uniqueTexts struct {
	r      *yamlReader
	format string
	lines  map[string]int
}

func (r *yamlReader) unique(format string) *uniqueTexts {
	return &uniqueTexts{r, format, map[string]int{}}
}

// once reads a text that must occur only once.
func once[T ~string](texts *uniqueTexts, text *T, read yamlRead) yamlRead {
	return func(p yamlPlace) {
		read(p)
		if line, again := texts.lines[string(*text)]; again && *text != "" {
			texts.r.faultf(p, texts.format+" (the other is on line %d)", *text, line)
			return
		}
		texts.lines[string(*text)] = p.node.Line
	}
}

// text reads a text. A number or a boolean is refused, not guessed at.
func (r *yamlReader) text(p yamlPlace) (string, bool) {
	if !isText(p.node) {
		r.wrongType(p, wantText)
		return "", false
	}
	return p.node.Value, true
}

// codePattern is what a code looks like that orders, acks and addresses carry.
var codePattern = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// code reads a code.
func (r *yamlReader) code(code *string) yamlRead {
	return func(p yamlPlace) {
		text, ok := r.text(p)
		if ok && (len(text) > maxCodeLength || !codePattern.MatchString(text)) {
			r.faultf(p, "%q is not a code: use at most %d small letters, digits and single hyphens, such as red-velvet", Excerpt(text), maxCodeLength)
		}
		*code = text
	}
}

// label reads a text for people.
func (r *yamlReader) label(label *string) yamlRead {
	return func(p yamlPlace) {
		text, ok := r.text(p)
		if !ok {
			return
		}
		err := checkText(text, maxLabel, false)
		if isBlank(text) {
			err = errors.New("must not be blank: write what people should read")
		}
		if err != nil {
			r.faultf(p, "%v", err)
		}
		*label = text
	}
}

func (r *yamlReader) duration(d *Duration, least, most time.Duration) yamlRead {
	return func(p yamlPlace) {
		if !isText(p.node) || isBlock(p.node) {
			r.wrongType(p, "a duration such as 20m")
		} else if err := d.UnmarshalText([]byte(p.node.Value)); err != nil {
			r.faultf(p, "%v", err)
		} else if time.Duration(*d) < least || time.Duration(*d) > most {
			r.faultf(p, "must be from %s to %s, it is %s", Duration(least), Duration(most), *d)
		}
	}
}

// durationOrNever reads a duration, or 0.
func (r *yamlReader) durationOrNever(d *Duration, least, most time.Duration) yamlRead {
	read := r.duration(d, least, most)
	return func(p yamlPlace) {
		if p.node.Kind == yaml.ScalarNode && (p.node.Value == "0" || p.node.Value == "0s") {
			*d = 0
			return
		}
		read(p)
	}
}

func (r *yamlReader) whole(number *int, least, most int) yamlRead {
	return func(p yamlPlace) {
		if p.node.Kind != yaml.ScalarNode || p.node.ShortTag() != intTag {
			r.wrongType(p, fmt.Sprintf("a whole number from %d to %d", least, most))
			return
		}
		value, err := strconv.ParseInt(strings.ReplaceAll(p.node.Value, "_", ""), 0, 64)
		if err != nil || value < int64(least) || value > int64(most) { // a number that does not fit into 64 bits is out of range too
			r.faultf(p, "must be from %d to %d, it is %s", least, most, Excerpt(p.node.Value))
			return
		}
		*number = int(value)
	}
}

// oneOf reads one of a closed set of texts.
func oneOf[T ~string](r *yamlReader, value *T, what string, known []T) yamlRead {
	return func(p yamlPlace) {
		text, isText := r.text(p)
		if !isText || slices.Contains(known, T(text)) {
			*value = T(text)
			return
		}
		r.faultf(p, "%v", unknown(what, text, known, "use one of"))
	}
}
