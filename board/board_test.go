package board_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// minute is m minutes after noon.
func minute(m int) time.Time { return noon.Add(time.Duration(m) * time.Minute) }

// inTickets is a record of a ticket that the broker appended m minutes after
// noon, and that was heard at once; inAcks is one of an ack.
func inTickets(m int) board.Heard { return heardIn(events.TicketTopic(kitchen.Bake), m) }

func inAcks(m int) board.Heard { return heardIn(events.TopicAcks, m) }

func heardIn(topic string, m int) board.Heard {
	return board.Heard{Topic: topic, Offset: int64(m), Time: minute(m), Appended: true, After: time.Duration(m) * time.Minute}
}

const orderID = "01936f8e-5c1a-7d3b-9f00-000000000001"

var bake = kitchen.TicketRef{OrderID: orderID, Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}

// within is how long the owner of a ticket may be silent.
const within = 30 * time.Minute

// unbake is the undo ticket of bake.
var unbake = kitchen.TicketRef{OrderID: orderID, Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketUndo}

func issue(ref kitchen.TicketRef, attempt int) kitchen.Ticket {
	return kitchen.Ticket{
		TicketID: ref.TicketID(), Kind: ref.Kind, OrderID: ref.OrderID, Stage: ref.Stage, Pass: ref.Pass, Attempt: attempt,
		Lines: []kitchen.Line{{Flavour: "red-velvet", Size: kitchen.SizeL, Quantity: 12}},
		Since: noon, IssuedAt: minute(attempt - 1), AckBy: minute(attempt - 1).Add(within),
	}
}

func ack(ref kitchen.TicketRef, kind kitchen.AckKind, attempt int, by string, at time.Time) kitchen.Ack {
	return kitchen.Ack{TicketID: ref.TicketID(), OrderID: ref.OrderID, Stage: ref.Stage, Kind: kind, Attempt: attempt, By: by, At: at}
}

// tell adds a log to a board, as it stands in the tests: records of the bake
// ticket, a minute apart, each at the offset of its place in the list.
//
//	issue 2                        its second attempt is delivered
//	issue 1 without ackBy          so that nobody knows how long its owner may be silent
//	bob started                    an ack that names no attempt
//	bob started 2                  one that does
//	bob takes over from eve        a started that says so
//	the same bob failed            a second record of bob's last failed
//	refused 3                      the ack at offset 3 is refused
//	31 minutes later               nothing is said
func tell(t *testing.T, b *board.Board, log string) (effects []board.Effect) {
	t.Helper()
	m, said := 0, map[string]time.Time{}
	for offset, record := range strings.Split(log, ", ") {
		m++
		words := strings.Fields(record)
		number := func(i int) int {
			if i >= len(words) {
				return 0
			}
			n, err := strconv.Atoi(words[i])
			require.NoError(t, err, record)
			return n
		}
		heard := inAcks(m)
		heard.Offset = int64(offset)
		if strings.HasSuffix(record, "later") {
			m += number(0) - 2
			continue
		}
		if words[0] == "issue" {
			ticket := issue(bake, number(1))
			if strings.HasSuffix(record, "without ackBy") {
				ticket.AckBy = time.Time{}
			}
			b.AddTicket(ticket, inTickets(m))
			continue
		}
		a := ack(bake, kitchen.AckRefused, 0, "worker", minute(m))
		if words[0] == "refused" {
			refused := int64(number(1))
			a.Offset = &refused
			effects = append(effects, b.AddAck(a, heard))
			continue
		}
		again := strings.HasPrefix(record, "the same ")
		if again {
			words = words[2:]
		}
		a.By = words[0]
		if strings.Contains(record, " takes over from ") {
			a.Kind, a.TakeOver, a.From = kitchen.AckStarted, true, words[4]
			a.Attempt = number(5)
		} else {
			a.Kind, a.Attempt = kitchen.AckKind(words[1]), number(2)
		}
		if key := a.By + string(a.Kind); again {
			a.At = said[key]
		} else {
			said[key] = a.At
		}
		effects = append(effects, b.AddAck(a, heard))
	}
	return effects
}

// stands is where the bake ticket stands, in words.
func stands(b *board.Board) string {
	e, _ := b.Get(bake.TicketID())
	return strings.TrimSpace(fmt.Sprintf("%s %s", e.State, e.By))
}

// TestTheRules has a test for each sentence of doc.go.
func TestTheRules(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, log, want string }{
		{"AnIssuedTicketWaits", "issue 1", "waiting"},
		{"ADeliveryChangesNothingAboutAnOwner", "issue 1, bob started 1, issue 2", "started bob"},
		{"NorAboutOneWhoNamedNoAttempt", "issue 1, bob started, issue 2", "started bob"},
		{"ADeliveryDoesNotMakeAFailureStale", "issue 1, bob started 1, issue 2, bob failed 1", "waiting"},
		{"TheFirstToStartOwnsIt", "issue 1, bob started 1, eve started 1", "started bob"},
		{"ALaterAttemptTakesNothingFromAnybody", "issue 1, bob started 1, issue 2, eve started 2", "started bob"},
		{"ATypedStartedOwnsItAsWell", "issue 1, bob started, eve started 1", "started bob"},
		{"WhoIsSecondGetsItByTheirNextStarted", "issue 1, bob started, eve started, bob released, eve started", "started eve"},
		{"WhoIsSecondDoesNotGetItByTheirFirst", "issue 1, bob started, eve started, bob released", "waiting"},

		{"SilenceFreesATicket", "issue 1, bob started 1, 31 minutes later, eve started 1", "started eve"},
		{"NotShortSilence", "issue 1, bob started 1, 29 minutes later, eve started 1", "started bob"},
		{"SilenceThatIsJustLongEnoughIsAllowed", "issue 1, bob started 1, 30 minutes later, eve started 1", "started bob"},
		{"SilenceAloneFreesNothing", "issue 1, bob started 1, 300 minutes later, issue 2", "started bob"},
		{"ARenewalEndsTheSilence", "issue 1, bob started 1, 20 minutes later, bob started 2, 20 minutes later, eve started 2", "started bob"},
		{"ARenewalIsDueAgain", "issue 1, bob started 1, 20 minutes later, bob started 1, 31 minutes later, eve started 1", "started eve"},
		{"WhoHasLostATicketDoesNotRenewIt", "issue 1, bob started 1, 31 minutes later, eve started 1, bob started 1", "started eve"},
		{"AStaleStartedOfAnotherIsNoSignOfTheOwner", "issue 1, bob started, 20 minutes later, eve started, 20 minutes later, eve started", "started eve"},
		{"OfAnUnknownTimeNobodyIsSilent", "issue 1 without ackBy, bob started 1, 300 minutes later, eve started 1", "started bob"},
		{"UntilADeliveryTells", "issue 1 without ackBy, bob started 1, 31 minutes later, eve started 1, issue 2", "started eve"},
		{"SilenceIsJudgedOnceADeliveryTellsOfIt", "bob started 1, 31 minutes later, eve started 1, issue 1", "started eve"},
		{"AndWhatFollowedIsJudgedAgain", "bob started 1, 31 minutes later, eve started 1, eve released, issue 1", "waiting"},

		{"ATakeOverCountsFromTheOwner", "issue 1, bob started 1, eve takes over from bob 1", "started eve"},
		{"AndNeedsNoSilenceNorAttempt", "issue 1, bob started, eve takes over from bob", "started eve"},
		{"ATakeOverFromSomebodyElseIsStale", "issue 1, bob started 1, mia takes over from eve 1", "started bob"},
		{"OfTwoTakeOversTheFirstCounts", "issue 1, bob started 1, eve takes over from bob 1, mia takes over from bob 1", "started eve"},
		{"ATakeOverAfterALongSilenceStillNamesTheOwner", "issue 1, bob started 1, 31 minutes later, mia takes over from eve", "started bob"},
		{"ATakeOverAfterTheReleaseIsStale", "issue 1, bob started 1, bob released 1, eve takes over from bob 1", "waiting"},
		{"AReleaseAfterTheTakeOverIsStale", "issue 1, bob started 1, eve takes over from bob 1, bob released 1", "started eve"},
		{"ATakeOverThatComesTwiceIsARenewal", "issue 1, bob started 1, eve takes over from bob 1, the same eve takes over from bob 1", "started eve"},

		{"AReleasePutsBack", "issue 1, bob started 1, bob released 1", "waiting"},
		{"AtOnceForAnybody", "issue 1, bob started 1, bob released 1, eve started 1", "started eve"},
		{"AReleaseOfAnotherIsStale", "issue 1, bob started 1, eve released 1", "started bob"},
		{"AReleaseOfWhatNobodyHasIsStale", "issue 1, bob released 1", "waiting"},
		{"AReleaseOfAFailedTicketIsStale", "issue 1, bob started, bob failed, bob released", "failed bob"},
		{"ASecondRecordOfAReleaseIsStale", "issue 1, bob started 1, bob released 1, bob started 1, the same bob released 1", "started bob"},

		{"AFailedTicketWaitsForItsNextAttempt", "issue 1, bob started 1, bob failed 1", "failed bob"},
		{"WhichReopensIt", "issue 1, bob started 1, bob failed 1, issue 2", "waiting"},
		{"TheSameAttemptDoesNot", "issue 1, bob started 1, bob failed 1, issue 1", "failed bob"},
		{"AFailureOfAnotherIsStale", "issue 1, bob started 1, eve failed 1", "started bob"},
		{"AlsoByHand", "issue 1, bob started 1, eve failed", "started bob"},
		{"AlsoOfALaterAttempt", "issue 1, bob started 1, issue 2, eve failed 2", "started bob"},
		{"AnybodyFailsWhatNobodyOwns", "issue 1, eve failed 1", "failed eve"},
		{"ALateFailureDoesNotTouchTheNextOwner", "issue 1, bob started 1, 31 minutes later, issue 2, eve started 2, bob failed 1", "started eve"},
		{"NorTheSameNamesNextClaim", "issue 1, bob started 1, bob released 1, issue 2, bob started 2, bob failed 1", "started bob"},
		{"AFailureThatNamesAFailedAttemptIsStale", "issue 1, bob failed 1, issue 2, eve started 2, eve failed 1", "started eve"},
		{"ASecondRecordOfAFailureIsStale", "issue 1, bob started, bob failed, issue 2, the same bob failed", "waiting"},
		{"AlsoAfterAnotherFailure", "issue 1, bob failed, eve failed, issue 3, the same bob failed", "waiting"},
		{"AStartedThatComesTwiceCountsTwice", "issue 1, bob started 1, bob released 1, the same bob started 1", "started bob"},
		{"AFailureFailsEveryAttemptUpToItsOwn", "issue 1, bob started 1, issue 2, issue 3, bob failed 3, eve started 2", "failed bob"},
		{"AFailureOfALaterAttemptMeansTheWorkInHand", "issue 1, bob started 1, issue 2, bob failed 2, issue 3", "waiting"},
		{"AFailureByHandFailsTheAttemptInHand", "issue 1, issue 2, bob started 2, bob failed", "failed bob"},
		{"AStartedOfTheFailedAttemptIsStale", "issue 1, bob failed 1, eve started 1", "failed bob"},
		{"AStartedByHandIsOfTheNextAttempt", "issue 1, bob failed 1, eve started", "started eve"},
		{"AndStaysItsOwnersWhenThatIsIssued", "issue 1, bob failed 1, eve started, issue 2, bob started 2", "started eve"},

		{"DoneByAnybodyEndsIt", "issue 1, bob started 1, eve done 1", "done eve"},
		{"AlsoWithoutAnOwner", "issue 1, eve done", "done eve"},
		{"AlsoAFailedOne", "issue 1, bob failed 1, eve done", "done eve"},
		{"AlsoOfAFailedAttempt", "issue 1, bob failed 1, issue 2, mia started 2, bob done 1", "done bob"},
		{"AlsoOfAnAttemptNotSeen", "issue 1, bob done 7", "done bob"},
		{"TheFirstEndCounts", "issue 1, bob done 1, eve done 1", "done bob"},
		{"WhatFollowsTheEndIsStale", "issue 1, bob done 1, eve started, eve failed, eve released", "done bob"},
		{"ADeliveryDoesNotReopenIt", "issue 1, bob done 1, issue 2", "done bob"},

		{"ARefusedEndNeverWas", "bob done 1, refused 0, issue 1", "waiting"},
		{"AndTakesNothingFromAnOwner", "issue 1, bob started, eve done, refused 2", "started bob"},
		{"WhatFollowedItCounts", "issue 1, eve done, bob started 1, refused 1", "started bob"},
		{"AlsoARealEnd", "issue 1, eve done, bob done, refused 1", "done bob"},
		{"ARefusedFailureNeverWas", "issue 1, bob started 1, bob failed 99, refused 2", "started bob"},
		{"AlsoAfterTheNextOwner", "issue 1, bob failed 99, eve started, refused 1, eve failed 1", "failed eve"},
		{"AlsoTheFirstOfTwo", "issue 1, bob failed 98, bob failed 99, refused 1, refused 2, eve started 1", "started eve"},
		{"ARefusedClaimNeverWas", "issue 1, eve started 99, bob started 1, refused 1", "started bob"},
		{"NorDoesItLeaveItsAttemptBehind", "issue 1, eve started 99, eve failed, refused 1, issue 2, bob started 2", "started bob"},
		{"ARefusalOfSomethingElseDoesNothing", "issue 1, bob started 1, bob done 1, refused 1, refused 7", "done bob"},
		{"ARefusalThatComesTwiceDoesNothing", "issue 1, eve done, bob done, refused 1, refused 1", "done bob"},
		{"AnEndAfterTheRefusalCounts", "eve done, refused 0, issue 1, eve done", "done eve"},

		{"AnAckMayComeBeforeItsTicket", "bob started 1, issue 1", "started bob"},
		{"AnAckMayAnswerAnAttemptNotSeen", "issue 1, bob started 2", "started bob"},
		{"AWildAttemptBlocksNobodyElse", "issue 1, eve started 99999, refused 1, bob started 1, bob failed 1, issue 2, bob started 2", "started bob"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := board.New()
			tell(t, b, test.log)
			require.Equal(t, test.want, stands(b))
		})
	}
}

// TestTheTableOfTheDocs compares what acks do with the table in doc.go.
func TestTheTableOfTheDocs(t *testing.T) {
	t.Parallel()
	// bob owns the ticket by its second attempt, and failed that.
	before := map[string]string{
		"waiting": "issue 1", "started": "issue 1, issue 2, bob started 2",
		"failed": "issue 1, issue 2, bob failed 2", "done": "issue 1, issue 2, bob done",
	}
	acks := map[string][]string{
		"started":                      {"bob started", "eve started 3"},
		"started by the owner":         {"bob started", "bob started 1", "bob started 3"},
		"started by another":           {"eve started", "eve started 1", "eve started 3"},
		"started after long silence":   {"31 minutes later, eve started", "31 minutes later, eve started 1"},
		"take-over from the owner":     {"eve takes over from bob", "eve takes over from bob 1"},
		"take-over from another":       {"eve takes over from mia", "31 minutes later, eve takes over from mia 3"},
		"take-over":                    {"eve takes over from bob", "eve takes over from mia 3"},
		"released by the owner":        {"bob released", "bob released 1"},
		"released by another":          {"eve released", "31 minutes later, eve released 3"},
		"released":                     {"bob released", "eve released 3"},
		"failed by the owner":          {"bob failed", "bob failed 2", "bob failed 3"},
		"failed of an earlier attempt": {"bob failed 1"},
		"failed by another":            {"eve failed", "31 minutes later, eve failed 2", "eve failed 3"},
		"failed":                       {"eve failed", "bob failed 3"},
		"done":                         {"bob done", "eve done 1"},
	}
	text, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	rows := regexp.MustCompile(`(?m)^//\t(\w[\w -]*?) {2,}(\S.*?) {2,}(\w+) {2,}(\S.*)$`).FindAllStringSubmatch(string(text), -1)
	seen := map[string]bool{}
	for _, row := range rows[1:] { // after the head
		seen[row[1]] = true
		states := strings.Split(row[2], ", ")
		if row[2] == "all" {
			states = []string{"waiting", "started", "failed"}
		}
		for _, state := range states {
			require.Contains(t, before, state)
			for _, ack := range acks[row[1]] {
				b := board.New()
				effects := tell(t, b, before[state]+", "+ack)
				require.Equal(t, row[4], string(effects[len(effects)-1]), "%s, then %s", state, ack)
				to := row[3]
				if to == "same" {
					to = state
				}
				got, _ := b.Get(bake.TicketID())
				require.Equal(t, to, string(got.State), "%s, then %s", state, ack)
			}
		}
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(acks)), slices.Collect(maps.Keys(seen)))
	for _, ack := range slices.Concat(slices.Collect(maps.Values(acks))...) {
		b := board.New()
		effects := tell(t, b, before["done"]+", "+ack)
		require.Equal(t, board.Stale, effects[len(effects)-1], "an ended ticket, then %s", ack)
		require.Equal(t, "done bob", stands(b))
	}
	for _, ack := range []string{"eve started 1", "eve started 2", "eve failed 1", "bob failed 2"} {
		b := board.New()
		effects := tell(t, b, before["failed"]+", "+ack)
		require.Equal(t, board.Stale, effects[len(effects)-1], "a failed ticket, then %s", ack)
		require.Equal(t, "failed bob", stands(b))
	}
}

// Deliveries of two builds may allow different silences. In whatever order they
// are read, the longest counts.
func TestTheLongestSilenceThatADeliveryAllowsCounts(t *testing.T) {
	t.Parallel()
	short, long := issue(bake, 1), issue(bake, 2)
	short.AckBy = short.IssuedAt.Add(within / 3)
	for _, deliveries := range [][]kitchen.Ticket{{short, long}, {long, short}} {
		b := board.New()
		b.AddTicket(deliveries[0], inTickets(0))
		tell(t, b, "bob started, 20 minutes later, eve started")
		b.AddTicket(deliveries[1], inTickets(1))
		require.Equal(t, "started bob", stands(b))
	}
}

func TestADeliveryTellsWhichAcksItJudges(t *testing.T) {
	t.Parallel()
	b := board.New()
	require.Equal(t, []board.Effect{board.Claimed, board.Unjudged, board.Stale, board.Renewed}, tell(t, b, "bob started, 31 minutes later, eve started, eve released, bob started"))
	judged := b.AddTicket(issue(bake, 1), inTickets(0))
	var did []string
	for _, j := range judged {
		did = append(did, fmt.Sprintf("%d %s %s", j.Heard.Offset, j.Ack.By, j.Effect))
	}
	require.Equal(t, []string{"2 eve took over", "3 eve released", "4 bob claimed"}, did)
	require.Empty(t, b.AddTicket(issue(bake, 2), inTickets(1)))
}

func TestAnEntryTellsWhenItsTicketWasTaken(t *testing.T) {
	t.Parallel()
	for log, want := range map[string]int64{
		"issue 1": 0, "issue 1, bob started": 1, "issue 1, bob started, bob started": 1, "issue 1, bob started, bob released": 1,
		"issue 1, bob started, eve takes over from bob": 2, "issue 1, bob failed, issue 2": 1, "issue 1, bob started, eve done": 2,
		"issue 1, bob done, refused 1": 0,
	} {
		b := board.New()
		tell(t, b, log)
		got, _ := b.Get(bake.TicketID())
		require.Equal(t, want, got.Taken.Offset, log)
		require.Equal(t, want > 0, got.Taken != board.Heard{}, log)
	}
}

func TestADeliveryChangesNeitherPlaceNorAge(t *testing.T) {
	t.Parallel()
	b := board.New()
	earlier := issue(bake, 2)
	earlier.Since, earlier.IssuedAt = time.Time{}, minute(5) // by a build that does not tell
	later := earlier
	later.Attempt, later.IssuedAt = 3, minute(40)
	b.AddTicket(later, inTickets(6))
	b.AddTicket(earlier, inTickets(7))
	got, _ := b.Get(bake.TicketID())
	require.Equal(t, minute(5), got.Since)
	b.AddTicket(issue(bake, 4), inTickets(8))
	got, _ = b.Get(bake.TicketID())
	require.Equal(t, noon, got.Since)
	require.Equal(t, 4, got.Attempt)
}

func TestABoardKnowsWhichAcksAreInForce(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, log string
		want      map[int]string // by offset: yes, no or unknown
	}{
		{"TheClaimAndItsRenewals", "issue 1, bob started, eve started, bob started", map[int]string{1: "yes", 2: "no", 3: "yes", 4: "unknown"}},
		{"NotWhatWasTakenOver", "issue 1, bob started, eve takes over from bob", map[int]string{1: "no", 2: "yes"}},
		{"AReleaseUntilTheNextClaim", "issue 1, bob started, bob released", map[int]string{1: "no", 2: "yes"}},
		{"NotAfterIt", "issue 1, bob started, bob released, eve started", map[int]string{2: "no"}},
		{"NorAfterAFailure", "issue 1, bob started, bob released, eve failed", map[int]string{2: "no", 3: "yes"}},
		{"TheLastFailure", "issue 1, bob failed 1, bob failed 2, eve failed 2", map[int]string{1: "no", 2: "yes", 3: "no"}},
		{"AlsoAfterTheNextClaim", "issue 1, bob failed 1, eve started", map[int]string{1: "yes", 2: "yes"}},
		{"TheFirstEndAndNothingElse", "issue 1, bob started, bob failed, bob started, eve done, bob done", map[int]string{1: "no", 2: "no", 3: "no", 4: "yes", 5: "no"}},
		{"NotWhatIsRefused", "issue 1, eve done, bob started, refused 1", map[int]string{1: "no", 2: "yes", 3: "no"}},
		{"AnEndNeedsNoDelivery", "bob done", map[int]string{0: "yes"}},
		{"WhatDependsOnADeliveryIsNotKnown", "bob started, 40 minutes later, eve started", map[int]string{0: "unknown", 2: "unknown"}},
		{"UntilItIsThere", "bob started, 40 minutes later, eve started, issue 1", map[int]string{0: "no", 2: "yes"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := board.New()
			tell(t, b, test.log)
			for offset, want := range test.want {
				record := fmt.Sprintf("%s,", test.log)
				words := strings.Fields(strings.Split(record, ",")[min(offset, strings.Count(test.log, ","))])
				heard := inAcks(0)
				heard.Offset = int64(offset)
				kind := kitchen.AckStarted
				if words[1] != "takes" && words[0] != "refused" {
					kind = kitchen.AckKind(words[1])
				} else if words[0] == "refused" {
					kind = kitchen.AckRefused
				}
				inForce, known := b.InForce(ack(bake, kind, 0, words[0], noon), heard)
				got := map[[2]bool]string{{true, true}: "yes", {false, true}: "no", {false, false}: "unknown"}[[2]bool{inForce, known}]
				require.Equal(t, want, got, "offset %d", offset)
			}
		})
	}
}

// Another ticket's record may have the same offset in another partition, and what
// was forgotten may be asked about again.
func TestInForceDoesNotGuess(t *testing.T) {
	t.Parallel()
	b := board.New()
	done := ack(bake, kitchen.AckDone, 1, "bob", minute(1))
	b.AddTicket(issue(bake, 1), inTickets(0))
	b.AddAck(done, inAcks(1))
	elsewhere := inAcks(1)
	elsewhere.Partition = 3
	other := bake
	other.Pass = 2
	b.AddAck(ack(other, kitchen.AckDone, 1, "bob", minute(1)), elsewhere)
	_, known := b.InForce(done, elsewhere)
	require.False(t, known)

	require.Equal(t, 2, b.Forget(10*time.Hour, time.Hour, nil))
	b.AddTicket(issue(bake, 2), inTickets(600))
	_, known = b.InForce(done, inAcks(1))
	require.False(t, known, "its acks are forgotten")
	b.AddAck(ack(bake, kitchen.AckStarted, 2, "eve", minute(601)), inAcks(601))
	_, known = b.InForce(done, inAcks(1))
	require.False(t, known)
	inForce, known := b.InForce(ack(bake, kitchen.AckStarted, 2, "eve", minute(601)), inAcks(601))
	require.True(t, known && inForce)
}

func TestARefusalIsOfItsOwnPartition(t *testing.T) {
	t.Parallel()
	b := board.New()
	b.AddAck(ack(bake, kitchen.AckDone, 1, "bob", minute(1)), inAcks(1))
	refusal, offset := ack(bake, kitchen.AckRefused, 0, "worker", minute(2)), int64(1)
	refusal.Offset = &offset
	elsewhere := inAcks(2)
	elsewhere.Partition = 3
	require.Equal(t, board.Stale, b.AddAck(refusal, elsewhere))
	require.Equal(t, "done bob", stands(b))
	require.Equal(t, board.Refused, b.AddAck(refusal, inAcks(2)))
	require.Equal(t, "waiting", stands(b))
}

func TestOnlyTheBrokersTimesOfOnePartitionTellOfSilence(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*board.Heard){
		"ASendersTime":     func(h *board.Heard) { h.Appended = false },
		"AnotherPartition": func(h *board.Heard) { h.Partition = 1 },
	} {
		for _, which := range []string{"bob", "eve"} {
			t.Run(name+"/"+which, func(t *testing.T) {
				t.Parallel()
				b := board.New()
				b.AddTicket(issue(bake, 1), inTickets(0))
				for m, by := range map[int]string{1: "bob"} {
					heard := inAcks(m)
					if by == which {
						change(&heard)
					}
					b.AddAck(ack(bake, kitchen.AckStarted, 1, by, minute(m)), heard)
				}
				heard := inAcks(600)
				if which == "eve" {
					change(&heard)
				}
				require.Equal(t, board.Stale, b.AddAck(ack(bake, kitchen.AckStarted, 1, "eve", minute(600)), heard))
				require.Equal(t, "started bob", stands(b))
			})
		}
	}
}

// An order that has lost an end issues its ticket again.
func TestAnEntryTellsThatItWasIssuedAfterItsEnd(t *testing.T) {
	t.Parallel()
	for log, want := range map[string]bool{
		"issue 1, bob done 1":                                  false,
		"issue 1, bob done 1, issue 2":                         true,
		"issue 1, bob done 1, issue 1":                         true,
		"issue 1, bob done":                                    false,
		"issue 1, issue 2, bob done 2":                         false,
		"issue 1, issue 2, bob started 2, bob done":            false,
		"issue 1, bob failed 1, issue 2, bob done":             false,
		"issue 1, bob failed 1, issue 2, bob done, issue 3":    true,
		"issue 1, issue 2, bob done":                           true, // may be: nobody can tell
		"issue 1, bob started 1, issue 1, issue 2, bob failed": false,
	} {
		b := board.New()
		tell(t, b, log)
		got, _ := b.Get(bake.TicketID())
		require.Equal(t, want, got.IssuedAfterEnd, log)
	}
}

// Another build may have stages that this one does not know.
func TestATicketOfAnUnknownStageIsOnNoKnownBoard(t *testing.T) {
	t.Parallel()
	b := board.New()
	dust := bake
	dust.Stage = "dust"
	b.AddTicket(issue(bake, 1), inTickets(0))
	b.AddTicket(issue(dust, 1), inTickets(1))
	b.AddAck(ack(dust, kitchen.AckStarted, 1, "eve", minute(2)), inAcks(2))
	b.AddAck(ack(bake, kitchen.AckStarted, 1, "bob", minute(3)), inAcks(3))
	for _, stage := range kitchen.Stages() {
		require.NotContains(t, ids(b.Open(stage)), dust.TicketID())
	}
	require.Equal(t, "bob", b.Open(kitchen.Bake)[0].By)
}

func TestAnEntryTellsWhenAndWhy(t *testing.T) {
	t.Parallel()
	b := board.New()
	b.AddTicket(issue(bake, 1), inTickets(0))
	b.AddAck(ack(bake, kitchen.AckStarted, 1, "bob", minute(1)), inAcks(1))
	failed := ack(bake, kitchen.AckFailed, 1, "bob", minute(2))
	failed.Reason, failed.Note = "burnt", "oven 2"
	b.AddAck(failed, inAcks(2))
	b.AddTicket(issue(bake, 2), inTickets(3))
	b.AddAck(ack(bake, kitchen.AckStarted, 2, "eve", minute(4)), inAcks(4))

	got, _ := b.Get(bake.TicketID())
	require.Equal(t, "eve", got.By)
	require.Equal(t, minute(4), *got.StartedAt)
	require.Equal(t, "oven 2", got.LastFailure.Note)
	require.Equal(t, inAcks(4), got.Sign)
	require.Equal(t, 2, got.Attempt)

	b.AddAck(ack(bake, kitchen.AckStarted, 2, "eve", minute(14)), inAcks(14))
	got, _ = b.Get(bake.TicketID())
	require.Equal(t, minute(4), *got.StartedAt, "a renewal moves the sign and nothing else")
	require.Equal(t, []board.Heard{inAcks(4), inAcks(14)}, []board.Heard{got.Heard, got.Sign})

	b.AddAck(ack(bake, kitchen.AckDone, 2, "eve", minute(15)), inAcks(15))
	got, _ = b.Get(bake.TicketID())
	require.Equal(t, minute(4), *got.StartedAt, "the start is known though the done ack does not have it")
	require.Equal(t, minute(15), got.Ack.At)
	require.True(t, got.Ended())
	require.Zero(t, got.Sign)
	require.Equal(t, "eve", got.BegunBy)
}

func TestAnEntryTellsWhenTheWorkBegan(t *testing.T) {
	t.Parallel()
	b := board.New()
	began := minute(-50)
	renewal := ack(bake, kitchen.AckStarted, 1, "bob", minute(1))
	renewal.StartedAt = &began
	b.AddAck(renewal, inAcks(1)) // all that this reader has read
	got, _ := b.Get(bake.TicketID())
	require.Equal(t, began, *got.StartedAt)

	other := board.New()
	other.AddAck(ack(bake, kitchen.AckStarted, 1, "bob", minute(9)), inAcks(1))
	other.AddAck(ack(bake, kitchen.AckDone, 1, "eve", minute(5)), inAcks(2))
	got, _ = other.Get(bake.TicketID())
	require.Equal(t, minute(5), *got.StartedAt, "by another clock, but not after the end")
}

func TestAnEntryHasTheFieldsOfItsState(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		log                                string
		attempt                            int
		begunBy, lastFailedBy              string
		hasAck, hasSign, hasStart, isKnown bool
	}{
		{log: "issue 1", attempt: 1, isKnown: true},
		{log: "issue 1, bob started", attempt: 1, begunBy: "bob", hasAck: true, hasSign: true, hasStart: true, isKnown: true},
		{log: "issue 1, issue 2, bob started 1", attempt: 2, begunBy: "bob", hasAck: true, hasSign: true, hasStart: true, isKnown: true},
		{log: "bob started", attempt: 1, begunBy: "bob", hasAck: true, hasSign: true, hasStart: true},
		{log: "issue 1, bob started, bob released", attempt: 1, begunBy: "bob", isKnown: true},
		{log: "issue 1, bob started, bob failed", attempt: 1, begunBy: "bob", hasAck: true, hasStart: true, isKnown: true},
		{log: "issue 1, bob failed, issue 2", attempt: 2, lastFailedBy: "bob", isKnown: true},
		{log: "issue 1, bob failed, eve started", attempt: 2, begunBy: "eve", lastFailedBy: "bob", hasAck: true, hasSign: true, hasStart: true, isKnown: true},
		{log: "issue 1, bob failed, eve failed", attempt: 2, lastFailedBy: "bob", hasAck: true, isKnown: true},
		{log: "issue 1, bob failed, eve done", attempt: 1, lastFailedBy: "bob", hasAck: true, isKnown: true},
		{log: "issue 1, eve done 3", attempt: 3, hasAck: true, isKnown: true},
	} {
		b := board.New()
		tell(t, b, test.log)
		got, _ := b.Get(bake.TicketID())
		require.Equal(t, test.attempt, got.Attempt, test.log)
		require.Equal(t, test.begunBy, got.BegunBy, test.log)
		require.Equal(t, test.hasAck, got.Ack != nil, test.log)
		require.Equal(t, test.hasAck, got.Heard != board.Heard{}, test.log)
		require.Equal(t, test.hasSign, got.Sign != board.Heard{}, test.log)
		require.Equal(t, test.hasStart, got.StartedAt != nil, test.log)
		require.Equal(t, test.isKnown, got.Ticket.Attempt > 0, test.log)
		require.Equal(t, test.isKnown, !got.Since.IsZero(), test.log)
		lastFailedBy := ""
		if got.LastFailure != nil {
			lastFailedBy = got.LastFailure.By
		}
		require.Equal(t, test.lastFailedBy, lastFailedBy, test.log)
	}
}

// Snapshots are handed to other goroutines while the board goes on.
func TestAnEntryDoesNotChange(t *testing.T) {
	t.Parallel()
	b := board.New()
	tell(t, b, "issue 1, bob failed, bob started")
	before, _ := b.Get(bake.TicketID())
	data, err := json.Marshal(before)
	require.NoError(t, err)
	tell(t, b, "issue 2, bob started, bob failed, eve started, refused 2, eve done")
	after, err := json.Marshal(before)
	require.NoError(t, err)
	require.Equal(t, string(data), string(after))
}

func TestAnUndoTicketWithdrawsTheTicketThatItUndoes(t *testing.T) {
	t.Parallel()
	const (
		waiting = kitchen.TicketWaiting
		started = kitchen.TicketStarted
	)
	make1 := func(b *board.Board) { b.AddTicket(issue(bake, 1), inTickets(0)) }
	undo1 := func(b *board.Board) { b.AddTicket(issue(unbake, 1), inTickets(5)) }
	answer := func(ref kitchen.TicketRef, kind kitchen.AckKind, by string, m int) func(*board.Board) {
		return func(b *board.Board) { b.AddAck(ack(ref, kind, 1, by, minute(m)), inAcks(m)) }
	}
	refuse := func(ref kitchen.TicketRef, offset int64) func(*board.Board) {
		refusal := ack(ref, kitchen.AckRefused, 0, "worker", minute(7))
		refusal.Offset = &offset
		return func(b *board.Board) { b.AddAck(refusal, inAcks(7)) }
	}
	tests := []struct {
		name      string
		log       []func(*board.Board)
		withdrawn bool
		state     kitchen.TicketState
		by        string
		open      bool
	}{
		{"NotWithoutOne", []func(*board.Board){make1}, false, waiting, "", true},
		{"WhenItIsIssued", []func(*board.Board){make1, undo1}, true, waiting, "", false},
		{"WhenItIsIssuedBefore", []func(*board.Board){undo1, make1}, true, waiting, "", false},
		{"WhenSomebodyStartsIt", []func(*board.Board){make1, answer(unbake, kitchen.AckStarted, "eve", 6)}, true, waiting, "", false},
		{"WhenSomebodyFailsIt", []func(*board.Board){make1, answer(unbake, kitchen.AckFailed, "eve", 6)}, true, waiting, "", false},
		{"ButNotOutOfSomebodysHands", []func(*board.Board){make1, answer(bake, kitchen.AckStarted, "bob", 1), undo1}, true, started, "bob", true},
		{"AlsoWhenTheStartComesLate", []func(*board.Board){make1, undo1, answer(bake, kitchen.AckStarted, "bob", 6)}, true, started, "bob", true},
		{"AFailedOneDoesNotComeAgain", []func(*board.Board){make1, answer(bake, kitchen.AckFailed, "bob", 1), undo1}, true, kitchen.TicketFailed, "bob", false},
		{"DoneStaysDoneUntilItIsUndone", []func(*board.Board){make1, undo1, answer(bake, kitchen.AckDone, "bob", 6)}, true, kitchen.TicketDone, "bob", false},
		{"UndoneEndsIt", []func(*board.Board){make1, undo1, answer(unbake, kitchen.AckUndone, "eve", 6)}, true, kitchen.TicketUndone, "eve", false},
		{"UndoneEndsWhatWasDone", []func(*board.Board){make1, answer(bake, kitchen.AckDone, "bob", 1), undo1, answer(unbake, kitchen.AckUndone, "eve", 6)}, true, kitchen.TicketUndone, "eve", false},
		{"UndoneEndsWhatIsInHand", []func(*board.Board){make1, answer(bake, kitchen.AckStarted, "bob", 1), undo1, answer(unbake, kitchen.AckUndone, "eve", 6)}, true, kitchen.TicketUndone, "eve", false},
		{"UndoneEndsItBeforeItIsSeen", []func(*board.Board){answer(unbake, kitchen.AckUndone, "eve", 6), make1}, true, kitchen.TicketUndone, "eve", false},
		{"AStartAfterUndoneIsStale", []func(*board.Board){make1, answer(unbake, kitchen.AckUndone, "eve", 6), answer(bake, kitchen.AckStarted, "bob", 7)}, true, kitchen.TicketUndone, "eve", false},
		{"DoneAfterUndoneIsStale", []func(*board.Board){make1, answer(unbake, kitchen.AckUndone, "eve", 6), answer(bake, kitchen.AckDone, "bob", 7)}, true, kitchen.TicketUndone, "eve", false},
		{"AStaleAckAboutItIsNoSignOfIt", []func(*board.Board){make1, answer(unbake, kitchen.AckReleased, "eve", 6)}, false, waiting, "", true},
		{"NorIsARefusedOne", []func(*board.Board){make1, answer(unbake, kitchen.AckUndone, "eve", 6), refuse(unbake, 6)}, false, waiting, "", true},
		{"ALaterAttemptAfterUndoneIsStale", []func(*board.Board){make1, answer(unbake, kitchen.AckUndone, "eve", 6), func(b *board.Board) { b.AddTicket(issue(bake, 2), inTickets(8)) }}, true, kitchen.TicketUndone, "eve", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := board.New()
			for _, add := range test.log {
				add(b)
			}
			got, ok := b.Get(bake.TicketID())
			require.True(t, ok)
			require.Equal(t, test.withdrawn, got.Withdrawn)
			require.Equal(t, test.state, got.State)
			require.Equal(t, test.by, got.By)
			require.Equal(t, test.state == kitchen.TicketDone || test.state == kitchen.TicketUndone, got.Ended())
			require.Equal(t, test.state == kitchen.TicketStarted, got.Sign != board.Heard{}, "only an owner gives signs")
			open := ids(b.Open(kitchen.Bake))
			if test.open {
				require.Contains(t, open, bake.TicketID())
			} else {
				require.NotContains(t, open, bake.TicketID())
			}
			other := bake
			other.Pass = 2
			b.AddTicket(issue(other, 1), inTickets(9))
			remade, _ := b.Get(other.TicketID())
			require.False(t, remade.Withdrawn, "another pass has an undo ticket of its own")
			require.Contains(t, ids(b.Open(kitchen.Bake)), other.TicketID())
		})
	}
}

func TestAnUndoTicketIsOpenUntilItIsUndone(t *testing.T) {
	t.Parallel()
	b := board.New()
	b.AddTicket(issue(unbake, 1), inTickets(1))
	b.AddAck(ack(unbake, kitchen.AckFailed, 1, "bob", minute(2)), inAcks(2))
	require.Equal(t, []string{unbake.TicketID()}, ids(b.Open(kitchen.Bake)))
	b.AddAck(ack(unbake, kitchen.AckUndone, 1, "bob", minute(3)), inAcks(3))
	require.Empty(t, b.Open(kitchen.Bake))
	got, _ := b.Get(unbake.TicketID())
	require.Equal(t, kitchen.TicketUndone, got.State)
	require.False(t, got.Withdrawn)
}

func TestATicketAndItsUndoTicketFindEachOther(t *testing.T) {
	t.Parallel()
	undoID, ok := board.UndoOf(bake.TicketID())
	require.True(t, ok)
	require.Equal(t, unbake.TicketID(), undoID)
	makeID, ok := board.UndoneBy(undoID)
	require.True(t, ok)
	require.Equal(t, bake.TicketID(), makeID)
	for _, wrong := range []string{"", "nonsense", undoID, undoID + ".undo"} {
		_, ok := board.UndoOf(wrong)
		require.False(t, ok, wrong)
	}
	for _, wrong := range []string{"", "nonsense", makeID} {
		_, ok := board.UndoneBy(wrong)
		require.False(t, ok, wrong)
	}
}

func TestOpenListsWhatIsNotEndedByItsPlaceInTheQueue(t *testing.T) {
	t.Parallel()
	refs := make([]kitchen.TicketRef, 4)
	b := board.New()
	for i := range refs {
		refs[i] = kitchen.TicketRef{OrderID: fmt.Sprintf("01936f8e-5c1a-7d3b-9f00-00000000000%d", i), Stage: kitchen.Mix, Pass: 1, Kind: kitchen.TicketMake}
	}
	queued := func(ref kitchen.TicketRef, attempt, since int) kitchen.Ticket {
		ticket := issue(ref, attempt)
		ticket.Since = minute(since)
		return ticket
	}
	b.AddTicket(queued(refs[0], 1, 1), inTickets(1))
	b.AddTicket(queued(refs[1], 1, 1), inTickets(1))
	b.AddTicket(queued(refs[2], 2, 0), inTickets(9)) // a remake keeps its order's place
	b.AddTicket(issue(bake, 1), inTickets(0))
	b.AddAck(ack(refs[0], kitchen.AckDone, 1, "bob", minute(2)), inAcks(2))
	b.AddAck(ack(refs[1], kitchen.AckFailed, 1, "bob", minute(2)), inAcks(2))
	b.AddAck(ack(refs[3], kitchen.AckStarted, 1, "bob", minute(2)), inAcks(2)) // its ticket was never seen

	require.Equal(t, []string{refs[2].TicketID(), refs[1].TicketID()}, ids(b.Open(kitchen.Mix)))
	require.Equal(t, []string{refs[2].TicketID(), refs[0].TicketID(), refs[1].TicketID()}, ids(b.Entries(kitchen.Mix)))
	heard, ok := b.Get(refs[3].TicketID())
	require.True(t, ok)
	require.Equal(t, kitchen.TicketStarted, heard.State)
	require.Equal(t, kitchen.Mix, heard.Ticket.Stage)
	require.Zero(t, heard.Ticket.Attempt)
}

func TestABoardKnowsHowFarBackItKnows(t *testing.T) {
	t.Parallel()
	const lookBack = time.Hour
	first, second := bake, bake
	first.OrderID, second.OrderID = orderID[:len(orderID)-1]+"2", orderID[:len(orderID)-1]+"3"
	byItsSender := inTickets(0)
	byItsSender.Appended = false

	b := board.New()
	require.True(t, b.Recalls(inTickets(0), lookBack), "everything")
	b.AddTicket(issue(bake, 1), inTickets(59))
	b.AddTicket(issue(first, 1), inTickets(60))
	b.AddTicket(issue(second, 1), inTickets(30))
	b.AddAck(ack(second, kitchen.AckDone, 1, "bob", minute(120)), inAcks(120))
	require.False(t, b.TooOld(inTickets(0)))
	b.CaughtUp(lookBack)
	require.True(t, b.TooOld(inTickets(59)))
	require.False(t, b.TooOld(inTickets(60)))
	require.False(t, b.TooOld(byItsSender), "nothing follows from a sender's time")
	require.True(t, b.Recalls(inTickets(90), 30*time.Minute))
	require.False(t, b.Recalls(inTickets(89), 30*time.Minute))
	require.False(t, b.Recalls(byItsSender, 0))
	require.Equal(t, 1, b.ForgetTooOld(), "its acks may lie before what was read")
	_, known := b.Get(bake.TicketID())
	require.False(t, known)
	_, known = b.Get(second.TicketID())
	require.True(t, known, "of which an ack is known")

	require.Equal(t, 1, b.Forget(4*time.Hour, lookBack, nil), "what is open stays while nothing is issued")
	require.True(t, b.TooOld(inTickets(119)), "what was forgotten is not known any more")
	require.False(t, b.TooOld(inTickets(120)))

	sender := board.New()
	ackBySender := inAcks(0)
	ackBySender.Appended = false
	sender.AddAck(ack(bake, kitchen.AckDone, 1, "bob", minute(0)), ackBySender)
	sender.CaughtUp(lookBack)
	require.True(t, sender.Recalls(byItsSender, time.Hour), "a log without the broker's times is read whole")
	require.Equal(t, 1, sender.Forget(2*time.Hour, lookBack, nil))
	require.False(t, sender.Recalls(byItsSender, 0), "until some of it is forgotten")
	require.False(t, sender.TooOld(byItsSender))
}

func TestAStopwatchMeasuresReadingOnly(t *testing.T) {
	t.Parallel()
	now := noon
	watch := board.NewStopwatch(func() time.Time { return now })
	pass := func(d time.Duration) { now = now.Add(d) }
	pass(time.Minute)
	require.Equal(t, time.Minute, watch.Elapsed())
	watch.Start() // runs already
	watch.Stop()
	pass(time.Hour)
	watch.Stop()
	require.Equal(t, time.Minute, watch.Elapsed())
	watch.Start()
	pass(time.Second)
	require.Equal(t, time.Minute+time.Second, watch.Elapsed())
}

// TestNobodysClockDecides: owner, state and order of the board are the same
// whatever the clocks of workers and stations say. Those of brokers may count.
func TestNobodysClockDecides(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var refs []kitchen.TicketRef
		for i := range 4 {
			refs = append(refs, kitchen.TicketRef{OrderID: fmt.Sprintf("01936f8e-5c1a-7d3b-9f00-0000000000b%d", i), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake})
		}
		people := []string{"bob", "eve", "mia"}
		appended := rapid.Bool().Draw(t, "LogAppendTime")
		offsets := map[string]time.Duration{}
		for _, sender := range append(people, "worker") {
			offsets[sender] = time.Duration(rapid.IntRange(-5*3600, 5*3600).Draw(t, "seconds that the clock of "+sender+" is off")) * time.Second
		}
		right, wrong := board.New(), board.New()
		// message is a record as Kafka has it if its sender's clock is off.
		message := func(topic string, m int, off time.Duration, value any) events.Message {
			data, err := json.Marshal(value)
			require.NoError(t, err)
			message := events.Message{Topic: topic, Value: data, Time: minute(m), Appended: appended}
			if !appended {
				message.Time = message.Time.Add(off)
			}
			return message
		}
		hear := func(b *board.Board, m int, message events.Message) {
			h := board.HeardFrom(message, time.Duration(m)*time.Minute)
			if message.Topic == events.TopicAcks {
				ack, err := events.DecodeAck(message)
				require.NoError(t, err)
				b.AddAck(ack, h)
				return
			}
			ticket, err := events.DecodeTicket(message)
			require.NoError(t, err)
			b.AddTicket(ticket, h)
		}
		records, since := rapid.IntRange(0, 60).Draw(t, "records"), map[kitchen.TicketRef]int{}
		for m := range records {
			ref := rapid.SampledFrom(refs).Draw(t, "ticket")
			topic, sender := events.TopicAcks, rapid.SampledFrom(people).Draw(t, "by")
			answer := ack(ref, rapid.SampledFrom([]kitchen.AckKind{kitchen.AckStarted, kitchen.AckStarted, kitchen.AckFailed, kitchen.AckDone}).Draw(t, "kind"),
				rapid.IntRange(0, 3).Draw(t, "attempt"), sender, time.Time{})
			issued := issue(ref, rapid.IntRange(1, 3).Draw(t, "issued"))
			isIssue := rapid.Bool().Draw(t, "an issue")
			if _, known := since[ref]; isIssue && !known {
				since[ref] = m
			}
			for b, off := range map[*board.Board]time.Duration{right: 0, wrong: 1} {
				var value any
				if isIssue {
					topic, off = events.TicketTopic(kitchen.Bake), off*offsets["worker"]
					issued.Since, issued.IssuedAt, issued.AckBy = minute(since[ref]).Add(off), minute(m).Add(off), minute(m).Add(off+within)
					value = issued
				} else {
					off *= offsets[sender]
					answer.At = minute(m).Add(off)
					value = answer
				}
				hear(b, m, message(topic, m, off, value))
			}
		}
		require.Equal(t, ids(right.Entries(kitchen.Bake)), ids(wrong.Entries(kitchen.Bake)), "the order of the board")
		for _, ref := range refs {
			want, known := right.Get(ref.TicketID())
			got, alsoKnown := wrong.Get(ref.TicketID())
			require.Equal(t, known, alsoKnown)
			require.Equal(t, []any{want.State, want.By, want.Attempt, want.Withdrawn, want.Ticket.Attempt}, []any{got.State, got.By, got.Attempt, got.Withdrawn, got.Ticket.Attempt})
		}
		now, silence := time.Duration(records)*time.Minute, time.Duration(rapid.IntRange(0, 60).Draw(t, "silence"))*time.Minute
		require.Equal(t, right.Forget(now, silence, nil), wrong.Forget(now, silence, nil), "and both forget the same")
		require.ElementsMatch(t, slices.Collect(right.TicketIDs()), slices.Collect(wrong.TicketIDs()))
	})
}

// Not parallel: it measures memory.
func TestAStationGoneWildCostsLittleMemory(t *testing.T) {
	heap := func() uint64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return stats.HeapAlloc
	}
	for _, wild := range []kitchen.AckKind{kitchen.AckStarted, kitchen.AckReleased, kitchen.AckFailed, kitchen.AckDone} {
		b := board.New()
		b.AddTicket(issue(bake, 1), inTickets(0))
		before := heap()
		for i := range 10_000 {
			wildAck := ack(bake, wild, 0, "eve", minute(i))
			wildAck.Note = strings.Repeat("x", kitchen.MaxAckNoteLength)
			b.AddAck(wildAck, inAcks(i))
			b.AddAck(ack(bake, kitchen.AckStarted, 1, "mia", minute(i)), inAcks(i))
		}
		require.Less(t, int64(heap())-int64(before), int64(200_000), wild)
		runtime.KeepAlive(b)
	}
}

// A ghost's end is refused however much is said before the refusal.
func TestJunkDoesNotKeepAnEndFromBeingRefused(t *testing.T) {
	t.Parallel()
	for _, kind := range []kitchen.AckKind{kitchen.AckStarted, kitchen.AckFailed, kitchen.AckDone} {
		b := board.New()
		b.AddAck(ack(bake, kitchen.AckStarted, 1, "bob", minute(0)), inAcks(0))
		b.AddAck(ack(bake, kitchen.AckDone, 0, "ghost", minute(1)), inAcks(1))
		for m := range 100 {
			b.AddAck(ack(bake, kind, 0, "eve", minute(2+m)), inAcks(2+m))
		}
		refusal, offset := ack(bake, kitchen.AckRefused, 0, "worker", minute(200)), int64(1)
		refusal.Offset = &offset
		require.Equal(t, board.Refused, b.AddAck(refusal, inAcks(200)))
		got, _ := b.Get(bake.TicketID())
		require.NotEqual(t, "ghost", got.By)
	}
}

// An owner who works for days stays the owner.
func TestManyRenewalsLoseNothing(t *testing.T) {
	t.Parallel()
	b := board.New()
	b.AddTicket(issue(bake, 1), inTickets(0))
	for m := range 500 {
		b.AddAck(ack(bake, kitchen.AckStarted, 1, "bob", minute(10*m)), inAcks(10*m))
	}
	got, _ := b.Get(bake.TicketID())
	require.Equal(t, minute(0), *got.StartedAt)
	require.Equal(t, inAcks(4990), got.Sign)
	require.Equal(t, board.Stale, b.AddAck(ack(bake, kitchen.AckStarted, 1, "eve", minute(5000)), inAcks(5000)))
	b.AddTicket(issue(bake, 2), inTickets(5001))
	require.Equal(t, "started bob", stands(b))

	refusal, offset := ack(bake, kitchen.AckRefused, 0, "worker", minute(5002)), int64(4990)
	refusal.Offset = &offset
	require.Equal(t, board.Refused, b.AddAck(refusal, inAcks(5002)))
	got, _ = b.Get(bake.TicketID())
	require.Equal(t, minute(0), *got.StartedAt, "also when the last are judged again")
	require.Equal(t, inAcks(4980), got.Sign)
}

// A fast clock's times are cut to those of the records. An ack in two records
// then has two times, and is still one.
func TestASecondRecordIsKnownByTheTimeThatItsSenderGave(t *testing.T) {
	t.Parallel()
	b := board.New()
	b.AddTicket(issue(bake, 1), inTickets(0))
	failed := ack(bake, kitchen.AckFailed, 0, "bob", minute(600))
	require.Equal(t, board.Failed, b.AddAck(failed.DatedBy(minute(1)), inAcks(1)))
	require.Equal(t, board.Stale, b.AddAck(failed.DatedBy(minute(2)), inAcks(2)))
	failed.At = failed.At.Add(time.Second)
	require.Equal(t, board.Failed, b.AddAck(failed.DatedBy(minute(2)), inAcks(3)))
}

// TestInterleavingDoesNotMatter reads the same partitions twice, each time
// interleaved differently, and expects the same board.
func TestInterleavingDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		refs := []kitchen.TicketRef{bake, {OrderID: orderID, Stage: kitchen.Bake, Pass: 2, Kind: kitchen.TicketMake}, unbake}
		tickets := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) func(*board.Board) {
			ticket := issue(rapid.SampledFrom(refs).Draw(t, "ticket"), rapid.IntRange(1, 4).Draw(t, "attempt"))
			m := rapid.IntRange(0, 20).Draw(t, "minute")
			return func(b *board.Board) { b.AddTicket(ticket, inTickets(m)) }
		}), 0, 12).Draw(t, "tickets")
		acks := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) func(*board.Board) {
			kind := rapid.SampledFrom([]kitchen.AckKind{kitchen.AckStarted, kitchen.AckStarted, kitchen.AckFailed, kitchen.AckFailed, kitchen.AckDone}).Draw(t, "kind")
			m := rapid.IntRange(0, 20).Draw(t, "minute")
			ref := rapid.SampledFrom(refs).Draw(t, "ticket")
			if kind == kitchen.AckDone && ref.Kind == kitchen.TicketUndo {
				kind = kitchen.AckUndone
			}
			answer := ack(ref, kind, rapid.IntRange(0, 5).Draw(t, "attempt"),
				rapid.SampledFrom([]string{"bob", "eve", "mia"}).Draw(t, "by"), minute(m))
			return func(b *board.Board) { b.AddAck(answer, inAcks(m)) }
		}), 0, 16).Draw(t, "acks")

		ticketsFirst := board.New()
		for _, add := range append(append([]func(*board.Board){}, tickets...), acks...) {
			add(ticketsFirst)
		}
		mixed := board.New()
		for len(tickets)+len(acks) > 0 {
			next := &acks
			if len(acks) == 0 || (len(tickets) > 0 && rapid.Bool().Draw(t, "ticket next")) {
				next = &tickets
			}
			(*next)[0](mixed)
			*next = (*next)[1:]
		}
		require.Equal(t, ticketsFirst.Entries(kitchen.Bake), mixed.Entries(kitchen.Bake))
		require.Equal(t, ticketsFirst.Open(kitchen.Bake), mixed.Open(kitchen.Bake))
		require.Equal(t, ticketsFirst.Len(), mixed.Len())
		for _, ref := range refs {
			want, wantOK := ticketsFirst.Get(ref.TicketID())
			got, gotOK := mixed.Get(ref.TicketID())
			require.Equal(t, wantOK, gotOK)
			require.Equal(t, want, got)
		}
	})
}

func ids(entries []board.Entry) []string {
	found := make([]string, len(entries))
	for i, e := range entries {
		found[i] = e.Ticket.TicketID
	}
	return found
}

// TestAnyReadingOfTheLogGivesTheSameBoard reads one log as several processes
// do: each fetches the partitions in its own order and batches, asks in between,
// and may be restarted with an empty board.
func TestAnyReadingOfTheLogGivesTheSameBoard(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		refs := []kitchen.TicketRef{bake, unbake}
		for i := range 3 {
			refs = append(refs, kitchen.TicketRef{OrderID: fmt.Sprintf("01936f8e-5c1a-7d3b-9f00-0000000000a%d", i), Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake})
		}
		// An order's tickets of a stage lie in one partition, its acks in another.
		type partition []func(*board.Board)
		log := map[string]partition{}
		for m := range rapid.IntRange(0, 40).Draw(t, "records") {
			ref := rapid.SampledFrom(refs).Draw(t, "ticket")
			attempt := rapid.IntRange(1, 3).Draw(t, "attempt")
			if rapid.Bool().Draw(t, "an issue") {
				ticket := issue(ref, attempt)
				log["tickets/"+ref.OrderID] = append(log["tickets/"+ref.OrderID], func(b *board.Board) { b.AddTicket(ticket, inTickets(m)) })
				continue
			}
			kind := rapid.SampledFrom([]kitchen.AckKind{kitchen.AckStarted, kitchen.AckStarted, kitchen.AckFailed, kitchen.AckDone}).Draw(t, "kind")
			if ref.Kind == kitchen.TicketUndo && kind == kitchen.AckDone {
				kind = kitchen.AckUndone
			}
			answer := ack(ref, kind, attempt-rapid.IntRange(0, 1).Draw(t, "less"), rapid.SampledFrom([]string{"bob", "eve"}).Draw(t, "by"), minute(m))
			log["acks/"+ref.OrderID] = append(log["acks/"+ref.OrderID], func(b *board.Board) { b.AddAck(answer, inAcks(m)) })
		}
		names := slices.Sorted(maps.Keys(log))

		once := board.New()
		for _, name := range names {
			for _, add := range log[name] {
				add(once)
			}
		}
		reader, read, unread := board.New(), map[string]int{}, 0
		for _, records := range log {
			unread += len(records)
		}
		for unread > 0 {
			if rapid.IntRange(0, 19).Draw(t, "restart") == 0 {
				for _, n := range read {
					unread += n
				}
				reader, read = board.New(), map[string]int{}
			}
			name := rapid.SampledFrom(names).Draw(t, "partition")
			batch := rapid.IntRange(0, len(log[name])-read[name]).Draw(t, "batch")
			for _, add := range log[name][read[name] : read[name]+batch] {
				add(reader)
			}
			read[name] += batch
			unread -= batch
			reader.Open(kitchen.Bake) // asking changes nothing
		}
		require.Equal(t, once.Entries(kitchen.Bake), reader.Entries(kitchen.Bake))
		for _, ref := range refs {
			want, known := once.Get(ref.TicketID())
			have, alsoKnown := reader.Get(ref.TicketID())
			require.Equal(t, known, alsoKnown)
			require.Equal(t, want, have)
		}
	})
}
