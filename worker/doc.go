// Package worker is the process that drives orders: a Temporal worker for
// OrderWorkflow and its activities, and the consumer that carries the
// stations' acks from Kafka into Temporal. Several may run; each order's acks
// lie in one partition and are carried one after the other: queue.go decides
// when, acks.go what becomes of each.
//
// What becomes of an ack:
//
//	started   heartbeat of the ticket's activity a moment later, unless the
//	          ticket has ended by then; left out while the consumer lags
//	done      completes the activity
//	failed    fails the activity's attempt; Temporal issues the ticket again
//	undone    completes the undo ticket's activity
//	poison    to dead-letters, with where it came from and why
//	misplaced forwarded once, marked, into its order's partition
//
// An ack for a ticket that no longer waits is stale: counted and committed.
// So redelivery is harmless, and offsets are committed only after Temporal
// has (or refuses for good) what the ack says. While Temporal cannot be
// reached the consumer keeps its place, and goes on by itself.
//
// While builds run side by side, any worker may read an ack of a stage that only
// another build knows. It carries it like every other: Temporal decides whether
// an activity waits for it.
package worker
