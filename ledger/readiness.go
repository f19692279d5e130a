package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cupcakery/cupcakery/events"
)

// lookWithin bounds one look at Kafka and the database. It is below a second, which is
// all that Kubernetes gives a probe by default.
const lookWithin = 700 * time.Millisecond

// Readiness says whether what the log tells could be written now. The zero value is of a
// process that has not begun; give it to Run.
type Readiness struct {
	mu     sync.Mutex // guards what follows
	look   *look      // nil before Run has begun
	logged bool
	ready  bool // what was logged last
}

// look is what a process works with.
type look struct {
	store      recorder
	connection events.Connection
	member     func() bool  // whether the group has given the process its share
	fault      func() error // of the last attempt to write
	logger     *slog.Logger
	group      string
}

func (r *Readiness) begin(l look) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.look = &l
}

// Check returns nil if records could be written now: the topics can be read, the group
// has given the process its share, the database answers and can be written, and its
// schema is this build's. Otherwise it returns everything that is in the way, with its
// remedy. A change is logged.
func (r *Readiness) Check(ctx context.Context) error {
	r.mu.Lock()
	look := r.look
	r.mu.Unlock()
	if look == nil {
		return errors.New("the ledger has not begun yet")
	}
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	var topics, database error
	var looking sync.WaitGroup
	looking.Go(func() { topics = events.CheckTopics(ctx, look.connection, Topics()...) })
	looking.Go(func() { database = look.store.Check(ctx) })
	looking.Wait()
	if database == nil {
		database = look.fault() // which a look alone does not meet, as when the disk is full
	}
	faults := []error{topics, database}
	if !look.member() {
		faults = append(faults, fmt.Errorf("the group %q has not given this process its share yet; if it stays so, another ledger's processes have it: give --group a name of this one's", look.group))
	}
	err := errors.Join(faults...)
	r.mu.Lock()
	defer r.mu.Unlock()
	if changed := !r.logged || r.ready != (err == nil); changed && err != nil {
		look.logger.WarnContext(ctx, "nothing could be written into the ledger now", "error", err)
	} else if changed {
		look.logger.InfoContext(ctx, "the ledger can be written")
	}
	r.logged, r.ready = true, err == nil
	return err
}
