package encryption

import (
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/mac"
)

func TestAKeysetIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	keys := newKeys(t)
	data, err := keys.JSON("")
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "keyset.json")
	require.NoError(t, os.WriteFile(file, data, 0o600))
	read, err := ReadKeyset(file, "")
	require.NoError(t, err)
	require.Equal(t, keys.Keys(), read.Keys())
	var name string
	require.NoError(t, New(read, quiet).DataOf(orderA).FromPayload(sealFor(t, New(keys, quiet), orderA, "Ada"), &name))
}

func TestAWrongKeysetIsRefusedWithTheRemedyAndNotQuoted(t *testing.T) {
	t.Parallel()
	jsonOf := func(handle *keyset.Handle, err error) string {
		require.NoError(t, err)
		data, err := (&Keyset{handle: handle}).JSON("")
		require.NoError(t, err)
		return string(data)
	}
	// quote is too much of a keyset to stand in a log. Ids of keys are shorter.
	const quote = 12
	good := jsonOf(keyset.NewHandle(aead.AES256GCMKeyTemplate()))
	for name, c := range map[string]struct{ text, kms, says string }{
		"NotJSON":       {"correct-horse-battery-staple", "", "no keyset in Tink's JSON format: cupcakery keys new"},
		"CutOff":        {good[:len(good)/2], "", "no keyset in Tink's JSON format"},
		"Empty":         {"", "", "no keyset in Tink's JSON format"},
		"Mac":           {jsonOf(keyset.NewHandle(mac.HMACSHA256Tag128KeyTemplate())), "", "not for authenticated encryption"},
		"WithoutPrefix": {jsonOf(keyset.NewHandle(aead.AES256GCMNoPrefixKeyTemplate())), "", "name themselves"},
		"Encrypted":     {`{"encryptedKeyset":"AAAA","keysetInfo":{}}`, "", "--encryption-kms"},
		"NotEncrypted":  {good, "hcvault://127.0.0.1:1/transit/keys/cupcakery", "leave --encryption-kms out"},
		"AnotherKMS":    {good, "aws-kms://arn:aws:kms:us-east-1:1:key/1", "there is no other KMS here"},
		"NoKeyOfTheKMS": {good, "hcvault://127.0.0.1:1", "hcvault://HOST:PORT/MOUNT/keys/NAME"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseKeyset([]byte(c.text), c.kms)
			require.ErrorContains(t, err, c.says)
			for start := range max(0, len(c.text)-quote+1) {
				require.NotContains(t, err.Error(), c.text[start:start+quote])
			}
		})
	}
	_, err := ReadKeyset("/nowhere/keyset.json", "")
	require.ErrorContains(t, err, "read the encryption keyset: open /nowhere/keyset.json")
}

// A keyset is encrypted by a server that speaks as Vault's transit engine does.
func TestAKeysetIsEncryptedByVault(t *testing.T) {
	const token = "the token of a test"
	vault := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Vault-Token") != token {
			http.Error(w, `{"errors":["permission denied"]}`, http.StatusForbidden)
			return
		}
		var asked map[string]string
		if json.NewDecoder(r.Body).Decode(&asked) != nil {
			http.Error(w, "{}", http.StatusBadRequest)
			return
		}
		answer := map[string]string{}
		switch r.URL.Path {
		case "/v1/transit/encrypt/cupcakery":
			plain, err := base64.StdEncoding.DecodeString(asked["plaintext"])
			if err != nil {
				http.Error(w, "{}", http.StatusBadRequest)
				return
			}
			answer["ciphertext"] = "vault:v1:" + base64.StdEncoding.EncodeToString(turned(plain))
		case "/v1/transit/decrypt/cupcakery":
			sealed, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(asked["ciphertext"], "vault:v1:"))
			if err != nil {
				http.Error(w, "{}", http.StatusBadRequest)
				return
			}
			answer["plaintext"] = base64.StdEncoding.EncodeToString(turned(sealed))
		default:
			http.NotFound(w, r)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"data": answer})
	}))
	defer vault.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: vault.Certificate().Raw}), 0o600))
	t.Setenv("VAULT_CACERT", ca)
	t.Setenv("VAULT_TOKEN", token)
	uri := "hcvault://" + vault.Listener.Addr().String() + "/transit/keys/cupcakery"

	keys := newKeys(t)
	plain, err := keys.JSON("")
	require.NoError(t, err)
	data, err := keys.JSON(uri)
	require.NoError(t, err)
	var secret struct {
		Key []struct {
			KeyData struct{ Value string }
		}
	}
	require.NoError(t, json.Unmarshal(plain, &secret))
	require.NotEmpty(t, secret.Key[0].KeyData.Value)
	require.NotContains(t, string(data), secret.Key[0].KeyData.Value)

	read, err := ParseKeyset(data, uri)
	require.NoError(t, err)
	var name string
	require.NoError(t, New(read, quiet).DataOf(orderA).FromPayload(sealFor(t, New(keys, quiet), orderA, "Ada"), &name))

	_, err = ParseKeyset(data, "")
	require.ErrorContains(t, err, "--encryption-kms")
	t.Setenv("VAULT_TOKEN", "another")
	_, err = ParseKeyset(data, uri)
	require.ErrorContains(t, err, "permission denied")
}

// turned is the test's stand-in for encryption.
func turned(data []byte) []byte {
	turned := make([]byte, len(data))
	for i, b := range data {
		turned[i] = b ^ 0x5a
	}
	return turned
}
