package ledger

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/events"
)

const patience = time.Minute

// memory is a database that several processes write.
type memory struct {
	mu sync.Mutex // guards what follows
	// claims, nexts, lasts and written are by partition.
	claims  map[string]*memoryStore
	nexts   map[string]int64
	lasts   map[string]*LastRecord
	written map[string][]string
	rejects []string
	// holes says that the log has offsets without a record.
	holes bool
	// refuse may refuse a batch or, with none, a question.
	refuse  func(batch []events.Message) error
	changed chan struct{}
}

func newMemory() *memory {
	return &memory{
		claims: make(map[string]*memoryStore), nexts: make(map[string]int64), lasts: make(map[string]*LastRecord), written: make(map[string][]string), changed: make(chan struct{}, 1),
		refuse: func([]events.Message) error { return nil },
	}
}

func (m *memory) setRefuse(refuse func(batch []events.Message) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refuse = refuse
}

// count is how many values were written, and how many times those that were written
// more than once.
func (m *memory) count() (values, twice int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := make(map[string]bool)
	for _, of := range m.written {
		for _, value := range of {
			if seen[value] {
				twice++
			}
			seen[value] = true
		}
	}
	return len(seen), twice
}

// memoryStore is one process's way to a memory.
type memoryStore struct {
	*memory
	migrate func() error
	name    string
	// tries counts calls of Add.
	tries int
}

func (s *memoryStore) Migrate(context.Context) error {
	if s.migrate != nil {
		return s.migrate()
	}
	return nil
}

func (s *memoryStore) Name(context.Context) (string, error) { return cmp.Or(s.name, "one"), nil }

func (s *memoryStore) Check(context.Context) error { return nil }

func placeName(topic string, topicID [16]byte, partition int) string {
	return fmt.Sprint(topic, topicID, partition)
}

func (s *memoryStore) Position(_ context.Context, topic string, topicID [16]byte, partition int) (Position, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refuse(nil); err != nil {
		return Position{}, err
	}
	where := placeName(topic, topicID, partition)
	s.claims[where] = s
	next, known := s.nexts[where]
	return Position{next, known, s.lasts[where]}, nil
}

func (s *memoryStore) Add(_ context.Context, batch []events.Message) (Added, error) {
	return s.add(batch, false)
}

func (s *memoryStore) Cut(_ context.Context, topic string, topicID [16]byte, partition int, what LogCut) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refuse(nil); err != nil {
		return 0, err
	}
	where := placeName(topic, topicID, partition)
	lost := max(0, len(s.written[where])-int(what.End))
	s.claims[where], s.nexts[where], s.lasts[where], s.written[where] = s, what.First, nil, nil
	return lost, nil
}

func (s *memoryStore) Reject(_ context.Context, m events.Message) error {
	_, err := s.add([]events.Message{m}, true)
	return err
}

func (s *memoryStore) add(batch []events.Message, reject bool) (Added, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tries++
	if err := s.refuse(batch); err != nil && !reject {
		return Added{}, err
	}
	for _, m := range batch {
		if s.claims[placeName(m.Topic, m.TopicID, m.Partition)] != s {
			return Added{}, &FencedError{Topic: m.Topic, Partition: m.Partition}
		}
	}
	var added Added
	for _, m := range batch {
		where := placeName(m.Topic, m.TopicID, m.Partition)
		switch {
		case m.Offset < s.nexts[where]:
			added.Skipped++
			continue
		case m.Offset > s.nexts[where] && !s.holes:
			return Added{}, fmt.Errorf("offsets %d to %d of %s were left out", s.nexts[where], m.Offset, m.Topic)
		case reject:
			s.rejects = append(s.rejects, string(m.Value))
			added.Rejects++
		default:
			s.written[where] = append(s.written[where], string(m.Value))
			added.Facts++
		}
		s.nexts[where], s.lasts[where] = m.Offset+1, new(lastRecordOf(m))
	}
	select {
	case s.changed <- struct{}{}:
	default:
	}
	return added, nil
}

// readerWorld is a Kafka with a memory.
type readerWorld struct {
	*testing.T
	connection events.Connection
	client     *kgo.Client
	memory     *memory
	values     int // that were produced
}

func newReaderWorld(t *testing.T) *readerWorld {
	t.Helper()
	kafka, err := devstack.StartKafka(t.Context(), devstack.KafkaConfig{})
	require.NoError(t, err)
	t.Cleanup(kafka.Stop)
	w := &readerWorld{T: t, connection: events.Connection{Brokers: []string{kafka.Addr()}}, memory: newMemory()}
	_, err = events.ApplyTopics(t.Context(), w.connection, events.TopicSettings{Partitions: 2})
	require.NoError(t, err)
	w.client, err = kgo.NewClient(kgo.SeedBrokers(kafka.Addr()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	t.Cleanup(w.client.Close)
	return w
}

// produce writes so many records into each partition of a topic.
func (w *readerWorld) produce(topic string, each int) {
	w.Helper()
	var records []*kgo.Record
	for range each {
		for partition := range int32(2) {
			records = append(records, &kgo.Record{Topic: topic, Partition: partition, Value: fmt.Append(nil, "value ", w.values)})
			w.values++
		}
	}
	require.NoError(w, w.client.ProduceSync(w.Context(), records...).FirstErr())
}

// proc is a running process.
type proc struct {
	w         *readerWorld
	store     *memoryStore
	log       *lines
	registry  *prometheus.Registry
	readiness *Readiness
	ready     chan struct{}
	cancel    context.CancelFunc
	ended     chan error
}

func (w *readerWorld) start(change func(*memoryStore)) *proc {
	w.Helper()
	p := &proc{
		w: w, store: &memoryStore{memory: w.memory}, log: new(lines), registry: prometheus.NewPedanticRegistry(),
		readiness: new(Readiness), ready: make(chan struct{}), ended: make(chan error, 1),
	}
	if change != nil {
		change(p.store)
	}
	var ctx context.Context
	ctx, p.cancel = context.WithCancel(context.Background())
	go func() {
		p.ended <- run(ctx, RunConfig{
			Connection: w.connection, Logger: slog.New(slog.NewTextHandler(p.log, nil)), Metrics: p.registry, Readiness: p.readiness,
			Ready: func() { close(p.ready) },
		}, p.store)
	}()
	w.Cleanup(p.stop)
	return p
}

// stop ends the process as SIGTERM does. Again it does nothing.
func (p *proc) stop() {
	p.w.Helper()
	p.cancel()
	if err, ok := <-p.ended; ok {
		close(p.ended)
		require.NoError(p.w, err)
	}
}

func (p *proc) awaitReady() {
	p.w.Helper()
	select {
	case <-p.ready:
	case <-time.After(patience):
		require.FailNow(p.w, "it does not become ready", p.log.String())
	}
}

// awaitAll waits until everything that was produced is written, and requires that
// nothing is written twice.
func (w *readerWorld) awaitAll() {
	w.Helper()
	require.Eventually(w, func() bool {
		values, _ := w.memory.count()
		return values == w.values
	}, patience, 10*time.Millisecond)
	_, twice := w.memory.count()
	require.Zero(w, twice)
}

func (w *readerWorld) eventually(is func() bool, what string) {
	w.Helper()
	require.Eventually(w, is, patience, 10*time.Millisecond, what)
}

func TestWhatIsReadIsWrittenOnceByAnyNumberOfProcesses(t *testing.T) {
	t.Parallel()
	w := newReaderWorld(t)
	w.produce(events.TopicAcks, 100)
	first := w.start(nil)
	w.awaitAll()
	second := w.start(nil)
	second.awaitReady()
	for _, topic := range Topics()[:3] {
		w.produce(topic, 50)
	}
	w.awaitAll()
	first.stop()
	w.produce(events.TopicAcks, 50)
	w.awaitAll()
	second.stop()
	w.produce(events.TopicStatus, 50)
	w.start(nil)
	w.awaitAll()
}

// A database that goes away stops reading at what may be in hand. Nothing is lost, and
// the outage is logged once when it begins and once when it ends.
func TestADatabaseThatIsAwayIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newReaderWorld(t)
	p := w.start(nil)
	w.produce(events.TopicAcks, 1)
	w.awaitAll()
	require.NoError(t, p.readiness.Check(t.Context()))
	w.memory.setRefuse(func([]events.Message) error { return &RefusedError{errors.New("the disk is full")} })
	w.produce(events.TopicAcks, partitionInHand+50)
	lag := func() float64 {
		return w.sample(p, "cupcakery_consumer_lag", "station-acks")
	}
	w.eventually(func() bool { return lag() == 2*(partitionInHand+50) && p.triesOf() > 3 }, "what waits is counted as lag")
	require.ErrorContains(t, p.readiness.Check(t.Context()), "the disk is full")
	require.Zero(t, w.sample(p, "cupcakery_ledger_ready", ""))
	require.Positive(t, w.sample(p, "cupcakery_ledger_behind_seconds", ""))
	require.Equal(t, 1, p.log.count("database takes nothing"))
	w.memory.setRefuse(func([]events.Message) error { return nil })
	w.awaitAll()
	w.eventually(func() bool { return lag() == 0 && p.log.count("takes what is read again") == 1 }, "the end of the outage is logged")
	require.NoError(t, p.readiness.Check(t.Context()))
	require.Equal(t, 1, p.log.count("database takes nothing"))
	require.InDelta(t, 1, w.sample(p, "cupcakery_ledger_outages_total", ""), 0)
	require.InDelta(t, w.values, w.sample(p, "cupcakery_ledger_records_total", outcomeFact), 0)
}

func (p *proc) triesOf() int {
	p.store.mu.Lock()
	defer p.store.mu.Unlock()
	return p.store.tries
}

// sample is a metric's value, of the series that has the label's value.
func (w *readerWorld) sample(p *proc, name, label string) float64 {
	w.Helper()
	families, err := p.registry.Gather()
	require.NoError(w, err)
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			found := label == ""
			for _, pair := range metric.GetLabel() {
				found = found || pair.GetValue() == label
			}
			if found {
				return metric.GetGauge().GetValue() + metric.GetCounter().GetValue()
			}
		}
	}
	require.FailNow(w, "no metric "+name)
	return 0
}

func TestADatabaseThatIsAwayAtTheBeginningIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newReaderWorld(t)
	w.produce(events.TopicAcks, 3)
	w.memory.setRefuse(func([]events.Message) error { return &AwayError{errors.New("no route")} })
	asked := 0
	p := w.start(func(s *memoryStore) {
		s.migrate = func() error {
			if asked++; asked < 3 {
				return &AwayError{errors.New("no route")}
			}
			return nil
		}
	})
	w.eventually(func() bool { return p.log.count("database takes nothing") > 0 }, "the outage is logged")
	p.awaitReady()
	w.memory.setRefuse(func([]events.Message) error { return nil })
	w.awaitAll()
}

func TestASchemaOfANewerBuildEndsTheProcess(t *testing.T) {
	t.Parallel()
	store := &memoryStore{memory: newMemory(), migrate: func() error { return fmt.Errorf("prepare: %w", &SchemaError{3, 2}) }}
	err := run(t.Context(), RunConfig{Connection: events.Connection{Brokers: []string{"127.0.0.1:1"}}}, store)
	require.ErrorContains(t, err, "use a newer build")
}

// Two databases that shared a group would each have a part of the log.
func TestAnotherLedgerCannotTakeAPartOfTheLog(t *testing.T) {
	t.Parallel()
	w := newReaderWorld(t)
	first := w.start(nil)
	first.awaitReady()
	w.produce(events.TopicAcks, 3)
	w.awaitAll()
	other := w.start(func(s *memoryStore) { s.name, s.memory = "another", newMemory() })
	w.eventually(func() bool { return other.log.count("give this process a group of its own") > 0 }, "it says why it does nothing")
	require.ErrorContains(t, other.readiness.Check(t.Context()), "give --group a name")
	w.produce(events.TopicAcks, 3)
	w.awaitAll()
	values, _ := other.store.count()
	require.Zero(t, values)
	first.stop()
	other.awaitReady() // which the other had kept out
}

// One record that the database will never take is found among the others and rejected.
func TestARecordThatTheDatabaseDoesNotTakeStopsNothing(t *testing.T) {
	t.Parallel()
	w := newReaderWorld(t)
	poison := func(m events.Message) bool { return strings.HasSuffix(string(m.Value), "7") }
	once := true // a refusal that passes, as of two processes in a race
	w.memory.setRefuse(func(batch []events.Message) error {
		for _, m := range batch {
			if poison(m) {
				return &DataError{errors.New("invalid byte sequence")}
			}
			if once && string(m.Value) == "value 11" && len(batch) == 1 {
				once = false
				return &DataError{errors.New("duplicate key")}
			}
			if once && string(m.Value) == "value 11" {
				return &DataError{errors.New("duplicate key")}
			}
		}
		return nil
	})
	w.produce(events.TopicAcks, 20)
	p := w.start(nil)
	w.eventually(func() bool {
		values, _ := w.memory.count()
		return values == w.values-4
	}, "all others are written")
	w.eventually(func() bool { return w.sample(p, "cupcakery_ledger_rejects_total", rejectUnfit) == 4 }, "they are counted")
	w.memory.mu.Lock()
	defer w.memory.mu.Unlock()
	assert.ElementsMatch(t, []string{"value 7", "value 17", "value 27", "value 37"}, w.memory.rejects)
	assert.Zero(t, p.log.count("database takes nothing"), "the database is not away")
	assert.Equal(t, 4, p.log.count("it is rejected"))
}

// Another process has claimed a partition while this one had records of it in hand.
func TestAPartitionThatAnotherHasClaimedIsReadAgainFromWhereThatIs(t *testing.T) {
	t.Parallel()
	w := newReaderWorld(t)
	p := w.start(nil)
	w.produce(events.TopicAcks, 10)
	w.awaitAll()
	w.memory.setRefuse(func([]events.Message) error { return &AwayError{errors.New("no route")} })
	w.produce(events.TopicAcks, 10)
	tries := p.triesOf()
	w.eventually(func() bool { return p.triesOf() > tries+1 }, "it has them in hand")
	w.memory.mu.Lock()
	other := &memoryStore{memory: w.memory}
	var stolen string
	for where, claim := range w.memory.claims {
		if claim == p.store && w.memory.nexts[where] == 10 {
			stolen = where
			break
		}
	}
	w.memory.claims[stolen] = other
	w.memory.refuse = func([]events.Message) error { return nil }
	w.memory.mu.Unlock()
	w.awaitAll()
	require.InDelta(t, 1, w.sample(p, "cupcakery_ledger_fenced_total", ""), 0)
	require.Equal(t, 1, p.log.count("Another process has claimed a partition"))
}

// Kafka may lose the end of a log: a replica becomes its leader that had not all of it.
func TestALogThatWasCutIsReadAgain(t *testing.T) {
	t.Parallel()
	w := newReaderWorld(t)
	w.produce(events.TopicAcks, 5)
	p := w.start(nil)
	w.awaitAll()
	p.stop()
	w.memory.mu.Lock()
	var cut string
	for where, values := range w.memory.written {
		// What it has had beyond is gone; a new record lies there soon.
		w.memory.written[where] = append(values, "lost 1", "lost 2")
		w.memory.nexts[where] = 7
		cut = where
		break
	}
	w.memory.mu.Unlock()
	p = w.start(nil)
	w.eventually(func() bool {
		w.memory.mu.Lock()
		defer w.memory.mu.Unlock()
		return len(w.memory.written[cut]) == 5 && w.memory.nexts[cut] == 5
	}, "it is as the log has it")
	w.produce(events.TopicAcks, 1)
	w.awaitAll()
	require.Contains(t, p.log.String(), "lost_records=2")
	require.InDelta(t, 1, w.sample(p, "cupcakery_ledger_gaps_total", ""), 0)
}

// A log that was cut may have grown past what was read of it before anybody looks.
func TestALogThatWasCutAndHasGrownIsReadAgain(t *testing.T) {
	t.Parallel()
	w := newReaderWorld(t)
	w.produce(events.TopicAcks, 5)
	p := w.start(nil)
	w.awaitAll()
	p.stop()
	w.memory.mu.Lock()
	var cut string
	for where, values := range w.memory.written {
		// The last two of those were others, before the log lost them.
		w.memory.written[where] = append(values[:3], "lost 1", "lost 2")
		w.memory.lasts[where] = new(lastRecordOf(events.Message{Offset: 4, Value: []byte("lost 2")}))
		cut = where
		break
	}
	w.memory.mu.Unlock()
	w.produce(events.TopicAcks, 1)
	p = w.start(nil)
	w.awaitAll()
	w.memory.mu.Lock()
	require.Len(t, w.memory.written[cut], 6)
	require.NotContains(t, w.memory.written[cut], "lost 1")
	w.memory.mu.Unlock()
	require.InDelta(t, 1, w.sample(p, "cupcakery_ledger_gaps_total", ""), 0)
	require.Equal(t, 1, p.log.count("the log was cut, and has grown since"), "and only in one partition")
	p.stop()
	p = w.start(nil)
	p.awaitReady()
	w.produce(events.TopicAcks, 1)
	w.awaitAll()
	require.Zero(t, w.sample(p, "cupcakery_ledger_gaps_total", ""), "what was read again is as the log has it")
}

// A last record that nobody can read once more says nothing: Kafka may have deleted or
// compacted it, the log may have another topic's id, or an earlier build has written it.
func TestALogWhoseLastRecordIsGoneIsReadOn(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*readerWorld){
		"deleted": func(w *readerWorld) {
			for partition := range 2 {
				require.NoError(w, events.CutPartition(w.Context(), w.connection, events.TopicAcks, partition, 5))
			}
		},
		"not a record": func(w *readerWorld) {
			client, err := kgo.NewClient(kgo.SeedBrokers(w.connection.Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.TransactionalID("somebody"))
			require.NoError(w, err)
			defer client.Close()
			require.NoError(w, client.BeginTransaction())
			for partition := range int32(2) {
				record := &kgo.Record{Topic: events.TopicAcks, Partition: partition, Value: []byte("aborted")}
				require.NoError(w, client.ProduceSync(w.Context(), record).FirstErr())
			}
			require.NoError(w, client.EndTransaction(w.Context(), kgo.TryAbort))
			for where := range w.memory.nexts {
				w.memory.nexts[where], w.memory.lasts[where].Offset = 7, 6 // behind the transaction's marker
			}
		},
		"not known": func(w *readerWorld) { clear(w.memory.lasts) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newReaderWorld(t)
			w.memory.holes = true
			w.produce(events.TopicAcks, 5)
			p := w.start(nil)
			w.awaitAll()
			p.stop()
			for where := range w.memory.lasts { // so that anything read there would be another
				w.memory.lasts[where].Checksum++
			}
			change(w)
			p = w.start(nil)
			w.produce(events.TopicAcks, 1)
			w.awaitAll()
			require.Zero(t, w.sample(p, "cupcakery_ledger_gaps_total", ""))
			require.Zero(t, p.log.count("was cut"))
		})
	}
}

func TestAStopWritesWhatIsInHand(t *testing.T) {
	t.Parallel()
	w := newReaderWorld(t)
	p := w.start(nil)
	w.produce(events.TopicAcks, 1)
	w.awaitAll()
	w.memory.setRefuse(func([]events.Message) error { return &AwayError{errors.New("no route")} })
	w.produce(events.TopicAcks, 5)
	w.eventually(func() bool { return w.sample(p, "cupcakery_consumer_lag", "station-acks") == 10 && p.triesOf() > 0 }, "it has them in hand")
	p.cancel()
	w.memory.setRefuse(func([]events.Message) error { return nil })
	p.stop()
	w.awaitAll()
}

func TestMetricsAreThereBeforeAnythingHappens(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	m := newMetrics(registry)
	m.watch(registry, func(context.Context) error { return errors.New("not yet") }, newReader(nil, slog.Default(), m))
	count, err := testutil.GatherAndCount(registry)
	require.NoError(t, err)
	require.Equal(t, 18, count)
}

// lines collects what was logged.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String returns everything so far.
func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *lines) count(part string) int { return strings.Count(l.String(), part) }
