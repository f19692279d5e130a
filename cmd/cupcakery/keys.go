package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/encryption"
)

func newKeysCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "Make and rotate the keys that encrypt what Temporal keeps of orders",
		Long: `Make and rotate the keys that encrypt what Temporal keeps of orders. A keyset is a
file in Tink's JSON format, which whoever has it can read all orders with: keep it
as you keep a password. With --encryption-kms it is encrypted itself.

To rotate: "keys add", give the file to every process and restart it, then "keys
promote", and give it out once more. So no process ever meets a key that it lacks.
Old keys stay for reading; "keys remove" is for when Temporal has kept no order of
that key any more. docs/encryption.md has the whole way.`,
		Args: cobra.ArbitraryArgs,
		RunE: chooseSubcommand,
	}
	cmd.AddCommand(
		newKeysNewCommand(),
		newKeysListCommand(),
		newKeysChangeCommand("add FILE", "Add a key that only reads until it is promoted", 1, func(keys *encryption.Keyset, _ uint32) (*encryption.Keyset, string, error) {
			changed, id, err := keys.Add()
			return changed, fmt.Sprintf("Added key %d. Give every process this file, then: cupcakery keys promote FILE %d", id, id), err
		}),
		newKeysChangeCommand("promote FILE KEY", "Encrypt with another key of the keyset from now on", 2, func(keys *encryption.Keyset, id uint32) (*encryption.Keyset, string, error) {
			changed, err := keys.Promote(id)
			return changed, fmt.Sprintf("Key %d encrypts as soon as processes have this file. The others are still read.", id), err
		}),
		newKeysChangeCommand("remove FILE KEY", "Forget a key, and with it all that is encrypted under it", 2, func(keys *encryption.Keyset, id uint32) (*encryption.Keyset, string, error) {
			changed, err := keys.Remove(id)
			return changed, fmt.Sprintf("Removed key %d.", id), err
		}),
	)
	return cmd
}

func newKeysNewCommand() *cobra.Command {
	var settings encryptionSettings
	cmd := &cobra.Command{
		Use:     "new FILE",
		Short:   "Make a keyset with one key",
		Long:    "Make a keyset with one key. A file that exists is never overwritten.\n\nExit codes: 0 made, 1 it could not be written, 2 wrong usage.",
		Example: "  cupcakery keys new keyset.json",
		Args:    exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			keys, err := encryption.NewKeyset()
			if err != nil {
				return err
			}
			data, err := keys.JSON(settings.kms)
			if err != nil {
				return err
			}
			file, err := os.OpenFile(args[0], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("%s exists: its keys may be in use, so nothing was written", args[0])
			}
			if err != nil {
				return fmt.Errorf("write the keyset: %w", err)
			}
			_, err = file.Write(data)
			if err := errors.Join(err, file.Close()); err != nil {
				return fmt.Errorf("write the keyset: %w", err)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "Made %s with key %d. Keep it secret, and keep a copy: without it nobody reads the orders.\n", args[0], keys.Keys()[0].ID)
			return err
		},
	}
	settings.registerKMS(cmd)
	return cmd
}

func newKeysListCommand() *cobra.Command {
	var settings encryptionSettings
	cmd := &cobra.Command{
		Use:   "list FILE",
		Short: "List the keys of a keyset by their ids",
		Args:  exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			keys, err := encryption.ReadKeyset(args[0], settings.kms)
			if err != nil {
				return err
			}
			for _, key := range keys.Keys() {
				use := "reads"
				if key.Primary {
					use = "encrypts and reads"
				}
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%-10d  %s\n", key.ID, use); err != nil {
					return err
				}
			}
			return nil
		},
	}
	settings.registerKMS(cmd)
	return cmd
}

// newKeysChangeCommand is a command that changes a keyset's file. With two
// arguments the second is the id of a key.
func newKeysChangeCommand(use, short string, arguments int, change func(*encryption.Keyset, uint32) (*encryption.Keyset, string, error)) *cobra.Command {
	var settings encryptionSettings
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  exactArgs(arguments),
		RunE: func(cmd *cobra.Command, args []string) error {
			var id uint64
			if arguments == 2 {
				var err error
				if id, err = strconv.ParseUint(args[1], 10, 32); err != nil {
					return &exitError{exitUsage, fmt.Errorf("%q is no key's id: cupcakery keys list has them", args[1])}
				}
			}
			keys, err := encryption.ReadKeyset(args[0], settings.kms)
			if err != nil {
				return err
			}
			changed, says, err := change(keys, uint32(id))
			if err != nil {
				return &exitError{exitRefused, err}
			}
			data, err := changed.JSON(settings.kms)
			if err != nil {
				return err
			}
			if err := devstack.WriteFileAtomically(args[0], data, 0o600); err != nil {
				return fmt.Errorf("write the keyset: %w", err)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), says)
			return err
		},
	}
	settings.registerKMS(cmd)
	return cmd
}
