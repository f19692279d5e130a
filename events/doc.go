// Package events is the road between the factory and its stations: the Kafka
// topics, what a message on them looks like, and how to write and read them
// without losing any.
//
// Kafka is the authority on what was published and in which order. What it means
// is decided elsewhere: this package knows no workflow and never imports Temporal.
//
// # Writing
//
// A [Writer] returns without an error only when every in-sync replica has the
// message. It may write a message twice (a retry after a lost answer), so each
// carries an id by which a reader recognises the second: the ticket's id and
// attempt, or a UUID for an ack.
//
// # Order
//
// Messages of one order have one key, the order's id, so they lie in one partition
// in the order in which they were written. Between partitions there is no order. A
// ticket or an ack that lies elsewhere counts for nobody: see [MisplacedError].
//
// The topic kitchen-state belongs to no order. It is compacted and has one partition,
// and of each key the last record counts: [Flags] is its fold.
//
// # Reading
//
// A [Consumer] is a member of a group and delivers every message at least once. It
// commits only what has been finished without a gap, so the offset of a group is
// always the first message that somebody still works on:
//
//	offset      7     8     9     10    11
//	          done  done  open  done  (not fetched)
//	                      ▲ committed: whoever takes over starts here
//
// The offset moves on over those without a message: an aborted transaction, a
// marker, what was compacted away. Messages of an open transaction are not
// delivered, and neither is what lies behind them.
//
// Who writes what was read and the offset in one transaction keeps the offset itself
// and says by [ConsumerConfig].StartAt where to begin; the group's offset follows, for
// Kafka's own tools only.
//
// [Tail] reads topics without a group and without end: each caller sees every
// message. [LogReader] reads a part of a partition once.
//
// # What a crash does
//
//   - A consumer that dies takes its open messages along. After the session
//     timeout another member of the group gets them, and those that were finished
//     but not committed yet.
//   - A partition that is taken away cancels the context of its deliveries;
//     nothing is committed for it any more. A partition that stays with this
//     member through a rebalance goes on as if nothing had happened.
//   - A topic that is deleted and made anew is read from its beginning, and so is
//     one that was cut before the offset to read next. What retention deletes before
//     it was read is lost, and the log says so.
//   - While Kafka is away a consumer waits and goes on by itself. A writer
//     returns an [UnavailableError].
//
// # Dead letters
//
// A message that can never be understood is a [PoisonError].
// [Writer.PublishDeadLetter] puts it aside. Package deadletter is how people work
// through what was put aside.
package events
