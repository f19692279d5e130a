package events

import (
	"context"
	"sync"
)

// Delivery is a message that a consumer has handed out.
type Delivery struct {
	Message
	ctx       context.Context
	epoch     int
	finished  bool // guarded by partition.mu
	partition *partition
}

// Done says that the message is finished, so that it need not be delivered
// again. It may be called from any goroutine, in any order and more than once.
// For a partition that has been taken away it does nothing.
func (d *Delivery) Done() { d.partition.done(d) }

// Reread has the message's partition read again from where ConsumerConfig.StartAt says:
// whoever keeps its offsets has found that another process has gone further. Like a
// partition that is taken away it ends the contexts of its deliveries, all of them,
// and their Done does nothing any more. For a partition that has been taken away,
// or is read again already, it does nothing.
func (d *Delivery) Reread() { d.partition.consumer.reread(d.partition) }

// partition is one partition in this member's hands. It lives from the
// generation that assigns it to the one that does not, so work in hand is not
// disturbed by rebalances that leave it here.
type partition struct {
	topicPartition
	consumer *Consumer
	ctx      context.Context
	cancel   context.CancelFunc
	// handling is the context of the deliveries; it ends when the log is cut, too.
	// Guarded by mu.
	handling    context.Context
	endHandling context.CancelFunc
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
	p := &partition{
		topicPartition: at, consumer: c, ctx: ctx, cancel: cancel, room: make(chan struct{}, 1),
		active: true, start: offset, committed: offset, position: offset,
	}
	p.handling, p.endHandling = context.WithCancel(ctx)
	if c.config.StartAt != nil {
		p.start, p.position = firstOffset, firstOffset // until it has answered
	}
	return p
}

// successor is the same partition before anything of it was read.
func (p *partition) successor() *partition {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := newPartition(p.consumer, p.topicPartition, p.committed)
	next.active, next.end, next.topicID = p.active, p.end, p.topicID
	return next
}

// run reads and hands out until the partition is dropped.
func (p *partition) run() {
	f := fetcher{connection: p.consumer.config.Connection, onHeldBack: p.heldBack, onJump: p.jumped, logger: p.consumer.logger, outage: p.consumer.outage, topicPartition: p.topicPartition, counts: &p.consumer.counts}
	if p.consumer.config.StartAt != nil {
		f.begin = p.begin
		if p.consumer.config.OnCut != nil {
			f.onCut = p.cut
		}
	}
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
			p.consumer.config.Handle(withTrace(d.ctx, &d.Message), d)
		}
		p.advance(fetched.next)
		return true
	})
	if p.consumer.deliveries.Err() == nil {
		p.consumer.outage.recovered(p.topicPartition) // it is not ours any more
	}
}

// begin asks where to begin in a topic.
func (p *partition) begin(ctx context.Context, topicID [16]byte) (int64, error) {
	offset, known, err := p.consumer.config.StartAt(ctx, p.topic, topicID, p.partition)
	if err != nil {
		return 0, err
	}
	if !known {
		offset = firstOffset
	}
	p.mu.Lock()
	p.topicID, p.position = topicID, offset // with no start, so that the group learns of it
	p.mu.Unlock()
	signal(p.consumer.progress) // the group's offset may be another
	return offset, nil
}

// cut begins anew with a log that was cut.
func (p *partition) cut(ctx context.Context, topicID [16]byte, first, end int64) error {
	p.mu.Lock()
	p.epoch++
	p.endHandling()
	p.handling, p.endHandling = context.WithCancel(p.ctx)
	p.window = nil
	p.start, p.position, p.end = firstOffset, firstOffset, end
	p.mu.Unlock()
	return p.consumer.config.OnCut(ctx, p.topic, topicID, p.partition, first, end)
}

// jumped goes on elsewhere in the log and tells of it.
func (p *partition) jumped(from, to int64) {
	p.jump(to)
	if hook := p.consumer.config.OnJump; hook != nil && from >= 0 {
		hook(p.topic, p.partition, from, to)
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
			d.epoch, d.ctx = p.epoch, p.handling
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
// somebody has reset it, which counts for nothing if offsets are kept elsewhere.
func (p *partition) activate(offset int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch elsewhere := p.consumer.config.StartAt != nil; {
	case offset == p.committed:
	case offset > p.finishedUpTo():
		return false
	case offset < p.committed && !elsewhere:
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
	if offset < 0 { // where reading begins is not known yet
		return offset, p.topicID, false
	}
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

// lag is how many offsets there are from the first unfinished message to the end, or
// from the group's offset while it is not known where to begin; 0 until the end is
// known.
func (p *partition) lag() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	from := p.finishedUpTo()
	if from < 0 {
		from = max(p.committed, 0)
	}
	return max(p.end-from, 0)
}

// isStill reports whether nothing is fetched, so that the end that we know stays as
// it was: the window is full, or it is not known where to begin.
func (p *partition) isStill() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.window) >= p.consumer.config.MaxInFlight || p.position < 0
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
