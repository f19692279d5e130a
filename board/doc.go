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
// An ack says which attempt it answers; one typed by hand may leave that out,
// and then belongs to the attempt that was issued last when it was written. An
// ack can also claim an attempt of which the board has not heard. It is
// believed, since tickets and acks come on different topics and either may be
// ahead, until an attempt turns up that was issued after the ack: then the
// claim was wrong, and no mistyped number blocks a ticket for longer.
//
// Issues and acks are folded apart, each for its ticket, and only put together
// when somebody asks; so are a make ticket and its undo ticket. That is what
// makes the answer independent of how the topics are interleaved: only the
// order within a partition counts. An undo ticket may even lie before the make
// ticket that it withdraws, if the two were published at the same time.
package board
