package floor

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// enoughSamples is how many tickets a stage must have done lately for anybody to say
	// how long it takes: fewer say little.
	enoughSamples = 3
	// estimateEvery is how often the estimates of followed orders are reckoned anew, beside
	// each change of their own: others change them as well, and so does waiting.
	estimateEvery = 15 * time.Second
)

// stageWork is what is known of the work that an order has before it at a stage.
type stageWork struct {
	// perPiece is how long a piece is in somebody's hands, over the last tickets;
	// typical and slow are what half and nine in ten of the tickets took.
	perPiece, typical, slow time.Duration
	// hands is how many tickets are worked on at once.
	hands int
	// ahead is how many pieces come before the order, and left what is left to do of them
	// here, in pieces: of what is in hand only what is not over.
	ahead, left float64
}

// reckon is when an order may have passed the stages that it has before it, counted from
// now: at the earliest and at the latest. worked is for how long somebody has had it in
// hand at the first of them. At each stage it comes after what is ahead there, and what
// is ahead on the way there; only one of the two can hold it up at a time.
func reckon(pieces int, stages []stageWork, worked time.Duration) (from, until time.Duration, slow bool) {
	var ahead float64
	for _, s := range stages {
		others := time.Duration((ahead + s.left) * float64(s.perPiece) / float64(max(1, s.hands)))
		longest := max(s.slow, s.typical, time.Duration(pieces)*s.perPiece)
		slow = slow || worked > longest
		from = max(from, others) + max(0, s.typical-worked)
		until = max(until, others) + max(0, longest-worked)
		ahead += s.ahead // and comes to the next stages before it
		worked = 0
	}
	return from, until, slow
}

// estimate is when an order may be ready, by the real queues before it and by how long
// work has taken lately. Zero if nobody can say: a stage has done too little lately, or a
// station is paused and nobody knows for how long. The floor's lock is held.
func (f *Floor) estimate(status *kitchen.Status) kitchen.Estimate {
	now := f.now()
	stages, worked := f.workBefore(status, now)
	if len(stages) == 0 {
		return kitchen.Estimate{}
	}
	from, until, slow := reckon(kitchen.Order{Lines: status.Lines}.Pieces(), stages, worked)
	return kitchen.NewEstimate(now, now.Add(from), now.Add(until), slow)
}

// workBefore is the work that an order has before it at each stage that is left, and for
// how long it is in hand at the first of them; none if nobody can say. The floor's lock is
// held.
func (f *Floor) workBefore(status *kitchen.Status, now time.Time) (stages []stageWork, worked time.Duration) {
	isOpen := status.State == kitchen.StateAccepted || status.State == kitchen.StateInProgress
	left, at := stagesLeft(status)
	if !isOpen || f.isBehind() {
		return nil, 0
	}
	logTime := f.logTime()
	isInHand := at != nil && at.State == kitchen.TicketStarted
	if isInHand && at.StartedAt != nil {
		worked = max(0, now.Sub(*at.StartedAt))
	}
	place := f.placeOf(status, now)
	for i, stage := range left {
		work, known := f.figures.paces[stage].work(logTime)
		if !known {
			return nil, 0
		}
		isHere := i == 0 && isInHand
		_, isPaused := f.flags.Get(kitchen.FlagPaused, string(stage))
		if isPaused && !isHere {
			return nil, 0
		}
		work.hands = max(work.hands, f.stations[stage].open.started)
		if !isHere {
			work.ahead, work.left = f.piecesAhead(stage, status.ID, place, work.perPiece, now)
		}
		stages = append(stages, work)
	}
	return stages, worked
}

// stagesLeft are the stages that an order has before it, all of them if it is about to
// start again, and where it stands at the first of them; nil if it is not there yet.
func stagesLeft(status *kitchen.Status) (left []kitchen.Stage, at *kitchen.StageStatus) {
	route, pass := status.Route.Stages(), 1
	for _, row := range status.Stages {
		pass = max(pass, row.Pass)
	}
	for i, stage := range route {
		n := slices.IndexFunc(status.Stages, func(row kitchen.StageStatus) bool { return row.Stage == stage && row.Pass == pass })
		if n < 0 {
			return route[i:], nil
		}
		row := &status.Stages[n]
		switch {
		case row.Undo != nil:
			return route, nil
		case row.State != kitchen.TicketDone:
			return route[i:], row
		}
	}
	return nil, nil
}

// placeOf is an order's place in any stage's queue. The lock is held.
func (f *Floor) placeOf(status *kitchen.Status, now time.Time) kitchen.QueuePlace {
	if order, found := f.orderPlace(status.ID); found {
		return order.QueuePlace
	}
	due := f.kitchenFile.OrderRules().TargetFor(status.PlacedAt, kitchen.Order{Lines: status.Lines}.Pieces())
	if status.DueAt != nil {
		due = *status.DueAt
	}
	_, isRush := f.flags.Get(kitchen.FlagRush, status.ID)
	return kitchen.PlaceInQueue(status.ID, kitchen.TicketMake, isRush, due, now)
}

// piecesAhead is how many pieces at a stage come before an order: of what waits, what has
// a place before it, and what is in hand in any case; and how many of them are left to
// do there. The lock is held.
func (f *Floor) piecesAhead(stage kitchen.Stage, orderID string, place kitchen.QueuePlace, perPiece time.Duration, now time.Time) (ahead, left float64) {
	open := &f.stations[stage].open
	before := open.find(place)
	for i, ticket := range open.queue {
		isInHand := ticket.State == kitchen.TicketStarted
		if ticket.Kind != kitchen.TicketMake || orderOf(ticket.TicketID) == orderID || (i >= before && !isInHand) {
			continue
		}
		pieces := float64(kitchen.Order{Lines: ticket.Lines}.Pieces())
		ahead += pieces
		if isInHand && !ticket.StartedAt.IsZero() && perPiece > 0 {
			pieces = max(0, pieces-max(0, float64(now.Sub(ticket.StartedAt))/float64(perPiece)))
		}
		left += pieces
	}
	return ahead, left
}

// reckonAnew brings the estimates of the orders up to date that somebody follows. There
// may be very many, and the log's reader waits for the lock, so each takes it anew.
func (o *orderFeeds) reckonAnew(context.Context) (over bool) {
	o.mu.Lock()
	followed := slices.Collect(maps.Values(o.followed))
	o.mu.Unlock()
	for _, order := range followed {
		o.floor.mu.Lock()
		if o.get(order.orderID) == order {
			order.update()
		}
		o.floor.mu.Unlock()
	}
	return false
}
