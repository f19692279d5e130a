package api

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/namespace"
	"github.com/cupcakery/cupcakery/wire"
)

// probeWithin bounds a look at Temporal or Kafka. It is below a second, which
// is all that Kubernetes gives a probe by default.
const probeWithin = 700 * time.Millisecond

// probeAgainAfter is how old the outcome of a look may be: probes and whoever
// else asks cost the parts next to nothing.
const probeAgainAfter = time.Second

// GetHealth says that the process lives.
func (s *Server) GetHealth(context.Context, GetHealthRequestObject) (GetHealthResponseObject, error) {
	return GetHealth200TextResponse("ok\n"), nil
}

// GetReadiness says whether an order could be taken now: whether Temporal can
// be reached, and its namespace is prepared for orders. Kafka is reported only,
// because orders are taken without it.
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
	case unprepared:
		return "is not prepared for orders, so none is taken: run cupcakery temporal apply; cupcakery temporal check says what is missing"
	case isOutage(err):
		return "cannot be reached: orders are neither taken nor shown"
	}
	return "does not answer as it should, so orders may be neither taken nor shown: the log has what it says"
}

func describeKafka(err error) string {
	if _, away := errors.AsType[*events.UnavailableError](err); away || errors.Is(err, context.DeadlineExceeded) {
		return "cannot be reached: orders are taken and shown, their tickets wait"
	}
	return "its topics are not in order: cupcakery topics check says why"
}

// refusesUnprepared reports whether Temporal has refused something because
// nobody has prepared its namespace for orders. It has one error for that and
// for any other argument that it does not take, so it is asked once more.
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

func isMissingNamespace(err error) bool {
	_, is := errors.AsType[*serviceerror.NamespaceNotFound](err)
	return is
}

func unpreparedProblem(cause error) error {
	return &problemError{Type: wire.ProblemUnavailable, Cause: cause,
		Detail: "Temporal, which keeps the orders, is not prepared for them. Nothing was started. Whoever operates this server runs cupcakery temporal apply; cupcakery temporal check says what is missing."}
}

// probe looks at a part that the API works with. It looks at most once a
// second, however often it is asked, and has the log tell each change and not
// each look.
type probe struct {
	part   string
	look   func(context.Context) error
	logger *slog.Logger

	mu     sync.Mutex // held while it looks, so that all who ask share the look
	looked time.Time
	ok     bool
	err    error
}

// ask returns how the part is.
func (p *probe) ask() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.looked.IsZero() && time.Since(p.looked) < probeAgainAfter {
		return p.err
	}
	ctx, cancel := context.WithTimeout(context.Background(), probeWithin)
	defer cancel()
	first, was := p.looked.IsZero(), p.ok
	p.err = p.look(ctx)
	p.looked, p.ok = time.Now(), p.err == nil
	level := slog.LevelWarn
	if isSaidOnce(p.err) {
		level = slog.LevelDebug
	}
	switch {
	case !first && was == p.ok:
	case p.ok:
		p.logger.Info(p.part + " is in order")
	default:
		p.logger.Log(ctx, level, p.part+" is not in order", slog.Any("error", p.err))
	}
	return p.err
}

// state is how the part is, for everybody. What went wrong is for the log:
// addresses of other machines are nobody's business here.
func (p *probe) state(describe func(error) string) wire.PartState {
	if err := p.ask(); err != nil {
		return wire.PartState{Detail: describe(err)}
	}
	return wire.PartState{Ok: true}
}
