package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// envAnnotation marks a flag with the environment variables that it falls back to.
const envAnnotation = "cupcakery_env"

// fromEnvironment lets the first of the variables that is set give the flag's
// value unless the flag is on the command line, and says so in the flag's help.
func fromEnvironment(flags *pflag.FlagSet, flag string, variables ...string) {
	f := flags.Lookup(flag)
	f.Usage += " [$" + strings.Join(variables, ", $") + "]"
	if err := flags.SetAnnotation(flag, envAnnotation, variables); err != nil {
		panic(err) // only for a flag that does not exist, which Lookup has caught
	}
}

// applyEnvironment sets every flag that was not given from its variable. An
// empty variable counts as not set. All faults are reported at once.
func applyEnvironment(flags *pflag.FlagSet, lookup func(string) (string, bool)) error {
	var faults []error
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			return
		}
		for _, variable := range f.Annotations[envAnnotation] {
			value, _ := lookup(variable)
			if value == "" {
				continue
			}
			if err := flags.Set(f.Name, value); err != nil {
				faults = append(faults, fmt.Errorf("environment variable %s=%q: %w", variable, value, err))
			}
			return
		}
	})
	if len(faults) > 0 {
		return &exitError{exitUsage, errors.Join(faults...)}
	}
	return nil
}

// logSettings are the flags of every process that logs.
type logSettings struct {
	level  string
	format string
}

func (s *logSettings) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&s.level, "log-level", "info", "lowest level to log: debug, info, warn or error")
	fromEnvironment(flags, "log-level", "CUPCAKERY_LOG_LEVEL")
	flags.StringVar(&s.format, "log-format", "text", "text for people, json for machines")
	fromEnvironment(flags, "log-format", "CUPCAKERY_LOG_FORMAT")
}

func (s *logSettings) logger(w io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.level)); err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("--log-level %q: use debug, info, warn or error", s.level)}
	}
	options := &slog.HandlerOptions{Level: level}
	switch strings.ToLower(s.format) {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, &exitError{exitUsage, fmt.Errorf("--log-format %q: use text or json", s.format)}
}
