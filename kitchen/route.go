package kitchen

import (
	"encoding/json"
	"slices"
)

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
