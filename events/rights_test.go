package events_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// robots are one user in clusters whose robots stand at every station.
func robots() []events.Right {
	var rights []events.Right
	for _, stage := range kitchen.Stages() {
		for _, right := range events.RightsOf(events.StationProcess(stage)) {
			if !slices.Contains(rights, right) {
				rights = append(rights, right)
			}
		}
	}
	return rights
}

func TestTheDocsHaveTheRights(t *testing.T) {
	t.Parallel()
	var rows strings.Builder
	for _, process := range events.Rights() {
		rows.WriteString(rowsOf("`"+process.Process+"` | "+process.What, " | ", process.Rights, func(o events.Operation) string { return string(o) }))
	}
	require.Contains(t, read(t, "../docs/production.md"), "|---|---|---|---|---|\n"+rows.String()+"\n", "the table of rights")
}

// Confluent's command line spells operations in its own way.
func TestTheConfluentPageHasTheRights(t *testing.T) {
	t.Parallel()
	page := read(t, "../docs/places/confluent-cloud.md")
	spelt := func(operation events.Operation) string {
		return strings.ToUpper(regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(string(operation), "${1}_$2"))
	}
	users := []struct {
		name   string
		rights []events.Right
	}{
		{"setup", events.RightsOf(events.ProcessTopics)}, {"api", events.RightsOf(events.ProcessAPI)},
		{"worker", events.RightsOf(events.ProcessWorker)}, {"robots", robots()},
		{"ledger", events.RightsOf(events.ProcessLedger)},
	}
	var rows strings.Builder
	allowed := map[string]bool{}
	for _, user := range users {
		rows.WriteString(rowsOf(user.name, "", user.rights, spelt))
		for _, right := range user.rights {
			allowed[strings.ToLower(spelt(right.Operation))+" "+right.Resource+" "+right.Name] = true
		}
	}
	require.Contains(t, page, "|---|---|---|---|\n"+indented(rows.String())+"\n", "the table of rights")

	commands := regexp.MustCompile(`confluent kafka acl create --allow --service-account sa-00000 --operations (\S+) --(topic|consumer-group) (\S+)\n`).FindAllStringSubmatch(page, -1)
	require.Len(t, commands, strings.Count(page, "acl create"))
	require.NotEmpty(t, commands)
	for _, command := range commands {
		for operation := range strings.SplitSeq(command[1], ",") {
			resource := strings.TrimPrefix(command[2], "consumer-")
			assert.True(t, allowed[operation+" "+resource+" "+command[3]], command[0])
		}
	}
}

func TestStrimzisUsersHaveTheRights(t *testing.T) {
	t.Parallel()
	want := map[string][]events.Right{
		"cupcakery-api": events.RightsOf(events.ProcessAPI), "cupcakery-worker": events.RightsOf(events.ProcessWorker),
		"cupcakery-robots": robots(), "cupcakery-setup": events.RightsOf(events.ProcessTopicsCheck),
		"cupcakery-ledger": events.RightsOf(events.ProcessLedger),
	}
	got := map[string][]events.Right{}
	documents := yaml.NewDecoder(strings.NewReader(read(t, "../deploy/places/strimzi-kafka.yaml")))
	for {
		var object struct {
			Kind     string
			Metadata struct{ Name string }
			Spec     struct {
				Authorization struct {
					ACLs []struct {
						Resource struct {
							Type, Name  string
							PatternType string `yaml:"patternType"`
						}
						Operations []events.Operation
						Host, Type string
					} `yaml:"acls"`
				}
			}
		}
		err := documents.Decode(&object)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if object.Kind != "KafkaUser" {
			continue
		}
		for _, acl := range object.Spec.Authorization.ACLs {
			require.Empty(t, acl.Resource.PatternType+acl.Host+acl.Type, "literal, from anywhere, and allowed, as Strimzi has it unless told otherwise")
			for _, operation := range acl.Operations {
				got[object.Metadata.Name] = append(got[object.Metadata.Name], events.Right{Resource: acl.Resource.Type, Name: acl.Resource.Name, Operation: operation})
			}
		}
	}
	require.Len(t, got, len(want))
	for user, rights := range want {
		assert.ElementsMatch(t, rights, got[user], user)
	}
}

// rowsOf are the rows of a table that says what a user may do.
func rowsOf(user, more string, rights []events.Right, spelt func(events.Operation) string) string {
	type kind struct {
		operation events.Operation
		resource  string
	}
	var kinds []kind
	names := map[kind][]string{}
	for _, right := range rights {
		k := kind{right.Operation, right.Resource}
		if names[k] == nil {
			kinds = append(kinds, k)
		}
		names[k] = append(names[k], "`"+right.Name+"`")
	}
	var rows bytes.Buffer
	for _, k := range kinds {
		fmt.Fprintf(&rows, "| %s | %s | %s | %s |\n", user, spelt(k.operation), k.resource, strings.Join(names[k], ", "))
		user = more
	}
	return rows.String()
}

// indented is a part of a list's item.
func indented(text string) string {
	return regexp.MustCompile(`(?m)^(.)`).ReplaceAllString(text, "   $1")
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(data)
}

func TestNoRightIsListedTwiceAndReadIncludesDescribe(t *testing.T) {
	t.Parallel()
	for _, process := range events.Rights() {
		seen := map[events.Right]bool{}
		for _, right := range process.Rights {
			require.False(t, seen[right], "%s: %s", process.Process, right)
			seen[right] = true
		}
		for _, right := range process.Rights {
			if right.Operation == events.OperationDescribe {
				more := right
				for _, more.Operation = range []events.Operation{events.OperationRead, events.OperationWrite, events.OperationAlter} {
					require.False(t, seen[more], "%s: %s includes %s", process.Process, more, right)
				}
			}
		}
	}
}
