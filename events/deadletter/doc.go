// Package deadletter is how people work through the messages that could not be
// understood: they see them, mend them, send them again or discard them.
// events.Writer publishes dead letters; this package reads them.
//
// The topic of dead letters is the only store. A letter stays where it is for as
// long as Kafka keeps it, and each decision about it is written behind it, into
// the same partition, as a mark:
//
//	state      means                              leaves it by
//	open       nobody has decided                 redrive, discard
//	redriving  announced, and may have been sent  its end, redrive again, discard
//	redriven   sent, and that is noted            redrive again
//	discarded  needs nothing more                 redrive again
//
// The order of the log decides. A decision names the last record that its maker
// knew about the letter, and counts only if no other came between. So of any
// number of people who redrive a letter at once, one sends it.
//
// A crash after the announcement leaves the letter redriving. Whether it was sent
// is for a person to find out; it is sent a second time only by somebody who says
// "again", and the message then carries how often it was sent.
package deadletter
