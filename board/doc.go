// Package board folds the log of tickets and acks into what people want to
// know of it: which tickets are open at a stage, who has which in hand, and
// what became of the others.
//
// The log decides. All acks of one order lie in one partition, so everyone who
// folds it comes to the same answer:
//
//	            issued                 started              done, undone
//	(unknown) ─────────► waiting ──────────────► started ──────────────► ended
//	                      ▲   │                     │
//	     next attempt     │   └───────┐   ┌─────────┘
//	                      └──────── failed
//
// In words:
//
//   - The first started owns its attempt of the ticket; a later one is stale.
//   - A done or undone by anyone ends the ticket, whatever attempt it answers,
//     because it completes the order's step by the ticket's id. What follows is
//     stale.
//   - A failed by anyone ends the attempt. The ticket is open again once its
//     next attempt has been issued.
//   - A newer attempt is free again, whoever started the older: it was issued
//     because no answer came, so its owner may be gone.
//   - An undo ticket withdraws the make ticket that it undoes, as soon as it is
//     issued or anybody speaks of it. Whoever has that in hand is still shown
//     with it, since there is something to put away. Once the undo ticket is
//     undone, so is the make ticket, and what follows about either is stale.
//
// An ack says which attempt it answers. It may be one of which the board has
// not heard, since tickets and acks come on different topics and either may be
// ahead; one that is absurdly far ahead is a slip of the finger and counts for
// nothing.
//
// An ack typed by hand may leave the attempt out. It cannot be dated against an
// issue, which lies in another topic, so it goes by the order of the acks alone:
//
//   - A started without an attempt claims the ticket, also for the attempts that
//     are issued later, until the ticket ends or fails or somebody starts a newer
//     attempt than the acks before it have named. One that comes while another
//     has the attempt in hand is second as long as that attempt lasts. So a
//     ticket of somebody gone may stay blocked; one made twice would be worse.
//   - A failed without an attempt is of the attempt that the acks before it have
//     come to, and so may leave one open that was issued before it.
//
// # Clocks
//
// Nobody's clock decides. The board has none: what it makes of the log depends
// on the order within each partition and on nothing else. Times are for people
// to see, with one exception: a ticket that has been silent for long is
// forgotten. How long it has been silent is measured by the broker's times of one
// partition, compared with each other, and by how long the reader has been reading
// (Stopwatch), outages excluded. A time that a sender has given, as all are in a
// topic with CreateTime, proves nothing.
//
// A reader begins a fixed time back from the newest record of each partition. A
// partition in which no ticket was issued for long then ends with tickets whose
// acks are older than the acks that were read. Those are TooOld to judge, and so
// is a ticket that comes again after its acks were forgotten. This alone compares
// the broker's times of two topics. Their clocks may differ by as much as a ticket
// has time for its ack, since twice that is read and an open ticket is no older
// than once.
//
// Issues and acks are folded apart, each for its ticket, and only put together
// when somebody asks; so are a make ticket and its undo ticket. That is what
// makes the answer independent of how the topics are interleaved: only the
// order within a partition counts. An undo ticket may even lie before the make
// ticket that it withdraws, if the two were published at the same time.
package board
