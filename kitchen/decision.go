package kitchen

import (
	"slices"
	"time"
)

const (
	// MaxDecisions is how many decisions an order remembers at most.
	MaxDecisions = 50
	// maxDecisionsBytes is how much they are in JSON at most: on the log the order's
	// last pass must have room beside them. Only very long names make it fewer than
	// MaxDecisions.
	maxDecisionsBytes = 14 << 10
)

// Decision is how a question to the managers was closed: by a manager, or because it
// had become pointless. It has nobody's free words.
type Decision struct {
	// AskedAt is the Since of the question, At when it was closed.
	AskedAt time.Time `json:"askedAt"`
	At      time.Time `json:"at"`
	// Stage, Pass, Undoing, Cause and ReasonCode are those of the question.
	Stage      Stage          `json:"stage"`
	Pass       int            `json:"pass"`
	Undoing    bool           `json:"undoing,omitempty"`
	Cause      AttentionCause `json:"cause,omitempty"`
	ReasonCode string         `json:"reasonCode,omitempty"`
	// Choice is what was decided; empty if nobody has decided, because the ticket in
	// question ended or the order was cancelled.
	Choice Choice `json:"choice,omitempty"`
	// By is the manager who has decided; empty if that is not known.
	By string `json:"by,omitempty"`
}

// Decide is how a question was closed, by somebody's choice or, with an empty one,
// without.
func (a Attention) Decide(choice Choice, by string, at time.Time) Decision {
	return Decision{
		AskedAt: a.Since, At: at.UTC(), Stage: a.Stage, Pass: a.Pass, Undoing: a.Undoing, Cause: a.Cause,
		ReasonCode: Excerpt(a.ReasonCode), // nothing bounds that of a ticket which was ended by hand
		Choice:     choice, By: by,
	}
}

// AddDecision returns decisions with one more. There may be so many that the oldest are
// forgotten; the log has told them.
func AddDecision(decisions []Decision, last Decision) []Decision {
	decisions = append(slices.Clone(decisions), last)
	first, room := len(decisions), maxDecisionsBytes
	for first > 0 && len(decisions)-first < MaxDecisions {
		if room -= decisions[first-1].sizeAtMost(); room < 0 {
			break
		}
		first--
	}
	return slices.Clip(decisions[first:])
}

// sizeAtMost is an upper bound of the decision's size in JSON, with a comma.
func (d Decision) sizeAtMost() int {
	const withoutTexts = 240
	return withoutTexts + jsonLength(string(d.Stage)) + jsonLength(d.ReasonCode) + jsonLength(d.By)
}

// jsonLength is an upper bound of how long a text is in JSON.
func jsonLength(text string) int {
	length := len(text)
	for _, b := range []byte(text) {
		if b < ' ' || b >= 0x7f || b == '"' || b == '\\' || b == '<' || b == '>' || b == '&' {
			length += 5
		}
	}
	return length
}
