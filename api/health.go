package api

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/cupcakery/cupcakery/encryption"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/namespace"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	// probeWithin bounds a look at Temporal or Kafka. It is below a second, which
	// is what Kubernetes gives a probe by default.
	probeWithin = 700 * time.Millisecond
	// probeAgainAfter is how old an outcome may be. So Temporal and Kafka are
	// asked once a second, however many ask for readiness.
	probeAgainAfter = time.Second
)

// GetHealth says that the process lives.
func (s *Server) GetHealth(context.Context, GetHealthRequestObject) (GetHealthResponseObject, error) {
	return GetHealth200TextResponse("ok\n"), nil
}

// GetReadiness says whether an order could be taken now, which is so if Temporal
// can be reached and its namespace is prepared for orders. The state of Kafka is
// only reported, because orders are taken without it.
func (s *Server) GetReadiness(context.Context, GetReadinessRequestObject) (GetReadinessResponseObject, error) {
	var readiness wire.Readiness
	var looking sync.WaitGroup
	looking.Go(func() { readiness.Temporal = s.temporalProbe.state(describeTemporal) })
	looking.Go(func() { readiness.Kafka = s.kafkaProbe.state(describeKafka) })
	looking.Wait()
	readiness.Ready = readiness.Temporal.Ok
	if !readiness.Ready {
		return GetReadiness503JSONResponse(readiness), nil
	}
	return GetReadiness200JSONResponse(readiness), nil
}

func describeTemporal(err error) string {
	_, unprepared := errors.AsType[*namespace.UnpreparedError](err)
	switch {
	case encryption.IsMissingKey(err):
		return "has orders that are encrypted under a key which this process does not have: give it the deployment's keyset with --encryption-keyset"
	case unprepared:
		return "is not prepared for orders, so none is taken: run cupcakery temporal apply; cupcakery temporal check says what is missing"
	case isOutage(err):
		return "cannot be reached: orders are neither taken nor shown"
	}
	return "does not answer as it should, so orders may be neither taken nor shown: the log has its error"
}

func describeKafka(err error) string {
	if _, away := errors.AsType[*events.UnavailableError](err); away || errors.Is(err, context.DeadlineExceeded) {
		return "cannot be reached: orders are taken and shown, their tickets wait"
	}
	return "its topics are not in order: cupcakery topics check says why"
}

// refusesUnprepared reports whether Temporal has refused something because
// nobody has prepared its namespace for orders. It has the same error for every
// argument that it does not take, so the probe looks which one it was.
func (s *Server) refusesUnprepared(err error) bool {
	if isMissingNamespace(err) {
		return true
	}
	if _, invalid := errors.AsType[*serviceerror.InvalidArgument](err); !invalid {
		return false
	}
	_, unprepared := errors.AsType[*namespace.UnpreparedError](s.temporalProbe.ask())
	return unprepared
}

// probe looks at a part that the API works with: at most once a second, however
// often it is asked. It logs changes only.
type probe struct {
	part   string
	look   func(context.Context) error
	logger *slog.Logger

	mu     sync.Mutex // guards the outcome; held during a look, which all who ask share
	looked time.Time
	err    error
}

// ask returns what is wrong with the part, if anything.
func (p *probe) ask() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.looked.IsZero() && time.Since(p.looked) < probeAgainAfter {
		return p.err
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeWithin)
	defer cancel()
	isFirst, wasInOrder := p.looked.IsZero(), p.err == nil
	p.err = p.look(ctx)
	p.looked = time.Now()
	level := slog.LevelWarn
	if isLoggedElsewhere(p.err) {
		level = slog.LevelDebug
	}
	switch inOrder := p.err == nil; {
	case !isFirst && wasInOrder == inOrder:
	case inOrder:
		p.logger.Info(p.part + " is in order")
	default:
		p.logger.Log(ctx, level, p.part+" is not in order", slog.Any("error", p.err))
	}
	return p.err
}

// state describes the part to everybody. Errors are for the log: they have
// addresses of other machines in them.
func (p *probe) state(describe func(error) string) wire.PartState {
	if err := p.ask(); err != nil {
		return wire.PartState{Detail: describe(err)}
	}
	return wire.PartState{Ok: true}
}
