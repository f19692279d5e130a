package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

func TestTheDemosLogSaysWhatAcksMean(t *testing.T) {
	t.Parallel()
	const orderID = "01936f8e-5c1a-7d3b-9f00-000000000001"
	for name, test := range map[string]struct {
		ack  kitchen.Ack
		undo bool
		says string // "" for nothing
	}{
		"started":                 {kitchen.Ack{Kind: kitchen.AckStarted}, false, ""},
		"done":                    {kitchen.Ack{Kind: kitchen.AckDone}, false, "baked by eve"},
		"failed for a remake":     {kitchen.Ack{Kind: kitchen.AckFailed, Reason: "burnt"}, false, "bake failed at eve (burnt): the order starts again from mix"},
		"failed for another try":  {kitchen.Ack{Kind: kitchen.AckFailed, Reason: "equipment"}, false, "bake failed at eve (equipment): the ticket is issued again"},
		"failed for who knows":    {kitchen.Ack{Kind: kitchen.AckFailed}, false, "bake failed at eve (other): the ticket is issued again"},
		"undone":                  {kitchen.Ack{Kind: kitchen.AckUndone, Scrapped: 12}, true, "bake cleared away by eve, 12 pieces scrapped"},
		"undone, one piece":       {kitchen.Ack{Kind: kitchen.AckUndone, Scrapped: 1}, true, "bake cleared away by eve, 1 piece scrapped"},
		"undone, nothing to do":   {kitchen.Ack{Kind: kitchen.AckUndone, Note: "nobody\nknows"}, true, `bake cleared away by eve, nothing scrapped (nobody\u000aknows)`},
		"undone without a word":   {kitchen.Ack{Kind: kitchen.AckUndone}, true, "bake cleared away by eve, nothing scrapped"},
		"undoing failed":          {kitchen.Ack{Kind: kitchen.AckFailed, Reason: "burnt"}, true, "undoing bake failed at eve (burnt): a manager is asked"},
		"what nobody understands": {kitchen.Ack{Kind: "danced"}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ref := kitchen.TicketRef{OrderID: orderID, Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
			if test.undo {
				ref.Kind = kitchen.TicketUndo
			}
			ack := test.ack
			ack.TicketID, ack.OrderID, ack.Stage, ack.By, ack.At = ref.TicketID(), orderID, kitchen.Bake, "eve", time.Now()
			value, err := json.Marshal(ack)
			require.NoError(t, err)
			var out bytes.Buffer
			log := &lifeLog{rules: kitchen.Default().Rules, w: &out}
			log.hear(events.Message{Topic: events.TopicAcks, Value: value})
			if test.says == "" {
				require.Empty(t, out.String())
				return
			}
			require.Equal(t, "order "+kitchen.PickupCode(orderID)+": "+test.says, strings.TrimSpace(out.String()[len(time.TimeOnly):]))
			require.NotContains(t, out.String(), orderID)
		})
	}
}

func TestTheDemosRobotsAreNoMoreThanCanBeUsed(t *testing.T) {
	t.Parallel()
	arms := func(every, work time.Duration) (arms []int) {
		d := &dev{settings: devSettings{demo: demoSettings{every: every, workTime: work}}}
		for _, stage := range kitchen.Stages() {
			arms = append(arms, d.demoArms(stage))
		}
		return arms
	}
	require.Equal(t, []int{4, 3, 2, 2}, arms(demoPace, 10*time.Second))
	for _, each := range arms(time.Nanosecond, time.Hour) {
		require.LessOrEqual(t, each, demoMostOpen+3)
	}
}
