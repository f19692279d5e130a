// Package production starts what the factory stands on in production, as
// processes of one machine: PostgreSQL, the Temporal server on it, and Apache
// Kafka that encrypts, asks for passwords and refuses whatever no ACL allows.
package production

import (
	"cmp"
	"context"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	kafka "github.com/segmentio/kafka-go"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/events"
)

// The users that no ACL names: they may do everything.
const (
	adminUser  = "admin"
	brokerUser = "broker"
)

// Config says how a Stack runs.
type Config struct {
	// DataDir keeps everything. Defaults to a temporary directory that Stop
	// removes.
	DataDir string
	// KafkaPort and TemporalPort are on 127.0.0.1. They default to free ones.
	KafkaPort, TemporalPort int
	// DynamicConfig is added to Temporal's, for tests.
	DynamicConfig map[string]string
	// Say hears what is being done. May be nil.
	Say func(string)
}

// Stack is what the factory stands on.
type Stack struct {
	Postgres *devstack.Postgres
	Temporal *devstack.TemporalServer
	Kafka    *devstack.ApacheKafka

	data      *devstack.DataDir
	temporary string // the directory that Stop removes
	secrets   secrets
}

// secrets are the passwords of one data directory.
type secrets struct {
	Postgres string            `json:"postgres"`
	API      string            `json:"api"`
	Kafka    map[string]string `json:"kafka"` // by user
}

// Start starts everything, and gives each process of the factory a user in
// Kafka that may do what events.Rights says and no more. Topics are for their
// own job. It must run in the repository. The first time it builds the Temporal
// server and fetches Apache Kafka and PostgreSQL.
func Start(ctx context.Context, config Config) (*Stack, error) {
	return start(ctx, config, (*Stack).startAll)
}

// StartKafka is Start for Apache Kafka alone.
func StartKafka(ctx context.Context, config Config) (*Stack, error) {
	return start(ctx, config, (*Stack).startKafka)
}

func start(ctx context.Context, config Config, parts func(*Stack, context.Context, Config) error) (*Stack, error) {
	if config.Say == nil {
		config.Say = func(string) {}
	}
	s := &Stack{}
	err := s.openData(config.DataDir)
	if err == nil {
		err = parts(s, ctx, config)
	}
	if err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// openData makes and locks the directory, and reads or makes the passwords.
func (s *Stack) openData(directory string) error {
	var err error
	if directory == "" {
		if directory, err = os.MkdirTemp("", "production-"); err != nil {
			return fmt.Errorf("make the data directory: %w", err)
		}
		s.temporary = directory
		// PostgreSQL's user must get to its own directory; what is in the others is
		// closed to it.
		if err := os.Chmod(directory, 0o711); err != nil {
			return fmt.Errorf("make the data directory: %w", err)
		}
	}
	if s.data, err = devstack.OpenDataDir(directory, devstack.PartProduction); err != nil {
		return err
	}
	return s.readSecrets()
}

func (s *Stack) readSecrets() error {
	file := s.Path("secrets.json")
	data, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("read the passwords: %w", err)
	default:
		if err := json.Unmarshal(data, &s.secrets); err != nil {
			return fmt.Errorf("read the passwords in %q: %w", file, err)
		}
	}
	s.secrets.Postgres = cmp.Or(s.secrets.Postgres, rand.Text())
	s.secrets.API = cmp.Or(s.secrets.API, rand.Text()+rand.Text())
	if s.secrets.Kafka == nil {
		s.secrets.Kafka = make(map[string]string)
	}
	for _, user := range append([]string{adminUser, brokerUser}, processes()...) {
		s.secrets.Kafka[user] = cmp.Or(s.secrets.Kafka[user], rand.Text())
	}
	if data, err = json.MarshalIndent(s.secrets, "", "  "); err != nil {
		return fmt.Errorf("keep the passwords: %w", err)
	}
	return devstack.WriteFileAtomically(file, append(data, '\n'), 0o600)
}

func processes() []string {
	var names []string
	for _, process := range events.Rights() {
		names = append(names, process.Process)
	}
	return names
}

func (s *Stack) startAll(ctx context.Context, config Config) error {
	if err := devstack.CheckPrograms(); err != nil { // before minutes have passed
		return err
	}
	if err := errors.Join(devstack.FetchApacheKafka(ctx, config.Say), devstack.FetchPostgres(ctx, config.Say), devstack.BuildTemporalServer(ctx, config.Say)); err != nil {
		return err
	}
	var group errgroup.Group
	group.Go(func() (err error) {
		if s.Postgres, err = devstack.StartPostgres(ctx, devstack.PostgresConfig{DataDir: s.Path("postgres"), Password: s.secrets.Postgres, Say: config.Say}); err != nil {
			return err
		}
		s.Temporal, err = devstack.StartTemporalServer(ctx, devstack.TemporalServerConfig{
			Postgres: s.Postgres, DataDir: s.Path("temporal"), Port: config.TemporalPort, DynamicConfig: config.DynamicConfig, Say: config.Say,
		})
		return err
	})
	group.Go(func() error { return s.startKafka(ctx, config) })
	return group.Wait()
}

func (s *Stack) startKafka(ctx context.Context, config Config) error {
	authority, err := devstack.NewAuthority()
	if err != nil {
		return err
	}
	certificate, key, err := authority.Issue(brokerUser)
	if err != nil {
		return err
	}
	if err := devstack.WriteFileAtomically(s.CAFile(), authority.PEM(), 0o644); err != nil {
		return err
	}
	directory := s.Path("kafka")
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return fmt.Errorf("make Apache Kafka's data directory: %w", err)
	}
	s.Kafka, err = devstack.StartApacheKafka(ctx, devstack.ApacheKafkaConfig{
		DataDir: directory, Port: config.KafkaPort,
		Secure: &devstack.SecureListener{
			CertPEM: certificate, KeyPEM: key, ClientCAPEM: authority.PEM(), ACLs: true,
			Users: s.passwords(adminUser, brokerUser),
			// For clients that cannot do SCRAM; ours do.
			Bound: s.passwords(processes()...),
		},
	})
	if err != nil {
		return err
	}
	return s.admit(ctx)
}

func (s *Stack) passwords(users ...string) map[string]string {
	passwords := make(map[string]string)
	for _, user := range users {
		passwords[user] = s.secrets.Kafka[user]
	}
	return passwords
}

// admit gives each process its password and its rights.
func (s *Stack) admit(ctx context.Context) error {
	admin := s.Connection(adminUser)
	request := &kafka.AlterUserScramCredentialsRequest{}
	for _, process := range processes() {
		const iterations = 4096
		salt := []byte(rand.Text())
		salted, err := pbkdf2.Key(sha512.New, s.secrets.Kafka[process], salt, iterations, sha512.Size)
		if err != nil {
			return fmt.Errorf("make Kafka's users: %w", err)
		}
		request.Upsertions = append(request.Upsertions, kafka.UserScramCredentialsUpsertion{
			Name: process, Mechanism: kafka.ScramMechanismSha512, Iterations: iterations, Salt: salt, SaltedPassword: salted,
		})
	}
	client, err := s.AdminClient()
	if err != nil {
		return err
	}
	response, err := client.AlterUserScramCredentials(ctx, request)
	if err != nil {
		return fmt.Errorf("make Kafka's users: %w", err)
	}
	var faults []error
	for _, result := range response.Results {
		faults = append(faults, result.Error)
	}
	for _, process := range events.Rights() {
		faults = append(faults, events.AllowRights(ctx, admin, "User:"+process.Process, process.Rights))
	}
	return errors.Join(faults...)
}

// Path is a file in the data directory.
func (s *Stack) Path(name string) string { return s.data.Path(name) }

// CAFile has the certificate that signs Kafka's.
func (s *Stack) CAFile() string { return s.Path("kafka-ca.pem") }

// APISecret is what the API signs with.
func (s *Stack) APISecret() string { return s.secrets.API }

// Connection is how a process reaches Kafka.
func (s *Stack) Connection(process string) events.Connection {
	mechanism := events.MechanismScramSHA512
	if process == adminUser {
		mechanism = events.MechanismPlain
	}
	return events.Connection{
		Brokers: []string{s.Kafka.SecureAddr()},
		SASL:    events.SASL{Mechanism: mechanism, Username: process, Password: s.secrets.Kafka[process]},
		TLS:     events.TLS{Enabled: true, CAFile: s.CAFile()},
	}
}

// Admin is how an administrator reaches Kafka, who may do everything.
func (s *Stack) Admin() events.Connection { return s.Connection(adminUser) }

// Env is the environment in which a process of the factory finds Kafka, and
// Temporal if that runs here.
func (s *Stack) Env(process string) []string {
	connection := s.Connection(process)
	env := []string{
		"KAFKA_BROKERS=" + connection.Brokers[0], "KAFKA_TLS=true", "KAFKA_TLS_CA=" + connection.TLS.CAFile,
		"KAFKA_SASL_MECHANISM=" + connection.SASL.Mechanism, "KAFKA_SASL_USERNAME=" + connection.SASL.Username,
		"KAFKA_SASL_PASSWORD=" + connection.SASL.Password,
	}
	if s.Temporal != nil {
		env = append(env, "TEMPORAL_ADDRESS="+s.Temporal.Addr())
	}
	return env
}

// Wait returns nil when ctx ends, or an error when a part has ended by itself.
func (s *Stack) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-s.Postgres.Exited():
		return s.Postgres.Err()
	case <-s.Temporal.Exited():
		return s.Temporal.Err()
	case <-s.Kafka.Exited():
		return s.Kafka.Err()
	}
}

// Stop stops everything cleanly, those that use others first.
func (s *Stack) Stop() {
	if s.Temporal != nil {
		s.Temporal.Stop()
	}
	if s.Kafka != nil {
		s.Kafka.Stop()
	}
	if s.Postgres != nil {
		s.Postgres.Stop()
	}
	if s.data != nil {
		s.data.Close()
	}
	if s.temporary != "" {
		_ = os.RemoveAll(s.temporary) // a left-over in the temporary directory harms nobody
	}
}
