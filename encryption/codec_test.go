package encryption

import (
	"bytes"
	"errors"
	"log/slog"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/proto"
)

const (
	orderA = "order-0199c0de-7a11-7000-8000-00000000aaaa"
	orderB = "order-0199c0de-7a11-7000-8000-00000000bbbb"
)

var quiet = slog.New(slog.DiscardHandler)

func newKeys(t testing.TB) *Keyset {
	t.Helper()
	keys, err := NewKeyset()
	require.NoError(t, err)
	return keys
}

func sealFor(t testing.TB, codec *Codec, workflowID, text string) *commonpb.Payload {
	t.Helper()
	payload, err := codec.DataOf(workflowID).ToPayload(text)
	require.NoError(t, err)
	return payload
}

func TestAPayloadIsReadByItsWorkflowOnly(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	codec := New(keys, quiet)
	sealed := sealFor(t, codec, orderA, "Ada")
	require.NotContains(t, string(sealed.GetData()), "Ada")
	require.Equal(t, strconv.Itoa(int(keys.Keys()[0].ID)), string(sealed.GetMetadata()[MetadataKeyID]))

	var name string
	require.NoError(t, codec.DataOf(orderA).FromPayload(sealed, &name))
	require.Equal(t, "Ada", name)
	var misplaced *MisplacedError
	require.ErrorAs(t, codec.DataOf(orderB).FromPayload(sealed, &name), &misplaced)
	// The codec endpoint is told of no workflow.
	opened, err := codec.Decode([]*commonpb.Payload{sealed})
	require.NoError(t, err)
	require.Equal(t, `"Ada"`, string(opened[0].GetData()))

	forged := proto.Clone(sealed).(*commonpb.Payload)
	forged.Metadata[MetadataWorkflowID] = []byte(orderB)
	require.ErrorContains(t, codec.DataOf(orderB).FromPayload(forged, &name), "has been changed")
	delete(forged.Metadata, MetadataWorkflowID)
	require.ErrorContains(t, codec.DataOf(orderB).FromPayload(forged, &name), "has been changed")
	forged.Data = []byte("x")
	require.ErrorContains(t, codec.DataOf(orderB).FromPayload(forged, &name), "not by Cupcakery")
}

func TestActivitiesAndTheirWorkflowReadEachOther(t *testing.T) {
	t.Parallel()
	codec := New(newKeys(t), quiet)
	activity := converter.WithDataConverterSerializationContext(codec.data(), converter.ActivitySerializationContext{WorkflowID: orderA, ActivityType: "Bake"})
	sealed, err := activity.ToPayload("Ada")
	require.NoError(t, err)
	var name string
	require.NoError(t, codec.DataOf(orderA).FromPayload(sealed, &name))
	require.Error(t, codec.DataOf(orderB).FromPayload(sealed, &name))
}

func TestWhatIsBoundToNoWorkflowIsReadInEach(t *testing.T) {
	t.Parallel()
	codec := New(newKeys(t), quiet)
	sealed := sealFor(t, codec, "", "typed by an operator")
	var text string
	require.NoError(t, codec.DataOf(orderA).FromPayload(sealed, &text))
	require.Equal(t, "typed by an operator", text)
}

func TestWhatWasWrittenBeforeEncryptionIsReadAsItIs(t *testing.T) {
	t.Parallel()
	plain, err := converter.GetDefaultDataConverter().ToPayload("Ada")
	require.NoError(t, err)
	for _, codec := range []*Codec{New(newKeys(t), quiet), New(nil, quiet), nil} {
		var name string
		require.NoError(t, codec.DataOf(orderA).FromPayload(plain, &name))
		require.Equal(t, "Ada", name)
		require.NoError(t, codec.CanWrite())
	}
}

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	first := newKeys(t)
	read := func(keys *Keyset, sealed *commonpb.Payload) error {
		var name string
		return New(keys, quiet).DataOf(orderA).FromPayload(sealed, &name)
	}
	old := sealFor(t, New(first, quiet), orderA, "Ada")
	added, id, err := first.Add()
	require.NoError(t, err)
	require.NoError(t, read(first, sealFor(t, New(added, quiet), orderA, "Ada")), "a key that is not promoted encrypts nothing")
	promoted, err := added.Promote(id)
	require.NoError(t, err)
	fresh := sealFor(t, New(promoted, quiet), orderA, "Ada")
	require.NoError(t, read(promoted, old))
	require.NoError(t, read(promoted, fresh))
	require.NoError(t, read(added, fresh))

	missing := read(first, fresh)
	require.True(t, IsMissingKey(missing))
	require.ErrorContains(t, missing, "key "+strconv.Itoa(int(id)))

	_, err = promoted.Remove(id)
	require.ErrorContains(t, err, "promote another first")
	_, err = promoted.Remove(id + 1)
	require.ErrorContains(t, err, "has no key")
	last, err := promoted.Remove(first.Keys()[0].ID)
	require.NoError(t, err)
	require.NoError(t, read(last, fresh))
	require.True(t, IsMissingKey(read(last, old)))
}

func TestAProcessWithoutTheKeySaysWhatIsMissingAndWritesNothing(t *testing.T) {
	t.Parallel()
	sealed := sealFor(t, New(newKeys(t), quiet), orderA, "Ada")
	var log bytes.Buffer
	keyless := New(nil, slog.New(slog.NewTextHandler(&log, nil)))
	_, err := keyless.DataOf(orderA).ToPayload("Ada")
	require.NoError(t, err, "it has met nothing encrypted yet")
	var name string
	for range 3 {
		require.ErrorContains(t, keyless.DataOf(orderA).FromPayload(sealed, &name), "--encryption-keyset")
	}
	require.Equal(t, 1, bytes.Count(log.Bytes(), []byte("a key is missing")))
	_, err = keyless.DataOf(orderB).ToPayload("Ada")
	require.True(t, IsMissingKey(err))
	require.True(t, IsMissingKey(keyless.CanWrite()))
	require.NotPanics(t, func() { keyless.failures().ErrorToFailure(temporal.NewApplicationError("burnt", "burnt", "details")) })
}

func TestAProcessWithAnOldKeysetGoesOn(t *testing.T) {
	t.Parallel()
	stale := New(newKeys(t), quiet)
	var name string
	require.True(t, IsMissingKey(stale.DataOf(orderA).FromPayload(sealFor(t, New(newKeys(t), quiet), orderA, "Ada"), &name)))
	sealFor(t, stale, orderA, "Ada")
	require.NoError(t, stale.CanWrite())
}

func TestFailuresAreEncryptedWithTheirMessages(t *testing.T) {
	t.Parallel()
	codec := New(newKeys(t), quiet)
	failures := converter.WithFailureConverterSerializationContext(codec.failures(), converter.ActivitySerializationContext{WorkflowID: orderA})
	failure := failures.ErrorToFailure(temporal.NewApplicationErrorWithCause("burnt by Bob", "burnt", errors.New("behind the oven"), "Ada"))
	bytesOf, err := proto.Marshal(failure)
	require.NoError(t, err)
	for _, text := range []string{"Bob", "oven", "Ada"} {
		require.NotContains(t, string(bytesOf), text)
	}
	read, err := codec.FailureOf(orderA, proto.CloneOf(failure))
	require.NoError(t, err)
	var application *temporal.ApplicationError
	require.ErrorAs(t, read, &application)
	require.Equal(t, "burnt", application.Type())
	require.Equal(t, "burnt by Bob", application.Message())
	var details string
	require.NoError(t, application.Details(&details))
	require.Equal(t, "Ada", details)

	keyless := New(nil, quiet)
	_, err = keyless.FailureOf(orderA, proto.CloneOf(failure))
	require.True(t, IsMissingKey(err))
	require.True(t, IsMissingKey(keyless.failures().FailureToError(proto.CloneOf(failure))), "never a failure that looks like a station's")
	plain := temporal.GetDefaultFailureConverter().ErrorToFailure(errors.New("burnt"))
	for _, codec := range []*Codec{codec, New(nil, quiet), nil} {
		read, err := codec.FailureOf(orderA, proto.CloneOf(plain))
		require.NoError(t, err)
		require.ErrorContains(t, read, "burnt")
	}
}

func TestInWorkflowCodeAMissingKeyIsAPanic(t *testing.T) {
	t.Parallel()
	sealed := sealFor(t, New(newKeys(t), quiet), orderA, "Ada")
	data := New(nil, quiet).data().WithWorkflowContext(nil)
	data = converter.WithDataConverterSerializationContext(data, converter.WorkflowSerializationContext{WorkflowID: orderA})
	var name string
	require.Panics(t, func() { _ = data.FromPayload(sealed, &name) })
	require.Panics(t, func() { _ = data.FromPayloads(&commonpb.Payloads{Payloads: []*commonpb.Payload{sealed}}, &name) })
	require.Panics(t, func() { _, _ = data.ToPayload("Ada") })
	require.Panics(t, func() { _, _ = data.ToPayloads("Ada") })
}

// The SDK ignores that it cannot read which version of the workflow a marker records.
func TestAMarkerThatCannotBeReadIsAPanic(t *testing.T) {
	t.Parallel()
	codec := New(newKeys(t), quiet)
	seal := func(value any) *commonpb.Payloads {
		payloads, err := codec.DataOf(orderA).ToPayloads(value)
		require.NoError(t, err)
		return payloads
	}
	reader := New(newKeys(t), quiet).DataOf(orderA)
	var version workflow.Version
	require.Panics(t, func() { _ = reader.FromPayloads(seal(1), &version) })
	var number int64
	require.Panics(t, func() { _ = reader.FromPayloads(seal(2), &number) })
	var text string
	require.True(t, IsMissingKey(reader.FromPayloads(seal("a client hears it"), &text)))
}
