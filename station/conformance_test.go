package station

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// broker is a Kafka that the conformance tests run on.
type broker interface {
	Addr() string
	// Down makes the broker unreachable, Up brings it back where it was.
	Down(t *testing.T)
	Up(t *testing.T)
}

type embedded struct {
	*devstack.Kafka
	config devstack.KafkaConfig
}

func (b *embedded) Down(*testing.T) { b.Stop() }

func (b *embedded) Up(t *testing.T) {
	kafka, err := devstack.StartKafka(t.Context(), b.config)
	require.NoError(t, err)
	b.config.Port = kafka.Port()
	b.Kafka = kafka
}

type apache struct{ *devstack.ApacheKafka }

func (b apache) Down(*testing.T) { b.Kill() }

func (b apache) Up(t *testing.T) { require.NoError(t, b.Restart(t.Context())) }

// TestOnEmbeddedKafka gives each scenario a broker of its own.
func TestOnEmbeddedKafka(t *testing.T) {
	t.Parallel()
	for _, scenario := range scenarios {
		t.Run(scenario.name, func(t *testing.T) {
			t.Parallel()
			b := &embedded{config: devstack.KafkaConfig{DataDir: t.TempDir(), Logger: quiet}}
			b.Up(t)
			t.Cleanup(func() { b.Stop() })
			runScenario(t, b, scenario.run)
		})
	}
}

// TestOnApacheKafka runs all scenarios on one broker, one after the other.
func TestOnApacheKafka(t *testing.T) {
	t.Parallel()
	kafka, err := devstack.StartApacheKafka(t.Context(), devstack.ApacheKafkaConfig{})
	require.NoError(t, err)
	t.Cleanup(kafka.Stop)
	for _, scenario := range scenarios {
		t.Run(scenario.name, func(t *testing.T) { runScenario(t, apache{kafka}, scenario.run) })
	}
}

// The log of acks is as long as the factory is old; a start reads its end.
func TestStartingUpReadsOnlyWhatIsRecent(t *testing.T) {
	t.Parallel()
	var ago atomic.Int64
	b := &embedded{config: devstack.KafkaConfig{Logger: quiet, Now: func() time.Time { return time.Now().Add(-time.Duration(ago.Load())) }}}
	b.Up(t)
	t.Cleanup(func() { b.Stop() })
	runScenario(t, b, func(w *world) {
		w.datedByBroker(events.TopicAcks)
		old, recent := ticketOf(t, kitchen.Mix, kitchen.TicketMake), ticketOf(t, kitchen.Mix, kitchen.TicketMake)
		ago.Store(int64(24 * time.Hour))
		w.typeAck(old, kitchen.AckStarted, "eve")
		ago.Store(0)
		w.typeAck(recent, kitchen.AckStarted, "eve")
		// The partition of the old one has something recent as well.
		w.produce(&kgo.Record{Topic: events.TopicAcks, Key: []byte(old.OrderID), Value: []byte("{}")})
		bob := w.open(kitchen.Mix, "bob")
		bob.Station.mu.Lock()
		defer bob.Station.mu.Unlock()
		_, known := bob.board.Get(recent.TicketID)
		require.True(t, known)
		_, known = bob.board.Get(old.TicketID)
		require.False(t, known)
	})
}

// The broker's clock is off against the station's, or the other way round. What
// waits is offered, and a station knows its own acks.
func TestAStationWorksWhateverItsClock(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{40 * time.Minute, -40 * time.Minute} {
		t.Run(off.String(), func(t *testing.T) {
			t.Parallel()
			b := &embedded{config: devstack.KafkaConfig{Logger: quiet, Now: func() time.Time { return time.Now().Add(-off) }}}
			b.Up(t)
			t.Cleanup(func() { b.Stop() })
			runScenario(t, b, func(w *world) {
				w.datedByBroker(events.TopicAcks)
				w.datedByBroker(events.TicketTopic(kitchen.Mix)) // for a mix ticket there is the least time
				bob := w.open(kitchen.Mix, "bob")
				taken, waiting := w.issue(kitchen.Mix, 1)[0], w.issue(kitchen.Mix, 1)[0]
				bob.await(Offered, taken)
				w.typeAck(taken, kitchen.AckStarted, "eve")
				require.Equal(w, "eve", bob.await(StartedElsewhere, taken).Item.By)
				bob.await(Offered, waiting)
				require.Zero(w, w.committed(kitchen.Mix))
				require.NoError(w, bob.Start(w.ctx(), waiting.TicketID))
				require.NoError(w, bob.Done(w.ctx(), waiting.TicketID))
				requireTaken(w.T, bob.Start(w.ctx(), taken.TicketID), "eve", kitchen.AckStarted)
			})
		})
	}
}

// datedByBroker lets the broker date the records of a topic.
func (w *world) datedByBroker(topic string) {
	w.Helper()
	request := kmsg.NewPtrIncrementalAlterConfigsRequest()
	resource := kmsg.NewIncrementalAlterConfigsRequestResource()
	resource.ResourceType, resource.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	config := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	config.Name, config.Value = "message.timestamp.type", kmsg.StringPtr("LogAppendTime")
	resource.Configs = append(resource.Configs, config)
	request.Resources = append(request.Resources, resource)
	response, err := request.RequestWith(w.ctx(), w.client)
	require.NoError(w, err)
	require.NoError(w, kerr.ErrorForCode(response.Resources[0].ErrorCode))
}

func runScenario(t *testing.T, b broker, run func(*world)) {
	w := &world{T: t, broker: b, connection: events.Connection{Brokers: []string{b.Addr()}}}
	_, err := events.ApplyTopics(w.ctx(), w.connection, events.TopicSettings{Partitions: 4})
	require.NoError(t, err)
	// Later versions of the requests call topics by id.
	w.client, err = kgo.NewClient(kgo.SeedBrokers(b.Addr()), kgo.MetadataMinAge(10*time.Millisecond), kgo.MaxVersions(kversion.V3_9_0()))
	require.NoError(t, err)
	t.Cleanup(w.client.Close)
	w.writer, err = events.NewWriter(w.connection)
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.writer.Close() })
	run(w)
}

var quiet = slog.New(slog.DiscardHandler)

var scenarios = []struct {
	name string
	run  func(*world)
}{
	{"TwoBakersRaceForATicket", twoBakersRace},
	{"AFinishedTicketIsAnsweredWithItsLastAckAfterACrash", lastAckAfterCrash},
	{"WhatIsInHandElsewhereStaysThereUntilItIsTakenOver", inHandElsewhere},
	{"WhatIsPutBackWaitsAgain", putBack},
	{"WorkInHandIsRenewed", renewal},
	{"APersonClaimsTheirWorkAgainAfterARestart", restartWithWorkInHand},
	{"ARebalanceLeavesWorkInHand", rebalance},
	{"ANewerAttemptReplacesTheOlderAndLetsCommitsGoOn", reissueReplaces},
	{"AcksTypedByHandCount", acksByHand},
	{"AFailedTicketComesBack", failedComesBack},
	{"AMessageThatIsNoTicketGoesToTheDeadLetters", poisonTicket},
	{"WorkInHandOutlastsAnOutage", outage},
	{"ARobotWorks", robotWorks},
	{"ARobotFinishesWhatIsInHandWhenItStops", robotStops},
	{"WithdrawnBeforeItIsStartedIsUndoneWithoutHands", withdrawnWaiting},
	{"WithdrawnInHandLeavesTheHandAtOnceAndIsUndone", withdrawnInHand},
	{"DoneThatTheCancellingMissedNeedsHands", withdrawnDone},
	{"MadeWorkNeedsHands", undoMade},
	{"ATicketAfterItsUndoTicketIsNotOffered", undoFirst},
	{"WithdrawnInHandByTheLogWhenThePartitionHasMoved", withdrawnElsewhere},
	{"AFinishedUndoTicketIsAnsweredWithItsLastAck", undoRepeated},
	{"AnUndoTicketThatFailedComesBack", undoFails},
	{"ARobotStopsAndUndoesWhenItsTicketIsWithdrawn", robotWithdrawn},
	{"AStationThatKnowsNothingOfAllThisWorks", plainStations},
	{"AStartedCountsAfterSilenceThatTheBrokerHasMeasured", silence},
}

// world is what a scenario works in. Its broker may have tickets of earlier
// scenarios, so each looks only at its own.
type world struct {
	*testing.T
	broker     broker
	connection events.Connection
	client     *kgo.Client
	writer     *events.Writer
}

func (w *world) ctx() context.Context {
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	w.Cleanup(cancel)
	return ctx
}

// issue publishes new tickets.
func (w *world) issue(stage kitchen.Stage, count int) []kitchen.Ticket {
	w.Helper()
	var tickets []kitchen.Ticket
	for range count {
		ticket := ticketOf(w.T, stage, kitchen.TicketMake)
		require.NoError(w, w.writer.PublishTicket(w.ctx(), ticket))
		tickets = append(tickets, ticket)
	}
	return tickets
}

func (w *world) reissue(ticket kitchen.Ticket) kitchen.Ticket {
	w.Helper()
	ticket = again(ticket)
	require.NoError(w, w.writer.PublishTicket(w.ctx(), ticket))
	return ticket
}

// cancel publishes the undo ticket of a ticket.
func (w *world) cancel(ticket kitchen.Ticket, made bool) kitchen.Ticket {
	w.Helper()
	undo := undoOf(ticket, made)
	require.NoError(w, w.writer.PublishTicket(w.ctx(), undo))
	return undo
}

// answer returns the last ack about a ticket, which must be the only one that
// ends it.
func (w *world) answer(ticket kitchen.Ticket) kitchen.Ack {
	w.Helper()
	kinds := w.kinds(ticket)
	require.NotEmpty(w, kinds)
	for i, kind := range kinds {
		require.Equal(w, i == len(kinds)-1, kind.Ends(), "%v", kinds)
	}
	var last kitchen.Ack
	require.NoError(w, json.Unmarshal(w.acks(ticket)[len(kinds)-1], &last))
	return last
}

// produce writes a bare record, as kcat does.
func (w *world) produce(record *kgo.Record) *kgo.Record {
	w.Helper()
	written, err := w.client.ProduceSync(w.ctx(), record).First()
	require.NoError(w, err)
	return written
}

// typeAck writes an ack as a person types it: no headers, no attempt, no time.
func (w *world) typeAck(ticket kitchen.Ticket, kind kitchen.AckKind, by string) {
	w.Helper()
	value := fmt.Sprintf(`{"ticketId":%q,"orderId":%q,"stage":%q,"kind":%q,"by":%q,"reason":"","colour":"pink"}`,
		ticket.TicketID, ticket.OrderID, ticket.Stage, kind, by)
	w.produce(&kgo.Record{Topic: events.TopicAcks, Key: []byte(ticket.OrderID), Value: []byte(value)})
}

// acks returns the acks about a ticket in the log, each as its bytes.
func (w *world) acks(ticket kitchen.Ticket) [][]byte {
	w.Helper()
	ctx, cancel := context.WithCancel(w.ctx())
	defer cancel()
	var found [][]byte
	require.NoError(w, events.Tail(ctx, events.TailConfig{
		Connection: w.connection, Topics: []string{events.TopicAcks}, Logger: quiet,
		Handle: func(m events.Message) {
			// A ticket's id is the beginning of its undo ticket's.
			if bytes.Contains(m.Value, []byte(`"`+ticket.TicketID+`"`)) {
				found = append(found, m.Value)
			}
		},
		CaughtUp: cancel,
	}))
	return found
}

func (w *world) kinds(ticket kitchen.Ticket) []kitchen.AckKind {
	w.Helper()
	var kinds []kitchen.AckKind
	for _, value := range w.acks(ticket) {
		ack, err := kitchen.ParseAck(value, time.Now())
		require.NoError(w, err)
		kinds = append(kinds, ack.Kind)
	}
	return kinds
}

// committed is the group's place summed over all partitions.
func (w *world) committed(stage kitchen.Stage) int64 {
	request := kmsg.NewPtrOffsetFetchRequest()
	group := kmsg.NewOffsetFetchRequestGroup()
	group.Group = events.TicketGroup(stage)
	group.Topics = []kmsg.OffsetFetchRequestGroupTopic{{Topic: events.TicketTopic(stage), Partitions: []int32{0, 1, 2, 3}}}
	request.Groups = append(request.Groups, group)
	response, err := request.RequestWith(w.ctx(), w.client)
	require.NoError(w, err)
	require.Len(w, response.Groups, 1)
	require.NoError(w, kerr.ErrorForCode(response.Groups[0].ErrorCode))
	total := int64(0)
	for _, topic := range response.Groups[0].Topics {
		for _, partition := range topic.Partitions {
			require.NoError(w, kerr.ErrorForCode(partition.ErrorCode))
			total += max(partition.Offset, 0)
		}
	}
	return total
}

// rewind puts the group back to where it was before anything was committed, as
// a crash between ack and commit does.
func (w *world) rewind(stage kitchen.Stage) {
	w.Helper()
	request := kmsg.NewPtrOffsetCommitRequest()
	request.Group = events.TicketGroup(stage)
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic = events.TicketTopic(stage)
	for partition := range int32(4) {
		commit := kmsg.NewOffsetCommitRequestTopicPartition()
		commit.Partition = partition
		topic.Partitions = append(topic.Partitions, commit)
	}
	request.Topics = append(request.Topics, topic)
	response, err := request.RequestWith(w.ctx(), w.client)
	require.NoError(w, err)
	for _, partition := range response.Topics[0].Partitions {
		require.NoError(w, kerr.ErrorForCode(partition.ErrorCode))
	}
}

// baker is a station with its events.
type baker struct {
	*Station
	w       *world
	stop    func()
	mu      sync.Mutex
	history []Event
	more    chan struct{} // closed and made anew at every event
	logs    bytes.Buffer
}

// open starts a station and waits until it offers tickets.
func (w *world) open(stage kitchen.Stage, name string) *baker {
	w.Helper()
	b := &baker{w: w, more: make(chan struct{})}
	station, err := New(Config{
		Connection: w.connection, Stage: stage, Name: name, SessionTimeout: 6 * time.Second,
		Logger: slog.New(slog.NewTextHandler(&lockedWriter{mu: &b.mu, buffer: &b.logs}, nil)),
		Observe: func(e Event) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.history = append(b.history, e)
			close(b.more)
			b.more = make(chan struct{})
		},
	})
	require.NoError(w, err)
	b.Station = station
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- station.Run(ctx) }()
	b.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			require.NoError(w, err)
		case <-time.After(patience):
			require.FailNow(w, "the station did not stop")
		}
	})
	w.Cleanup(b.stop)
	select {
	case <-station.Ready():
	case <-time.After(patience):
		require.FailNow(w, "the station did not get ready", b.log())
	}
	return b
}

func (b *baker) log() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.logs.String()
}

// await returns the first event of that kind about that ticket which it has not
// returned yet.
func (b *baker) await(kind EventKind, ticket kitchen.Ticket) Event {
	b.w.Helper()
	late := time.After(patience)
	for {
		b.mu.Lock()
		for i, e := range b.history {
			if e.Kind == kind && e.Item.Ticket.TicketID == ticket.TicketID {
				rest := append([]Event{}, b.history[:i]...)
				b.history = append(rest, b.history[i+1:]...)
				b.mu.Unlock()
				return e
			}
		}
		more := b.more
		b.mu.Unlock()
		select {
		case <-more:
		case <-late:
			require.FailNow(b.w, "the event did not come", "kind %d, log:\n%s", kind, b.log())
		}
	}
}

// awaitAttempt waits until the station has that attempt of a ticket.
func (b *baker) awaitAttempt(ticket kitchen.Ticket) Item {
	b.w.Helper()
	var item Item
	require.Eventually(b.w, func() bool {
		item, _ = b.item(ticket)
		return item.Ticket.Attempt == ticket.Attempt
	}, patience, 10*time.Millisecond)
	return item
}

// item returns the ticket as the station lists it.
func (b *baker) item(ticket kitchen.Ticket) (Item, bool) {
	for _, item := range b.Tickets() {
		if item.Ticket.TicketID == ticket.TicketID {
			return item, true
		}
	}
	return Item{}, false
}

type lockedWriter struct {
	mu     *sync.Mutex
	buffer *bytes.Buffer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Write(p)
}

// receive hands the station a ticket, as its group does when the partition
// comes to it.
func (b *baker) receive(ticket kitchen.Ticket) {
	value, err := json.Marshal(ticket)
	require.NoError(b.w, err)
	b.receiveTicket(b.w.ctx(), events.Message{Topic: events.TicketTopic(ticket.Stage), Value: value, Time: time.Now()}, func() {})
}

// Each of the two has every ticket, as it happens around a rebalance. All start
// at one signal.
func twoBakersRace(w *world) {
	bakers := []*baker{w.open(kitchen.Bake, "bob"), w.open(kitchen.Bake, "eve")}
	const tickets = 20
	gate := make(chan struct{})
	type result struct {
		ticket kitchen.Ticket
		baker  *baker
		err    error
	}
	results := make(chan result, 2*tickets)
	for range tickets {
		ticket := ticketOf(w.T, kitchen.Bake, kitchen.TicketMake)
		for _, b := range bakers {
			b.receive(ticket)
			go func() {
				<-gate
				err := b.Start(w.ctx(), ticket.TicketID)
				if err == nil {
					err = b.Done(w.ctx(), ticket.TicketID)
				}
				results <- result{ticket, b, err}
			}()
		}
	}
	close(gate)
	credited := map[string]string{}
	lost := map[string]error{}
	for range 2 * tickets {
		r := <-results
		if r.err == nil {
			require.Empty(w, credited[r.ticket.TicketID], "both got credit")
			credited[r.ticket.TicketID] = r.baker.config.Name
			continue
		}
		lost[r.ticket.TicketID] = r.err
	}
	require.Len(w, credited, tickets)
	for ticketID, err := range lost {
		var taken *TakenError
		require.ErrorAs(w, err, &taken)
		require.Equal(w, credited[ticketID], taken.By)
	}
}

func lastAckAfterCrash(w *world) {
	ticket := w.issue(kitchen.Mix, 1)[0]
	bob := w.open(kitchen.Mix, "bob")
	bob.await(Offered, ticket)
	require.NoError(w, bob.Start(w.ctx(), ticket.TicketID))
	require.NoError(w, bob.Done(w.ctx(), ticket.TicketID))
	bob.stop()
	before := w.acks(ticket)
	require.Len(w, before, 2)
	place := w.committed(kitchen.Mix)
	w.rewind(kitchen.Mix)

	eve := w.open(kitchen.Mix, "eve")
	require.Eventually(w, func() bool { return w.committed(kitchen.Mix) == place }, patience, 20*time.Millisecond)
	require.Len(w, w.acks(ticket), 2, "its order has the end")
	_, offered := eve.item(ticket)
	require.False(w, offered)

	w.reissue(ticket)
	require.Eventually(w, func() bool { return w.committed(kitchen.Mix) == place+1 }, patience, 20*time.Millisecond)
	after := w.acks(ticket)
	require.Len(w, after, 3)
	require.JSONEq(w, string(before[1]), string(after[2]), "unchanged")
	_, offered = eve.item(ticket)
	require.False(w, offered)
}

func inHandElsewhere(w *world) {
	ticket := w.issue(kitchen.Bake, 1)[0]
	started := typed(ticket, kitchen.AckStarted, "eve")
	started.Attempt = ticket.Attempt
	require.NoError(w, w.writer.PublishAck(w.ctx(), started))
	bob := w.open(kitchen.Bake, "bob")
	require.Equal(w, "eve", bob.await(StartedElsewhere, ticket).Item.By)
	requireTaken(w.T, bob.Start(w.ctx(), ticket.TicketID), "eve", kitchen.AckStarted)
	require.Equal(w, []kitchen.AckKind{kitchen.AckStarted}, w.kinds(ticket), "no ack was published")
	bob.awaitAttempt(w.reissue(ticket))
	requireTaken(w.T, bob.Start(w.ctx(), ticket.TicketID), "eve", kitchen.AckStarted)
	require.NoError(w, bob.TakeOver(w.ctx(), ticket.TicketID))
	require.NoError(w, bob.Done(w.ctx(), ticket.TicketID))
	require.Equal(w, []kitchen.AckKind{kitchen.AckStarted, kitchen.AckStarted, kitchen.AckDone}, w.kinds(ticket))
	var taken kitchen.Ack
	require.NoError(w, json.Unmarshal(w.acks(ticket)[1], &taken))
	require.True(w, taken.TakeOver)
	require.Equal(w, "eve", taken.From)
}

func putBack(w *world) {
	bob := w.open(kitchen.Bake, "bob")
	ticket := w.issue(kitchen.Bake, 1)[0]
	bob.await(Offered, ticket)
	require.NoError(w, bob.Start(w.ctx(), ticket.TicketID))
	require.NoError(w, bob.Release(w.ctx(), ticket.TicketID))
	require.True(w, bob.await(PutBack, ticket).Mine)
	item, _ := bob.item(ticket)
	require.Equal(w, Waiting, item.State)
	w.typeAck(ticket, kitchen.AckStarted, "eve")
	bob.await(StartedElsewhere, ticket)
	w.typeAck(ticket, kitchen.AckReleased, "eve")
	require.Equal(w, "eve", bob.await(PutBack, ticket).Ack.By)
	require.NoError(w, bob.Start(w.ctx(), ticket.TicketID))
	require.NoError(w, bob.Done(w.ctx(), ticket.TicketID))
	require.Equal(w, []kitchen.AckKind{
		kitchen.AckStarted, kitchen.AckReleased, kitchen.AckStarted, kitchen.AckReleased, kitchen.AckStarted, kitchen.AckDone,
	}, w.kinds(ticket))
}

// issueQuick publishes a ticket that has to be renewed soon.
func (w *world) issueQuick(stage kitchen.Stage, within time.Duration) kitchen.Ticket {
	w.Helper()
	ticket := ticketOf(w.T, stage, kitchen.TicketMake)
	ticket.AckBy = ticket.IssuedAt.Add(within)
	require.NoError(w, w.writer.PublishTicket(w.ctx(), ticket))
	return ticket
}

func renewal(w *world) {
	bob := w.open(kitchen.Mix, "bob")
	ticket := w.issueQuick(kitchen.Mix, 300*time.Millisecond)
	bob.await(Offered, ticket)
	require.NoError(w, bob.Start(w.ctx(), ticket.TicketID))
	startedAt := bob.await(Started, ticket).Item.StartedAt
	require.Eventually(w, func() bool { return len(w.acks(ticket)) >= 3 }, patience, 20*time.Millisecond)
	require.NoError(w, bob.Done(w.ctx(), ticket.TicketID))
	acks := w.acks(ticket)
	for i, value := range acks {
		ack, err := kitchen.ParseAck(value, time.Now())
		require.NoError(w, err)
		if i == len(acks)-1 {
			require.Equal(w, kitchen.AckDone, ack.Kind)
		} else {
			require.Equal(w, kitchen.AckStarted, ack.Kind)
		}
		if i > 0 {
			require.True(w, ack.StartedAt.Equal(startedAt))
		}
	}
}

// plainStations are stations of other makers, which say started, failed and done,
// name no attempt and renew nothing.
func plainStations(w *world) {
	bob := w.open(kitchen.Decorate, "bob")
	ticket := w.issueQuick(kitchen.Decorate, 300*time.Millisecond)
	bob.await(Offered, ticket)
	w.typeAck(ticket, kitchen.AckStarted, "kcat")
	require.Equal(w, "kcat", bob.await(StartedElsewhere, ticket).Item.By)
	ticket = w.reissue(ticket)
	bob.awaitAttempt(ticket)
	require.True(w, bob.await(OwnerSilent, ticket).Item.Silent)
	item, _ := bob.item(ticket)
	require.Equal(w, "kcat", item.By, "nobody has taken it over")
	w.typeAck(ticket, kitchen.AckFailed, "kcat")
	require.Equal(w, "kcat", bob.await(Answered, ticket).Ack.By)
	ticket = w.reissue(ticket)
	bob.await(Offered, ticket)
	w.typeAck(ticket, kitchen.AckStarted, "kcat")
	w.typeAck(ticket, kitchen.AckDone, "kcat")
	require.Equal(w, kitchen.AckDone, bob.await(Answered, ticket).Ack.Kind)
	_, here := bob.item(ticket)
	require.False(w, here)
}

func silence(w *world) {
	w.datedByBroker(events.TopicAcks)
	bob := w.open(kitchen.Package, "bob")
	ticket := w.issueQuick(kitchen.Package, 300*time.Millisecond)
	bob.await(Offered, ticket)
	w.typeAck(ticket, kitchen.AckStarted, "eve")
	bob.await(StartedElsewhere, ticket)
	bob.await(OwnerSilent, ticket)
	w.typeAck(ticket, kitchen.AckStarted, "mia")
	require.Equal(w, "mia", bob.await(StartedElsewhere, ticket).Item.By)
	w.typeAck(ticket, kitchen.AckFailed, "eve") // she does not have it any more
	w.typeAck(ticket, kitchen.AckDone, "mia")
	require.Equal(w, kitchen.AckDone, bob.await(Answered, ticket).Ack.Kind)
}

func restartWithWorkInHand(w *world) {
	ticket := w.issue(kitchen.Decorate, 1)[0]
	before := w.open(kitchen.Decorate, "bob")
	before.await(Offered, ticket)
	require.NoError(w, before.Start(w.ctx(), ticket.TicketID))
	startedAt := before.await(Started, ticket).Item.StartedAt
	before.stop()
	require.Empty(w, w.kinds(ticket)[1:], "a stop publishes nothing about work in hand")

	now := w.open(kitchen.Decorate, "bob")
	elsewhere := now.await(StartedElsewhere, ticket)
	require.True(w, elsewhere.Item.StartedAt.Equal(startedAt))
	require.NoError(w, now.Start(w.ctx(), ticket.TicketID))
	require.NoError(w, now.Done(w.ctx(), ticket.TicketID))
}

func rebalance(w *world) {
	const tickets = 24
	bob := w.open(kitchen.Package, "bob")
	issued := w.issue(kitchen.Package, tickets)
	for i, ticket := range issued {
		bob.await(Offered, ticket)
		if i%2 == 0 {
			require.NoError(w, bob.Start(w.ctx(), ticket.TicketID))
		}
	}
	eve := w.open(kitchen.Package, "eve")
	require.Eventually(w, func() bool { return len(eve.Tickets()) > 0 }, patience, 10*time.Millisecond)
	moved := 0
	for i, ticket := range issued {
		if i%2 == 0 {
			item, ok := bob.item(ticket)
			require.True(w, ok)
			require.Equal(w, InHand, item.State, "what is in hand stays")
			continue
		}
		// What waited is at one of the two, and may still move until it is started.
		var starter *baker
		require.Eventually(w, func() bool {
			for _, who := range []*baker{eve, bob} {
				if err := who.Start(w.ctx(), ticket.TicketID); err == nil {
					starter = who
					return true
				} else if !errors.Is(err, ErrNotHere) {
					require.NoError(w, err)
				}
			}
			return false
		}, patience, 10*time.Millisecond)
		require.NoError(w, starter.Done(w.ctx(), ticket.TicketID))
		if starter == eve {
			moved++
		}
	}
	require.NotZero(w, moved)
	require.NotEqual(w, tickets/2, moved)
	known := 0
	for i := 0; i < tickets; i += 2 {
		if item, there := eve.item(issued[i]); there {
			known++
			require.Equal(w, Elsewhere, item.State)
			require.Equal(w, "bob", item.By)
		}
		require.NoError(w, bob.Done(w.ctx(), issued[i].TicketID))
		require.Equal(w, []kitchen.AckKind{kitchen.AckStarted, kitchen.AckDone}, w.kinds(issued[i]))
	}
	require.NotZero(w, known)
	require.Eventually(w, func() bool { return len(eve.Tickets())+len(bob.Tickets()) == 0 }, patience, 10*time.Millisecond)
}

func reissueReplaces(w *world) {
	bob := w.open(kitchen.Bake, "bob")
	ticket := w.issue(kitchen.Bake, 1)[0]
	number := bob.await(Offered, ticket).Item.Number
	place := w.committed(kitchen.Bake)
	ticket = w.reissue(ticket)
	require.Equal(w, number, bob.awaitAttempt(ticket).Number)
	require.Eventually(w, func() bool { return w.committed(kitchen.Bake) == place+1 }, patience, 20*time.Millisecond,
		"the attempt that is over holds nothing back")

	require.NoError(w, bob.Start(w.ctx(), ticket.TicketID))
	ticket = w.reissue(ticket)
	require.Equal(w, InHand, bob.awaitAttempt(ticket).State)
	require.NoError(w, bob.Done(w.ctx(), ticket.TicketID))
	require.Equal(w, []kitchen.AckKind{kitchen.AckStarted, kitchen.AckDone}, w.kinds(ticket))
	require.Equal(w, 3, w.answer(ticket).Attempt)
}

func acksByHand(w *world) {
	bob := w.open(kitchen.Mix, "bob")
	tickets := w.issue(kitchen.Mix, 3)
	for _, ticket := range tickets {
		bob.await(Offered, ticket)
	}
	w.typeAck(tickets[0], kitchen.AckDone, "eve")
	answered := bob.await(Answered, tickets[0])
	require.Equal(w, "eve", answered.Ack.By)
	require.False(w, answered.Mine)

	w.typeAck(tickets[1], kitchen.AckFailed, "eve")
	bob.await(Answered, tickets[1])
	reissued := w.reissue(tickets[1])
	require.Equal(w, "eve", bob.await(Offered, reissued).Item.LastFailure.By)

	require.NoError(w, bob.Start(w.ctx(), tickets[2].TicketID))
	w.produce(&kgo.Record{Topic: events.TopicAcks, Key: []byte(tickets[2].OrderID), Value: []byte("burnt, sorry")})
	w.typeAck(tickets[2], kitchen.AckDone, "eve")
	require.Equal(w, InHand, bob.await(Answered, tickets[2]).Was)
	require.ErrorIs(w, bob.Done(w.ctx(), tickets[2].TicketID), ErrNotHere)
}

func failedComesBack(w *world) {
	bob := w.open(kitchen.Decorate, "bob")
	ticket := w.issue(kitchen.Decorate, 1)[0]
	bob.await(Offered, ticket)
	require.NoError(w, bob.Start(w.ctx(), ticket.TicketID))
	require.NoError(w, bob.Fail(w.ctx(), ticket.TicketID, "dropped", "the whole tray", 15))
	bob.await(Answered, ticket)
	ticket = w.reissue(ticket)
	offered := bob.await(Offered, ticket)
	require.Equal(w, "the whole tray", offered.Item.LastFailure.Note)
	require.NoError(w, bob.Start(w.ctx(), ticket.TicketID))
	require.NoError(w, bob.Done(w.ctx(), ticket.TicketID))
	var failed kitchen.Ack
	require.NoError(w, json.Unmarshal(w.acks(ticket)[1], &failed))
	require.Equal(w, "dropped", failed.Reason)
	require.Equal(w, 15, failed.Scrapped)
	require.NotNil(w, failed.StartedAt)
}

func poisonTicket(w *world) {
	bob := w.open(kitchen.Package, "bob")
	place := w.committed(kitchen.Package)
	good := ticketOf(w.T, kitchen.Package, kitchen.TicketMake)
	elsewhere := ticketOf(w.T, kitchen.Bake, kitchen.TicketMake)
	misplaced, err := json.Marshal(elsewhere)
	require.NoError(w, err)
	another, err := json.Marshal(ticketOf(w.T, kitchen.Package, kitchen.TicketMake))
	require.NoError(w, err)
	key := []byte(good.OrderID) // one partition, so that the good one comes last
	for _, value := range [][]byte{[]byte("not a ticket"), misplaced, nil, another} {
		w.produce(&kgo.Record{Topic: events.TicketTopic(kitchen.Package), Key: key, Value: value})
	}
	require.NoError(w, w.writer.PublishTicket(w.ctx(), good))
	bob.await(Offered, good)
	require.NoError(w, bob.Start(w.ctx(), good.TicketID))
	require.NoError(w, bob.Done(w.ctx(), good.TicketID))
	require.Eventually(w, func() bool { return w.committed(kitchen.Package) == place+5 }, patience, 20*time.Millisecond)

	ctx, cancel := context.WithCancel(w.ctx())
	defer cancel()
	var reasons []string
	require.NoError(w, events.Tail(ctx, events.TailConfig{
		Connection: w.connection, Topics: []string{events.TopicDeadLetters}, Logger: quiet, CaughtUp: cancel,
		Handle: func(m events.Message) {
			if bytes.Equal(m.Key, key) {
				reason, _ := m.Header(events.HeaderDeadReason)
				reasons = append(reasons, reason)
			}
		},
	}))
	require.Len(w, reasons, 4)
	require.Contains(w, reasons[1], "bake")
	require.Contains(w, reasons[3], "the key is not the order's id")
	require.NotContains(w, bob.log(), elsewhere.OrderID, "an order's id is nobody's business here")
}

func outage(w *world) {
	bob := w.open(kitchen.Bake, "bob")
	ticket := w.issue(kitchen.Bake, 1)[0]
	bob.await(Offered, ticket)
	require.NoError(w, bob.Start(w.ctx(), ticket.TicketID))
	w.broker.Down(w.T)
	result := make(chan error, 1)
	go func() { result <- bob.Done(context.Background(), ticket.TicketID) }()
	unsent := bob.await(Unsent, ticket)
	var away *events.UnavailableError
	require.ErrorAs(w, unsent.Err, &away)
	item, ok := bob.item(ticket)
	require.True(w, ok)
	require.Equal(w, InHand, item.State)
	w.broker.Up(w.T)
	select {
	case err := <-result:
		require.NoError(w, err)
	case <-time.After(patience):
		require.FailNow(w, "the answer was not sent", bob.log())
	}
	next := w.issue(kitchen.Bake, 1)[0]
	bob.await(Offered, next)
	require.NoError(w, bob.Start(w.ctx(), next.TicketID))
	require.NoError(w, bob.Done(w.ctx(), next.TicketID))
}

func robotWorks(w *world) {
	station := w.open(kitchen.Decorate, "arms")
	draws := 0
	robot := &Robot{
		Station: station.Station, Parallel: 3, FailRate: 0.5,
		Reasons: []kitchen.Reason{{Code: "dropped", Then: kitchen.OutcomeRemake}},
		// Every third ticket fails; a failure draws a second number.
		Chance: func() float64 {
			draws++
			if draws%4 == 3 || draws%4 == 0 {
				return 0
			}
			return 0.9
		},
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- robot.Run(ctx) }()
	issued := w.issue(kitchen.Decorate, 8)
	undo := ticketOf(w.T, kitchen.Decorate, kitchen.TicketUndo)
	undo.Made = true
	require.NoError(w, w.writer.PublishTicket(w.ctx(), undo))
	failed := 0
	for _, ticket := range issued {
		answered := station.await(Answered, ticket)
		require.True(w, answered.Mine)
		if answered.Ack.Kind == kitchen.AckFailed {
			failed++
			require.Equal(w, "dropped", answered.Ack.Reason)
			require.Equal(w, 15, answered.Ack.Scrapped)
		}
	}
	require.NotZero(w, failed)
	require.Less(w, failed, len(issued))
	undone := station.await(Answered, undo)
	require.Equal(w, kitchen.AckUndone, undone.Ack.Kind)
	require.Equal(w, 15, undone.Ack.Scrapped)
	cancel()
	require.NoError(w, <-ended)
}

func robotStops(w *world) {
	station := w.open(kitchen.Package, "arms")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	robot := &Robot{Station: station.Station, WorkTime: 200 * time.Millisecond}
	ended := make(chan error, 1)
	go func() { ended <- robot.Run(ctx) }()
	issued := w.issue(kitchen.Package, 2)
	var first, second kitchen.Ticket
	started := make(chan kitchen.Ticket, 2)
	for _, ticket := range issued {
		go func() {
			station.await(Started, ticket)
			started <- ticket
		}()
	}
	first = <-started
	second = issued[0]
	if first.TicketID == second.TicketID {
		second = issued[1]
	}
	cancel()
	require.NoError(w, <-ended)
	require.Equal(w, []kitchen.AckKind{kitchen.AckStarted, kitchen.AckDone}, w.kinds(first))
	if len(w.kinds(second)) > 0 { // it was started before the stop arrived
		require.Equal(w, []kitchen.AckKind{kitchen.AckStarted, kitchen.AckDone}, w.kinds(second))
		<-started
		return
	}
	item, ok := station.item(second)
	require.True(w, ok)
	require.Equal(w, Waiting, item.State)
	require.NoError(w, station.Start(w.ctx(), second.TicketID))
	<-started
}

func withdrawnWaiting(w *world) {
	bob := w.open(kitchen.Bake, "bob")
	place := w.committed(kitchen.Bake)
	ticket := w.issue(kitchen.Bake, 1)[0]
	bob.await(Offered, ticket)
	undo := w.cancel(ticket, false)
	withdrawn := bob.await(Withdrawn, ticket)
	require.True(w, withdrawn.Cancelled)
	require.Zero(w, withdrawn.Undo)
	require.Eventually(w, func() bool { return w.committed(kitchen.Bake) == place+2 }, patience, 20*time.Millisecond)
	undone := w.answer(undo)
	require.Equal(w, kitchen.AckUndone, undone.Kind)
	require.Equal(w, "bob", undone.By)
	require.Zero(w, undone.Scrapped)
	require.Equal(w, "withdrawn: nobody had started it", undone.Note)
	require.Empty(w, w.acks(ticket))
	requireWithdrawn(w.T, bob.Start(w.ctx(), ticket.TicketID), 0)
}

func withdrawnInHand(w *world) {
	bob := w.open(kitchen.Decorate, "bob")
	ticket := w.issue(kitchen.Decorate, 1)[0]
	bob.await(Offered, ticket)
	require.NoError(w, bob.Start(w.ctx(), ticket.TicketID))
	undo := w.cancel(ticket, false)
	withdrawn := bob.await(Withdrawn, ticket)
	require.Equal(w, InHand, withdrawn.Was)
	offered := bob.await(Offered, undo).Item
	require.Equal(w, withdrawn.Undo, offered.Number)
	require.Equal(w, "bob", offered.WorkBy)
	requireWithdrawn(w.T, bob.Done(w.ctx(), ticket.TicketID), offered.Number)
	require.NoError(w, bob.Start(w.ctx(), undo.TicketID))
	require.NoError(w, bob.Done(w.ctx(), undo.TicketID))
	require.Equal(w, 15, w.answer(undo).Scrapped)
	require.Equal(w, []kitchen.AckKind{kitchen.AckStarted}, w.kinds(ticket))
}

func withdrawnDone(w *world) {
	ticket := w.issue(kitchen.Package, 1)[0]
	w.typeAck(ticket, kitchen.AckDone, "eve")
	undo := w.cancel(ticket, false)
	bob := w.open(kitchen.Package, "bob")
	offered := bob.await(Offered, undo).Item
	require.Equal(w, kitchen.TicketDone, offered.Work)
	require.Equal(w, "eve", offered.WorkBy)
	require.NoError(w, bob.Start(w.ctx(), undo.TicketID))
	require.NoError(w, bob.Done(w.ctx(), undo.TicketID))
	require.Equal(w, 15, w.answer(undo).Scrapped)
}

func undoMade(w *world) {
	bob := w.open(kitchen.Mix, "bob")
	undo := w.cancel(ticketOf(w.T, kitchen.Mix, kitchen.TicketMake), true)
	require.Equal(w, kitchen.TicketDone, bob.await(Offered, undo).Item.Work)
	require.NoError(w, bob.Start(w.ctx(), undo.TicketID))
	require.NoError(w, bob.Undone(w.ctx(), undo.TicketID, 3, "the rest went to staff"))
	require.Equal(w, 3, w.answer(undo).Scrapped)
}

func undoFirst(w *world) {
	bob := w.open(kitchen.Bake, "bob")
	place := w.committed(kitchen.Bake)
	ticket := ticketOf(w.T, kitchen.Bake, kitchen.TicketMake)
	undo := w.cancel(ticket, true)
	bob.await(Offered, undo)
	require.NoError(w, w.writer.PublishTicket(w.ctx(), ticket))
	require.NoError(w, bob.Start(w.ctx(), undo.TicketID))
	require.NoError(w, bob.Done(w.ctx(), undo.TicketID))
	require.NoError(w, w.writer.PublishTicket(w.ctx(), again(ticket)))
	require.Eventually(w, func() bool { return w.committed(kitchen.Bake) == place+3 }, patience, 20*time.Millisecond)
	require.Empty(w, w.acks(ticket))
	_, here := bob.item(ticket)
	require.False(w, here)
	requireWithdrawn(w.T, bob.Start(w.ctx(), ticket.TicketID), 0)

	// The same for a station that knows of it only from the log.
	eve := w.open(kitchen.Bake, "eve")
	eve.receive(again(again(ticket)))
	_, here = eve.item(ticket)
	require.False(w, here)
}

func withdrawnElsewhere(w *world) {
	const tickets = 24
	bob := w.open(kitchen.Package, "bob")
	issued := w.issue(kitchen.Package, tickets)
	for _, ticket := range issued {
		bob.await(Offered, ticket)
		require.NoError(w, bob.Start(w.ctx(), ticket.TicketID))
	}
	mia := w.open(kitchen.Package, "mia") // and with her half of the partitions
	require.Eventually(w, func() bool {
		for _, ticket := range issued {
			if _, there := mia.item(ticket); there {
				return true
			}
		}
		return false
	}, patience, 10*time.Millisecond)
	var moved kitchen.Ticket
	for _, ticket := range issued {
		if _, there := mia.item(ticket); there {
			moved = ticket
		}
	}
	undo := w.cancel(moved, false)
	mia.await(Withdrawn, moved)
	require.Equal(w, "bob", mia.await(Offered, undo).Item.WorkBy)
	item, here := bob.item(moved)
	require.True(w, here)
	require.Equal(w, InHand, item.State, "bob cannot know yet")
	require.NoError(w, mia.Start(w.ctx(), undo.TicketID))
	withdrawn := bob.await(Withdrawn, moved)
	require.Equal(w, InHand, withdrawn.Was)
	require.Equal(w, "mia", withdrawn.Ack.By)
	requireWithdrawn(w.T, bob.Done(w.ctx(), moved.TicketID), 0)
	require.NoError(w, mia.Done(w.ctx(), undo.TicketID))
	require.Equal(w, 15, w.answer(undo).Scrapped)
	for _, ticket := range issued {
		if ticket.TicketID != moved.TicketID {
			require.NoError(w, bob.Done(w.ctx(), ticket.TicketID))
		}
	}
}

func undoRepeated(w *world) {
	bob := w.open(kitchen.Mix, "bob")
	undo := w.cancel(ticketOf(w.T, kitchen.Mix, kitchen.TicketMake), true)
	bob.await(Offered, undo)
	require.NoError(w, bob.Start(w.ctx(), undo.TicketID))
	require.NoError(w, bob.Undone(w.ctx(), undo.TicketID, 4, "eaten"))
	bob.stop()
	eve := w.open(kitchen.Mix, "eve")
	w.reissue(undo)
	// The first delivery comes again as well if bob stopped before its commit.
	require.Eventually(w, func() bool { return len(w.acks(undo)) >= 3 }, patience, 20*time.Millisecond)
	acks := w.acks(undo)
	for _, again := range acks[2:] {
		require.JSONEq(w, string(acks[1]), string(again), "unchanged")
	}
	_, offered := eve.item(undo)
	require.False(w, offered)
}

func undoFails(w *world) {
	bob := w.open(kitchen.Decorate, "bob")
	undo := w.cancel(ticketOf(w.T, kitchen.Decorate, kitchen.TicketMake), true)
	bob.await(Offered, undo)
	require.NoError(w, bob.Start(w.ctx(), undo.TicketID))
	require.NoError(w, bob.Fail(w.ctx(), undo.TicketID, "other", "sold to somebody else", 0))
	failed := w.answer(undo)
	require.Equal(w, kitchen.AckFailed, failed.Kind)
	require.Equal(w, "sold to somebody else", failed.Note)
	undo = w.reissue(undo)
	require.Equal(w, "other", bob.await(Offered, undo).Item.LastFailure.Reason)
	require.NoError(w, bob.Start(w.ctx(), undo.TicketID))
	require.NoError(w, bob.Done(w.ctx(), undo.TicketID))
}

func robotWithdrawn(w *world) {
	station := w.open(kitchen.Package, "claws")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	// Its work would take longer than the test waits.
	go func() { ended <- (&Robot{Station: station.Station, WorkTime: 2 * patience}).Run(ctx) }()
	ticket := w.issue(kitchen.Package, 1)[0]
	station.await(Started, ticket)
	undo := w.cancel(ticket, false)
	require.Equal(w, InHand, station.await(Withdrawn, ticket).Was)
	station.await(Started, undo)
	require.NoError(w, station.Done(w.ctx(), undo.TicketID))
	cancel()
	require.NoError(w, <-ended)
	require.Equal(w, 15, w.answer(undo).Scrapped)
	require.NotContains(w, station.log(), "did not count")
}
