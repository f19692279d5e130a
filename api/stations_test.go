package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/events/eventstest"
	"github.com/cupcakery/cupcakery/floor/floortest"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

func TestABoardShowsATicketThroughItsLife(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	b := openBakery(t, kafka, untouchedTemporal{}, nil)
	writer := kafka.writer()
	ticket := newTicket(t, kitchen.Bake)
	b.onBoard(writer, ticket)

	board := b.board(kitchen.Bake)
	require.Zero(t, board.Behind)
	require.Empty(t, board.Ended)
	require.Len(t, board.Tickets, 1)
	shown := board.Tickets[0]
	require.Equal(t, ticket.TicketID, shown.TicketID)
	require.Equal(t, kitchen.TicketWaiting, shown.State)
	require.Equal(t, []any{ticket.Lines, ticket.Notes, ticket.Allergies, ticket.PickupCode, 1, 1}, []any{shown.Lines, shown.Notes, shown.Allergies, shown.PickupCode, shown.Attempt, shown.Pass})
	require.Empty(t, b.board(kitchen.Mix).Tickets)
	require.Zero(t, shown.Customer, "whoever bakes needs no name, whatever is on the ticket")
	packaging := newTicket(t, kitchen.Package)
	b.onBoard(writer, packaging)
	require.Equal(t, packaging.Customer, b.board(kitchen.Package).Tickets[0].Customer)

	started := b.acked("bob", ticket, `{"kind":"started"}`)
	require.Equal(t, kitchen.TicketStarted, started.State)
	require.Equal(t, "bob", started.By)
	require.NotZero(t, started.StartedAt)
	failed := b.acked("bob", ticket, `{"kind":"failed","reason":"burnt","note":"oven 2","scrapped":12}`)
	require.Equal(t, kitchen.TicketFailed, failed.State)
	require.Equal(t, []any{"burnt", "oven 2", 12}, []any{failed.Failure.Reason, failed.Failure.Note, failed.Failure.Scrapped})
	require.Equal(t, started.StartedAt, failed.StartedAt)

	again := ticket
	again.Attempt = 2
	b.onBoard(writer, again)
	shown = b.board(kitchen.Bake).Tickets[0]
	require.Equal(t, kitchen.TicketWaiting, shown.State)
	require.Equal(t, "burnt", shown.LastFailure.Reason)
	require.Equal(t, board.Tickets[0].Since, shown.Since, "its age goes on")

	require.Equal(t, kitchen.TicketDone, b.acked("eve", ticket, `{"kind":"done"}`).State)
	board = b.board(kitchen.Bake)
	require.Empty(t, board.Tickets)
	require.Len(t, board.Ended, 1)
	require.Equal(t, "eve", board.Ended[0].By)
	require.Equal(t, 2, board.Ended[0].Attempt)

	undo := undoOf(ticket, true)
	b.onBoard(writer, undo)
	board = b.board(kitchen.Bake)
	require.Empty(t, board.Ended, "its undo ticket is shown instead")
	require.True(t, board.Tickets[0].Made)
	undone := b.acked("eve", undo, `{"kind":"undone","scrapped":12}`)
	require.Equal(t, kitchen.TicketUndone, undone.State)
}

func TestAnAckIsWhatStationsPublish(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	b := openBakery(t, kafka, untouchedTemporal{}, nil)
	acks := make(chan kitchen.Ack, 10)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		_ = events.Tail(ctx, events.TailConfig{Connection: kafka.connection(), Topics: []string{events.TopicAcks}, Handle: func(m events.Message) {
			if ack, err := events.DecodeAck(m); err == nil {
				acks <- ack
			}
		}})
	}()
	ticket := newTicket(t, kitchen.Mix)
	ticket.Attempt = 3
	b.onBoard(kafka.writer(), ticket)
	b.acked("bob", ticket, `{"kind":"started"}`)
	b.acked("bob", ticket, `{"kind":"started"}`) // on her other tab: nothing is written
	b.acked("bob", ticket, `{"kind":"done","note":"lovely"}`)
	b.acked("bob", ticket, `{"kind":"done"}`)
	started, done := <-acks, <-acks
	require.Equal(t, kitchen.Ack{TicketID: ticket.TicketID, OrderID: ticket.OrderID, Stage: kitchen.Mix, Kind: kitchen.AckStarted, By: "bob", Attempt: 3, At: started.At}, started)
	require.Equal(t, kitchen.Ack{TicketID: ticket.TicketID, OrderID: ticket.OrderID, Stage: kitchen.Mix, Kind: kitchen.AckDone, By: "bob", Attempt: 3, At: done.At,
		StartedAt: &started.At, Note: "lovely"}, done)
	require.Empty(t, acks)
}

// TestOfAllWhoClaimATicketExactlyOneGetsIt: they stand at two processes, so
// only the log can decide.
func TestOfAllWhoClaimATicketExactlyOneGetsIt(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	bakeries := []*bakery{openBakery(t, kafka, untouchedTemporal{}, nil), openBakery(t, kafka, untouchedTemporal{}, nil)}
	writer := kafka.writer()
	for _, kind := range []kitchen.AckKind{kitchen.AckStarted, kitchen.AckDone} {
		ticket := newTicket(t, kitchen.Decorate)
		watch := bakeries[1].connect()
		watch.subscribe("station/decorate", "")
		watch.next()
		bakeries[0].onBoard(writer, ticket)
		isIt := func(shown wire.BoardTicket) bool { return shown.TicketID == ticket.TicketID }
		for !slices.ContainsFunc(watch.next().Change.Tickets, isIt) { // until both know it
		}

		const people = 8
		gate := make(chan struct{})
		answers := make([]*httptest.ResponseRecorder, people)
		var running sync.WaitGroup
		for i := range people {
			running.Go(func() {
				<-gate
				answers[i] = bakeries[i%2].ack(fmt.Sprintf("person %d", i), ticket, fmt.Sprintf(`{"kind":%q}`, kind))
			})
		}
		close(gate)
		running.Wait()
		first := ""
		for _, answer := range answers {
			if answer.Code == http.StatusOK {
				require.Empty(t, first, "only one may win")
				won := answerOf[wire.BoardTicket](t, answer, http.StatusOK)
				first = won.By
			}
		}
		require.NotEmpty(t, first)
		for _, answer := range answers {
			if answer.Code == http.StatusOK {
				continue
			}
			problemType := wire.ProblemTicketTaken
			if kind == kitchen.AckDone {
				problemType = wire.ProblemTicketEnded
			}
			problem := requireProblem(t, answer, problemType)
			require.Equal(t, first, problem.By)
			require.Contains(t, problem.Detail, first)
		}
	}
}

// There is no order between partitions: what lies elsewhere than the order's
// other messages would come first to one process and last to another.
func TestBoardsIgnoreRecordsInTheWrongPartition(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	b := openBakery(t, kafka, untouchedTemporal{}, nil)
	producer, err := kgo.NewClient(kgo.SeedBrokers(kafka.connection().Brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	t.Cleanup(producer.Close)
	// write puts a message beside the place of its key.
	write := func(topic, key string, value any) {
		t.Helper()
		encoded, err := json.Marshal(value)
		require.NoError(t, err)
		at := 1 - eventstest.JavaPartition([]byte(key), 2)
		require.NoError(t, producer.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Partition: int32(at), Key: []byte(key), Value: encoded}).FirstErr())
	}
	hidden, ticket := newTicket(t, kitchen.Bake), newTicket(t, kitchen.Bake)
	write(events.TicketTopic(kitchen.Bake), hidden.OrderID, hidden)
	b.onBoard(kafka.writer(), ticket)
	write(events.TopicAcks, ticket.OrderID, kitchen.Ack{TicketID: ticket.TicketID, OrderID: ticket.OrderID, Stage: ticket.Stage, Kind: kitchen.AckStarted, By: "eve", At: time.Now()})
	require.Equal(t, "bob", b.acked("bob", ticket, `{"kind":"started"}`).By)

	late := openBakery(t, kafka, untouchedTemporal{}, nil)
	require.Eventually(t, func() bool { return late.board(kitchen.Bake).Behind == (wire.Behind{}) }, patience, 10*time.Millisecond)
	for _, process := range []*bakery{b, late} {
		board := process.board(kitchen.Bake)
		require.Len(t, board.Tickets, 1)
		require.Equal(t, ticket.TicketID, board.Tickets[0].TicketID)
		require.Equal(t, "bob", board.Tickets[0].By)
	}
}

func TestABoardShowsWhatItNeedsOfTheKitchenFile(t *testing.T) {
	t.Parallel()
	k, err := kitchen.Parse("kitchen.yaml", []byte("age: {package: {late: 90s, overdue: 3m}}\nboxes: [{code: S, pieces: 5}, {code: L, pieces: 20}]\n"+
		"reasons: [{code: burnt, label: Burnt, then: remake}, {code: oven, label: The oven, then: again}]\n"))
	require.NoError(t, err)
	kafka := startBrokers(t)
	b := openBakery(t, kafka, untouchedTemporal{}, func(c *Config) { c.Kitchen = k })
	writer := kafka.writer()
	ticket := newTicket(t, kitchen.Package)
	ticket.Lines = append(ticket.Lines, kitchen.Line{Flavour: "lemon", Size: kitchen.SizeS, Quantity: 13})
	b.onBoard(writer, ticket)
	b.onBoard(writer, undoOf(ticket, true))
	baking := newTicket(t, kitchen.Bake)
	b.onBoard(writer, baking)

	board := b.board(kitchen.Package)
	require.Equal(t, wire.BoardRules{DueSoonSeconds: 90, LateAfterSeconds: 90, OverdueAfterSeconds: 180, Reasons: []wire.ReasonOnOffer{{Code: "burnt", Label: "Burnt", Remake: true}, {Code: "oven", Label: "The oven"}}}, board.Rules)
	for _, shown := range board.Tickets {
		require.Empty(t, shown.Boxes, shown.TicketID) // the make ticket is withdrawn and not shown
	}
	require.Empty(t, b.board(kitchen.Bake).Tickets[0].Boxes)
	require.Equal(t, 20*60, b.board(kitchen.Bake).Rules.LateAfterSeconds)
	require.Equal(t, 20*60+10*60+90, b.board(kitchen.Bake).Rules.DueSoonSeconds, "what is left to do is its own stage and those after it")
	again := newTicket(t, kitchen.Package)
	again.Lines = ticket.Lines // 12 and 13 pieces
	b.onBoard(writer, again)
	require.Equal(t, []kitchen.BoxCount{{Code: kitchen.SizeL, Count: 1}, {Code: kitchen.SizeS, Count: 1}}, b.acked("bob", again, `{"kind":"started"}`).Boxes)
	require.NoError(t, loadSpec(t).Components.Schemas["Board"].Value.VisitJSON(asJSON(t, b.board(kitchen.Package))))
}

func TestAnAckThatCannotCountIsRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	b := openBakery(t, kafka, unreachableTemporal{}, nil)
	writer := kafka.writer()
	ticket := newTicket(t, kitchen.Bake)
	b.onBoard(writer, ticket)
	b.acked("bob", ticket, `{"kind":"started"}`)

	other := ticket
	other.Stage = kitchen.Mix
	requireProblem(t, b.ack("bob", other, `{"kind":"done"}`), wire.ProblemTicketNotFound)
	requireProblem(t, b.ack("bob", newTicket(t, kitchen.Bake), `{"kind":"done"}`), wire.ProblemTicketNotFound)
	requireProblem(t, b.ack("bob", kitchen.Ticket{Stage: "cellar", TicketID: "x"}, `{"kind":"done"}`), wire.ProblemInvalidParameter)
	requireProblem(t, b.ack("bob", kitchen.Ticket{Stage: kitchen.Bake, TicketID: "nonsense"}, `{"kind":"done"}`), wire.ProblemTicketNotFound)
	require.Equal(t, "bob", requireProblem(t, b.ack("eve", ticket, `{"kind":"done"}`), wire.ProblemTicketTaken).By)
	require.Equal(t, "bob", requireProblem(t, b.ack("eve", ticket, `{"kind":"failed"}`), wire.ProblemTicketTaken).By)

	for body, field := range map[string]string{
		`{"kind":"done","by":"eve"}`:                                       "/by",
		`{"note":"done"}`:                                                  "/kind",
		`{"kind":"undone"}`:                                                "/kind",
		`{"kind":"burnt"}`:                                                 "/kind",
		`{"kind":"failed","scrapped":-1}`:                                  "/scrapped",
		`{"kind":"failed","scrapped":13}`:                                  "/scrapped",
		`{"kind":"failed","note":"a\u0000"}`:                               "/note",
		`{"kind":"failed","attempt":1}`:                                    "/attempt",
		`{"kind":"failed","reason":"two\nlines"}`:                          "/reason",
		`{"kind":"failed","reason":"` + strings.Repeat("x", 10_000) + `"}`: "/reason",
		`{"kind":"failed","orderId":"` + ticket.OrderID + `"}`:             "/orderId",
	} {
		problem := requireProblem(t, b.ack("bob", ticket, body), wire.ProblemInvalidAck)
		require.Len(t, problem.Errors, 1, body)
		require.Equal(t, field, *problem.Errors[0].Pointer, body)
	}
	scrapped := requireProblem(t, b.ack("bob", ticket, `{"kind":"failed","scrapped":13}`), wire.ProblemInvalidAck)
	require.Equal(t, "must be from 0 to 12, as many pieces as the ticket has", scrapped.Errors[0].Detail)
	requireProblem(t, b.ack("bob", ticket, `{"kind":`), wire.ProblemMalformedBody)
	require.Equal(t, kitchen.TicketStarted, b.board(kitchen.Bake).Tickets[0].State, "nothing has changed")

	b.onBoard(writer, undoOf(ticket, false))
	withdrawn := requireProblem(t, b.ack("bob", ticket, `{"kind":"done"}`), wire.ProblemTicketEnded)
	require.Contains(t, withdrawn.Detail, "cancelled")
	board := b.board(kitchen.Bake)
	require.Len(t, board.Tickets, 2)
	for _, shown := range board.Tickets {
		require.Equal(t, shown.Kind == kitchen.TicketMake, shown.Withdrawn, "bob still has it in hand")
	}
	require.Contains(t, scrape(t, b.server), `cupcakery_board_acks_total{kind="started",outcome="counted"} 1`)
}

func TestATicketIsPutBackAndTakenOver(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	b := openBakery(t, kafka, untouchedTemporal{}, nil)
	writer := kafka.writer()
	ticket := newTicket(t, kitchen.Bake)
	b.onBoard(writer, ticket)
	nobody := requireProblem(t, b.ack("bob", ticket, `{"kind":"released"}`), wire.ProblemTicketNotInHand)
	require.Contains(t, nobody.Detail, "nothing to put back")
	requireProblem(t, b.ack("bob", ticket, `{"kind":"started","takeOver":true,"from":"eve"}`), wire.ProblemTicketNotInHand)
	started := b.acked("bob", ticket, `{"kind":"started"}`)
	require.NotZero(t, started.HeardAt)
	require.Equal(t, 3600, started.SilentAfterSeconds)
	require.Equal(t, "bob", requireProblem(t, b.ack("eve", ticket, `{"kind":"released"}`), wire.ProblemTicketTaken).By)
	require.Equal(t, "bob", requireProblem(t, b.ack("eve", ticket, `{"kind":"started","takeOver":true,"from":"person 1"}`), wire.ProblemTicketTaken).By)
	for body, field := range map[string]string{
		`{"kind":"started","takeOver":true}`:              "/from",
		`{"kind":"started","takeOver":true,"from":" "}`:   "/from",
		`{"kind":"started","takeOver":true,"from":"eve"}`: "/from",
		`{"kind":"started","from":"bob"}`:                 "/from",
		`{"kind":"started","takeOver":"yes"}`:             "/takeOver",
		`{"kind":"done","takeOver":true,"from":"bob"}`:    "/takeOver",
		`{"kind":"refused"}`:                              "/kind",
		`{"kind":"refused","offset":1}`:                   "",
	} {
		problem := requireProblem(t, b.ack("eve", ticket, body), wire.ProblemInvalidAck)
		if field != "" {
			require.Len(t, problem.Errors, 1, body)
			require.Equal(t, field, *problem.Errors[0].Pointer, body)
		}
	}
	require.Equal(t, "eve", b.acked("eve", ticket, `{"kind":"started","takeOver":true,"from":"bob"}`).By)
	require.Equal(t, kitchen.TicketWaiting, b.acked("eve", ticket, `{"kind":"released"}`).State)

	// What was begun is told to whoever puts it away.
	undo := undoOf(ticket, false)
	b.onBoard(writer, undo)
	require.Equal(t, "eve", b.acked("bob", undo, `{"kind":"started"}`).BegunBy)
}

func TestAStationWhereNobodyTakesAnythingHasAnAlarm(t *testing.T) {
	t.Parallel()
	k, err := kitchen.Parse("kitchen.yaml", []byte("attention: {untakenAfter: 1s}"))
	require.NoError(t, err)
	kafka := startBrokers(t)
	b := openBakery(t, kafka, unreachableTemporal{}, func(c *Config) { c.Kitchen = k })
	stations := func() wire.Stations {
		return answerOf[wire.Stations](t, do(t, b.server, b.as("bob", newRequest(http.MethodGet, "/api/v1/stations", nil))), http.StatusOK)
	}
	none := stations()
	require.Len(t, none.Stages, len(kitchen.Stages()))
	require.Contains(t, scrape(t, b.server), `cupcakery_station_untaken_seconds{stage="bake"} 0`)
	watch := b.connect()
	watch.subscribe("kitchen", "")
	ticket := newTicket(t, kitchen.Bake)
	b.onBoard(kafka.writer(), ticket)
	for watch.next().Kitchen.Stages[1].UntakenSince.IsZero() { // it comes though the log is silent
		continue
	}
	now := stations()
	require.Equal(t, 1, now.Stages[1].Waiting)
	require.NotZero(t, now.Stages[1].UntakenSince)
	require.NotContains(t, scrape(t, b.server), `cupcakery_station_untaken_seconds{stage="bake"} 0`)
	require.NoError(t, loadSpec(t).Components.Schemas["Stations"].Value.VisitJSON(asJSON(t, now)))
	b.acked("bob", ticket, `{"kind":"started"}`)
	for !watch.next().Kitchen.Stages[1].UntakenSince.IsZero() {
		continue
	}
	require.Equal(t, wire.StageCounts{Stage: kitchen.Bake, Started: 1, Oldest: now.Stages[1].Oldest}, stations().Stages[1])
}

func TestWithoutKafkaAnAckMayCountAllTheSame(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	b := openBakery(t, kafka, untouchedTemporal{}, nil)
	ticket := newTicket(t, kitchen.Bake)
	b.onBoard(kafka.writer(), ticket)
	state := b.connect()
	state.awaitState(func(behind wire.Behind) bool { return behind.Since.IsZero() })
	kafka.stop()
	since := state.awaitState(func(behind wire.Behind) bool { return !behind.Since.IsZero() })
	require.Equal(t, wire.BehindKafka, since.Reason)

	answer := b.ack("bob", ticket, `{"kind":"started"}`)
	problem := requireProblem(t, answer, wire.ProblemUnavailable)
	require.NotEmpty(t, answer.Header().Get("Retry-After"))
	require.Contains(t, problem.Detail, "It may count all the same")
	board := b.board(kitchen.Bake)
	require.Equal(t, since, board.Behind)
	require.Len(t, board.Tickets, 1, "what was known is still shown")
	unknown := requireProblem(t, b.ack("bob", newTicket(t, kitchen.Bake), `{"kind":"done"}`), wire.ProblemUnavailable)
	require.Contains(t, unknown.Detail, "Nothing was written")

	kafka.start()
	state.awaitState(func(behind wire.Behind) bool { return behind.Since.IsZero() })
	require.Equal(t, "bob", b.acked("bob", ticket, `{"kind":"started"}`).By)
	require.Zero(t, b.board(kitchen.Bake).Behind)
}

func TestBoardsStartWithoutKafkaAndShowIt(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	ticket := newTicket(t, kitchen.Package)
	require.NoError(t, kafka.writer().PublishTicket(t.Context(), ticket))
	kafka.stop()
	b := openBakeryAtOnce(t, kafka, untouchedTemporal{}, nil)
	tablet := b.connect()
	tablet.subscribe("station/package", "")
	tablet.awaitState(func(behind wire.Behind) bool { return behind.Reason == wire.BehindKafka })
	require.Empty(t, b.board(kitchen.Package).Tickets)
	kafka.start()
	for {
		message := tablet.next()
		require.Equal(t, wire.LiveMessageTypeSnapshot, message.Type)
		if len(message.Board.Tickets) == 1 {
			require.Equal(t, ticket.TicketID, message.Board.Tickets[0].TicketID)
			break
		}
	}
}

func TestATicketThatFailedLeavesTheBoardWhenItsOrderIsMadeAnew(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	b := openBakery(t, kafka, untouchedTemporal{}, nil)
	writer := kafka.writer()
	burnt, other := newTicket(t, kitchen.Bake), newTicket(t, kitchen.Bake)
	b.onBoard(writer, burnt)
	b.onBoard(writer, other)
	b.acked("bob", burnt, `{"kind":"failed","reason":"burnt"}`)
	b.acked("bob", other, `{"kind":"failed","reason":"equipment"}`)
	require.Len(t, b.board(kitchen.Bake).Tickets, 2)

	tablet := b.connect()
	tablet.subscribe("station/bake", "")
	shown := &floortest.Mirror{}
	shown.Apply(tablet.next())
	for shown.Cursor != b.board(kitchen.Bake).Cursor {
		shown.Apply(tablet.next())
	}
	require.Len(t, shown.Tickets, 2)
	anew := floortest.Ticket(kitchen.TicketRef{OrderID: burnt.OrderID, Stage: kitchen.Mix, Pass: 2, Kind: kitchen.TicketMake}, 1)
	b.onBoard(writer, anew)
	require.Equal(t, []string{burnt.TicketID}, tablet.next().Change.Removed)
	require.Equal(t, other.TicketID, b.board(kitchen.Bake).Tickets[0].TicketID, "that one comes again")
	restarted := openBakery(t, kafka, untouchedTemporal{}, nil)
	require.Equal(t, b.board(kitchen.Bake).Tickets, restarted.board(kitchen.Bake).Tickets)
}

func TestFiguresOverHTTP(t *testing.T) {
	t.Parallel()
	kafka := startBrokers(t)
	ticket := newTicket(t, kitchen.Bake)
	require.NoError(t, kafka.writer().PublishTicket(t.Context(), ticket))
	b := openBakery(t, kafka, untouchedTemporal{}, nil)
	b.acked("bob", ticket, `{"kind":"started"}`)
	b.acked("bob", ticket, `{"kind":"done"}`)
	get := func(b *bakery, target string, answer any) {
		recorder := do(t, b.server, b.as("bob", newRequest(http.MethodGet, target, nil)))
		require.Equal(t, http.StatusOK, recorder.Code, recorder.Body.String())
		require.NoError(t, json.Unmarshal(recorder.Body.Bytes(), answer))
	}
	for _, b := range []*bakery{b, openBakery(t, kafka, untouchedTemporal{}, nil)} {
		var statistics wire.Statistics
		get(b, "/api/v1/statistics", &statistics)
		require.Zero(t, statistics.Behind)
		done := 0
		for _, step := range statistics.Stages[1].Steps {
			done += step.Done
			if step.Done > 0 {
				require.NotNil(t, step.WaitSeconds)
				require.NotNil(t, step.WorkSeconds)
			}
		}
		require.Equal(t, 1, done)
		var pace wire.Pace
		get(b, "/api/v1/pace", &pace)
		require.Equal(t, 1, pace.Stages[1].Samples)
		require.Zero(t, pace.Stages[0].Samples)
		schemas := loadSpec(t).Components.Schemas
		for name, target := range map[string]string{"Statistics": "/api/v1/statistics", "Pace": "/api/v1/pace"} {
			var answer any
			get(b, target, &answer)
			require.NoError(t, schemas[name].Value.VisitJSON(answer))
		}
	}
	kafka.stop()
	starting := openBakeryAtOnce(t, kafka, untouchedTemporal{}, nil)
	var statistics wire.Statistics
	get(starting, "/api/v1/statistics", &statistics)
	require.NotZero(t, statistics.Behind)
}
