package api

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/floor"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

// noon is when the situations of these tests are looked at, and ago a time before.
var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func ago(minutes int) time.Time { return noon.Add(-time.Duration(minutes) * time.Minute) }

// atBake is an order for as soon as possible that waits in the queue for bake, behind so
// many others, since so many minutes.
func atBake(ahead, minutes int) situation {
	return situation{
		order: kitchen.Status{
			State: kitchen.StateInProgress, WaitingFor: kitchen.Bake, PlacedAt: ago(40), Lines: []kitchen.Line{{Flavour: "lemon", Size: kitchen.SizeM, Quantity: 12}},
			Stages: []kitchen.StageStatus{{Stage: kitchen.Mix, Pass: 1, State: kitchen.TicketDone}, {Stage: kitchen.Bake, Pass: 1, State: kitchen.TicketWaiting, IssuedAt: new(ago(minutes))}},
		},
		work:  floor.Work{Stage: kitchen.Bake, Ahead: ahead, Ticket: wire.BoardTicket{Kind: kitchen.TicketMake, State: kitchen.TicketWaiting, Since: ago(minutes), SilentAfterSeconds: 600}},
		now:   noon,
		lead:  time.Hour,
		label: func(code string) string { return map[string]string{"burnt": "Burnt"}[code] },
	}
}

func TestWhatAnOrderWaitsFor(t *testing.T) {
	t.Parallel()
	with := func(change func(*situation)) situation {
		s := atBake(0, 12)
		change(&s)
		return s
	}
	inHand := func(s *situation) {
		s.work.Ticket.State, s.work.Ticket.By, s.work.Ticket.StartedAt, s.work.Ticket.HeardAt = kitchen.TicketStarted, "bob", ago(4), ago(4)
	}
	for name, c := range map[string]struct {
		situation situation
		cause     wire.WaitingCause
		says      string
	}{
		"Queue":     {atBake(7, 12), wire.WaitingInQueue, "7 others are before it in the queue for bake, where it has waited for 12 min."},
		"BehindOne": {atBake(1, 12), wire.WaitingInQueue, "One other is before it in the queue for bake, where it has waited for 12 min."},
		"Next":      {atBake(0, 12), wire.WaitingInQueue, "It is the next one at bake, where it has waited for 12 min."},
		"InARemake": {with(func(s *situation) {
			s.order.Stages = append(s.order.Stages, kitchen.StageStatus{Stage: kitchen.Bake, Pass: 2, State: kitchen.TicketWaiting, IssuedAt: new(ago(2))})
		}), wire.WaitingInQueue, "It is the next one at bake, where it has waited for 2 min."},
		"WithoutLog": {with(func(s *situation) { s.work = floor.Work{} }), wire.WaitingInQueue, "It has waited at bake for 12 min."},
		"InHand":     {with(inHand), wire.WaitingForWork, "bob has had it in hand at bake for 4 min."},
		"InHandWithoutLog": {with(func(s *situation) {
			s.work = floor.Work{}
			s.order.Stages[1].State, s.order.Stages[1].By, s.order.Stages[1].StartedAt = kitchen.TicketStarted, "bob", new(ago(3))
		}), wire.WaitingForWork, "bob has had it in hand at bake for 3 min."},
		"Silence": {with(func(s *situation) {
			inHand(s)
			s.work.Ticket.HeardAt = ago(11)
		}), wire.WaitingInSilence, "bob has it in hand at bake and has not been heard of for 11 min: ask them, or take it over."},
		"Paused": {with(func(s *situation) {
			s.work.Ahead, s.work.Paused = 3, wire.Paused{Stage: kitchen.Bake, By: "ann", At: ago(65), Reason: "the oven is cold"}
		}), wire.WaitingWhilePaused, "Bake was paused by ann 1 h 5 min ago: the oven is cold."},
		"PausedButInHand": {with(func(s *situation) {
			inHand(s)
			s.work.Paused = wire.Paused{Stage: kitchen.Bake, By: "ann", At: ago(5)}
		}), wire.WaitingForWork, "bob has had it in hand at bake for 4 min."},
		"Failure": {with(func(s *situation) {
			s.work.Ticket.State, s.work.Ticket.Failure = kitchen.TicketFailed, wire.TicketFailure{By: "bob", Reason: "burnt", At: ago(1)}
		}), wire.WaitingAfterFailure, "Bake has failed, says bob (Burnt), and the order is about to decide what follows."},
		"Decision": {with(func(s *situation) {
			s.order.State, s.order.WaitingFor = kitchen.StateNeedsAttention, ""
			s.order.Attention = &kitchen.Attention{Since: ago(25), Reason: "bake failed after 2 remakes: burnt (bob)"}
		}), wire.WaitingForDecision, "A manager must decide, and has been asked for 25 min: bake failed after 2 remakes: burnt (bob)."},
		"Time": {with(func(s *situation) {
			s.order.State, s.order.DueAt, s.work = kitchen.StateScheduled, new(noon.Add(4*time.Hour)), floor.Work{}
		}), wire.WaitingForTime, "It is for later: the kitchen begins in 3 h."},
		"TimeIsUp": {with(func(s *situation) {
			s.order.State, s.order.DueAt, s.work = kitchen.StateScheduled, new(noon.Add(time.Hour)), floor.Work{}
		}), wire.WaitingForTime, "It is for later, and the kitchen is about to begin."},
		"Worker": {with(func(s *situation) {
			s.order.State, s.order.WaitingFor, s.order.Stages, s.work = kitchen.StateAccepted, "", nil, floor.Work{}
		}), wire.WaitingForWorker, "No worker has taken it up yet."},
		"WorkerBetweenStages": {with(func(s *situation) { s.order.WaitingFor, s.order.Stale, s.work = "", true, floor.Work{} }), wire.WaitingForWorker, "No worker answers: until one does, it stays where it is."},
		"NextTicket":          {with(func(s *situation) { s.order.WaitingFor, s.work = "", floor.Work{} }), wire.WaitingForNext, "Its next ticket is about to go out."},
		"Undoing": {with(func(s *situation) {
			s.order.State, s.work = kitchen.StateCancelling, floor.Work{}
			s.order.Stages[1].Undo = &kitchen.UndoStatus{State: kitchen.TicketWaiting, IssuedAt: new(ago(2))}
		}), wire.WaitingInQueue, "It is being cancelled, and what was made is cleared away. It has waited at bake for 2 min."},
		"Shipped":   {with(func(s *situation) { s.order.State, s.order.ShippedAt = kitchen.StateShipped, new(ago(3)) }), wire.WaitingForNothing, "It has been ready for pickup for 3 min."},
		"Cancelled": {with(func(s *situation) { s.order.State, s.order.CancelledAt = kitchen.StateCancelled, new(ago(60*72)) }), wire.WaitingForNothing, "It was cancelled 3 days ago."},
		"Collected": {with(func(s *situation) {
			s.order.State, s.order.ShippedAt, s.work.Collected = kitchen.StateShipped, new(ago(3)), &kitchen.Flag{At: noon.Add(-20 * time.Second), By: "pat"}
		}), wire.WaitingForNothing, "It was handed out 20 s ago."},
	} {
		got := c.situation.waiting()
		require.Equal(t, c.cause, got.Cause, name)
		require.Equal(t, c.says, got.Text, name)
	}
}

func TestWhyAnOrderIsLate(t *testing.T) {
	t.Parallel()
	late := func(change func(*situation)) situation {
		s := atBake(7, 12)
		s.order.DueAt = new(ago(15))
		change(&s)
		return s
	}
	const queue = "7 others are before it in the queue for bake, where it has waited for 12 min."
	burnt := workflows.Happening{At: ago(18), Kind: workflows.HappenedFailed, Stage: kitchen.Bake, Pass: 1, By: "bob", Reason: "burnt"}
	for name, c := range map[string]struct {
		situation situation
		says      string // empty if it is not late
	}{
		"Queue":             {late(func(*situation) {}), "It is 15 min late. " + queue},
		"NotYet":            {late(func(s *situation) { s.order.DueAt = new(noon) }), ""},
		"AsSoonAsPossible":  {late(func(s *situation) { s.order.DueAt, s.order.PlacedAt = nil, ago(90) }), "It is 30 min late. " + queue},
		"WithinTheLeadTime": {late(func(s *situation) { s.order.DueAt, s.order.PlacedAt = nil, ago(59) }), ""},
		"Ready":             {late(func(s *situation) { s.order.State = kitchen.StateShipped }), ""},
		"Cancelled":         {late(func(s *situation) { s.order.State = kitchen.StateCancelling }), ""},
		"MadeAnew": {late(func(s *situation) {
			s.order.Remakes, s.order.Scrapped, s.happened = 1, 12, []workflows.Happening{burnt}
		}), "It is 15 min late. It was made anew: bake failed 18 min ago (Burnt), and 12 cupcakes were thrown away. " + queue},
		"MadeAnewTwice": {late(func(s *situation) { s.order.Remakes = 2 }), "It is 15 min late. It was made anew 2 times. " + queue},
		"IssuedAgain":   {late(func(s *situation) { s.happened = []workflows.Happening{burnt} }), "It is 15 min late. Bake failed 18 min ago (Burnt), and was issued again. " + queue},
		"FailedUndoingIsNoWhy": {late(func(s *situation) {
			s.happened = []workflows.Happening{{Kind: workflows.HappenedFailed, Undoing: true}}
		}), "It is 15 min late. " + queue},
		"Decided": {late(func(s *situation) {
			s.happened = []workflows.Happening{{At: ago(30), Kind: workflows.HappenedAsked}, {At: ago(20), Kind: workflows.HappenedDecided}, {At: ago(10), Kind: workflows.HappenedAsked}, {At: ago(5), Kind: workflows.HappenedDecided}}
		}), "It is 15 min late. Managers took 15 min to decide. " + queue},
		"DecidedAtOnce": {late(func(s *situation) {
			s.happened = []workflows.Happening{{At: ago(30), Kind: workflows.HappenedAsked}, {At: ago(30), Kind: workflows.HappenedDecided}}
		}), "It is 15 min late. " + queue},
		"AskedAfterAFailure": {late(func(s *situation) {
			s.happened = []workflows.Happening{burnt}
			s.order.Attention = &kitchen.Attention{Since: ago(17), Reason: "bake failed"}
		}), "It is 15 min late. A manager must decide, and has been asked for 17 min: bake failed."},
	} {
		got := c.situation.late()
		if c.says == "" {
			require.Nil(t, got, name)
			continue
		}
		require.NotNil(t, got, name)
		require.Equal(t, c.says, got.Text, name)
	}
}

func TestDurationsForPeople(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 59 * time.Second: "59 s", time.Minute: "1 min", 59*time.Minute + 59*time.Second: "59 min",
		time.Hour: "1 h", 90 * time.Minute: "1 h 30 min", 47 * time.Hour: "47 h", 49 * time.Hour: "2 days",
	} {
		require.Equal(t, want, lasting(d), d)
	}
}

func TestOrdinals(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{1: "1st", 2: "2nd", 3: "3rd", 4: "4th", 11: "11th", 12: "12th", 21: "21st", 113: "113th"} {
		require.Equal(t, want, ordinal(n))
	}
}

// The flag of what was handed out is tidied away, and is not known while the log is behind.
func TestWhetherAnOrderWasCollectedIsNotKnownForEver(t *testing.T) {
	t.Parallel()
	shipped := func(hours time.Duration) situation {
		return situation{order: kitchen.Status{State: kitchen.StateShipped, ShippedAt: new(noon.Add(-hours * time.Hour))}, now: noon}
	}
	require.Equal(t, "It has been ready for pickup for 47 h.", shipped(47).waiting().Text)
	require.Equal(t, "It was ready 3 days ago. Whether it was collected is not known any more.", shipped(72).waiting().Text)
	behind := shipped(1)
	behind.isBehind = true
	require.Contains(t, behind.waiting().Text, "not known")
}
