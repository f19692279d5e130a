package floor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// The channels. Those of stations and orders end with the stage or the id.
const (
	ChannelCounter  = "counter"
	ChannelKitchen  = "kitchen"
	ChannelMenu     = "menu"
	ChannelOverview = "overview"
	ChannelStation  = "station/"
	ChannelOrder    = "order/"
)

// ErrNoChannel means that a channel's name stands for nothing.
var ErrNoChannel = errors.New("there is no such channel: use counter, kitchen, menu, overview, station/ with a stage, or order/ with an order's id")

// Config says what a floor works with.
type Config struct {
	// Kafka has the log. Without brokers the boards stay empty.
	Kafka events.Connection
	// Kitchen has the rules of boards and the limits of open orders.
	Kitchen *kitchen.Kitchen
	Orders  Orders
	Logger  *slog.Logger
	// OnAnswered is called when the log tells that a question to a manager is over,
	// with how long it was open. It must return soon. Optional.
	OnAnswered func(after time.Duration)
	// OnSessionEnded is called with each flag that ends sessions before their time. It
	// must return soon. Optional.
	OnSessionEnded func(kitchen.Flag)
}

// Floor is what this process knows from the log.
type Floor struct {
	connection  events.Connection
	logger      *slog.Logger
	onAnswered  func(time.Duration)
	onSession   func(kitchen.Flag)
	kitchenFile *kitchen.Kitchen
	now         func() time.Time // for people, and to measure lengths
	// lookBack is after how long the board forgets, and readBack how far the
	// log is read back at the start.
	lookBack, readBack time.Duration
	// source marks this process's own acks in the log.
	source string
	writer *events.Writer // nil without brokers
	// flags are the fold of kitchen-state, with a lock of its own.
	flags *events.Flags

	// Channels, which have locks of their own.
	stations map[kitchen.Stage]*stationFeed
	kitchen  *kitchenFeed
	counter  *counterFeed
	overview *overviewFeed
	orders   *orderFeeds
	menu     *menuFeed
	state    *stateFeed

	// mu guards the fold of the log: all that follows.
	mu       sync.Mutex
	board    *board.Board
	figures  *figures
	queue    queue
	reading  *board.Stopwatch // how long the log has been read
	began    time.Time        // when reading began
	newest   newestRecord
	caughtUp bool
	away     time.Time // since when Kafka does not answer; zero while it does
	// flagsAway is the same of kitchen-state, which has a reader of its own.
	flagsAway time.Time
	// cancelled are orders that order-failures reports as cancelled, and by
	// which record.
	cancelled map[string]board.Heard
	// statuses are what order-status tells, by order.
	statuses  map[string]*loggedOrder
	ownAcks   map[ownAck]chan heardAck
	lastAckAt time.Time
	// ownFlags are this process's records of kitchen-state that somebody waits for.
	ownFlags map[string]chan struct{}
	// owedFlags are those that Kafka has not taken yet: see PutFlagLater.
	owedFlags map[kitchen.FlagAt]kitchen.Flag
	// shipped are the orders of the last hours that were shipped, uncollected how many
	// of them are not flagged as collected, and readyVersion changes with the list of those.
	shipped      map[string]shippedOrder
	uncollected  int
	readyVersion int64
}

// New returns a floor that knows nothing yet: Run reads the log.
func New(config Config) (*Floor, error) {
	lookBack := board.LookBack(config.Kitchen.Rules.LongestAckWithin())
	readBack := max(lookBack, figuresBack)
	f := &Floor{
		connection:  config.Kafka,
		logger:      config.Logger,
		onAnswered:  config.OnAnswered,
		onSession:   config.OnSessionEnded,
		kitchenFile: config.Kitchen,
		now:         time.Now,
		lookBack:    lookBack,
		readBack:    readBack,
		source:      "/cupcakery/api/" + uuid.NewString(),
		stations:    make(map[kitchen.Stage]*stationFeed),
		state:       newStateFeed(),
		board:       board.New(),
		figures:     newFigures(config.Kitchen.Rules, readBack),
		queue:       queue{limits: config.Kitchen.Open, accepted: make(map[string]acceptedOrder)},
		cancelled:   make(map[string]board.Heard),
		statuses:    make(map[string]*loggedOrder),
		ownAcks:     make(map[ownAck]chan heardAck),
		ownFlags:    make(map[string]chan struct{}),
		owedFlags:   make(map[kitchen.FlagAt]kitchen.Flag),
		shipped:     make(map[string]shippedOrder),
		// Whoever comes from another process has another number.
		readyVersion: time.Now().UnixMilli(),
	}
	f.flags = events.NewFlags(events.FlagsConfig{Connection: config.Kafka, Logger: config.Logger, OnRecord: f.addFlag, Behind: f.setFlagsAway})
	now := func() time.Time { return f.now() }
	f.began = f.now()
	f.reading = board.NewStopwatch(now)
	for _, stage := range kitchen.Stages() {
		f.stations[stage] = f.newStationFeed(stage)
	}
	f.kitchen = newKitchenFeed(f, config.Orders.Count)
	f.menu = newMenuFeed(f)
	f.counter = f.newCounterFeed()
	f.overview = f.newOverviewFeed()
	f.orders = newOrderFeeds(f, config.Orders)
	if len(config.Kafka.Brokers) == 0 {
		return f, nil
	}
	var err error
	f.writer, err = events.NewWriter(config.Kafka, events.WithSource(f.source), events.WithLogger(f.logger))
	return f, err
}

// Run reads the log until the context ends, through every outage of Kafka.
func (f *Floor) Run(ctx context.Context) error {
	defer f.orders.stop()
	if f.writer == nil {
		f.logger.Warn("there are no Kafka brokers: boards stay empty")
		<-ctx.Done()
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var beside sync.WaitGroup
	beside.Go(func() { f.forgetRegularly(ctx) })
	beside.Go(func() { f.kitchen.stagePoll.run(ctx) })
	beside.Go(func() { f.kitchen.ordersPoll.run(ctx) })
	beside.Go(func() { f.counter.poll.run(ctx) })
	beside.Go(func() { f.overview.poll.run(ctx) })
	beside.Go(func() { f.menu.poll.run(ctx) })
	beside.Go(func() { newPoller(estimateEvery, estimateEvery, f.orders.reckonAnew).run(ctx) })
	flagsRead := make(chan error, 1)
	go func() { flagsRead <- f.flags.Run(ctx) }()
	logRead := make(chan struct{})
	beside.Go(func() {
		for _, read := range []<-chan struct{}{logRead, f.flags.Read()} {
			select {
			case <-read:
			case <-ctx.Done():
				return
			}
		}
		f.setCaughtUp()
		f.tidyFlagsRegularly(ctx)
	})
	topics := []string{events.TopicAcks, events.TopicShip, events.TopicFailures, events.TopicStatus}
	for _, stage := range kitchen.Stages() {
		topics = append(topics, events.TicketTopic(stage))
	}
	err := events.Tail(ctx, events.TailConfig{
		Behind:     f.setAway,
		CaughtUp:   func() { close(logRead) },
		Connection: f.connection,
		Handle:     f.handle,
		Logger:     f.logger,
		LookBack:   f.readBack,
		LookBackOf: map[string]time.Duration{events.TopicShip: max(f.readBack, collectWithin)},
		Topics:     topics,
	})
	cancel()
	err = errors.Join(err, <-flagsRead)
	beside.Wait()
	if closeErr := f.writer.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("close the writer of acks: %w", closeErr)
	}
	return err
}

// Follow adds a follower to a channel, or returns ErrNoChannel. It goes on from
// the cursor if that is still possible, and otherwise starts with a snapshot.
// wake is called when there may be something new, and must neither block nor
// call back.
func (f *Floor) Follow(channel, cursor string, wake func()) (follower *Follower, resumed bool, err error) {
	switch channel {
	case ChannelCounter:
		follower, resumed = f.counter.follow(cursor, wake)
		return follower, resumed, nil
	case ChannelKitchen:
		follower, resumed = f.kitchen.follow(cursor, wake)
		return follower, resumed, nil
	case ChannelOverview:
		follower, resumed = f.overview.follow(cursor, wake)
		return follower, resumed, nil
	case ChannelMenu:
		follower, resumed = f.menu.follow(cursor, wake)
		return follower, resumed, nil
	}
	if stage, ok := strings.CutPrefix(channel, ChannelStation); ok {
		if station := f.stations[kitchen.Stage(stage)]; station != nil {
			follower, resumed = station.follow(cursor, wake)
			return follower, resumed, nil
		}
	}
	if orderID, ok := strings.CutPrefix(channel, ChannelOrder); ok && kitchen.CheckOrderID(orderID) == nil {
		follower, resumed = f.orders.follow(orderID, cursor, wake)
		return follower, resumed, nil
	}
	return nil, false, ErrNoChannel
}

// Board is a station's board.
func (f *Floor) Board(stage kitchen.Stage) wire.Board {
	s, behind := f.stations[stage], f.Behind()
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.board()
	b.Behind = behind
	return b
}

// Stations counts the open tickets of each stage.
func (f *Floor) Stations() wire.Stations {
	stages := f.kitchen.countStages()
	return wire.Stations{At: f.now().UTC(), Behind: f.Behind(), Stages: stages}
}

// StageLoad is how much there is to do at a stage, by the log as far as it was read.
type StageLoad struct {
	Stage           kitchen.Stage
	Waiting, InHand int
	// Oldest is the age of the open ticket that comes first; 0 if none is open.
	Oldest time.Duration
	// Untaken is how long nobody has taken anything although tickets wait; 0 unless
	// that is the station's alarm.
	Untaken time.Duration
}

// Loads are those of all stages; none while the log has not been read to its end.
func (f *Floor) Loads() []StageLoad {
	now := f.readUntil()
	if now.IsZero() {
		return nil
	}
	since := func(t time.Time) time.Duration {
		if t.IsZero() {
			return 0
		}
		return max(now.Sub(t), 0)
	}
	var loads []StageLoad
	for _, stage := range kitchen.Stages() {
		counts := f.stations[stage].count(now)
		loads = append(loads, StageLoad{stage, counts.Waiting, counts.Started, since(counts.Oldest), since(counts.UntakenSince)})
	}
	return loads
}

// Statistics are what the stations did in the last hours.
func (f *Floor) Statistics() wire.Statistics {
	f.mu.Lock()
	defer f.mu.Unlock()
	statistics := f.figures.statistics(f.logTime())
	statistics.At = f.now().UTC()
	statistics.Behind = f.Behind()
	return statistics
}

// Pace is how long the stages take at present.
func (f *Floor) Pace() wire.Pace {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.logTime()
	pace := wire.Pace{At: f.now().UTC()}
	for _, stage := range kitchen.Stages() {
		pace.Stages = append(pace.Stages, f.figures.paces[stage].of(stage, now))
	}
	return pace
}

// OrderChanged notes that this process has changed an order. Mostly the log tells
// that, but not while Kafka is away.
func (f *Floor) OrderChanged(orderID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.orders.changed(orderID)
	f.kitchen.questionsChanged()
}
