//go:build kubernetes

package kubetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// series are the labels of what the adapter measures, as docs/kubernetes.md has them.
var series = map[string]labels.Set{
	"cupcakery_consumer_lag":            {"group": "order-acks"},
	"cupcakery_workflow_backlog":        {"task_type": "Workflow"},
	"cupcakery_tickets_waiting/mix":     {"stage": "mix"},
	"cupcakery_tickets_waiting/package": {"stage": "package"},
}

// adapter stands for what gives external metrics in a real cluster.
type adapter struct {
	mutex  sync.Mutex
	values map[string]int
	asked  map[string]bool
}

// set sets what is measured; what has no value cannot be measured.
func (a *adapter) set(values map[string]int) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.values, a.asked = values, map[string]bool{}
}

// wasAsked reports whether somebody has asked for a series since the last set.
func (a *adapter) wasAsked(name string) bool {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	return a.asked[name]
}

func (a *adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	const root = "/apis/external.metrics.k8s.io/v1beta1"
	answer := func(body any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(body)
	}
	if r.URL.Path == root {
		answer(metav1.APIResourceList{TypeMeta: metav1.TypeMeta{Kind: "APIResourceList", APIVersion: "v1"}, GroupVersion: "external.metrics.k8s.io/v1beta1"})
		return
	}
	selector, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	path := strings.Split(strings.TrimPrefix(r.URL.Path, root+"/namespaces/"), "/")
	if err != nil || len(path) != 2 || path[0] != namespace {
		http.NotFound(w, r)
		return
	}
	a.mutex.Lock()
	defer a.mutex.Unlock()
	items := []map[string]any{}
	for name, set := range series {
		metric, _, _ := strings.Cut(name, "/")
		if metric != path[1] || !selector.Matches(set) || selector.Empty() {
			continue
		}
		a.asked[name] = true
		if value, known := a.values[name]; known {
			items = append(items, map[string]any{"metricName": metric, "metricLabels": set, "timestamp": metav1.Now(), "value": strconv.Itoa(value)})
		}
	}
	if len(items) == 0 {
		http.Error(w, "not measured", http.StatusServiceUnavailable)
		return
	}
	answer(map[string]any{"kind": "ExternalMetricValueList", "apiVersion": "external.metrics.k8s.io/v1beta1", "metadata": map[string]any{}, "items": items})
}

// serveExternalMetrics registers the adapter at the API server.
func (p *controlPlane) serveExternalMetrics(t *testing.T) *adapter {
	t.Helper()
	a := &adapter{values: map[string]int{}, asked: map[string]bool{}}
	server := httptest.NewTLSServer(a)
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL)
	require.NoError(t, err)
	port, err := strconv.Atoi(address.Port())
	require.NoError(t, err)
	_, err = p.kubernetes.CoreV1().Services("default").Create(t.Context(), &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "adapter"},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeExternalName, ExternalName: "localhost", Ports: []corev1.ServicePort{{Port: int32(port)}}},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
	client, err := dynamic.NewForConfig(p.config)
	require.NoError(t, err)
	services := client.Resource(schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"})
	_, err = services.Create(t.Context(), &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": map[string]any{"name": "v1beta1.external.metrics.k8s.io"},
		"spec": map[string]any{
			"group": "external.metrics.k8s.io", "version": "v1beta1", "insecureSkipTLSVerify": true, "groupPriorityMinimum": int64(100), "versionPriority": int64(100),
			"service": map[string]any{"namespace": "default", "name": "adapter", "port": int64(port)},
		},
	}}, metav1.CreateOptions{})
	require.NoError(t, err)
	eventually(t, "the adapter is asked", func() error {
		_, err := p.kubernetes.Discovery().ServerResourcesForGroupVersion("external.metrics.k8s.io/v1beta1")
		return err
	})
	return a
}

// authority is a certificate authority and a certificate of it, in files.
type authority struct{ authority, certificate, key string }

func newAuthority(t *testing.T, folder, name string) authority {
	t.Helper()
	files := authority{folder + "/" + name + "-ca.pem", folder + "/" + name + ".pem", folder + "/" + name + "-key.pem"}
	ours, key := certificate(t, name+"-ca", nil, nil)
	theirs, theirKey := certificate(t, name, ours, key)
	encoded, err := x509.MarshalECPrivateKey(theirKey)
	require.NoError(t, err)
	for file, block := range map[string]*pem.Block{
		files.authority: {Type: "CERTIFICATE", Bytes: ours.Raw}, files.certificate: {Type: "CERTIFICATE", Bytes: theirs.Raw}, files.key: {Type: "EC PRIVATE KEY", Bytes: encoded},
	} {
		require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	}
	return files
}

// certificate makes one, signed by its parent or by itself.
func certificate(t *testing.T, name string, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true, IsCA: parent == nil,
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	require.NoError(t, err)
	made, err := x509.ParseCertificate(raw)
	require.NoError(t, err)
	return made, key
}
