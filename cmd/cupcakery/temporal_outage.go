package main

import (
	"context"
	"errors"
	"log/slog"
	"path"
	"strings"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// answersAgainAfter is how long Temporal must answer without a failure before an
// outage counts as over.
const answersAgainAfter = time.Second

// patience is how long Temporal may take to answer a call. A call with a shorter
// deadline proves nothing about Temporal.
const patience = 4 * time.Second

// logOutagesOnce makes a client of Temporal log the beginning and the end of an
// outage, once each. The failures of its many pollers and calls in between are
// for debugging.
func logOutagesOnce(options *client.Options, logger *slog.Logger) {
	outage := &temporalOutage{logger: logger}
	options.Logger = sdklog.NewStructuredLogger(slog.New(quietOutage{logger.Handler()}))
	options.ConnectionOptions.DialOptions = append(options.ConnectionOptions.DialOptions, grpc.WithChainUnaryInterceptor(outage.watch))
}

// temporalOutage observes how every call goes.
type temporalOutage struct {
	logger *slog.Logger

	mu       sync.Mutex
	since    time.Time   // zero while Temporal answers
	recovery *time.Timer // set while it has answered again, for less than answersAgainAfter
}

// watch is a grpc.UnaryClientInterceptor.
func (o *temporalOutage) watch(ctx context.Context, method string, request, reply any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	began := time.Now()
	err := invoke(ctx, method, request, reply, connection, options...)
	switch code := status.Code(err); {
	case code == codes.Unavailable:
		o.failed(err)
	case code == codes.DeadlineExceeded && time.Since(began) >= patience && !waitsForOthers(method):
		o.failed(err)
	case code == codes.DeadlineExceeded, code == codes.Canceled:
		// It proves nothing: the caller had little time, or has given up.
	default:
		o.answered()
	}
	return err
}

// waitsForOthers reports whether a call lasts until a worker or an order does
// something.
func waitsForOthers(method string) bool {
	call := path.Base(method)
	return strings.HasPrefix(call, "Poll") || strings.Contains(call, "Update") || strings.HasPrefix(call, "Query") || strings.HasPrefix(call, "GetWorkflowExecutionHistory")
}

func (o *temporalOutage) failed(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.recovery != nil {
		o.recovery.Stop()
		o.recovery = nil
	}
	if o.since.IsZero() {
		o.since = time.Now()
		o.logger.Warn("Temporal does not answer as it should; trying again until it does", "error", err)
	}
}

func (o *temporalOutage) answered() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.since.IsZero() || o.recovery != nil {
		return
	}
	var settle *time.Timer
	settle = time.AfterFunc(answersAgainAfter, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.recovery != settle {
			return // it has failed again
		}
		o.logger.Info("Temporal answers again", "after", time.Since(o.since).Round(time.Millisecond).String())
		o.since, o.recovery = time.Time{}, nil
	})
	o.recovery = settle
}

// quietOutage passes records on. Those that only warn that Temporal cannot be
// reached become debug records.
type quietOutage struct{ slog.Handler }

// Handle implements slog.Handler.
func (h quietOutage) Handle(ctx context.Context, record slog.Record) error {
	if record.Level > slog.LevelInfo {
		record.Attrs(func(attribute slog.Attr) bool {
			err, is := attribute.Value.Any().(error)
			var unavailable *serviceerror.Unavailable // what the SDK makes of the code
			if is && (status.Code(err) == codes.Unavailable || errors.As(err, &unavailable)) {
				record.Level = slog.LevelDebug
			}
			return record.Level != slog.LevelDebug
		})
	}
	if !h.Enabled(ctx, record.Level) {
		return nil
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (h quietOutage) WithAttrs(attributes []slog.Attr) slog.Handler {
	return quietOutage{h.Handler.WithAttrs(attributes)}
}

// WithGroup implements slog.Handler.
func (h quietOutage) WithGroup(name string) slog.Handler {
	return quietOutage{h.Handler.WithGroup(name)}
}
