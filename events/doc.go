// Package events is the road between the factory and its stations: the Kafka
// topics, what a message on them looks like, and how to write and read them
// without losing any.
//
// # What it promises
//
// A [Writer] returns without an error only when every in-sync replica has the
// message. It may write a message twice (a retry after a lost answer), so each
// carries an id by which a reader recognises the second: the ticket's id and
// attempt, or a UUID for an ack. Messages of one order have one key, so they
// lie in one partition in the order in which they were written.
//
// A [Consumer] delivers every message at least once. It commits only what has
// been finished without a gap, so the place of a group is always the first
// message that somebody still works on:
//
//	offset      7     8     9     10    11
//	          done  done  open  done  (not fetched)
//	                      ▲ committed: whoever takes over starts here
//
// The place moves on over offsets without a message: an aborted transaction, a
// marker, what was compacted away. Messages of an open transaction are not
// delivered, and neither is what lies behind them.
//
// What is lost when things break:
//
//   - A consumer that dies takes its open messages along; after the session
//     timeout another member of the group gets them, and those that were
//     finished but not committed yet.
//   - A partition that is taken away cancels the context of its deliveries;
//     nothing is committed for it any more. A partition that stays with this
//     member through a rebalance goes on as if nothing had happened.
//   - A topic that is deleted and made anew is read from its beginning. What
//     retention deletes before it was read is lost, and the log says so.
//   - While Kafka is away a consumer waits and goes on by itself. A writer
//     says so with an [UnavailableError].
//
// [Tail] reads topics without a group: each caller sees every message.
//
// [DeadLetters] is how people sort out what could never be understood: the
// letter stays, and what they decide is written behind it.
//
// Kafka is the authority on what was said and in which order. What it means is
// decided elsewhere: this package knows no workflow and never imports Temporal.
package events
