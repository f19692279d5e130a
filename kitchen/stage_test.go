package kitchen

import (
	"reflect"
	"testing"

	"github.com/stretchr/testify/assert"
)

// What a stage lacks in the table, some board, topic or page would lack in use.
func TestEveryStageHasAllThatAStageNeeds(t *testing.T) {
	t.Parallel()
	for _, info := range stages {
		row := reflect.ValueOf(info)
		for i := range row.NumField() {
			field := row.Type().Field(i)
			mayLack := field.Type.Kind() == reflect.Bool || field.Name == "Batch"
			assert.True(t, mayLack || !row.Field(i).IsZero(), "%s has no %s", info.Stage, field.Name)
		}
		assert.Equal(t, info.Batch.Tickets > 1, info.Batch.Pieces > 0, "a batch at %s has several tickets, and a most number of pieces", info.Stage)
		assert.True(t, info.Stage.IsWellFormed(), "ticket ids, topics and activities are named after %q", info.Stage)
		assert.NoError(t, CheckPIN(info.Demo.PIN))
		assert.NotEmpty(t, info.Demo.Name)
	}
}

func TestNoTwoStagesShareWhatTellsThemApart(t *testing.T) {
	t.Parallel()
	for what, of := range map[string]func(StageInfo) string{
		"name":           func(info StageInfo) string { return string(info.Stage) },
		"role":           func(info StageInfo) string { return string(info.Role) },
		"consumer group": func(info StageInfo) string { return info.Group },
		"demo person":    func(info StageInfo) string { return info.Demo.Name },
	} {
		seen := map[string]Stage{"max": "the manager", string(RoleManager): "the manager"}
		for _, info := range stages {
			assert.Empty(t, seen[of(info)], "the %s of %s", what, info.Stage)
			seen[of(info)] = info.Stage
		}
	}
}

func TestOnlyTheStagesRoleAndManagersWorkAtAStation(t *testing.T) {
	t.Parallel()
	for _, stage := range Stages() {
		for _, role := range Roles() {
			assert.Equal(t, role == stage.Info().Role || role == RoleManager, role.WorksAt(stage), "%s at %s", role, stage)
		}
	}
	_, works := RoleManager.Stage()
	assert.False(t, works)
}
