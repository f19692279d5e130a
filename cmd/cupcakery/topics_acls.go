package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/events"
)

func newTopicsACLsCommand() *cobra.Command {
	var kafka kafkaSettings
	var apply, asJSON bool
	var principals map[string]string
	cmd := &cobra.Command{
		Use:   "acls",
		Short: "Say which rights in Kafka each process needs, or give them",
		Long: `Say which rights each process needs in Kafka, and no more: topics and groups by
their whole names, operations as Kafka and Strimzi spell them. Read, Write and
Alter include Describe.

With --apply an ACL is made for each, which needs Alter on the cluster. The
principal of a process is "User:" and the process's name, unless --principal says
otherwise. Then only the processes that --principal names are given rights. What
somebody may already do is not taken away. Doing it again changes nothing.

Exit codes: 0 said or given, 1 Kafka refused, 2 the command line is wrong, 5
Kafka cannot be reached.`,
		Example: `  cupcakery topics acls
  cupcakery topics acls --json
  cupcakery topics acls --apply
  cupcakery topics acls --apply --principal api=User:sa-1a2b3c --principal worker=User:sa-4d5e6f`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if apply && asJSON {
				return &exitError{exitUsage, errors.New("--json only says which rights there are: leave it or --apply out")}
			}
			granted, err := chooseProcesses(principals)
			if err != nil {
				return err
			}
			if asJSON {
				encoder := json.NewEncoder(cmd.OutOrStdout())
				encoder.SetIndent("", "  ")
				return encoder.Encode(granted)
			}
			if !apply {
				return printRights(cmd.OutOrStdout(), granted)
			}
			connection, err := kafka.connection()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), topicsTimeout)
			defer cancel()
			for _, process := range granted {
				if err := events.AllowRights(ctx, connection, process.Principal, process.Rights); err != nil {
					return kafkaExit(err)
				}
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%s may do what %s needs (%s)\n", process.Principal, process.Process, counted(len(process.Rights), "right", "rights")); err != nil {
					return err
				}
			}
			return nil
		},
	}
	kafka.register(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&apply, "apply", false, "make the ACLs")
	flags.BoolVar(&asJSON, "json", false, "print JSON, for programs")
	flags.StringToStringVar(&principals, "principal", nil, "the principal of a process, as in api=User:sa-1a2b3c; only processes that are named count then")
	return cmd
}

// granted is a process with its principal.
type granted struct {
	events.ProcessRights
	Principal string `json:"principal"`
}

// chooseProcesses returns the processes that principals names, or all.
func chooseProcesses(principals map[string]string) ([]granted, error) {
	var chosen []granted
	unknown := maps.Clone(principals)
	for _, process := range events.Rights() {
		principal, named := principals[process.Process]
		delete(unknown, process.Process)
		switch {
		case len(principals) == 0:
			principal = "User:" + process.Process
		case !named:
			continue
		case !strings.Contains(principal, ":"):
			return nil, &exitError{exitUsage, fmt.Errorf("--principal %s=%s: must read PROCESS=TYPE:NAME, as in api=User:sa-1a2b3c", process.Process, principal)}
		}
		chosen = append(chosen, granted{process, principal})
	}
	for _, name := range slices.Sorted(maps.Keys(unknown)) {
		return nil, &exitError{exitUsage, fmt.Errorf("--principal: there is no process %q: `cupcakery topics acls` lists them", name)}
	}
	return chosen, nil
}

// printRights prints a line for each resource of each process.
func printRights(w io.Writer, processes []granted) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "PROCESS\tRESOURCE\tNAME\tOPERATIONS") // Flush reports what fails
	for _, process := range processes {
		for _, resource := range events.ByResource(process.Rights) {
			_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", process.Process, resource.Resource, resource.Name, strings.Join(resource.OperationNames(), ", "))
		}
	}
	return table.Flush()
}
