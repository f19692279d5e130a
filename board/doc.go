// Package board folds the log of tickets and acks into what people want to
// know of it: which tickets are open at a stage, who has which in hand, and
// what became of the others.
//
// # What it promises
//
// The log decides. All acks of one order lie in one partition, so everyone who
// folds it comes to the same answer:
//
//	             first issue              claim                  done, undone
//	(unknown) ─────────────────► waiting ─────────► started ─────────────────► ended
//	                              ▲   ▲               │ │ ▲
//	                              │   └── released ───┘ │ └─ renewed, taken over
//	                 next attempt │                   │
//	                              └──── failed ◄──────┘
//
// Issues and acks are folded apart, each for its ticket, and only put together
// when somebody asks; so are a make ticket and its undo ticket. So the answer
// does not depend on how the topics are interleaved: only the order within a
// partition counts. An undo ticket may even lie before the make ticket that it
// withdraws, if the two were published at the same time.
//
// # What an ack does
//
// An ack that names an attempt up to the last that failed is a stale started or
// failed, and has no row. Nor has one whose ticket has ended: it is stale, of
// whatever kind.
//
//	ack                            from             to       effect
//	started                        waiting, failed  started  claimed
//	started by the owner           started          started  renewed
//	started by another             started          started  stale
//	started after long silence     started          started  took over
//	take-over from the owner       started          started  took over
//	take-over from another         started          started  stale
//	take-over                      waiting, failed  same     stale
//	released by the owner          started          waiting  released
//	released by another            started          started  stale
//	released                       waiting, failed  same     stale
//	failed by the owner            started          failed   failed
//	failed of an earlier attempt   started          started  stale
//	failed by another              started          started  stale
//	failed                         waiting, failed  failed   failed
//	done                           all              done     ended
//
// In words:
//
//   - To issue a ticket again changes nothing about who has it or how long it has
//     waited.
//   - The first to start a ticket owns it until it ends or fails, until they put
//     it back, or until somebody takes it over. If they say started again, they
//     renew: they are heard of.
//   - A take-over names whom it takes the ticket from, and counts only while that
//     is the owner. After a release at the same moment it is stale.
//   - A started of somebody else counts once the owner has been silent for longer
//     than the ticket allows: ackBy less issuedAt.
//   - A release counts from the owner. The ticket waits again at once.
//   - A failure counts from the owner, or from anybody while nobody owns the
//     ticket. The ticket is open again once a later attempt has been issued.
//   - A second record of a failure or release (same name, attempt and time given
//     by the sender) is stale. A started that comes twice may be meant.
//   - Whoever says done or undone ends the ticket, whatever attempt they name: the
//     work is there.
//   - A refused takes back the ack at its offset in the same partition: the
//     ticket stands as if that had never been written, and what came after it is
//     judged again.
//   - An undo ticket withdraws the make ticket that it undoes, as soon as it is
//     issued or an ack about it counts. Whoever has the make ticket in hand is
//     still shown with it, since there is something to put away. Once the undo
//     ticket is undone, so is the make ticket, and what follows about either is
//     stale.
//
// So whoever has a ticket, somebody can always end it, and they need to know
// neither attempts nor renewals for that.
//
// # Which attempt an ack answers
//
// An ack names its attempt. The board may not have seen that attempt yet, since
// tickets and acks lie in different topics and either may be ahead. So an ack
// may name a later attempt than any that was heard of, and counts: a failure then
// fails every attempt up to that one. If it was never issued, a worker refuses
// the ack. Of a failure from the owner, an attempt earlier than the one that they
// claimed is another time that they had the ticket, so it is stale. A later one
// was issued while they worked, and means the work in hand.
//
// An ack typed by hand may leave the attempt out. Then it is about the ticket as
// it stands at that place of the acks:
//
//   - A started without an attempt claims the next attempt, also when the ticket
//     has just failed. It may have been meant for the failed one, but nobody could
//     tell, and whoever is shown with a ticket by mistake can put it back.
//   - A failed without an attempt fails the attempt in hand, or the first that has
//     not failed. A ticket that had been issued again before is then open at once.
//
// # What a worker refuses
//
// A fold cannot tell an end before its beginning from an issue that it hears
// late. The worker can: it asks Temporal whether the ticket, and the attempt that
// is named, was ever issued. If not, it writes refused with the place of the ack
// into the same partition, where every fold hears it at the same place. The last
// 32 acks of a ticket can be refused, and an end whatever follows it.
//
// # Clocks
//
// No clock decides. The board has none: what it makes of the log depends on the
// order within each partition, with two exceptions, and both compare the broker's
// times of one partition with each other:
//
//   - An owner is silent between their last started and the ack that is judged.
//   - A ticket that the log has not mentioned for long is forgotten. For that it
//     also counts how long the reader has been reading without outages (Stopwatch).
//     One that is open is forgotten only if others of its partition were issued
//     for as long, which shows that the factory was not away.
//
// A time given by a sender, as all are in a topic with CreateTime, proves nothing:
// there nobody is ever silent. It tells only two records of one ack from two acks.
//
// # What is lost
//
// Nothing is stored: a new board is read from the log, from a fixed time before
// the newest record of each partition. A partition in which no ticket was issued
// for long then ends with tickets whose acks are older than the acks that were
// read. Those tickets are TooOld: the board cannot know what became of them. So
// are tickets that are issued again after their acks were forgotten. They are not
// shown; what is still open is issued again.
//
// TooOld alone compares the broker's times of two topics. Their clocks may differ
// by as much as an owner may be silent: while the factory works, an open ticket was
// issued within four times that, and five times as much is read (LookBack).
package board
