package api

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/cupcakery/cupcakery/kitchen"
)

// checkSchema returns the faults of a value, one for each place: all of them,
// or maxFaults and one more.
func checkSchema(schema *openapi3.Schema, value any) []fault {
	checker := schemaChecker{faulty: map[string]bool{}, unknownListed: map[string]bool{}}
	checker.add(schema.VisitJSON(value, openapi3.MultiErrors(), openapi3.VisitAsRequest()))
	return checker.faults
}

// schemaChecker collects what the specification's checker finds.
type schemaChecker struct {
	faults []fault
	faulty map[string]bool // places with a fault, by pointer
	// unknownListed are the objects whose unknown fields are among the faults,
	// by pointer: the specification's checker reports such an object once for
	// each field.
	unknownListed map[string]bool
}

func (c *schemaChecker) add(err error) {
	if len(c.faults) > maxFaults {
		return
	}
	switch err := err.(type) {
	case nil:
	case openapi3.MultiError:
		for _, each := range err {
			c.add(each)
		}
	case *openapi3.SchemaError:
		if err.SchemaField == "properties" {
			object := pointerTo(err.JSONPointer())
			if c.unknownListed[object] {
				return
			}
			c.unknownListed[object] = true
		}
		for _, f := range explain(err) {
			c.addFault(f)
		}
	default:
		c.addFault(fault{detail: "does not keep the specification: see /openapi.yaml"})
	}
}

func (c *schemaChecker) addFault(f fault) {
	if pointer := f.pointer(); !c.faulty[pointer] {
		c.faulty[pointer] = true
		c.faults = append(c.faults, f)
	}
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
		return unknownFields(f.path, object, schema.Properties)
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
		if faults := duplicates(f.path, array); len(faults) > 0 {
			return faults
		}
		f.detail = "must not have the same entry twice: leave one of them out"
	case "minProperties":
		f.detail = "must have at least one of its fields" // no schema asks for more
	case "pattern":
		f.badForm = true
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

// unknownFields reports the fields of an object that the specification does not
// have.
func unknownFields(path []string, object map[string]any, properties openapi3.Schemas) []fault {
	var faults []fault
	remedy := "unknown field: leave it out; " + knownNames(slices.Collect(maps.Keys(properties)))
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if _, known := properties[name]; !known && len(faults) <= maxFaults {
			faults = append(faults, fault{path: append(slices.Clone(path), name), detail: remedy})
		}
	}
	return faults
}

// isTextPattern reports whether a pattern only lists characters that are
// refused, and so tells nothing of what the text means.
func isTextPattern(pattern string) bool {
	return strings.HasPrefix(pattern, "^[^") || strings.HasPrefix(pattern, "^([^")
}

// duplicates reports each text of a list that stands in it already.
func duplicates(path []string, array []any) []fault {
	var faults []fault
	seen := map[string]bool{}
	for i, element := range array {
		text, isText := element.(string)
		if isText && seen[text] && len(faults) <= maxFaults {
			faults = append(faults, fault{path: append(slices.Clone(path), strconv.Itoa(i)), detail: fmt.Sprintf("%q is in the list already: leave one of them out", kitchen.Excerpt(text))})
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
