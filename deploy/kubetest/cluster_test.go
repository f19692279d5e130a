//go:build kubernetes

package kubetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/kube"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
	"sigs.k8s.io/yaml"
)

// installed is a release on a control plane, in a namespace that lets only
// restricted pods in.
type installed struct {
	*controlPlane
	t       *testing.T
	dynamic dynamic.Interface
	mapper  meta.RESTMapper
	helm    *action.Configuration
	// added are further values that hold from now on.
	added []string
}

// TestOnARealControlPlane lives through a release's life on a real API server,
// with the real controllers and scheduler. Pods are ready when they start, and
// no network enforces policies.
func TestOnARealControlPlane(t *testing.T) {
	p := startControlPlane(t)
	r := &installed{controlPlane: p, t: t}
	var err error
	r.dynamic, err = dynamic.NewForConfig(p.config)
	require.NoError(t, err)
	r.define()
	r.prepareNamespace()
	before := r.everything()

	// Each step goes on where the one before has ended.
	for _, step := range []struct {
		name string
		test func(t *testing.T)
	}{
		{"EverySettingIsAcceptedByTheServer", r.testAcceptance},
		{"PodSecurityRefusesWhatIsNotRestricted", r.testRestricted},
		{"AReleaseComesUp", r.testInstall},
		{"AnUpgradeReplacesPodsAndKeepsTheAPIUp", r.testUpgrade},
		{"AChangedSecretRestartsWhoReadsIt", r.testChangedSecret},
		{"AFailedSetupChangesNothing", r.testFailedSetup},
		{"ItScalesByWhatWaits", r.testScaling},
		{"ScalingCanBeSwitchedOff", r.testScalingOff},
		{"UninstallingLeavesNothing", func(t *testing.T) { r.testUninstall(t, before) }},
	} {
		if !t.Run(step.name, step.test) {
			r.tell()
			return
		}
	}
}

// tell logs what the cluster says about its nodes, jobs and pods.
func (r *installed) tell() {
	for _, path := range []string{"/api/v1/nodes", "/apis/batch/v1/jobs", "/api/v1/pods", "/api/v1/events"} {
		data, err := r.kubernetes.Discovery().RESTClient().Get().AbsPath(path).DoRaw(r.t.Context())
		if err != nil {
			r.t.Logf("%s: %v", path, err)
			continue
		}
		var list unstructured.UnstructuredList
		require.NoError(r.t, list.UnmarshalJSON(data))
		for _, object := range list.Items {
			if object.Object["type"] == corev1.EventTypeNormal {
				continue
			}
			r.t.Log(object.GetKind(), object.GetName(), object.Object["status"], object.Object["reason"], object.Object["message"])
		}
	}
}

// define defines the kinds that the cluster of somebody else may have.
func (r *installed) define() {
	definitions := r.dynamic.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	for module, files := range definitionFiles {
		folder, err := moduleFolder(module)
		require.NoError(r.t, err)
		for _, file := range files {
			data, err := os.ReadFile(filepath.Join(folder, file))
			require.NoError(r.t, err)
			var definition map[string]any
			require.NoError(r.t, yaml.Unmarshal(data, &definition))
			object := &unstructured.Unstructured{Object: definition}
			_, err = definitions.Create(r.t.Context(), object, metav1.CreateOptions{})
			require.NoError(r.t, err)
			eventually(r.t, object.GetName()+" is there", func() error {
				now, err := definitions.Get(r.t.Context(), object.GetName(), metav1.GetOptions{})
				if err != nil {
					return err
				}
				conditions, _, _ := unstructured.NestedSlice(now.Object, "status", "conditions")
				for _, condition := range conditions {
					if is := condition.(map[string]any); is["type"] == "Established" && is["status"] == "True" {
						return nil
					}
				}
				return errors.New("not established")
			})
		}
	}
	r.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(r.kubernetes.Discovery()))
}

func (r *installed) prepareNamespace() {
	_, err := r.kubernetes.CoreV1().Namespaces().Create(r.t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: namespace, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}, metav1.CreateOptions{})
	require.NoError(r.t, err)
	for _, name := range []string{"cupcakery", "staff", "kafka"} {
		_, err := r.kubernetes.CoreV1().Secrets(namespace).Create(r.t.Context(), &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: map[string]string{"username": "u", "password": "p", "secret": "s", "staff.yaml": "staff: []"},
		}, metav1.CreateOptions{})
		require.NoError(r.t, err)
	}
	eventually(r.t, "the namespace has its service account", func() error {
		_, err := r.kubernetes.CoreV1().ServiceAccounts(namespace).Get(r.t.Context(), "default", metav1.GetOptions{})
		return err
	})
	flags := genericclioptions.NewConfigFlags(false)
	flags.KubeConfig = &r.kubeconfig
	ns := namespace
	flags.Namespace = &ns
	r.helm = action.NewConfiguration()
	require.NoError(r.t, r.helm.Init(flags, namespace, "secret"))
}

// values are those of the release with what a step adds.
func (r *installed) values(more ...string) map[string]any {
	merged := map[string]any{}
	base := []string{least, "image: {tag: v1}\nkafka: {auth: PLAIN, secret: kafka}\napi: {staffSecret: staff}\nkitchen: \"open: {orders: 10}\"\nrobots: {stages: [mix, package]}\nexpose: {host: cupcakes.example.com}"}
	for _, text := range slices.Concat(base, r.added, more) {
		var layer map[string]any
		require.NoError(r.t, yaml.Unmarshal([]byte(text), &layer))
		merged = util.MergeTables(layer, merged)
	}
	return merged
}

func (r *installed) install() error {
	loaded, err := loader.LoadDir("../chart")
	require.NoError(r.t, err)
	install := action.NewInstall(r.helm)
	install.ReleaseName, install.Namespace, install.Timeout, install.WaitStrategy = release, namespace, 2*time.Minute, kube.StatusWatcherStrategy
	install.ServerSideApply = true
	_, err = install.RunWithContext(r.t.Context(), loaded, r.values())
	return err
}

func (r *installed) upgrade(more ...string) error {
	loaded, err := loader.LoadDir("../chart")
	require.NoError(r.t, err)
	upgrade := action.NewUpgrade(r.helm)
	upgrade.Namespace, upgrade.Timeout, upgrade.WaitStrategy = namespace, 2*time.Minute, kube.StatusWatcherStrategy
	upgrade.ServerSideApply = "true"
	_, err = upgrade.RunWithContext(r.t.Context(), release, loaded, r.values(more...))
	if err == nil {
		r.added = append(r.added, more...)
	}
	return err
}

// resource is where objects of a kind are.
func (r *installed) resource(t *testing.T, object map[string]any) dynamic.ResourceInterface {
	t.Helper()
	u := &unstructured.Unstructured{Object: object}
	mapping, err := r.mapper.RESTMapping(u.GroupVersionKind().GroupKind(), u.GroupVersionKind().Version)
	require.NoError(t, err)
	return r.dynamic.Resource(mapping.Resource).Namespace(namespace)
}

// testAcceptance sends everything to the server, which validates it strictly and keeps nothing.
func (r *installed) testAcceptance(t *testing.T) {
	accepted := map[string]bool{}
	for name, values := range settings {
		for _, object := range mustRender(t, values...) {
			if strings.HasPrefix(object["apiVersion"].(string), "temporal.io/") {
				continue // its definitions cannot be had
			}
			_, err := r.resource(t, object).Create(t.Context(), &unstructured.Unstructured{Object: object},
				metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict})
			assert.NoError(t, err, "%s: %v", name, object["kind"])
			accepted[object["kind"].(string)] = true
		}
	}
	for _, kind := range []string{"Deployment", "Job", "HorizontalPodAutoscaler", "HTTPRoute", "Ingress", "NetworkPolicy", "PodDisruptionBudget", "ScaledObject", "ServiceMonitor", "TriggerAuthentication"} {
		assert.True(t, accepted[kind], kind)
	}
}

// testRestricted makes a pod of each template, and the same with one thing that
// the level forbids.
func (r *installed) testRestricted(t *testing.T) {
	create := func(template corev1.PodTemplateSpec) error {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{GenerateName: "try-", Labels: template.Labels}, Spec: template.Spec}
		pod.Spec.ServiceAccountName = "default"
		_, err := r.kubernetes.CoreV1().Pods(namespace).Create(t.Context(), pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		return err
	}
	for _, w := range workloads(t, mustRender(t, settings["everything"]...)) {
		require.NoError(t, create(w.template), w.name)
		for name, spoil := range map[string]func(*corev1.PodSpec){
			"runAsNonRoot":              func(s *corev1.PodSpec) { s.SecurityContext.RunAsNonRoot = nil },
			"runAsUser":                 func(s *corev1.PodSpec) { *s.SecurityContext.RunAsUser = 0 },
			"seccompProfile":            func(s *corev1.PodSpec) { s.SecurityContext.SeccompProfile = nil },
			"unrestricted capabilities": func(s *corev1.PodSpec) { s.Containers[0].SecurityContext.Capabilities = nil },
			"allowPrivilegeEscalation":  func(s *corev1.PodSpec) { *s.Containers[0].SecurityContext.AllowPrivilegeEscalation = true },
			"host namespaces":           func(s *corev1.PodSpec) { s.HostNetwork = true },
		} {
			broken := *w.template.DeepCopy()
			spoil(&broken.Spec)
			err := create(broken)
			require.Truef(t, apierrors.IsForbidden(err), "%s, %s: %v", w.name, name, err)
			assert.ErrorContains(t, err, name)
		}
	}
}

func (r *installed) deployments(t *testing.T) map[string]appsv1.Deployment {
	t.Helper()
	list, err := r.kubernetes.AppsV1().Deployments(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	found := map[string]appsv1.Deployment{}
	for _, deployment := range list.Items {
		found[deployment.Name] = deployment
	}
	return found
}

// pods are those of a component that are not on their way out.
func (r *installed) pods(t *testing.T, component string) []corev1.Pod {
	t.Helper()
	list, err := r.kubernetes.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/component=" + component})
	require.NoError(t, err)
	return slices.DeleteFunc(list.Items, func(pod corev1.Pod) bool { return pod.DeletionTimestamp != nil })
}

func (r *installed) testInstall(t *testing.T) {
	require.NoError(t, r.install())
	want := map[string]int32{"cupcakery-api": 2, "cupcakery-worker": 2, "cupcakery-mix-robot": 1, "cupcakery-package-robot": 1}
	got := map[string]int32{}
	for name, deployment := range r.deployments(t) {
		got[name] = deployment.Status.AvailableReplicas
	}
	assert.Equal(t, want, got)
	zones := map[string]bool{}
	for _, pod := range r.pods(t, "api") {
		node, err := r.kubernetes.CoreV1().Nodes().Get(t.Context(), pod.Spec.NodeName, metav1.GetOptions{})
		require.NoError(t, err)
		zones[node.Labels[corev1.LabelTopologyZone]] = true
	}
	assert.Len(t, zones, 2, "two API processes are in two zones")
	_, err := r.kubernetes.BatchV1().Jobs(namespace).Get(t.Context(), "cupcakery-setup", metav1.GetOptions{})
	assert.True(t, apierrors.IsNotFound(err), "the job has done its work and is gone: %v", err)
	eventually(t, "the API's Service finds it", func() error {
		slices, err := r.kubernetes.DiscoveryV1().EndpointSlices(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=cupcakery-api"})
		if err != nil || len(slices.Items) != 1 || len(slices.Items[0].Endpoints) != 2 || *slices.Items[0].Ports[0].Port != 8080 {
			return fmt.Errorf("%v %w", slices, err)
		}
		return nil
	})
	eventually(t, "the metrics' Service finds all pods at their own ports", func() error {
		list, err := r.kubernetes.DiscoveryV1().EndpointSlices(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=cupcakery-metrics"})
		if err != nil {
			return err
		}
		found := map[int32]int{}
		for _, slice := range list.Items {
			found[*slice.Ports[0].Port] += len(slice.Endpoints)
		}
		if !maps.Equal(found, map[int32]int{8081: 2, 8082: 2, 8083: 2}) {
			return fmt.Errorf("%v", found)
		}
		return nil
	})
	eventually(t, "one pod of each kind may be taken away", func() error {
		budgets, err := r.kubernetes.PolicyV1().PodDisruptionBudgets(namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, budget := range budgets.Items {
			if budget.Status.ExpectedPods == 0 || budget.Status.DisruptionsAllowed != 1 {
				return fmt.Errorf("%s: %+v", budget.Name, budget.Status)
			}
		}
		if len(budgets.Items) != 4 {
			return fmt.Errorf("%d budgets", len(budgets.Items))
		}
		return nil
	})
}

// watchAvailable counts the fewest pods of a Deployment that are available, until stop.
func (r *installed) watchAvailable(t *testing.T, name string) (fewest *atomic.Int32, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	watch, err := r.kubernetes.AppsV1().Deployments(namespace).Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	require.NoError(t, err)
	fewest, done := &atomic.Int32{}, make(chan struct{})
	fewest.Store(1 << 20)
	go func() {
		defer close(done)
		for event := range watch.ResultChan() {
			if deployment, ok := event.Object.(*appsv1.Deployment); ok {
				fewest.Store(min(fewest.Load(), deployment.Status.AvailableReplicas))
			}
		}
	}()
	return fewest, func() { cancel(); watch.Stop(); <-done }
}

func (r *installed) testUpgrade(t *testing.T) {
	fewest, stop := r.watchAvailable(t, "cupcakery-api")
	require.NoError(t, r.upgrade("image: {tag: v2}"))
	stop()
	assert.EqualValues(t, 2, fewest.Load(), "new ones come first")
	for _, component := range []string{"api", "worker", "mix-robot", "package-robot"} {
		eventually(t, component+" is v2 alone", func() error {
			pods := r.pods(t, component)
			for _, pod := range pods {
				if image := pod.Spec.Containers[0].Image; image != "cupcakery:v2" {
					return errors.New(image)
				}
			}
			if len(pods) == 0 {
				return errors.New("no pod")
			}
			return nil
		})
	}
}

func (r *installed) testChangedSecret(t *testing.T) {
	generations := func() map[string]int64 {
		found := map[string]int64{}
		for name, deployment := range r.deployments(t) {
			found[name] = deployment.Generation
		}
		return found
	}
	require.NoError(t, r.upgrade())
	before := generations()
	require.NoError(t, r.upgrade())
	assert.Equal(t, before, generations(), "an upgrade that changes nothing restarts nobody")

	secrets := r.kubernetes.CoreV1().Secrets(namespace)
	change := func(name string) {
		secret, err := secrets.Get(t.Context(), name, metav1.GetOptions{})
		require.NoError(t, err)
		secret.Data["more"] = []byte("x")
		_, err = secrets.Update(t.Context(), secret, metav1.UpdateOptions{})
		require.NoError(t, err)
	}
	change("staff")
	require.NoError(t, r.upgrade())
	after := generations()
	assert.Greater(t, after["cupcakery-api"], before["cupcakery-api"])
	for _, name := range []string{"cupcakery-worker", "cupcakery-mix-robot"} {
		assert.Equal(t, before[name], after[name], "%s does not read the staff file", name)
	}
	change("kafka")
	require.NoError(t, r.upgrade())
	for name, generation := range generations() {
		assert.Greater(t, generation, after[name], "%s signs in to Kafka", name)
	}
}

// testFailedSetup lets the job fail, as it does when Kafka refuses.
func (r *installed) testFailedSetup(t *testing.T) {
	running := func() []string {
		var names []string
		for _, component := range []string{"api", "worker", "mix-robot", "package-robot"} {
			for _, pod := range r.pods(t, component) {
				names = append(names, pod.Name)
			}
		}
		return slices.Sorted(slices.Values(names))
	}
	before := running()
	require.Len(t, before, 6)
	jobs := r.kubernetes.BatchV1().Jobs(namespace)
	failed := make(chan error, 1)
	go func() { failed <- r.upgrade("image: {tag: refused}") }()
	eventually(t, "the job fails and is tried again", func() error {
		job, err := jobs.Get(t.Context(), "cupcakery-setup", metav1.GetOptions{})
		if err == nil && job.Status.Failed < 2 {
			err = fmt.Errorf("%+v", job.Status)
		}
		return err
	})
	// Nobody waits for the four minutes that it has.
	_, err := jobs.Patch(t.Context(), "cupcakery-setup", types.MergePatchType, []byte(`{"spec": {"activeDeadlineSeconds": 1}}`), metav1.PatchOptions{})
	require.NoError(t, err)
	err = <-failed
	require.ErrorContains(t, err, "pre-upgrade hooks failed")
	require.NotErrorIs(t, err, context.DeadlineExceeded, "Helm hears of it from the job")
	assert.Equal(t, before, running(), "the old release goes on")
	for name, deployment := range r.deployments(t) {
		assert.Equal(t, "cupcakery:v2", deployment.Spec.Template.Spec.Containers[0].Image, name)
	}
	_, err = jobs.Get(t.Context(), "cupcakery-setup", metav1.GetOptions{})
	assert.NoError(t, err, "the job stays to be looked at")
}

func (r *installed) testScaling(t *testing.T) {
	measured := r.serveExternalMetrics(r.t) // until the end: who lists what there is asks it too
	quiet := map[string]int{"cupcakery_consumer_lag": 0, "cupcakery_workflow_backlog": 0, "cupcakery_tickets_waiting/mix": 0, "cupcakery_tickets_waiting/package": 0}
	with := func(changes map[string]int) map[string]int {
		values := maps.Clone(quiet)
		maps.Copy(values, changes)
		return values
	}
	measured.set(quiet)
	require.NoError(t, r.upgrade("autoscaling: {kind: hpa}"))
	scaled := func(what string, want map[string]int32) {
		t.Helper()
		eventually(t, what, func() error {
			deployments := r.deployments(t)
			for name, replicas := range want {
				if deployment := deployments[name]; *deployment.Spec.Replicas != replicas || deployment.Status.AvailableReplicas != replicas {
					return fmt.Errorf("%s has %d, %d available, instead of %d", name, *deployment.Spec.Replicas, deployment.Status.AvailableReplicas, replicas)
				}
			}
			return nil
		})
	}
	// considered waits until the autoscalers have looked twice at what is measured now.
	considered := func(names ...string) {
		t.Helper()
		for range 2 {
			measured.mutex.Lock()
			measured.asked = map[string]bool{}
			measured.mutex.Unlock()
			eventually(t, "the autoscalers look", func() error {
				for _, name := range names {
					if !measured.wasAsked(name) {
						return errors.New(name)
					}
				}
				return nil
			})
		}
	}
	const worker, mix, pack = "cupcakery-worker", "cupcakery-mix-robot", "cupcakery-package-robot"
	scaled("nothing waits: the least run", map[string]int32{worker: 2, mix: 1, pack: 1})
	measured.set(with(map[string]int{"cupcakery_consumer_lag": 450}))
	scaled("450 acks wait, 100 for each worker", map[string]int32{worker: 5, mix: 1, pack: 1})
	measured.set(with(map[string]int{"cupcakery_workflow_backlog": 130}))
	scaled("130 workflow tasks wait, 20 for each", map[string]int32{worker: 7, mix: 1, pack: 1})
	measured.set(with(map[string]int{"cupcakery_consumer_lag": 100_000, "cupcakery_tickets_waiting/mix": 12}))
	scaled("no more than there are partitions, and robots at the stage where tickets wait", map[string]int32{worker: 8, mix: 3, pack: 1})

	// An upgrade leaves alone what is scaled.
	require.NoError(t, r.upgrade("image: {tag: v3}"))
	scaled("an upgrade does not scale", map[string]int32{worker: 8, mix: 3, pack: 1})

	// What cannot be measured scales nothing down.
	measured.set(nil)
	considered(slices.Collect(maps.Keys(quiet))...)
	scaled("nothing is known: it stays", map[string]int32{worker: 8, mix: 3, pack: 1})
	measured.set(quiet)
	scaled("nothing waits: never to zero", map[string]int32{worker: 2, mix: 1, pack: 1})
	considered(slices.Collect(maps.Keys(quiet))...)
	scaled("it stays at the least", map[string]int32{worker: 2, mix: 1, pack: 1})
}

// testScalingOff gives the number of replicas back to the chart.
func (r *installed) testScalingOff(t *testing.T) {
	require.NoError(t, r.upgrade("autoscaling: {kind: none}\nworker: {replicas: 3}"))
	assert.EqualValues(t, 3, r.deployments(t)["cupcakery-worker"].Status.AvailableReplicas)
	scalers, err := r.kubernetes.AutoscalingV2().HorizontalPodAutoscalers(namespace).List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	assert.Empty(t, scalers.Items)
}

// everything lists all objects of the cluster that a namespace can have, but for
// what comes and goes by itself.
func (r *installed) everything() map[string]bool {
	lists, err := r.kubernetes.Discovery().ServerPreferredNamespacedResources()
	if err != nil {
		require.NotEmpty(r.t, lists, err)
	}
	found := map[string]bool{}
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		require.NoError(r.t, err)
		for _, resource := range list.APIResources {
			if !slices.Contains(resource.Verbs, "list") || resource.Name == "events" {
				continue
			}
			objects, err := r.dynamic.Resource(version.WithResource(resource.Name)).Namespace(namespace).List(r.t.Context(), metav1.ListOptions{})
			require.NoError(r.t, err, resource.Name)
			for _, object := range objects.Items {
				found[resource.Name+"/"+object.GetName()] = true
			}
		}
	}
	return found
}

func (r *installed) testUninstall(t *testing.T, before map[string]bool) {
	require.Greater(t, len(r.everything()), len(before)+15)
	uninstall := action.NewUninstall(r.helm)
	uninstall.Timeout, uninstall.WaitStrategy = 2*time.Minute, kube.StatusWatcherStrategy
	_, err := uninstall.Run(release)
	require.NoError(t, err)
	eventually(t, "all is as it was", func() error {
		now := r.everything()
		if maps.Equal(before, now) {
			return nil
		}
		return fmt.Errorf("before: %v\nnow: %v", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(now)))
	})
}
