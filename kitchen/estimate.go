package kitchen

import "time"

// Estimate is when an order may be ready, in words that people use: whole minutes, and
// for what is further away steps of five. The zero value is none: nobody can say.
type Estimate struct {
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	// Slow says that it takes longer at its station than nine in ten others lately, so
	// that it may be later still.
	Slow bool `json:"slow,omitempty"`
}

const (
	// soonFor is up to when an estimate is to the minute.
	soonFor   = 15 * time.Minute
	soonStep  = time.Minute
	laterStep = 5 * time.Minute
	mostAhead = 24 * time.Hour
)

// NewEstimate rounds what was reckoned, outwards. There is none for what lies more than a
// day ahead: too much will have changed by then.
func NewEstimate(now, from, until time.Time, slow bool) Estimate {
	if until.Sub(now) > mostAhead {
		return Estimate{}
	}
	step := soonStep
	if until.Sub(now) > soonFor {
		step = laterStep
	}
	e := Estimate{From: from.Truncate(step).UTC(), Until: until.Add(step - 1).Truncate(step).UTC(), Slow: slow}
	if e.Until.Sub(e.From) == soonStep { // nobody wants to read of one minute
		e.From = e.Until
	}
	return e
}
