package kitchen

import (
	"fmt"
	"strings"
)

// Stage is one of the four steps every order goes through. The zero value is
// no stage.
type Stage string

// The stages, in the order in which an order goes through them.
const (
	Mix      Stage = "mix"
	Bake     Stage = "bake"
	Decorate Stage = "decorate"
	Package  Stage = "package"
)

var stages = [...]Stage{Mix, Bake, Decorate, Package}

// Stages lists all stages in the order of work.
func Stages() []Stage { return append([]Stage(nil), stages[:]...) }

// ParseStage returns the stage called s, or an error that lists the stages.
func ParseStage(s string) (Stage, error) {
	for _, stage := range stages {
		if string(stage) == s {
			return stage, nil
		}
	}
	return "", fmt.Errorf("unknown stage %q: use mix, bake, decorate or package", clip(s))
}

// maxStageLength bounds the name of a stage.
const maxStageLength = 32

// IsWellFormed reports whether s can be the name of a stage: one of the four, or
// one that only another build knows.
func (s Stage) IsWellFormed() bool {
	isOther := func(c rune) bool { return c < 'a' || c > 'z' }
	return s != "" && len(s) <= maxStageLength && !strings.ContainsFunc(string(s), isOther)
}

// Valid reports whether s is one of the four stages.
func (s Stage) Valid() bool {
	_, err := ParseStage(string(s))
	return err == nil
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
