package events

import (
	"context"
	"log/slog"
)

// ForDebugging returns a logger that makes every record one for debugging. A process has
// several readers of the same Kafka, and an outage is to be said once.
func ForDebugging(logger *slog.Logger) *slog.Logger {
	return slog.New(forDebugging{logger.Handler()})
}

type forDebugging struct{ slog.Handler }

// Enabled implements slog.Handler.
func (h forDebugging) Enabled(ctx context.Context, _ slog.Level) bool {
	return h.Handler.Enabled(ctx, slog.LevelDebug)
}

// Handle implements slog.Handler.
func (h forDebugging) Handle(ctx context.Context, record slog.Record) error {
	record.Level = slog.LevelDebug
	return h.Handler.Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (h forDebugging) WithAttrs(attributes []slog.Attr) slog.Handler {
	return forDebugging{h.Handler.WithAttrs(attributes)}
}

// WithGroup implements slog.Handler.
func (h forDebugging) WithGroup(name string) slog.Handler {
	return forDebugging{h.Handler.WithGroup(name)}
}
