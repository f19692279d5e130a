package events

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/cupcakery/cupcakery/internal/tracing"
	"github.com/cupcakery/cupcakery/kitchen"
)

// node is a piece of the document.
type node = map[string]any

type document struct {
	*testing.T
	root node
}

func readAsyncAPI(t *testing.T) document {
	t.Helper()
	var root node
	require.NoError(t, yaml.Unmarshal(AsyncAPI, &root))
	return document{t, root}
}

// at follows a path of keys, and references on the way.
func (d document) at(path ...string) node {
	d.Helper()
	current := d.root
	for _, key := range path {
		next, ok := d.resolve(current)[key].(node)
		require.True(d, ok, "%s is missing", strings.Join(path, "/"))
		current = next
	}
	return d.resolve(current)
}

func (d document) resolve(n node) node {
	d.Helper()
	if ref, ok := n["$ref"].(string); ok {
		return d.at(strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	}
	return n
}

func TestAsyncAPIReferencesResolve(t *testing.T) {
	d := readAsyncAPI(t)
	var walk func(any)
	walk = func(value any) {
		switch value := value.(type) {
		case node:
			d.resolve(value)
			for _, child := range value {
				walk(child)
			}
		case []any:
			for _, child := range value {
				walk(child)
			}
		}
	}
	walk(d.root)
}

func TestAsyncAPIDescribesEveryTopic(t *testing.T) {
	d := readAsyncAPI(t)
	assert.ElementsMatch(t, Topics(), slices.Collect(maps.Keys(d.at("channels"))))
	for _, topic := range Topics() {
		assert.Equal(t, topic, d.at("channels", topic)["address"])
	}
	for _, stage := range kitchen.Stages() {
		assert.Contains(t, d.at("channels", TicketTopic(stage))["description"], "`"+TicketGroup(stage)+"`")
	}
	assert.Contains(t, d.at("channels", TopicAcks)["description"], "`"+GroupAcks+"`")
	used := map[string]bool{}
	for name := range d.at("operations") {
		used[d.at("operations", name, "channel")["address"].(string)] = true
	}
	assert.Len(t, used, len(Topics()), "each topic has an operation")
}

func TestAsyncAPIPayloadsAreWhatWeWrite(t *testing.T) {
	d := readAsyncAPI(t)
	for schema, value := range map[string]any{
		"ticket": kitchen.Ticket{}, "ack": kitchen.Ack{}, "shipped": kitchen.Shipped{}, "failed": kitchen.Failed{},
		"leftover": kitchen.Leftover{}, "line": kitchen.Line{}, "flag": kitchen.Flag{},
	} {
		var always, all []string
		kind := reflect.TypeOf(value)
		for i := range kind.NumField() {
			if !kind.Field(i).IsExported() {
				continue // never written
			}
			name, options, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
			if name == "-" {
				continue // the key has it
			}
			all = append(all, name)
			if options == "" {
				always = append(always, name)
			}
		}
		described := d.at("components", "schemas", schema)
		assert.ElementsMatch(t, all, slices.Collect(maps.Keys(d.at("components", "schemas", schema, "properties"))), schema)
		if schema == "ack" {
			always = slices.DeleteFunc(always, func(name string) bool { return name == "at" }) // read leniently
		}
		assert.ElementsMatch(t, always, described["required"], schema)
	}
	enum := func(schema, property string) any {
		return d.at("components", "schemas", schema, "properties", property)["enum"]
	}
	assert.ElementsMatch(t, []any{"started", "released", "done", "failed", "undone", "refused"}, enum("ack", "kind"))
	assert.ElementsMatch(t, []any{"make", "undo"}, enum("ticket", "kind"))
	assert.ElementsMatch(t, texts(kitchen.Sizes()), enum("line", "size"))
	assert.Equal(t, texts(kitchen.Stages()), d.at("components", "schemas", "stage")["enum"])
	assert.EqualValues(t, kitchen.MaxByLength, d.at("components", "schemas", "ack", "properties", "by")["maxLength"])
	assert.EqualValues(t, kitchen.MaxReasonLength, d.at("components", "schemas", "ack", "properties", "reason")["maxLength"])
	assert.EqualValues(t, kitchen.MaxAckNoteLength, d.at("components", "schemas", "ack", "properties", "note")["maxLength"])
	assert.EqualValues(t, kitchen.MaxScrapped, d.at("components", "schemas", "ack", "properties", "scrapped")["maximum"])
	assert.EqualValues(t, kitchen.MaxByLength, d.at("components", "schemas", "flag", "properties", "by")["maxLength"])
	assert.EqualValues(t, kitchen.MaxFlagReason, d.at("components", "schemas", "flag", "properties", "reason")["maxLength"])
}

func TestAsyncAPIHasTheLimitsOfTickets(t *testing.T) {
	d := readAsyncAPI(t)
	hard := kitchen.HardLimits()
	ticket, line := d.at("components", "schemas", "ticket", "properties"), d.at("components", "schemas", "line", "properties")
	limit := func(properties node, field, limit string) any { return properties[field].(node)[limit] }
	assert.EqualValues(t, kitchen.MaxPass, limit(ticket, "pass", "maximum"))
	assert.EqualValues(t, kitchen.MaxAttempt, limit(ticket, "attempt", "maximum"))
	assert.EqualValues(t, kitchen.MaxAttempt, d.at("components", "schemas", "ack", "properties", "attempt")["maximum"])
	assert.EqualValues(t, hard.Lines, limit(ticket, "lines", "maxItems"))
	assert.EqualValues(t, hard.NotesLength, limit(ticket, "notes", "maxLength"))
	assert.EqualValues(t, hard.Allergies, limit(ticket, "allergies", "maxItems"))
	assert.EqualValues(t, hard.AllergyLength, ticket["allergies"].(node)["items"].(node)["maxLength"])
	assert.EqualValues(t, hard.NameLength, ticket["customer"].(node)["properties"].(node)["name"].(node)["maxLength"])
	assert.EqualValues(t, hard.Quantity, limit(line, "quantity", "maximum"))
	assert.EqualValues(t, hard.MessageLength, limit(line, "message", "maxLength"))
	assert.EqualValues(t, hard.Lines*hard.Quantity, kitchen.MaxScrapped)
}

func texts[T ~string](values []T) []any {
	var texts []any
	for _, value := range values {
		texts = append(texts, string(value))
	}
	return texts
}

func TestAsyncAPIHeadersAreWhatWeWrite(t *testing.T) {
	d := readAsyncAPI(t)
	message, err := ackMessage("/bob", kitchen.Ack{TicketID: testTicket, OrderID: testOrder, At: time.Now()})
	require.NoError(t, err)
	properties := d.at("components", "schemas", "optionalEnvelope", "properties")
	for _, header := range message.Headers {
		assert.Contains(t, properties, header.Key)
	}
	for _, name := range tracing.Context.Fields() {
		assert.Contains(t, properties, name)
	}
	letterHeaders := slices.Collect(maps.Keys(d.at("components", "schemas", "deadLetterHeaders", "properties")))
	assert.ElementsMatch(t, []string{HeaderDeadTopic, HeaderDeadPartition, HeaderDeadOffset, HeaderDeadReason, HeaderDeadTime, HeaderDeadSize}, letterHeaders)
	for message, eventType := range map[string]string{
		"ticket": TypeTicket, "ack": TypeAck, "shipped": TypeShipped, "failed": TypeFailed, "status": TypeStatus, "flag": TypeFlag,
	} {
		assert.Equal(t, eventType, d.at("components", "messages", message)["name"])
	}
	assert.Contains(t, d.at("components", "messages", "ack")["description"], fmt.Sprintf("%d,%03d bytes", MaxMessageBytes/1000, MaxMessageBytes%1000))
}

func TestAsyncAPIExamplesAreGood(t *testing.T) {
	d := readAsyncAPI(t)
	seen, kinds := 0, map[any]bool{}
	for name, decode := range map[string]func(Message) error{
		"ticket": func(m Message) error { _, err := DecodeTicket(m); return err },
		"status": func(m Message) error { _, err := DecodeStatus(m); return err },
		"flag": func(m Message) error {
			subject, _ := m.Header("ce_subject")
			m.Key = []byte(subject)
			_, flag, err := DecodeFlag(m)
			assert.NotNil(t, flag)
			return err
		},
		"ack": func(m Message) error {
			ack, err := DecodeAck(m)
			kinds[string(ack.Kind)] = true
			return err
		},
	} {
		for _, example := range d.at("components", "messages", name)["examples"].([]any) {
			value, err := json.Marshal(example.(node)["payload"])
			require.NoError(t, err)
			message := Message{Value: value, Time: time.Now()}
			headers, _ := example.(node)["headers"].(node)
			for key, value := range headers {
				message.Headers = append(message.Headers, Header{key, []byte(fmt.Sprint(value))})
			}
			assert.NoError(t, decode(message), "%s example %v", name, example.(node)["name"])
			seen++
		}
	}
	assert.Equal(t, 12, seen)
	for _, kind := range d.at("components", "schemas", "ack", "properties", "kind")["enum"].([]any) {
		assert.True(t, kinds[kind], "an ack that is %s has an example", kind)
	}
}
