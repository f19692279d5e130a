// Package fault names the points at which the crash tests kill a worker: each
// lies between two messages, where one has been taken in and the next has not
// been sent.
//
// In an ordinary build Pass is empty. A build with the
// tag "faults" holds whoever passes a point, as often as its test asks, until
// the test kills the process.
package fault

// Point is a place in the worker's code.
type Point string

// The points.
const (
	// TicketUnpublished is before a ticket goes to Kafka.
	TicketUnpublished Point = "ticket-unpublished"
	// TicketPublished is before Temporal is told that a ticket is on Kafka.
	TicketPublished Point = "ticket-published"
	// AckRead is before an ack is delivered to Temporal.
	AckRead Point = "ack-read"
	// AckDelivered is before the ack's offset may be committed.
	AckDelivered Point = "ack-delivered"
	// AckForwarded is after the copy of a misplaced ack is on Kafka and before
	// the offset of the original may be committed.
	AckForwarded Point = "ack-forwarded"
	// AttemptCleared is after Temporal was told that nobody has a ticket in hand and
	// before its attempt is ended.
	AttemptCleared Point = "attempt-cleared"
	// AckRefused is after an ack was taken back in the log and before it is a dead
	// letter.
	AckRefused Point = "ack-refused"
	// AnnouncementUnpublished is before an order's end is announced.
	AnnouncementUnpublished Point = "announcement-unpublished"
	// AnnouncementPublished is before Temporal is told that it was.
	AnnouncementPublished Point = "announcement-published"
	// LetterPublished is after a dead letter is on Kafka and before the offset
	// of the original may be committed.
	LetterPublished Point = "letter-published"
)

// Points are all points.
func Points() []Point {
	return []Point{TicketUnpublished, TicketPublished, AckRead, AckDelivered, AnnouncementUnpublished, AnnouncementPublished, LetterPublished, AckForwarded, AttemptCleared, AckRefused}
}

const (
	// Environment is the variable that names the directory by which a test and
	// its worker communicate. In it, the file named after an order has the point at
	// which that order's messages are held.
	Environment = "CUPCAKERY_FAULTS"
	// Held is the directory in it that has a file for each message that was
	// held.
	Held = "held"
)
