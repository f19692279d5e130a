package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
)

func TestTheDefaultKitchenFilePassesItsOwnCheck(t *testing.T) {
	t.Parallel()
	var printed, stderr bytes.Buffer
	require.Zero(t, run(context.Background(), []string{"kitchen", "default"}, nil, &printed, &stderr), stderr.String())
	path := filepath.Join(t.TempDir(), "kitchen.yaml")
	require.NoError(t, os.WriteFile(path, printed.Bytes(), 0o600))
	var stdout bytes.Buffer
	assert.Zero(t, run(context.Background(), []string{"kitchen", "check", path}, nil, &stdout, &stderr))
	assert.Equal(t, path+": no faults: 10 flavours, 4 sizes, 5 reasons, prices in EUR\n", stdout.String())
	assert.Empty(t, stderr.String())
}

func TestKitchenCheckPrintsEveryFaultAndExitsWith4(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "kitchen.yaml")
	require.NoError(t, os.WriteFile(path, []byte("limits:\n  lines: 21\n  pages: 3\n"), 0o600))
	var stdout, stderr bytes.Buffer
	assert.Equal(t, exitRefused, run(context.Background(), []string{"kitchen", "check", path}, nil, &stdout, &stderr))
	assert.Equal(t, path+":2:10: limits.lines: must be from 1 to 20, it is 21\n"+
		path+`:3:3: limits.pages: unknown key "pages": known here are nameLength, lines, quantity, messageLength, notesLength, allergies, allergyLength`+"\n", stdout.String())
	assert.Equal(t, "cupcakery: "+path+": 2 faults\n", stderr.String())

	stderr.Reset()
	assert.Equal(t, exitFailed, run(context.Background(), []string{"kitchen", "check", path + ".not"}, nil, &stdout, &stderr))
	assert.Contains(t, stderr.String(), "read the kitchen file: open "+path+".not")
	assert.Equal(t, exitUsage, run(context.Background(), []string{"kitchen", "check"}, nil, &stdout, &stderr))
}

func TestTheKitchenSettingReadsItsFlagOrVariable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "kitchen.yaml")
	require.NoError(t, os.WriteFile(path, []byte("limits: {lines: 3}"), 0o600))
	broken := filepath.Join(t.TempDir(), "broken.yaml")
	require.NoError(t, os.WriteFile(broken, []byte("limits: {lines: 0}"), 0o600))
	read := func(flag, variable string) (*kitchen.Kitchen, error) {
		var settings kitchenSettings
		cmd := &cobra.Command{}
		settings.register(cmd)
		if flag != "" {
			require.NoError(t, cmd.Flags().Set("kitchen", flag))
		}
		require.NoError(t, applyEnvironment(cmd.Flags(), func(name string) (string, bool) {
			return variable, name == "CUPCAKERY_KITCHEN"
		}))
		return settings.load()
	}
	k, err := read("", "")
	require.NoError(t, err)
	assert.Equal(t, kitchen.Default(), k)
	k, err = read(path, broken)
	require.NoError(t, err)
	assert.Nil(t, k.Menu.Prices)
	assert.Equal(t, 3, k.Limits.Lines)
	_, err = read("", broken)
	assert.EqualError(t, err, broken+":1:17: limits.lines: must be from 1 to 20, it is 0")
}

func TestAMistypedSubcommandIsWrongUsage(t *testing.T) {
	t.Parallel()
	var stdout, stderr bytes.Buffer
	assert.Equal(t, exitUsage, run(context.Background(), []string{"kitchen", "chek"}, nil, &stdout, &stderr))
	assert.Equal(t, "cupcakery: unknown command \"chek\" for \"cupcakery kitchen\": did you mean \"check\"? (see cupcakery kitchen --help)\n", stderr.String())
	assert.Empty(t, stdout.String())
	assert.Zero(t, run(context.Background(), []string{"kitchen"}, nil, &stdout, &stderr))
	assert.Contains(t, stdout.String(), "check       Report every fault of a kitchen file")
}
