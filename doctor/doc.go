// Package doctor finds and mends what an order that was terminated or reset in
// Temporal has left at the stations: tickets that are open there and that no order
// waits for.
//
// Two sides are asked. The log in Kafka says which tickets stations hold for open,
// Temporal says which tickets an order waits for. An orphan is a ticket that is
// open by the log and not waited for by Temporal, found so twice:
//
//	read the log ─► open tickets ─► ask Temporal ─► suspects ─► read the log again
//	                                                                   │
//	                      orphans ◄─ ask Temporal again ◄─ suspects that are still open
//
// An order that runs may go on between the two questions. Its station's ack is on
// the log before Temporal hears of it. So if Temporal no longer waits for a ticket
// because it was done, the second reading of the log shows that it was.
//
// An orphan is withdrawn by its undo ticket, as its order would have done. Doing
// all of it again withdraws nothing twice, since the undo ticket is then on the
// log.
package doctor
