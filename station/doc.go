// Package station is a station's side of the contract: it reads the tickets of
// one stage from Kafka, lets somebody work on them, and answers with acks. The
// command line, robots and tests use it; it knows Kafka and nothing else.
//
// # Who decides
//
// The log of acks does, as package board reads it; its doc.go has the life of a
// ticket. Claiming a ticket means to publish started and then to read the log up
// to one's own ack: the first started in the log owns the ticket, and everybody
// else reads there who that is. So two stations can never both get credit,
// whatever they believed a moment ago. A station that starts up first reads the log
// far enough back (five times the time for an ack; whatever is open is issued again
// within four) to know what is finished and what is in somebody's hands, before it
// offers anything.
//
//	            offered               started is ours
//	delivered ───────────► waiting ────────────────────► in hand
//	    │                   ▲   ▲                        │  ▲  │ done, failed, undone
//	    │ finished before   │   └────────────────────────┘  │  ▼
//	    ▼                   │ put back     put back         │ answered
//	last ack repeated     elsewhere ────────────────────────┘
//	                                 taken over
//
// Whoever has started a ticket has it until it ends, until they put it back, or
// until somebody takes it over. While it is in hand here, the station publishes
// started again and again, each time when a third of the ticket's time for an ack
// has passed, with the time at which the work began. So the owner is not silent,
// and nobody asks about work that takes long. An owner elsewhere of whom nothing
// was heard for as long as that time is shown as silent, and somebody here may take
// the ticket over: see Item.Silent, Station.TakeOver. Whoever lost a ticket is told
// at once by whom, and a failure of theirs does not count any more.
//
// # A name is a person
//
// A person may work at several stations, or come back to one that was restarted.
// What they have started elsewhere or before is shown as theirs, and every call
// works on it here: done, fail and put back at once, and start takes it up here.
// Their work is in hand at one station only: where they have claimed it last. A
// renewal is no claim.
//
// # What a delivery's end means
//
// A ticket's message counts as finished for the group only when the log has
// the ack that ended it or its attempt, or when a newer delivery of the same ticket
// has arrived (it lies behind in the same partition). The ticket of a cancelled
// order is finished once its undo ticket is here.
//
// Work in hand may take hours, here or elsewhere, without being issued again more
// often than every four times the time for its ack. The group takes only so many
// messages from the first unfinished one on (maxInFlight), so one such ticket would
// stop its partition. Therefore its message is also finished once half as many lie
// behind it. The ticket itself stays here as it is. If this station dies then, the
// ticket is not delivered to another at once, but when it is issued again: soon, if
// its owner has put it back or is silent. A ticket that waits is never let go like
// this: people have enough to start, and what they start makes room.
//
// A ticket in hand elsewhere leaves when neither its order nor its owner was heard
// of for five times the time for an ack: its order does not wait for it any more.
// What waits leaves when a ticket of its order's next pass comes.
//
// # What a repeated delivery means
//
// Nothing: it takes the place of the earlier message, with what it says. Neither
// whose the ticket is, nor its place, nor its number changes.
//
// If the log has the ticket's end already, its order has lost that: the station
// repeats the ack unchanged. It does not do so for a first delivery, since an end
// that lies before its ticket may be one that is about to be refused, and would
// count if it were repeated. A failed is never repeated: the log has it.
//
// A worker may refuse an ack about what never was: the end of a ticket that was
// never issued, or an attempt that was not. Then the ticket stands as if the ack
// had never been written. A ticket that has left because of it comes back at once,
// with its old message, if the partition is still ours. For the group that message
// stays finished; the order still waits, so the ticket is issued again. If a started
// is refused, its ticket leaves the hand and waits. If another started counts
// instead, its sender is the owner. Even if that is somebody of this station's name,
// the ticket is not in hand here, since nobody here was told so.
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
// overtaken as in hand. They do not see undecided and undoing. A ticket that is put
// back has no state for that: it is in hand until the log has it.
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
//	answer begun     elsewhere                                        overtaken  -
//	answer dropped   answering                                        in hand    -
//	answer dropped   overtaken                                        elsewhere  -
//	answer freed     overtaken                                        waiting    -
//
//	owned here       waiting, elsewhere, claiming, contested          in hand    Started
//	owned here       overtaken                                        answering  -
//	owned elsewhere  waiting, elsewhere, in hand                      elsewhere  StartedElsewhere
//	owned elsewhere  claiming, contested                              contested  StartedElsewhere
//	owned elsewhere  answering, overtaken                             overtaken  StartedElsewhere
//
//	freed            elsewhere, in hand                               waiting    PutBack
//	freed            contested                                        claiming   PutBack
//	freed            answering, overtaken                             overtaken  PutBack
//
//	ended            all                                              closed     finish, Answered
//	undone           all                                              closed     finish, Withdrawn
//	withdrawn        undecided, undoing, waiting, elsewhere, in hand  closed     finish, Withdrawn
//	withdrawn        claiming, contested                              closed     finish, Withdrawn
//	expired          waiting, elsewhere, contested                    closed     finish, Withdrawn
//	partition lost   undecided, undoing, waiting, elsewhere           closed     Withdrawn
//
// All means every state but absent and closed. A job keeps its ticket in the other
// states when its partition is lost; once it would wait or have an owner elsewhere,
// that input comes again, so that it closes. When the station stops, all partitions
// are lost and all calls end: claims and answers are dropped. Elsewhere is also
// where somebody of this station's name has the ticket; only that begins an answer.
//
// # When things break
//
//   - This station dies: its tickets go to the others. One that was started
//     stays its owner's, who finds it under the same name. When they have been
//     silent for as long as the time for its ack, others may take it over.
//   - An undo ticket fails: a manager is asked. If it is issued again it is
//     offered, since somebody has found something.
//   - A partition goes to another station: what only waited here vanishes.
//     What is in hand stays, since the other station reads in the log who owns
//     it.
//   - Kafka is away: acks are published again and again until they are written,
//     renewals too. The work stays in hand.
//   - A ticket lies further back than the log was read: it is not offered,
//     since nobody here can know what became of it. If it is still open it is
//     issued again. This goes by the broker's times; where senders date the
//     records, the log is read whole and every ticket is offered.
//   - This station's clock is wrong: nothing changes. It dates this station's acks
//     for people, as far as the record allows; how long an owner elsewhere is
//     silent is measured by the broker's times and by how long the log was read.
//   - Somebody works without this package, by hand, and never renews: they own the
//     ticket all the same, are shown as silent after its time, and then others may
//     take it over.
//   - A message that is no ticket of this stage goes to the dead letters.
package station
