package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/kitchen"
)

func newStaffCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "staff",
		Short: "Make lines for the staff file, check it, and end sessions",
		RunE:  chooseSubcommand,
	}
	cmd.AddCommand(newStaffCheckCommand(), newStaffHashCommand(), newStaffSignOutCommand())
	return cmd
}

func newStaffCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Report every fault of a staff file",
		Long: `Report every fault of a staff file, one a line: file:line:column: key: what is
wrong and the remedy.

Exit codes: 0 no fault, 1 the file cannot be read, 4 it has faults.`,
		Example: "  cupcakery staff check staff.yaml",
		Args:    exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			staff, err := loadStaff(args[0])
			if faults, are := errors.AsType[*kitchen.FileError](err); are {
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), faults); err != nil {
					return fmt.Errorf("print the faults: %w", err)
				}
				return &exitError{exitRefused, fmt.Errorf("%s: %s", args[0], counted(len(faults.Faults), "fault", "faults"))}
			}
			if err != nil {
				return err
			}
			managers := 0
			for _, person := range staff.People {
				if person.Role == kitchen.RoleManager {
					managers++
				}
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: no faults: %s, %s\n", args[0],
				counted(len(staff.People), "person", "people"), counted(managers, "manager", "managers"))
			return err
		},
	}
}

func newStaffHashCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "hash",
		Short: "Read a PIN and print its line for the staff file",
		Long: `Read a PIN of 6 to 12 digits and print its line for the staff file. On a
terminal it asks twice and shows nothing; otherwise it reads one line from
standard input. The PIN is kept nowhere.

Exit codes: 0 done, 1 the PIN cannot be read, 4 it is not one.`,
		Example: "  cupcakery staff hash\n  cupcakery staff hash < pin.txt",
		Args:    exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			pin, err := readNewPIN(cmd)
			if err != nil {
				return err
			}
			hash, err := kitchen.HashPIN(pin)
			if err != nil {
				return &exitError{exitRefused, err}
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "    pin: %s\n", hash)
			return err
		},
	}
}
