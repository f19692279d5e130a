// Package station is a station's side of the contract: it reads the tickets of
// one stage from Kafka, lets somebody work on them, and answers with acks. The
// command line, robots and tests use it; it knows Kafka and nothing else.
//
// # Who decides
//
// The log of acks does. Starting a ticket means to write started and then to
// read the log up to one's own word: whoever is first there has the ticket in
// hand, and everybody else hears who that is. So two stations can never both
// get credit, whatever they believed a moment ago. A station that starts up
// first reads the log far enough back (twice the time in which a ticket is
// answered or issued again) to know what is finished and what is in somebody's
// hands, before it offers anything.
//
//	            offered               started is ours
//	delivered ───────────► waiting ────────────────────► in hand
//	    │                   ▲   │                          │ done, failed, undone
//	    │ finished before   │   │ somebody else's          ▼
//	    ▼                   │   ▼                        answered
//	last ack repeated     elsewhere
//
// # What a delivery's end means
//
// A ticket's message counts as finished for the group only when the log has
// the ack that ended it, when a newer attempt of the same ticket has arrived
// (it lies behind in the same partition), or when somebody else has had it in
// hand for so long that it is being issued again. The ticket of a cancelled
// order is finished once its undo ticket is here.
//
// # When an order is cancelled
//
// Its open ticket is not issued again; an undo ticket says so, in the same
// partition. Whichever of the two comes first, the ticket is withdrawn: what
// waited vanishes, what comes later is not offered, and what is in hand leaves
// the hand, whose owner is told at once. A station that has work in hand on a
// partition that is not its own any more never sees the undo ticket, but hears
// the first ack about it.
//
//	                                        offered
//	somebody has begun, or made the work ───────────► waiting ─► in hand ─► undone, failed
//	an answer is on its way from here ───► awaited, and decides
//	nobody has begun ────────────────────► undone by itself
//
// The station answers an undo ticket by itself, unseen by people, only if its
// log reaches back far enough to know that nobody has begun; if somebody turns
// out to have, before the answer is written, the undo ticket is offered after
// all. A last word that another station is writing at the very same moment is
// not seen: then the log has a done and, right behind it, an undone with nothing
// scrapped.
//
// # When things break
//
//   - This station dies: its tickets go to the others. One that was started is
//     left alone until its next attempt is issued, unless somebody with the
//     same name takes it up: a name is a person, and a person who comes back
//     finds the work where it was left. If two stations go by one name, the
//     one that took a ticket up last has it in hand.
//   - An undo ticket fails: a manager is asked. If it is issued again it is
//     offered, since somebody has found something.
//   - A partition goes to another station: what only waited here vanishes.
//     What is in hand stays, since the other station reads in the log whose it
//     is.
//   - A ticket is issued again while it is in hand: this station says started
//     for the new attempt by itself, because here is somebody alive.
//   - Kafka is away: what is to be said is said again and again until it is
//     written. The work stays in hand.
//   - A ticket was finished before: its last ack is repeated, word for word,
//     and nobody makes it again. A failed one is not repeated, as that could
//     fail its next attempt: the log has it.
//   - A ticket lies further back than the log was read: it is not offered,
//     since nobody here can know what became of it. If it is still open it is
//     issued again. The broker's times tell; where senders date the records, the
//     log is read whole and every ticket is offered.
//   - This station's clock is wrong: nothing changes. It dates what is said here
//     for people, as far as the record allows; how long somebody else may have a
//     ticket in hand is a length, measured from when it came.
//   - Somebody has started a ticket without saying which attempt: it stays with
//     them, also when it is issued again, until it ends or fails. If they have
//     gone, people have to say done or failed for them.
//   - A message that is no ticket of this stage goes to the dead letters.
package station
