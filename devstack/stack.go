package devstack

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// Config says which parts a Stack has.
type Config struct {
	// Temporal is how Temporal is started; nil to leave it out.
	Temporal *TemporalConfig
	// Kafka is how the embedded Kafka is started; nil to leave it out.
	Kafka *KafkaConfig
	// Postgres is how PostgreSQL is started; nil to leave it out.
	Postgres *PostgresConfig
}

// Stack is what the factory stands on. A part that was left out is nil.
type Stack struct {
	Temporal *Temporal
	Kafka    *Kafka
	Postgres *Postgres
}

// Start starts the parts, all at once. If one cannot be started the others
// are stopped again. ctx bounds only the start.
func Start(ctx context.Context, config Config) (*Stack, error) {
	s := &Stack{}
	var group errgroup.Group
	if config.Temporal != nil {
		group.Go(func() (err error) {
			s.Temporal, err = StartTemporal(ctx, *config.Temporal)
			return err
		})
	}
	if config.Kafka != nil {
		group.Go(func() (err error) {
			s.Kafka, err = StartKafka(ctx, *config.Kafka)
			return err
		})
	}
	if config.Postgres != nil {
		group.Go(func() (err error) {
			s.Postgres, err = StartPostgres(ctx, *config.Postgres)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// Wait returns nil when ctx ends, or an error when a part has ended by itself.
func (s *Stack) Wait(ctx context.Context) error {
	// The embedded Kafka is a part of this process and cannot end alone.
	var temporal, postgres <-chan struct{} // nil, and so never closed, for what was left out
	if s.Temporal != nil {
		temporal = s.Temporal.Exited()
	}
	if s.Postgres != nil {
		postgres = s.Postgres.Exited()
	}
	select {
	case <-ctx.Done():
		return nil
	case <-temporal:
		return s.Temporal.Err()
	case <-postgres:
		return s.Postgres.Err()
	}
}

// Stop stops the parts, Temporal first. It may be called again.
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
}
