package encryption

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/proxy"
	"go.temporal.io/sdk/client"
)

// BenchmarkAnOrder is what the codec costs an order: each payload of a recorded
// history is encrypted once, by who writes it, and decrypted once, by who reads it.
func BenchmarkAnOrder(b *testing.B) {
	file, err := os.Open("../workflows/testdata/histories/2026-11-26-put-back.json")
	require.NoError(b, err)
	history, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{})
	require.NoError(b, err)
	require.NoError(b, file.Close())
	var payloads []*commonpb.Payload
	size := 0
	require.NoError(b, proxy.VisitPayloads(b.Context(), history, proxy.VisitPayloadsOptions{SkipSearchAttributes: true, Visitor: func(_ *proxy.VisitPayloadsContext, found []*commonpb.Payload) ([]*commonpb.Payload, error) {
		for _, payload := range found {
			payloads, size = append(payloads, payload), size+len(payload.GetData())
		}
		return found, nil
	}}))
	require.NotEmpty(b, payloads)
	codec := New(newKeys(b), quiet)
	codec.workflowID = orderA
	sealedSize := 0
	for b.Loop() {
		sealedSize = 0
		for _, payload := range payloads {
			sealed, err := codec.Encode([]*commonpb.Payload{payload})
			if err != nil {
				b.Fatal(err)
			}
			sealedSize += len(sealed[0].GetData())
			if _, err := codec.Decode(sealed); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(len(payloads)), "payloads/order")
	b.ReportMetric(float64(size), "plain-B/order")
	b.ReportMetric(float64(sealedSize), "sealed-B/order")
}
