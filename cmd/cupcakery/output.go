package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// The formats of results.
const (
	outputTable = "table"
	outputJSON  = "json"
)

func registerOutput(cmd *cobra.Command, output *string) {
	cmd.Flags().StringVarP(output, "output", "o", outputTable, "table for people, json for programs")
	complete(cmd, "output", func(string) []string { return []string{outputTable, outputJSON} })
}

func checkOutput(output string) error {
	if output != outputTable && output != outputJSON {
		return &exitError{exitUsage, fmt.Errorf("--output %q: use table or json", output)}
	}
	return nil
}
