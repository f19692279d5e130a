package api

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/events"
)

// probeWithin bounds a look at Temporal or Kafka. It is below a second, which
// is all that Kubernetes gives a probe by default.
const probeWithin = 700 * time.Millisecond

// GetHealth says that the process lives.
func (s *Server) GetHealth(context.Context, GetHealthRequestObject) (GetHealthResponseObject, error) {
	return GetHealth200TextResponse("ok\n"), nil
}

// GetReadiness says whether orders can be taken and shown: whether Temporal
// can be reached. Kafka is reported only, because orders are taken without it.
func (s *Server) GetReadiness(ctx context.Context, _ GetReadinessRequestObject) (GetReadinessResponseObject, error) {
	var readiness Readiness
	var looking sync.WaitGroup
	looking.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, probeWithin)
		defer cancel()
		_, err := s.temporal.CheckHealth(ctx, &client.CheckHealthRequest{})
		readiness.Temporal = s.temporalProbe.report(err, "cannot be reached: orders are neither taken nor shown")
	})
	looking.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, probeWithin)
		defer cancel()
		err := events.CheckTopics(ctx, s.kafka)
		detail := "its topics are not in order: cupcakery topics check says why"
		if _, away := errors.AsType[*events.UnavailableError](err); away || errors.Is(err, context.DeadlineExceeded) {
			detail = "cannot be reached: orders are taken and shown, their tickets wait"
		}
		readiness.Kafka = s.kafkaProbe.report(err, detail)
	})
	looking.Wait()
	readiness.Ready = readiness.Temporal.Ok
	if !readiness.Ready {
		return GetReadiness503JSONResponse(readiness), nil
	}
	return GetReadiness200JSONResponse(readiness), nil
}

// probe remembers how a part was, so that the log has each change once and
// not each look.
type probe struct {
	part   string
	logger *slog.Logger

	mu   sync.Mutex
	seen bool
	ok   bool
}

// report turns a look's outcome into an answer. The cause is for the log:
// addresses of other machines are nobody's business here.
func (p *probe) report(err error, detail string) PartState {
	p.mu.Lock()
	changed := !p.seen || p.ok != (err == nil)
	p.seen, p.ok = true, err == nil
	p.mu.Unlock()
	if err == nil {
		if changed {
			p.logger.Info(p.part + " is in order")
		}
		return PartState{Ok: true}
	}
	if changed {
		p.logger.Warn(p.part+" is not in order", slog.Any("error", err))
	}
	return PartState{Detail: detail}
}
