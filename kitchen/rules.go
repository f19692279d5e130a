package kitchen

import (
	"encoding/json"
	"slices"
	"time"
)

// Limits of the kitchen file on how long stations may be silent, and on what
// follows.
const (
	MinAckWithin = time.Second
	MaxAckWithin = 24 * time.Hour
	// MinUntakenAfter and MaxUntakenAfter are for how long nobody may take
	// anything at a station where tickets wait.
	MinUntakenAfter = time.Second
	MaxUntakenAfter = 24 * time.Hour
	// HighestMaxRemakes is the most remakes of one order that a kitchen file
	// may allow.
	HighestMaxRemakes = 20
	// HighestReissues is the most re-issues in vain that a kitchen file may
	// allow before a manager is asked.
	HighestReissues = 100
)

// Outcome is what happens after work has failed. The zero value is no outcome.
type Outcome string

// The outcomes.
const (
	// OutcomeAgain issues the same ticket once more.
	OutcomeAgain Outcome = "again"
	// OutcomeRemake starts the order once more from its first stage: a new pass.
	OutcomeRemake Outcome = "remake"
)

// UndoWith is what it takes to undo a stage's finished work. The zero value
// means hands.
type UndoWith string

// The ways to undo a stage.
const (
	// UndoByHand sends an undo ticket, which a station must acknowledge.
	UndoByHand UndoWith = "hands"
	// UndoOnRecord needs no hands: the work is only recorded as undone.
	UndoOnRecord UndoWith = "record"
)

// Rules are what a running order needs of the kitchen file. They are part of its
// workflow's input, so that a changed file never breaks an order under way. So
// they are part of every recorded history: fields may be added, never renamed or
// given another meaning, and the zero value of a new field must mean what was
// true before there was one.
type Rules struct {
	// AckWithin is how long whoever has a ticket in hand may be silent at each
	// stage; see AckWithinFor.
	AckWithin map[Stage]Duration `json:"ackWithin"`
	// MaxRemakes is how often the order may start again from its first stage.
	MaxRemakes int `json:"maxRemakes"`
	// Reasons has the outcome of each reason code that stations report with
	// failed work; see OutcomeFor.
	Reasons map[string]Outcome `json:"reasons"`
	// MaxReissues is how often a ticket that somebody has taken is issued again
	// without a word from them before a manager is asked; 0 for never.
	MaxReissues int `json:"maxReissues,omitempty"`
	// Undo is what it takes to undo each stage; see UndoOnRecordAt.
	Undo map[Stage]UndoWith `json:"undo,omitempty"`
	// Limits are what the order may hold after an amendment; nil for
	// HardLimits. See LimitsNow.
	Limits *Limits `json:"limits,omitempty"`
	// Route is the stages that the order goes through.
	Route Route `json:"route,omitempty"`
	// Prices are those that the order is charged by; nil if it is sold without any.
	Prices *PriceList `json:"prices,omitempty"`
	// Lead is how long the kitchen needs for an order, by which one that is wanted as
	// soon as possible is due: see TargetFor. Nil in orders of older builds.
	Lead *Lead `json:"lead,omitempty"`
}

// AckWithinFor is how long whoever has a ticket of the stage in hand may be silent
// before others may take it over, and after how long without a word of anybody a
// ticket is issued again: the rules' own value, or the default kitchen file's if
// they have none.
func (r Rules) AckWithinFor(stage Stage) time.Duration {
	if within := r.AckWithin[stage]; within > 0 {
		return time.Duration(within)
	}
	return time.Duration(defaultKitchen.Rules.AckWithin[stage])
}

// LongestAckWithin is the longest AckWithinFor of any stage.
func (r Rules) LongestAckWithin() time.Duration {
	var longest time.Duration
	for _, stage := range Stages() {
		longest = max(longest, r.AckWithinFor(stage))
	}
	return longest
}

// OutcomeFor is what happens after work failed for the reason. An unknown code,
// or none, counts as ReasonOther. If that is unknown too, the outcome is
// OutcomeAgain, which costs no cupcakes.
func (r Rules) OutcomeFor(reason string) Outcome {
	for _, code := range []string{reason, ReasonOther} {
		if outcome, known := r.Reasons[code]; known {
			return outcome
		}
	}
	return OutcomeAgain
}

// CodeOf is the code that a reason counts as: its own if the rules know it, otherwise
// ReasonOther.
func (r Rules) CodeOf(reason string) string {
	if _, known := r.Reasons[reason]; known {
		return reason
	}
	return ReasonOther
}

// UndoOnRecordAt reports whether undoing the stage's finished work needs no
// hands.
func (r Rules) UndoOnRecordAt(stage Stage) bool { return r.Undo[stage] == UndoOnRecord }

// LimitsNow are the limits that an amendment must keep.
func (r Rules) LimitsNow() Limits {
	if r.Limits == nil {
		return HardLimits()
	}
	return *r.Limits
}

// Route is the stages that an order goes through, in the order of work. An
// order keeps the route that it was placed with, whatever stages later builds
// have. The zero value stands for routeOfOld.
type Route []Stage

// routeOfOld is what orders without a route go through. It is frozen: orders
// from before there were routes, and their recorded histories, mean these
// stages, whatever Stages says.
var routeOfOld = Route{"mix", "bake", "decorate", "package"}

// Stages lists the route's stages in full.
func (r Route) Stages() []Stage {
	if len(r) == 0 {
		r = routeOfOld
	}
	return slices.Clone(r)
}

// Unknown lists the stages of the route that are not among known.
func (r Route) Unknown(known []Stage) []Stage {
	return slices.DeleteFunc(r.Stages(), func(stage Stage) bool { return slices.Contains(known, stage) })
}

// HandsOut reports whether the stage is the route's last, where the box goes
// to the customer.
func (r Route) HandsOut(stage Stage) bool {
	stages := r.Stages()
	return stage == stages[len(stages)-1]
}

// ClosesAmending returns the stage whose ticket takes the notes and messages
// along, so that they cannot be amended any more; none if no stage does.
func (r Route) ClosesAmending() (stage Stage, found bool) {
	stages := r.Stages()
	i := slices.IndexFunc(stages, func(stage Stage) bool { return stage.Info().ClosesAmending })
	if i < 0 {
		return "", false
	}
	return stages[i], true
}

// MarshalJSON writes the route in full.
func (r Route) MarshalJSON() ([]byte, error) { return json.Marshal(r.Stages()) }
