package deadletter

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// The contract's own test, beside it in events, holds the rest.
func TestAsyncAPIHasTheMarksAndTheHeadersOfARedrive(t *testing.T) {
	t.Parallel()
	var contract struct {
		Components struct {
			Messages map[string]struct{ Name string }
			Schemas  map[string]struct {
				Required   []string
				Properties map[string]struct {
					MaxLength int `yaml:"maxLength"`
				}
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(events.AsyncAPI, &contract))
	schema := contract.Components.Schemas["letterMark"]
	var always, all []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[mark]()) {
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		all = append(all, name)
		if options == "" {
			always = append(always, name)
		}
	}
	assert.ElementsMatch(t, all, slices.Collect(maps.Keys(schema.Properties)))
	assert.ElementsMatch(t, always, schema.Required)
	assert.Equal(t, kitchen.MaxByLength, schema.Properties["by"].MaxLength)
	assert.Equal(t, kitchen.MaxAckNoteLength, schema.Properties["note"].MaxLength)
	for message, eventType := range map[string]string{"letterRedriving": TypeRedriving, "letterRedriven": TypeRedriven, "letterDiscarded": TypeDiscarded} {
		assert.Equal(t, eventType, contract.Components.Messages[message].Name)
	}
	for _, name := range []string{HeaderRedriveCount, HeaderRedriveLetter} {
		assert.Contains(t, contract.Components.Schemas["optionalEnvelope"].Properties, name)
	}
}
