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
		if secret, is := f.Value.(*secretValue); is && f.Changed {
			faults = append(faults, fmt.Errorf("--%s: all users of a machine can see its command lines, so no secret is taken from one: %s", f.Name, secret.instead))
		}
		if database, is := f.Value.(*databaseValue); is && f.Changed && database.hasPassword() {
			faults = append(faults, fmt.Errorf("--%s: all users of a machine can see its command lines, so no password is taken from one: set $%s, or leave the password out and set $PGPASSWORD or $PGPASSFILE", f.Name, ledgerVariable))
		}
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

// secretValue is a setting that a variable may give and the command line may not.
// It is a flag all the same, so that whoever tries hears what to do instead.
type secretValue struct {
	value   *string
	instead string
}

// secretVar registers the setting under a flag that no help shows.
func secretVar(flags *pflag.FlagSet, value *string, flag, variable, instead string) {
	flags.Var(&secretValue{value, instead}, flag, "secret, never on a command line")
	fromEnvironment(flags, flag, variable)
	flags.Lookup(flag).Hidden = true
}

// Set implements pflag.Value. applyEnvironment refuses what the command line has: an
// error here would quote it.
func (v *secretValue) Set(value string) error {
	*v.value = value
	return nil
}

// String implements pflag.Value, and shows nothing.
func (v *secretValue) String() string { return "" }

// Type implements pflag.Value.
func (v *secretValue) Type() string { return "string" }

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
