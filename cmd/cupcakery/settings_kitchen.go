package main

import (
	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/kitchen"
)

// kitchenSettings say which kitchen file is used.
type kitchenSettings struct{ path string }

func (s *kitchenSettings) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&s.path, "kitchen", "", `kitchen file with menu, limits and ack times; empty for what "cupcakery kitchen default" prints`)
	fromEnvironment(flags, "kitchen", "CUPCAKERY_KITCHEN")
}

// load reads the kitchen file. Its error names every fault in it.
func (s *kitchenSettings) load() (*kitchen.Kitchen, error) {
	if s.path == "" {
		return kitchen.Default(), nil
	}
	return kitchen.Load(s.path)
}
