package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/api"
)

// counterSettings are where the token of the screen on the shop's wall comes from.
type counterSettings struct {
	token string
	file  string
}

func (s *counterSettings) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	secretVar(flags, &s.token, "counter-token", "CUPCAKERY_COUNTER_TOKEN", "set $CUPCAKERY_COUNTER_TOKEN, or name its file with --counter-token-file")
	flags.StringVar(&s.file, "counter-token-file", "", "file that has the token of the link to the screen on the shop's wall, at least 16 random characters, the same for every API process; without one only who is signed in can open /wall; another token ends the old link; or set $CUPCAKERY_COUNTER_TOKEN")
	fromEnvironment(flags, "counter-token-file", "CUPCAKERY_COUNTER_TOKEN_FILE")
}

// load returns the token from the one place where it is given; empty if there is none.
func (s *counterSettings) load() (string, error) {
	const remedy = `make one with "openssl rand -hex 32"`
	token := []byte(s.token)
	switch {
	case s.token != "" && s.file != "":
		return "", errors.New("the counter's token is given twice, by $CUPCAKERY_COUNTER_TOKEN and by --counter-token-file or $CUPCAKERY_COUNTER_TOKEN_FILE: keep one")
	case s.token == "" && s.file == "":
		return "", nil
	case s.file != "":
		data, err := os.ReadFile(s.file)
		if err != nil {
			return "", fmt.Errorf("read the counter's token: %w", err)
		}
		token = data
	}
	token = bytes.TrimSpace(token)
	switch {
	case len(token) < api.MinSecret:
		return "", fmt.Errorf("the counter's token has %d characters, and must have at least %d: %s", len(token), api.MinSecret, remedy)
	case len(token) > api.MaxWallToken:
		return "", fmt.Errorf("the counter's token has %d characters, and may have %d: %s", len(token), api.MaxWallToken, remedy)
	case distinct(token) < minDistinct:
		return "", fmt.Errorf("the counter's token is made of %d different characters, which can be guessed: %s", distinct(token), remedy)
	case slices.ContainsFunc(token, func(b byte) bool { return b <= ' ' || b > '~' }):
		return "", fmt.Errorf("the counter's token has a character that a link cannot carry as it is: %s", remedy)
	}
	return string(token), nil
}
