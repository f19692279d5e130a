package kitchen

import (
	"crypto/sha256"
	"fmt"

	"github.com/google/uuid"
)

// OrderKey names an order where its id must not be, for the id is the customer's
// capability: a UUIDv8 (RFC 9562) from a SHA-256 of the id. Whoever has an id finds its
// key, and nobody finds an id by a key.
func OrderKey(orderID string) string {
	sum := sha256.Sum256([]byte("cupcakery ledger order " + orderID))
	return uuidV8(sum[:])
}

// CheckOrderKey returns an error unless key can be an OrderKey.
func CheckOrderKey(key string) error {
	parsed, err := uuid.Parse(key)
	if err != nil || parsed.String() != key || parsed.Version() != 8 || parsed.Variant() != uuid.RFC4122 {
		return fmt.Errorf("%q is not the key of an order: it is a UUIDv8, 36 characters in lower case", Excerpt(key))
	}
	return nil
}

// uuidV8 is a UUIDv8 of the first bytes of a hash.
func uuidV8(sum []byte) string {
	var id uuid.UUID
	copy(id[:], sum)
	id[6] = id[6]&0x0f | 0x80
	id[8] = id[8]&0x3f | 0x80
	return id.String()
}
