package api

import (
	"cmp"
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

// checkParameters checks the query, the path and the headers.
func checkParameters(operation *openapi3.Operation, g *gin.Context) []wire.FieldError {
	query, err := url.ParseQuery(g.Request.URL.RawQuery)
	if err != nil {
		return []wire.FieldError{{Parameter: "?", Detail: "the query is malformed: write name=value&name=value with percent-encoding"}}
	}
	var faults []wire.FieldError
	var known []string
	for _, ref := range operation.Parameters {
		parameter := ref.Value
		var given []string
		fault := wire.FieldError{Parameter: parameter.Name}
		switch parameter.In {
		case openapi3.ParameterInQuery:
			known = append(known, parameter.Name)
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
		if !slices.Contains(known, name) {
			unknown = append(unknown, wire.FieldError{Parameter: kitchen.Excerpt(name), Detail: remedy})
		}
	}
	slices.SortFunc(unknown, func(a, b wire.FieldError) int { return cmp.Compare(a.Parameter, b.Parameter) })
	return append(faults, unknown...)
}

// checkParameter returns what is wrong with a parameter's values, or "".
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
	if faults[0].badForm && parameter.Description != "" {
		return "must be " + lowerFirst(parameter.Description)
	}
	return faults[0].detail
}

// knownNames lists the names that are known where an unknown one was given.
func knownNames(names []string) string {
	if len(names) == 0 {
		return "none is known here"
	}
	slices.Sort(names)
	return "known here are " + enumerate(names, "and")
}
