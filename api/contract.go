package api

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// OpenAPI is the specification of the API, as served under /openapi.yaml.
//
//go:embed openapi.yaml
var OpenAPI []byte

// contract checks requests against the specification and the kitchen file. It
// reports all faults of a request at once, in words that name the remedy.
//
// Parameters are checked in parameters.go. A body is read in body.go, and
// checked against the specification in schema.go and against the kitchen file in
// body_check.go.
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
	// Each step is short. If the client has left, the next one is not worth it.
	if err := clientError(g); err != nil {
		return err
	}
	value, err := readJSON(data)
	if err != nil {
		return err
	}
	faults := checkSchema(operation.RequestBody.Value.Content.Get("application/json").Schema.Value, value)
	if err := clientError(g); err != nil {
		return err
	}
	if faults := c.checkBody(operation.OperationID, value, faults); len(faults) > 0 {
		slices.SortStableFunc(faults, func(a, b fault) int { return comparePaths(a.path, b.path) })
		return fieldsProblem(invalidBody(operation.OperationID), fieldErrors(faults))
	}
	canonical, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("write the checked body: %w", err)
	}
	g.Request.Body = io.NopCloser(bytes.NewReader(canonical))
	g.Request.ContentLength = int64(len(canonical))
	return nil
}

// clientError is an error if nobody waits for the answer any more.
func clientError(g *gin.Context) error {
	if err := g.Request.Context().Err(); err != nil {
		return fmt.Errorf("check a request that nobody waits for any more: %w", err)
	}
	return nil
}

// invalidBody is the type of the problem when an operation's body has faults.
func invalidBody(operation string) wire.ProblemType {
	switch operation {
	case "createOrder":
		return wire.ProblemInvalidOrder
	case "signIn":
		return wire.ProblemInvalidSignIn
	case "ackTicket":
		return wire.ProblemInvalidAck
	}
	return wire.ProblemInvalidUpdate
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

// ofKitchen are faults that the kitchen has found, as the API writes them.
func ofKitchen(faults []kitchen.FieldError) []wire.FieldError {
	fields := make([]wire.FieldError, len(faults))
	for i, fault := range faults {
		fields[i] = wire.FieldError{Pointer: new(fault.Pointer), Detail: fault.Detail}
	}
	return fields
}

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
