// Package kubetest tests the chart in ../chart: what it renders.
package kubetest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/engine"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"
)

const (
	repository = "../.."
	release    = "cupcakery"
	namespace  = "bakery"
)

// least is the least that somebody must say.
const least = `
kafka: {brokers: ["kafka.example.com:9093"]}
temporal: {address: "temporal.example.com:7233"}
api: {secret: cupcakery}
`

// settings are values that together use all that the chart can do.
var settings = map[string][]string{
	"the least": nil,
	"everything": {`
image: {tag: 1.2.3, pullSecret: registry}
kafka: {caSecret: kafka-ca, auth: SCRAM-SHA-512, secret: kafka}
temporal: {caSecret: temporal-ca, clientSecret: temporal}
encryption: {keysetSecret: keyset}
kitchen: "ackWithin: {mix: 5m}\n"
api: {staffSecret: staff, tlsSecret: tls, wallSecret: wall}
ledger: {enabled: true, databaseSecret: ledger, databasePort: 6432}
robots: {stages: [mix, bake, decorate, package]}
expose: {host: cupcakes.example.com, className: nginx, tlsSecret: cupcakes-tls, annotations: {a: b}}
serviceMonitor: {enabled: true, labels: {release: prometheus}}
networkPolicy: {customers: [{podSelector: {matchLabels: {a: b}}}], egress: [{ports: [{protocol: TCP, port: 4317}]}]}
serviceAccountAnnotations: {a: b}
env: {CUPCAKERY_LOG_LEVEL: debug, CUPCAKERY_SIGN_IN_NAMES: "true", CUPCAKERY_TEMPORAL_UI_URL: "https://temporal.example.com", OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4317"}
nodeSelector: {kubernetes.io/arch: amd64}
`},
	"client certificates and a Gateway": {`
kafka: {auth: tls, secret: kafka}
temporal: {apiKeySecret: temporal}
expose: {host: cupcakes.example.com, gateway: {name: front, namespace: gateways, section: https}}
robots: {stages: [bake]}
setup: {temporal: none}
`},
	"a ledger":                    {"ledger: {enabled: true, databaseSecret: ledger, replicas: 2}"},
	"nothing is set up":           {"setup: {topics: none, temporal: none}"},
	"only Temporal is set up":     {"setup: {topics: none}\nkafka: {caSecret: kafka-ca}\ntemporal: {caSecret: temporal-ca}"},
	"scaling by external metrics": {"autoscaling: {kind: hpa}\nrobots: {stages: [mix, bake, decorate, package]}"},
	"scaling by KEDA":             {"autoscaling: {kind: keda, prometheus: \"http://prometheus:9090\"}\nrobots: {stages: [mix, bake]}\ntemporal: {tls: false}\nworker: {versions: [{buildId: v1, tag: 1.0.0}]}"},
	"scaling by KEDA with credentials": {`
autoscaling: {kind: keda}
kafka: {caSecret: kafka-ca, auth: SCRAM-SHA-512, secret: kafka}
temporal: {caSecret: temporal-ca, apiKeySecret: temporal}
`},
	"scaling by KEDA with certificates": {`
autoscaling: {kind: keda}
kafka: {auth: tls, secret: kafka}
temporal: {clientSecret: temporal}
`},
	"versions by hand":                   {"worker: {versions: [{buildId: v2.0_a, tag: 2.0.0}, {buildId: v1, tag: 1.0.0}]}\nautoscaling: {kind: hpa}"},
	"the worker controller":              {"worker: {controller: {connection: temporal}}\nautoscaling: {kind: hpa}\ntemporal: {caSecret: temporal-ca, clientSecret: temporal}"},
	"the worker controller, all at once": {"worker: {controller: {connection: temporal, steps: []}}"},
	"GKE":                                {place("gke")},
	"Confluent Cloud":                    {place("confluent-cloud")},
	"Temporal Cloud by certificate":      {place("temporal-cloud-mtls")},
	"Temporal Cloud by API key":          {place("temporal-cloud-api-key")},
	"Strimzi":                            {place("strimzi")},
	"GKE, Confluent and Temporal Cloud":  {place("gke"), place("confluent-cloud"), place("temporal-cloud-api-key"), "robots: {stages: [mix]}"},
	"GKE and Strimzi":                    {place("gke"), place("strimzi"), "autoscaling: {kind: keda}\ntemporal: {apiKeySecret: temporal}"},
}

// place reads a file of values.
func place(name string) string {
	data, err := os.ReadFile("../places/" + name + ".yaml")
	if err != nil {
		panic(err)
	}
	return string(data)
}

// objects are what a release is made of.
type objects []map[string]any

// render renders the chart as Helm does without a cluster.
func render(t *testing.T, values ...string) (objects, error) {
	t.Helper()
	loaded, err := loader.LoadDir("../chart")
	require.NoError(t, err)
	merged := map[string]any{}
	for _, text := range values {
		var layer map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(text), &layer))
		merged = util.MergeTables(layer, merged)
	}
	rendering, err := util.ToRenderValues(loaded, merged, common.ReleaseOptions{Name: release, Namespace: namespace, Revision: 1, IsInstall: true}, common.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	files, err := engine.Engine{Strict: true}.Render(loaded, rendering)
	if err != nil {
		return nil, err
	}
	var all objects
	for _, name := range slices.Sorted(maps.Keys(files)) {
		for _, document := range regexp.MustCompile(`(?m)^---$`).Split(files[name], -1) {
			var object map[string]any
			if !assert.NoError(t, yaml.Unmarshal([]byte(document), &object), "%s:\n%s", name, document) || object == nil {
				continue
			}
			all = append(all, object)
		}
	}
	require.False(t, t.Failed(), "what is rendered is no YAML")
	return all, nil
}

func mustRender(t *testing.T, values ...string) objects {
	t.Helper()
	all, err := render(t, append([]string{least}, values...)...)
	require.NoError(t, err)
	return all
}

// forEachSetting runs a test of what each of the settings renders.
func forEachSetting(t *testing.T, test func(t *testing.T, all objects)) {
	for name, values := range settings {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, mustRender(t, values...))
		})
	}
}

func (o objects) yaml(t *testing.T) []byte {
	t.Helper()
	var all bytes.Buffer
	for _, object := range o {
		data, err := yaml.Marshal(object)
		require.NoError(t, err)
		all.WriteString("---\n")
		all.Write(data)
	}
	return all.Bytes()
}

// all returns the objects of a kind as that kind's type.
func all[T any](t *testing.T, o objects, kind string) []T {
	t.Helper()
	var found []T
	for _, object := range o {
		if object["kind"] != kind {
			continue
		}
		found = append(found, as[T](t, object))
	}
	return found
}

func as[T any](t *testing.T, object any) T {
	t.Helper()
	data, err := json.Marshal(object)
	require.NoError(t, err)
	var typed T
	require.NoError(t, yaml.UnmarshalStrict(data, &typed))
	return typed
}

// workload is something that has pods.
type workload struct {
	kind, name string
	replicas   *int32
	template   corev1.PodTemplateSpec
}

func (w workload) component() string { return w.template.Labels["app.kubernetes.io/component"] }

func workloads(t *testing.T, o objects) []workload {
	t.Helper()
	var found []workload
	for _, object := range o {
		if kind := object["kind"].(string); slices.Contains([]string{"Deployment", "Job", "WorkerDeployment"}, kind) {
			spec := object["spec"].(map[string]any)
			w := workload{kind: kind, name: object["metadata"].(map[string]any)["name"].(string), template: as[corev1.PodTemplateSpec](t, spec["template"])}
			if replicas, given := spec["replicas"]; given {
				n := as[int32](t, replicas)
				w.replicas = &n
			}
			found = append(found, w)
		}
	}
	return found
}

func TestEverythingSatisfiesItsSchema(t *testing.T) {
	t.Parallel()
	forEachSetting(t, func(t *testing.T, o objects) { conforms(t, t.Name(), o.yaml(t)) })
	files, err := filepath.Glob("../places/*.yaml")
	require.NoError(t, err)
	var manifests int
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		if bytes.Contains(data, []byte("\napiVersion:")) {
			manifests++
			conforms(t, file, data)
			continue
		}
		used := false
		for _, values := range settings {
			used = used || slices.Contains(values, string(data))
		}
		assert.True(t, used, "%s is rendered by no test", file)
	}
	assert.Equal(t, 2, manifests)
}

func TestNamesAreUnique(t *testing.T) {
	t.Parallel()
	forEachSetting(t, func(t *testing.T, o objects) {
		seen := map[string]bool{}
		for _, object := range o {
			name := fmt.Sprint(object["apiVersion"], " ", object["kind"], " ", object["metadata"].(map[string]any)["name"])
			assert.False(t, seen[name], name)
			seen[name] = true
		}
	})
}

// helpOf is what the program says about a command line; it fails for a flag or a
// command that it does not know.
func helpOf(t *testing.T, args ...string) string {
	t.Helper()
	program, err := filepath.Abs(repository + "/bin/cupcakery")
	require.NoError(t, err)
	output, err := exec.CommandContext(t.Context(), program, append(slices.Clone(args), "--help")...).CombinedOutput()
	require.NoError(t, err, "cupcakery %s: %s", strings.Join(args, " "), output)
	return string(output)
}

// readByLibraries are variables that Temporal's SDK, OpenTelemetry and Go read.
var readByLibraries = regexp.MustCompile(`^(TEMPORAL_(API_KEY|CLIENT_AUTHORITY|TLS|TLS_(CLIENT_CERT|CLIENT_KEY|SERVER_CA_CERT)_PATH|TLS_SERVER_NAME)|OTEL_[A-Z_]+|GOMEMLIMIT|GOMAXPROCS)$`)

func TestThePodsAreToldOnlyWhatTheProgramKnows(t *testing.T) {
	t.Parallel()
	variables := regexp.MustCompile(`\$([A-Z][A-Z_]+)`)
	common := settingsOfEnv(t)
	forEachSetting(t, func(t *testing.T, o objects) {
		for _, w := range workloads(t, o) {
			for _, container := range w.template.Spec.Containers {
				known := map[string]bool{}
				for _, match := range variables.FindAllStringSubmatch(helpOf(t, container.Args...), -1) {
					known[match[1]] = true
				}
				seen := map[string]bool{}
				for _, variable := range container.Env {
					assert.False(t, seen[variable.Name], "%s: %s is given twice", w.name, variable.Name)
					seen[variable.Name] = true
					assert.True(t, known[variable.Name] || readByLibraries.MatchString(variable.Name) || common[variable.Name],
						"%s: cupcakery %s does not know %s", w.name, strings.Join(container.Args, " "), variable.Name)
				}
			}
		}
	})
}

func TestRobotsWorkAtTheStagesThatThereAre(t *testing.T) {
	t.Parallel()
	match := regexp.MustCompile(`station <([a-z|]+)>`).FindStringSubmatch(helpOf(t, "station"))
	require.NotNil(t, match)
	stages := schemaOf(t)["properties"].(map[string]any)["robots"].(map[string]any)["properties"].(map[string]any)["stages"].(map[string]any)
	var known []string
	for _, stage := range stages["items"].(map[string]any)["enum"].([]any) {
		known = append(known, stage.(string))
	}
	assert.Equal(t, strings.Split(match[1], "|"), known)
}

// settingsOfEnv are the variables that every process gets, and that at least one knows.
func settingsOfEnv(t *testing.T) map[string]bool {
	t.Helper()
	help := helpOf(t, "api") + helpOf(t, "worker") + helpOf(t, "ledger") + helpOf(t, "topics", "apply") + helpOf(t, "temporal", "apply")
	pattern := schemaOf(t)["properties"].(map[string]any)["env"].(map[string]any)["propertyNames"].(map[string]any)["pattern"].(string)
	names := map[string]bool{"CUPCAKERY_LOG_FORMAT": true}
	inner := regexp.MustCompile(`CUPCAKERY_\(([A-Z_|]+)\)`).FindStringSubmatch(pattern)
	require.NotNil(t, inner)
	for name := range strings.SplitSeq(inner[1], "|") {
		name = "CUPCAKERY_" + name
		assert.Contains(t, help, "$"+name)
		names[name] = true
	}
	return names
}

func TestNoSecretIsInWhatIsRendered(t *testing.T) {
	t.Parallel()
	secret := regexp.MustCompile(`PASSWORD|API_KEY|SECRET|TOKEN|_PIN$|DATABASE`)
	forEachSetting(t, func(t *testing.T, o objects) {
		for _, object := range o {
			assert.NotEqual(t, "Secret", object["kind"])
		}
		for _, w := range workloads(t, o) {
			for _, container := range w.template.Spec.Containers {
				for _, variable := range container.Env {
					if secret.MatchString(variable.Name) && !strings.HasSuffix(variable.Name, "_FILE") {
						assert.Empty(t, variable.Value, "%s: %s", w.name, variable.Name)
						require.NotNil(t, variable.ValueFrom, "%s: %s", w.name, variable.Name)
						assert.NotNil(t, variable.ValueFrom.SecretKeyRef, "%s: %s", w.name, variable.Name)
					}
				}
				for _, arg := range container.Args {
					assert.NotRegexp(t, `(?i)password|secret|key`, arg, w.name)
				}
			}
		}
	})
	var takeText func(path string, schema map[string]any)
	takeText = func(path string, schema map[string]any) {
		for name, field := range schema["properties"].(map[string]any) {
			field, path := field.(map[string]any), path+"."+name
			if _, deeper := field["properties"]; deeper {
				takeText(path, field)
			}
			if strings.HasSuffix(strings.ToLower(name), "secret") {
				assert.Contains(t, field["pattern"], "a-z0-9", "%s is the name of a Secret", path)
			}
			assert.NotRegexp(t, `(?i)(password|token|apikey|privatekey)$`, path, "a value that takes a secret")
		}
	}
	takeText("", schemaOf(t))
}

func TestBadValuesAreRefusedByName(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ values, says string }{
		"an unknown value":                    {"kafkaa: {}", "kafkaa"},
		"an unknown value inside":             {"worker: {replica: 3}", "replica"},
		"no broker":                           {"kafka: {brokers: []}", "/kafka/brokers"},
		"a broker without a port":             {"kafka: {brokers: [kafka]}", "/kafka/brokers/0"},
		"Temporal's address with a scheme":    {"temporal: {address: \"https://temporal:7233\"}", "/temporal/address"},
		"no worker":                           {"worker: {replicas: 0}", "/worker/replicas"},
		"no API":                              {"api: {replicas: 0}", "/api/replicas"},
		"no name of the secret":               {"api: {secret: \"\"}", "/api/secret"},
		"a secret in the place of its name":   {"api: {secret: \"9F/tI2dQ==\"}", "/api/secret"},
		"a password":                          {"kafka: {password: hunter2}", "password"},
		"a stage that is none":                {"robots: {stages: [fry]}", "/robots/stages/0"},
		"a stage twice":                       {"robots: {stages: [mix, mix]}", "/robots/stages"},
		"a mechanism that is none":            {"kafka: {auth: GSSAPI}", "/kafka/auth"},
		"a variable that is secret":           {"env: {KAFKA_SASL_PASSWORD: a}", "KAFKA_SASL_PASSWORD"},
		"headers of a collector":              {"env: {OTEL_EXPORTER_OTLP_HEADERS: a}", "OTEL_EXPORTER_OTLP_HEADERS"},
		"a variable that the chart sets":      {"env: {KAFKA_BROKERS: a}", "KAFKA_BROKERS"},
		"a share of 100 percent":              {"worker: {controller: {steps: [{rampPercentage: 100, pauseDuration: 1m}]}}", "/worker/controller/steps/0/rampPercentage"},
		"a version without an image":          {"worker: {versions: [{buildId: v1}]}", "tag"},
		"a resource that is none":             {"api: {resources: {requests: {cpus: 1}}}", "cpus"},
		"a policy's peer that is none":        {"networkPolicy: {customers: [{namespace: a}]}", "namespace"},
		"credentials that are nowhere":        {"kafka: {auth: PLAIN}", "kafka.secret, or worker.kafkaSecret"},
		"credentials that the robots lack":    {"kafka: {auth: PLAIN}\napi: {kafkaSecret: a}\nworker: {kafkaSecret: b}\nsetup: {kafkaSecret: c}\nrobots: {stages: [mix]}", "robots.kafkaSecret"},
		"credentials that the job lacks":      {"kafka: {auth: PLAIN}\napi: {kafkaSecret: a}\nworker: {kafkaSecret: b}", "setup.kafkaSecret"},
		"credentials that the ledger lacks":   {"kafka: {auth: PLAIN}\napi: {kafkaSecret: a}\nworker: {kafkaSecret: b}\nsetup: {kafkaSecret: c}\nledger: {enabled: true, databaseSecret: d}", "ledger.kafkaSecret"},
		"a ledger without a database":         {"ledger: {enabled: true}", "ledger.databaseSecret"},
		"a database's address":                {"ledger: {enabled: true, databaseSecret: \"postgres://ledger:a@b/c\"}", "/ledger/databaseSecret"},
		"a certificate without TLS":           {"kafka: {auth: tls, secret: a, tls: false}", "kafka.tls"},
		"Temporal's key without TLS":          {"temporal: {apiKeySecret: a, tls: false}", "temporal.tls"},
		"two ways into Temporal":              {"temporal: {apiKeySecret: a, clientSecret: b}", "temporal.clientSecret and temporal.apiKeySecret"},
		"two ways to make versions":           {"worker: {versions: [{buildId: a, tag: b}], controller: {connection: c}}", "worker.versions"},
		"more workers than partitions":        {"autoscaling: {kind: hpa, worker: {max: 9}}", "kafka.partitions is 8"},
		"more robots than partitions":         {"autoscaling: {kind: hpa, robots: {max: 9}}", "autoscaling.robots.max"},
		"fewer workers than the least":        {"autoscaling: {kind: hpa, worker: {max: 1}}", "worker.replicas"},
		"KEDA with the worker controller":     {"autoscaling: {kind: keda}\nworker: {controller: {connection: a}}", "autoscaling.kind"},
		"KEDA for robots without Prometheus":  {"autoscaling: {kind: keda}\nrobots: {stages: [mix]}\ntemporal: {tls: false}", "autoscaling.prometheus"},
		"KEDA with TLS that it does not know": {"autoscaling: {kind: keda}", "temporal.tls"},
		"a Gateway without a host":            {"expose: {gateway: {name: a}}", "expose.host"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := render(t, least, c.values)
			require.ErrorContains(t, err, c.says)
		})
	}
	for name, without := range map[string]string{"/kafka/brokers": "kafka", "/temporal/address": "temporal", "/api/secret": "api"} {
		var values map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(least), &values))
		delete(values, without)
		text, err := yaml.Marshal(values)
		require.NoError(t, err)
		_, err = render(t, string(text))
		require.ErrorContains(t, err, name)
	}
}

func schemaOf(t *testing.T) map[string]any {
	t.Helper()
	data, err := os.ReadFile("../chart/values.schema.json")
	require.NoError(t, err)
	var schema map[string]any
	require.NoError(t, json.Unmarshal(data, &schema))
	return schema
}

// notDeeper are values that are Kubernetes' own types, or have names of their users' choice.
var notDeeper = map[string]bool{
	"api.resources": true, "worker.resources": true, "ledger.resources": true, "robots.resources": true, "expose.annotations": true, "serviceMonitor.labels": true,
	"serviceAccountAnnotations": true, "env": true, "nodeSelector": true,
}

// leaves are the values by their paths.
func leaves(path string, values map[string]any, found map[string]any) map[string]any {
	for name, value := range values {
		path := strings.TrimPrefix(path+"."+name, ".")
		if inner, isMap := value.(map[string]any); isMap && !notDeeper[path] {
			leaves(path, inner, found)
			continue
		}
		found[path] = value
	}
	return found
}

func TestValuesSchemaAndDocsSayTheSame(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../chart/values.yaml")
	require.NoError(t, err)
	var values map[string]any
	require.NoError(t, yaml.Unmarshal(data, &values))
	defaults := leaves("", values, map[string]any{})
	assert.LessOrEqual(t, len(defaults), 66, "a chart with more values than that is used by nobody but its authors")

	inSchema := map[string]any{}
	var walk func(path string, schema map[string]any)
	walk = func(path string, schema map[string]any) {
		assert.Equal(t, false, schema["additionalProperties"], "%q takes anything", path)
		for name, field := range schema["properties"].(map[string]any) {
			field, path := field.(map[string]any), strings.TrimPrefix(path+"."+name, ".")
			if _, deeper := field["properties"]; deeper && !notDeeper[path] {
				walk(path, field)
				continue
			}
			inSchema[path] = nil
		}
	}
	walk("", schemaOf(t))
	delete(inSchema, "global")
	paths := slices.Sorted(maps.Keys(defaults))
	assert.Equal(t, paths, slices.Sorted(maps.Keys(inSchema)))

	document, err := os.ReadFile(repository + "/docs/kubernetes.md")
	require.NoError(t, err)
	rows := regexp.MustCompile("(?m)^\\| `([a-zA-Z.]+)` \\| .+ \\| (?:`(.*)`)? ?\\|$").FindAllStringSubmatch(string(document), -1)
	inDocs := map[string]string{}
	for _, row := range rows {
		inDocs[row[1]] = row[2]
	}
	for _, path := range paths {
		text, documented := inDocs[path]
		if !assert.True(t, documented, "%s is not in docs/kubernetes.md", path) {
			continue
		}
		if given, isText := defaults[path].(string); isText {
			assert.Equal(t, given, text, path)
			continue
		}
		want, err := json.Marshal(defaults[path])
		require.NoError(t, err)
		assert.JSONEq(t, string(want), text, path)
	}
}

func TestPodsAreRestrictedAndAskedHowTheyAre(t *testing.T) {
	t.Parallel()
	forEachSetting(t, func(t *testing.T, o objects) {
		for _, w := range workloads(t, o) {
			spec := w.template.Spec
			require.NotNil(t, spec.SecurityContext, w.name)
			assert.True(t, *spec.SecurityContext.RunAsNonRoot, w.name)
			assert.EqualValues(t, 65532, *spec.SecurityContext.RunAsUser, "the image's user")
			assert.Equal(t, corev1.SeccompProfileTypeRuntimeDefault, spec.SecurityContext.SeccompProfile.Type, w.name)
			assert.False(t, *spec.AutomountServiceAccountToken, w.name)
			for _, container := range spec.Containers {
				security := container.SecurityContext
				require.NotNil(t, security, w.name)
				assert.False(t, *security.AllowPrivilegeEscalation, w.name)
				assert.True(t, *security.ReadOnlyRootFilesystem, w.name)
				assert.Equal(t, []corev1.Capability{"ALL"}, security.Capabilities.Drop, w.name)
				assert.NotEmpty(t, container.Resources.Requests, w.name)
				assert.NotEmpty(t, container.Resources.Limits, w.name)
				for _, mount := range container.VolumeMounts {
					assert.True(t, mount.ReadOnly, w.name)
					assert.True(t, slices.ContainsFunc(spec.Volumes, func(v corev1.Volume) bool { return v.Name == mount.Name }), "%s mounts %s", w.name, mount.Name)
				}
				if w.kind == "Job" {
					continue
				}
				for path, probe := range map[string]*corev1.Probe{"/healthz": container.LivenessProbe, "/readyz": container.ReadinessProbe} {
					require.NotNil(t, probe, "%s %s", w.name, path)
					assert.Equal(t, path, probe.HTTPGet.Path)
					assert.Equal(t, "metrics", probe.HTTPGet.Port.StrVal)
				}
				port := container.Ports[slices.IndexFunc(container.Ports, func(p corev1.ContainerPort) bool { return p.Name == "metrics" })]
				listening := strings.Join(container.Args, " ")
				for _, variable := range container.Env {
					listening += " " + variable.Value
				}
				assert.Contains(t, listening, ":"+strconv.Itoa(int(port.ContainerPort)), "%s is asked where it listens", w.name)
			}
			for _, volume := range spec.Volumes {
				mounted := false
				for _, container := range spec.Containers {
					mounted = mounted || slices.ContainsFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == volume.Name })
				}
				assert.True(t, mounted, "%s has the volume %s for nobody", w.name, volume.Name)
			}
			if w.kind != "Job" {
				assert.Len(t, spec.TopologySpreadConstraints, 2, w.name)
			}
		}
	})
}

// Every pod is in a budget, behind the policies, and reachable for metrics, by
// selectors that match its labels.
func TestSelectorsFindTheirPods(t *testing.T) {
	t.Parallel()
	forEachSetting(t, func(t *testing.T, o objects) {
		selects := func(selector *metav1.LabelSelector, w workload) bool {
			s, err := metav1.LabelSelectorAsSelector(selector)
			require.NoError(t, err)
			return s.Matches(labels.Set(w.template.Labels))
		}
		egress := map[string][]int32{}
		for _, w := range workloads(t, o) {
			var denied, customers, metrics bool
			for _, policy := range all[networkingv1.NetworkPolicy](t, o, "NetworkPolicy") {
				if !selects(&policy.Spec.PodSelector, w) {
					continue
				}
				denied = denied || len(policy.Spec.PolicyTypes) == 2 && len(policy.Spec.Ingress)+len(policy.Spec.Egress) == 0
				for _, rule := range policy.Spec.Ingress {
					customers = customers || rule.Ports[0].Port.StrVal == "http"
					metrics = metrics || rule.Ports[0].Port.StrVal == "metrics"
				}
				for _, rule := range policy.Spec.Egress {
					for _, port := range rule.Ports {
						egress[w.component()] = append(egress[w.component()], port.Port.IntVal)
					}
				}
			}
			assert.True(t, denied, "%s is not behind the policy that denies", w.name)
			assert.Equal(t, w.component() == "api", customers, w.name)
			assert.True(t, metrics, w.name)
			for _, broker := range w.template.Spec.Containers[0].Env {
				if broker.Name == "KAFKA_BROKERS" {
					_, port, _ := strings.Cut(broker.Value, ":")
					number, err := strconv.Atoi(port)
					require.NoError(t, err)
					assert.Contains(t, egress[w.component()], int32(number), "%s reaches Kafka", w.name)
				}
			}
			database := slices.ContainsFunc(w.template.Spec.Containers[0].Env, func(v corev1.EnvVar) bool { return v.Name == "CUPCAKERY_LEDGER_DATABASE" })
			for _, port := range []int32{5432, 6432} {
				reaches := slices.Contains(egress[w.component()], port)
				assert.False(t, reaches && !database, "%s has no business with the database", w.name)
			}
			if database {
				assert.Contains(t, []string{"api", "ledger"}, w.component())
				assert.True(t, slices.Contains(egress[w.component()], int32(5432)) || slices.Contains(egress[w.component()], int32(6432)), "%s reaches the database", w.name)
			}
			if strings.HasSuffix(w.component(), "robot") || w.component() == "ledger" {
				assert.NotContains(t, egress[w.component()], int32(7233), "%s has no business with Temporal", w.name)
			} else {
				assert.Contains(t, egress[w.component()], int32(7233), w.name)
			}
			if w.kind == "Job" {
				continue
			}
			budgets := 0
			for _, budget := range all[policyv1.PodDisruptionBudget](t, o, "PodDisruptionBudget") {
				if selects(budget.Spec.Selector, w) {
					budgets++
				}
			}
			assert.Equal(t, 1, budgets, "%s: Kubernetes evicts no pod that has two budgets", w.name)
			for _, constraint := range w.template.Spec.TopologySpreadConstraints {
				assert.True(t, selects(constraint.LabelSelector, w), w.name)
			}
			for _, service := range all[corev1.Service](t, o, "Service") {
				if service.Spec.ClusterIP == "None" {
					assert.True(t, labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(w.template.Labels)), "%s has metrics for nobody", w.name)
				}
			}
		}
		seen := map[string]bool{}
		for _, object := range o {
			if object["kind"] == "Deployment" {
				selector := fmt.Sprint(object["spec"].(map[string]any)["selector"])
				assert.False(t, seen[selector], "two Deployments share their pods: %s", selector)
				seen[selector] = true
			}
		}
	})
}

// A pod that is killed while it stops leaves an ack to be carried a second time.
func TestPodsHaveLongerToStopThanTheProgramTakes(t *testing.T) {
	t.Parallel()
	constant := func(file, name string) time.Duration {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(repository, file))
		require.NoError(t, err)
		match := regexp.MustCompile(`(?m)^\s*(?:const )?` + name + `\s*[=:]\s*([0-9]+) \* time\.Second`).FindSubmatch(data)
		require.NotNil(t, match, "%s has no %s", file, name)
		seconds, err := strconv.Atoi(string(match[1]))
		require.NoError(t, err)
		return time.Duration(seconds) * time.Second
	}
	leaving := constant("events/consumer.go", "handlersTimeout") + constant("events/consumer_group.go", "commitTimeout") + constant("events/consumer_group.go", "leaveTimeout")
	reading := constant("events/consumer.go", "defaultStopWait")
	o := mustRender(t, settings["everything"]...)
	for _, w := range workloads(t, o) {
		var needs time.Duration
		switch component := w.component(); {
		case component == "api":
			needs = constant("api/server.go", "finishWithin") + reading
			needs += time.Duration(w.template.Spec.Containers[0].Lifecycle.PreStop.Sleep.Seconds) * time.Second
		case component == "worker":
			needs = constant("worker/acks.go", "carryWithin") + constant("worker/worker.go", "stopWithin") + constant("worker/worker.go", "StopWait") + leaving
		case component == "ledger":
			needs = constant("ledger/reader.go", "stopWithin") + reading + leaving
		case strings.HasSuffix(component, "-robot"):
			needs = constant("cmd/cupcakery/station.go", "robotStopsWithin") + reading + leaving
		case component == "setup":
			continue // it starts again where it was
		}
		require.Positive(t, needs, w.name)
		assert.Greater(t, time.Duration(*w.template.Spec.TerminationGracePeriodSeconds)*time.Second, needs, w.name)
	}
}

func TestAChangedKitchenFileRestartsWhoReadsIt(t *testing.T) {
	t.Parallel()
	marks := func(kitchen string) map[string]string {
		found := map[string]string{}
		for _, w := range workloads(t, mustRender(t, "robots: {stages: [mix]}", "kitchen: "+strconv.Quote(kitchen))) {
			found[w.component()] = w.template.Annotations["cupcakery/kitchen"]
		}
		return found
	}
	before, same, after := marks("open: {orders: 10}"), marks("open: {orders: 10}"), marks("open: {orders: 11}")
	assert.Equal(t, before, same)
	for component, mark := range before {
		if component == "worker" || component == "setup" {
			assert.Empty(t, mark, component)
			continue
		}
		assert.NotEmpty(t, mark, component)
		assert.NotEqual(t, mark, after[component], component)
	}
}

// Without a ledger nobody hears of a database.
func TestTheLedgerIsThereOnlyIfItIsEnabled(t *testing.T) {
	t.Parallel()
	for enabled, values := range map[bool]string{false: "ledger: {databaseSecret: ledger}", true: settings["a ledger"][0]} {
		o := mustRender(t, values)
		assert.Equal(t, enabled, strings.Contains(string(o.yaml(t)), "ledger"))
		for _, w := range workloads(t, o) {
			reads := slices.ContainsFunc(w.template.Spec.Containers[0].Env, func(v corev1.EnvVar) bool { return v.Name == "CUPCAKERY_LEDGER_DATABASE" })
			assert.Equal(t, enabled && (w.component() == "api" || w.component() == "ledger"), reads, w.name)
		}
	}
}

func TestWhatScalesIsLeftToWhoScalesIt(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"hpa", "keda"} {
		o := mustRender(t, "autoscaling: {kind: "+kind+", prometheus: \"http://prometheus\"}", "robots: {stages: [mix]}", "temporal: {tls: false}")
		for _, w := range workloads(t, o) {
			if w.component() == "worker" || w.component() == "mix-robot" {
				assert.Nil(t, w.replicas, "an upgrade would set %s back", w.name)
			}
		}
	}
	for _, scaler := range all[autoscalingv2.HorizontalPodAutoscaler](t, mustRender(t, settings["scaling by external metrics"]...), "HorizontalPodAutoscaler") {
		assert.Positive(t, *scaler.Spec.MinReplicas)
		for _, metric := range scaler.Spec.Metrics {
			assert.NotContains(t, metric.External.Metric.Name, "activity")
			assert.NotContains(t, fmt.Sprint(metric.External.Metric.Selector), "orders-to-", "lag there counts work that is in hand")
		}
	}
	// Of versions side by side the newest scales, and the others keep what they have.
	o := mustRender(t, settings["versions by hand"]...)
	replicas := map[string]*int32{}
	for _, w := range workloads(t, o) {
		replicas[w.name] = w.replicas
	}
	require.Contains(t, replicas, "cupcakery-worker-v2-0-a")
	assert.Nil(t, replicas["cupcakery-worker-v2-0-a"])
	assert.EqualValues(t, 2, *replicas["cupcakery-worker-v1"])
	scalers := all[autoscalingv2.HorizontalPodAutoscaler](t, o, "HorizontalPodAutoscaler")
	require.Len(t, scalers, 1)
	assert.Equal(t, "cupcakery-worker-v2-0-a", scalers[0].Spec.ScaleTargetRef.Name)
}

// KEDA ignores a setting that it does not know.
func TestKEDAsTriggersHaveSettingsThatItKnows(t *testing.T) {
	t.Parallel()
	var folder string
	for module := range definitionFiles {
		if strings.HasPrefix(module, "github.com/kedacore/") {
			var err error
			folder, err = moduleFolder(module)
			require.NoError(t, err)
		}
	}
	files := map[string]string{"kafka": "kafka_scaler.go", "prometheus": "prometheus_scaler.go", "temporal": "temporal_scaler.go"}
	checked := map[string]bool{}
	for _, name := range []string{"scaling by KEDA", "scaling by KEDA with credentials", "scaling by KEDA with certificates"} {
		for _, object := range mustRender(t, settings[name]...) {
			if object["kind"] != "ScaledObject" {
				continue
			}
			for _, trigger := range object["spec"].(map[string]any)["triggers"].([]any) {
				trigger := trigger.(map[string]any)
				kind := trigger["type"].(string)
				source, err := os.ReadFile(filepath.Join(folder, "pkg/scalers", files[kind]))
				require.NoError(t, err)
				checked[kind] = true
				for setting := range trigger["metadata"].(map[string]any) {
					assert.Regexp(t, `keda:"name=[A-Za-z;]*\b`+setting+`\b`, string(source), "%s: %s", kind, setting)
				}
			}
		}
	}
	assert.Len(t, checked, len(files))
}

// Temporal's worker controller adds these variables itself.
func TestTheWorkerControllerIsNotContradicted(t *testing.T) {
	t.Parallel()
	found := false
	for _, w := range workloads(t, mustRender(t, settings["the worker controller"]...)) {
		if w.kind != "WorkerDeployment" {
			continue
		}
		found = true
		for _, variable := range w.template.Spec.Containers[0].Env {
			assert.NotRegexp(t, `^(TEMPORAL_(ADDRESS|NAMESPACE|DEPLOYMENT_NAME|WORKER_BUILD_ID|TLS|TLS_CLIENT.*|API_KEY)|CUPCAKERY_(DEPLOYMENT_NAME|BUILD_ID))$`, variable.Name)
		}
	}
	assert.True(t, found)
}

// Strimzi makes the topics of the contract, and no user may touch others.
func TestStrimzisTopicsAreThoseOfTheContract(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile(repository + "/events/asyncapi.yaml")
	require.NoError(t, err)
	var contract struct {
		Channels map[string]struct{ Address string }
	}
	require.NoError(t, yaml.Unmarshal(data, &contract))
	wanted := map[string]bool{}
	for _, channel := range contract.Channels {
		wanted[channel.Address] = true
	}
	topics := map[string]bool{}
	users := map[string]bool{}
	for document := range strings.SplitSeq(place("strimzi-kafka"), "\n---\n") {
		var object struct {
			Kind     string
			Metadata struct{ Name string }
			Spec     struct {
				Partitions    int
				Authorization struct {
					ACLs []struct{ Resource struct{ Type, Name string } }
				}
			}
		}
		require.NoError(t, yaml.Unmarshal([]byte(document), &object))
		switch object.Kind {
		case "KafkaTopic":
			topics[object.Metadata.Name] = true
			partitions := 8 // the chart's kafka.partitions
			if object.Metadata.Name == "kitchen-state" {
				partitions = 1 // so that all its records have one order
			}
			assert.Equal(t, partitions, object.Spec.Partitions, object.Metadata.Name)
		case "KafkaUser":
			users[object.Metadata.Name] = true
			for _, acl := range object.Spec.Authorization.ACLs {
				if acl.Resource.Type == "topic" {
					assert.Contains(t, wanted, acl.Resource.Name, object.Metadata.Name)
				}
			}
		}
	}
	assert.Equal(t, wanted, topics)
	for _, w := range workloads(t, mustRender(t, place("strimzi"), "robots: {stages: [mix]}")) {
		for _, variable := range w.template.Spec.Containers[0].Env {
			if variable.Name == "KAFKA_SASL_USERNAME" {
				assert.Contains(t, users, variable.Value, w.name)
			}
		}
	}
}
