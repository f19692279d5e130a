package floor

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	// stageCountsPause is the least time between two counts of open tickets.
	stageCountsPause = 100 * time.Millisecond
	// stageCountsRefresh is how often open tickets are counted although the log
	// says nothing: a station's alarm begins when time passes.
	stageCountsRefresh = 5 * time.Second
	// orderCountsPause is the least time between two counts of open orders.
	orderCountsPause = time.Second
	// orderCountsSettled is how long after a message of the log there is a last
	// count: the message goes to Temporal at the same time, and Temporal's list
	// of orders follows a moment later.
	orderCountsSettled = 3 * time.Second
	// orderCountsRefresh is how often orders are counted although the log says
	// nothing: new orders are not in it while Kafka is away.
	orderCountsRefresh = time.Minute
)

// kitchenFeed is the channel of the kitchen: its open tickets by stage and its open
// orders by state, which are counted while somebody follows it. Orders are counted by
// who keeps them, and nothing else waits for that.
type kitchenFeed struct {
	*feed
	floor      *Floor
	countOpen  func(ctx context.Context) (wire.OrderCounts, error)
	stagePoll  *poller
	ordersPoll *poller
	counting   sync.Mutex // held while tickets are counted and the counts are stored

	// The feed's lock guards what follows.
	counts wire.KitchenCounts
	// questionsAt is when the list of questions last changed, until all followers
	// have been told to look again; zero otherwise.
	questionsAt time.Time
}

func newKitchenFeed(f *Floor, countOpen func(ctx context.Context) (wire.OrderCounts, error)) *kitchenFeed {
	k := &kitchenFeed{floor: f, countOpen: countOpen}
	k.feed = newFeed(ChannelKitchen, func() wire.LiveMessage {
		return wire.LiveMessage{Type: wire.LiveMessageTypeSnapshot, Kitchen: k.counts}
	})
	// Whoever comes from another process has other numbers.
	k.counts = wire.KitchenCounts{At: f.now().UTC(), QuestionsVersion: time.Now().UnixMilli(), Stages: k.countStages(), State: f.kitchenState()}
	refresh := never
	if alarm := time.Duration(f.kitchenFile.UntakenAfter); alarm > 0 {
		refresh = min(alarm, stageCountsRefresh)
	}
	k.stagePoll = newPoller(stageCountsPause, refresh, k.updateStages)
	k.ordersPoll = newPoller(orderCountsPause, orderCountsRefresh, k.updateOrders)
	return k
}

// follow adds a follower, for whom tickets and orders are counted anew: the last
// counts may be old.
func (k *kitchenFeed) follow(cursor string, wake func()) (*Follower, bool) {
	follower, resumed := k.feed.follow(cursor, wake)
	k.updateStages(context.Background())
	k.ordersChanged()
	return follower, resumed
}

// ticketsChanged plans a count of open tickets, and a look at what is not as always,
// if somebody wants to know.
func (k *kitchenFeed) ticketsChanged() {
	if k.isFollowed() {
		k.stagePoll.plan(0)
	}
}

// ordersChanged plans counts of open orders, if somebody wants to know.
func (k *kitchenFeed) ordersChanged() {
	if k.isFollowed() {
		k.ordersPoll.plan(0, orderCountsPause, orderCountsSettled)
	}
}

// questionsChanged notes that the list of questions may have changed, even if the
// counts have not: the log has a question or the end of one, order-failures had a
// message, or this process has changed an order.
func (k *kitchenFeed) questionsChanged() {
	k.mu.Lock()
	k.questionsAt = time.Now()
	k.mu.Unlock()
	k.ordersChanged()
}

// updateStages counts the open tickets, unless nobody wants to know.
func (k *kitchenFeed) updateStages(context.Context) (over bool) {
	if !k.isFollowed() {
		return false
	}
	k.counting.Lock() // or older counts could come after newer ones
	defer k.counting.Unlock()
	stages, state := k.countStages(), k.floor.kitchenState()
	k.mu.Lock()
	defer k.mu.Unlock()
	if !slices.Equal(stages, k.counts.Stages) || !reflect.DeepEqual(state, k.counts.State) {
		k.counts.At, k.counts.Stages, k.counts.State = k.floor.now().UTC(), stages, state
		k.restart()
	}
	return false
}

func (k *kitchenFeed) countStages() []wire.StageCounts {
	var stages []wire.StageCounts
	now := k.floor.readUntil()
	for _, stage := range kitchen.Stages() {
		stages = append(stages, k.floor.stations[stage].count(now))
	}
	return stages
}

// updateOrders counts the open orders and publishes the counts if they or the list
// of questions have changed.
func (k *kitchenFeed) updateOrders(ctx context.Context) (over bool) {
	if k.dropOrders() {
		return false
	}
	began := time.Now()
	orders, err := k.countOpen(ctx)
	if ctx.Err() != nil {
		return true
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	before, questions := k.counts.Orders, !k.questionsAt.IsZero()
	if questions && !began.Before(k.questionsAt.Add(orderCountsSettled)) {
		k.questionsAt = time.Time{}
	}
	k.counts.Orders = nil
	if err == nil {
		k.counts.Orders = &orders
		// That an order was ended in Temporal is on no log.
		questions = questions || before == nil || before.NeedsAttention != orders.NeedsAttention
	}
	if questions {
		k.counts.QuestionsVersion++
	}
	if questions || !reflect.DeepEqual(k.counts.Orders, before) {
		k.counts.At = time.Now().UTC()
		k.restart()
	}
	return false
}

// dropOrders forgets the counts of orders if nobody follows the kitchen, and
// reports whether nobody does: whoever comes next would see old ones.
func (k *kitchenFeed) dropOrders() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.followers) > 0 {
		return false
	}
	k.questionsAt = time.Time{}
	if k.counts.Orders != nil {
		k.counts.Orders = nil
		k.restart()
	}
	return true
}
