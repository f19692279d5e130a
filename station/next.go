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
	overtaken State = "overtaken" // a final ack is on its way, but it has an owner elsewhere by now
	closed    State = "closed"    // its ticket is not here any more
)

// input is what can happen to a job.
type input string

const (
	undoDelivered  input = "undo delivered"  // an undo ticket came
	offered        input = "offered"         // a ticket came, or an undo ticket turned out to need somebody
	offeredOwned   input = "offered owned"   // so did one that has an owner elsewhere
	needsNobody    input = "needs nobody"    // an undo ticket turned out to need nobody
	claimBegun     input = "claim begun"     // somebody here starts it
	claimDropped   input = "claim dropped"   // the claim failed or was given up
	answerBegun    input = "answer begun"    // somebody here ends it
	answerDropped  input = "answer dropped"  // the answer was given up
	ownedHere      input = "owned here"      // the log gives it to this station
	ownedElsewhere input = "owned elsewhere" // the log gives it to somebody elsewhere
	reissued       input = "reissued"        // a newer attempt came
	reissuedOwned  input = "reissued owned"  // a newer attempt came that has an owner elsewhere
	ended          input = "ended"           // an ack ended it or its attempt
	withdrawn      input = "withdrawn"       // its order was cancelled
	undone         input = "undone"          // its undo ticket is undone
	expired        input = "expired"         // its owner has had it for so long that it is issued again
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
	switch {
	case in == ownedHere && to == answering:
		follows = effects{} // it has been in hand all the time
	case in == reissued && state == InHand:
		follows.publish = kitchen.AckStarted // somebody here is alive
	case in == reissued && state.visible() == Elsewhere:
		follows.observe = []EventKind{Reissued, Offered}
	}
	return to, follows
}

// free is a ticket whose owner elsewhere has lost it, owned one that gets an
// owner elsewhere. What is on its way to the log is left to the log.
var (
	free = map[State]State{
		Waiting: Waiting, Elsewhere: Waiting, claiming: claiming, contested: claiming,
		InHand: InHand, answering: answering, overtaken: answering,
	}
	owned = map[State]State{
		Waiting: Elsewhere, Elsewhere: Elsewhere, claiming: contested, contested: contested,
		InHand: Elsewhere, answering: overtaken, overtaken: overtaken,
	}
)

var transitions = map[input]map[State]State{
	undoDelivered:  {absent: undecided},
	offered:        {absent: Waiting, undecided: Waiting, undoing: Waiting},
	offeredOwned:   {absent: Elsewhere, undecided: Elsewhere, undoing: Elsewhere},
	needsNobody:    {undecided: undoing},
	claimBegun:     {Waiting: claiming, Elsewhere: contested},
	claimDropped:   {claiming: Waiting, contested: Elsewhere},
	answerBegun:    {InHand: answering},
	answerDropped:  {answering: InHand, overtaken: Elsewhere},
	ownedHere:      {Waiting: InHand, Elsewhere: InHand, claiming: InHand, contested: InHand, overtaken: answering},
	ownedElsewhere: owned,
	reissued:       free,
	reissuedOwned:  owned,
	ended:          closes(undecided, undoing, Waiting, Elsewhere, claiming, contested, InHand, answering, overtaken),
	withdrawn:      closes(undecided, undoing, Waiting, Elsewhere, claiming, contested, InHand),
	undone:         closes(undecided, undoing, Waiting, Elsewhere, claiming, contested, InHand, answering, overtaken),
	expired:        closes(Elsewhere, contested),
	partitionLost:  closes(undecided, undoing, Waiting, Elsewhere),
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
	reissued:       {observe: []EventKind{Reissued}},
	reissuedOwned:  {observe: []EventKind{Reissued, StartedElsewhere}},
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
	// ack is what the owner elsewhere or whoever ended the ticket has published;
	// nil if no ack is the cause. own is set if it is this station's own.
	ack *kitchen.Ack
	own bool
}

// causeOfAck returns what a new ack means for a job that is here, given where
// the log has its ticket now; its input is empty if it means nothing. owner is
// the started ack of the present owner elsewhere, if there is one, and own says
// that this station, whose people are called name, has published the ack.
//
// A job exists only while its ticket is open, so if the ticket has ended, this
// ack has ended it.
func causeOfAck(entry board.Entry, attempt int, owner *kitchen.Ack, ack kitchen.Ack, name string, own bool) cause {
	c := cause{own: own}
	switch {
	case entry.Ended():
		c.input, c.ack = ended, entry.Ack
	case own && ack.Kind == kitchen.AckFailed:
		// Also when the ticket was issued again meanwhile: whichever attempt
		// is open, the failure ends it.
		c.input, c.ack = ended, &ack
	case entry.State == kitchen.TicketFailed && entry.Attempt >= attempt:
		c.input, c.ack = ended, entry.Ack
	case entry.State == kitchen.TicketWaiting && ack.Kind == kitchen.AckFailed && ack.Attempt == 0:
		// The log alone does not tell whether it is of the attempt that is here
		// or of one before. It has just come, so it ends the one that is here.
		c.input, c.ack = ended, &ack
	case entry.State != kitchen.TicketStarted || ack.Kind != kitchen.AckStarted:
	case entry.By != name:
		c.input, c.ack = ownedElsewhere, entry.Ack
	case ack.By != name || (ack.Attempt != 0 && ack.Attempt < entry.Attempt):
		// Somebody was second, or the attempt is over.
	case own:
		c.input, c.ack = ownedHere, &ack
	default:
		// Somebody of our name, at another station, and later than we.
		c.input, c.ack = ownedElsewhere, &ack
	}
	if c.input == ownedElsewhere && owner != nil && *owner == *c.ack {
		return cause{} // it is known already
	}
	return c
}

// causeOfReissue returns what a newer attempt means for a job that is here.
func causeOfReissue(entry board.Entry, name string) cause {
	if entry.State == kitchen.TicketStarted && entry.By != name {
		return cause{input: reissuedOwned, ack: entry.Ack}
	}
	return cause{input: reissued}
}

// causeOfOffer shows a ticket to people, who may find an owner elsewhere.
func causeOfOffer(owner *kitchen.Ack) cause {
	if owner != nil {
		return cause{input: offeredOwned, ack: owner}
	}
	return cause{input: offered}
}
