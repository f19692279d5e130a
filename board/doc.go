// Package board folds the log of tickets and acks into what people want to
// know of it: which tickets are open at a stage, who has which in hand, and
// what became of the others.
//
// # What it promises
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
//   - A newer attempt is free again, whoever started the older one: it was issued
//     because no answer came, so its owner may be gone.
//   - An undo ticket withdraws the make ticket that it undoes, as soon as it is
//     issued or acked. Whoever has the make ticket in hand is still shown with it,
//     since there is something to put away. Once the undo ticket is undone, so is
//     the make ticket, and what follows about either is stale.
//
// Issues and acks are folded apart, each for its ticket, and only put together
// when somebody asks; so are a make ticket and its undo ticket. So the answer
// does not depend on how the topics are interleaved: only the order within a
// partition counts. An undo ticket may even lie before the make ticket that it
// withdraws, if the two were published at the same time.
//
// # Which attempt an ack answers
//
// An ack names its attempt. The board may not have seen that attempt yet, since
// tickets and acks lie in different topics and either may be ahead. An attempt
// that is absurdly far ahead is a typing error and counts for nothing.
//
// An ack typed by hand may leave the attempt out. Its issue lies in another
// topic, so only the order of the acks can tell which attempt it answers:
//
//   - A started without an attempt claims the ticket, and also the attempts that
//     are issued later, until the ticket ends or fails or somebody starts a newer
//     attempt than the earlier acks have named. While another owns the attempt,
//     it is second. So a ticket whose owner is gone may stay blocked; making it
//     twice would be worse.
//   - A failed without an attempt ends the attempt that the earlier acks have
//     reached. An attempt that was issued before it may stay open.
//
// # Clocks
//
// No clock decides. The board has none: what it makes of the log depends on the
// order within each partition and on nothing else. Times are for people to see,
// with one exception: a ticket that has been silent for long is forgotten. Its
// silence is measured by the broker's times of one partition, compared with each
// other, and by how long the reader has been reading without outages (Stopwatch).
// A time given by a sender, as all are in a topic with CreateTime, proves nothing.
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
// by as much as a ticket has time for its ack: an open ticket is no older than
// that, and twice as much is read.
package board
