package main

import (
	"context"
	"sync"

	tea "charm.land/bubbletea/v2"

	"github.com/cupcakery/cupcakery/station"
)

// screenFacts are what the screen shows of the station.
type screenFacts struct {
	items  []station.Item
	recent []string // what has happened since the last facts
	ready  bool
	paused string // who has paused the station, and why; empty if nobody has
}

// screenFeed brings what happens at the station to the screen. The station
// must never wait for the screen, which itself calls the station.
type screenFeed struct {
	name string
	wake chan struct{}

	mu     sync.Mutex // guards recent
	recent []string
}

func newScreenFeed(name string) *screenFeed {
	return &screenFeed{name: name, wake: make(chan struct{}, 1)}
}

// observe is the station's Config.Observe.
func (f *screenFeed) observe(e station.Event) {
	text := eventText(e, f.name)
	switch {
	case e.Kind == station.Unsent:
		text = "! " + text
	case isStop(e, f.name):
		text = loud.Styled(text)
	}
	f.note(text)
}

// note shows a line, if it has a text.
func (f *screenFeed) note(text string) {
	if text != "" {
		f.mu.Lock()
		// What nobody can have read by the time it is shown is left out.
		f.recent = append(f.recent, text)
		f.recent = f.recent[max(0, len(f.recent)-recentKept):]
		f.mu.Unlock()
	}
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *screenFeed) run(ctx context.Context, bench *station.Station, program *tea.Program) {
	facts := screenFacts{}
	ready := bench.Ready()
	for {
		changed := bench.Changed()
		f.mu.Lock()
		facts.recent, f.recent = f.recent, nil
		f.mu.Unlock()
		facts.items, facts.paused = bench.Tickets(), pausedWords(bench)
		program.Send(facts)
		select {
		case <-ctx.Done():
			return
		case <-ready:
			facts.ready = true
			ready = nil
		case <-changed:
		case <-f.wake:
		}
	}
}
