package api

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
)

func TestABoardTellsWhichFlavoursOfATicketMeetAnAllergy(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	b := openBakery(t, kafka, untouchedTemporal{}, nil)
	writer := kafka.writer()
	// Carrot has nuts in the default kitchen file, lemon has none.
	lines := []kitchen.Line{{Flavour: "lemon", Size: kitchen.SizeM, Quantity: 6}, {Flavour: "carrot", Size: kitchen.SizeM, Quantity: 6}}
	for _, stage := range kitchen.Stages() {
		ticket := newTicket(t, stage)
		ticket.Lines, ticket.Allergies = lines, []string{"Hazelnuts"}
		b.onBoard(writer, ticket)
		shown := b.board(stage)
		require.Equal(t, []kitchen.AllergyConflict{{Flavour: "carrot", Allergens: []string{"nuts"}}}, shown.Tickets[0].Conflicts, stage)
		require.NoError(t, loadSpec(t).Components.Schemas["Board"].Value.VisitJSON(asJSON(t, shown)))
	}
	harmless := newTicket(t, kitchen.Bake)
	harmless.Lines, harmless.Allergies = lines[:1], []string{"Hazelnuts"}
	b.onBoard(writer, harmless)
	require.Empty(t, b.acked("bob", harmless, `{"kind":"started"}`).Conflicts)
}
