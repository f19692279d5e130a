// Package architecture holds the arrows between this project's packages: who
// may import whom, and why.
package architecture

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/cupcakery/cupcakery"

// layer is what a folder may import of the project besides itself. Arrows
// point down: cmd → api, worker, station, doctor, erase → live, staff → floor,
// activities, workflows → board → events → kitchen, wire.
type layer struct {
	may    []string
	reason string
	// testsMay is what its tests may import besides: all may start a real
	// stack and real processes.
	testsMay []string
}

var layers = map[string]layer{
	"kitchen":    {reason: "the language of the factory stands alone, so that everything can speak it"},
	"wire":       {may: []string{"kitchen"}, reason: "what travels between the API and its clients is shapes, which everybody may know"},
	"events":     {may: []string{"internal/retry", "internal/tracing", "kitchen"}, reason: "Kafka carries what the kitchen says and knows nobody who says it"},
	"namespace":  {may: []string{"internal/retry"}, reason: "a namespace is prepared before anybody knows an order", testsMay: []string{"kitchen", "workflows"}},
	"encryption": {reason: "what is encrypted for Temporal is bytes, whatever they say", testsMay: []string{"namespace"}},
	"workflows":  {may: []string{"kitchen", "encryption"}, reason: "workflows decide; they start nothing and serve nothing", testsMay: []string{"activities", "namespace"}},
	"activities": {may: []string{"kitchen", "encryption", "internal/fault"}, reason: "activities issue tickets, whatever workflow asks for them"},
	"board":      {may: []string{"internal/pack", "kitchen", "events"}, reason: "a board folds the log, for stations and the API alike"},
	"floor":      {may: []string{"internal/pack", "kitchen", "wire", "events", "board"}, reason: "what the log says is known without who serves it and without who keeps the orders"},
	"ledger":     {may: []string{"internal/groupmetrics", "internal/pack", "internal/retry", "kitchen", "wire", "events", "board"}, reason: "the ledger keeps what the log says, without who serves it and without who keeps the orders"},
	"live":       {may: []string{"kitchen", "wire", "floor"}, reason: "live connections follow channels, and are handed in who may follow and what a client may send"},
	"station":    {may: []string{"internal/groupmetrics", "internal/retry", "internal/tracing", "kitchen", "events", "board"}, reason: "a station knows Kafka only"},
	"worker":     {may: []string{"internal/groupmetrics", "internal/retry", "internal/tracing", "kitchen", "events", "board", "activities", "workflows", "encryption", "internal/fault"}, reason: "the worker brings workflows, activities and acks together, and asks the log before it asks Temporal"},
	"cmd":        {may: []string{"internal/retry", "internal/tracing", "kitchen", "events", "namespace", "encryption", "doctor", "erase", "station", "worker", "ledger", "api", "devstack", "web", "wire"}, reason: "commands put everything together", testsMay: []string{"board", "workflows"}},
	"doctor":     {may: []string{"kitchen", "events", "board", "workflows", "encryption"}, reason: "the doctor holds the log against Temporal, and issues no more than undo tickets"},
	"erase":      {may: []string{"internal/retry", "kitchen", "events", "board", "workflows", "encryption"}, reason: "forgetting a person knows what Temporal and Kafka keep of an order, and changes no order"},
	"staff":      {may: []string{"kitchen", "internal/ratelimit"}, reason: "signing in knows names, PINs and time, and nothing of orders, the log or HTTP"},
	"api":        {may: []string{"internal/ratelimit", "internal/retry", "internal/tracing", "kitchen", "events", "workflows", "namespace", "encryption", "wire", "floor", "ledger", "live", "staff"}, reason: "the API answers from workflows, the log and the ledger, and does no work of theirs", testsMay: []string{"activities"}},

	"web":                   {reason: "pages are files to Go; what they know of the factory stands in the API's specification"},
	"devstack":              {may: []string{"namespace"}, reason: "Temporal and Kafka are started without regard to what runs on them", testsMay: []string{"kitchen", "events", "workflows"}},
	"bench":                 {may: []string{"kitchen", "events", "workflows", "ledger", "devstack", "internal/process", "internal/production"}, reason: "the benchmark drives real processes from outside; of the ledger it measures what writes one"},
	"e2e":                   {reason: "end-to-end tests drive real processes from outside", testsMay: []string{"kitchen", "events", "workflows", "station", "internal/fault", "internal/production"}},
	"internal/architecture": {reason: "this test looks at packages and uses none"},
	"internal/groupmetrics": {reason: "who reads Kafka in a group tells how far it is, and needs nothing of the factory to be measured"},
	"internal/fault":        {reason: "a fault point knows its name and nothing of what passes it"},
	"internal/make":         {may: []string{"devstack", "events", "internal/production", "kitchen"}, reason: "the Makefile's programs install, run and write down what the factory's language says"},
	"internal/pack":         {reason: "packing values needs nothing of the factory"},
	"internal/ratelimit":    {reason: "a limit counts keys, and needs nothing of the factory"},
	"internal/retry":        {reason: "waiting before another attempt needs nothing of the factory"},
	"internal/production":   {may: []string{"devstack", "events"}, reason: "the production stack gives each process its rights in Kafka, and runs none of them"},
	"internal/process":      {reason: "starting a process needs nothing of the factory"},
	"internal/tracing":      {may: []string{"kitchen", "workflows"}, reason: "spans tell what happens to whoever runs the factory, and nothing depends on them"},
}

// forbidden are imports that no package of some folders may have, with what
// lies below them. Tests may.
var forbidden = []struct {
	by      []string
	imports []string
	deps    bool // not through other packages either
	reason  string
}{
	{
		by: []string{"kitchen", "events", "board", "station"}, imports: []string{"go.temporal.io"}, deps: true,
		reason: "stations know Kafka only, so that they can be built in any language and run without Temporal",
	},
	{
		by: []string{"staff"}, imports: []string{"github.com/gin-gonic", "github.com/segmentio/kafka-go", "go.temporal.io", "net"},
		reason: "signing in takes and gives tokens, whatever carries them",
	},
	{
		by: []string{"floor", "ledger", "live", "staff"}, imports: []string{"go.temporal.io"}, deps: true,
		reason: "what is known from the log, and who follows it, does not depend on Temporal, which may be away",
	},
	{
		by: []string{"floor"}, imports: []string{"net/http", "github.com/gin-gonic/gin", "github.com/prometheus"},
		reason: "the floor knows the log and serves nothing; how it is asked and measured is for others",
	},
	{
		by: []string{"ledger"}, imports: []string{"net/http", "github.com/gin-gonic/gin"},
		reason: "the ledger is written from the log and asked in Go; who serves what it says is for others",
	},
	{
		by:      []string{"kitchen", "wire", "events", "board", "floor", "live", "station", "worker", "activities", "workflows", "doctor", "staff"},
		imports: []string{"github.com/jackc/pgx", "github.com/pressly/goose"}, deps: true,
		reason: "orders are made, served and followed without a database: only the ledger and who asks it need one",
	},
	{
		by: []string{"kitchen"}, imports: []string{"github.com/segmentio/kafka-go", "net", "database/sql"},
		reason: "the language of the factory does no I/O but reading the kitchen file",
	},
	{
		by:      []string{"kitchen", "events", "board", "station", "namespace", "encryption", "activities", "workflows", "doctor", "erase", "worker", "wire", "floor", "ledger", "live", "staff", "api", "cmd", "devstack"},
		imports: []string{"testing", "github.com/stretchr/testify", "go.uber.org/goleak", "pgregory.net/rapid", module + "/internal/process", module + "/events/eventstest", module + "/floor/floortest"},
		reason:  "test support makes the product larger and is not held to its rules",
	},
}

// testSupport are packages for tests, which may import what tests may.
var testSupport = []string{module + "/events/eventstest", module + "/kitchen/kitchentest", module + "/floor/floortest"}

// pkg is a package as "go list -json" shows it.
type pkg struct {
	ImportPath   string
	Name         string
	Imports      []string
	Deps         []string
	TestImports  []string
	XTestImports []string
}

func TestPackagesImportOnlyWhatTheyMay(t *testing.T) {
	t.Parallel()
	require.Empty(t, faults(listPackages(t)))
}

// TestFaultsAreFound holds that the rules can be broken.
func TestFaultsAreFound(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		pkg  pkg
		says string
	}{
		"UpTheArrows":                     {pkg{ImportPath: module + "/events", Imports: []string{module + "/worker"}}, "events imports worker"},
		"FromAFolderBelow":                {pkg{ImportPath: module + "/api/client", Imports: []string{module + "/station"}}, "api imports station"},
		"OfTheDevelopmentStackByProducts": {pkg{ImportPath: module + "/worker", Imports: []string{module + "/devstack"}}, "worker imports devstack"},
		"OfTemporalByStations":            {pkg{ImportPath: module + "/station", Imports: []string{"go.temporal.io/sdk/client"}}, "station imports go.temporal.io/sdk/client"},
		"OfTemporalThroughOthers":         {pkg{ImportPath: module + "/board", Deps: []string{"go.temporal.io/api/common/v1"}}, "board imports go.temporal.io/api/common/v1"},
		"OfADatabaseByTheWorker":          {pkg{ImportPath: module + "/worker", Deps: []string{"github.com/jackc/pgx/v5"}}, "worker imports github.com/jackc/pgx/v5"},
		"OfTemporalByTheLedger":           {pkg{ImportPath: module + "/ledger", Deps: []string{"go.temporal.io/sdk/client"}}, "ledger imports go.temporal.io/sdk/client"},
		"OfTheFloorByTheLedger":           {pkg{ImportPath: module + "/ledger", Imports: []string{module + "/floor"}}, "ledger imports floor"},
		"OfHTTPByTheFloor":                {pkg{ImportPath: module + "/floor", Imports: []string{"net/http"}}, "floor imports net/http"},
		"OfHandlersByLiveConnections":     {pkg{ImportPath: module + "/live", Imports: []string{module + "/api"}}, "live imports api"},
		"OfTestSupportByProducts":         {pkg{ImportPath: module + "/api", Imports: []string{module + "/events/eventstest"}}, "events/eventstest"},
		"OfTestsUpTheArrows":              {pkg{ImportPath: module + "/kitchen", XTestImports: []string{module + "/api"}}, "kitchen imports api"},
		"ByAFolderWithoutARule":           {pkg{ImportPath: module + "/pantry"}, `folder "pantry" has no rule`},
		"OfANameThatSaysNothing":          {pkg{ImportPath: module + "/kitchen/util", Name: "util"}, "package name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := faults([]pkg{test.pkg})
			require.NotEmpty(t, found)
			require.Contains(t, strings.Join(found, "\n"), test.says)
		})
	}
}

// faults lists every broken rule with its reason.
func faults(packages []pkg) []string {
	var found []string
	for _, p := range packages {
		if slices.Contains([]string{"util", "utils", "common", "helpers", "misc"}, p.Name) {
			found = append(found, p.ImportPath+": a package name says what is in it, not that there is something")
		}
		folder := folderOf(p.ImportPath)
		rule, known := layers[folder]
		if !known {
			found = append(found, "folder \""+folder+"\" has no rule: add it to layers, with the reason for its arrows")
			continue
		}
		for _, imported := range p.Imports {
			if other := folderOf(imported); inModule(imported) && other != folder && !slices.Contains(rule.may, other) {
				found = append(found, folder+" imports "+other+": "+rule.reason)
			}
		}
		mayTests := slices.Concat([]string{"devstack", "internal/process"}, rule.may, rule.testsMay)
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			if other := folderOf(imported); inModule(imported) && other != folder && !slices.Contains(mayTests, other) &&
				!slices.Contains(testSupport, imported) {
				found = append(found, "a test of "+folder+" imports "+other+": "+rule.reason)
			}
		}
		found = append(found, forbiddenImports(p, folder)...)
	}
	return found
}

func forbiddenImports(p pkg, folder string) []string {
	if slices.Contains(testSupport, p.ImportPath) {
		return nil
	}
	var found []string
	for _, rule := range forbidden {
		if !slices.Contains(rule.by, folder) {
			continue
		}
		imports := p.Imports
		if rule.deps {
			imports = slices.Concat(imports, p.Deps)
		}
		for _, imported := range imports {
			for _, prefix := range rule.imports {
				if imported == prefix || strings.HasPrefix(imported, prefix+"/") {
					found = append(found, folder+" imports "+imported+": "+rule.reason)
				}
			}
		}
	}
	return found
}

func inModule(importPath string) bool { return strings.HasPrefix(importPath, module+"/") }

// folderOf is the folder that a package's rule stands for: the top one, or
// the one below internal.
func folderOf(importPath string) string {
	parts := strings.Split(strings.TrimPrefix(importPath, module+"/"), "/")
	if parts[0] == "internal" && len(parts) > 1 {
		return path.Join(parts[:2]...)
	}
	return parts[0]
}

func listPackages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Name,Imports,Deps,TestImports,XTestImports", "./...")
	cmd.Dir = "../.."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var packages []pkg
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		packages = append(packages, p)
	}
	require.Greater(t, len(packages), 10, "go list has found the whole project")
	return packages
}
