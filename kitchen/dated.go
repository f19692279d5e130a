package kitchen

import "time"

const (
	// maxAckDelay is how long before its record an ack may say that it was
	// given: one is said again until Kafka is back.
	maxAckDelay = 4 * time.Hour
	// recordsStep is how exactly Kafka dates records.
	recordsStep = time.Millisecond
	// maxWork is how long before its ack work may say that it began.
	maxWork = MaxAckWithin
	// maxPublishing is how long before its record a ticket may say that it was
	// issued: longer than a publish takes.
	maxPublishing = time.Minute
)

// No time of an ack or a record is outside these years, whatever a clock says.
var (
	earliestTime = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	latestTime   = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// DatedBy returns the ack with times that are possible given its record, for
// people to see. An At that is after the record, or hours before it, becomes the
// record's time; a StartedAt after At becomes At, and one more than a day before
// it becomes unknown. A zero record means that its time is unknown.
func (a Ack) DatedBy(record time.Time) Ack {
	said := a.At
	if !record.IsZero() && (a.At.After(record.Add(recordsStep)) || a.At.Before(record.Add(-maxAckDelay))) {
		a.At = record
	}
	a.At = TimeThatCanBe(a.At)
	if !a.At.Equal(said) {
		a.said = said
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

// SaidAt is when the ack was given by its sender's clock, which may be wrong. It
// tells acks of one sender apart, and nothing else.
func (a Ack) SaidAt() time.Time {
	if a.said.IsZero() {
		return a.At
	}
	return a.said
}

// DatedBy returns the ticket with times that are possible given its record, for
// people to see. An IssuedAt that is after the record, or further before it than
// publishing takes, becomes the record's time; AckBy keeps its distance. A zero
// record means that its time is unknown.
func (t Ticket) DatedBy(record time.Time) Ticket {
	within := t.AckWithin()
	if !record.IsZero() && (t.IssuedAt.After(record.Add(recordsStep)) || t.IssuedAt.Before(record.Add(-maxPublishing))) {
		t.IssuedAt = record
	}
	t.IssuedAt = TimeThatCanBe(t.IssuedAt)
	if !t.AckBy.IsZero() {
		t.AckBy = t.IssuedAt.Add(within)
	}
	return t
}

// AckWithin is how long the station has for its answer, which any clock
// measures alike; zero if the ticket does not say.
func (t Ticket) AckWithin() time.Duration {
	if t.AckBy.IsZero() {
		return 0
	}
	return min(max(0, t.AckBy.Sub(t.IssuedAt)), MaxAckWithin)
}

// TimeThatCanBe returns t in UTC or, if no clock can show it, the nearest time
// that one can.
func TimeThatCanBe(t time.Time) time.Time {
	switch {
	case t.Before(earliestTime):
		return earliestTime
	case t.After(latestTime):
		return latestTime
	}
	return t.UTC()
}
