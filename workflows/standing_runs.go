package workflows

import "strings"

// StandingOfRun is the id of the standing order whose schedule has started a workflow.
func StandingOfRun(workflowID string) (standingID string, found bool) {
	rest, found := strings.CutPrefix(workflowID, standingPrefix)
	const length = 36 // of an id; what follows is the time for which it was started
	if !found || len(rest) <= length || rest[length] != '-' {
		return "", false
	}
	return rest[:length], true
}

// ScheduleOf is the id of a standing order's schedule.
func ScheduleOf(standingID string) string { return standingPrefix + standingID }
