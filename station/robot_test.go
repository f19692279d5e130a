package station

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
)

func TestARobotThatStepsAsidePutsBackWhatItHasInHand(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		log, arm := newLog(t, "arm")
		robot := &Robot{Station: arm.Station, WorkTime: time.Minute, Parallel: 2}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- robot.Run(ctx) }()
		inHand := newTicket(t)
		arm.deliver(inHand)
		synctest.Wait()
		require.Equal(t, []kitchen.AckKind{kitchen.AckStarted}, log.kinds())

		robot.StepAside()
		robot.StepAside()
		synctest.Wait()
		require.Equal(t, []kitchen.AckKind{kitchen.AckStarted, kitchen.AckReleased}, log.kinds())
		arm.deliver(newTicket(t))
		time.Sleep(time.Hour)
		require.Len(t, log.kinds(), 2, "it takes nothing while a person is there")

		robot.ComeBack()
		robot.ComeBack()
		time.Sleep(2 * time.Minute)
		require.Equal(t, []kitchen.AckKind{kitchen.AckStarted, kitchen.AckReleased, kitchen.AckStarted, kitchen.AckStarted, kitchen.AckDone, kitchen.AckDone}, log.kinds())
		cancel()
		require.NoError(t, <-ended)
	})
}

func TestARobotThatStandsAsideCanBeStopped(t *testing.T) {
	for name, stop := range map[string]func(stopRobot func(), arm *fakeStation){
		"TheRobot":   func(stopRobot func(), _ *fakeStation) { stopRobot() },
		"TheStation": func(_ func(), arm *fakeStation) { arm.cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				_, arm := newLog(t, "arm")
				robot := &Robot{Station: arm.Station, WorkTime: time.Minute}
				robot.StepAside()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				ended := make(chan error, 1)
				go func() { ended <- robot.Run(ctx) }()
				synctest.Wait()
				stop(cancel, arm)
				require.NoError(t, <-ended)
			})
		})
	}
}

func TestARobotsWorkTakesLongerAndShorterByItsJitter(t *testing.T) {
	t.Parallel()
	for chance, want := range map[float64]time.Duration{0: 5 * time.Second, 0.5: 10 * time.Second, 0.75: 12500 * time.Millisecond} {
		robot := &Robot{WorkTime: 10 * time.Second, Jitter: 0.5, Chance: func() float64 { return chance }}
		require.Equal(t, want, robot.takes())
	}
	require.ErrorContains(t, (&Robot{Jitter: 1.5}).check(), "jitter: 1.5 must be from 0 to 1")
}

func TestARobotsJudgeDecidesBeforeChance(t *testing.T) {
	t.Parallel()
	burnt := kitchen.Reason{Code: "burnt", Then: kitchen.OutcomeRemake}
	judged := true
	robot := &Robot{FailRate: 0, Chance: func() float64 { return 0.5 }, Judge: func(kitchen.Ticket) (kitchen.Reason, bool) { return burnt, judged }}
	reason, failed := robot.fails(kitchen.Ticket{Kind: kitchen.TicketMake})
	require.True(t, failed)
	require.Equal(t, burnt, reason)
	_, failed = robot.fails(kitchen.Ticket{Kind: kitchen.TicketUndo})
	require.False(t, failed, "undoing is never judged")
	judged = false
	_, failed = robot.fails(kitchen.Ticket{Kind: kitchen.TicketMake})
	require.False(t, failed)
}
