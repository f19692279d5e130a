package kitchen

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAnOrderHasOneKeyForEver(t *testing.T) {
	t.Parallel()
	const key = "b49fa721-a6cd-825d-853d-9b1abbfe1059"
	assert.Equal(t, key, OrderKey(flagOrder), "flags and ledgers are kept under it: another function would forget whom they have forgotten")
	assert.NotEqual(t, key, OrderKey("0199c0de-7a11-7000-8000-00000000caff"))
	assert.NoError(t, CheckOrderKey(key))
}

func TestOnlyAKeyIsAKey(t *testing.T) {
	t.Parallel()
	key := OrderKey(flagOrder)
	for _, other := range []string{"", "bake", flagOrder, strings.ToUpper(key), "{" + key + "}", strings.ReplaceAll(key, "-", ""), key + "0", key[:19] + "f" + key[20:]} {
		assert.ErrorContains(t, CheckOrderKey(other), "not the key of an order", other)
	}
}
