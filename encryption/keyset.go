package encryption

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Keyset is the keys of a deployment. What is written is encrypted with the
// primary one; the others are for reading.
type Keyset struct {
	handle      *keyset.Handle
	aead        tink.AEAD
	primaryText string
	keyIDs      []uint32
}

// Key is what a keyset tells of one of its keys.
type Key struct {
	ID      uint32
	Primary bool
}

// NewKeyset makes a keyset with one new key.
func NewKeyset() (*Keyset, error) {
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return newKeyset(handle)
}

// ReadKeyset reads a file in Tink's JSON format. kmsURI names the key of a KMS that
// the keyset itself is encrypted with; empty if it is not.
func ReadKeyset(file, kmsURI string) (*Keyset, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the encryption keyset: %w", err)
	}
	keys, err := ParseKeyset(data, kmsURI)
	if err != nil {
		return nil, fmt.Errorf("read the encryption keyset %q: %w", file, err)
	}
	return keys, nil
}

// ParseKeyset reads what ReadKeyset finds in its file.
func ParseKeyset(data []byte, kmsURI string) (*Keyset, error) {
	reader := keyset.NewJSONReader(bytes.NewReader(data))
	if kmsURI == "" {
		handle, err := insecurecleartextkeyset.Read(reader)
		switch {
		case err != nil && isEncryptedKeyset(data):
			return nil, errors.New("it is encrypted by a KMS: name that one's key with --encryption-kms")
		case err != nil:
			// Tink's own error is left out: it may quote the file, which is secret.
			return nil, errors.New("it is no keyset in Tink's JSON format: cupcakery keys new makes one")
		}
		return newKeyset(handle)
	}
	kms, err := kmsAEAD(kmsURI)
	if err != nil {
		return nil, err
	}
	if !isEncryptedKeyset(data) {
		return nil, errors.New("it is not encrypted by a KMS: leave --encryption-kms out, or make a keyset with it")
	}
	handle, err := keyset.Read(reader, kms)
	if err != nil {
		return nil, fmt.Errorf("decrypt it with %s: %w", kmsURI, err)
	}
	return newKeyset(handle)
}

func isEncryptedKeyset(data []byte) bool {
	encrypted, err := keyset.NewJSONReader(bytes.NewReader(data)).ReadEncrypted()
	return err == nil && len(encrypted.GetEncryptedKeyset()) > 0
}

func newKeyset(handle *keyset.Handle) (*Keyset, error) {
	info := handle.KeysetInfo()
	for _, key := range info.GetKeyInfo() {
		if key.GetOutputPrefixType() != tinkpb.OutputPrefixType_TINK {
			return nil, fmt.Errorf("key %d has the output prefix %s: only keys with TINK name themselves in what they encrypt", key.GetKeyId(), key.GetOutputPrefixType())
		}
	}
	primitive, err := aead.New(handle)
	if err != nil {
		return nil, errors.New("its keys are not for authenticated encryption (AEAD)")
	}
	keys := &Keyset{handle: handle, aead: primitive, primaryText: strconv.FormatUint(uint64(info.GetPrimaryKeyId()), 10)}
	for _, key := range keys.Keys() {
		keys.keyIDs = append(keys.keyIDs, key.ID)
	}
	return keys, nil
}

// JSON is the keyset in Tink's format, encrypted by a KMS unless kmsURI is empty.
func (k *Keyset) JSON(kmsURI string) ([]byte, error) {
	var data bytes.Buffer
	writer := keyset.NewJSONWriter(&data)
	if kmsURI == "" {
		if err := insecurecleartextkeyset.Write(k.handle, writer); err != nil {
			return nil, fmt.Errorf("write the keyset: %w", err)
		}
		return line(data.Bytes()), nil
	}
	kms, err := kmsAEAD(kmsURI)
	if err != nil {
		return nil, err
	}
	if err := k.handle.Write(writer, kms); err != nil {
		return nil, fmt.Errorf("encrypt the keyset with %s: %w", kmsURI, err)
	}
	return line(data.Bytes()), nil
}

// line ends a text with one line feed.
func line(text []byte) []byte { return append(bytes.TrimSpace(text), '\n') }

// Keys lists the keys, the oldest first.
func (k *Keyset) Keys() []Key {
	info := k.handle.KeysetInfo()
	var keys []Key
	for _, key := range info.GetKeyInfo() {
		if key.GetStatus() == tinkpb.KeyStatusType_ENABLED {
			keys = append(keys, Key{ID: key.GetKeyId(), Primary: key.GetKeyId() == info.GetPrimaryKeyId()})
		}
	}
	return keys
}

func (k *Keyset) has(id uint32) bool { return slices.Contains(k.keyIDs, id) }

// Add returns the keyset with one more key, which only reads until Promote. So every
// process can be given it before anything is encrypted with it.
func (k *Keyset) Add() (with *Keyset, id uint32, err error) {
	err = k.change(&with, func(manager *keyset.Manager) (err error) {
		id, err = manager.Add(aead.AES256GCMKeyTemplate())
		return err
	})
	return with, id, err
}

// Promote returns the keyset with another primary key.
func (k *Keyset) Promote(id uint32) (promoted *Keyset, err error) {
	if !k.has(id) {
		return nil, k.unknown(id)
	}
	err = k.change(&promoted, func(manager *keyset.Manager) error { return manager.SetPrimary(id) })
	return promoted, err
}

// Remove returns the keyset without a key. Nothing that is encrypted under it can
// ever be read again.
func (k *Keyset) Remove(id uint32) (without *Keyset, err error) {
	switch {
	case !k.has(id):
		return nil, k.unknown(id)
	case strconv.FormatUint(uint64(id), 10) == k.primaryText:
		return nil, fmt.Errorf("key %d is the one that encrypts: promote another first", id)
	}
	err = k.change(&without, func(manager *keyset.Manager) error { return manager.Delete(id) })
	return without, err
}

func (k *Keyset) unknown(id uint32) error {
	return fmt.Errorf("the keyset has no key %d: it has %v", id, k.keyIDs)
}

func (k *Keyset) change(to **Keyset, how func(*keyset.Manager) error) error {
	manager := keyset.NewManagerFromHandle(k.handle)
	if err := how(manager); err != nil {
		return fmt.Errorf("change the keyset: %w", err)
	}
	handle, err := manager.Handle()
	if err != nil {
		return fmt.Errorf("change the keyset: %w", err)
	}
	*to, err = newKeyset(handle)
	return err
}
