package api

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

const goodOrder = `{"customer":{"name":"Ada"},"lines":[{"flavour":"red-velvet","size":"L","quantity":12}]}`

// line is goodOrder with another line.
func line(text string) string {
	return `{"customer":{"name":"Ada"},"lines":[` + text + `]}`
}

func TestBadOrdersAreRefusedAndStartNothing(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, nil)
	type places map[string]string // by pointer, a part of the detail
	for name, bad := range map[string]struct {
		body    string
		headers []string
		problem wire.ProblemType
		places  places
	}{
		"unknown flavour":    {body: line(`{"flavour":"read-velvet","size":"L","quantity":12}`), problem: wire.ProblemInvalidOrder, places: places{"/lines/0/flavour": `did you mean "red-velvet"`}},
		"unknown size":       {body: line(`{"flavour":"red-velvet","size":"XXL","quantity":12}`), problem: wire.ProblemInvalidOrder, places: places{"/lines/0/size": "S, M, L, XL"}},
		"unknown field":      {body: line(`{"flavour":"red-velvet","size":"L","quantity":12,"colour":"red"}`), problem: wire.ProblemInvalidOrder, places: places{"/lines/0/colour": "unknown field: leave it out; known here are flavour, message, quantity and size"}},
		"field in capitals":  {body: `{"Customer":{"name":"Ada"},"lines":[{"flavour":"red-velvet","size":"L","quantity":12}]}`, problem: wire.ProblemInvalidOrder, places: places{"/Customer": "unknown field", "/customer": "missing: give an object"}},
		"quantity 0":         {body: line(`{"flavour":"red-velvet","size":"L","quantity":0}`), problem: wire.ProblemInvalidOrder, places: places{"/lines/0/quantity": "from 1 to 500"}},
		"quantity -1":        {body: line(`{"flavour":"red-velvet","size":"L","quantity":-1}`), problem: wire.ProblemInvalidOrder, places: places{"/lines/0/quantity": "from 1 to 500"}},
		"quantity 1e9":       {body: line(`{"flavour":"red-velvet","size":"L","quantity":1e9}`), problem: wire.ProblemInvalidOrder, places: places{"/lines/0/quantity": "from 1 to 500"}},
		"quantity 1e400":     {body: line(`{"flavour":"red-velvet","size":"L","quantity":1e400}`), problem: wire.ProblemInvalidOrder, places: places{"/lines/0/quantity": "from 1 to 500"}},
		"quantity -1e400":    {body: line(`{"flavour":"red-velvet","size":"L","quantity":-1e400}`), problem: wire.ProblemInvalidOrder, places: places{"/lines/0/quantity": "from 1 to 500"}},
		"quantity 1.5":       {body: line(`{"flavour":"red-velvet","size":"L","quantity":1.5}`), problem: wire.ProblemInvalidOrder, places: places{"/lines/0/quantity": "must be a whole number, not another number"}},
		"quantity as text":   {body: line(`{"flavour":"red-velvet","size":"L","quantity":"12"}`), problem: wire.ProblemInvalidOrder, places: places{"/lines/0/quantity": "must be a whole number, not a text"}},
		"quantity null":      {body: line(`{"flavour":"red-velvet","size":"L","quantity":null}`), problem: wire.ProblemInvalidOrder, places: places{"/lines/0/quantity": "must be a whole number, not null"}},
		"quantity missing":   {body: line(`{"flavour":"red-velvet","size":"L"}`), problem: wire.ProblemInvalidOrder, places: places{"/lines/0/quantity": "missing: must be from 1 to 500"}},
		"message a list":     {body: line(`{"flavour":"red-velvet","size":"L","quantity":1,"message":["a"]}`), problem: wire.ProblemInvalidOrder, places: places{"/lines/0/message": "must be a text, not a list"}},
		"message too long":   {body: line(`{"flavour":"red-velvet","size":"L","quantity":1,"message":"` + strings.Repeat("é", 41) + `"}`), problem: wire.ProblemInvalidOrder, places: places{"/lines/0/message": "at most 40 characters, it has 41"}},
		"control character":  {body: line(`{"flavour":"red-velvet","size":"L","quantity":1,"message":"a\u0007"}`), problem: wire.ProblemInvalidOrder, places: places{"/lines/0/message": "control character"}},
		"half a surrogate":   {body: line(`{"flavour":"red-velvet","size":"L","quantity":1,"message":"\ud83d"}`), problem: wire.ProblemInvalidOrder, places: places{"/lines/0/message": "a character that was lost"}},
		"21 lines":           {body: line(strings.Repeat(`{"flavour":"red-velvet","size":"L","quantity":1},`, 20) + `{"flavour":"red-velvet","size":"L","quantity":1}`), problem: wire.ProblemInvalidOrder, places: places{"/lines": "from 1 to 20 lines, it has 21"}},
		"no lines":           {body: line(``), problem: wire.ProblemInvalidOrder, places: places{"/lines": "from 1 to 20 lines"}},
		"lines null":         {body: `{"customer":{"name":"Ada"},"lines":null}`, problem: wire.ProblemInvalidOrder, places: places{"/lines": "must be a list, not null"}},
		"line null":          {body: line(`null`), problem: wire.ProblemInvalidOrder, places: places{"/lines/0": "must be an object, not null"}},
		"customer a text":    {body: `{"customer":"Ada","lines":[{"flavour":"red-velvet","size":"L","quantity":12}]}`, problem: wire.ProblemInvalidOrder, places: places{"/customer": "must be an object, not a text"}},
		"name blank":         {body: `{"customer":{"name":"  "},"lines":[{"flavour":"red-velvet","size":"L","quantity":12}]}`, problem: wire.ProblemInvalidOrder, places: places{"/customer/name": "must not be blank"}},
		"name empty":         {body: `{"customer":{"name":""},"lines":[{"flavour":"red-velvet","size":"L","quantity":12}]}`, problem: wire.ProblemInvalidOrder, places: places{"/customer/name": "must not be blank"}},
		"notes too long":     {body: `{"customer":{"name":"Ada"},"notes":"` + strings.Repeat("n", 501) + `","lines":[{"flavour":"red-velvet","size":"L","quantity":12}]}`, problem: wire.ProblemInvalidOrder, places: places{"/notes": "at most 500 characters"}},
		"allergy twice":      {body: `{"customer":{"name":"Ada"},"allergies":["nuts","egg","nuts","Egg"],"lines":[{"flavour":"red-velvet","size":"L","quantity":12}]}`, problem: wire.ProblemInvalidOrder, places: places{"/allergyConfirmed": "Red velvet contains egg", "/allergies/2": `"nuts" is in the list already`, "/allergies/3": `"Egg" is in the list already`}},
		"allergy met":        {body: `{"customer":{"name":"Ada"},"allergies":["dairy"],"lines":[{"flavour":"red-velvet","size":"L","quantity":12}]}`, problem: wire.ProblemInvalidOrder, places: places{"/allergyConfirmed": "Red velvet contains milk, and the order names an allergy to it: send true once"}},
		"met, not confirmed": {body: `{"customer":{"name":"Ada"},"allergies":["dairy"],"allergyConfirmed":false,"lines":[{"flavour":"red-velvet","size":"L","quantity":12}]}`, problem: wire.ProblemInvalidOrder, places: places{"/allergyConfirmed": "Red velvet contains milk"}},
		"confirmed by text":  {body: `{"customer":{"name":"Ada"},"allergyConfirmed":"yes","lines":[{"flavour":"red-velvet","size":"L","quantity":12}]}`, problem: wire.ProblemInvalidOrder, places: places{"/allergyConfirmed": "not a text"}},
		"allergies alike":    {body: `{"customer":{"name":"Ada"},"allergies":[7,7],"lines":[{"flavour":"red-velvet","size":"L","quantity":12}]}`, problem: wire.ProblemInvalidOrder, places: places{"/allergies": "must not have the same entry twice", "/allergies/0": "must be a text", "/allergies/1": "must be a text"}},
		"allergy a number":   {body: `{"customer":{"name":"Ada"},"allergies":["nuts",7],"lines":[{"flavour":"red-velvet","size":"L","quantity":12}]}`, problem: wire.ProblemInvalidOrder, places: places{"/allergies/1": "must be a text, not another number"}},
		"a list":             {body: `[]`, problem: wire.ProblemInvalidOrder, places: places{"": "must be an object, not a list"}},
		"null":               {body: `null`, problem: wire.ProblemInvalidOrder, places: places{"": "must be an object, not null"}},
		"a number":           {body: `1e9`, problem: wire.ProblemInvalidOrder, places: places{"": "must be an object, not another number"}},
		"an empty object":    {body: `{}`, problem: wire.ProblemInvalidOrder, places: places{"/customer": "missing: give an object", "/lines": "missing: must have from 1 to 20 lines"}},
		"pointer is escaped": {body: `{"customer":{"name":"Ada"},"a/b~c":1,"lines":[{"flavour":"red-velvet","size":"L","quantity":12}]}`, problem: wire.ProblemInvalidOrder, places: places{"/a~1b~0c": "unknown field"}},
		"all faults at once": {
			body:    `{"customer":{"name":""},"lines":[{"flavour":"lava","size":"L","quantity":"1"},{"flavour":"red-velvet","size":"Q","quantity":501,"icing":true}],"tip":5}`,
			problem: wire.ProblemInvalidOrder,
			places: places{"/customer/name": "blank", "/lines/0/flavour": "unknown flavour", "/lines/0/quantity": "not a text",
				"/lines/1/size": "unknown size", "/lines/1/quantity": "from 1 to 500", "/lines/1/icing": "unknown field", "/tip": "unknown field"},
		},

		"truncated":                   {body: goodOrder[:40], problem: wire.ProblemMalformedBody, places: places{"": "ends too early"}},
		"empty":                       {body: "", problem: wire.ProblemMalformedBody, places: places{"": "empty"}},
		"white space only":            {body: " \n\t", problem: wire.ProblemMalformedBody, places: places{"": "empty"}},
		"not JSON":                    {body: "lines:\n  - flavour: red-velvet", problem: wire.ProblemMalformedBody, places: places{"": "not JSON at line 1, column 1"}},
		"something after the end":     {body: goodOrder + `{}`, problem: wire.ProblemMalformedBody, places: places{"": "after top-level value"}},
		"a comma too many":            {body: "{\"customer\":{\"name\":\"Ada\"},\n\"lines\":[],}", problem: wire.ProblemMalformedBody, places: places{"": "line 2, column 12"}},
		"not UTF-8":                   {body: `{"customer":{"name":"Ad` + "\xff" + `"}}`, problem: wire.ProblemMalformedBody, places: places{"": "not UTF-8 at line 1, column 24"}},
		"UTF-16":                      {body: "\xff\xfe{\x00}\x00", problem: wire.ProblemMalformedBody, places: places{"": "not UTF-8"}},
		"duplicate key":               {body: `{"customer":{"name":"Ada"},"lines":[],"lines":[]}`, problem: wire.ProblemMalformedBody, places: places{"/lines": "named twice"}},
		"duplicate key in depth":      {body: line(`{"flavour":"red-velvet","size":"L","quantity":1,"quantity":500}`), problem: wire.ProblemMalformedBody, places: places{"/lines/0/quantity": "named twice"}},
		"duplicate key by an escape":  {body: `{"customer":{"name":"Ada","n\u0061me":"Eve"},"lines":[]}`, problem: wire.ProblemMalformedBody, places: places{"/customer/name": "named twice"}},
		"very deep":                   {body: strings.Repeat("[", 60_000), problem: wire.ProblemMalformedBody, places: places{"": "not JSON"}},
		"deep":                        {body: strings.Repeat("[", 33) + strings.Repeat("]", 33), problem: wire.ProblemMalformedBody, places: places{"": "nested deeper than 32 levels"}},
		"2 MB":                        {body: strings.Repeat(" ", 2<<20) + goodOrder, problem: wire.ProblemBodyTooLarge},
		"a byte more than 64 KiB":     {body: goodOrder + strings.Repeat(" ", maxBody+1-len(goodOrder)), problem: wire.ProblemBodyTooLarge},
		"content type of a form":      {body: goodOrder, headers: []string{"Content-Type", "application/x-www-form-urlencoded"}, problem: wire.ProblemUnsupportedMediaType},
		"no content type":             {body: goodOrder, headers: []string{"Content-Type", ""}, problem: wire.ProblemUnsupportedMediaType},
		"content type that is none":   {body: goodOrder, headers: []string{"Content-Type", "application/json; ="}, problem: wire.ProblemUnsupportedMediaType},
		"another charset":             {body: goodOrder, headers: []string{"Content-Type", "application/json; charset=latin1"}, problem: wire.ProblemUnsupportedMediaType},
		"compressed":                  {body: goodOrder, headers: []string{"Content-Encoding", "gzip"}, problem: wire.ProblemUnsupportedMediaType},
		"Idempotency-Key too short":   {body: goodOrder, headers: []string{"Idempotency-Key", "short"}, problem: wire.ProblemInvalidParameter, places: places{"Idempotency-Key": "16 to 128 characters, it has 5"}},
		"Idempotency-Key empty":       {body: goodOrder, headers: []string{"Idempotency-Key", ""}, problem: wire.ProblemInvalidParameter, places: places{"Idempotency-Key": "16 to 128 characters, it has 0"}},
		"Idempotency-Key too long":    {body: goodOrder, headers: []string{"Idempotency-Key", strings.Repeat("k", 129)}, problem: wire.ProblemInvalidParameter, places: places{"Idempotency-Key": "16 to 128 characters, it has 129"}},
		"Idempotency-Key not ASCII":   {body: goodOrder, headers: []string{"Idempotency-Key", "clé-clé-clé-clé-clé"}, problem: wire.ProblemInvalidParameter, places: places{"Idempotency-Key": "printable ASCII"}},
		"Idempotency-Key with spaces": {body: goodOrder, headers: []string{"Idempotency-Key", "a key with some spaces"}, problem: wire.ProblemInvalidParameter, places: places{"Idempotency-Key": "printable ASCII"}},
		"Idempotency-Key not text":    {body: goodOrder, headers: []string{"Idempotency-Key", "0123456789abcdef\x7f"}, problem: wire.ProblemInvalidParameter, places: places{"Idempotency-Key": "not text"}},
		"two Idempotency-Keys":        {body: goodOrder, headers: []string{"Idempotency-Key", "0123456789abcdef", "Idempotency-Key", "0123456789abcdeg"}, problem: wire.ProblemInvalidParameter, places: places{"Idempotency-Key": "more than once"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request := newRequest(http.MethodPost, "/api/v1/orders", strings.NewReader(bad.body))
			request.Header.Set("Content-Type", "application/json")
			for i := 0; i < len(bad.headers); i += 2 {
				if bad.headers[i] == "Content-Type" {
					request.Header.Del("Content-Type")
				}
				if bad.headers[i] != "Content-Type" || bad.headers[i+1] != "" {
					request.Header.Add(bad.headers[i], bad.headers[i+1])
				}
			}
			problem := requireProblem(t, do(t, server, request), bad.problem)
			found := places{}
			for _, fault := range problem.Errors {
				where := fault.Header + fault.Parameter
				if fault.Pointer != nil {
					where = *fault.Pointer
				}
				require.NotContains(t, found, where, "one place is reported once")
				found[where] = fault.Detail
			}
			require.Len(t, found, len(bad.places), "%v", found)
			for where, part := range bad.places {
				require.Contains(t, found[where], part)
			}
		})
	}
}

func TestOrdersThatLookOddAreRead(t *testing.T) {
	t.Parallel()
	contract, err := newContract(kitchen.Default())
	require.NoError(t, err)
	for name, body := range map[string]string{
		"white space":                   "\n\t " + strings.ReplaceAll(goodOrder, ",", " , ") + " \n",
		"escapes":                       strings.ReplaceAll(goodOrder, "Ada", `\u0041da`),
		"a whole number with a point":   strings.ReplaceAll(goodOrder, "12", "12.0"),
		"a whole number with exponents": strings.ReplaceAll(goodOrder, "12", "1.2e1"),
		"exactly 64 KiB":                goodOrder + strings.Repeat(" ", maxBody-len(goodOrder)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			value, err := readJSON([]byte(body))
			require.NoError(t, err)
			want, err := readJSON([]byte(goodOrder))
			require.NoError(t, err)
			require.Equal(t, want, value)
			require.Empty(t, contract.checkBody("createOrder", value, nil))
		})
	}
}

func TestTheKitchensOwnLimitsAreNamed(t *testing.T) {
	t.Parallel()
	k, err := kitchen.Parse("small.yaml", []byte("limits: {quantity: 24}\n"))
	require.NoError(t, err)
	server := newTestServer(t, untouchedTemporal{}, func(c *Config) { c.Kitchen = k })
	for _, quantity := range []string{"25", "501"} { // within the specification's limit, and beyond
		problem := requireProblem(t, postOrder(t, server, strings.ReplaceAll(goodOrder, "12", quantity)), wire.ProblemInvalidOrder)
		require.Len(t, problem.Errors, 1)
		require.Equal(t, "must be from 1 to 24", problem.Errors[0].Detail)
	}
}

func TestBadParametersAreRefused(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, nil)
	for name, bad := range map[string]struct {
		target    string
		parameter string
		detail    string
	}{
		"unknown":                     {"/api/v1/orders?station=bake", "station", "unknown parameter: leave it out; known here are customer, day, flavour, limit, pageToken, pickupCode, q, stage and state"},
		"unknown where none is known": {"/api/v1/menu?lang=fr", "lang", "none is known here"},
		"unknown state":               {"/api/v1/orders?state=baking", "state", "use scheduled, in-progress, needs-attention, cancelling, cancelled or shipped"},
		"unknown stage":               {"/api/v1/orders?stage=baking", "stage", "use mix, bake, decorate or package"},
		"accepted":                    {"/api/v1/orders?state=accepted", "state", "use scheduled, in-progress"},
		"empty state":                 {"/api/v1/orders?state=", "state", "use scheduled, in-progress"},
		"limit 0":                     {"/api/v1/orders?limit=0", "limit", "must be from 1 to 200"},
		"limit 201":                   {"/api/v1/orders?limit=201", "limit", "must be from 1 to 200"},
		"limit a word":                {"/api/v1/orders?limit=all", "limit", "must be a whole number from 1 to 200"},
		"limit beyond int":            {"/api/v1/orders?limit=99999999999999999999", "limit", "must be a whole number from 1 to 200"},
		"given twice":                 {"/api/v1/orders?limit=1&limit=2", "limit", "more than once"},
		"pickup code too long":        {"/api/v1/orders?pickupCode=K7QFX", "pickupCode", "must be the code called out at the counter"},
		"customer with NUL":           {"/api/v1/orders?customer=%00", "customer", "without control characters"},
		"customer not UTF-8":          {"/api/v1/orders?customer=%ff", "customer", "UTF-8"},
		"customer too long":           {"/api/v1/orders?customer=" + strings.Repeat("a", 81), "customer", "1 to 80 characters, it has 81"},
		"query malformed":             {"/api/v1/orders?customer=%zz", "?", "malformed"},
		"made-up page token":          {"/api/v1/orders?pageToken=abc", "pageToken", "nextPageToken"},
		"page token not base64":       {"/api/v1/orders?pageToken=%2F%2F", "pageToken", "nextPageToken"},
		"id too short":                {"/api/v1/orders/0199", "id", "36 characters in lower case"},
		"id in capitals":              {"/api/v1/orders/0199C0DE-7A11-7000-8000-00000000CAFE", "id", "36 characters in lower case"},
		"id of another form":          {"/api/v1/orders/0199c0de7a11700080000000000cafe12345", "id", "36 characters in lower case"},
		"id with an escape":           {"/api/v1/orders/%1b%5b2J", "id", "not text"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problem := requireProblem(t, do(t, server, signInAs(server, kitchen.RoleMixer, newRequest(http.MethodGet, bad.target, nil))), wire.ProblemInvalidParameter)
			require.Len(t, problem.Errors, 1)
			require.Equal(t, bad.parameter, problem.Errors[0].Parameter)
			require.Contains(t, problem.Errors[0].Detail, bad.detail)
		})
	}

	t.Run("all at once", func(t *testing.T) {
		t.Parallel()
		problem := requireProblem(t, do(t, server, signInAs(server, kitchen.RoleMixer, newRequest(http.MethodGet, "/api/v1/orders?limit=0&state=x&b=1&a=2", nil))), wire.ProblemInvalidParameter)
		var names []string
		for _, fault := range problem.Errors {
			names = append(names, fault.Parameter)
		}
		require.Equal(t, []string{"state", "limit", "a", "b"}, names)
	})
}

func TestABodyThatIsCutOffIsReported(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, nil)
	body := io.MultiReader(strings.NewReader(goodOrder), failingReader{io.ErrUnexpectedEOF})
	request := newRequest(http.MethodPost, "/api/v1/orders", body, "Content-Type", "application/json")
	requireProblem(t, do(t, server, request), wire.ProblemMalformedBody)

	body = io.MultiReader(strings.NewReader(goodOrder), failingReader{timeoutError{}})
	request = newRequest(http.MethodPost, "/api/v1/orders", body, "Content-Type", "application/json")
	requireProblem(t, do(t, server, request), wire.ProblemTimeout)
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

type timeoutError struct{}

func (timeoutError) Error() string   { return "i/o timeout" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

func TestA2MBBodyIsAnsweredOverARealConnection(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, nil)
	web := httptest.NewServer(server.Handler())
	defer web.Close()
	answer, err := web.Client().Post(web.URL+"/api/v1/orders", "application/json", strings.NewReader(strings.Repeat(" ", 2<<20)))
	require.NoError(t, err)
	defer func() { require.NoError(t, answer.Body.Close()) }()
	require.Equal(t, http.StatusRequestEntityTooLarge, answer.StatusCode)
}
