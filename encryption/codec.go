package encryption

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"sync"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"
)

const (
	// Encoding is the encoding of an encrypted payload, as its metadata say it.
	Encoding = "binary/encrypted"
	// MetadataKeyID is the metadata with the id of the key that a payload is
	// encrypted under.
	MetadataKeyID = "encryption-key-id"
	// MetadataWorkflowID is the metadata with the id of the workflow that a payload
	// is bound to.
	MetadataWorkflowID = "encryption-workflow-id"

	// tinkPrefix is how a ciphertext of Tink begins, before the id of its key.
	tinkPrefix     = 1
	tinkPrefixSize = 5
)

// MissingKeyError says that a payload is encrypted under a key that this process
// does not have.
type MissingKeyError struct {
	KeyID uint32
	// Has are the ids of the keys that the process has.
	Has []uint32
}

// Error says what is missing and how to give it.
func (e *MissingKeyError) Error() string {
	if len(e.Has) == 0 {
		return fmt.Sprintf("this is encrypted under key %d, and the process has no keyset: give it the deployment's with --encryption-keyset or CUPCAKERY_ENCRYPTION_KEYSET", e.KeyID)
	}
	return fmt.Sprintf("this is encrypted under key %d, and the process's keyset has %v: give every process the newest keyset, which keeps old keys", e.KeyID, e.Has)
}

// IsMissingKey reports whether an error is that a key is missing.
func IsMissingKey(err error) bool {
	_, is := errors.AsType[*MissingKeyError](err)
	return is
}

// missingKeyType is what a failure is called in Temporal that began as a
// MissingKeyError.
var missingKeyType = reflect.TypeFor[MissingKeyError]().Name()

// IsMissingKeyElsewhere reports whether an error tells of another process, such as a
// worker, that it lacked a key.
func IsMissingKeyElsewhere(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if failure, is := err.(*temporal.ApplicationError); is && failure.Type() == missingKeyType {
			return true
		}
	}
	return false
}

// MisplacedError says that a payload belongs to another workflow than the one in
// which it was found.
type MisplacedError struct{}

// Error does not name the workflows: their ids are capabilities.
func (*MisplacedError) Error() string {
	return "this was encrypted for another workflow: somebody has moved it in Temporal's database"
}

// Codec encrypts with a keyset. It is a converter.PayloadCodec that knows, where the
// SDK tells it, which workflow a payload is of.
type Codec struct {
	keys   *Keyset // nil if the process has none
	missed *missed // shared by all that come from one New
	// workflowID is empty where the SDK does not tell it.
	workflowID string
	// ofFailures is set for what failures are written through.
	ofFailures bool
}

// New returns a codec that encrypts with the keyset. Without one it encrypts nothing
// and still tells what it cannot read. The logger hears once of each missing key.
func New(keys *Keyset, logger *slog.Logger) *Codec {
	return &Codec{keys: keys, missed: &missed{logger: logger, logged: map[uint32]bool{}}}
}

// Encrypts reports whether what is written is encrypted. A nil codec encrypts
// nothing.
func (c *Codec) Encrypts() bool { return c != nil && c.keys != nil }

// CanWrite returns an error if the process has no key and has met something
// encrypted: it would write customers' names in plain text beside that. Whoever ends
// an activity with a failure asks first; all else that is written is refused by itself.
// A process with a keyset that lacks a key can go on: one order that nobody can read
// must not keep the others waiting.
func (c *Codec) CanWrite() error {
	if c == nil || c.keys != nil {
		return nil
	}
	return c.missed.check()
}

// WithSerializationContext implements converter.PayloadCodecWithSerializationContext.
func (c *Codec) WithSerializationContext(context converter.SerializationContext) converter.PayloadCodec {
	return c.in(context)
}

func (c *Codec) in(context converter.SerializationContext) *Codec {
	bound := *c
	switch context := context.(type) {
	case converter.WorkflowSerializationContext:
		bound.workflowID = context.WorkflowID
	case converter.ActivitySerializationContext:
		bound.workflowID = context.WorkflowID
	}
	return &bound
}

// Encode implements converter.PayloadCodec.
func (c *Codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	switch {
	case c.keys == nil && c.ofFailures:
		return payloads, nil // the SDK panics at an error; see CanWrite
	case c.keys == nil:
		return payloads, c.CanWrite()
	}
	encoded := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		plain, err := proto.Marshal(payload)
		if err != nil {
			return nil, fmt.Errorf("encrypt a payload: %w", err)
		}
		sealed, err := c.keys.aead.Encrypt(plain, associatedData(c.workflowID))
		if err != nil {
			return nil, fmt.Errorf("encrypt a payload: %w", err)
		}
		metadata := map[string][]byte{converter.MetadataEncoding: []byte(Encoding), MetadataKeyID: []byte(c.keys.primaryText)}
		if c.workflowID != "" {
			metadata[MetadataWorkflowID] = []byte(c.workflowID)
		}
		encoded[i] = &commonpb.Payload{Metadata: metadata, Data: sealed}
	}
	return encoded, nil
}

// Decode implements converter.PayloadCodec.
func (c *Codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	decoded := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		if !isEncrypted(payload) {
			decoded[i] = payload
			continue
		}
		opened, err := c.open(payload)
		if err != nil {
			return nil, err
		}
		decoded[i] = opened
	}
	return decoded, nil
}

func isEncrypted(payload *commonpb.Payload) bool {
	return string(payload.GetMetadata()[converter.MetadataEncoding]) == Encoding
}

func (c *Codec) open(payload *commonpb.Payload) (*commonpb.Payload, error) {
	boundTo := string(payload.GetMetadata()[MetadataWorkflowID])
	if boundTo != "" && c.workflowID != "" && boundTo != c.workflowID {
		return nil, &MisplacedError{}
	}
	if err := c.checkKey(payload); err != nil {
		return nil, err
	}
	plain, err := c.keys.aead.Decrypt(payload.GetData(), associatedData(boundTo))
	if err != nil {
		return nil, fmt.Errorf("decrypt a payload that says it is encrypted under key %s: it has been changed, or is not ours: %w", payload.GetMetadata()[MetadataKeyID], err)
	}
	opened := new(commonpb.Payload)
	if err := proto.Unmarshal(plain, opened); err != nil {
		return nil, fmt.Errorf("read a payload that was decrypted: %w", err)
	}
	return opened, nil
}

// checkKey returns a MissingKeyError unless the key of a payload is there.
func (c *Codec) checkKey(payload *commonpb.Payload) error {
	keyID, ours := keyOf(payload.GetData())
	if !ours {
		return errors.New("a payload says that it is encrypted, and not by Cupcakery: its bytes name no key")
	}
	if c.keys != nil && c.keys.has(keyID) {
		return nil
	}
	missing := &MissingKeyError{KeyID: keyID}
	if c.keys != nil {
		missing.Has = c.keys.keyIDs
	}
	c.missed.add(missing)
	return missing
}

// keyOf reads the id of its key from a ciphertext.
func keyOf(sealed []byte) (keyID uint32, ours bool) {
	if len(sealed) < tinkPrefixSize || sealed[0] != tinkPrefix {
		return 0, false
	}
	return binary.BigEndian.Uint32(sealed[1:]), true
}

// associatedData is what is authenticated with a payload. It says whether there is
// a workflow, so that nobody turns one kind into the other.
func associatedData(workflowID string) []byte {
	if workflowID == "" {
		return []byte("cupcakery payload")
	}
	return []byte("cupcakery payload of " + strconv.Quote(workflowID))
}

// missed remembers which keys a process lacks.
type missed struct {
	logger *slog.Logger

	mu     sync.Mutex
	logged map[uint32]bool
	last   *MissingKeyError
}

func (m *missed) add(err *MissingKeyError) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = err
	if !m.logged[err.KeyID] {
		m.logged[err.KeyID] = true
		m.logger.Error("a key is missing: orders that are encrypted under it are neither read nor changed here", "key", err.KeyID, "error", err)
	}
}

func (m *missed) check() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.last == nil {
		return nil
	}
	return m.last
}
