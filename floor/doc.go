// Package floor is what a process knows from the log in Kafka. One reader folds
// the log for the whole process, and channels show what it says:
//
//	ticket topics, station-acks ─► board.Board ─► the channels station/…, kitchen, counter and overview
//	                            └► figures ─► statistics and pace
//	order-status ─► the newest step of each order ─┬► the channels order/…, answers without a worker
//	                                   board.Board ┘
//	kitchen-state ─► events.Flags ─► boards, the counter, kitchen and menu
//	orders-to-ship ─► what is ready and was not collected
//	all topics ─► (only that there was a message) ─► kitchen's counts of orders
//
// Where an order stands is its newest step, by its version and not by its place in
// the log, and what the board knows of the tickets that the step waits for. A channel
// of an order asks whoever keeps the orders for the first look, for what the log
// leaves out when that has changed, for a step that is missing beside its ticket, and
// once a minute, since what somebody does to an order in Temporal is on no log. What
// is told again beside a ticket that is issued again may be outdated, if a process has
// not read what came before.
//
// What is over is forgotten once the log has been silent about it for as long as
// board.LookBack says. How long that is is measured by the broker's times of each
// partition, and by how long this process has been reading; its own clock only
// tells people what time it is. What is open is issued again before, while the
// factory works, and is forgotten only if other tickets of its partition were
// issued for as long and it was not: so work in hand stays on the boards through
// any outage of Temporal. The log is read as far back at the start, and at least as
// far as the figures go, so that every process shows the same. After an outage of
// the factory that was longer than that, a process that has just started does not
// show a ticket that nobody has said anything about until it is issued again.
//
// What is paused, sold out, in a rush or collected is read from its beginning. Of each
// key the last record counts, so every process knows the same. What nobody needs to
// know any more is taken back by one of the processes: see tidyFlags.
//
// Acks are published to the log, and answered by what it makes of them: by
// board.Effect. A station's alarm is that tickets wait there and nobody has taken one
// for long, by the log's time; it begins although the log is silent.
//
// The package serves nothing, and knows of an order what the log tells, or whoever
// keeps the orders.
//
// # Locks
//
// Each guards one thing. They are taken in this order, and no function that is
// called with one held calls back:
//
//	Floor.mu       the fold of the log, and what the channels of orders know
//	orderFeeds.mu  which orders are followed
//	feed.mu        one channel: what it shows, its changes, its followers
//	poller.mu      when to look again
//	Flags.mu       what kitchen-state says
package floor
