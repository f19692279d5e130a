package encryption

import (
	"fmt"
	"net/url"

	"github.com/hashicorp/vault/api"
	"github.com/tink-crypto/tink-go-hcvault/v2/integration/hcvault"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// kmsAEAD is the key of a KMS that a keyset is encrypted with. There is Vault's
// transit engine, hcvault://HOST:PORT/MOUNT/keys/NAME, which OpenBao has too. It
// takes Vault's own variables, such as VAULT_TOKEN and VAULT_CACERT.
func kmsAEAD(uri string) (tink.AEAD, error) {
	parsed, err := url.Parse(uri)
	if err != nil || parsed.Scheme != "hcvault" || parsed.Host == "" || parsed.Path == "" {
		return nil, fmt.Errorf("--encryption-kms %q: give the key of a Vault or OpenBao transit engine as hcvault://HOST:PORT/MOUNT/keys/NAME; there is no other KMS here", uri)
	}
	config := api.DefaultConfig() // has read Vault's variables
	if config.Error != nil {
		return nil, fmt.Errorf("read Vault's variables (VAULT_*): %w", config.Error)
	}
	config.Address = "https://" + parsed.Host
	vault, err := api.NewClient(config)
	if err != nil {
		return nil, fmt.Errorf("prepare to ask Vault: %w", err)
	}
	client, err := hcvault.NewClientWithAEADOptions("hcvault://"+parsed.Host, vault.Logical())
	if err != nil {
		return nil, fmt.Errorf("prepare to ask Vault: %w", err)
	}
	key, err := client.GetAEAD(uri)
	if err != nil {
		return nil, fmt.Errorf("--encryption-kms %q: %w", uri, err)
	}
	return key, nil
}
