package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/internal/groupmetrics"
	"github.com/cupcakery/cupcakery/internal/retry"
)

const (
	// batchRecords and batchBytes bound what one transaction writes.
	batchRecords = 2000
	batchBytes   = 8 << 20
	// inHandBytes bounds what was read and is not written yet, and partitionInHand how
	// many records of one partition that may be. While the database is away reading
	// stops there.
	inHandBytes     = 64 << 20
	partitionInHand = 1000

	// addWithin bounds one transaction, so that a connection that has died silently
	// is given up.
	addWithin = time.Minute
	// positionWithin bounds the question where a partition begins.
	positionWithin = 10 * time.Second
	// compareWithin bounds the question whether the log is the one that was read.
	compareWithin = 10 * time.Second
	// stopWithin bounds the wait for what is in hand when the process stops.
	stopWithin = 10 * time.Second

	shortestPause = 100 * time.Millisecond
	longestPause  = 5 * time.Second
)

// RunConfig is what a process that writes the ledger runs with.
type RunConfig struct {
	// Store is where the ledger is kept.
	Store      *Store
	Connection events.Connection
	// Group is the consumer group that processes share which write this ledger; two
	// ledgers of one Kafka need two. Defaults to events.GroupLedger.
	Group string
	// Logger defaults to slog.Default().
	Logger *slog.Logger
	// Metrics receives the process's counters. Defaults to a registry of its own,
	// which nobody reads.
	Metrics prometheus.Registerer
	// Ready is called once the schema is there and the group has given this process
	// its share. Optional.
	Ready func()
	// Readiness says, once Run has begun, whether the ledger can be written. Optional.
	Readiness *Readiness

	// lookAgain is how often the process looks whether its ledger is still the same.
	// Defaults to 5 s.
	lookAgain time.Duration
}

// recorder is a Store to the reader.
type recorder interface {
	Add(ctx context.Context, batch []events.Message) (Added, error)
	Check(ctx context.Context) error
	Cut(ctx context.Context, topic string, topicID [16]byte, partition int, what LogCut) (lost int, err error)
	Migrate(ctx context.Context) error
	Name(ctx context.Context) (string, error)
	Position(ctx context.Context, topic string, topicID [16]byte, partition int) (Position, error)
	Reject(ctx context.Context, m events.Message) error
}

// Run prepares the schema, and writes what the log tells until ctx ends; then it writes
// what is in hand and returns nil. Any number of processes share the log's partitions.
// Kafka and the database may be away, at the start too, and the database may be full or
// read-only: Run waits, and goes on by itself. If somebody drops the schema, or puts
// another ledger into its place, Run begins anew. An error means that it cannot go on: the
// schema is a newer build's, or preparing it fails.
func Run(ctx context.Context, config RunConfig) error { return run(ctx, config, config.Store) }

func run(ctx context.Context, config RunConfig, store recorder) error {
	config.Logger = cmp.Or(config.Logger, slog.Default())
	config.Group = cmp.Or(config.Group, events.GroupLedger)
	if config.Metrics == nil {
		config.Metrics = prometheus.NewRegistry()
	}
	if config.Readiness == nil {
		config.Readiness = new(Readiness)
	}
	config.lookAgain = cmp.Or(config.lookAgain, 5*time.Second)
	r := newReader(store, config.Logger, newMetrics(config.Metrics))
	var err error
	if r.log, err = events.NewLogReader(config.Connection); err != nil {
		return fmt.Errorf("prepare to read the log: %w", err)
	}
	defer r.log.Close()
	var member atomic.Pointer[events.Consumer]
	var rebalanced func() // set before the consumer runs
	join := func() error {
		consumer, err := events.NewConsumer(events.ConsumerConfig{
			Connection:  config.Connection,
			Group:       config.Group,
			Ours:        func() string { return r.name },
			Topics:      Topics(),
			MaxInFlight: partitionInHand,
			Handle:      r.handle,
			StartAt:     r.startAt,
			StopWait:    stopWithin,
			Logger:      config.Logger,
			OnCut:       r.cut,
			OnJump:      r.jumped,
			OnRebalance: func(map[string][]int) { rebalanced() },
		})
		member.Store(consumer)
		return err
	}
	if err := join(); err != nil {
		return fmt.Errorf("prepare to read the log: %w", err)
	}
	rebalanced = groupmetrics.Register(config.Metrics, config.Group, func() map[string]int64 { return member.Load().Lag() })
	config.Readiness.begin(look{
		store: store, connection: config.Connection, member: func() bool { return member.Load().IsMember() }, fault: r.outage.err, logger: config.Logger, group: config.Group,
	})
	r.metrics.watch(config.Metrics, config.Readiness.Check, r)
	var once sync.Once
	ready := func() {
		config.Logger.InfoContext(ctx, "the ledger is being written", "group", config.Group)
		if config.Ready != nil {
			once.Do(config.Ready)
		}
	}
	for {
		if err := r.migrate(ctx); err != nil || ctx.Err() != nil {
			return err
		}
		if err := r.follow(ctx, member.Load(), ready, config.lookAgain); !errors.Is(err, errAnotherLedger) {
			return err
		}
		config.Logger.WarnContext(ctx, "The ledger was dropped, or another one is in its place; beginning anew from where that is")
		if err := join(); err != nil {
			return fmt.Errorf("prepare to read the log: %w", err)
		}
	}
}

// reader carries what a consumer delivers into a store, in batches.
type reader struct {
	store   recorder
	log     *events.LogReader
	logger  *slog.Logger
	metrics *metrics
	outage  *outage
	queue   chan queued
	room    *semaphore.Weighted // of inHandBytes
	// name is the ledger's; it is known once the schema is there.
	name string
	// gone is whether that ledger is not there any more.
	gone atomic.Bool
	// attempting is held during an attempt to write.
	attempting sync.Mutex
	// blind is whether Kafka did not let a log be compared when one was last.
	blind atomic.Bool
	// oldest is the time of the first record in hand, in nanoseconds since 1970; 0 for
	// none.
	oldest atomic.Int64
}

// queued is a delivery that is not written yet. Its context ends when its partition is
// taken away, or is read again.
type queued struct {
	ctx      context.Context
	delivery *events.Delivery
	bytes    int64
}

func newReader(store recorder, logger *slog.Logger, metrics *metrics) *reader {
	return &reader{
		store: store, logger: logger, metrics: metrics, outage: newOutage(logger, metrics.outages.Inc),
		queue: make(chan queued, batchRecords), room: semaphore.NewWeighted(inHandBytes),
	}
}

// errAnotherLedger says that the ledger is not the one that the process has begun with.
var errAnotherLedger = errors.New("another ledger")

// follow writes what the log tells until ctx ends, or until the ledger is another one. The
// group is then left, since only those that write the same ledger may share it.
func (r *reader) follow(ctx context.Context, consumer *events.Consumer, ready func(), lookAgain time.Duration) error {
	// What is in hand is written after ctx has ended, as long as the consumer waits.
	writing, stopWriting := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWriting()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer stopWriting()
		return consumer.Run(ctx)
	})
	group.Go(func() error {
		r.run(writing)
		return nil
	})
	group.Go(func() error {
		select {
		case <-consumer.Ready():
			ready()
		case <-ctx.Done():
		}
		return nil
	})
	group.Go(func() error {
		for retry.Pause(ctx, lookAgain) {
			if r.isGone(ctx) {
				r.gone.Store(true)
				return errAnotherLedger
			}
		}
		return nil
	})
	return group.Wait()
}

// isGone reports whether the database answers and does not have the ledger that the
// process has begun with. Nothing wrong is written into another one meanwhile: it says
// itself how far it has read each topic.
func (r *reader) isGone(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, positionWithin)
	defer cancel()
	name, err := r.store.Name(ctx)
	return isDropped(err) || err == nil && name != r.name
}

// migrate prepares the schema, however long the database is away. Nothing is in hand then.
func (r *reader) migrate(ctx context.Context) error {
	for backoff := retry.NewBackoff(shortestPause, longestPause); ; {
		err := r.store.Migrate(ctx)
		if err == nil {
			r.name, err = r.store.Name(ctx)
		}
		if err == nil {
			r.gone.Store(false)
			r.outage.recovered(writingPart)
			return nil
		}
		if ctx.Err() != nil {
			return nil
		}
		if !passes(err) {
			return err
		}
		r.outage.failed(schemaPart, err)
		backoff.Wait(ctx)
	}
}

// passes reports whether the same call may succeed later, without a change of ours.
func passes(err error) bool {
	var away *AwayError
	var refused *RefusedError
	return errors.As(err, &away) || errors.As(err, &refused) || isDropped(err)
}

// isDropped reports whether there is no ledger.
func isDropped(err error) bool {
	var schema *SchemaError
	return errors.As(err, &schema) && schema.Has == 0
}

// startAt claims a partition and says where to begin.
func (r *reader) startAt(ctx context.Context, topic string, topicID [16]byte, partition int) (int64, bool, error) {
	for {
		position, err := r.claim(ctx, topic, topicID, partition)
		if err != nil || position.Last == nil {
			return position.Next, position.Known, err
		}
		what, err := r.compare(ctx, topic, topicID, partition, *position.Last)
		if err != nil || what == nil {
			return position.Next, position.Known, err
		}
		r.logger.Error("Another record lies where the last one lay that was read: the log was cut, and has grown since", "topic", topic, "partition", partition, "offset", what.Replaced.Offset)
		if err := r.takeBack(ctx, topic, topicID, partition, *what); err != nil {
			return 0, false, err
		}
	}
}

func (r *reader) claim(ctx context.Context, topic string, topicID [16]byte, partition int) (Position, error) {
	ctx, cancel := context.WithTimeout(ctx, positionWithin)
	defer cancel()
	position, err := r.store.Position(ctx, topic, topicID, partition)
	switch {
	case err == nil:
		r.outage.recovered(positionPart)
	case !errors.Is(err, context.Canceled):
		r.outage.failed(positionPart, err)
	}
	return position, err
}

// compare reads the last record that was written once more. It returns nil if that is the
// same, or gone: deleted, compacted away, or of a log that ends before it, as reading on
// shows.
func (r *reader) compare(ctx context.Context, topic string, topicID [16]byte, partition int, last LastRecord) (*LogCut, error) {
	ctx, cancel := context.WithTimeout(ctx, compareWithin)
	defer cancel()
	var m events.Message
	found := false
	first, end, err := r.log.Bounds(ctx, topic, partition)
	if err == nil && last.Offset >= first && last.Offset < end {
		m, found, err = r.log.ReadOne(ctx, topic, partition, last.Offset)
	}
	var unavailable *events.UnavailableError
	switch {
	case errors.As(err, &unavailable):
		if r.blind.CompareAndSwap(false, true) {
			r.logger.Warn("Kafka does not tell whether its log is the one that was read; trying again until it does", "topic", topic, "partition", partition, "error", err)
		}
		return nil, err
	case errors.Is(err, context.Canceled):
		return nil, err
	case err != nil: // whoever reads on meets it, too, and knows what to do
		r.logger.Warn("Cannot read the last record of a partition once more; reading on without", "topic", topic, "partition", partition, "offset", last.Offset, "error", err)
		return nil, nil
	}
	r.blind.Store(false)
	if !found || m.TopicID != topicID || lastRecordOf(m) == last {
		return nil, nil
	}
	return &LogCut{First: first, End: end, Replaced: &last}, nil
}

// jumped counts what the ledger will not have: it was gone before it was read. The
// consumer has logged it.
func (r *reader) jumped(string, int, int64, int64) { r.metrics.gaps.Inc() }

// cut is called when a partition ends before what is to be read next.
func (r *reader) cut(ctx context.Context, topic string, topicID [16]byte, partition int, first, end int64) error {
	return r.takeBack(ctx, topic, topicID, partition, LogCut{First: first, End: end})
}

// takeBack takes back what a partition has lost. What was in hand of it must not be
// written any more, so it waits for an attempt that is under way.
func (r *reader) takeBack(ctx context.Context, topic string, topicID [16]byte, partition int, what LogCut) error {
	r.attempting.Lock()
	defer r.attempting.Unlock()
	ctx, cancel := context.WithTimeout(ctx, addWithin)
	defer cancel()
	lost, err := r.store.Cut(ctx, topic, topicID, partition, what)
	switch {
	case err == nil:
		r.outage.recovered(positionPart)
		r.metrics.gaps.Inc()
		r.logger.Error("Kafka has lost the end of a partition; what the ledger had of it is taken back, and the rest is read again", "topic", topic, "partition", partition, "end", what.End, "lost_records", lost)
	case !errors.Is(err, context.Canceled):
		r.outage.failed(positionPart, err)
	}
	return err
}

// handle queues a delivery. While there is no room, its partition is not read on.
func (r *reader) handle(ctx context.Context, d *events.Delivery) {
	bytes := int64(len(d.Key) + len(d.Value))
	for _, header := range d.Headers {
		bytes += int64(len(header.Key) + len(header.Value))
	}
	bytes = min(bytes, inHandBytes)
	if r.room.Acquire(ctx, bytes) != nil {
		return
	}
	select {
	case r.queue <- queued{ctx, d, bytes}:
	case <-ctx.Done():
		r.room.Release(bytes)
	}
}

// run writes what is queued until ctx ends.
func (r *reader) run(ctx context.Context) {
	for {
		batch := r.take(ctx)
		if batch == nil {
			return
		}
		r.note(batch)
		r.write(ctx, batch)
		for _, q := range batch {
			r.room.Release(q.bytes)
		}
	}
}

// take waits for a first delivery and takes what else there is, at most a batch. It
// returns nil once ctx has ended.
func (r *reader) take(ctx context.Context) []queued {
	var batch []queued
	var bytes int64
	add := func(q queued) {
		batch, bytes = append(batch, q), bytes+q.bytes
	}
	select {
	case q := <-r.queue:
		add(q)
	default:
		r.oldest.Store(0)
		select {
		case <-ctx.Done():
			return nil
		case q := <-r.queue:
			add(q)
		}
	}
	for len(batch) < batchRecords && bytes < batchBytes {
		select {
		case q := <-r.queue:
			add(q)
		default:
			return batch
		}
	}
	return batch
}

// note notes how old what is in hand is, by the broker's times.
func (r *reader) note(batch []queued) {
	var oldest int64
	for _, q := range batch {
		if at := q.delivery.Time.UnixNano(); q.delivery.Appended && (oldest == 0 || at < oldest) {
			oldest = at
		}
	}
	r.oldest.Store(oldest)
}

// behind is how old the first record is that is in hand, by this machine's clock.
func (r *reader) behind() time.Duration {
	oldest := r.oldest.Load()
	if oldest == 0 {
		return 0
	}
	return max(time.Since(time.Unix(0, oldest)), 0)
}

// write writes a batch, however long the database is away, and finishes its deliveries.
// What is not ours any more is left out, and all of it once the ledger is gone. If the
// database will never take it, its halves are written, until what it refuses stands alone
// and is rejected.
func (r *reader) write(ctx context.Context, batch []queued) {
	refused := false // it stands alone, and was refused before
	for backoff := retry.NewBackoff(shortestPause, longestPause); ctx.Err() == nil; {
		if r.gone.Load() { // so that the consumer need not wait for it
			for _, q := range batch {
				q.delivery.Reread()
			}
			return
		}
		r.attempting.Lock()
		if batch = ours(batch); len(batch) == 0 {
			r.attempting.Unlock()
			r.outage.forget(writingPart)
			return
		}
		err := r.attempt(ctx, batch, refused)
		r.attempting.Unlock()
		var fenced *FencedError
		var data *DataError
		switch {
		case err == nil:
			r.outage.recovered(writingPart)
			for _, q := range batch {
				q.delivery.Done()
			}
			return
		case ctx.Err() != nil:
			return
		case errors.As(err, &fenced):
			r.giveUp(batch, fenced)
		case len(batch) > 1 && errors.As(err, &data):
			r.write(ctx, batch[:len(batch)/2])
			r.write(ctx, batch[len(batch)/2:])
			return
		case errors.As(err, &data) && !refused:
			refused = true // or it was a race between two processes, which passes
		default:
			r.outage.failed(writingPart, err)
			backoff.Wait(ctx)
			if len(batch) > 1 && isTooMuch(err) {
				r.write(ctx, batch[:len(batch)/2])
				r.write(ctx, batch[len(batch)/2:])
				return
			}
		}
	}
}

// ours leaves out what is of partitions that were taken away or are read again. It is
// asked anew before each attempt.
func ours(batch []queued) []queued {
	kept := make([]queued, 0, len(batch))
	for _, q := range batch {
		if q.ctx.Err() == nil {
			kept = append(kept, q)
		}
	}
	return kept
}

// attempt tries once to write a batch. A record that was refused alone before is
// rejected if it is again.
func (r *reader) attempt(ctx context.Context, batch []queued, refused bool) error {
	ctx, cancel := context.WithTimeout(ctx, addWithin)
	defer cancel()
	messages := make([]events.Message, len(batch))
	for i, q := range batch {
		messages[i] = q.delivery.Message
	}
	began := time.Now()
	added, err := r.store.Add(ctx, messages)
	var data *DataError
	if refused && errors.As(err, &data) {
		m := messages[0]
		r.logger.Error("The database does not take a record; it is rejected", "topic", m.Topic, "partition", m.Partition, "offset", m.Offset, "error", err)
		if err = r.store.Reject(ctx, m); err == nil {
			added = Added{Rejects: 1, RejectKinds: map[string]int{rejectUnfit: 1}}
		}
	}
	if err == nil {
		r.metrics.wrote(messages, added, time.Since(began))
	}
	return err
}

// giveUp has a partition read again from where the ledger is, because another process has
// claimed it since, or the database is another one. If the group has given it to that process, nothing is read again.
func (r *reader) giveUp(batch []queued, fenced *FencedError) {
	r.metrics.fenced.Inc()
	if fenced.Behind {
		r.logger.Warn("The ledger has less than was written: it was restored or made anew. Reading on from where it is", "topic", fenced.Topic, "partition", fenced.Partition)
	} else {
		r.logger.Info("Another process has claimed a partition; what is in hand of it is left to whoever has it now", "topic", fenced.Topic, "partition", fenced.Partition)
	}
	for _, q := range batch {
		if q.delivery.Topic == fenced.Topic && q.delivery.Partition == fenced.Partition {
			q.delivery.Reread()
		}
	}
}
