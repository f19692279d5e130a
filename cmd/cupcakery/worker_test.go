package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestADeploymentNameAndABuildIDGoTogether(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"a name alone":       {[]string{"--deployment-name", "cupcakery"}, "give both"},
		"a build id alone":   {[]string{"--build-id", "v1"}, "give both"},
		"a name with a dot":  {[]string{"--deployment-name", "cup.cakery", "--build-id", "v1"}, "no dot"},
		"a name with colons": {[]string{"--deployment-name", "cup:cakery", "--build-id", "v1"}, "no colon"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			require.Equal(t, exitUsage, run(t.Context(), append([]string{"worker"}, c.args...), strings.NewReader(""), &stdout, &stderr))
			require.Contains(t, stderr.String(), c.says)
			require.Contains(t, stderr.String(), "--deployment-name")
			require.Contains(t, stderr.String(), "--build-id")
		})
	}
}
