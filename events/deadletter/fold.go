package deadletter

import (
	"encoding/json"
	"time"

	"github.com/cupcakery/cupcakery/events"
)

// The CloudEvents types of the marks. A letter has events.HeaderDeadTopic, a mark
// has not.
const (
	TypeRedriving = "cupcakery.dead-letter.redriving.v1"
	TypeRedriven  = "cupcakery.dead-letter.redriven.v1"
	TypeDiscarded = "cupcakery.dead-letter.discarded.v1"
)

// mark is what became of a letter, as the value of a record behind it.
type mark struct {
	Letter Place `json:"letter"`
	// Follows is, for a decision, the last record that its writer knew to
	// speak of the letter. The decision counts only if it still was the last,
	// so of two that are made at once the log takes the first.
	Follows *Place `json:"follows,omitempty"`
	// Redriving is the id of the mark that announced what is now done.
	Redriving string `json:"redriving,omitempty"`
	Mended    bool   `json:"mended,omitempty"`
	By        string `json:"by,omitempty"`
	Note      string `json:"note,omitempty"`
}

// message is the mark as a record, which goes into the letter's partition.
func (k mark) message(source, eventType, id string, key []byte) (events.Message, error) {
	m, err := events.NewMessage(events.TopicDeadLetters, source, eventType, id, k.Letter.String(), time.Now(), k)
	m.Key, m.Partition = key, k.Letter.Partition
	return m, err
}

// readMark reads the value of a mark and reports whether it is one of a letter in
// its own partition.
func readMark(m events.Message) (k mark, ok bool) {
	err := json.Unmarshal(m.Value, &k)
	return k, err == nil && k.Letter.Partition == m.Partition
}

// markType returns the type of a mark, empty for a letter.
func markType(m events.Message) string {
	if _, isLetter := m.Header(events.HeaderDeadTopic); isLetter {
		return ""
	}
	switch eventType, _ := m.Header("ce_type"); eventType {
	case TypeRedriving, TypeRedriven, TypeDiscarded:
		return eventType
	}
	return ""
}

// partitionFold is what one partition says of its letters, from an offset on.
type partitionFold struct {
	from    int64
	next    int64
	letters map[int64]*Letter // by offset
	own     ownDecision
}

// ownDecision is a decision that we have written and whose fate the log tells.
type ownDecision struct {
	id string // of its mark
	// seen says that the log has it. accepted is the letter right after it; nil if
	// the decision does not count.
	seen     bool
	accepted *Letter
}

func newPartitionFold(from int64) *partitionFold {
	return &partitionFold{from: from, next: from, letters: make(map[int64]*Letter)}
}

// add folds the next record.
func (f *partitionFold) add(m events.Message) {
	eventType := markType(m)
	if eventType == "" {
		letter := newLetter(m)
		f.letters[m.Offset] = &letter
		return
	}
	id, _ := m.Header("ce_id")
	letter := f.apply(m, eventType, id)
	if id == f.own.id {
		f.own.seen = true
		if letter != nil {
			accepted := *letter
			f.own.accepted = &accepted
		}
	}
}

// apply folds a mark and returns the letter that it is about; nil if the mark does
// not count.
func (f *partitionFold) apply(m events.Message, eventType, id string) *Letter {
	mark, ok := readMark(m)
	if !ok {
		return nil
	}
	letter := f.letters[mark.Letter.Offset]
	if letter == nil {
		return nil // the letter lies before from, or Kafka has deleted it
	}
	if eventType == TypeRedriven {
		if letter.State != Redriving || mark.Redriving != letter.decision {
			return nil // late: somebody has decided anew since
		}
		letter.State = Redriven
	} else {
		if mark.Follows == nil || *mark.Follows != (Place{m.Partition, letter.last}) {
			return nil // somebody else was first, or this record was written twice
		}
		letter.decision = id
		letter.State = Discarded
		if eventType == TypeRedriving {
			letter.State = Redriving
			letter.Redrives++
		}
	}
	letter.last = m.Offset
	letter.Since = m.Time
	letter.By, letter.Note, letter.Mended = events.FirstBytes(mark.By, maxTextBytes), events.FirstBytes(mark.Note, maxTextBytes), mark.Mended
	return letter
}
