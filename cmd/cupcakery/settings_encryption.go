package main

import (
	"errors"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/encryption"
)

// encryptionSettings are the flags of every command that has a client of Temporal.
type encryptionSettings struct {
	keyset string
	kms    string
}

func (s *encryptionSettings) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&s.keyset, "encryption-keyset", "", `file with the keys that encrypt what Temporal keeps of orders, made by "cupcakery keys new"; without one nothing is encrypted`)
	fromEnvironment(flags, "encryption-keyset", "CUPCAKERY_ENCRYPTION_KEYSET")
	s.registerKMS(cmd)
}

func (s *encryptionSettings) registerKMS(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&s.kms, "encryption-kms", "", "key that the keyset itself is encrypted with, of a Vault or OpenBao transit engine: hcvault://HOST:PORT/MOUNT/keys/NAME, with Vault's own VAULT_* variables")
	fromEnvironment(flags, "encryption-kms", "CUPCAKERY_ENCRYPTION_KMS")
}

// newCodec is what a client of Temporal writes and reads through. Without a keyset
// it still tells what it cannot read.
func (s *encryptionSettings) newCodec(logger *slog.Logger) (*encryption.Codec, error) {
	if s.keyset == "" {
		if s.kms != "" {
			return nil, &exitError{exitUsage, errors.New("--encryption-kms decrypts a keyset, and there is none: name its file with --encryption-keyset")}
		}
		return encryption.New(nil, logger), nil
	}
	keys, err := encryption.ReadKeyset(s.keyset, s.kms)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	return encryption.New(keys, logger), nil
}
