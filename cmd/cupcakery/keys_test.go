package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestKeysAreMadeAndRotated(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "keyset.json")
	good := func(args ...string) string {
		c := invoke(t, "", append([]string{"keys"}, args...)...)
		require.Zero(t, c.code, c.stderr)
		return c.stdout
	}
	number := regexp.MustCompile(`key ([0-9]+)`)
	first := number.FindStringSubmatch(good("new", file))[1]
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	require.Regexp(t, first+` *encrypts and reads\n`, good("list", file)) // an id has up to ten digits

	second := number.FindStringSubmatch(good("add", file))[1]
	require.Regexp(t, first+` *encrypts and reads\n`+second+` *reads\n`, good("list", file))
	good("promote", file, second)
	require.Regexp(t, first+` *reads\n`+second+` *encrypts and reads\n`, good("list", file))
	good("remove", file, first)
	require.NotContains(t, good("list", file), first)
	info, err = os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	before, err := os.ReadFile(file)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"NewOverKeysInUse":   {[]string{"new", file}, exitFailed, "exists: its keys may be in use"},
		"RemoveThePrimary":   {[]string{"remove", file, second}, exitRefused, "promote another first"},
		"PromoteWhatIsGone":  {[]string{"promote", file, first}, exitRefused, "has no key " + first},
		"PromoteNoNumber":    {[]string{"promote", file, "newest"}, exitUsage, "no key's id"},
		"ListWhatIsNotThere": {[]string{"list", file + ".old"}, exitFailed, "no such file"},
		"AnotherKMS":         {[]string{"list", file, "--encryption-kms", "gcp-kms://x"}, exitFailed, "no other KMS here"},
	} {
		t.Run(name, func(t *testing.T) {
			refused := invoke(t, "", append([]string{"keys"}, c.args...)...)
			require.Equal(t, c.code, refused.code)
			require.Contains(t, refused.stderr, c.says)
			after, err := os.ReadFile(file)
			require.NoError(t, err)
			require.Equal(t, before, after)
		})
	}
}

func TestAWrongKeysetStopsAProcessAtItsStart(t *testing.T) {
	t.Parallel()
	for says, args := range map[string][]string{
		"read the encryption keyset: open /nowhere":    {"worker", "--encryption-keyset", "/nowhere"},
		"--encryption-kms decrypts a keyset":           {"order", "doctor", "--encryption-kms", "hcvault://h:1/transit/keys/k"},
		"no keyset in Tink's JSON format: cupcakery k": {"temporal", "check", "--encryption-keyset", secretFile(t, "a secret that is none")},
	} {
		c := invoke(t, "", args...)
		require.Equal(t, exitUsage, c.code, c.stderr)
		require.Contains(t, c.stderr, says)
		require.NotContains(t, c.stderr, "a secret that")
	}
}
