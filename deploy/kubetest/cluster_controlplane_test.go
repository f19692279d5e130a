//go:build kubernetes

package kubetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// programs is where tools/kubernetes.sh puts what it builds.
const programs = "../../.tools/kubernetes"

// controlPlane is a Kubernetes of its own: etcd, the API server, the controller
// manager, the scheduler, and kwok for nodes on which pods are ready when they
// start. No container runs.
type controlPlane struct {
	config     *rest.Config
	kubeconfig string
	kubernetes *kubernetes.Clientset
}

func startControlPlane(t *testing.T) *controlPlane {
	t.Helper()
	folder := t.TempDir()
	ports := freePorts(t, 6)
	etcd, peers := "http://127.0.0.1:"+ports[0], "http://127.0.0.1:"+ports[1]
	start(t, "etcd", "--data-dir", folder+"/etcd", "--unsafe-no-fsync", "--log-level", "error",
		"--listen-client-urls", etcd, "--advertise-client-urls", etcd,
		"--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", "default="+peers)

	key := serviceAccountKey(t, folder)
	token := randomHex(t)
	tokens := folder + "/tokens"
	require.NoError(t, os.WriteFile(tokens, []byte(token+",admin,admin,system:masters\n"), 0o600))
	server := "https://127.0.0.1:" + ports[2]
	// Extension API servers are asked in the name of whoever asks, with a certificate of the front proxy.
	proxy := newAuthority(t, folder, "front-proxy")
	start(t, "kube-apiserver", "--etcd-servers", etcd, "--bind-address", "127.0.0.1", "--secure-port", ports[2], "--cert-dir", folder+"/certificates",
		"--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", key, "--service-account-signing-key-file", key,
		"--service-cluster-ip-range", "10.96.0.0/16", "--token-auth-file", tokens, "--authorization-mode", "Node,RBAC", "--endpoint-reconciler-type", "none",
		"--client-ca-file", newAuthority(t, folder, "clients").authority, // the other programs want one, and nobody signs in with it
		"--requestheader-client-ca-file", proxy.authority, "--proxy-client-cert-file", proxy.certificate, "--proxy-client-key-file", proxy.key,
		"--requestheader-username-headers", "X-Remote-User", "--requestheader-group-headers", "X-Remote-Group", "--requestheader-extra-headers-prefix", "X-Remote-Extra-")

	kubeconfig := folder + "/kubeconfig"
	access := clientcmdapi.NewConfig()
	access.Clusters["here"] = &clientcmdapi.Cluster{Server: server, InsecureSkipTLSVerify: true}
	access.AuthInfos["admin"] = &clientcmdapi.AuthInfo{Token: token}
	access.Contexts["here"] = &clientcmdapi.Context{Cluster: "here", AuthInfo: "admin"}
	access.CurrentContext = "here"
	require.NoError(t, clientcmd.WriteToFile(*access, kubeconfig))
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	require.NoError(t, err)
	config.QPS, config.Burst = 200, 400
	client, err := kubernetes.NewForConfig(config)
	require.NoError(t, err)
	p := &controlPlane{config: config, kubeconfig: kubeconfig, kubernetes: client}
	eventually(t, "the API server is ready", func() error {
		_, err := client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(t.Context())
		return err
	})

	start(t, "kube-controller-manager", "--kubeconfig", kubeconfig, "--authentication-kubeconfig", kubeconfig, "--authorization-kubeconfig", kubeconfig,
		"--bind-address", "127.0.0.1", "--secure-port", ports[3], "--cert-dir", folder+"/controllers", "--leader-elect=false",
		"--service-account-private-key-file", key,
		"--horizontal-pod-autoscaler-sync-period", "1s", "--horizontal-pod-autoscaler-downscale-stabilization", "1s")
	start(t, "kube-scheduler", "--kubeconfig", kubeconfig, "--authentication-kubeconfig", kubeconfig, "--authorization-kubeconfig", kubeconfig,
		"--bind-address", "127.0.0.1", "--secure-port", ports[4], "--cert-dir", folder+"/scheduler", "--leader-elect=false")
	start(t, "kwok", "--kubeconfig", kubeconfig, "--config", "stages.yaml", "--manage-all-nodes=true",
		"--server-address", "127.0.0.1:"+ports[5],
		"--node-lease-duration-seconds", "40") // else the controllers take the nodes for dead after 50s
	for name, zone := range map[string]string{"north-1": "north", "north-2": "north", "south-1": "south", "south-2": "south"} {
		p.addNode(t, name, zone)
	}
	return p
}

// addNode adds a node that kwok keeps alive.
func (p *controlPlane) addNode(t *testing.T, name, zone string) {
	t.Helper()
	capacity := corev1.ResourceList{"cpu": resource.MustParse("16"), "memory": resource.MustParse("64Gi"), "pods": resource.MustParse("110")}
	_, err := p.kubernetes.CoreV1().Nodes().Create(t.Context(), &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelHostname: name, corev1.LabelTopologyZone: zone}},
		Status:     corev1.NodeStatus{Capacity: capacity, Allocatable: capacity},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
}

// start runs a program until the test ends. What it says is shown if the test fails.
func start(t *testing.T, program string, args ...string) {
	t.Helper()
	path, err := filepath.Abs(filepath.Join(programs, program))
	require.NoError(t, err)
	var output bytes.Buffer
	command := exec.Command(path, args...)
	command.Stdout, command.Stderr = &output, &output
	// If the tests are killed their control plane goes with them.
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(t, command.Start(), `"make test-kubernetes" builds it`)
	var stopped atomic.Bool
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := command.Wait(); !stopped.Load() {
			t.Errorf("%s ended by itself: %v", program, err)
		}
	}()
	t.Cleanup(func() {
		stopped.Store(true)
		_ = command.Process.Kill()
		<-ended
		if t.Failed() {
			lines := strings.Split(output.String(), "\n")
			t.Logf("%s ended with:\n%s", program, strings.Join(lines[max(0, len(lines)-40):], "\n"))
		}
	})
}

// eventually waits until a condition has no more to complain about.
func eventually(t *testing.T, what string, condition func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for {
		err := condition()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			require.FailNow(t, "it does not happen", "%s: %v", what, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// freePorts are ports that nobody listens on.
func freePorts(t *testing.T, n int) []string {
	t.Helper()
	ports := make([]string, n)
	for i := range ports {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer func() { require.NoError(t, listener.Close()) }() // all at once, so that no two are the same
		ports[i] = fmt.Sprint(listener.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

func randomHex(t *testing.T) string {
	t.Helper()
	data := make([]byte, 16)
	_, err := rand.Read(data)
	require.NoError(t, err)
	return hex.EncodeToString(data)
}

func serviceAccountKey(t *testing.T, folder string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	file := folder + "/service-accounts.key"
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(block), 0o600))
	return file
}
