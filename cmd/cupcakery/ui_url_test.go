package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheAddressOfTemporalsUIIsChecked(t *testing.T) {
	t.Parallel()
	for _, command := range [][]string{{"api", "--secret-file", "none"}, {"dev"}} {
		said := invoke(t, "", append(command, "--temporal-ui-url", "temporal.example.com")...)
		require.Equal(t, exitUsage, said.code, said.stderr)
		require.Contains(t, said.stderr, `--temporal-ui-url "temporal.example.com": write the address at which people open it`)
	}
}
