package kitchen

import "time"

const (
	// maxAckDelay is the longest time from an ack to its record: a station
	// retries until Kafka is back.
	maxAckDelay = 4 * time.Hour
	// recordsStep is the precision of Kafka's record times.
	recordsStep = time.Millisecond
	// maxWork is the longest time from the start of work to its ack.
	maxWork = MaxAckWithin
	// maxPublishing is the longest time from a ticket's issue to its record:
	// longer than publishing takes.
	maxPublishing = time.Minute
)

// No time of an ack or a record is outside these years, however wrong a clock
// is.
var (
	earliestTime = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	latestTime   = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// DatedBy returns the ack with times that are possible given its record's time,
// for people to see; a zero record means that its time is unknown. An At after
// the record, or hours before it, becomes the record's time. A StartedAt after
// At becomes At, and one more than a day before At becomes unknown.
func (a Ack) DatedBy(record time.Time) Ack {
	sent := a.At
	if !record.IsZero() && (a.At.After(record.Add(recordsStep)) || a.At.Before(record.Add(-maxAckDelay))) {
		a.At = record
	}
	a.At = TimeThatCanBe(a.At)
	if !a.At.Equal(sent) {
		a.sent = sent
	}
	switch {
	case a.StartedAt == nil:
	case a.StartedAt.After(a.At):
		startedAt := a.At
		a.StartedAt = &startedAt
	case a.StartedAt.Before(a.At.Add(-maxWork)):
		a.StartedAt = nil
	}
	return a
}

// SaidAt is the ack's time by its sender's clock, which may be wrong. It serves
// only to distinguish the acks of one sender.
func (a Ack) SaidAt() time.Time {
	if a.sent.IsZero() {
		return a.At
	}
	return a.sent
}

// SaidWhen returns the ack with another time by its sender's clock: that of one which
// was kept apart from the rest.
func (a Ack) SaidWhen(said time.Time) Ack {
	a.sent = time.Time{}
	if !said.Equal(a.At) {
		a.sent = said
	}
	return a
}

// DatedBy returns the ticket with times that are possible given its record's
// time, for people to see; a zero record means that its time is unknown. An
// IssuedAt after the record, or longer before it than publishing takes, becomes
// the record's time. AckBy keeps its distance from it, and Since is not after it.
func (t Ticket) DatedBy(record time.Time) Ticket {
	within := t.AckWithin()
	if !record.IsZero() && (t.IssuedAt.After(record.Add(recordsStep)) || t.IssuedAt.Before(record.Add(-maxPublishing))) {
		t.IssuedAt = record
	}
	t.IssuedAt = TimeThatCanBe(t.IssuedAt)
	if !t.AckBy.IsZero() {
		t.AckBy = t.IssuedAt.Add(within)
	}
	if !t.Since.IsZero() {
		t.Since = TimeThatCanBe(t.Since)
	}
	if t.Since.After(t.IssuedAt) {
		t.Since = t.IssuedAt
	}
	return t
}

// AckWithin is how long the station has for its ack, which does not depend on
// anybody's clock; zero if the ticket has no AckBy.
func (t Ticket) AckWithin() time.Duration {
	if t.AckBy.IsZero() {
		return 0
	}
	return min(max(0, t.AckBy.Sub(t.IssuedAt)), MaxAckWithin)
}

// TimeThatCanBe returns t in UTC, or the nearest time in the years that an ack
// or a record can have.
func TimeThatCanBe(t time.Time) time.Time {
	switch {
	case t.Before(earliestTime):
		return earliestTime
	case t.After(latestTime):
		return latestTime
	}
	return t.UTC()
}
