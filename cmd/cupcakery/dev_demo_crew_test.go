package main

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/api"
	"github.com/cupcakery/cupcakery/kitchen"
)

// dummy is a robot that only stands somewhere.
type dummy struct{ aside bool }

func (d *dummy) StepAside() { d.aside = true }
func (d *dummy) ComeBack()  { d.aside = false }

func newCrewOf(robot seated) *demoCrew {
	crew := newDemoCrew(kitchen.Rules{MaxRemakes: 2})
	crew.add(kitchen.Bake, "robot-baker", robot)
	return crew
}

func TestASeatFallsBackToItsRobotWhenThePageIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		robot := new(dummy)
		crew := newCrewOf(robot)
		require.Equal(t, api.Seat{Robot: "robot-baker"}, crew.Keep(kitchen.Bake, "bob"))
		require.Equal(t, api.Seat{Robot: "robot-baker", By: "bob"}, crew.Take(kitchen.Bake, "bob"))
		require.True(t, robot.aside)
		time.Sleep(seatKeptFor - time.Second)
		crew.Keep(kitchen.Bake, "bob")
		time.Sleep(seatKeptFor - time.Second)
		synctest.Wait()
		require.True(t, robot.aside, "bob is still there")
		crew.Keep(kitchen.Bake, "max") // only looks
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.False(t, robot.aside)
		require.Equal(t, api.Seat{Robot: "robot-baker"}, crew.Keep(kitchen.Bake, "bob"), "a late sign takes nothing back")
		require.False(t, robot.aside)
	})
}

func TestAHandedBackSeatStaysTheRobots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		robot := new(dummy)
		crew := newCrewOf(robot)
		crew.Take(kitchen.Bake, "bob")
		crew.HandBack(kitchen.Bake)
		require.False(t, robot.aside)
		crew.Take(kitchen.Bake, "max")
		time.Sleep(seatKeptFor - time.Second)
		synctest.Wait()
		require.True(t, robot.aside, "bob's time does not end max's")
		crew.HandBack(kitchen.Bake)
	})
}

func TestWhatIsLeftInHandAtASeatGoesBackToTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		crew := newCrewOf(new(dummy))
		var left []string
		crew.putBack = func(stage kitchen.Stage, by string) {
			left = append(left, string(stage)+" "+by)
			crew.Keep(stage, by) // the crew goes on in the meantime
		}
		crew.Take(kitchen.Bake, "bob")
		crew.Take(kitchen.Bake, "bob") // at his other tab
		require.Empty(t, left)
		crew.HandBack(kitchen.Bake)
		crew.HandBack(kitchen.Bake)
		require.Equal(t, []string{"bake bob"}, left, "once, and nothing for the robot")
		crew.Take(kitchen.Bake, "eve")
		crew.Take(kitchen.Bake, "max")
		require.Equal(t, []string{"bake bob", "bake eve"}, left, "somebody else has the seat")
		time.Sleep(seatKeptFor)
		synctest.Wait()
		require.Equal(t, []string{"bake bob", "bake eve", "bake max"}, left, "max has closed the page")
	})
}

func TestASilentRobotDoesNotComeBackForAPerson(t *testing.T) {
	t.Parallel()
	robot := new(dummy)
	crew := newCrewOf(robot)
	crew.silence(kitchen.Bake, true)
	require.True(t, robot.aside)
	crew.Take(kitchen.Bake, "bob")
	crew.silence(kitchen.Bake, false)
	require.True(t, robot.aside, "bob sits there")
	crew.silence(kitchen.Bake, true)
	crew.HandBack(kitchen.Bake)
	require.True(t, robot.aside, "it is still silent")
	crew.silence(kitchen.Bake, false)
	require.False(t, robot.aside)
	crew.silence(kitchen.Mix, true)
	require.Equal(t, api.Seat{}, crew.Take(kitchen.Mix, "bob"), "no robot is there yet")
}

func TestADoomedOrderFailsUntilAManagerIsAsked(t *testing.T) {
	t.Parallel()
	crew := newCrewOf(new(dummy))
	burnt := kitchen.Reason{Code: "burnt", Then: kitchen.OutcomeRemake}
	crew.doom("unlucky", kitchen.Mix, burnt)
	crew.burn(kitchen.Bake, burnt)
	crew.burn(kitchen.Bake, burnt)
	failures := func(order string, stage kitchen.Stage) (n int) {
		for range 5 {
			if reason, failed := crew.judge(kitchen.Ticket{OrderID: order, Stage: stage}); failed {
				require.Equal(t, burnt, reason)
				n++
			}
		}
		return n
	}
	require.Zero(t, failures("unlucky", kitchen.Bake))
	require.Zero(t, failures("other", kitchen.Mix))
	require.Equal(t, 3, failures("unlucky", kitchen.Mix), "two remakes, and the question")
	require.Equal(t, 1, failures("other", kitchen.Bake), "one tray")
}
