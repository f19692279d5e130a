package events

import "time"

const (
	// heldBackAfter is when an open transaction that holds a partition back is
	// logged.
	heldBackAfter = 10 * time.Second
	// farBehind is how many offsets behind its end a partition is logged. It is
	// logged again every logAgainAfter until it has caught up.
	farBehind     = 10_000
	logAgainAfter = 10 * time.Second
)

// openTransaction is a transaction that holds a partition back.
type openTransaction struct {
	offset int64 // of its first message
	since  time.Time
	logged bool
}

// logBehind tells how reading gets on while the partition is far behind.
func (f *fetcher) logBehind(fetched batch) {
	behind := fetched.end - fetched.next
	attributes := append(f.attributes(), "offset", fetched.next)
	switch {
	case behind <= 0 && !f.behindLoggedAt.IsZero():
		f.behindLoggedAt = time.Time{}
		f.logger.Info("A partition has caught up", attributes...)
	case behind > farBehind && time.Since(f.behindLoggedAt) >= logAgainAfter:
		f.behindLoggedAt = time.Now()
		f.logger.Info("A partition is far behind; catching up", append(attributes, "messages_behind", behind)...)
	}
}

// watchTransaction tells when an open transaction has held the partition back for
// too long, and when it no longer does. It reports whether one holds it back.
func (f *fetcher) watchTransaction(fetched batch) bool {
	heldBack := fetched.next >= fetched.end && fetched.end < fetched.highWatermark
	if before := f.transaction; before != nil && (!heldBack || before.offset != fetched.end) {
		if before.logged {
			f.logger.Info("The transaction that held the partition back has ended", append(f.attributes(), "offset", before.offset)...)
		}
		f.transaction = nil
	}
	if !heldBack {
		return false
	}
	if f.transaction == nil {
		f.transaction = &openTransaction{offset: fetched.end, since: time.Now()}
	}
	if open := f.transaction; !open.logged && time.Since(open.since) >= heldBackAfter {
		open.logged = true
		f.logger.Warn("An open transaction holds the partition back; what lies behind it is read once its producer ends it, or the broker does after its transaction.timeout.ms. "+
			"If its producer is gone, abort it with kafka-transactions.sh.", append(f.attributes(), "offset", open.offset, "messages_behind", fetched.highWatermark-open.offset)...)
		if f.heldBack != nil {
			f.heldBack(open.offset)
		}
	}
	return true
}
