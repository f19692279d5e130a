package station

import (
	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/kitchen"
)

// The states of a job besides those that people see; the table in doc.go shows
// all of them.
const (
	absent    State = ""          // its ticket is not here
	undecided State = "undecided" // an undo ticket: it is not known whether anything has to be put away
	undoing   State = "undoing"   // an undo ticket that needs nobody: undone is on its way to the log
	claiming  State = "claiming"  // started is on its way
	contested State = "contested" // started is on its way, but it has an owner elsewhere
	answering State = "answering" // a final ack is on its way
	overtaken State = "overtaken" // a final ack is on its way, but it is not in hand here, or not any more
	closed    State = "closed"    // its ticket is not here any more
)

// input is what can happen to a job.
type input string

const (
	undoDelivered  input = "undo delivered"  // an undo ticket came
	offered        input = "offered"         // a ticket came, or an undo ticket turned out to need somebody
	offeredOwned   input = "offered owned"   // so did one that has an owner elsewhere
	needsNobody    input = "needs nobody"    // an undo ticket turned out to need nobody
	claimBegun     input = "claim begun"     // somebody here starts it, or takes it over
	claimDropped   input = "claim dropped"   // the claim failed or was given up
	answerBegun    input = "answer begun"    // its owner ends it
	answerDropped  input = "answer dropped"  // the answer was given up, or the log does not count it
	answerFreed    input = "answer freed"    // so was one about a ticket that nobody has any more
	ownedHere      input = "owned here"      // the log gives it to this station
	ownedElsewhere input = "owned elsewhere" // the log gives it to somebody elsewhere
	freed          input = "freed"           // its owner has put it back
	ended          input = "ended"           // an ack ended it or its attempt
	withdrawn      input = "withdrawn"       // its order was cancelled
	undone         input = "undone"          // its undo ticket is undone
	expired        input = "expired"         // its order is made anew, or neither that nor its owner elsewhere is heard of any more
	partitionLost  input = "partition lost"  // its partition went to another station, or this one stops
)

// effects are what follows from an input, in this order.
type effects struct {
	finish  bool            // the delivery is finished
	observe []EventKind     // people see it
	publish kitchen.AckKind // the station publishes an ack by itself
}

// next returns the state of a job after an input, and what follows. The table
// in doc.go says the same, and a test compares the two.
func next(state State, in input) (State, effects) {
	to, listed := transitions[in][state]
	if !listed {
		return state, effects{}
	}
	follows := inputEffects[in]
	if in == ownedHere && to == answering {
		follows = effects{} // it has been in hand all the time
	}
	return to, follows
}

var transitions = map[input]map[State]State{
	undoDelivered: {absent: undecided},
	offered:       {absent: Waiting, undecided: Waiting, undoing: Waiting},
	offeredOwned:  {absent: Elsewhere, undecided: Elsewhere, undoing: Elsewhere},
	needsNobody:   {undecided: undoing},
	claimBegun:    {Waiting: claiming, Elsewhere: contested},
	claimDropped:  {claiming: Waiting, contested: Elsewhere},
	answerBegun:   {InHand: answering, Elsewhere: overtaken},
	answerDropped: {answering: InHand, overtaken: Elsewhere},
	answerFreed:   {overtaken: Waiting},
	ownedHere:     {Waiting: InHand, Elsewhere: InHand, claiming: InHand, contested: InHand, overtaken: answering},
	ownedElsewhere: {
		Waiting: Elsewhere, Elsewhere: Elsewhere, claiming: contested, contested: contested,
		InHand: Elsewhere, answering: overtaken, overtaken: overtaken,
	},
	freed:         {Elsewhere: Waiting, contested: claiming, InHand: Waiting, answering: overtaken, overtaken: overtaken},
	ended:         closes(undecided, undoing, Waiting, Elsewhere, claiming, contested, InHand, answering, overtaken),
	withdrawn:     closes(undecided, undoing, Waiting, Elsewhere, claiming, contested, InHand),
	undone:        closes(undecided, undoing, Waiting, Elsewhere, claiming, contested, InHand, answering, overtaken),
	expired:       closes(Waiting, Elsewhere, contested),
	partitionLost: closes(undecided, undoing, Waiting, Elsewhere),
}

func closes(states ...State) map[State]State {
	to := map[State]State{}
	for _, state := range states {
		to[state] = closed
	}
	return to
}

var inputEffects = map[input]effects{
	offered:        {observe: []EventKind{Offered}},
	offeredOwned:   {observe: []EventKind{StartedElsewhere}},
	needsNobody:    {publish: kitchen.AckUndone},
	ownedHere:      {observe: []EventKind{Started}},
	ownedElsewhere: {observe: []EventKind{StartedElsewhere}},
	freed:          {observe: []EventKind{PutBack}},
	ended:          {finish: true, observe: []EventKind{Answered}},
	withdrawn:      {finish: true, observe: []EventKind{Withdrawn}},
	undone:         {finish: true, observe: []EventKind{Withdrawn}},
	expired:        {finish: true, observe: []EventKind{Withdrawn}},
	partitionLost:  {observe: []EventKind{Withdrawn}}, // whoever has the partition now finishes the delivery
}

// visible returns the state as people see it; empty if they do not.
func (s State) visible() State {
	switch s {
	case Waiting, claiming:
		return Waiting
	case Elsewhere, contested:
		return Elsewhere
	case InHand, answering, overtaken:
		return InHand
	}
	return ""
}

func (s State) isClaimed() bool   { return s == claiming || s == contested }
func (s State) isAnswering() bool { return s == answering || s == overtaken }
func (s State) isHidden() bool    { return s == undecided || s == undoing }

// cause is an input with the ack that it came from.
type cause struct {
	input input
	// ack is what the owner elsewhere, whoever put the ticket back or whoever ended
	// it has published; nil if no ack is the cause. own is set if it is this
	// station's own.
	ack *kitchen.Ack
	own bool
	// unannounced says of a ticket in hand here that the log does not know.
	unannounced bool
}

// causeOfAck returns what a new ack means for a job that is here, given what it
// did to its ticket; its input is empty if it means nothing. own says that this
// station, where somebody called name works, has published the ack.
//
// The board decides whose the ticket is. What it does not know is at which of a
// person's stations they have it in hand: where they have claimed it last. A
// renewal, which tells when the work began, is no claim.
func causeOfAck(effect board.Effect, ack kitchen.Ack, name string, own bool) cause {
	c := cause{ack: &ack, own: own}
	renewal := isRenewal(ack)
	switch effect {
	case board.Ended, board.Failed:
		c.input = ended
	case board.Released:
		c.input = freed
	case board.Claimed, board.TookOver:
		c.input = ownedElsewhere
		if own && !renewal {
			c.input = ownedHere
		}
	case board.Renewed:
		switch {
		case ack.By != name || renewal:
		case own:
			c.input = ownedHere
		default:
			c.input = ownedElsewhere
		}
	case board.Stale, board.Unjudged, board.Refused:
	}
	return c
}

// causeOfChange returns what it means for a job that is here that the board judges
// earlier acks anew: one of them was refused, or a delivery tells a longer time for
// an ack. before and now are where the ticket stood and stands; because is the
// refusal, if it was one. Whose the ticket is by a claim that did not count before
// is not in hand here: nobody was told so.
func causeOfChange(before, now board.Entry, because *kitchen.Ack) cause {
	sameClaim := before.State == now.State && before.Heard == now.Heard
	switch {
	case now.Ended(), now.State == kitchen.TicketFailed:
		return cause{input: ended, ack: now.Ack}
	case now.State == kitchen.TicketStarted && !sameClaim:
		return cause{input: ownedElsewhere, ack: now.Ack}
	case now.State == kitchen.TicketWaiting && before.State == kitchen.TicketStarted:
		return cause{input: freed, ack: because}
	}
	return cause{}
}

// causeOfOffer shows a ticket to people, who may find an owner elsewhere.
func causeOfOffer(owner *kitchen.Ack) cause {
	if owner != nil {
		return cause{input: offeredOwned, ack: owner}
	}
	return cause{input: offered}
}
