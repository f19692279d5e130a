package kitchen

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const someOrder = "0199c0de-7a11-7000-8000-00000000cafe"

func TestNewOrderIDsAreUUIDv7AndDiffer(t *testing.T) {
	t.Parallel()
	first, err := NewOrderID()
	require.NoError(t, err)
	second, err := NewOrderID()
	require.NoError(t, err)
	assert.NotEqual(t, first, second)
	assert.Equal(t, uuid.Version(7), uuid.MustParse(first).Version())
	assert.NoError(t, CheckOrderID(first))
}

// The expected ids were computed with Python: the first 16 bytes of
// hmac.digest(secret, key, "sha256"), with version 8 and variant 10 set.
func TestOrderIDFromKeyIsAUUIDv8OfTheHMAC(t *testing.T) {
	t.Parallel()
	for _, v := range []struct{ secret, key, want string }{
		{"secret", "4f6d3f0e-6f0b-4a5e-9d5c-2f9a3c1b7e11", "1145e2b6-56cd-8189-a0cd-afcc0ed54429"},
		{"", "", "b613679a-0814-89ec-b72f-95d778c35fc5"},
		{"another secret", "4f6d3f0e-6f0b-4a5e-9d5c-2f9a3c1b7e11", "95e32407-f95a-8749-8b7b-9073765d98cd"},
		{"secret", "käse-und-brot-17", "67fa899c-c0b2-8d90-9ea2-d5530fa5316b"},
	} {
		got := OrderIDFromKey([]byte(v.secret), v.key)
		assert.Equal(t, v.want, got, "secret %q, key %q", v.secret, v.key)
		assert.NoError(t, CheckOrderID(got))
		id := uuid.MustParse(got)
		assert.Equal(t, uuid.Version(8), id.Version())
		assert.Equal(t, uuid.RFC4122, id.Variant())
	}
}

func TestIDsSurviveTheWayThereAndBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		orderID := OrderIDFromKey(rapid.SliceOf(rapid.Byte()).Draw(t, "secret"), rapid.String().Draw(t, "key"))
		back, err := OrderIDFromWorkflowID(WorkflowID(orderID))
		require.NoError(t, err)
		require.Equal(t, orderID, back)

		ref := TicketRef{
			OrderID: orderID,
			Stage:   rapid.SampledFrom(append(Stages(), "dust")).Draw(t, "stage"),
			Pass:    rapid.IntRange(1, MaxPass).Draw(t, "pass"),
			Kind:    rapid.SampledFrom([]TicketKind{TicketMake, TicketUndo}).Draw(t, "kind"),
		}
		parsed, err := ParseTicketID(ref.TicketID())
		require.NoError(t, err)
		require.Equal(t, ref, parsed)
		require.Equal(t, ref.TicketID(), orderID+"."+ref.ActivityID())
		ref.Stage = rapid.SampledFrom(append(Stages(), "dust")).Draw(t, "stage of any build")
		parsed, err = ParseActivityID(ref.ActivityID())
		require.NoError(t, err)
		parsed.OrderID = orderID
		require.Equal(t, ref, parsed)
	})
}

// What is read as an id must be the only way to write that id: otherwise two
// texts would name one ticket.
func TestIDsHaveOneSpelling(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`(0199c0de-7a11-7000-8000-00000000cafe)?\.?(mix|bake|dust|Bake|)\.?[-+ ]?0?[0-9]{0,3}(\.undo){0,2}`).Draw(t, "text")
		if ref, err := ParseTicketID(text); err == nil {
			require.Equal(t, text, ref.TicketID())
		}
		if ref, err := ParseActivityID(text); err == nil {
			require.Equal(t, text, ref.ActivityID())
		}
	})
}

func TestWrongIDsAreRefused(t *testing.T) {
	t.Parallel()
	for _, id := range []string{
		"", "x", strings.ToUpper(someOrder), "{" + someOrder + "}", "urn:uuid:" + someOrder, strings.ReplaceAll(someOrder, "-", ""), someOrder + " ",
	} {
		assert.Error(t, CheckOrderID(id), "%q", id)
		_, err := OrderIDFromWorkflowID("order-" + id)
		assert.Error(t, err, "%q", id)
		_, err = ParseTicketID(id + ".mix.1")
		assert.Error(t, err, "%q", id)
	}
	_, err := OrderIDFromWorkflowID(someOrder)
	assert.ErrorContains(t, err, `does not start with "order-"`)
	for _, id := range []string{
		"", "mix", "mix.", "mix.0", "mix.-1", "mix.01", "mix.1.1", "mix.1.redo", "mix.1.undo.undo", "Mix.1", "m1x.1", "mïx.1", "deep-fry.1", strings.Repeat("x", maxStageLength+1) + ".1", ".1", "mix.99999999999999999999",
		"", "mix", "mix.", "mix.0", "mix.-1", "mix.01", "mix.1.1", "mix.1.redo", "mix.1.undo.undo", "Mix.1", ".1", "mix.99999999999999999999",
	} {
		_, err := ParseActivityID(id)
		assert.Error(t, err, "%q", id)
		_, err = ParseTicketID(someOrder + "." + id)
		assert.ErrorContains(t, err, "<order id>.<stage>.<pass>", "%q", id)
	}
}

func TestErrorsRepeatLongIDsOnlyInPart(t *testing.T) {
	t.Parallel()
	_, err := ParseTicketID(strings.Repeat("x", 100_000))
	assert.Less(t, len(err.Error()), 300)
}

func TestPickupCodesAreFourSpeakableCharacters(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		code := PickupCode(rapid.String().Draw(t, "order"))
		require.Regexp(t, `^[23456789BCDFGHJKLMNPQRSTVWXZ]{4}$`, code)
	})
	// An order keeps its code over releases: it is on paper.
	assert.Equal(t, "4K67", PickupCode(someOrder))
}
