package kitchen

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRoute(t *testing.T) {
	t.Parallel()
	ofOld := []Stage{"mix", "bake", "decorate", "package"}

	t.Run("an order without a route goes through the four stages of old", func(t *testing.T) {
		t.Parallel()
		var rules Rules
		require.NoError(t, json.Unmarshal([]byte(`{"ackWithin":{},"maxRemakes":1,"reasons":{}}`), &rules))
		assert.Equal(t, ofOld, rules.Route.Stages())
		written, err := json.Marshal(rules)
		require.NoError(t, err)
		assert.NotContains(t, string(written), "route", "its rules stay as they were")
		status, err := json.Marshal(Status{})
		require.NoError(t, err)
		assert.Contains(t, string(status), `"route":["mix","bake","decorate","package"]`, "its status says so in full")
	})

	t.Run("an order placed now goes through all stages", func(t *testing.T) {
		t.Parallel()
		assert.Equal(t, Stages(), Default().OrderRules().Route.Stages())
	})

	t.Run("a route of another build survives the way there and back", func(t *testing.T) {
		t.Parallel()
		route := Route{"mix", "dust", "ship"}
		written, err := json.Marshal(Rules{Route: route})
		require.NoError(t, err)
		var rules Rules
		require.NoError(t, json.Unmarshal(written, &rules))
		assert.Equal(t, route, rules.Route)
		assert.Equal(t, []Stage{"dust", "ship"}, rules.Route.Unknown(ofOld))
		assert.True(t, route.HandsOut("ship"))
		_, found := route.ClosesAmending()
		assert.False(t, found)
	})

	t.Run("nobody changes a route through its stages", func(t *testing.T) {
		t.Parallel()
		var route Route
		route.Stages()[0] = "fry"
		assert.Equal(t, ofOld, route.Stages())
	})
}
