package api

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
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
)

// OpenAPI is the specification of the API, as served under /openapi.yaml.
//
//go:embed openapi.yaml
var OpenAPI []byte

// contract checks requests against the specification. What it passes on is
// what the specification says it is; what is wrong is reported all at once,
// in words that name the remedy.
type contract struct {
	operations map[string]*openapi3.Operation // by method and route, as gin writes it
	kitchen    *kitchen.Kitchen
	// liveRequest is what a client may send on a live connection.
	liveRequest *openapi3.Schema
}

func newContract(k *kitchen.Kitchen) (*contract, error) {
	document, err := openapi3.NewLoader().LoadFromData(OpenAPI)
	if err != nil {
		return nil, fmt.Errorf("read the embedded openapi.yaml: %w", err)
	}
	if err := document.Validate(context.Background()); err != nil {
		return nil, fmt.Errorf("check the embedded openapi.yaml: %w", err)
	}
	c := &contract{operations: map[string]*openapi3.Operation{}, kitchen: k, liveRequest: document.Components.Schemas["LiveRequest"].Value}
	for path, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			c.operations[method+" "+strings.NewReplacer("{", ":", "}", "").Replace(path)] = operation
		}
	}
	return c, nil
}

// check returns a *problemError unless the request keeps the contract of its
// route. A body that does is replaced by its canonical form.
func (c *contract) check(g *gin.Context) error {
	operation := c.operations[g.Request.Method+" "+g.FullPath()]
	if operation == nil {
		return nil // no such route; the answer is 404 or 405
	}
	if strings.HasPrefix(g.FullPath(), "/api/") { // probes and browsers may add what they like
		if faults := checkParameters(operation, g); len(faults) > 0 {
			return fieldsProblem(wire.ProblemInvalidParameter, faults)
		}
	}
	if operation.RequestBody == nil {
		return nil
	}
	if err := checkContentType(g.Request.Header); err != nil {
		return err
	}
	data, err := readBody(g)
	if err != nil {
		return err
	}
	// Each step is short. A client that has gone spares the next.
	gone := func() error {
		if err := g.Request.Context().Err(); err != nil {
			return fmt.Errorf("check a request that nobody waits for any more: %w", err)
		}
		return nil
	}
	if err := gone(); err != nil {
		return err
	}
	value, err := readJSON(data)
	if err != nil {
		return err
	}
	schema := operation.RequestBody.Value.Content.Get("application/json").Schema.Value
	invalid := wire.ProblemInvalidUpdate
	switch operation.OperationID {
	case "createOrder":
		invalid = wire.ProblemInvalidOrder
	case "signIn":
		invalid = wire.ProblemInvalidSignIn
	case "ackTicket":
		invalid = wire.ProblemInvalidAck
	}
	faults := checkSchema(schema, value)
	if err := gone(); err != nil {
		return err
	}
	if faults := c.checkBody(operation.OperationID, value, faults); len(faults) > 0 {
		slices.SortStableFunc(faults, func(a, b fault) int { return comparePaths(a.path, b.path) })
		return fieldsProblem(invalid, fieldErrors(faults))
	}
	canonical, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("write the checked body: %w", err)
	}
	g.Request.Body = io.NopCloser(bytes.NewReader(canonical))
	g.Request.ContentLength = int64(len(canonical))
	return nil
}

// checkParameters checks what the query, the path and the headers say.
func checkParameters(operation *openapi3.Operation, g *gin.Context) []wire.FieldError {
	query, err := url.ParseQuery(g.Request.URL.RawQuery)
	if err != nil {
		return []wire.FieldError{{Parameter: "?", Detail: "the query is malformed: write name=value&name=value with percent-encoding"}}
	}
	var faults []wire.FieldError
	known := map[string]bool{}
	for _, ref := range operation.Parameters {
		parameter := ref.Value
		var given []string
		fault := wire.FieldError{Parameter: parameter.Name}
		switch parameter.In {
		case openapi3.ParameterInQuery:
			known[parameter.Name] = true
			given = query[parameter.Name]
		case openapi3.ParameterInPath:
			given = []string{g.Param(parameter.Name)}
		case openapi3.ParameterInHeader:
			fault = wire.FieldError{Header: parameter.Name}
			given = g.Request.Header[textproto.CanonicalMIMEHeaderKey(parameter.Name)]
		}
		if fault.Detail = checkParameter(parameter, given); fault.Detail != "" {
			faults = append(faults, fault)
		}
	}
	var unknown []wire.FieldError
	remedy := "unknown parameter: leave it out; " + knownNames(known)
	for name := range query {
		if !known[name] {
			unknown = append(unknown, wire.FieldError{Parameter: clip(name), Detail: remedy})
		}
	}
	slices.SortFunc(unknown, func(a, b wire.FieldError) int { return cmp.Compare(a.Parameter, b.Parameter) })
	return append(faults, unknown...)
}

// checkParameter says what is wrong with a parameter's values; "" for nothing.
func checkParameter(parameter *openapi3.Parameter, given []string) string {
	schema := parameter.Schema.Value
	if len(given) == 0 {
		return "" // the path's are always there, the others optional
	}
	if len(given) > 1 {
		return "given more than once: give one value"
	}
	text := given[0]
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return "has characters that are not text: percent-encode it as UTF-8, without control characters"
	}
	var value any = text
	if schema.Type.Is(openapi3.TypeInteger) {
		number, err := strconv.Atoi(text)
		if err != nil {
			return "must be a whole number" + rangeWords(schema)
		}
		value = float64(number)
	}
	faults := checkSchema(schema, value)
	if len(faults) == 0 {
		return ""
	}
	if faults[0].form && parameter.Description != "" {
		return "must be " + lowerFirst(parameter.Description)
	}
	return faults[0].detail
}

func knownNames(known map[string]bool) string {
	if len(known) == 0 {
		return "none is known here"
	}
	return "known here are " + list(known)
}

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
		return unsupported(fmt.Sprintf("Content-Type %q is not taken here: send JSON with Content-Type: application/json.", clip(header.Get("Content-Type"))))
	case parameters["charset"] != "" && !strings.EqualFold(parameters["charset"], "utf-8"):
		return unsupported(fmt.Sprintf("charset %q is not taken here: send JSON in UTF-8.", clip(parameters["charset"])))
	case header.Get("Content-Encoding") != "" && !strings.EqualFold(header.Get("Content-Encoding"), "identity"):
		return unsupported(fmt.Sprintf("Content-Encoding %q is not taken here: send the body uncompressed.", clip(header.Get("Content-Encoding"))))
	}
	return nil
}

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

// fault is a fault of a body in one place.
type fault struct {
	path   []string
	detail string
	// form is set when a text does not match the specification's pattern,
	// which no person should have to read.
	form bool
	// wrongType is set when the value cannot stand in its field at all,
	// missing when there is none.
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

// checkBody adds to the specification's faults of a body those that the
// kitchen finds, which knows the menu and its own limits. One place is
// reported once: where both object the kitchen has the better words, unless
// the value was no value at all.
func (c *contract) checkBody(operation string, value any, faults []fault) []fault {
	if len(faults) > maxFaults {
		return faults // more than are told
	}
	known := make(map[string]int, len(faults)) // by pointer
	for i, f := range faults {
		known[f.pointer()] = i
	}
	object, ok := readable(value, faults).(map[string]any)
	if !ok {
		return faults
	}
	// hidden reports whether the kitchen has not seen what is there, because it
	// is missing or cannot be read.
	hidden := func(pointer string) bool {
		for {
			end := strings.LastIndexByte(pointer, '/')
			if end < 0 {
				return false
			}
			pointer = pointer[:end]
			if i, faulty := known[pointer]; faulty && (faults[i].wrongType || faults[i].missing) {
				return true
			}
		}
	}
	inSpecification := len(faults)
	for _, found := range c.kitchenFaults(operation, object) {
		i, same := known[found.Pointer]
		switch {
		case !same && found.Pointer == "" && inSpecification > 0:
			// The kitchen has not seen all of the body.
		case !same && !hidden(found.Pointer):
			faults = append(faults, fault{path: pathOf(found.Pointer), detail: found.Detail})
		case !same || faults[i].wrongType:
		case faults[i].missing:
			faults[i].detail = "missing: " + strings.TrimPrefix(found.Detail, "missing: ")
		default:
			faults[i].detail = found.Detail
		}
	}
	return faults
}

// kitchenFaults is what the kitchen has to say about a body.
func (c *contract) kitchenFaults(operation string, object map[string]any) []kitchen.FieldError {
	switch operation {
	case "createOrder":
		return c.kitchen.CheckOrder(readAs[kitchen.Order](object))
	case "cancelOrder":
		return readAs[kitchen.Cancellation](object).Check()
	case "amendOrder":
		// How many lines this order has its workflow knows.
		return readAs[kitchen.Amendment](object).Check(c.kitchen.Limits, c.kitchen.Limits.Lines)
	case "resolveOrder":
		return readAs[kitchen.Resolution](object).Check()
	case "ackTicket":
		return readAs[kitchen.Ack](object).CheckRemarks()
	}
	return nil
}

// readAs reads as much of an object as fits. What does not fit has been
// reported and is left out, except numbers beyond every limit: they stay zero,
// which is reported as well where it is a fault.
func readAs[T any](object map[string]any) T {
	var value T
	if data, err := json.Marshal(object); err == nil {
		_ = json.Unmarshal(data, &value)
	}
	return value
}

// readable is a value without what cannot stand in its field. The value itself
// is not changed.
func readable(value any, faults []fault) any {
	if !slices.ContainsFunc(faults, func(f fault) bool { return f.wrongType }) {
		return value
	}
	value = cloneValue(value)
	for _, f := range faults {
		if f.wrongType {
			value = remove(value, f.path)
		}
	}
	return value
}

func cloneValue(value any) any {
	switch value := value.(type) {
	case map[string]any:
		clone := make(map[string]any, len(value))
		for name, element := range value {
			clone[name] = cloneValue(element)
		}
		return clone
	case []any:
		clone := make([]any, len(value))
		for i, element := range value {
			clone[i] = cloneValue(element)
		}
		return clone
	}
	return value
}

// remove takes the place at path out of value.
func remove(value any, path []string) any {
	if len(path) == 0 {
		return nil
	}
	switch value := value.(type) {
	case map[string]any:
		element, there := value[path[0]]
		if !there {
			break
		}
		if element = remove(element, path[1:]); element == nil {
			delete(value, path[0])
		}
	case []any:
		// The element stays, as null, so that the others keep their places.
		if i, err := strconv.Atoi(path[0]); err == nil && i < len(value) {
			value[i] = remove(value[i], path[1:])
		}
	}
	return value
}

var pointerUnescapes = strings.NewReplacer("~1", "/", "~0", "~")

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

// checkSchema returns the faults of a value, each place once: all of them, or a
// few more than are told.
func checkSchema(schema *openapi3.Schema, value any) []fault {
	var faults []fault
	told := map[string]bool{} // by pointer
	add := func(f fault) {
		if pointer := f.pointer(); !told[pointer] {
			told[pointer] = true
			faults = append(faults, f)
		}
	}
	// An object with unknown fields comes once for each of them.
	listed := map[string]bool{} // by pointer
	isListed := func(err *openapi3.SchemaError) bool {
		if err.SchemaField != "properties" {
			return false
		}
		object := pointerTo(err.JSONPointer())
		before := listed[object]
		listed[object] = true
		return before
	}
	var visit func(err error)
	visit = func(err error) {
		if len(faults) > maxFaults {
			return
		}
		switch err := err.(type) {
		case nil:
		case openapi3.MultiError:
			for _, each := range err {
				visit(each)
			}
		case *openapi3.SchemaError:
			if isListed(err) {
				return
			}
			for _, f := range explain(err) {
				add(f)
			}
		default:
			add(fault{detail: "does not keep the specification: see /openapi.yaml"})
		}
	}
	visit(schema.VisitJSON(value, openapi3.MultiErrors(), openapi3.VisitAsRequest()))
	return faults
}

// explain puts a fault that the specification's checker found into words that
// name the remedy.
func explain(err *openapi3.SchemaError) []fault {
	schema := err.Schema
	f := fault{path: err.JSONPointer()}
	switch err.SchemaField {
	case "type", "nullable":
		f.wrongType = true
		f.detail = fmt.Sprintf("must be %s, not %s", typeWords(schema), valueWords(err.Value))
	case "required":
		name := f.path[len(f.path)-1]
		f.missing = true
		f.detail = "missing: give " + typeWords(schema.Properties[name].Value)
	case "properties":
		object, _ := err.Value.(map[string]any)
		known := map[string]bool{}
		for name := range schema.Properties {
			known[name] = true
		}
		var faults []fault
		remedy := "unknown field: leave it out; " + knownNames(known)
		for _, name := range slices.Sorted(maps.Keys(object)) {
			if !known[name] && len(faults) <= maxFaults {
				faults = append(faults, fault{path: append(slices.Clone(f.path), name), detail: remedy})
			}
		}
		return faults
	case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum":
		f.detail = "must be" + strings.TrimPrefix(rangeWords(schema), ",")
	case "minLength", "maxLength":
		text, _ := err.Value.(string)
		f.detail = fmt.Sprintf("must have %s characters, it has %d", between(schema.MinLength, schema.MaxLength), utf8.RuneCountInString(text))
	case "minItems", "maxItems":
		array, _ := err.Value.([]any)
		f.detail = fmt.Sprintf("must have %s entries, it has %d", between(schema.MinItems, schema.MaxItems), len(array))
	case "enum":
		values := make([]string, len(schema.Enum))
		for i, value := range schema.Enum {
			values[i] = fmt.Sprint(value)
		}
		f.detail = "unknown value: use " + alternatives(values)
	case "uniqueItems":
		array, _ := err.Value.([]any)
		if faults := repeated(f.path, array); len(faults) > 0 {
			return faults
		}
		f.detail = "must not have the same entry twice: leave one of them out"
	case "minProperties":
		f.detail = "must have at least one of its fields" // no schema asks for more
	case "pattern":
		f.form = true
		f.detail = "not of the right form: see /openapi.yaml"
		if isTextPattern(schema.Pattern) {
			f.detail = "is blank or has a character that is not taken: see Texts in /openapi.yaml"
		} else if schema.Description != "" {
			f.detail = "must be " + lowerFirst(schema.Description)
		}
	default:
		f.detail = "does not keep the specification's " + err.SchemaField + ": see /openapi.yaml"
	}
	return []fault{f}
}

// isTextPattern reports whether a pattern names characters that are refused,
// and so says nothing of what the text means.
func isTextPattern(pattern string) bool {
	return strings.HasPrefix(pattern, "^[^") || strings.HasPrefix(pattern, "^([^")
}

// repeated are the texts of a list that stand in it already.
func repeated(path []string, array []any) []fault {
	var faults []fault
	seen := map[string]bool{}
	for i, element := range array {
		text, isText := element.(string)
		if isText && seen[text] && len(faults) <= maxFaults {
			faults = append(faults, fault{path: append(slices.Clone(path), strconv.Itoa(i)), detail: fmt.Sprintf("%q is in the list already: leave one of them out", clip(text))})
		}
		seen[text] = seen[text] || isText
	}
	return faults
}

func typeWords(schema *openapi3.Schema) string {
	switch {
	case schema.Type.Is(openapi3.TypeInteger):
		return "a whole number"
	case schema.Type.Is(openapi3.TypeString):
		return "a text"
	case schema.Type.Is(openapi3.TypeArray):
		return "a list"
	case schema.Type.Is(openapi3.TypeObject):
		return "an object"
	case schema.Type.Is(openapi3.TypeBoolean):
		return "true or false"
	}
	return "a value"
}

func valueWords(value any) string {
	switch value := value.(type) {
	case nil:
		return "null"
	case string:
		return "a text"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	case bool:
		return strconv.FormatBool(value)
	}
	return "another number"
}

func rangeWords(schema *openapi3.Schema) string {
	switch {
	case schema.Min != nil && schema.Max != nil:
		return fmt.Sprintf(" from %g to %g", *schema.Min, *schema.Max)
	case schema.Min != nil:
		return fmt.Sprintf(" of at least %g", *schema.Min)
	case schema.Max != nil:
		return fmt.Sprintf(" of at most %g", *schema.Max)
	}
	return ""
}

func between(least uint64, most *uint64) string {
	switch {
	case most == nil:
		return fmt.Sprintf("at least %d", least)
	case least == 0:
		return fmt.Sprintf("at most %d", *most)
	}
	return fmt.Sprintf("%d to %d", least, *most)
}

// list writes names as a sentence does, sorted.
func list(names map[string]bool) string {
	sorted := make([]string, 0, len(names))
	for name := range names {
		sorted = append(sorted, name)
	}
	slices.Sort(sorted)
	return enumerate(sorted, "and")
}

func alternatives(values []string) string { return enumerate(values, "or") }

func enumerate(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " " + last + " " + words[len(words)-1]
}

func lowerFirst(sentence string) string {
	_, size := utf8.DecodeRuneInString(sentence)
	return strings.ToLower(sentence[:size]) + strings.TrimSuffix(sentence[size:], ".")
}

// clip shortens what a client sent before it is repeated.
func clip(text string) string {
	const most = 60
	seen := 0
	for i := range text {
		if seen == most {
			return strings.ToValidUTF8(text[:i], "\uFFFD") + "…"
		}
		seen++
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
