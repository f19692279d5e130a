package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cupcakery/cupcakery/kitchen"
)

// didYouMean is a question about what somebody may have meant instead of a word that
// is none of the known ones, or only the beginning of some; empty if none is near.
func didYouMean(typed string, known []string) string {
	var meant []string
	for _, word := range known {
		if strings.HasPrefix(word, typed) {
			meant = append(meant, strconv.Quote(word))
		}
	}
	if nearest := kitchen.Nearest(typed, known); len(meant) == 0 && nearest != "" {
		meant = append(meant, strconv.Quote(nearest))
	}
	const most = 3
	if len(meant) == 0 || len(meant) > most {
		return ""
	}
	return ": did you mean " + strings.Join(meant, " or ") + "?"
}

// unknownCommand is the error for a word where the name of a command belongs.
func unknownCommand(cmd *cobra.Command, typed string) error {
	var known []string
	for _, each := range cmd.Commands() {
		if each.IsAvailableCommand() {
			known = append(known, each.Name())
		}
	}
	return &exitError{exitUsage, fmt.Errorf("unknown command %q for %q%s (see %s --help)", typed, cmd.CommandPath(), didYouMean(typed, known), cmd.CommandPath())}
}

// wrongFlag is the error for a flag that the command does not have or cannot read.
func wrongFlag(cmd *cobra.Command, err error) error {
	question := ""
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok && unknown.GetSpecifiedShortnames() == "" {
		var known []string
		cmd.Flags().VisitAll(func(flag *pflag.Flag) {
			if !flag.Hidden {
				known = append(known, "--"+flag.Name)
			}
		})
		question = didYouMean("--"+unknown.GetSpecifiedName(), known)
	}
	return &exitError{exitUsage, fmt.Errorf("%w%s (see %s --help)", err, question, cmd.CommandPath())}
}
