package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/web"
)

// noticesFile is among the pages, and served like them.
const noticesFile = "third-party-notices.txt"

func newLicencesCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "licences",
		Aliases: []string{"licenses"},
		Short:   "Print the licences of what the program and its pages are built from",
		Args:    exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			notices, err := fs.ReadFile(web.Files(), noticesFile)
			if errors.Is(err, fs.ErrNotExist) {
				return errors.New("this build has no third-party notices: build it with make")
			}
			if err != nil {
				return fmt.Errorf("read the third-party notices: %w", err)
			}
			_, err = cmd.OutOrStdout().Write(notices)
			return err
		},
	}
}
