// Package fault names the points at which the crash tests kill a worker: each
// lies between two messages, where one has been taken in and the next has not
// been sent.
//
// An ordinary build has nothing of it: Pass is empty there. A build with the
// tag "faults" holds whoever passes a point, as often as its test asks, until
// the test kills the process.
package fault

// Point is a place in the worker's code.
type Point string

// The points.
const (
	// TicketUnpublished is before a ticket goes to Kafka.
	TicketUnpublished Point = "ticket-unpublished"
	// TicketPublished is before Temporal hears that a ticket is on Kafka.
	TicketPublished Point = "ticket-published"
	// AckRead is before Temporal is told what an ack says.
	AckRead Point = "ack-read"
	// AckTold is before the ack's offset may be committed.
	AckTold Point = "ack-told"
	// AckForwarded is after the copy of a misplaced ack is on Kafka and before
	// the offset of the original may be committed.
	AckForwarded Point = "ack-forwarded"
	// NewsUnpublished is before downstream systems hear of an order.
	NewsUnpublished Point = "news-unpublished"
	// NewsPublished is before Temporal hears that they have.
	NewsPublished Point = "news-published"
	// LetterPublished is after a dead letter is on Kafka and before the offset
	// of the original may be committed.
	LetterPublished Point = "letter-published"
)

// Points are all points.
func Points() []Point {
	return []Point{TicketUnpublished, TicketPublished, AckRead, AckTold, NewsUnpublished, NewsPublished, LetterPublished, AckForwarded}
}

const (
	// Environment is the variable that names the directory by which a test and
	// its worker speak. In it, the file named after an order has the point at
	// which that order's messages are held.
	Environment = "CUPCAKERY_FAULTS"
	// Held is the directory in it that has a file for each message that was
	// held.
	Held = "held"
)
