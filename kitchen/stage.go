package kitchen

import (
	"fmt"
	"strings"
	"time"
)

// Stage is one of the steps that an order goes through. The zero value is no
// stage.
type Stage string

// The stages that code speaks of. What sets one apart from the others stands in
// the table below.
const (
	Mix      Stage = "mix"
	Bake     Stage = "bake"
	Decorate Stage = "decorate"
	Package  Stage = "package"
)

// StageInfo is all there is to know of a stage.
type StageInfo struct {
	Stage Stage
	// Role is what people do who work at the stage's station.
	Role Role
	// Group is the consumer group in Kafka that shares the stage's tickets.
	Group string
	// Doing follows "your cupcakes are", Did follows "the cupcakes were", and
	// Undoing is what an undo ticket asks for.
	Doing, Did, Undoing string
	// Working is what somebody at the stage is: "mixing".
	Working string
	// AckWithin, Age and Undo are the default kitchen file's.
	AckWithin Duration
	Age       Age
	Undo      UndoWith
	// ShowsMessages says that the board shows what is piped onto the cupcakes.
	ShowsMessages bool
	// ClosesAmending says that an order's texts are final once the stage's
	// ticket is issued.
	ClosesAmending bool
	// Batch is the most that one person begins together here; the zero value where
	// each ticket is work of its own.
	Batch Batch
	// Demo works here in a demonstration.
	Demo DemoPerson
}

// Batch bounds how many tickets of one flavour are worked on together.
type Batch struct {
	Tickets int `json:"tickets"`
	Pieces  int `json:"pieces"`
}

// stages is the table of the stages, in the order of work. Whatever lists
// stages or roles is derived from it, and docs/adding-a-stage.md says what else
// a new stage needs.
var stages = []StageInfo{
	{
		Stage: Mix, Role: RoleMixer, Group: "cupcake-mixers",
		Doing: "being mixed", Did: "mixed", Undoing: "empty the bowl", Working: "mixing",
		AckWithin: minutes(15), Age: Age{Late: minutes(5), Overdue: minutes(10)}, Undo: UndoByHand,
		Batch: Batch{Tickets: 12, Pieces: 240},
		Demo:  DemoPerson{Name: "mia", PIN: "111111"},
	},
	{
		Stage: Bake, Role: RoleBaker, Group: "cupcake-bakers",
		Doing: "in the oven", Did: "baked", Undoing: "set the cupcakes aside or bin them", Working: "baking",
		AckWithin: minutes(40), Age: Age{Late: minutes(20), Overdue: minutes(30)}, Undo: UndoByHand,
		Batch: Batch{Tickets: 12, Pieces: 240},
		Demo:  DemoPerson{Name: "bob", PIN: "222222"},
	},
	{
		Stage: Decorate, Role: RoleDecorator, Group: "cupcake-decorators",
		Doing: "being decorated", Did: "decorated", Undoing: "set the cupcakes aside or bin them", Working: "decorating",
		AckWithin: minutes(30), Age: Age{Late: minutes(10), Overdue: minutes(20)}, Undo: UndoByHand,
		ShowsMessages: true, ClosesAmending: true,
		Batch: Batch{Tickets: 8, Pieces: 120},
		Demo:  DemoPerson{Name: "dora", PIN: "333333"},
	},
	{
		Stage: Package, Role: RolePackager, Group: "cupcake-packagers",
		Doing: "being packaged", Did: "packaged", Undoing: "unbox the cupcakes", Working: "packaging",
		AckWithin: minutes(15), Age: Age{Late: minutes(5), Overdue: minutes(10)}, Undo: UndoByHand,
		ShowsMessages: true,
		Demo:          DemoPerson{Name: "pat", PIN: "444444"},
	},
}

func minutes(n time.Duration) Duration { return Duration(n * time.Minute) }

// Stages lists all stages in the order of work.
func Stages() []Stage {
	all := make([]Stage, len(stages))
	for i, info := range stages {
		all[i] = info.Stage
	}
	return all
}

// StageNames lists the names of all stages in the order of work.
func StageNames() []string {
	names := make([]string, len(stages))
	for i, info := range stages {
		names[i] = string(info.Stage)
	}
	return names
}

// ParseStage returns the stage called s, or an error that lists the stages.
func ParseStage(s string) (Stage, error) {
	if stage := Stage(s); stage.Valid() {
		return stage, nil
	}
	names := StageNames()
	last := len(names) - 1
	return "", fmt.Errorf("unknown stage %q: use %s or %s", Excerpt(s), strings.Join(names[:last], ", "), names[last])
}

// maxStageLength bounds the name of a stage.
const maxStageLength = 32

// IsWellFormed reports whether s can be the name of a stage: one in the
// table, or one that only another build knows.
func (s Stage) IsWellFormed() bool {
	isOther := func(c rune) bool { return c < 'a' || c > 'z' }
	return s != "" && len(s) <= maxStageLength && !strings.ContainsFunc(string(s), isOther)
}

// Valid reports whether s is in the table of stages.
func (s Stage) Valid() bool { return s != "" && s.Info().Stage == s }

// Info is the stage's row of the table; the zero value for a stage that is not
// in it.
func (s Stage) Info() StageInfo {
	for _, info := range stages {
		if info.Stage == s {
			return info
		}
	}
	return StageInfo{}
}

// ActivityType is the name under which Temporal shows the stage's activity,
// such as "Bake" for bake.
func (s Stage) ActivityType() string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(string(s[:1])) + string(s[1:])
}

// Size is how large a cupcake is. The zero value is no size.
type Size string

// The sizes on sale.
const (
	SizeS  Size = "S"
	SizeM  Size = "M"
	SizeL  Size = "L"
	SizeXL Size = "XL"
)

// Sizes lists all sizes, smallest first.
func Sizes() []Size { return []Size{SizeS, SizeM, SizeL, SizeXL} }

// Valid reports whether s is a size on sale.
func (s Size) Valid() bool {
	switch s {
	case SizeS, SizeM, SizeL, SizeXL:
		return true
	}
	return false
}
