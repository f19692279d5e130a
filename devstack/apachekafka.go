package devstack

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl/plain"
)

// ApacheKafkaVersion is the release that StartApacheKafka runs.
const ApacheKafkaVersion = "4.3.1"

const javaRemedy = "Apache Kafka needs Java 17 or newer: install it (on Debian: apt-get install openjdk-17-jre-headless)"

// apacheKafkaStart bounds how long the broker may take to come up, on a busy
// machine and after a kill.
const apacheKafkaStart = 90 * time.Second

// ApacheKafkaConfig says how a real Apache Kafka runs: one node in KRaft mode,
// on this machine's Java.
type ApacheKafkaConfig struct {
	// DataDir keeps the broker's data. Defaults to a temporary directory that
	// Stop removes.
	DataDir string
	// Port on 127.0.0.1. Defaults to a free one.
	Port int
	// ToolsDir keeps the jars, which Maven fetches when they are missing.
	// Defaults to .tools in the module's root, found from the working
	// directory upwards.
	ToolsDir string
	// Secure opens a second listener that asks for TLS and SASL.
	Secure *SecureListener
	// Properties are server.properties that go before our own.
	Properties map[string]string
}

// SecureListener is a listener with TLS, where clients give a user's name and
// password by PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.
type SecureListener struct {
	// CertPEM and KeyPEM (PKCS #8) are the broker's own.
	CertPEM, KeyPEM []byte
	// ClientCAPEM signs the certificates that clients must show. With ACLs they
	// show none, and it signs the broker's.
	ClientCAPEM []byte
	// Users are names and passwords. With ACLs they are those of the broker's
	// own people: they may do everything, and use PLAIN.
	Users map[string]string
	// Bound are names and passwords of users by PLAIN who may do what ACLs allow.
	// Only with ACLs.
	Bound map[string]string
	// ACLs leaves out the listener without encryption, and refuses whatever no
	// ACL allows. Users by SCRAM are added while the broker runs, as ACLs are.
	ACLs bool
}

// brokerUser is how a broker with ACLs signs in at itself.
const brokerUser = "broker"

// ApacheKafka is a running Apache Kafka.
type ApacheKafka struct {
	config     ApacheKafkaConfig
	java       string
	jars       string
	port       int
	securePort int
	temporary  bool
	child      *childProcess
	dialer     kafka.Dialer
}

// StartApacheKafka returns once the broker answers. The first time it formats
// the data directory, and fetches the jars if they are not there.
func StartApacheKafka(ctx context.Context, config ApacheKafkaConfig) (*ApacheKafka, error) {
	k := &ApacheKafka{config: config}
	if config.Secure != nil && config.Secure.ACLs {
		authority := x509.NewCertPool()
		authority.AppendCertsFromPEM(config.Secure.ClientCAPEM)
		k.dialer.TLS = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authority}
		k.dialer.SASLMechanism = plain.Mechanism{Username: brokerUser, Password: config.Secure.Users[brokerUser]}
	}
	var err error
	if k.java, err = lookPath("java", javaRemedy); err != nil {
		return nil, err
	}
	if k.jars, err = apacheKafkaJars(ctx, config.ToolsDir); err != nil {
		return nil, err
	}
	if config.DataDir == "" {
		k.temporary = true
		if k.config.DataDir, err = os.MkdirTemp("", "apache-kafka-"); err != nil {
			return nil, fmt.Errorf("make Apache Kafka's data directory: %w", err)
		}
	}
	if err := k.firstStart(ctx); err != nil {
		k.Stop()
		return nil, err
	}
	return k, nil
}

// firstStart chooses ports and tries others if another program was quicker.
func (k *ApacheKafka) firstStart(ctx context.Context) error {
	for attempt := 1; ; attempt++ {
		if err := k.configure(); err != nil {
			return err
		}
		if err := k.format(ctx); err != nil {
			return err
		}
		err := k.Restart(ctx)
		if !isPortInUse(err) {
			return err
		}
		if k.config.Port != 0 || attempt == startAttempts {
			return errors.Join(&PortInUseError{For: "Apache Kafka", Port: k.port}, err)
		}
	}
}

// Addr is where the broker listens without encryption, as host:port.
func (k *ApacheKafka) Addr() string { return hostPort(k.port) }

// SecureAddr is where the broker listens with TLS and SASL, as host:port.
func (k *ApacheKafka) SecureAddr() string { return hostPort(k.securePort) }

// PID is the broker's process id.
func (k *ApacheKafka) PID() int { return k.child.cmd.Process.Pid }

// Exited is closed when the broker has ended, by Stop or by itself.
func (k *ApacheKafka) Exited() <-chan struct{} { return k.child.exited }

// Err returns, once the broker has ended by itself, what it logged last.
func (k *ApacheKafka) Err() error {
	return fmt.Errorf("the broker of Apache Kafka ended (%s); its log ends with:\n%s", k.child.cmd.ProcessState, lastLines(k.path("server.log")))
}

// Kill ends the broker as a power cut would: SIGKILL.
func (k *ApacheKafka) Kill() {
	if k.child != nil {
		k.child.kill()
	}
}

// Restart starts the broker again, on the same data and ports, after Kill.
func (k *ApacheKafka) Restart(ctx context.Context) error {
	log, err := os.Create(k.path("server.log"))
	if err != nil {
		return fmt.Errorf("start Apache Kafka: %w", err)
	}
	defer func() { _ = log.Close() }() // the child has its own descriptor
	cmd := exec.Command(k.java, append(javaOptions("512m"), "-cp", filepath.Join(k.jars, "*"), "kafka.Kafka", k.path("server.properties"))...)
	cmd.Stdout, cmd.Stderr = log, log
	if k.child, err = startChild(cmd); err != nil {
		return fmt.Errorf("start Apache Kafka: %w", err)
	}
	if err := k.awaitReady(ctx); err != nil {
		k.Kill()
		return fmt.Errorf("start Apache Kafka: %w; its log ends with:\n%s", err, lastLines(log.Name()))
	}
	return nil
}

// Stop shuts the broker down cleanly and removes a temporary data directory.
func (k *ApacheKafka) Stop() {
	if k.child != nil {
		k.child.stop()
	}
	if k.temporary {
		_ = os.RemoveAll(k.config.DataDir) // a left-over in the temporary directory harms nobody
	}
}

func (k *ApacheKafka) path(name string) string { return filepath.Join(k.config.DataDir, name) }

func (k *ApacheKafka) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, apacheKafkaStart)
	defer cancel()
	for {
		err := k.probe(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-k.child.exited:
			return errors.New("the broker ended at once")
		case <-ctx.Done():
			return fmt.Errorf("the broker does not answer: %w", err)
		case <-time.After(pollEvery):
		}
	}
}

// probe asks whether the broker knows itself as part of the cluster.
func (k *ApacheKafka) probe(ctx context.Context) error {
	address := k.Addr()
	if k.dialer.TLS != nil {
		address = k.SecureAddr()
	}
	conn, err := k.dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // only asked a question
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	brokers, err := conn.Brokers()
	if err == nil && len(brokers) == 0 {
		err = errors.New("the broker is not registered yet")
	}
	return err
}

func (k *ApacheKafka) configure() error {
	controllerPort := 0
	if k.dialer.TLS != nil {
		k.securePort = k.config.Port
	} else {
		k.port = k.config.Port
	}
	for _, port := range []*int{&k.port, &controllerPort, &k.securePort} {
		if *port != 0 {
			continue
		}
		var err error
		if *port, err = FreePort(); err != nil {
			return err
		}
	}
	properties := map[string]string{
		"advertised.listeners":      "PLAINTEXT://" + k.Addr(),
		"auto.create.topics.enable": "false",
		// A broker that was killed may come back only once its last session
		// has ended, by default after 9 s.
		"broker.heartbeat.interval.ms":             "250",
		"broker.session.timeout.ms":                "4000",
		"controller.listener.names":                "CONTROLLER",
		"controller.quorum.voters":                 "1@" + hostPort(controllerPort),
		"group.initial.rebalance.delay.ms":         "0", // the default makes the first member of a group wait 3 s
		"inter.broker.listener.name":               "PLAINTEXT",
		"listener.security.protocol.map":           "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL",
		"listeners":                                "PLAINTEXT://" + k.Addr() + ",CONTROLLER://" + hostPort(controllerPort),
		"log.dirs":                                 k.path("log"),
		"node.id":                                  "1",
		"offsets.topic.num.partitions":             "1",
		"offsets.topic.replication.factor":         "1",
		"process.roles":                            "broker,controller",
		"transaction.state.log.min.isr":            "1",
		"transaction.state.log.num.partitions":     "1",
		"transaction.state.log.replication.factor": "1",
	}
	if secure := k.config.Secure; secure != nil {
		if err := k.secure(properties, secure); err != nil {
			return err
		}
	}
	maps.Copy(properties, k.config.Properties)
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		fmt.Fprintf(&text, "%s=%s\n", name, properties[name])
	}
	return os.WriteFile(k.path("server.properties"), []byte(text.String()), 0o600)
}

func (k *ApacheKafka) secure(properties map[string]string, secure *SecureListener) error {
	for name, data := range map[string][]byte{
		"keystore.pem":   slices.Concat(secure.KeyPEM, secure.CertPEM),
		"truststore.pem": secure.ClientCAPEM,
	} {
		if err := os.WriteFile(k.path(name), data, 0o600); err != nil {
			return err
		}
	}
	var plainUsers strings.Builder
	if secure.ACLs {
		fmt.Fprintf(&plainUsers, " username=%q password=%q", brokerUser, secure.Users[brokerUser])
	}
	for _, users := range []map[string]string{secure.Users, secure.Bound} {
		for name, password := range users {
			fmt.Fprintf(&plainUsers, " user_%s=%q", name, password)
		}
	}
	const listener = "listener.name.secure."
	maps.Copy(properties, map[string]string{
		"listeners":                                 properties["listeners"] + ",SECURE://" + k.SecureAddr(),
		"advertised.listeners":                      properties["advertised.listeners"] + ",SECURE://" + k.SecureAddr(),
		listener + "plain.sasl.jaas.config":         "org.apache.kafka.common.security.plain.PlainLoginModule required" + plainUsers.String() + ";",
		listener + "sasl.enabled.mechanisms":        "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
		listener + "scram-sha-256.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
		listener + "scram-sha-512.sasl.jaas.config": "org.apache.kafka.common.security.scram.ScramLoginModule required;",
		listener + "ssl.client.auth":                "required",
		listener + "ssl.keystore.location":          k.path("keystore.pem"),
		listener + "ssl.keystore.type":              "PEM",
		listener + "ssl.truststore.location":        k.path("truststore.pem"),
		listener + "ssl.truststore.type":            "PEM",
	})
	if secure.ACLs {
		k.guard(properties, secure)
	}
	return nil
}

// guard leaves no way in without TLS, and none for whom no ACL names. The
// broker and its controller know each other by certificate.
func (k *ApacheKafka) guard(properties map[string]string, secure *SecureListener) {
	properties["listeners"] = strings.TrimPrefix(properties["listeners"], "PLAINTEXT://"+k.Addr()+",")
	const controller, listener = "listener.name.controller.", "listener.name.secure."
	for _, setting := range []string{"ssl.keystore.location", "ssl.keystore.type", "ssl.truststore.location", "ssl.truststore.type"} {
		properties[controller+setting] = properties[listener+setting]
	}
	superUsers := []string{"User:CN=" + brokerUser}
	for _, name := range slices.Sorted(maps.Keys(secure.Users)) {
		superUsers = append(superUsers, "User:"+name)
	}
	maps.Copy(properties, map[string]string{
		"advertised.listeners":                 "SECURE://" + k.SecureAddr(),
		"allow.everyone.if.no.acl.found":       "false",
		"authorizer.class.name":                "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
		"inter.broker.listener.name":           "SECURE",
		"listener.security.protocol.map":       "CONTROLLER:SSL,SECURE:SASL_SSL",
		"sasl.mechanism.inter.broker.protocol": "PLAIN",
		"super.users":                          strings.Join(superUsers, ";"),
		controller + "ssl.client.auth":         "required",
		listener + "ssl.client.auth":           "none",
	})
}

// format makes the data directory ready for its first start; a directory that
// is ready is left as it is.
func (k *ApacheKafka) format(ctx context.Context) error {
	args := append(javaOptions("256m"), "-cp", filepath.Join(k.jars, "*"), "kafka.tools.StorageTool",
		"format", "--ignore-formatted", "--cluster-id", "Y3VwY2FrZXJ5LWRldnN0YQ", "--config", k.path("server.properties"))
	if k.config.Secure != nil && !k.config.Secure.ACLs {
		for name, password := range k.config.Secure.Users {
			for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
				args = append(args, "--add-scram", fmt.Sprintf("%s=[name=%q,password=%q]", mechanism, name, password))
			}
		}
	}
	if out, err := exec.CommandContext(ctx, k.java, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("format Apache Kafka's data directory %q: %w\n%s", k.config.DataDir, err, out)
	}
	return nil
}

// javaOptions keep a broker for tests small and quick to start, and its log to
// what is worth reading.
func javaOptions(heap string) []string {
	return []string{"-Xmx" + heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"}
}

// CheckPrograms names what is missing of what StartApacheKafka runs, with the
// remedy.
func CheckPrograms() error {
	_, java := lookPath("java", javaRemedy)
	return java
}

// apacheKafkaJars returns the directory with the jars, which it fills with
// Maven the first time.
func apacheKafkaJars(ctx context.Context, tools string) (string, error) {
	return toolDir(tools, "apache-kafka-"+ApacheKafkaVersion, func(dir string) error { return fetchApacheKafka(ctx, dir) })
}

// toolDir returns a directory among the tools, which fetch makes the first time.
// Processes that need it at the same time wait for the one that does. An empty
// tools is .tools in the module's root.
func toolDir(tools, name string, fetch func(dir string) error) (string, error) {
	if tools == "" {
		root, err := moduleRoot()
		if err != nil {
			return "", err
		}
		tools = filepath.Join(root, ".tools")
	}
	if err := os.MkdirAll(tools, 0o755); err != nil {
		return "", fmt.Errorf("make the tools directory: %w", err)
	}
	dir := filepath.Join(tools, name)
	lock, err := os.OpenFile(dir+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return "", fmt.Errorf("lock the tools directory: %w", err)
	}
	defer func() { _ = lock.Close() }() // which unlocks
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("lock %q: %w", lock.Name(), err)
	}
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	return dir, fetch(dir)
}

func fetchApacheKafka(ctx context.Context, dir string) error {
	maven, err := lookPath("mvn", "Apache Kafka's jars come from Maven Central: install Maven (on Debian: apt-get install maven)")
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), "apache-kafka-")
	if err != nil {
		return fmt.Errorf("fetch Apache Kafka: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }() // a left-over harms nobody
	if err := os.WriteFile(filepath.Join(work, "pom.xml"), []byte(apacheKafkaPOM), 0o644); err != nil {
		return fmt.Errorf("fetch Apache Kafka: %w", err)
	}
	cmd := exec.CommandContext(ctx, maven, "--batch-mode", "--quiet",
		"org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies", "-DoutputDirectory="+filepath.Join(work, "jars"))
	cmd.Dir = work
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("fetch Apache Kafka %s with Maven: %w\n%s", ApacheKafkaVersion, err, out)
	}
	if err := os.Rename(filepath.Join(work, "jars"), dir); err != nil {
		return fmt.Errorf("fetch Apache Kafka: %w", err)
	}
	return nil
}

const apacheKafkaPOM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>cupcakery</groupId>
  <artifactId>apache-kafka</artifactId>
  <version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>` + ApacheKafkaVersion + `</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>` + ApacheKafkaVersion + `</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`

func lookPath(program, remedy string) (string, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return "", fmt.Errorf("%s is not on the PATH: %s", program, remedy)
	}
	return path, nil
}

// moduleRoot is the nearest directory upwards that has a go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the module's root: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("find the module's root: no go.mod from the working directory upwards: name the tools directory")
		}
		dir = parent
	}
}

func lastLines(name string) []byte {
	data, _ := os.ReadFile(name) // an error leaves nothing to show
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	return bytes.Join(lines[max(len(lines)-20, 0):], []byte("\n"))
}
