// Package ledger remembers what the log forgets: a projection of Kafka's topics into
// PostgreSQL that anybody can query, and that can be thrown away and built again.
//
//	topics ─► facts, a row for each record, unjudged ─► the order's rows, folded by the boards' rules ─► views ─► reports
//
// # Once
//
// Store.Add writes a batch in one transaction: its facts, how far the partitions are
// read, and the orders that it is about, folded anew. Whoever reads a partition claims it
// (Store.Position); from others the database then takes nothing for it. What lies before
// the position is passed over. So neither a crash nor a rebalance nor a record that comes
// twice leaves anything out or writes it twice.
//
// # In any order
//
// An order's topics may be read by different processes and at different paces. It is
// folded from all its facts, whose order between partitions does not matter, while its row
// in order_folds is locked. What is personal is merged by rules that give the same in any
// order.
//
// # Again
//
// Rebuild reads the log into a second schema, and puts that into the place of the first.
// Both agree in every row: Store.Hashes.
//
// # What it does not know
//
// It asks nobody but the log. An order that was ended in Temporal is open here, as it is
// on the boards, until `cupcakery order doctor` has withdrawn its tickets.
package ledger
