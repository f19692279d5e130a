package e2e

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/internal/process"
	"github.com/cupcakery/cupcakery/kitchen"
)

// private is what nobody may find in Temporal's database: all that people have
// written for the orders of tellAll.
var private = map[string]string{
	"the customer's name":           "Zerubbabel-Quux",
	"the customer's phone number":   "+493055509876",
	"the customer's notes":          "ring-the-back-door-bell",
	"an allergy":                    "kiwi-and-lupin",
	"a message":                     "Happy-fortieth-Mallory",
	"changed notes":                 "leave-it-with-the-neighbour",
	"a changed message":             "Happy-fifty-first-Mallory",
	"why an order was cancelled":    "my-own-private-reason",
	"a baker's note about a remake": "fell-behind-the-left-oven",
	"a mixer's note about a retry":  "the-whisk-has-come-off",
	"a note about work not undone":  "somebody-has-eaten-them",
	"a name of the staff":           "person-named-Xanthippe",
}

// Orders that go well, are made anew, are cancelled, ask a manager and are failed
// once leave nothing to read in the database of a Temporal that has no key. Without
// encryption they leave all of it.
func TestNothingThatPeopleWroteCanBeReadInTemporalsDatabase(t *testing.T) {
	for name, encrypted := range map[string]bool{"encrypted": true, "in plain text": false} {
		t.Run(name, func(t *testing.T) {
			f := newStack(t, anyKafka(), 1<<40)
			f.env = append(f.env, "CUPCAKERY_LOG_LEVEL=debug")
			secrets := []string{"a secret for the end-to-end tests"}
			if encrypted {
				keyset := filepath.Join(t.TempDir(), "keyset.json")
				f.run("keys", "new", keyset)
				f.env = append(f.env, "CUPCAKERY_ENCRYPTION_KEYSET="+keyset)
				secrets = append(secrets, keyOf(t, keyset))
			}
			f.startAPI()
			f.startWorker()
			f.tellAll()
			for _, log := range []string{f.api.Output(), f.worker.Output()} {
				require.Contains(t, log, "level=DEBUG")
				for _, secret := range secrets {
					assert.NotContains(t, log, secret, "in a log")
				}
				for what, text := range private {
					if text != private["a name of the staff"] {
						assert.NotContains(t, log, text, "%s in a log", what)
					}
				}
			}
			database := f.temporalsDatabase()
			require.True(t, bytes.Contains(database, []byte("OrderWorkflow")), "this is not Temporal's database")
			for what, text := range private {
				assert.Equal(t, !encrypted, bytes.Contains(database, []byte(text)), what)
			}
		})
	}
}

// tellAll has orders of every kind, whose people write all that is private.
func (f *factory) tellAll() {
	t := f.t
	t.Helper()
	people := map[kitchen.Stage]*process.Process{}
	for _, stage := range kitchen.Stages() {
		people[stage] = f.person(stage, private["a name of the staff"])
	}
	order := kitchen.Order{
		Customer: kitchen.Customer{Name: private["the customer's name"]}, Phone: private["the customer's phone number"], Notes: private["the customer's notes"], Allergies: []string{private["an allergy"]},
		Lines: []kitchen.Line{{Flavour: "lemon", Size: kitchen.SizeL, Quantity: 2, Message: private["a message"]}},
	}
	numbers := map[kitchen.Stage]int{} // of the ticket that the station has seen last
	next := func(id string, stage kitchen.Stage, commands ...string) {
		t.Helper()
		f.until(id, "at "+string(stage), waitsFor(stage))
		numbers[stage]++
		for _, command := range commands {
			typed(t, people[stage], strings.ReplaceAll(command, "#", strconv.Itoa(numbers[stage])))
		}
	}

	happy := f.place(order).ID
	for _, stage := range kitchen.Stages() {
		next(happy, stage, "start #", "done #")
	}
	status := f.until(happy, "shipped", shipped)
	require.Equal(t, order.Customer, status.Customer)
	require.Equal(t, order.Notes, status.Notes)
	require.False(t, status.Stale)

	// One whose whisk comes off, whose first pass burns, that is changed, and
	// cancelled, and cannot be undone.
	order.Notes = "none"
	unlucky := f.place(order).ID
	next(unlucky, kitchen.Mix, "start #", "fail # equipment "+private["a mixer's note about a retry"])
	f.until(unlucky, "issued again", func(s kitchen.Status) bool { return s.Stages[0].Attempt == 2 })
	typed(t, people[kitchen.Mix], "start 2", "done 2")
	next(unlucky, kitchen.Bake, "start #", "fail # burnt "+private["a baker's note about a remake"])
	next(unlucky, kitchen.Mix)
	f.run("order", "amend", unlucky, "--notes", private["changed notes"], "--message", "0:"+private["a changed message"])
	typed(t, people[kitchen.Mix], "start 3", "done 3")
	next(unlucky, kitchen.Bake)
	f.run("order", "cancel", unlucky, "--reason", private["why an order was cancelled"])
	next(unlucky, kitchen.Mix, "start #", "fail # burnt "+private["a note about work not undone"])
	asked := f.until(unlucky, "in need of attention", func(s kitchen.Status) bool { return s.State == kitchen.StateNeedsAttention })
	require.Equal(t, private["changed notes"], asked.Notes)
	require.Equal(t, private["why an order was cancelled"], asked.CancelReason)

	cancelled := f.place(order).ID
	f.until(cancelled, "at mix", waitsFor(kitchen.Mix))
	f.run("order", "cancel", cancelled, "--reason", private["why an order was cancelled"])
	f.until(cancelled, "cancelled", func(s kitchen.Status) bool { return s.State == kitchen.StateCancelled })
}

// keyOf is the key in a keyset's file, as it stands there.
func keyOf(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	var keyset struct {
		Key []struct{ KeyData struct{ Value string } }
	}
	require.NoError(t, json.Unmarshal(data, &keyset))
	require.NotEmpty(t, keyset.Key[0].KeyData.Value)
	return keyset.Key[0].KeyData.Value
}

// temporalsDatabase is all that Temporal keeps. It may be dead afterwards.
func (f *factory) temporalsDatabase() []byte {
	f.t.Helper()
	if f.production != nil {
		dump, err := f.production.Postgres.Dump(f.t.Context())
		require.NoError(f.t, err)
		return dump
	}
	f.temporal.kill()
	return allBytes(f.t, f.temporal.(*service).dataDir())
}

func allBytes(t *testing.T, directory string) []byte {
	t.Helper()
	var all []byte
	require.NoError(t, filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		all = append(all, data...)
		return err
	}))
	return all
}
