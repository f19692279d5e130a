package main

import (
	"bytes"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/worker"
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

func TestTheVersionThatTemporalsWorkerControllerGivesComesFirst(t *testing.T) {
	t.Parallel()
	injected := map[string]string{"TEMPORAL_DEPLOYMENT_NAME": "bakery/cupcakery-worker", "TEMPORAL_WORKER_BUILD_ID": "main-7c9f"}
	ours := map[string]string{"CUPCAKERY_DEPLOYMENT_NAME": "cupcakery", "CUPCAKERY_BUILD_ID": "v1"}
	for name, c := range map[string]struct {
		args           []string
		environment    []map[string]string
		wantName, want string
	}{
		"the controller's":                 {nil, []map[string]string{injected}, "bakery/cupcakery-worker", "main-7c9f"},
		"ours without the controller":      {nil, []map[string]string{ours}, "cupcakery", "v1"},
		"the controller's beside ours":     {nil, []map[string]string{ours, injected}, "bakery/cupcakery-worker", "main-7c9f"},
		"empty ones count as not given":    {nil, []map[string]string{ours, {"TEMPORAL_DEPLOYMENT_NAME": "", "TEMPORAL_WORKER_BUILD_ID": ""}}, "cupcakery", "v1"},
		"the command line's beside either": {[]string{"--deployment-name", "by-hand", "--build-id", "v0"}, []map[string]string{ours, injected}, "by-hand", "v0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			environment := map[string]string{}
			for _, variables := range c.environment {
				maps.Copy(environment, variables)
			}
			flags := newWorkerCommand().Flags()
			require.NoError(t, flags.Parse(c.args))
			require.NoError(t, applyEnvironment(flags, func(name string) (string, bool) { value, set := environment[name]; return value, set }))
			require.Equal(t, c.wantName, flags.Lookup("deployment-name").Value.String())
			require.Equal(t, c.want, flags.Lookup("build-id").Value.String())
			require.NoError(t, worker.CheckDeployment(c.wantName, c.want), "Temporal takes it")
		})
	}
}
