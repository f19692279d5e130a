package events

import (
	"context"
	"sync"
)

// Delivery is a message that a consumer has handed out.
type Delivery struct {
	Message
	epoch     int
	finished  bool // guarded by partition.mu
	partition *partition
}

// Done says that the message is finished, so that it need not be delivered
// again. It may be called from any goroutine, in any order and more than once.
// For a partition that has been taken away it does nothing.
func (d *Delivery) Done() { d.partition.done(d) }

// partition is one partition in this member's hands. It lives from the
// generation that assigns it to the one that does not, so work in hand is not
// disturbed by rebalances that leave it here.
type partition struct {
	topicPartition
	consumer *Consumer
	ctx      context.Context
	cancel   context.CancelFunc
	// room is signalled when the next message may be handed out.
	room chan struct{}

	mu sync.Mutex // guards what follows
	// active is false between generations: whether the partition is still
	// ours is not known, so nothing more is handed out.
	active bool
	// epoch counts how often reading had to go on elsewhere in the log.
	epoch int
	// window has what was handed out, from the first unfinished message on.
	window []*Delivery
	// committed is the group's offset as far as we know; firstOffset if it has
	// none yet.
	committed int64
	// start is where reading began.
	start int64
	// topicID is the topic that the offsets are of.
	topicID [16]byte
	// position is the offset to hand out next, firstOffset until it is known.
	position int64
	// end is the offset behind the last message, as far as we have heard.
	end int64
}

func newPartition(c *Consumer, at topicPartition, offset int64) *partition {
	ctx, cancel := context.WithCancel(c.deliveries)
	return &partition{
		topicPartition: at, consumer: c, ctx: ctx, cancel: cancel, room: make(chan struct{}, 1),
		active: true, start: offset, committed: offset, position: offset,
	}
}

// run reads and hands out until the partition is dropped.
func (p *partition) run() {
	f := fetcher{connection: p.consumer.config.Connection, onHeldBack: p.heldBack, onJump: p.jump, logger: p.consumer.logger, outage: p.consumer.outage, topicPartition: p.topicPartition, counts: &p.consumer.counts}
	f.run(p.ctx, p.committed, func(fetched batch) bool {
		if hook := p.consumer.config.OnFetched; hook != nil {
			hook(p.topic, p.partition, len(fetched.messages), fetched.highWatermark)
		}
		p.note(fetched)
		for i := range fetched.messages {
			d := p.handOut(fetched.messages[i])
			if d == nil {
				return false
			}
			p.consumer.config.Handle(withTrace(p.ctx, &d.Message), d)
		}
		p.advance(fetched.next)
		return true
	})
	if p.consumer.deliveries.Err() == nil {
		p.consumer.outage.recovered(p.topicPartition) // it is not ours any more
	}
}

// note notes which topic is read and how far it goes, and where reading began if
// the group had no offset.
func (p *partition) note(fetched batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.topicID, p.end = fetched.topicID, fetched.highWatermark
	if p.position < 0 {
		p.start, p.position = fetched.from, fetched.from
	}
}

// advance goes past offsets without a message: what was compacted away, was
// aborted, or is a marker of a transaction.
func (p *partition) advance(next int64) {
	p.mu.Lock()
	p.position = max(p.position, next)
	p.mu.Unlock()
	signal(p.consumer.progress)
}

// handOut waits until there is room in the window and puts the message into it.
// It returns nil if the partition was dropped meanwhile.
func (p *partition) handOut(m Message) *Delivery {
	d := &Delivery{Message: m, partition: p}
	for {
		p.mu.Lock()
		if p.ctx.Err() != nil {
			p.mu.Unlock()
			return nil
		}
		if p.active && len(p.window) < p.consumer.config.MaxInFlight {
			d.epoch = p.epoch
			p.window = append(p.window, d)
			p.position = m.Offset + 1
			p.mu.Unlock()
			return d
		}
		p.mu.Unlock()
		select {
		case <-p.ctx.Done():
			return nil
		case <-p.room:
		}
	}
}

func (p *partition) done(d *Delivery) {
	p.mu.Lock()
	if d.finished || d.epoch != p.epoch || p.ctx.Err() != nil {
		p.mu.Unlock()
		return
	}
	d.finished = true
	n := 0
	for n < len(p.window) && p.window[n].finished {
		n++
	}
	clear(p.window[:n]) // so that what is finished can be collected
	p.window = p.window[n:]
	p.mu.Unlock()
	if n > 0 {
		signal(p.room)
	}
	signal(p.consumer.progress)
	signal(p.consumer.drained)
}

// jump goes on elsewhere in the log: what is in the window has no order with what
// comes now.
func (p *partition) jump(to int64) {
	p.mu.Lock()
	p.epoch++
	p.window = nil
	p.start, p.position, p.end = to, to, to
	p.mu.Unlock()
	signal(p.consumer.progress)
}

func (p *partition) heldBack(offset int64) {
	if hook := p.consumer.config.OnHeldBack; hook != nil {
		hook(p.topic, p.partition, offset)
	}
}

// activate lets messages be handed out, and reports whether that can go on from
// the group's offset. It cannot when another member has moved it past us or
// somebody has reset it.
func (p *partition) activate(offset int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if offset != p.committed && (offset < p.committed || offset > p.finishedUpTo()) {
		return false
	}
	p.committed = offset
	p.active = true
	signal(p.room)
	return true
}

func (p *partition) pause() {
	p.mu.Lock()
	p.active = false
	p.mu.Unlock()
}

// uncommitted returns the offset that may be committed and the topic that it is
// of, if it is another than what was committed last.
func (p *partition) uncommitted() (offset int64, topicID [16]byte, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	offset = p.finishedUpTo()
	return offset, p.topicID, offset != p.committed && (p.committed >= 0 || offset != p.start)
}

// finishedUpTo is the first offset that is not finished. The caller holds mu.
func (p *partition) finishedUpTo() int64 {
	if len(p.window) > 0 {
		return p.window[0].Offset
	}
	return p.position
}

func (p *partition) setCommitted(offset int64) {
	p.mu.Lock()
	p.committed = offset
	p.mu.Unlock()
}

// lag is how many offsets there are from the first unfinished message to the end;
// 0 until the first fetch.
func (p *partition) lag() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(p.end-max(p.finishedUpTo(), 0), 0)
}

// isFull reports whether no more is fetched, so that the end that we know stays as it
// was.
func (p *partition) isFull() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.window) >= p.consumer.config.MaxInFlight
}

func (p *partition) setEnd(offset int64) {
	p.mu.Lock()
	p.end = max(p.end, offset)
	p.mu.Unlock()
}

func (p *partition) inHand() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	open := 0
	for _, d := range p.window {
		if !d.finished {
			open++
		}
	}
	return open
}

// signal wakes whoever waits on a channel of capacity one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
