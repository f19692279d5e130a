package api

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func loadSpec(t *testing.T) *openapi3.T {
	t.Helper()
	document, err := openapi3.NewLoader().LoadFromData(OpenAPI)
	require.NoError(t, err)
	require.NoError(t, document.Validate(t.Context(), openapi3.EnableExamplesValidation()))
	return document
}

func TestEveryExampleKeepsItsSchema(t *testing.T) {
	t.Parallel()
	document := loadSpec(t) // validates the examples
	// The default kitchen accepts the example order.
	content := document.Paths.Find("/api/v1/orders").Post.RequestBody.Value.Content.Get("application/json")
	contract, err := newContract(kitchen.Default())
	require.NoError(t, err)
	require.Empty(t, contract.checkBody("createOrder", content.Example, checkSchema(content.Schema.Value, content.Example)))
}

func TestSpecificationAndKitchenHaveTheSameFields(t *testing.T) {
	t.Parallel()
	schemas := loadSpec(t).Components.Schemas
	for name, value := range map[string]any{
		"Customer": kitchen.Customer{}, "Line": kitchen.Line{}, "Order": kitchen.Order{}, "StageStatus": kitchen.StageStatus{},
		"UndoStatus": kitchen.UndoStatus{}, "Attention": kitchen.Attention{}, "Decision": kitchen.Decision{}, "Cancellation": kitchen.Cancellation{}, "Amendment": kitchen.Amendment{},
		"LineMessage": kitchen.LineMessage{}, "Resolution": kitchen.Resolution{}, "OrderStatus": kitchen.Status{}, "Flavour": kitchen.Flavour{}, "SizeOnSale": kitchen.SizeOnSale{}, "Limits": kitchen.Limits{}, "BoxCount": kitchen.BoxCount{},
		"Menu": wire.Menu{}, "OrderSummary": wire.OrderSummary{}, "OrderPage": wire.OrderPage{}, "Problem": wire.Problem{}, "FieldError": wire.FieldError{},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			schema := schemas[name].Value
			var fields, required []string
			for field := range reflect.TypeOf(value).Fields() {
				tag, options, _ := strings.Cut(field.Tag.Get("json"), ",")
				if tag == "by" && (name == "Cancellation" || name == "Resolution") {
					continue // nobody can say in whose name they ask: the session does
				}
				fields = append(fields, tag)
				if options == "" {
					required = append(required, tag)
				}
				property := schema.Properties[tag]
				require.NotNil(t, property, "%s has no %s", name, tag)
				require.True(t, property.Value.Type == nil || property.Value.Type.Is(jsonType(field.Type)), "%s.%s is %v", name, tag, property.Value.Type)
			}
			require.Len(t, schema.Properties, len(fields))
			require.ElementsMatch(t, required, schema.Required)
		})
	}
}

func jsonType(t reflect.Type) string {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int64:
		return openapi3.TypeInteger
	case reflect.Bool:
		return openapi3.TypeBoolean
	case reflect.Slice:
		return openapi3.TypeArray
	case reflect.Struct:
		if t.String() == "time.Time" {
			return openapi3.TypeString
		}
		return openapi3.TypeObject
	}
	return openapi3.TypeString
}

func TestSpecificationAndKitchenHaveTheSameValues(t *testing.T) {
	t.Parallel()
	schemas := loadSpec(t).Components.Schemas
	requireEnum(t, schemas["Stage"].Value, kitchen.Stages())
	requireEnum(t, schemas["Size"].Value, kitchen.Sizes())
	requireEnum(t, schemas["OrderState"].Value, []kitchen.OrderState{kitchen.StateAccepted, kitchen.StateScheduled, kitchen.StateInProgress, kitchen.StateNeedsAttention, kitchen.StateCancelling, kitchen.StateCancelled, kitchen.StateShipped})
	requireEnum(t, schemas["ListedState"].Value, []kitchen.OrderState{kitchen.StateScheduled, kitchen.StateInProgress, kitchen.StateNeedsAttention, kitchen.StateCancelling, kitchen.StateCancelled, kitchen.StateShipped})
	requireEnum(t, schemas["TicketState"].Value, []kitchen.TicketState{kitchen.TicketWaiting, kitchen.TicketStarted, kitchen.TicketDone, kitchen.TicketFailed, kitchen.TicketUndone})
	requireEnum(t, schemas["Choice"].Value, kitchen.Choices())
	var types []wire.ProblemType
	for _, kind := range problemKinds {
		types = append(types, kind.Type)
	}
	requireEnum(t, schemas["Problem"].Value.Properties["type"].Value, types)
}

func requireEnum[T ~string](t *testing.T, schema *openapi3.Schema, values []T) {
	t.Helper()
	var texts []any
	for _, value := range values {
		texts = append(texts, string(value))
	}
	require.Equal(t, texts, schema.Enum)
}

func TestSpecificationAndKitchenHaveTheSameLimits(t *testing.T) {
	t.Parallel()
	schemas := loadSpec(t).Components.Schemas
	order, orderLine, customer := schemas["Order"].Value.Properties, schemas["Line"].Value.Properties, schemas["Customer"].Value.Properties
	require.Equal(t, kitchen.HardLimits(), kitchen.Limits{
		NameLength:    int(*customer["name"].Value.MaxLength),
		Lines:         int(*order["lines"].Value.MaxItems),
		Quantity:      int(*orderLine["quantity"].Value.Max),
		MessageLength: int(*orderLine["message"].Value.MaxLength),
		NotesLength:   int(*order["notes"].Value.MaxLength),
		Allergies:     int(*order["allergies"].Value.MaxItems),
		AllergyLength: int(*order["allergies"].Value.Items.Value.MaxLength),
	})
	amendment, message := schemas["Amendment"].Value.Properties, schemas["LineMessage"].Value.Properties
	require.Equal(t, kitchen.HardLimits().NotesLength, int(*amendment["notes"].Value.MaxLength))
	require.Equal(t, kitchen.HardLimits().Lines, int(*amendment["messages"].Value.MaxItems))
	require.Equal(t, kitchen.MaxPhoneLength, int(*amendment["phone"].Value.MaxLength))
	require.Equal(t, kitchen.HardLimits().Lines, int(*message["line"].Value.Max)+1)
	require.Equal(t, kitchen.HardLimits().MessageLength, int(*message["message"].Value.MaxLength))
	require.Equal(t, kitchen.MaxDecisionLength, int(*schemas["Cancellation"].Value.Properties["reason"].Value.MaxLength))
	require.Equal(t, kitchen.MaxDecisionLength, int(*schemas["Resolution"].Value.Properties["note"].Value.MaxLength))
}

func TestSpecificationAndKitchenAgreeOnOrderIDs(t *testing.T) {
	t.Parallel()
	schema := loadSpec(t).Components.Schemas["OrderID"].Value
	fresh, err := kitchen.NewOrderID()
	require.NoError(t, err)
	for _, id := range []string{fresh, kitchen.OrderIDFromKey(testSecret, "key"), strings.ToUpper(fresh), fresh[1:], fresh + "0", "{" + fresh + "}",
		"urn:uuid:" + fresh, strings.ReplaceAll(fresh, "-", ""), " " + fresh, fresh + "\n", ""} {
		require.Equal(t, kitchen.CheckOrderID(id) == nil, schema.VisitJSON(id) == nil, "%q", id)
	}
}

func TestEveryOperationIsServedAndEveryRouteIsSpecified(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, nil)
	var routes, operations []string
	for _, route := range server.routes().Routes() {
		if slices.Contains(pageRoutes, route.Path) || slices.Contains(fileRoutes, route.Path) || route.Path == qrRoute {
			continue // for browsers, not for programs
		}
		routes = append(routes, route.Method+" "+route.Path)
	}
	for operation := range server.contract.operations {
		operations = append(operations, operation)
	}
	slices.Sort(routes)
	slices.Sort(operations)
	require.Equal(t, operations, routes)
}

func TestTheContractsAreServedAsTheyAre(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, nil)
	for target, want := range map[string][]byte{"/openapi.yaml": OpenAPI, "/asyncapi.yaml": events.AsyncAPI} {
		recorder := do(t, server, newRequest(http.MethodGet, target, nil))
		require.Equal(t, http.StatusOK, recorder.Code)
		require.Equal(t, "application/yaml", recorder.Header().Get("Content-Type"))
		require.Equal(t, string(want), recorder.Body.String())
	}
	index := do(t, server, newRequest(http.MethodGet, "/", nil)).Body.String()
	for path := range loadSpec(t).Paths.Map() {
		if path != "/" && !strings.HasPrefix(path, problemPrefix) {
			require.Contains(t, index, path)
		}
	}
}

// TestGeneratedCodeIsUpToDate generates the code again in another folder and
// compares.
func TestGeneratedCodeIsUpToDate(t *testing.T) {
	t.Parallel()
	said, err := exec.Command("go", "tool", "-modfile=../tools/go.mod", "-n", "oapi-codegen").Output()
	require.NoError(t, err)
	generator := strings.TrimSpace(string(said))
	elsewhere := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(elsewhere, "client"), 0o755))
	for _, file := range []string{"openapi.yaml", "overlay.yaml", "server.cfg.yaml", "client/client.cfg.yaml"} {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(elsewhere, file), data, 0o644))
	}
	for config, output := range map[string]string{"server.cfg.yaml": "server.gen.go", "client/client.cfg.yaml": "client/client.gen.go"} {
		generate := exec.Command(generator, "-config", config, "openapi.yaml")
		generate.Dir = elsewhere
		said, err := generate.CombinedOutput()
		require.NoError(t, err, string(said))
		want, err := os.ReadFile(filepath.Join(elsewhere, output))
		require.NoError(t, err)
		have, err := os.ReadFile(output)
		require.NoError(t, err)
		require.True(t, string(want) == string(have), "%s is not what openapi.yaml says: run go generate ./api", output)
	}
}

func TestTheMenuKeepsTheSpecification(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, nil)
	recorder := do(t, server, newRequest(http.MethodGet, "/api/v1/menu", nil))
	require.Equal(t, http.StatusOK, recorder.Code)
	var menu any
	require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), &menu))
	require.NoError(t, loadSpec(t).Components.Schemas["Menu"].Value.VisitJSON(menu))
	require.Contains(t, recorder.Body.String(), `"code":"red-velvet"`)
}

func TestGinRunsWithoutDebugging(t *testing.T) {
	t.Parallel()
	newTestServer(t, untouchedTemporal{}, nil)
	require.Equal(t, gin.ReleaseMode, gin.Mode())
}

// The patterns of texts refuse the same characters as the kitchen, as far as a
// portable pattern can express that.
func TestSpecificationAndKitchenRefuseTheSameCharacters(t *testing.T) {
	t.Parallel()
	schemas := loadSpec(t).Components.Schemas
	order, hard := schemas["Order"].Value.Properties, kitchen.HardLimits()
	ack := func(note, reason string) error {
		if faults := (kitchen.Ack{Note: note, Reason: reason}).CheckRemarks(); len(faults) > 0 {
			return errors.New(faults[0].Detail)
		}
		return nil
	}
	for name, text := range map[string]struct {
		schema *openapi3.SchemaRef
		check  func(string) error
	}{
		"name":    {schemas["Customer"].Value.Properties["name"], hard.CheckName},
		"message": {schemas["Line"].Value.Properties["message"], hard.CheckMessage},
		"changed": {schemas["LineMessage"].Value.Properties["message"], hard.CheckMessage},
		"notes":   {order["notes"], hard.CheckNotes},
		"amended": {schemas["Amendment"].Value.Properties["notes"], hard.CheckNotes},
		"allergy": {order["allergies"].Value.Items, hard.CheckAllergy},
		"cancel": {schemas["Cancellation"].Value.Properties["reason"], func(s string) error {
			return firstFault(kitchen.Cancellation{Reason: s}.Check())
		}},
		"resolve": {schemas["Resolution"].Value.Properties["note"], func(s string) error {
			return firstFault(kitchen.Resolution{Choice: kitchen.ChoiceRetry, Note: s}.Check())
		}},
		"note":   {schemas["Ack"].Value.Properties["note"], func(s string) error { return ack(s, "") }},
		"reason": {schemas["Ack"].Value.Properties["reason"], func(s string) error { return ack("", s) }},
	} {
		pattern := regexp.MustCompile(regexp.MustCompile(`\\u([0-9A-F]{4})`).ReplaceAllString(text.schema.Value.Pattern, `\x{$1}`))
		for r := rune(0); r <= unicode.MaxRune; r++ {
			if r >= 0xD800 && r <= 0xDFFF {
				continue // half a character, which no text in UTF-8 has
			}
			if r > 0xFFFF {
				r = min(r+60, unicode.MaxRune) // one in 61 will do
			}
			for _, tried := range []string{string(r), "a" + string(r)} {
				taken, allowed := text.check(tried) == nil, pattern.MatchString(tried)
				if taken != allowed && (r <= 0xFFFF || !allowed) {
					t.Errorf("%s: the kitchen takes %q: %t, the specification: %t", name, tried, taken, allowed)
				}
			}
		}
		require.Equal(t, text.check("") == nil, text.schema.Value.VisitJSON("") == nil, name)
	}
}

func firstFault(faults []kitchen.FieldError) error {
	if len(faults) == 0 {
		return nil
	}
	return errors.New(faults[0].Detail)
}

func TestAHeadThatIsTooLargeIsAnsweredAsSpecified(t *testing.T) {
	t.Parallel()
	document := loadSpec(t)
	for path, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			if strings.HasPrefix(path, "/api/") {
				require.NotNil(t, operation.Responses.Value("431"), "%s %s", method, path)
			}
		}
	}
	server := newTestServer(t, untouchedTemporal{}, nil)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx, listener) }()
	defer func() {
		cancel()
		require.NoError(t, <-served)
	}()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+listener.Addr().String()+"/api/v1/menu", nil)
	require.NoError(t, err)
	request.Header.Set("X-Long", strings.Repeat("x", 2*maxHeader))
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, answer.Body.Close()) }()
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, answer.StatusCode)
	require.True(t, strings.HasPrefix(answer.Header.Get("Content-Type"), "text/plain"))
}
