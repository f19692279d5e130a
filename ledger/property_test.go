package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// crash makes a store fail before one of its statements, as a process that is killed
// there would: its transaction ends with it.
type crash struct{ in atomic.Int64 }

var errCrash = errors.New("killed")

func (c *crash) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return c.count(ctx)
}
func (*crash) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (c *crash) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceCopyFromStartData) context.Context {
	return c.count(ctx)
}
func (*crash) TraceCopyFromEnd(context.Context, *pgx.Conn, pgx.TraceCopyFromEndData) {}
func (c *crash) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return c.count(ctx)
}
func (*crash) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (*crash) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

func (c *crash) count(ctx context.Context) context.Context {
	if c.in.Add(-1) != 0 {
		return ctx
	}
	ctx, cancel := context.WithCancelCause(ctx)
	cancel(errCrash)
	return ctx
}

// writeLives writes what may happen to some orders, in any order to each other.
func writeLives(t *rapid.T, log *testLog) {
	people := rapid.SampledFrom([]string{"mia", "bob", "eve"})
	orders := make([]*testOrder, rapid.IntRange(1, 4).Draw(t, "orders"))
	for i := range orders {
		orders[i] = log.order(i, kitchen.Line{Flavour: "lemon", Size: "M", Quantity: rapid.IntRange(1, 9).Draw(t, "lemon")}, kitchen.Line{Flavour: "vanilla", Size: "S", Quantity: 5})
	}
	passes := make([]int, len(orders))
	attempts := make(map[string]int)
	for range rapid.IntRange(1, 60).Draw(t, "events") {
		i := rapid.IntRange(0, len(orders)-1).Draw(t, "order")
		o := orders[i]
		ref := o.ref(rapid.SampledFrom(kitchen.Stages()).Draw(t, "stage"), passes[i]+1)
		if rapid.IntRange(0, 5).Draw(t, "undo") == 0 {
			ref = ref.Undo()
		}
		attempt := func(a *kitchen.Ack) { a.Attempt = rapid.IntRange(0, 3).Draw(t, "attempt") }
		switch rapid.IntRange(0, 15).Draw(t, "what") {
		case 0, 1, 2:
			attempts[ref.TicketID()]++
			o.issue(ref, attempts[ref.TicketID()])
		case 3, 4, 5:
			o.say(ref, kitchen.AckStarted, people.Draw(t, "by"), attempt)
		case 6, 7:
			kind := kitchen.AckDone
			if ref.Kind == kitchen.TicketUndo {
				kind = kitchen.AckUndone
			}
			o.say(ref, kind, people.Draw(t, "by"), attempt, func(a *kitchen.Ack) { a.Scrapped = rapid.IntRange(0, 20).Draw(t, "scrapped") })
		case 8:
			o.say(ref, kitchen.AckFailed, people.Draw(t, "by"), attempt, func(a *kitchen.Ack) {
				a.Reason, a.Note, a.Scrapped = "burnt", rapid.SampledFrom([]string{"", "oven 2", "oven 3"}).Draw(t, "note"), rapid.IntRange(0, 20).Draw(t, "scrapped")
				if rapid.Bool().Draw(t, "same time") {
					a.At = time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)
				}
			})
		case 9:
			o.say(ref, kitchen.AckReleased, people.Draw(t, "by"))
		case 10:
			offset := int64(rapid.IntRange(0, 20).Draw(t, "refused"))
			o.say(ref, kitchen.AckRefused, "worker", func(a *kitchen.Ack) { a.Offset = &offset })
		case 11:
			o.tell(func(s *kitchen.LoggedStatus) {
				s.Attention = nil
				if rapid.Bool().Draw(t, "asked") {
					s.State, s.Attention = kitchen.StateNeedsAttention, &kitchen.Attention{Reason: "burnt", Stage: ref.Stage, Pass: ref.Pass, Since: log.now, Cause: kitchen.CauseFailed}
				}
			})
		case 12:
			passes[i]++
			o.tell(func(s *kitchen.LoggedStatus) { s.Remakes++ })
		case 13:
			o.ship()
		case 14:
			switch rapid.IntRange(0, 3).Draw(t, "flag") {
			case 0:
				log.flag(kitchen.FlagErased, kitchen.OrderKey(o.id), "max")
			case 1:
				var headers []events.Header
				if rapid.Bool().Draw(t, "to forget") {
					headers = []events.Header{{Key: "ce_source", Value: []byte(events.SourceErase)}}
				}
				log.append(events.TopicKitchenState, "collected/"+o.id, nil, headers...)
			default:
				log.flag(kitchen.FlagCollected, o.id, people.Draw(t, "by"))
			}
		case 15:
			log.append(events.TopicAcks, o.id, []byte("nonsense"))
		}
		if rapid.IntRange(0, 9).Draw(t, "pause") == 0 {
			log.now = log.now.Add(rapid.SampledFrom([]time.Duration{time.Minute, 45 * time.Minute, 50 * time.Hour}).Draw(t, "for"))
		}
		if rapid.IntRange(0, 9).Draw(t, "twice") == 0 {
			last := log.messages[len(log.messages)-1]
			log.append(last.Topic, string(last.Key), last.Value, last.Headers...)
		}
	}
}

// Any interleaving of the partitions, any batches, messages that are delivered again,
// processes that take partitions from each other, any point at which one is killed and a
// ledger that is made anew under them give the same tables as one fold in order.
func TestTheLedgerIsTheSameHoweverItIsRead(t *testing.T) {
	t.Parallel()
	url := newDatabase(t)
	dying := &crash{}
	stores := []*Store{openStore(t, Config{Database: url, tracer: dying}), openStore(t, Config{Database: url})}
	reference := newStore(t)
	rapid.Check(t, func(rt *rapid.T) {
		dying.in.Store(-1)
		empty(t, stores[0])
		empty(t, reference)
		for _, store := range append(slices.Clone(stores), reference) {
			clear(store.nexts) // it has written nothing there yet
		}
		log := newTestLog()
		log.partition = func(key string) int { return int(key[len(key)-1]) % 2 }
		writeLives(rt, log)
		_, err := reference.Add(t.Context(), log.messages)
		require.NoError(rt, err)

		partitions := make(map[partitionName][]events.Message)
		var names []partitionName
		for _, m := range log.messages {
			at := partitionName{m.Topic, m.Partition}
			if partitions[at] == nil {
				names = append(names, at)
			}
			partitions[at] = append(partitions[at], m)
		}
		next := make(map[partitionName]int) // what will be read of each next
		owner := make(map[partitionName]int)
		claim := func(at partitionName, store int) {
			position, err := stores[store].Position(t.Context(), at.topic, log.topicID(at.topic), at.partition)
			require.NoError(rt, err)
			owner[at], next[at] = store, int(position.Next)
		}
		for _, at := range names {
			claim(at, rapid.IntRange(0, 1).Draw(rt, "owner"))
		}
		stale := -1 // how many batches the processes still write before they notice that it was made anew
		madeAnew := rapid.IntRange(0, 60).Draw(rt, "made anew at")
		for step := range 10_000 {
			if stale--; stale == 0 {
				for _, at := range names {
					claim(at, owner[at])
				}
			}
			var open []partitionName
			for _, at := range names {
				if next[at] < len(partitions[at]) {
					open = append(open, at)
				}
			}
			if len(open) == 0 {
				if stale > 0 {
					continue
				}
				break
			}
			if step == madeAnew {
				empty(t, stores[1])
				stale = rapid.IntRange(1, 5).Draw(rt, "stale")
				continue
			}
			if rapid.IntRange(0, 7).Draw(rt, "rebalance") == 0 {
				at := rapid.SampledFrom(names).Draw(rt, "taken")
				claim(at, 1-owner[at])
				continue
			}
			store := owner[open[0]]
			var batch []events.Message
			ends := make(map[partitionName]int)
			for _, at := range open {
				if owner[at] == store && rapid.Bool().Draw(rt, "in batch") {
					from := max(0, next[at]-rapid.IntRange(0, 2).Draw(rt, "again"))
					ends[at] = min(len(partitions[at]), next[at]+rapid.IntRange(1, 8).Draw(rt, "size"))
					batch = append(batch, partitions[at][from:ends[at]]...)
				}
			}
			if store == 0 {
				dying.in.Store(int64(rapid.IntRange(0, 40).Draw(rt, "killed at")))
			}
			_, err := stores[store].Add(t.Context(), batch)
			dying.in.Store(-1)
			var fenced *FencedError
			if errors.As(err, &fenced) {
				require.Positive(rt, stale)
				claim(partitionName{fenced.Topic, fenced.Partition}, store)
				continue
			}
			if err != nil {
				require.ErrorIs(rt, err, context.Canceled)
				continue
			}
			for at, end := range ends {
				next[at] = end
			}
		}
		dying.in.Store(-1)
		for _, at := range names {
			all := partitions[at]
			position, err := stores[1].Position(t.Context(), at.topic, log.topicID(at.topic), at.partition)
			require.NoError(rt, err)
			require.Equal(rt, Position{int64(len(all)), true, new(lastRecordOf(all[len(all)-1]))}, position)
		}
		want, err := reference.Hashes(t.Context())
		require.NoError(rt, err)
		has, err := stores[1].Hashes(t.Context())
		require.NoError(rt, err)
		if !slices.Equal(want, has) {
			for i := range want {
				if want[i] != has[i] {
					rt.Logf("%s:\nin order: %s\nhere:     %s", want[i].Table, rowsOf(t, reference, want[i].Table), rowsOf(t, stores[1], want[i].Table))
				}
			}
			rt.Fatal("the tables differ")
		}
	})
}

func empty(t *testing.T, store *Store) {
	_, err := store.pool.Exec(t.Context(), "TRUNCATE logs, positions, facts, rejects, erasures, order_folds, personal, "+strings.Join(derivedTables, ", ")+" RESTART IDENTITY")
	require.NoError(t, err)
}

func rowsOf(t *testing.T, store *Store, table string) string {
	return query[string](t, store, fmt.Sprintf("SELECT coalesce(string_agg(t::text, E'\n' ORDER BY t::text), '') FROM %s t", table))
}
