package kitchen

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// aHash is of the right form; nobody knows its PIN.
const aHash = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$GL1FAlRnS3S6l0WCMFOKRXZy0bH5M1ylOdXt5pnD3J0"

func TestAHashMatchesItsPINOnly(t *testing.T) {
	t.Parallel()
	hash, err := HashPIN("123456")
	require.NoError(t, err)
	again, err := HashPIN("123456")
	require.NoError(t, err)
	assert.NotEqual(t, hash.String(), again.String(), "every hash has a salt of its own")
	back, err := ParsePINHash(hash.String())
	require.NoError(t, err)
	assert.Equal(t, hash, back)
	assert.True(t, back.Matches("123456"))
	for _, wrong := range []string{"123457", "", "1234567", "123456 ", strings.Repeat("1", 10_000)} {
		assert.False(t, back.Matches(wrong), wrong)
	}
	assert.False(t, PINHash{}.Matches(""), "nobody's hash matches nothing")
}

func TestAPINIsSixToTwelveDigits(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"000000", "123456789012"} {
		assert.NoError(t, CheckPIN(good))
	}
	for _, bad := range []string{"", "12345", "1234567890123", "12345a", "12 456", "１２３４５６", strings.Repeat("9", 10_000)} {
		err := CheckPIN(bad)
		require.EqualError(t, err, "a PIN has 6 to 12 digits and nothing else")
		_, err = HashPIN(bad)
		require.Error(t, err)
	}
}

func TestAHashThatIsTooWeakTooCostlyOrNoneIsRefused(t *testing.T) {
	t.Parallel()
	const salt, sum = "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for name, c := range map[string]struct{ text, says string }{
		"too little memory":   {"$argon2id$v=19$m=19455,t=2,p=1$" + salt + "$" + sum, "m=19455 is too weak"},
		"too few passes":      {"$argon2id$v=19$m=19456,t=1,p=1$" + salt + "$" + sum, "t=1 is too weak"},
		"no lanes":            {"$argon2id$v=19$m=19456,t=2,p=0$" + salt + "$" + sum, "p=0 is too weak"},
		"too much memory":     {"$argon2id$v=19$m=131073,t=2,p=1$" + salt + "$" + sum, "m=131073 is too costly"},
		"memory beyond bits":  {"$argon2id$v=19$m=99999999999999999999,t=2,p=1$" + salt + "$" + sum, "is too costly"},
		"too many passes":     {"$argon2id$v=19$m=19456,t=11,p=1$" + salt + "$" + sum, "t=11 is too costly"},
		"too many lanes":      {"$argon2id$v=19$m=19456,t=2,p=5$" + salt + "$" + sum, "p=5 is too costly"},
		"negative memory":     {"$argon2id$v=19$m=-1,t=2,p=1$" + salt + "$" + sum, "is not m=<number>"},
		"parameters turned":   {"$argon2id$v=19$t=2,m=19456,p=1$" + salt + "$" + sum, "is not m=<number>"},
		"a parameter more":    {"$argon2id$v=19$m=19456,t=2,p=1,x=1$" + salt + "$" + sum, "are not of the form"},
		"another algorithm":   {"$argon2i$v=19$m=19456,t=2,p=1$" + salt + "$" + sum, "argon2id is taken only"},
		"bcrypt":              {"$2b$10$abcdefghijklmnopqrstuv", "not a hash of the form"},
		"another version":     {"$argon2id$v=16$m=19456,t=2,p=1$" + salt + "$" + sum, "v=19 is taken only"},
		"short salt":          {"$argon2id$v=19$m=19456,t=2,p=1$AAAA$" + sum, "the salt has 3 bytes"},
		"long salt":           {"$argon2id$v=19$m=19456,t=2,p=1$" + strings.Repeat("A", 88) + "$" + sum, "the salt has 66 bytes"},
		"short hash":          {"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$AAAA", "the hash has 3 bytes"},
		"no hash":             {"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$", "the hash has 0 bytes"},
		"padded base64":       {"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "==$" + sum, "not base64 without padding"},
		"bits after the end":  {"$argon2id$v=19$m=19456,t=2,p=1$" + salt[1:] + "B$" + sum, "not base64 without padding"},
		"a part more":         {"$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + sum + "$", "not a hash of the form"},
		"text before it":      {"x$argon2id$v=19$m=19456,t=2,p=1$" + salt + "$" + sum, "not a hash of the form"},
		"nothing":             {"", "not a hash of the form"},
		"10,000 characters":   {strings.Repeat("$", 10_000), "not a hash of the form"},
		"the PIN without ado": {"987654", "is a PIN itself"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParsePINHash(c.text)
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, "cupcakery staff hash")
			require.NotContains(t, err.Error(), "987654")
			require.Less(t, len(err.Error()), 500)
		})
	}
}

func TestAStaffFileIsRead(t *testing.T) {
	t.Parallel()
	staff, err := ParseStaff("staff.yaml", []byte("sessions: 3\nstaff:\n  - name: Mia Müller\n    role: mixer\n    pin: "+aHash+"\n  - {name: '7', role: manager, pin: '"+aHash+"'}\n"))
	require.NoError(t, err)
	assert.Equal(t, 3, staff.Sessions)
	require.Len(t, staff.People, 2)
	mia, found := staff.Find("Mia Müller")
	require.True(t, found)
	assert.Equal(t, RoleMixer, mia.Role)
	assert.Equal(t, aHash, mia.PIN.String())
	seven, found := staff.Find("7")
	require.True(t, found)
	assert.Equal(t, RoleManager, seven.Role)
	_, found = staff.Find("mia müller")
	assert.False(t, found)

	staff, err = ParseStaff("staff.yaml", []byte("staff: []\n"))
	require.NoError(t, err)
	assert.Empty(t, staff.People)
	_, found = staff.Find("")
	assert.False(t, found)
}

func TestEveryFaultOfAStaffFileHasItsPlaceAndRemedy(t *testing.T) {
	t.Parallel()
	person := func(name, role, pin string) string {
		return "staff:\n  - name: " + name + "\n    role: " + role + "\n    pin: " + pin + "\n"
	}
	for name, c := range map[string]struct {
		text  string
		wants []string
	}{
		"empty":                   {"", []string{"f:1:1: the file is empty: write staff: []"}},
		"no YAML":                 {"staff: [", []string{"f:1:", "not YAML"}},
		"not UTF-8":               {"staff: \xff", []string{"f:1:8: not UTF-8"}},
		"two documents":           {"staff: []\n---\nstaff: []\n", []string{"a staff file has one"}},
		"too large":               {strings.Repeat("#", maxFileBytes+1), []string{"a staff file has at most 131072"}},
		"no staff":                {"sessions: 1\n", []string{"f:1:1: staff: missing: add it"}},
		"not a list":              {"staff: mia\n", []string{"f:1:8: staff: must be a list"}},
		"unknown key":             {"staff: []\nstuff: 1\n", []string{`f:2:1: stuff: unknown key "stuff": did you mean "staff"?`}},
		"anchors":                 {"staff: &a []\n", []string{"anchors and aliases are not taken here"}},
		"nameless":                {"staff:\n  - role: baker\n    pin: " + aHash + "\n", []string{"f:2:5: staff[0].name: missing: add it"}},
		"two of one name":         {person("mia", "baker", aHash) + "  - {name: mia, role: mixer, pin: '" + aHash + "'}\n", []string{`staff[1].name: two people with the name "mia"`, "line 2"}},
		"blank name":              {person("' '", "baker", aHash), []string{"staff[0].name: must not be blank"}},
		"name ends with a space":  {person("'mia '", "baker", aHash), []string{"staff[0].name: begins or ends with white space"}},
		"name has a control":      {person(`"mi\ta"`, "baker", aHash), []string{"staff[0].name: character 3 is a control character"}},
		"name turns the text":     {person(`"mi\u202ea"`, "baker", aHash), []string{"changes the direction"}},
		"name a number":           {person("7", "baker", aHash), []string{"staff[0].name: must be text: put 7 into quotes"}},
		"name of 10,000":          {person(strings.Repeat("m", 10_000), "baker", aHash), []string{"staff[0].name: must have at most 80 characters, it has 10000"}},
		"mistyped role":           {person("mia", "bakr", aHash), []string{`f:3:11: staff[0].role: unknown role "bakr": did you mean "baker"?`}},
		"role in capitals":        {person("mia", "Manager", aHash), []string{`did you mean "manager"?`}},
		"PIN for a number":        {person("mia", "baker", "987654"), []string{"f:4:10: staff[0].pin: is a number: keep the hash"}},
		"PIN for a text":          {person("mia", "baker", "'987654'"), []string{"staff[0].pin: is a PIN itself"}},
		"PIN that YAML reads oct": {person("mia", "baker", "0987654"), []string{"staff[0].pin: "}},
		"no PIN":                  {person("mia", "baker", ""), []string{"staff[0].pin: has no value"}},
		"PIN in a list":           {person("mia", "baker", "[987654]"), []string{"staff[0].pin: must be text on one line"}},
		"weak hash":               {person("mia", "baker", strings.Replace(aHash, "m=19456", "m=8", 1)), []string{"staff[0].pin: m=8 is too weak"}},
		"costly hash":             {person("mia", "baker", strings.Replace(aHash, "m=19456", "m=4000000", 1)), []string{"staff[0].pin: m=4000000 is too costly"}},
		"sessions not a number":   {"staff: []\nsessions: once\n", []string{"f:2:11: sessions: must be a whole number from 0 to 1000000"}},
		"sessions below zero":     {"staff: []\nsessions: -1\n", []string{"sessions: must be from 0"}},
		"all at once": {"sessions: x\nstaff:\n  - {name: a, role: b, pin: c}\n  - 7\n", []string{
			"f:1:11: sessions: ", "f:3:21: staff[0].role: ", "f:3:29: staff[0].pin: ", "f:4:5: staff[1]: must be keys with values: name, role, pin"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseStaff("f", []byte(c.text))
			var faults *FileError
			require.ErrorAs(t, err, &faults)
			for _, want := range c.wants {
				require.ErrorContains(t, err, want)
			}
			require.NotContains(t, err.Error(), "987654", "a PIN is never repeated")
			require.NotContains(t, err.Error(), "GL1FAlRnS3S6", "nor a hash")
		})
	}
}

func TestAStaffFileThatIsNotThereIsNamed(t *testing.T) {
	t.Parallel()
	_, err := LoadStaff(filepath.Join(t.TempDir(), "none.yaml"))
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "read the staff file")
}

func FuzzParsePINHash(f *testing.F) {
	for _, text := range []string{aHash, "", "123456", "$argon2id$v=19$m=,t=,p=$$", "$argon2id$v=19$m=19456,t=2,p=1$$"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		hash, err := ParsePINHash(text)
		if err != nil {
			return
		}
		back, err := ParsePINHash(hash.String())
		require.NoError(t, err)
		require.Equal(t, hash, back)
	})
}

// docs/staff.md is checked, key by key, against the reader of the file.
func TestTheDocumentOfTheStaffFileIsCompleteAndTrue(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../docs/staff.md")
	require.NoError(t, err)
	text := string(data)
	r := newYAMLReader()
	root := r.parse([]byte("staff: [{name: mia, role: mixer, pin: '" + aHash + "'}]\nsessions: 1\n"))
	require.NotNil(t, root)
	r.staff(new(Staff))(yamlPlace{node: root})
	require.Empty(t, r.faults)
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(text, -1) {
		documented[row[1]] = true
	}
	require.Equal(t, r.known, documented, "keys that the reader takes, and keys in the document")
	for _, role := range Roles() {
		assert.Contains(t, text, "`"+string(role)+"`")
	}
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(text)
	require.NotNil(t, example)
	staff, err := ParseStaff("the example", []byte(example[1]))
	require.NoError(t, err)
	assert.NotEmpty(t, staff.People)
}
