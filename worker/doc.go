// Package worker is the process that drives orders: a Temporal worker for
// OrderWorkflow and its activities, and the consumer that carries the
// stations' acks from Kafka into Temporal. Several may run; each order's acks
// lie in one partition and are carried one after the other: queue.go decides
// when, acks.go what becomes of each.
//
// Beside the consumer each worker reads the whole log of tickets and acks and
// folds it by the board's rules (log.go). An ack that the log already answers
// costs no call to Temporal: somebody was first, it names what is over, or a later
// ack has changed it. What the log does not tell, Temporal is asked.
//
// What becomes of an ack that still counts:
//
//	started   heartbeat of the ticket's activity with its owner, the first one a
//	          moment later, unless the ticket has ended by then
//	released  heartbeat without a name, then the end of the activity's attempt;
//	          Temporal issues the ticket again
//	done      completes the activity
//	failed    fails the activity or, after a heartbeat without a name, its attempt
//	undone    completes the undo ticket's activity
//	refused   nothing: it is for those who fold the log
//
// And of one that does not:
//
//	stale     counted
//	poison    to dead-letters, with where it came from and why
//	misplaced forwarded once, marked, into its order's partition
//	never was taken back by a refused ack, then to dead-letters: its ticket was
//	          never issued, or not as often as it says (refusal.go)
//
// Redelivery is harmless, and offsets are committed only after Temporal
// has (or refuses for good) what the ack says. While Temporal cannot be
// reached the consumer keeps its place, and goes on by itself. An ack between two
// attempts of its ticket waits for seconds; then it is left to the next attempt's
// activity, which asks the log (ticketLog.End and Failure).
//
// While builds run side by side, any worker may read an ack of a stage that only
// another build knows. It carries it like every other: Temporal decides whether
// an activity waits for it.
package worker
