package station

// The states of a job that people do not see; State has the others. A job in
// hand is InHand, answering or overtaken; one that is being claimed is claiming
// or contested.
const (
	// absent: its ticket is not here.
	absent State = ""
	// undecided: an undo ticket, while it is not known whether anything has to
	// be put away.
	undecided State = "undecided"
	// undoing: an undo ticket that needs nobody; the station publishes undone.
	undoing State = "undoing"
	// claiming: started is on its way to the log.
	claiming State = "claiming"
	// contested: started is on its way, but the ticket has an owner elsewhere.
	contested State = "contested"
	// answering: a final ack is on its way.
	answering State = "answering"
	// overtaken: a final ack is on its way, but the ticket has an owner
	// elsewhere by now.
	overtaken State = "overtaken"
	// closed: its ticket is not here any more.
	closed State = "closed"
)

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

// input is what can happen to a job.
type input string

const (
	// An undo ticket came.
	undoDelivered input = "undo delivered"
	// A ticket came, or an undo ticket turned out to need somebody: nobody owns
	// it, or somebody elsewhere does.
	offered      input = "offered"
	offeredOwned input = "offered owned"
	// A newer attempt came: nobody elsewhere owns it, or somebody does.
	reissued      input = "reissued"
	reissuedOwned input = "reissued owned"
	// An undo ticket turned out to need nobody.
	needsNobody input = "needs nobody"
	// Somebody here wants to start it; then, the claim failed or was given up.
	claimed      input = "claimed"
	claimDropped input = "claim dropped"
	// The log gives it to this station, or to somebody elsewhere.
	ownedHere      input = "owned here"
	ownedElsewhere input = "owned elsewhere"
	// Somebody here wants to end it; then, the answer was given up.
	answered      input = "answered"
	answerDropped input = "answer dropped"
	// An ack in the log ended it, or its attempt.
	ended input = "ended"
	// Its order was cancelled; then, its undo ticket is undone.
	withdrawn input = "withdrawn"
	undone    input = "undone"
	// Its partition went to another station, or this station stops.
	partitionLost input = "partition lost"
	// Its owner elsewhere has had it for so long that it is issued again.
	expired input = "expired"
)

// effect is what a station does when a job changes.
type effect string

// To observe an event, to commit the delivery, to publish an ack.
const (
	observeOffered          effect = "Offered"
	observeReissued         effect = "Reissued"
	observeStarted          effect = "Started"
	observeStartedElsewhere effect = "StartedElsewhere"
	observeAnswered         effect = "Answered"
	observeWithdrawn        effect = "Withdrawn"
	finishDelivery          effect = "finish"
	publishStarted          effect = "publish started"
	publishUndone           effect = "publish undone"
)

// next returns the state of a job after an input, and what is to be done then,
// in order. The table in doc.go says the same, and a test compares the two.
func next(state State, in input) (State, []effect) {
	if state == closed {
		return closed, nil
	}
	switch in {
	case undoDelivered:
		if state == absent {
			return undecided, nil
		}
	case offered, offeredOwned:
		return nextOffered(state, in)
	case reissued, reissuedOwned:
		return nextReissued(state, in)
	case needsNobody:
		if state == undecided {
			return undoing, []effect{publishUndone}
		}
	case ownedHere:
		switch state {
		case Waiting, Elsewhere, claiming, contested:
			return InHand, []effect{observeStarted}
		case overtaken:
			return answering, nil
		}
	case ownedElsewhere:
		if state.visible() != "" {
			return withOwner(state), []effect{observeStartedElsewhere}
		}
	case claimed, claimDropped, answered, answerDropped:
		return nextOfCall(state, in), nil
	default:
		return nextClosed(state, in)
	}
	return state, nil
}

// nextOffered shows a ticket to people.
func nextOffered(state State, in input) (State, []effect) {
	switch {
	case state.visible() != "":
		return state, nil
	case in == offeredOwned:
		return Elsewhere, []effect{observeStartedElsewhere}
	}
	return Waiting, []effect{observeOffered}
}

// nextReissued frees a ticket from an owner elsewhere, unless that owns the new
// attempt as well.
func nextReissued(state State, in input) (State, []effect) {
	switch {
	case state.visible() == "":
		return state, nil
	case in == reissuedOwned:
		return withOwner(state), []effect{observeReissued, observeStartedElsewhere}
	}
	effects := []effect{observeReissued}
	switch state {
	case Elsewhere:
		return Waiting, append(effects, observeOffered)
	case contested:
		return claiming, effects
	case overtaken:
		return answering, effects
	case InHand: // somebody here is alive
		return InHand, append(effects, publishStarted)
	}
	return state, effects
}

// withOwner is the state of a ticket once it has an owner elsewhere. What is on
// its way to the log is left to the log.
func withOwner(state State) State {
	switch {
	case state.isClaimed():
		return contested
	case state.isAnswering():
		return overtaken
	}
	return Elsewhere
}

// nextOfCall follows a call of somebody here, from its beginning to its end
// without a result.
func nextOfCall(state State, in input) State {
	switch {
	case in == claimed && state == Waiting:
		return claiming
	case in == claimed && state == Elsewhere:
		return contested
	case in == claimDropped && state == claiming:
		return Waiting
	case in == claimDropped && state == contested:
		return Elsewhere
	case in == answered && state == InHand:
		return answering
	case in == answerDropped && state == answering:
		return InHand
	case in == answerDropped && state == overtaken:
		return Elsewhere
	}
	return state
}

// nextClosed follows what may take a ticket away from here. A final ack that is
// on its way decides whether the ticket can still be withdrawn.
func nextClosed(state State, in input) (State, []effect) {
	closes, effects := false, []effect{finishDelivery, observeWithdrawn}
	switch in {
	case ended:
		closes, effects[1] = true, observeAnswered
	case undone:
		closes = true
	case withdrawn:
		closes = !state.isAnswering()
	case expired:
		closes = state.visible() == Elsewhere
	case partitionLost: // whoever has the partition now finishes the delivery
		closes, effects = state == Waiting || state == Elsewhere || state.isHidden(), effects[1:]
	}
	if !closes || state == absent {
		return state, nil
	}
	return closed, effects
}
