package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	// maxBody is how much of a request's body is read.
	maxBody = 64 << 10
	// maxDrain is how much of a body that is too large is thrown away, so that
	// the client has sent it and reads the answer instead of a broken pipe.
	maxDrain = 16 << 20
	// maxDepth is how deep a body may be nested; orders need four levels.
	maxDepth = 32
	// maxValues is how many values it may have, named ones and those in lists
	// together; the largest order has some 130.
	maxValues = 1000
	// maxFaults is how many of its faults are reported.
	maxFaults = 32
)

var (
	errTooDeep = fmt.Errorf("nested deeper than %d levels: send an order, which needs fewer", maxDepth)
	errTooMany = fmt.Errorf("more than %d values: send fewer fields and lines, no order needs as many", maxValues)
)

// checkContentType accepts JSON in UTF-8 that is not compressed.
func checkContentType(header http.Header) error {
	unsupported := func(detail string) error {
		return &problemError{Type: wire.ProblemUnsupportedMediaType, Detail: detail}
	}
	mediaType, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	switch {
	case header.Get("Content-Type") == "":
		return unsupported("The header Content-Type is missing: send JSON with Content-Type: application/json.")
	case err != nil || mediaType != "application/json":
		return unsupported(fmt.Sprintf("Content-Type %q is not taken here: send JSON with Content-Type: application/json.", kitchen.Excerpt(header.Get("Content-Type"))))
	case parameters["charset"] != "" && !strings.EqualFold(parameters["charset"], "utf-8"):
		return unsupported(fmt.Sprintf("charset %q is not taken here: send JSON in UTF-8.", kitchen.Excerpt(parameters["charset"])))
	case header.Get("Content-Encoding") != "" && !strings.EqualFold(header.Get("Content-Encoding"), "identity"):
		return unsupported(fmt.Sprintf("Content-Encoding %q is not taken here: send the body uncompressed.", kitchen.Excerpt(header.Get("Content-Encoding"))))
	}
	return nil
}

// readBody reads a request's body to its end or to maxBody.
func readBody(g *gin.Context) ([]byte, error) {
	body := g.Request.Body
	data, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	if err == nil && len(data) > maxBody {
		_, _ = io.CopyN(io.Discard, body, maxDrain) // only courtesy to the client
		return nil, &problemError{Type: wire.ProblemBodyTooLarge, Detail: "The body has more than 64 KiB: send less."}
	}
	if err == nil {
		return data, nil
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return nil, &problemError{Type: wire.ProblemTimeout, Detail: "The body did not arrive in time: send it at once.", Cause: err}
	}
	return nil, &problemError{Type: wire.ProblemMalformedBody, Detail: "The body was cut off: send all of it.", Cause: err}
}

// readJSON reads one JSON value, more strictly than encoding/json: the bytes
// must be UTF-8 and no object may name a field twice, because programs differ
// in which of the two they believe. The error is a *problemError.
func readJSON(data []byte) (any, error) {
	malformed := func(format string, args ...any) *problemError {
		return fieldsProblem(wire.ProblemMalformedBody, []wire.FieldError{{Pointer: new(string), Detail: fmt.Sprintf(format, args...)}})
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, malformed("the body is empty: send JSON")
	}
	if i := invalidUTF8(data); i >= 0 {
		line, column := position(data, i)
		return nil, malformed("not UTF-8 at line %d, column %d (byte %d): send the text in UTF-8", line, column, i+1)
	}
	var raw json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			if syntax.Offset >= int64(len(data)) && strings.Contains(syntax.Error(), "unexpected end") {
				return nil, malformed("the JSON ends too early: send all of it")
			}
			line, column := position(data, int(syntax.Offset)-1)
			return nil, malformed("not JSON at line %d, column %d: %v", line, column, syntax)
		}
		return nil, malformed("not JSON: send one JSON value")
	}
	reader := jsonReader{tokens: json.NewDecoder(bytes.NewReader(data))}
	reader.tokens.UseNumber()
	value, err := reader.value()
	switch {
	case errors.Is(err, errTooDeep), errors.Is(err, errTooMany):
		return nil, malformed("%v", err)
	case err != nil:
		return nil, malformed("not JSON: %v", err)
	case len(reader.twice) > 0:
		return nil, fieldsProblem(wire.ProblemMalformedBody, reader.twice)
	}
	return value, nil
}

// jsonReader builds a value from tokens and collects fields named twice.
type jsonReader struct {
	tokens *json.Decoder
	twice  []wire.FieldError
	path   []string // of the value that is read
	values int
}

func (r *jsonReader) value() (any, error) {
	if r.values++; r.values > maxValues {
		return nil, errTooMany
	}
	token, err := r.tokens.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		if len(r.path) == maxDepth {
			return nil, errTooDeep
		}
		if token == '{' {
			return r.object()
		}
		return r.array()
	case json.Number:
		return number(token), nil
	}
	return token, nil
}

// at reads the value that stands at a name or an index.
func (r *jsonReader) at(name string) (any, error) {
	r.path = append(r.path, name)
	value, err := r.value()
	r.path = r.path[:len(r.path)-1]
	return value, err
}

func (r *jsonReader) object() (any, error) {
	object := map[string]any{}
	for r.tokens.More() {
		token, err := r.tokens.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string) // the syntax has been checked
		_, twice := object[name]
		if object[name], err = r.at(name); err != nil {
			return nil, err
		}
		if twice && len(r.twice) <= maxFaults {
			pointer := pointerTo(append(slices.Clone(r.path), name))
			r.twice = append(r.twice, wire.FieldError{Pointer: &pointer, Detail: "named twice in one object: keep one of them"})
		}
	}
	_, err := r.tokens.Token() // the closing brace
	return object, err
}

func (r *jsonReader) array() (any, error) {
	array := []any{}
	for r.tokens.More() {
		element, err := r.at(strconv.Itoa(len(array)))
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
