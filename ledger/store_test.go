package ledger

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

func TestAnOrdersLifeIsKept(t *testing.T) {
	t.Parallel()
	store, log := newStore(t), newTestLog()
	o := log.order(1, kitchen.Line{Flavour: "lemon", Size: "M", Quantity: 6, Message: "Happy 40th"}, kitchen.Line{Flavour: "vanilla", Size: "L", Quantity: 3})
	o.make(1, kitchen.Mix)
	bake := o.ref(kitchen.Bake, 1)
	o.issue(bake, 1)
	o.tell(nil)
	o.say(bake, kitchen.AckStarted, "bob")
	o.say(bake, kitchen.AckFailed, "bob", func(a *kitchen.Ack) { a.Reason, a.Scrapped, a.Attempt, a.Note = "burnt", 4, 1, "oven 2, tell Ada" })
	o.issue(bake, 2)
	o.say(bake, kitchen.AckStarted, "eve")
	o.say(bake, kitchen.AckReleased, "eve")
	o.say(bake, kitchen.AckStarted, "bob")
	o.say(bake, kitchen.AckDone, "bob")
	o.make(1, kitchen.Decorate, kitchen.Package)
	o.ship()
	log.flag(kitchen.FlagCollected, o.id, "pia")

	added, err := store.Add(t.Context(), log.messages)
	require.NoError(t, err)
	assert.Equal(t, len(log.messages), added.Facts)
	assert.Equal(t, 1, added.Orders)

	assert.Equal(t, "shipped K001 9 3150 EUR t pia", query[string](t, store,
		"SELECT concat_ws(' ', state, pickup_code, pieces, total, currency, complete, collected_by) FROM orders"))
	assert.Equal(t, "lemon M 6 350, vanilla L 3 350", query[string](t, store,
		"SELECT string_agg(concat_ws(' ', flavour, size, quantity, unit_price), ', ' ORDER BY line) FROM order_lines"))
	assert.Equal(t, "bake.1 done bob 2 1 4 f, decorate.1 done mia 1 0 0 f, mix.1 done mia 1 0 0 f, package.1 done mia 1 0 0 f", query[string](t, store,
		"SELECT string_agg(concat_ws(' ', ticket, state, worker, attempts, failures, scrapped, is_open), ', ' ORDER BY ticket) FROM tickets"))
	assert.Equal(t, "1 bob failed, 2 eve released, 3 bob done", query[string](t, store,
		"SELECT string_agg(concat_ws(' ', hold, worker, ended), ', ' ORDER BY hold) FROM holds WHERE ticket = 'bake.1'"))
	assert.Equal(t, "bake.1 1 burnt 4 bob", query[string](t, store, "SELECT concat_ws(' ', ticket, failure, reason, scrapped, worker) FROM failures"))
	assert.Equal(t, "lemon 3, vanilla 1", query[string](t, store, "SELECT string_agg(concat_ws(' ', flavour, pieces), ', ' ORDER BY line) FROM waste"),
		"a failure does not tell which pieces are lost: each line has its share")
	assert.Equal(t, o.id+" Ada Lovelace; ring the bell; nuts; 1\tHappy 40th", query[string](t, store,
		"SELECT order_id || ' ' || concat_ws('; ', customer, notes, allergies, messages) FROM personal"))
	assert.Contains(t, query[string](t, store, "SELECT remarks::text FROM personal"), "oven 2, tell Ada")

	added, err = store.Add(t.Context(), log.messages)
	require.NoError(t, err)
	assert.Equal(t, Added{Skipped: len(log.messages), RejectKinds: map[string]int{}}, added, "nothing is written twice")
}

func TestFactsHaveNothingPersonal(t *testing.T) {
	t.Parallel()
	store, log := newStore(t), newTestLog()
	o := log.order(1, kitchen.Line{Flavour: "lemon", Size: "M", Quantity: 6, Message: "Happy 40th"})
	o.make(1, kitchen.Stages()...)
	o.say(o.ref(kitchen.Mix, 1).Undo(), kitchen.AckUndone, "bob", func(a *kitchen.Ack) { a.Note = "tell Ada" })
	asked := kitchen.Attention{Reason: "it is Ada's", Stage: kitchen.Mix, Pass: 1, Since: log.now, Cause: kitchen.CauseFailed}
	o.tell(func(s *kitchen.LoggedStatus) {
		s.Attention = &asked
		s.Stages = []kitchen.StageStatus{{Stage: kitchen.Mix, Pass: 1, Note: "Ada's", Undo: &kitchen.UndoStatus{Left: "for Ada"}}}
	})
	log.put(events.TopicFailures, o.id, kitchen.Failed{
		OrderID: o.id, PickupCode: "K001", Customer: kitchen.Customer{Name: "Ada"}, Lines: o.lines, State: kitchen.StateCancelled, Reason: "Ada is ill", At: log.now,
		NotUndone: []kitchen.Leftover{{Stage: kitchen.Mix, Pass: 1, Reason: "Ada has it"}},
	})
	o.ship()
	_, err := store.Add(t.Context(), log.messages)
	require.NoError(t, err)
	others := query[string](t, store, `SELECT string_agg(t::text, ' ') FROM (
		SELECT f::text AS t FROM facts f UNION ALL SELECT o::text FROM orders o UNION ALL SELECT l::text FROM order_lines l UNION ALL SELECT x::text FROM tickets x
		UNION ALL SELECT q::text FROM questions q UNION ALL SELECT u::text FROM undone u UNION ALL SELECT w::text FROM waste w UNION ALL SELECT h::text FROM holds h
		UNION ALL SELECT r::text FROM rejects r) all_rows`)
	for _, text := range []string{"Ada", "Lovelace", "bell", "nuts", "40th", o.id} {
		assert.NotContains(t, others, text)
	}
	assert.Contains(t, query[string](t, store, "SELECT p::text FROM personal p"), "Ada is ill")

	log.flag(kitchen.FlagErased, kitchen.OrderKey(o.id), "max")
	o.issue(o.ref(kitchen.Package, 2), 1)
	_, err = store.Add(t.Context(), log.messages)
	require.NoError(t, err)
	assert.Zero(t, query[int](t, store, "SELECT count(*)::int FROM personal"), "what comes later is not kept either")
	assert.Equal(t, 1, query[int](t, store, "SELECT count(*)::int FROM orders"), "the figures stay")
}

func TestWhatCountsForNothingIsKeptOutAndShown(t *testing.T) {
	t.Parallel()
	store, log := newStore(t), newTestLog()
	o := log.order(1)
	log.append(events.TopicAcks, o.id, []byte("burnt"))
	log.append(events.TopicStatus, o.id, []byte("{}"))
	log.append(events.TicketTopic(kitchen.Mix), o.id, []byte("{}"), events.Header{Key: "ce_type", Value: []byte("cupcakery.ticket.v2")})
	o.tell(func(s *kitchen.LoggedStatus) { s.Version = log.now.Add(48 * time.Hour).UnixMilli() })
	log.append(events.TopicShip, "another key", []byte(`{"orderId":"`+o.id+`"}`))
	log.append(events.TopicKitchenState, "weather/sunny", []byte("{}"))
	log.append(events.TopicKitchenState, "collected/nobody", nil)
	stranger := log.order(2)
	stranger.say(stranger.ref(kitchen.Mix, 1), kitchen.AckDone, "a stranger")
	added, err := store.Add(t.Context(), log.messages)
	require.NoError(t, err)
	assert.Equal(t, map[string]int{rejectPoison: 2, rejectUnknown: 1, rejectFuture: 1, rejectMisplaced: 1}, added.RejectKinds)
	assert.Equal(t, 1, added.Facts, "what a stranger says of an order that may come is kept")
	assert.Zero(t, query[int](t, store, "SELECT count(*)::int FROM orders"), "but is no order")
	assert.Equal(t, 5, query[int](t, store, "SELECT count(*)::int FROM rejects"))

	stranger.make(1, kitchen.Mix)
	_, err = store.Add(t.Context(), log.messages)
	require.NoError(t, err)
	assert.Equal(t, "a stranger", query[string](t, store, "SELECT worker FROM tickets WHERE ticket = 'mix.1'"), "it counts once there is one, as on the boards")
}

func TestOfTwoThatHaveAPartitionOneWritesIt(t *testing.T) {
	t.Parallel()
	first, log := newStore(t), newTestLog()
	second := openStore(t, first.config)
	o := log.order(1)
	o.make(1, kitchen.Mix)
	at := func(store *Store, topic string) int64 {
		position, err := store.Position(t.Context(), topic, log.topicID(topic), 0)
		require.NoError(t, err)
		require.Equal(t, position.Next > 0, position.Known)
		return position.Next
	}
	for _, topic := range Topics() {
		require.Zero(t, at(first, topic))
	}
	_, err := first.Add(t.Context(), log.messages[:2])
	require.NoError(t, err)
	assert.Equal(t, int64(1), at(second, events.TicketTopic(kitchen.Mix)))
	o.issue(o.ref(kitchen.Mix, 1), 2)
	_, err = first.Add(t.Context(), log.messages)
	var fenced *FencedError
	require.ErrorAs(t, err, &fenced)
	assert.Equal(t, events.TicketTopic(kitchen.Mix), fenced.Topic)
	assert.Equal(t, 2, query[int](t, first, "SELECT count(*)::int FROM facts"), "and nothing of the batch is written")
	_, err = second.Add(t.Context(), log.messages[len(log.messages)-1:])
	require.NoError(t, err)
	_, err = first.Add(t.Context(), log.messages[2:4])
	require.NoError(t, err, "the other partitions are still its own")
	assert.Equal(t, 2, query[int](t, first, "SELECT attempts FROM tickets"))
}

func TestWhatAManagerWasAskedAndHasDecided(t *testing.T) {
	t.Parallel()
	store, log := newStore(t), newTestLog()
	o := log.order(1)
	o.make(1, kitchen.Mix)
	asked := kitchen.Attention{Reason: "burnt again", Stage: kitchen.Bake, Pass: 1, Since: log.now, Cause: kitchen.CauseFailed, By: "bob", ReasonCode: "burnt"}
	o.tell(func(s *kitchen.LoggedStatus) { s.State, s.Attention = kitchen.StateNeedsAttention, &asked })
	log.now = log.now.Add(10 * time.Minute)
	o.tell(func(s *kitchen.LoggedStatus) {
		s.State, s.Attention = kitchen.StateCancelling, nil
		s.Decisions, s.CancelledBy = []kitchen.Decision{asked.Decide(kitchen.ChoiceCancel, "max", log.now)}, "max"
		s.Stages = []kitchen.StageStatus{{Stage: kitchen.Mix, Pass: 1, Undo: &kitchen.UndoStatus{State: kitchen.TicketUndone, By: "mia", Scrapped: 6, UndoneAt: &log.now}}}
	})
	at := log.now
	o.tell(func(s *kitchen.LoggedStatus) { s.State, s.CancelledAt = kitchen.StateCancelled, &at })
	_, err := store.Add(t.Context(), log.messages)
	require.NoError(t, err)
	assert.Equal(t, "bake 1 failed bob burnt cancel max 601", query[string](t, store,
		"SELECT concat_ws(' ', stage, pass, cause, worker, reason, choice, decided_by, extract(epoch FROM closed_at - asked_at)::int) FROM questions"))
	assert.Equal(t, "cancelled max", query[string](t, store, "SELECT concat_ws(' ', state, cancelled_by) FROM orders"))
	assert.Equal(t, "mix 1 undone mia 6 f", query[string](t, store, "SELECT concat_ws(' ', stage, pass, state, worker, scrapped, is_left) FROM undone"))
}

// claims holds the first transaction open until two partitions were claimed.
type claims struct {
	armed, held atomic.Bool
	made        atomic.Int32
	two         chan struct{}
}

type statement struct{}

func (c *claims) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if c.armed.Load() && strings.EqualFold(data.SQL, "commit") && c.held.CompareAndSwap(false, true) {
		<-c.two
	}
	return context.WithValue(ctx, statement{}, data.SQL)
}

func (c *claims) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	if sql, _ := ctx.Value(statement{}).(string); strings.Contains(sql, "INSERT INTO positions") && c.made.Add(1) == 2 {
		close(c.two)
	}
}

// A member of a group begins with all its partitions at once, also of a topic that the
// ledger has not seen.
func TestPartitionsOfANewTopicAreClaimedAtTheSameTime(t *testing.T) {
	t.Parallel()
	both := &claims{two: make(chan struct{})}
	store := openStore(t, Config{Database: newDatabase(t), tracer: both})
	both.armed.Store(true)
	var claiming errgroup.Group
	for partition := range 2 {
		claiming.Go(func() error {
			_, err := store.Position(t.Context(), events.TopicAcks, [16]byte{1}, partition)
			return err
		})
	}
	require.NoError(t, claiming.Wait())
}
