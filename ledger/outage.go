package ledger

import (
	"log/slog"
	"sync"
	"time"
)

// part is what a process does in the database.
type part string

const (
	schemaPart   part = "schema"
	positionPart part = "position"
	writingPart  part = "writing"
)

// outage logs the beginning and the end of a time in which the database takes nothing,
// once each, however many parts of a process notice it.
type outage struct {
	logger *slog.Logger
	began  func()

	mu    sync.Mutex // guards what follows
	down  map[part]error
	since time.Time
}

func newOutage(logger *slog.Logger, began func()) *outage {
	return &outage{logger: logger, began: began, down: make(map[part]error)}
}

// failed says that a part cannot go on, and why.
func (o *outage) failed(p part, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.down) == 0 {
		o.since = time.Now()
		o.began()
		o.logger.Warn("The ledger's database takes nothing; reading waits, and it is tried again until it does", "error", err)
	} else {
		o.logger.Debug("The ledger's database still takes nothing", "error", err)
	}
	o.down[p] = err
}

// recovered says that a part goes on. If that is writing, everything does: nobody may be
// left who still asks for a place.
func (o *outage) recovered(p part) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.down) == 0 {
		return
	}
	delete(o.down, p)
	if p == writingPart {
		clear(o.down)
	}
	if len(o.down) == 0 {
		o.logger.Info("The ledger's database takes what is read again", "after", time.Since(o.since).Round(time.Millisecond).String())
	}
}

// forget says that nothing of a part is left to be done.
func (o *outage) forget(p part) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.down[p]; !ok {
		return
	}
	delete(o.down, p)
	if len(o.down) == 0 {
		o.logger.Info("Nothing waits for the ledger's database any more: other processes have the partitions")
	}
}

// err is why the last batch could not be written, nil if it could or none was tried.
func (o *outage) err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.down[writingPart]
}
