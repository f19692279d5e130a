// Package station is a station's side of the contract: it reads the tickets of
// one stage from Kafka, lets somebody work on them, and answers with acks. The
// command line, robots and tests use it; it knows Kafka and nothing else.
//
// # Who decides
//
// The log of acks does. Claiming a ticket means to publish started and then to
// read the log up to one's own ack: the first started in the log owns the ticket,
// and everybody else reads there who that is. So two stations can never both get
// credit, whatever they believed a moment ago. A station that starts up first
// reads the log far enough back (twice the time in which a ticket is answered or
// issued again) to know what is finished and what is in somebody's hands, before
// it offers anything.
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
// (it lies behind in the same partition), or when an owner elsewhere has had it
// for so long that it is being issued again. The ticket of a cancelled order is
// finished once its undo ticket is here.
//
// # When an order is cancelled
//
// Its open ticket is not issued again. An undo ticket in the same partition
// withdraws it, whichever of the two comes first: what waits vanishes, what comes
// later is not offered, and what is in hand leaves the hand, whose owner is told
// at once. A station with work in hand on a partition that is not its own any
// more never sees the undo ticket, but reads the first ack about it.
//
//	                                        offered
//	somebody has begun, or made the work ───────────► waiting ─► in hand ─► undone, failed
//	an answer is on its way from here ───► awaited, and decides
//	nobody has begun ────────────────────► undone by itself
//
// The station answers an undo ticket by itself, unseen by people, only if its
// log reaches back far enough to know that nobody has begun. If it turns out that
// somebody has, before the answer is written, the undo ticket is offered after
// all. A final ack that another station is writing at the very same moment is
// not seen: then the log has a done and, right behind it, an undone with nothing
// scrapped.
//
// # The states of a job
//
// A job is a ticket that is here. It has one state, and next is all that changes
// it; what has no row changes nothing. An effect with a capital letter is an Event
// for Config.Observe, and finish finishes the delivery.
//
// People see claiming as waiting, contested as elsewhere, and answering and
// overtaken as in hand. They do not see undecided and undoing.
//
//	input            from                                             to         effects
//	undo delivered   absent                                           undecided  -
//	offered          absent, undecided, undoing                       waiting    Offered
//	offered owned    absent, undecided, undoing                       elsewhere  StartedElsewhere
//	needs nobody     undecided                                        undoing    publish undone
//
//	claim begun      waiting                                          claiming   -
//	claim begun      elsewhere                                        contested  -
//	claim dropped    claiming                                         waiting    -
//	claim dropped    contested                                        elsewhere  -
//	answer begun     in hand                                          answering  -
//	answer dropped   answering                                        in hand    -
//	answer dropped   overtaken                                        elsewhere  -
//
//	owned here       waiting, elsewhere, claiming, contested          in hand    Started
//	owned here       overtaken                                        answering  -
//	owned elsewhere  waiting, elsewhere, in hand                      elsewhere  StartedElsewhere
//	owned elsewhere  claiming, contested                              contested  StartedElsewhere
//	owned elsewhere  answering, overtaken                             overtaken  StartedElsewhere
//
//	reissued         waiting, claiming, answering                     same       Reissued
//	reissued         elsewhere                                        waiting    Reissued, Offered
//	reissued         contested                                        claiming   Reissued, Offered
//	reissued         overtaken                                        answering  Reissued
//	reissued         in hand                                          in hand    Reissued, publish started
//	reissued owned   waiting, elsewhere, in hand                      elsewhere  Reissued, StartedElsewhere
//	reissued owned   claiming, contested                              contested  Reissued, StartedElsewhere
//	reissued owned   answering, overtaken                             overtaken  Reissued, StartedElsewhere
//
//	ended            all                                              closed     finish, Answered
//	undone           all                                              closed     finish, Withdrawn
//	withdrawn        undecided, undoing, waiting, elsewhere, in hand  closed     finish, Withdrawn
//	withdrawn        claiming, contested                              closed     finish, Withdrawn
//	expired          elsewhere, contested                             closed     finish, Withdrawn
//	partition lost   undecided, undoing, waiting, elsewhere           closed     Withdrawn
//
// All means every state but absent and closed. A job keeps its ticket in the other
// states when its partition is lost; once it would wait or have an owner elsewhere,
// that input comes again, so that it closes. When the station stops, all partitions
// are lost and all calls end: claims and answers are dropped.
//
// # When things break
//
//   - This station dies: its tickets go to the others. One that was started is
//     left alone until its next attempt is issued, unless somebody with the
//     same name claims it: a name is a person, and a person who comes back
//     finds the work where it was left. If two stations go by one name, the
//     one that claimed a ticket last owns it.
//   - An undo ticket fails: a manager is asked. If it is issued again it is
//     offered, since somebody has found something.
//   - A partition goes to another station: what only waited here vanishes.
//     What is in hand stays, since the other station reads in the log who owns
//     it.
//   - A ticket is issued again while it is in hand: this station publishes
//     started for the new attempt by itself, because here is somebody alive.
//   - Kafka is away: acks are published again and again until they are written.
//     The work stays in hand.
//   - A ticket was finished before: its last ack is repeated unchanged, and
//     nobody makes it again. A failed one is not repeated, as that could fail
//     its next attempt: the log has it.
//   - A ticket lies further back than the log was read: it is not offered,
//     since nobody here can know what became of it. If it is still open it is
//     issued again. This goes by the broker's times; where senders date the
//     records, the log is read whole and every ticket is offered.
//   - This station's clock is wrong: nothing changes. It dates this station's acks
//     for people, as far as the record allows; how long an owner elsewhere may
//     have a ticket is a length, measured from when it came.
//   - Somebody has started a ticket without saying which attempt: they own it,
//     also when it is issued again, until it ends or fails. If they have gone,
//     people have to say done or failed for them.
//   - A message that is no ticket of this stage goes to the dead letters.
package station
