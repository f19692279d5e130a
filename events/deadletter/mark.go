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
