package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/cupcakery/cupcakery/devstack"
)

const temporalDeploy = repositoryRoot + "/deploy/temporal/"

func TestTheDeployedTemporalIsSetLikeTheEmbeddedOne(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(temporalDeploy + "dynamicconfig.yaml")
	require.NoError(t, err)
	var settings map[string][]struct {
		Value any `yaml:"value"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(&settings))
	want := devstack.DynamicConfig()
	assert.Len(t, settings, len(want))
	for key, value := range want {
		require.Len(t, settings[key], 1, key)
		written, err := yaml.Marshal(settings[key][0].Value)
		require.NoError(t, err)
		assert.Equal(t, value, strings.TrimSpace(string(written)), key)
	}
}

func TestTheSchemaJobPreparesBothDatabasesAndStopsAtAFailure(t *testing.T) {
	t.Parallel()
	run := func(failAt int) (calls []string, err error) {
		dir := t.TempDir()
		tool := "#!/bin/sh\necho \"$@\" >>" + filepath.Join(dir, "calls") + "\n[ $(wc -l <" + filepath.Join(dir, "calls") + ") -ne " + strconv.Itoa(failAt) + " ]\n"
		require.NoError(t, os.WriteFile(filepath.Join(dir, "temporal-sql-tool"), []byte(tool), 0o700))
		job := exec.CommandContext(t.Context(), "sh", temporalDeploy+"schema.sh")
		job.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
		err = job.Run()
		data, readErr := os.ReadFile(filepath.Join(dir, "calls"))
		require.NoError(t, readErr)
		return strings.Split(strings.TrimSpace(string(data)), "\n"), err
	}
	want := []string{
		"--database temporal create-database",
		"--database temporal setup-schema --version 0.0",
		"--database temporal update-schema --schema-name postgresql/v12/temporal",
		"--database temporal_visibility create-database",
		"--database temporal_visibility setup-schema --version 0.0",
		"--database temporal_visibility update-schema --schema-name postgresql/v12/visibility",
	}
	calls, err := run(0)
	require.NoError(t, err)
	assert.Equal(t, want, calls)
	for failAt := range want {
		calls, err := run(failAt + 1)
		assert.Error(t, err)
		assert.Equal(t, want[:failAt+1], calls)
	}
}
