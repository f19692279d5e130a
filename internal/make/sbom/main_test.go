package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/internal/make/dependencies"
)

// The schemas in testdata are CycloneDX's own (Apache 2), with their references to
// each other.
func TestTheBillKeepsCycloneDXSchema(t *testing.T) {
	compiler := jsonschema.NewCompiler()
	for name, file := range map[string]string{"bom-1.5.schema.json": "bom-1.5.schema.json", "spdx.SNAPSHOT.schema.json": "spdx.schema.json", "jsf-0.82.SNAPSHOT.schema.json": "jsf-0.82.schema.json"} {
		text, err := os.ReadFile("testdata/" + file)
		require.NoError(t, err)
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		require.NoError(t, err)
		require.NoError(t, compiler.AddResource("http://cyclonedx.org/schema/"+name, document))
	}
	schema, err := compiler.Compile("http://cyclonedx.org/schema/bom-1.5.schema.json")
	require.NoError(t, err)
	valid := func(data []byte) error {
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		require.NoError(t, err)
		return schema.Validate(document)
	}

	t.Chdir("../../..")
	modules, err := dependencies.Linked("./cmd/cupcakery")
	require.NoError(t, err)
	packages, err := dependencies.Locked("web/package-lock.json")
	require.NoError(t, err)
	data, err := render("1.2.3", append(modules, packages...))
	require.NoError(t, err)
	require.NoError(t, valid(data))
	for _, purl := range []string{"pkg:golang/github.com/gin-gonic/gin@v", "pkg:golang/std@1.", "pkg:npm/react@", "pkg:npm/%40tanstack/react-query@"} {
		require.Contains(t, string(data), `"purl": "`+purl)
	}
	require.Error(t, valid([]byte(strings.Replace(string(data), `"library"`, `"cake"`, 1))), "the schema can be broken")
	require.Error(t, valid([]byte(strings.Replace(string(data), `"MIT"`, `"MITT"`, 1))))

	again, err := dependencies.Linked("./cmd/cupcakery")
	require.NoError(t, err)
	second, err := render("1.2.3", append(again, packages...))
	require.NoError(t, err)
	require.Equal(t, string(data), string(second))
}
