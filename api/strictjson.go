package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep a body may be nested; orders need four levels. Pointers
// are as long as the nesting is deep, so this bounds the work on a bad body.
const maxDepth = 32

var errTooDeep = fmt.Errorf("nested deeper than %d levels", maxDepth)

// readJSON reads one JSON value, more strictly than encoding/json: the bytes
// must be UTF-8 and no object may name a field twice, because programs differ
// in which of the two they believe. The error is a *problemError.
func readJSON(data []byte) (any, error) {
	malformed := func(pointer, format string, args ...any) *problemError {
		return fieldsProblem(ProblemMalformedBody, []FieldError{{Pointer: &pointer, Detail: fmt.Sprintf(format, args...)}})
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, malformed("", "the body is empty: send JSON")
	}
	if i := invalidUTF8(data); i >= 0 {
		line, column := position(data, i)
		return nil, malformed("", "not UTF-8 at line %d, column %d (byte %d): send the text in UTF-8", line, column, i+1)
	}
	var raw json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			if syntax.Offset >= int64(len(data)) && strings.Contains(syntax.Error(), "unexpected end") {
				return nil, malformed("", "the JSON ends too early: send all of it")
			}
			line, column := position(data, int(syntax.Offset)-1)
			return nil, malformed("", "not JSON at line %d, column %d: %v", line, column, syntax)
		}
		return nil, malformed("", "not JSON: send one JSON value")
	}
	reader := jsonReader{tokens: json.NewDecoder(bytes.NewReader(data))}
	reader.tokens.UseNumber()
	value, err := reader.value("")
	if errors.Is(err, errTooDeep) {
		return nil, malformed("", "%v: send an order, which needs fewer", err)
	}
	if err != nil {
		return nil, malformed("", "not JSON: %v", err)
	}
	if len(reader.twice) > 0 {
		return nil, fieldsProblem(ProblemMalformedBody, reader.twice)
	}
	return value, nil
}

// jsonReader builds a value from tokens and collects fields named twice.
type jsonReader struct {
	tokens *json.Decoder
	twice  []FieldError
	depth  int
}

func (r *jsonReader) value(pointer string) (any, error) {
	token, err := r.tokens.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		if r.depth == maxDepth {
			return nil, errTooDeep
		}
		r.depth++
		defer func() { r.depth-- }()
		if token == '{' {
			return r.object(pointer)
		}
		return r.array(pointer)
	case json.Number:
		return number(token), nil
	}
	return token, nil
}

func (r *jsonReader) object(pointer string) (any, error) {
	object := map[string]any{}
	for r.tokens.More() {
		token, err := r.tokens.Token()
		if err != nil {
			return nil, err
		}
		key, _ := token.(string) // the syntax has been checked
		at := pointer + "/" + pointerToken(key)
		if _, twice := object[key]; twice {
			r.twice = append(r.twice, FieldError{Pointer: &at, Detail: "named twice in one object: keep one of them"})
		}
		if object[key], err = r.value(at); err != nil {
			return nil, err
		}
	}
	_, err := r.tokens.Token() // the closing brace
	return object, err
}

func (r *jsonReader) array(pointer string) (any, error) {
	array := []any{}
	for r.tokens.More() {
		element, err := r.value(pointer + "/" + strconv.Itoa(len(array)))
		if err != nil {
			return nil, err
		}
		array = append(array, element)
	}
	_, err := r.tokens.Token() // the closing bracket
	return array, err
}

// number is a JSON number as a float; one that no float can hold becomes the
// largest, which every limit refuses.
func number(text json.Number) float64 {
	value, err := text.Float64()
	if err != nil {
		return math.Copysign(math.MaxFloat64, value)
	}
	return value
}

// pointerToken escapes a field's name for a JSON pointer (RFC 6901).
func pointerToken(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

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

// position tells where the byte at index stands, as people count.
func position(data []byte, index int) (line, column int) {
	before := data[:max(0, min(index, len(data)))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte{'\n'}) + 1, utf8.RuneCount(before[start:]) + 1
}
