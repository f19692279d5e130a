// Package floor is what a process knows from the log in Kafka. One reader folds
// the log for the whole process, and channels show what it says:
//
//	ticket topics, station-acks ─► board.Board ─► the channels station/…, kitchen and counter
//	                            └► figures ─► statistics and pace
//	all topics ─► (only that there was a message) ─► the channels order/…, kitchen's counts of orders
//
// The board keeps a ticket until the log has been silent about it for twice as
// long as one may stay unanswered: an open ticket is issued again before. The
// log is read as far back at the start, and at least as far as the figures go,
// so that every process shows the same. How long the log has been silent is
// measured by the broker's times of each partition, and by how long this process
// has been reading; its own clock only tells people what time it is.
//
// Acks are published to the log, and answered by what it makes of them. The
// package serves nothing, and knows orders only through whoever keeps them.
//
// # Locks
//
// Each guards one thing. They are taken in this order, and no function that is
// called with one held calls back:
//
//	Floor.mu       the fold of the log
//	orderFeeds.mu  which orders are followed
//	feed.mu        one channel: what it shows, its changes, its followers
//	poller.mu      when to look again
package floor
