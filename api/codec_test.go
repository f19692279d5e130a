package api

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	temporalclient "go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

const theUI = "https://temporal.example.com"

func newCodec(t *testing.T) *encryption.Codec {
	t.Helper()
	keys, err := encryption.NewKeyset()
	require.NoError(t, err)
	return encryption.New(keys, slog.New(slog.DiscardHandler))
}

// encrypting is a server of a factory whose orders are encrypted.
func encrypting(t *testing.T, codec *encryption.Codec) *Server {
	t.Helper()
	return newTestServer(t, untouchedTemporal{}, func(c *Config) { c.Encryption, c.TemporalUI = codec, theUI })
}

func payloadsBody(t *testing.T, payloads ...*commonpb.Payload) io.Reader {
	t.Helper()
	body, err := protojson.Marshal(&commonpb.Payloads{Payloads: payloads})
	require.NoError(t, err)
	return bytes.NewReader(body)
}

func readPayloads(t *testing.T, recorder *httptest.ResponseRecorder) []*commonpb.Payload {
	t.Helper()
	require.Equal(t, http.StatusOK, recorder.Code, recorder.Body.String())
	require.Equal(t, "application/json", recorder.Header().Get("Content-Type"))
	var payloads commonpb.Payloads
	require.NoError(t, protojson.Unmarshal(recorder.Body.Bytes(), &payloads))
	return payloads.GetPayloads()
}

func TestAManagerDecryptsWhatTemporalKeepsAndNobodyElseDoes(t *testing.T) {
	t.Parallel()
	codec := newCodec(t)
	server := encrypting(t, codec)
	sealed, err := codec.DataOf(kitchen.WorkflowID("an order")).ToPayload(kitchen.Customer{Name: "Ada"})
	require.NoError(t, err)
	plain, err := converter.GetDefaultDataConverter().ToPayload("plain")
	require.NoError(t, err)

	decode := func(role kitchen.Role) *httptest.ResponseRecorder {
		request := newRequest(http.MethodPost, "/codec/decode", payloadsBody(t, sealed, plain), "Content-Type", "application/json", "X-Namespace", "default")
		if role != nobody {
			signInAs(server, role, request)
		}
		return do(t, server, request)
	}
	opened := readPayloads(t, decode(kitchen.RoleManager))
	require.Len(t, opened, 2)
	require.Equal(t, `{"name":"Ada"}`, string(opened[0].GetData()))
	require.True(t, proto.Equal(plain, opened[1]))
	for _, role := range kitchen.Roles() {
		if role != kitchen.RoleManager {
			requireProblem(t, decode(role), wire.ProblemNotAllowed)
		}
	}
	requireProblem(t, decode(nobody), wire.ProblemNotSignedIn)

	// What is encoded here is for any workflow, such as one that the CLI signals.
	encoded := readPayloads(t, do(t, server, signInAs(server, kitchen.RoleManager, newRequest(http.MethodPost, "/codec/encode", payloadsBody(t, plain)))))
	var text string
	require.NoError(t, codec.DataOf("any").FromPayload(encoded[0], &text))
	require.Equal(t, "plain", text)
	require.NotContains(t, string(encoded[0].GetData()), "plain")
}

func TestTemporalsCLIUsesTheCodecWithTheTokenOfASession(t *testing.T) {
	t.Parallel()
	codec := newCodec(t)
	server := encrypting(t, codec)
	listener := httptest.NewServer(server.Handler())
	defer listener.Close()
	sealed, err := codec.DataOf("").ToPayload("Ada")
	require.NoError(t, err)
	remote := func(token string) converter.PayloadCodec {
		return converter.NewRemotePayloadCodec(converter.RemotePayloadCodecOptions{Endpoint: listener.URL + "/codec", ModifyRequest: func(r *http.Request) error {
			r.Header.Set("Authorization", token)
			return nil
		}})
	}
	person, found := server.sessions.Find(string(kitchen.RoleManager))
	require.True(t, found)
	_, token := server.sessions.Begin(person)
	opened, err := remote("Bearer " + token).Decode([]*commonpb.Payload{sealed})
	require.NoError(t, err)
	require.Equal(t, `"Ada"`, string(opened[0].GetData()))
	_, err = remote("Bearer " + token[1:]).Decode([]*commonpb.Payload{sealed})
	require.ErrorContains(t, err, "Unauthorized")

	// Such a token is for the codec alone.
	request := newRequest(http.MethodGet, sessionPath, nil, "Authorization", "Bearer "+token)
	requireProblem(t, do(t, server, request), wire.ProblemNotSignedIn)
}

func TestOnlyPagesOfTemporalsUIUseTheCodecFromAnotherOrigin(t *testing.T) {
	t.Parallel()
	codec := newCodec(t)
	server := encrypting(t, codec)
	ask := func(method, target, origin string) *httptest.ResponseRecorder {
		request := newRequest(method, target, payloadsBody(t), "Origin", origin, "Sec-Fetch-Site", "same-site", "Access-Control-Request-Method", "POST")
		return do(t, server, signInAs(server, kitchen.RoleManager, request))
	}
	preflight := ask(http.MethodOptions, "/codec/decode", theUI)
	require.Equal(t, http.StatusNoContent, preflight.Code)
	require.Equal(t, theUI, preflight.Header().Get("Access-Control-Allow-Origin"))
	require.Equal(t, "true", preflight.Header().Get("Access-Control-Allow-Credentials"))
	require.Contains(t, preflight.Header().Get("Access-Control-Allow-Headers"), "X-Namespace")
	require.Equal(t, "POST", preflight.Header().Get("Access-Control-Allow-Methods"))
	answer := ask(http.MethodPost, "/codec/decode", theUI)
	require.Equal(t, http.StatusOK, answer.Code)
	require.Equal(t, theUI, answer.Header().Get("Access-Control-Allow-Origin"))
	require.Equal(t, "Origin", answer.Header().Get("Vary"))

	for _, origin := range []string{"https://evil.example.com", "null", theUI + ".evil.example.com", "http://temporal.example.com"} {
		require.Empty(t, ask(http.MethodOptions, "/codec/decode", origin).Header().Get("Access-Control-Allow-Origin"), origin)
		refused := ask(http.MethodPost, "/codec/decode", origin)
		requireProblem(t, refused, wire.ProblemCrossSite)
		require.Empty(t, refused.Header().Get("Access-Control-Allow-Origin"), origin)
	}
	// The UI may use nothing else.
	requireProblem(t, ask(http.MethodPost, "/api/v1/orders/none/cancel", theUI), wire.ProblemCrossSite)
	require.Empty(t, ask(http.MethodGet, "/api/v1/menu", theUI).Header().Get("Access-Control-Allow-Origin"))
}

func TestTheCodecRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	codec := newCodec(t)
	server := encrypting(t, codec)
	decode := func(body io.Reader) *httptest.ResponseRecorder {
		return do(t, server, signInAs(server, kitchen.RoleManager, newRequest(http.MethodPost, "/codec/decode", body)))
	}
	sealed, err := codec.DataOf("").ToPayload("Ada")
	require.NoError(t, err)
	sealed.Data[len(sealed.Data)-1] ^= 1
	requireProblem(t, decode(payloadsBody(t, sealed)), wire.ProblemRefused)
	foreign, err := newCodec(t).DataOf("").ToPayload("Ada")
	require.NoError(t, err)
	problem := requireProblem(t, decode(payloadsBody(t, foreign)), wire.ProblemUnavailable)
	require.Contains(t, problem.Detail, "does not have the key")
	requireProblem(t, decode(strings.NewReader("nonsense")), wire.ProblemMalformedBody)
	requireProblem(t, decode(strings.NewReader(`{"payloads":[{"data":"`+strings.Repeat("A", maxCodecBody)+`"}]}`)), wire.ProblemBodyTooLarge)
}

func TestWithoutEncryptionThereIsNoCodec(t *testing.T) {
	t.Parallel()
	server := newTestServer(t, untouchedTemporal{}, nil)
	requireProblem(t, do(t, server, signInAs(server, kitchen.RoleManager, newRequest(http.MethodPost, "/codec/decode", payloadsBody(t)))), wire.ProblemNotFound)
	for _, origin := range []string{"temporal.example.com", "https://temporal.example.com/", "https://a.example.com,https://b.example.com", "*", "file:///x"} {
		require.Error(t, CheckOrigin(origin), origin)
	}
	require.NoError(t, CheckOrigin("http://localhost:8233"))
}

func TestNobodyLooksForACustomerWhoseNameIsEncrypted(t *testing.T) {
	t.Parallel()
	server := encrypting(t, newCodec(t))
	problem := requireProblem(t, do(t, server, signInAs(server, kitchen.RoleManager, newRequest(http.MethodGet, "/api/v1/orders?customer=Ada", nil))), wire.ProblemInvalidParameter)
	require.Contains(t, problem.Detail, "by its pickup code")
	problem = requireProblem(t, do(t, server, signInAs(server, kitchen.RoleManager, newRequest(http.MethodPost, "/api/v1/orders/cancel",
		strings.NewReader(`{"where":{"customer":"Ada"},"reason":"no flour"}`), "Content-Type", "application/json"))), wire.ProblemInvalidUpdate)
	require.Contains(t, problem.Detail, "by its pickup code")
}

// An encrypted order is placed, followed, listed with its customer and found again
// under its key; its customer's name is no search attribute. A server without the key
// says what is missing, and takes no order then.
func TestAnEncryptedOrderIsServedAsAnyOther(t *testing.T) {
	t.Parallel()
	codec := newCodec(t)
	options := temporalOptions("")
	codec.Configure(&options)
	encrypted, err := temporalclient.NewClientFromExisting(unstaffed, options)
	require.NoError(t, err)
	sealed := openShop(t, encrypted, func(c *Config) { c.Encryption = codec })
	order := sampleOrder()
	order.Customer.Name, order.Phone = "Ada of the seal", "+493055508642"
	key, err := kitchen.NewOrderID() // of this run of the test alone
	require.NoError(t, err)
	placed := sealed.order(order, key)
	require.Equal(t, http.StatusCreated, placed.StatusCode(), string(placed.Body))
	id := placed.JSON201.ID
	require.Equal(t, http.StatusCreated, sealed.order(order, key).StatusCode(), "the same request again")
	require.Equal(t, order.Customer, sealed.status(id).Customer)

	description, err := unstaffed.DescribeWorkflowExecution(t.Context(), kitchen.WorkflowID(id), "")
	require.NoError(t, err)
	require.NotContains(t, description.String(), order.Customer.Name)
	require.NotContains(t, description.String(), order.Phone)
	require.NotContains(t, description.GetWorkflowExecutionInfo().GetSearchAttributes().GetIndexedFields(), workflows.KeyCustomer.GetName())
	code := kitchen.PickupCode(id)
	find := func(s *shop) (*client.ListOrdersResponse, error) {
		return s.ListOrdersWithResponse(t.Context(), &wire.ListOrdersParams{PickupCode: &code})
	}
	require.Eventually(t, func() bool {
		answer, err := find(sealed)
		return err == nil && answer.JSON200 != nil && len(answer.JSON200.Orders) == 1 && answer.JSON200.Orders[0].Customer == order.Customer
	}, patience, 20*time.Millisecond)

	sought, err := sealed.ListOrdersWithResponse(t.Context(), &wire.ListOrdersParams{Q: new("of the SEÁL")})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, sought.StatusCode(), string(sought.Body))
	require.Len(t, sought.JSON200.Orders, 1, "by a part of the name, which Temporal cannot read")
	sought, err = sealed.ListOrdersWithResponse(t.Context(), &wire.ListOrdersParams{Q: new("8642")})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, sought.StatusCode(), string(sought.Body))
	require.Len(t, sought.JSON200.Orders, 1, "by the end of the phone number")
	require.Equal(t, order.Phone, sought.JSON200.Orders[0].Phone)

	keyless := encryption.New(nil, slog.New(slog.DiscardHandler))
	options = temporalOptions("")
	keyless.Configure(&options)
	without, err := temporalclient.NewClientFromExisting(unstaffed, options)
	require.NoError(t, err)
	blind := openShop(t, without, func(c *Config) { c.Encryption = keyless })
	require.Eventually(t, func() bool { // a busy machine may take longer than a look
		return do(t, blind.server, newRequest(http.MethodGet, "/readyz", nil)).Code == http.StatusOK
	}, patience, 20*time.Millisecond)
	answer, err := blind.GetOrderWithResponse(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, answer.StatusCode())
	require.Contains(t, string(answer.Body), "does not have the key")
	listed, err := find(blind)
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, listed.StatusCode())
	refused := blind.order(order, "")
	require.Equal(t, http.StatusServiceUnavailable, refused.StatusCode(), "its name would be written in plain text")
	require.Eventually(t, func() bool {
		recorder := do(t, blind.server, newRequest(http.MethodGet, "/readyz", nil))
		return recorder.Code == http.StatusServiceUnavailable && strings.Contains(recorder.Body.String(), "--encryption-keyset")
	}, patience, 20*time.Millisecond)
}
