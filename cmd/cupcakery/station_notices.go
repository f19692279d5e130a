package main

import (
	"context"
	"log/slog"
	"strings"
	"sync"
)

// notices shows a person what the station's readers of Kafka log: outages, each
// once although several readers notice it.
type notices struct {
	level slog.Handler // decides, by --log-level, what is shown
	show  func(line string)
	// member is set for the reader that shares its group with other stations;
	// who comes and goes there does not matter to a person.
	member bool
	last   *lastNotice
}

type lastNotice struct {
	mu   sync.Mutex
	text string
}

func newNotices(level slog.Handler, show func(line string)) *notices {
	return &notices{last: &lastNotice{}, level: level, show: show}
}

// Enabled implements slog.Handler.
func (n *notices) Enabled(ctx context.Context, level slog.Level) bool {
	return n.level.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (n *notices) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *n
	for _, attr := range attrs {
		with.member = with.member || attr.Key == "group"
	}
	return &with
}

// WithGroup implements slog.Handler.
func (n *notices) WithGroup(string) slog.Handler { return n }

// Handle implements slog.Handler.
func (n *notices) Handle(_ context.Context, record slog.Record) error {
	if n.member && record.Level < slog.LevelWarn {
		return nil
	}
	n.last.mu.Lock()
	defer n.last.mu.Unlock()
	if record.Message == n.last.text {
		return nil
	}
	n.last.text = record.Message
	line := "! " + record.Message
	record.Attrs(func(attr slog.Attr) bool {
		line += " " + attr.Key + "=" + attr.Value.String()
		return true
	})
	n.show(printable(strings.TrimSpace(line)))
	return nil
}
