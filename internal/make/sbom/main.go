// Command sbom writes the program's bill of materials in CycloneDX's JSON: every Go
// module that is linked and every npm package that is bundled, with version, package
// URL and licence. Built from the same sources it is the same to the byte.
//
//	go run ./internal/make/sbom VERSION PAGES-LICENCES OUTPUT
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/cupcakery/cupcakery/internal/make/dependencies"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: sbom VERSION PAGES-LICENCES OUTPUT")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "write the bill of materials:", err)
		os.Exit(1)
	}
}

func write(version, pagesLicences, output string) error {
	modules, modulesErr := dependencies.Linked("./cmd/cupcakery")
	packages, packagesErr := dependencies.Bundled(pagesLicences)
	if err := errors.Join(modulesErr, packagesErr); err != nil {
		return err
	}
	data, err := render(version, append(modules, packages...))
	if err != nil {
		return err
	}
	return os.WriteFile(output, data, 0o644)
}

// The types are the part of CycloneDX 1.5 that is needed here.
type (
	bill struct {
		Format      string      `json:"bomFormat"`
		SpecVersion string      `json:"specVersion"`
		Version     int         `json:"version"`
		Metadata    metadata    `json:"metadata"`
		Components  []component `json:"components"`
	}
	metadata struct {
		Component component `json:"component"`
	}
	component struct {
		Type     string    `json:"type"`
		Ref      string    `json:"bom-ref,omitempty"`
		Name     string    `json:"name"`
		Version  string    `json:"version"`
		Licences []licence `json:"licenses,omitempty"`
		PURL     string    `json:"purl,omitempty"`
	}
	licence struct {
		Licence    *named `json:"license,omitempty"`
		Expression string `json:"expression,omitempty"`
	}
	named struct {
		ID   string `json:"id,omitempty"`
		Name string `json:"name,omitempty"`
	}
)

func render(version string, components []dependencies.Component) ([]byte, error) {
	b := bill{Format: "CycloneDX", SpecVersion: "1.5", Version: 1, Components: []component{}}
	b.Metadata.Component = component{Type: "application", Name: "cupcakery", Version: version, Licences: []licence{{Licence: &named{ID: "Apache-2.0"}}}}
	for _, c := range components {
		purl := packageURL(c)
		b.Components = append(b.Components, component{Type: "library", Ref: purl, Name: c.Name, Version: c.Version, Licences: licences(c.Licences), PURL: purl})
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	err := encoder.Encode(b)
	return out.Bytes(), err
}

func licences(ids []string) []licence {
	var all []licence
	for _, id := range ids {
		switch {
		case id == dependencies.LookedInto:
			all = append(all, licence{Licence: &named{Name: "see third-party-notices.txt"}})
		case strings.Contains(id, " "):
			return []licence{{Expression: strings.Join(ids, " AND ")}}
		default:
			all = append(all, licence{Licence: &named{ID: id}})
		}
	}
	return all
}

// packageURL is the component's, by which databases of vulnerabilities know it.
func packageURL(c dependencies.Component) string {
	name, version := c.Name, c.Version
	if name == dependencies.StandardLibrary {
		name, version = "std", strings.TrimPrefix(version, "go")
	}
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = strings.ReplaceAll(url.PathEscape(part), "@", "%40")
	}
	return "pkg:" + string(c.Ecosystem) + "/" + strings.Join(parts, "/") + "@" + url.PathEscape(version)
}
