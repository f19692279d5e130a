package station

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/internal/groupmetrics"
	"github.com/cupcakery/cupcakery/internal/retry"
	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// maxInFlight bounds, per partition, the tickets that are here and not
	// finished.
	maxInFlight = 256
	// shortestLookBack is how far the log is read back at least.
	shortestLookBack = 10 * time.Minute
	// housekeeping is the interval at which what is over is cleared away.
	housekeeping = time.Second
	// reissuedWithin is how many times the time for its ack a ticket that is open
	// goes without being issued again, at most; lookBackTimes is how many times
	// that time the log is read back, so that it tells of every open ticket.
	reissuedWithin = 4
	lookBackTimes  = reissuedWithin + 1
	// renewalsWithin is how often somebody at work says so while the time for an
	// ack passes.
	renewalsWithin = 3

	// flagsWithin bounds how long a station that starts waits to hear whether it is
	// paused: it may not be allowed to read that.
	flagsWithin = 10 * time.Second

	retryAtFirst = 100 * time.Millisecond
	retryAtMost  = 2 * time.Second
)

// Config is what a station runs with.
type Config struct {
	Connection events.Connection
	Stage      kitchen.Stage
	// Name is who works here: 1 to 80 characters.
	Name string
	// AckWithin is how long the stage's tickets may take, as in the kitchen
	// file of the orders. The station reads the log of acks five times as far
	// back when it starts, and at least ten minutes. Defaults to the value of
	// the default kitchen file.
	AckWithin time.Duration
	// Observe is called with what happens to tickets, one call at a time and
	// in order. It must return soon and not call the station. Optional.
	Observe func(Event)
	// SessionTimeout is how long after its death a station's tickets go to
	// others. Defaults to that of events.Consumer.
	SessionTimeout time.Duration
	// Logger defaults to slog.Default().
	Logger *slog.Logger
	// Metrics receives what the station counts. It takes one station of a stage.
	// Defaults to a registry of its own, which nobody reads.
	Metrics prometheus.Registerer
	// Readiness says, once the station is made, whether it offers tickets. Optional.
	Readiness *Readiness
}

func (c *Config) check() error {
	var faults []error
	if _, err := kitchen.ParseStage(string(c.Stage)); err != nil {
		faults = append(faults, fmt.Errorf("stage: %w", err))
	}
	if n := utf8.RuneCountInString(c.Name); n < 1 || n > kitchen.MaxByLength {
		faults = append(faults, fmt.Errorf("name: must have 1 to %d characters, it has %d", kitchen.MaxByLength, n))
	}
	if c.AckWithin < 0 {
		faults = append(faults, fmt.Errorf("time for an ack: %s must not be negative", c.AckWithin))
	}
	return errors.Join(append(faults, c.Connection.Check())...)
}

func (c *Config) setDefaults() {
	if c.AckWithin == 0 {
		c.AckWithin = kitchen.Default().Rules.AckWithinFor(c.Stage)
	}
	if c.Observe == nil {
		c.Observe = func(Event) {}
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Metrics == nil {
		c.Metrics = prometheus.NewRegistry()
	}
	if c.Readiness == nil {
		c.Readiness = new(Readiness)
	}
}

// publisher is what a station publishes with.
type publisher interface {
	PublishAck(ctx context.Context, ack kitchen.Ack) error
	PublishDeadLetter(ctx context.Context, original events.Message, reason string) error
}

// Station is one station of a stage. Its methods are safe for concurrent use.
type Station struct {
	config Config
	// source marks this station's own acks in the log.
	source    string
	lookBack  time.Duration
	publisher publisher
	writer    *events.Writer
	consumer  *events.Consumer
	flags     *events.Flags // what is paused and in a rush, with a lock of its own
	metrics   *metrics
	// caughtUp is closed once the log has been read to its end.
	caughtUp     chan struct{}
	caughtUpOnce sync.Once
	ready        chan struct{}
	// ctx ends when the station stops; background counts what it publishes by
	// itself.
	ctx        context.Context
	cancel     context.CancelFunc
	background sync.WaitGroup

	// mu guards what follows. Observe is called while it is held.
	mu      sync.Mutex
	board   *board.Board
	reading *board.Stopwatch  // how long the log has been read
	away    bool              // whether Kafka does not answer
	jobs    map[string]*job   // by ticket id
	origins map[string]origin // by ticket id, of all that were delivered here
	newest  map[int]int64     // the offset of the newest delivery, by partition
	numbers map[string]int    // by ticket id
	last    int               // the number given last
	forgot  time.Duration     // when the board last forgot something, by reading
	changed chan struct{}     // closed and made anew at every change

	turn chan struct{} // held by whoever waits for the next job to claim
}

// origin is where a ticket was delivered from last: its partition, whose context
// ends when that goes to another station, and its record.
type origin struct {
	ctx    context.Context
	issued board.Heard
}

// New checks the settings, all at once. It does not dial.
func New(config Config) (*Station, error) {
	if err := config.check(); err != nil {
		return nil, fmt.Errorf("make a station: %w", err)
	}
	config.setDefaults()
	s := newStation(config)
	var err error
	if s.writer, err = events.NewWriter(config.Connection, events.WithSource(s.source), events.WithLogger(config.Logger)); err != nil {
		return nil, fmt.Errorf("make a station: %w", err)
	}
	s.publisher = s.writer
	var rebalanced func() // set before the consumer runs
	s.consumer, err = events.NewConsumer(events.ConsumerConfig{
		Connection:     config.Connection,
		Group:          events.TicketGroup(config.Stage),
		Handle:         func(ctx context.Context, d *events.Delivery) { s.receiveTicket(ctx, d.Message, d.Done) },
		Logger:         config.Logger,
		MaxInFlight:    maxInFlight,
		SessionTimeout: config.SessionTimeout,
		// What waits for a person is not finished by waiting for it.
		StopWait:    -1,
		Topics:      []string{events.TicketTopic(config.Stage)},
		OnRebalance: func(map[string][]int) { rebalanced() },
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make a station: %w", err), s.writer.Close())
	}
	config.Metrics.MustRegister(s.metrics.acks)
	rebalanced = groupmetrics.Register(config.Metrics, events.TicketGroup(config.Stage), s.consumer.Lag)
	config.Readiness.station.Store(s)
	return s, nil
}

// newStation makes all of a station but its connections to Kafka.
func newStation(config Config) *Station {
	s := &Station{
		board:    board.New(),
		caughtUp: make(chan struct{}),
		changed:  make(chan struct{}),
		config:   config,
		jobs:     make(map[string]*job),
		lookBack: max(lookBackTimes*config.AckWithin, shortestLookBack),
		metrics:  newMetrics(config.Stage),
		newest:   make(map[int]int64),
		numbers:  make(map[string]int),
		origins:  make(map[string]origin),
		reading:  board.NewStopwatch(time.Now),
		ready:    make(chan struct{}),
		turn:     make(chan struct{}, 1),
		source:   "/cupcakery/stations/" + string(config.Stage) + "/" + uuid.NewString(),
	}
	s.flags = events.NewFlags(events.FlagsConfig{Connection: config.Connection, Logger: config.Logger, OnRecord: func(events.FlagRecord) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.change()
	}})
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Run takes part in the stage's work until the context ends. What is in hand
// then stays started in the log; finish it before, if it can be finished. Run
// goes on by itself through every outage of Kafka and returns nil after a
// stop. It can be called once.
func (s *Station) Run(ctx context.Context) error {
	group, running := errgroup.WithContext(ctx)
	defer context.AfterFunc(running, s.cancel)()
	group.Go(func() error {
		return events.Tail(running, events.TailConfig{
			Behind:     s.kafkaIsAway,
			CaughtUp:   s.caught,
			Connection: s.config.Connection,
			Handle:     s.receiveAck,
			Logger:     s.config.Logger,
			LookBack:   s.lookBack,
			Topics:     []string{events.TopicAcks},
		})
	})
	group.Go(func() error { return s.flags.Run(running) })
	group.Go(func() error {
		s.flags.AwaitRead(running, flagsWithin) // or a paused station would begin something
		return s.consumer.Run(running)
	})
	group.Go(func() error {
		s.awaitReady(running)
		return nil
	})
	group.Go(func() error {
		for retry.Pause(running, housekeeping) {
			s.clear()
		}
		return nil
	})
	err := group.Wait()
	s.cancel()
	s.background.Wait()
	return errors.Join(err, s.writer.Close())
}

// Ready is closed once tickets are offered: the log has been read, and the
// group has given this station its share.
func (s *Station) Ready() <-chan struct{} { return s.ready }

// awaitReady closes ready, unless the context ends before.
func (s *Station) awaitReady(ctx context.Context) {
	for _, step := range []<-chan struct{}{s.caughtUp, s.consumer.Ready()} {
		select {
		case <-step:
		case <-ctx.Done():
			return
		}
	}
	close(s.ready)
}

func (s *Station) caught() {
	s.caughtUpOnce.Do(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.board.CaughtUp(s.lookBack)
		close(s.caughtUp)
	})
}

// kafkaIsAway stops the time of reading while the log cannot be read.
func (s *Station) kafkaIsAway(since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away = !since.IsZero(); s.away {
		s.reading.Stop()
	} else {
		s.reading.Start()
	}
}

// Changed returns a channel that is closed at the next change of what Tickets
// returns.
func (s *Station) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// change wakes whoever waits for a change. The lock is held.
func (s *Station) change() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// clear notices owners elsewhere who have become silent, closes jobs of which
// neither their order nor their owner elsewhere says anything any more, and
// forgets what nobody asks for. All goes by how long the log has been read, and by
// no clock.
func (s *Station) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.reading.Elapsed()
	for ticketID, j := range s.jobs {
		entry, _ := s.board.Get(ticketID)
		last := max(j.delivery.issued.After, entry.Sign.After)
		switch silent := s.ownerIsSilent(j); {
		case j.state.visible() != Elsewhere:
		case now-last > lookBackTimes*max(s.config.AckWithin, j.ticket.AckWithin()):
			s.apply(j, cause{input: expired})
		case silent && !j.silent:
			j.silent = true
			s.observe(Event{Kind: OwnerSilent, Item: s.item(j), Was: Elsewhere})
			s.change()
		}
	}
	if now-s.forgot < s.lookBack/20 {
		return
	}
	s.forgot = now
	s.board.Forget(now, s.lookBack, func(ticketID string) bool {
		undoID, _ := board.UndoOf(ticketID)
		return s.jobs[ticketID] != nil || s.jobs[undoID] != nil
	})
	for ticketID := range s.numbers {
		if _, known := s.board.Get(ticketID); !known && s.jobs[ticketID] == nil {
			delete(s.numbers, ticketID)
		}
	}
	for ticketID := range s.origins {
		if _, known := s.board.Get(ticketID); !known && s.jobs[ticketID] == nil {
			delete(s.origins, ticketID)
		}
	}
}

// ownerIsSilent reports whether the owner elsewhere of a job was not heard of for
// longer than they may be. The lock is held.
func (s *Station) ownerIsSilent(j *job) bool {
	if j.state.visible() != Elsewhere {
		return false
	}
	entry, _ := s.board.Get(j.ticket.TicketID)
	return entry.State == kitchen.TicketStarted && s.board.Age(entry.Sign, s.reading.Elapsed()) > s.within(j)
}

// within is how long somebody may have a job in hand without a sign. The lock is
// held.
func (s *Station) within(j *job) time.Duration {
	return cmp.Or(j.ticket.AckWithin(), s.config.AckWithin)
}
