package kubetest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/yannh/kubeconform/pkg/validator"
	"sigs.k8s.io/yaml"
)

// The schemas are in the modules of those who define the kinds, of which only
// files are read; what no module has is in schemas.yaml.
var (
	kubernetesFiles = []string{"api__v1", "apis__apps__v1", "apis__autoscaling__v2", "apis__batch__v1", "apis__networking.k8s.io__v1", "apis__policy__v1"}
	definitionFiles = map[string][]string{
		"github.com/kedacore/keda/v2@v2.21.0": {"config/crd/bases/keda.sh_scaledobjects.yaml", "config/crd/bases/keda.sh_triggerauthentications.yaml"},
		gatewayModule:                         {"config/crd/standard/gateway.networking.k8s.io_gateways.yaml", "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml"},
		prometheusOperatorModule:              {"example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml"},
	}
)

const (
	kubernetesModule         = "k8s.io/kubernetes@v1.37.2"
	gatewayModule            = "sigs.k8s.io/gateway-api@v1.6.0"
	prometheusOperatorModule = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
)

// conforms validates objects, all of them at once, by kubeconform.
func conforms(t *testing.T, source string, objects []byte) {
	t.Helper()
	for _, result := range validate(t, source, objects) {
		signature, err := result.Resource.Signature()
		require.NoError(t, err)
		require.Equal(t, validator.Valid, result.Status, "%s: %s %s: %v", source, signature.Kind, signature.Name, result.Err)
	}
}

func validate(t *testing.T, source string, objects []byte) []validator.Result {
	t.Helper()
	folder, err := schemaFolder()
	require.NoError(t, err)
	v, err := validator.New([]string{folder + "/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json"}, validator.Opts{Strict: true})
	require.NoError(t, err)
	var results []validator.Result
	for _, result := range v.Validate(source, io.NopCloser(bytes.NewReader(objects))) {
		if result.Status != validator.Empty {
			results = append(results, result)
		}
	}
	require.NotEmpty(t, results, source)
	return results
}

// schemaFolder has a schema of every kind, where kubeconform looks for it.
var schemaFolder = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "cupcakery-schemas-")
	if err != nil {
		return "", err
	}
	schemas := &schemaSet{folder: folder, types: map[string]any{}}
	for _, add := range []func() error{schemas.addKubernetes, schemas.addDefinitions, schemas.addOurs} {
		if err := add(); err != nil {
			return "", err
		}
	}
	return folder, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if folder, err := schemaFolder(); err == nil {
		_ = os.RemoveAll(folder)
	}
	os.Exit(code)
}

type schemaSet struct {
	folder string
	// types are Kubernetes' own, by name.
	types map[string]any
}

func (s *schemaSet) addKubernetes() error {
	module, err := moduleFolder(kubernetesModule)
	if err != nil {
		return err
	}
	type kind struct{ group, version, kind, name string }
	var kinds []kind
	for _, name := range kubernetesFiles {
		data, err := os.ReadFile(filepath.Join(module, "api/openapi-spec/v3", name+"_openapi.json"))
		if err != nil {
			return err
		}
		var document struct {
			Components struct{ Schemas map[string]map[string]any }
		}
		if err := json.Unmarshal(data, &document); err != nil {
			return err
		}
		for name, schema := range document.Components.Schemas {
			is, _ := schema["x-kubernetes-group-version-kind"].([]any)
			if len(is) == 1 {
				gvk := is[0].(map[string]any)
				kinds = append(kinds, kind{gvk["group"].(string), gvk["version"].(string), gvk["kind"].(string), name})
			}
			s.types[name] = strict(schema)
		}
	}
	for _, k := range kinds {
		// Kubernetes has group and version in one: for kubeconform the core's group is v1.
		group := k.group
		if group == "" {
			group = k.version
		}
		if err := s.write(group, k.version, k.kind, reference(k.name)); err != nil {
			return err
		}
	}
	return nil
}

func (s *schemaSet) addDefinitions() error {
	for module, files := range definitionFiles {
		folder, err := moduleFolder(module)
		if err != nil {
			return err
		}
		for _, file := range files {
			data, err := os.ReadFile(filepath.Join(folder, file))
			if err != nil {
				return err
			}
			var definition struct {
				Spec struct {
					Group    string
					Names    struct{ Kind string }
					Versions []struct {
						Name   string
						Schema struct{ OpenAPIV3Schema map[string]any }
					}
				}
			}
			if err := yaml.Unmarshal(data, &definition); err != nil {
				return err
			}
			for _, version := range definition.Spec.Versions {
				if err := s.write(definition.Spec.Group, version.Name, definition.Spec.Names.Kind, strict(version.Schema.OpenAPIV3Schema)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (s *schemaSet) addOurs() error {
	data, err := os.ReadFile("schemas.yaml")
	if err != nil {
		return err
	}
	var ours map[string]map[string]any
	if err := yaml.Unmarshal(data, &ours); err != nil {
		return err
	}
	for name, spec := range ours {
		apiVersion, kind, _ := strings.Cut(name, " ")
		group, version, _ := strings.Cut(apiVersion, "/")
		schema := map[string]any{
			"type": "object", "required": []any{"apiVersion", "kind", "metadata", "spec"},
			"properties": map[string]any{
				"apiVersion": map[string]any{"type": "string"}, "kind": map[string]any{"type": "string"},
				"metadata": reference("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"), "spec": spec,
			},
		}
		if err := s.write(group, version, kind, strict(schema)); err != nil {
			return err
		}
	}
	return nil
}

// write writes a schema with Kubernetes' types beside it.
func (s *schemaSet) write(group, version, kind string, schema any) error {
	document := map[string]any{"$schema": "http://json-schema.org/draft-07/schema#", "allOf": []any{schema}, "definitions": s.types}
	data, err := json.Marshal(document)
	if err != nil {
		return err
	}
	file := filepath.Join(s.folder, group, strings.ToLower(kind)+"_"+version+".json")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o644)
}

func reference(name string) map[string]any {
	return map[string]any{"$ref": "#/definitions/" + name}
}

// strict turns a schema of OpenAPI into a JSON schema that refuses what it does
// not know, as an API server does when it is asked to validate strictly.
func strict(schema any) any {
	switch s := schema.(type) {
	case []any:
		list := make([]any, len(s))
		for i, item := range s {
			list[i] = strict(item)
		}
		return list
	case map[string]any:
		out := make(map[string]any, len(s))
		for key, value := range s {
			switch key {
			case "properties": // names of fields, which may be those of keywords
				fields := maps.Clone(value.(map[string]any))
				for name, field := range fields {
					fields[name] = strict(field)
				}
				out[key] = fields
			case "$ref":
				name := value.(string)
				out[key] = "#/definitions/" + name[strings.LastIndex(name, "/")+1:]
			case "default", "description", "example":
			default:
				out[key] = strict(value)
			}
		}
		if out["x-kubernetes-int-or-string"] == true {
			delete(out, "type")
			delete(out, "anyOf")
			out["oneOf"] = []any{map[string]any{"type": "integer"}, map[string]any{"type": "string"}}
		}
		_, isOpen := out["additionalProperties"]
		if _, hasFields := out["properties"]; hasFields && !isOpen && out["x-kubernetes-preserve-unknown-fields"] != true {
			out["additionalProperties"] = false
		}
		return out
	}
	return schema
}

// moduleFolder is where the files of a module are.
func moduleFolder(module string) (string, error) {
	download := exec.Command("go", "mod", "download", "-json", module)
	download.Stderr = os.Stderr
	output, err := download.Output()
	if err != nil {
		return "", err
	}
	var found struct{ Dir string }
	err = json.Unmarshal(output, &found)
	return found.Dir, err
}

// A schema that lets everything pass proves nothing.
func TestTheSchemasRefuseWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, object := range map[string]string{
		"an unknown field":             "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replica: 1, selector: {}, template: {}}",
		"an unknown field of a pod":    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {selector: {}, template: {spec: {containers: [{name: a, imagge: b}]}}}",
		"a wrong type":                 "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: 80}",
		"an unknown kind":              "apiVersion: v1\nkind: Servixe\nmetadata: {name: a}",
		"a job without a template":     "apiVersion: batch/v1\nkind: Job\nmetadata: {name: a}\nspec: {backoffLimit: 1}",
		"a trigger without a type":     "apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {name: a}\nspec: {scaleTargetRef: {name: b}, triggers: [{metadata: {}}]}",
		"an unknown field of a route":  "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: a}\nspec: {hostname: b}",
		"an unknown field of a scrape": "apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: {name: a}\nspec: {selector: {}, endpoints: [{prot: b}]}",
		"a version without an image":   "apiVersion: temporal.io/v1alpha1\nkind: WorkerDeployment\nmetadata: {name: a}\nspec: {rollout: {strategy: AllAtOnce}, sunset: {}, workerOptions: {connectionRef: {name: b}, temporalNamespace: c}, template: {spec: {containers: [{imagge: b}]}}}",
		"an operation that is none":    "apiVersion: kafka.strimzi.io/v1\nkind: KafkaUser\nmetadata: {name: a}\nspec: {authorization: {type: simple, acls: [{resource: {type: topic, name: b}, operations: [Reed]}]}}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			results := validate(t, name, []byte(object))
			require.Len(t, results, 1)
			require.NotEqual(t, validator.Valid, results[0].Status)
		})
	}
}
