package main

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

// ledgerVariable has the ledger's database for every command that uses it.
const ledgerVariable = "CUPCAKERY_LEDGER_DATABASE"

// ledgerSettings say where the ledger's database is.
type ledgerSettings struct {
	database string
	flag     string
}

// register adds the flag, which has another name where a database is not the main thing.
func (s *ledgerSettings) register(cmd *cobra.Command, flag, usage string) {
	s.flag = flag
	cmd.Flags().Var(&databaseValue{&s.database}, flag, usage)
	fromEnvironment(cmd.Flags(), flag, ledgerVariable)
}

// load returns the database's URL; empty if there is none.
func (s *ledgerSettings) load() (string, error) {
	if s.database != "" && !isDatabaseURL(s.database) {
		// It may have a password, so it is not repeated.
		return "", &exitError{exitUsage, fmt.Errorf("--%s, $%s: not a database's address: give one like postgres://ledger@127.0.0.1:5432/ledger", s.flag, ledgerVariable)}
	}
	return s.database, nil
}

// require is load for a command that cannot do without.
func (s *ledgerSettings) require() (string, error) {
	database, err := s.load()
	if err == nil && database == "" {
		err = &exitError{exitUsage, fmt.Errorf("no database: set $%s to the address of a PostgreSQL, such as postgres://ledger:PASSWORD@127.0.0.1:5432/ledger", ledgerVariable)}
	}
	return database, err
}

func isDatabaseURL(database string) bool {
	address, err := url.Parse(database)
	return err == nil && (address.Scheme == "postgres" || address.Scheme == "postgresql")
}

// databaseValue is a database's URL. Its password may come from a variable and from
// nowhere else: it is never shown.
type databaseValue struct{ url *string }

// Set implements pflag.Value. An error here would quote the URL.
func (v *databaseValue) Set(database string) error {
	*v.url = strings.TrimSpace(database)
	return nil
}

// String implements pflag.Value, and shows nothing.
func (v *databaseValue) String() string { return "" }

// Type implements pflag.Value.
func (v *databaseValue) Type() string { return "URL" }

// hasPassword reports whether a URL may have a password in it.
func (v *databaseValue) hasPassword() bool {
	address, err := url.Parse(*v.url)
	if err != nil {
		return strings.Contains(*v.url, "@")
	}
	_, has := address.User.Password()
	return has || strings.Contains(strings.ToLower(*v.url), "password")
}
