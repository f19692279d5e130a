package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/kitchen"
)

func newKitchenCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kitchen",
		Short: "Check a kitchen file, print the default one, or say what is sold out",
		RunE:  chooseSubcommand,
	}
	cmd.AddCommand(newKitchenCheckCommand(), newKitchenDefaultCommand(), newKitchenSoldOutCommand())
	return cmd
}

func newKitchenCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Report every fault of a kitchen file",
		Long: `Report every fault of a kitchen file, one a line: file:line:column: key: what
is wrong and the remedy.

Exit codes: 0 no fault, 1 the file cannot be read, 4 it has faults.`,
		Example: "  cupcakery kitchen default > kitchen.yaml\n  cupcakery kitchen check kitchen.yaml",
		Args:    exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			k, err := kitchen.Load(args[0])
			var faults *kitchen.FileError
			if errors.As(err, &faults) {
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), faults); err != nil {
					return fmt.Errorf("print the faults: %w", err)
				}
				return &exitError{exitRefused, fmt.Errorf("%s: %s", args[0], counted(len(faults.Faults), "fault", "faults"))}
			}
			if err != nil {
				return err
			}
			prices := "no prices"
			if list := k.Menu.Prices; list != nil {
				prices = "prices in " + list.Currency
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: no faults: %s, %s, %s, %s\n", args[0], counted(len(k.Menu.Flavours), "flavour", "flavours"),
				counted(len(k.Menu.Sizes), "size", "sizes"), counted(len(k.Reasons), "reason", "reasons"), prices)
			return err
		},
	}
}

func newKitchenDefaultCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "default",
		Short:   "Print the default kitchen file",
		Example: "  cupcakery kitchen default > kitchen.yaml",
		Args:    exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(kitchen.DefaultFile())
			return err
		},
	}
}

// counted is "1 flavour" or "10 flavours".
func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
