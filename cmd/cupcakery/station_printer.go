package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"

	"github.com/cupcakery/cupcakery/station"
)

// ticketPrinter writes what happens at a station as lines, in order, without
// ever making the station wait for a slow reader.
type ticketPrinter struct {
	out, errOut io.Writer
	name        string

	mu     sync.Mutex
	more   *sync.Cond
	queue  []printed
	left   bool
	closed bool
	idle   chan struct{} // closed when everything has been written
}

type printed struct {
	to   io.Writer
	text string
}

func newTicketPrinter(out, errOut io.Writer, name string) *ticketPrinter {
	p := &ticketPrinter{errOut: errOut, idle: make(chan struct{}), name: name, out: out}
	p.more = sync.NewCond(&p.mu)
	go p.run()
	return p
}

func (p *ticketPrinter) run() {
	defer close(p.idle)
	for {
		p.mu.Lock()
		for len(p.queue) == 0 && !p.closed {
			p.more.Wait()
		}
		lines := p.queue
		p.queue = nil
		p.mu.Unlock()
		if len(lines) == 0 {
			return
		}
		for _, line := range lines {
			_, _ = io.WriteString(line.to, line.text) // nobody is left to read it
		}
	}
}

func (p *ticketPrinter) write(to io.Writer, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = append(p.queue, printed{to, text})
	p.more.Signal()
}

// print writes a line to the output, printError one to the error output.
func (p *ticketPrinter) print(format string, args ...any) {
	p.write(p.out, fmt.Sprintf(format, args...)+"\n")
}

func (p *ticketPrinter) printError(format string, args ...any) {
	p.write(p.errOut, fmt.Sprintf(format, args...)+"\n")
}

// close returns when everything has been written.
func (p *ticketPrinter) close() {
	p.mu.Lock()
	p.closed = true
	p.more.Signal()
	p.mu.Unlock()
	<-p.idle
}

// leave ends what show writes: for whoever has left, nothing waits any more, and
// nothing vanishes.
func (p *ticketPrinter) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = true
}

func (p *ticketPrinter) hasLeft() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.left
}

// show writes what happened to a ticket.
func (p *ticketPrinter) show(e station.Event) {
	switch {
	case p.hasLeft():
		return
	case e.Kind == station.Unsent:
		p.printError("! %s", eventText(e, p.name))
		return
	case e.Kind == station.Offered, e.Kind == station.StartedElsewhere && e.Was == "":
		p.ticket(e.Item)
	}
	if text := eventText(e, p.name); text != "" {
		p.print("%s", text)
	}
}

// ticket writes a whole ticket.
func (p *ticketPrinter) ticket(item station.Item) {
	text := title(item) + "\n"
	for _, line := range details(item) {
		text += "    " + line.text + "\n"
	}
	p.write(p.out, text)
}

// list writes every ticket with what standing says of it, in the order of the
// screen.
func (p *ticketPrinter) list(items []station.Item, standing func(station.Item) string) {
	for _, item := range inOrder(items, func(item station.Item) string { return section(item, p.name) }) {
		p.ticket(item)
		p.print("    %s", standing(item))
	}
	p.print("%s", summary(items, p.name))
}

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
