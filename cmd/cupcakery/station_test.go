package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/station"
)

// stationPatience bounds each wait of these tests; it is far more than any
// takes.
const stationPatience = time.Minute

// factoryFloor is a Kafka with the factory's topics.
type factoryFloor struct {
	*testing.T
	kafka  *devstack.Kafka
	writer *events.Writer
}

func newFactoryFloor(t *testing.T) *factoryFloor {
	t.Helper()
	kafka, err := devstack.StartKafka(t.Context(), devstack.KafkaConfig{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(kafka.Stop)
	return floorOn(t, kafka)
}

func floorOn(t *testing.T, kafka *devstack.Kafka) *factoryFloor {
	t.Helper()
	connection := events.Connection{Brokers: []string{kafka.Addr()}}
	_, err := events.ApplyTopics(t.Context(), connection, events.TopicSettings{Partitions: 2})
	require.NoError(t, err)
	writer, err := events.NewWriter(connection)
	require.NoError(t, err)
	t.Cleanup(func() { _ = writer.Close() })
	return &factoryFloor{T: t, kafka: kafka, writer: writer}
}

// issue publishes a ticket, of a new order unless changed.
func (f *factoryFloor) issue(change func(*kitchen.Ticket)) kitchen.Ticket {
	f.Helper()
	orderID, err := kitchen.NewOrderID()
	require.NoError(f, err)
	ref := kitchen.TicketRef{OrderID: orderID, Stage: kitchen.Bake, Pass: 1, Kind: kitchen.TicketMake}
	now := time.Now().UTC()
	ticket := kitchen.Ticket{
		Kind: kitchen.TicketMake, OrderID: orderID, Stage: kitchen.Bake, Pass: 1, Attempt: 1,
		Lines:      []kitchen.Line{{Flavour: "red-velvet", Size: kitchen.SizeL, Quantity: 12}},
		PickupCode: kitchen.PickupCode(orderID), IssuedAt: now, AckBy: now.Add(time.Hour),
	}
	if change != nil {
		change(&ticket)
	}
	ref.OrderID, ref.Kind, ref.Pass = ticket.OrderID, ticket.Kind, ticket.Pass
	ticket.TicketID = ref.TicketID()
	require.NoError(f, f.writer.PublishTicket(f.Context(), ticket))
	return ticket
}

// cancel publishes the undo ticket of a ticket.
func (f *factoryFloor) cancel(ticket kitchen.Ticket, made bool) kitchen.Ticket {
	f.Helper()
	ref, err := kitchen.ParseTicketID(ticket.TicketID)
	require.NoError(f, err)
	ref.Kind = kitchen.TicketUndo
	ticket.TicketID, ticket.Kind, ticket.Attempt, ticket.Made = ref.TicketID(), ref.Kind, 1, made
	require.NoError(f, f.writer.PublishTicket(f.Context(), ticket))
	return ticket
}

func (f *factoryFloor) ack(ticket kitchen.Ticket, kind kitchen.AckKind, by string) {
	f.Helper()
	require.NoError(f, f.writer.PublishAck(f.Context(), kitchen.Ack{
		TicketID: ticket.TicketID, OrderID: ticket.OrderID, Stage: ticket.Stage, Kind: kind, By: by, At: time.Now().UTC(),
	}))
}

// acks reads all acks of a ticket.
func (f *factoryFloor) acks(ticket kitchen.Ticket) []kitchen.Ack {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), stationPatience)
	defer cancel()
	var found []kitchen.Ack
	require.NoError(f, events.Tail(ctx, events.TailConfig{
		Connection: events.Connection{Brokers: []string{f.kafka.Addr()}}, Topics: []string{events.TopicAcks},
		CaughtUp: cancel, Logger: slog.New(slog.DiscardHandler),
		Handle: func(m events.Message) {
			if ack, err := events.DecodeAck(m); err == nil && ack.TicketID == ticket.TicketID {
				found = append(found, ack)
			}
		},
	}))
	return found
}

// terminal is a running cupcakery station with its streams.
type terminal struct {
	t       *testing.T
	input   *io.PipeWriter
	out     *watched
	errOut  *watched
	ctrlC   context.CancelFunc
	exited  chan struct{}
	code    int
	program []string
}

// openStation runs the true command in this process.
func openStation(t *testing.T, brokers string, args ...string) *terminal {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	reader, writer := io.Pipe()
	term := &terminal{
		t: t, ctrlC: cancel, errOut: newWatched(), exited: make(chan struct{}), input: writer, out: newWatched(),
		program: append([]string{"station", "bake", "--kafka-brokers", brokers}, args...),
	}
	go func() {
		defer close(term.exited)
		term.code = run(ctx, term.program, reader, term.out, term.errOut)
	}()
	t.Cleanup(func() {
		cancel()
		_ = writer.Close()
		<-term.exited
	})
	return term
}

func (s *terminal) enter(lines ...string) {
	s.t.Helper()
	for _, line := range lines {
		_, err := io.WriteString(s.input, line+"\n")
		require.NoError(s.t, err)
	}
}

// exit waits for the end and returns the exit code.
func (s *terminal) exit() int {
	s.t.Helper()
	select {
	case <-s.exited:
		return s.code
	case <-time.After(stationPatience):
		require.FailNow(s.t, "the station did not end", "%s%s", s.out, s.errOut)
		return -1
	}
}

// watched is a stream whose text one can wait for.
type watched struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func newWatched() *watched { return &watched{more: make(chan struct{})} }

// Write implements io.Writer.
func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.more)
	w.more = make(chan struct{})
	return w.text.Write(p)
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

func (w *watched) await(t *testing.T, part string) {
	t.Helper()
	late := time.After(stationPatience)
	for {
		w.mu.Lock()
		text, more := w.text.String(), w.more
		w.mu.Unlock()
		if strings.Contains(text, part) {
			return
		}
		select {
		case <-more:
		case <-late:
			require.FailNow(t, "the text did not come", "%q is not in:\n%s", part, text)
		}
	}
}

func TestStationDoesThePipedCommandsWhenTheirTicketsCome(t *testing.T) {
	t.Parallel()
	floor := newFactoryFloor(t)
	bob := openStation(t, floor.kafka.Addr(), "--plain", "--name", "bob")
	bob.enter("start 1", "done 1", "start 2", "fail 2 burnt scrapped=5 oven 2", "start 2", "done 2")
	require.NoError(t, bob.input.Close())
	first := floor.issue(nil)
	bob.out.await(t, "#1  "+first.PickupCode+"  done by bob")
	second := floor.issue(nil)
	bob.out.await(t, "failed (burnt: oven 2), 5 scrapped by bob")
	again := second
	again.Attempt = 2
	require.NoError(t, floor.writer.PublishTicket(t.Context(), again))
	require.Zero(t, bob.exit(), bob.errOut)

	acks := floor.acks(first)
	require.Len(t, acks, 2)
	require.Equal(t, kitchen.AckDone, acks[1].Kind)
	require.Equal(t, "bob", acks[1].By)
	acks = floor.acks(second)
	require.Len(t, acks, 4)
	require.Equal(t, "burnt", acks[1].Reason)
	require.Equal(t, "oven 2", acks[1].Note)
	require.Equal(t, 5, acks[1].Scrapped)
	require.Equal(t, kitchen.AckDone, acks[3].Kind)
	require.Equal(t, 2, acks[3].Attempt)
	require.Contains(t, bob.out.String(), "last time: failed (burnt: oven 2), 5 scrapped by bob")
}

func TestStationShowsAllOfATicketAndNothingThatSteersTheTerminal(t *testing.T) {
	t.Parallel()
	floor := newFactoryFloor(t)
	bob := openStation(t, floor.kafka.Addr(), "--name", "bob")
	ticket := floor.issue(func(ticket *kitchen.Ticket) {
		ticket.Attempt = 3
		ticket.Lines = []kitchen.Line{
			{Flavour: "red-velvet", Size: kitchen.SizeL, Quantity: 12, Message: "Happy 40th 🎂 يوم سعيد"},
			{Flavour: "lemon\x1b]0;owned\a", Size: kitchen.SizeS, Quantity: 3, Message: "\x1b[2Jgone"},
		}
		ticket.Notes = "ring the bell\nthen\r\x1b[31m knock\u202e"
		ticket.Allergies = []string{"nuts", "milk\u0085"}
		ticket.Customer.Name = "Ada\x1b[31m"
	})
	bob.out.await(t, "knock")
	bob.enter("start 1", "list")
	bob.out.await(t, "in hand since")
	shown := bob.out.String() + bob.errOut.String()
	require.Contains(t, shown, fmt.Sprintf("#1  %s  bake  15 pieces  since %s", ticket.PickupCode, ticket.IssuedAt.Local().Format("15:04:05")))
	require.Contains(t, shown, `!!! ALLERGIES: NUTS, MILK\u0085 !!!`)
	require.Contains(t, shown, ` 12 × red-velvet L  "Happy 40th 🎂 يوم سعيد"`)
	require.Contains(t, shown, `\u001b[2Jgone`)
	require.Contains(t, shown, "notes: ring the bell\n")
	require.Contains(t, shown, `for Ada\u001b[31m`)
	for _, steering := range []string{"\x1b", "\a", "\r", "\u0085", "\u202e"} {
		require.NotContains(t, shown, steering)
	}
	require.NotContains(t, shown, ticket.OrderID, "it is the customer's secret")
}

func TestStationShowsWhoWasFirstAndRefuses(t *testing.T) {
	t.Parallel()
	floor := newFactoryFloor(t)
	bob := openStation(t, floor.kafka.Addr(), "--name", "bob")
	ticket := floor.issue(nil)
	bob.out.await(t, "#1")
	floor.ack(ticket, kitchen.AckStarted, "eve")
	bob.out.await(t, "started by eve")
	bob.enter("start 1", "done 1", "dance", "fail 1", "fail 1 sleepy", "start x", "done", "start 1 now", "putback 1 now", "putback 1", "list all",
		"fail 1 burnt scrapped=many", strings.Repeat("x", 3*maxLine))
	floor.ack(ticket, kitchen.AckDone, "eve")
	bob.out.await(t, "done by eve")
	bob.enter("done 1", "quit")
	require.Equal(t, exitRefused, bob.exit())
	complaints := bob.errOut.String()
	for _, part := range []string{
		"#1  eve was first: eve has started it",
		`unknown command "dance"`,
		"fail needs a reason: use burnt, dropped, wrong-order, equipment, other",
		`"sleepy" is no reason`,
		`"x" is not the number of a ticket`,
		"done needs the number",
		"start takes only the number",
		"putback takes only the number",
		"list stands alone",
		"scrapped=many: give a number",
		"a line has at most 4096 bytes",
		"#1  this ticket is finished",
		"14 of the commands were refused",
	} {
		require.Contains(t, complaints, part)
	}
	require.NotContains(t, complaints, ticket.OrderID)
	require.Len(t, floor.acks(ticket), 2, "only eve's acks are in the log")
}

func TestStationWaitsForATicketOnlyAsLongAsTheTimeout(t *testing.T) {
	t.Parallel()
	floor := newFactoryFloor(t)
	bob := openStation(t, floor.kafka.Addr(), "--timeout", "50ms")
	bob.enter("start 7")
	require.NoError(t, bob.input.Close())
	require.Equal(t, exitRefused, bob.exit())
	require.Contains(t, bob.errOut.String(), "#7  no such ticket has come within 50ms")
}

func TestStationListsWhatIsThere(t *testing.T) {
	t.Parallel()
	floor := newFactoryFloor(t)
	waiting, theirs := floor.issue(nil), floor.issue(nil)
	floor.ack(theirs, kitchen.AckStarted, "eve")
	bob := openStation(t, floor.kafka.Addr(), "--name", "bob")
	bob.enter("list", "help")
	require.NoError(t, bob.input.Close())
	require.Zero(t, bob.exit(), bob.errOut)
	_, list, found := strings.Cut(bob.out.String(), "    waiting\n")
	require.True(t, found, bob.out)
	require.Contains(t, bob.out.String(), "in hand with eve since")
	require.Contains(t, bob.out.String(), waiting.PickupCode)
	require.Contains(t, list, "burnt (Burnt)")
}

func TestStationLeavesWorkInHandToItsPerson(t *testing.T) {
	t.Parallel()
	floor := newFactoryFloor(t)
	ticket := floor.issue(nil)
	bob := openStation(t, floor.kafka.Addr(), "--name", "bob")
	bob.enter("start 1")
	bob.out.await(t, "started by bob")
	bob.ctrlC()
	require.Zero(t, bob.exit(), bob.errOut)
	require.Contains(t, bob.errOut.String(), "You leave with #1 "+ticket.PickupCode+" in hand. Come back as bob")

	back := openStation(t, floor.kafka.Addr(), "--name", "bob")
	back.out.await(t, "you have started it before or elsewhere; it can be answered from here")
	back.enter("done 1", "quit")
	require.Zero(t, back.exit(), back.errOut)
	require.Equal(t, kitchen.AckDone, floor.acks(ticket)[1].Kind)
}

func TestStationPutsBackAndTakesOver(t *testing.T) {
	t.Parallel()
	floor := newFactoryFloor(t)
	ticket := floor.issue(nil)
	bob := openStation(t, floor.kafka.Addr(), "--name", "bob")
	bob.enter("start 1", "putback 1")
	bob.out.await(t, "#1  "+ticket.PickupCode+"  put back; it waits again")
	floor.ack(ticket, kitchen.AckStarted, "eve")
	bob.out.await(t, "started by eve")
	bob.enter("takeover 1")
	bob.out.await(t, "#1  "+ticket.PickupCode+"  started by bob\n#1  "+ticket.PickupCode+"  put back")
	require.Eventually(t, func() bool { return len(floor.acks(ticket)) == 4 }, stationPatience, 10*time.Millisecond)
	require.NoError(t, floor.writer.PublishAck(t.Context(), kitchen.Ack{
		TicketID: ticket.TicketID, OrderID: ticket.OrderID, Stage: ticket.Stage, Kind: kitchen.AckStarted,
		By: "mia", At: time.Now().UTC(), TakeOver: true, From: "bob",
	}))
	bob.out.await(t, "taken over by mia; leave it to them")
	bob.enter("fail 1 burnt", "quit")
	require.Equal(t, exitRefused, bob.exit())
	require.Contains(t, bob.errOut.String(), "#1  mia was first: mia has started it")
	require.Len(t, floor.acks(ticket), 5, "no failure of what is not in hand any more")
}

// A remake's ticket comes last, but its order has waited longest.
func TestStationListsTheOldestFirst(t *testing.T) {
	t.Parallel()
	floor := newFactoryFloor(t)
	bob := openStation(t, floor.kafka.Addr(), "--name", "bob")
	young := floor.issue(nil)
	bob.out.await(t, "#1")
	old := floor.issue(func(ticket *kitchen.Ticket) { ticket.Pass, ticket.Since = 2, ticket.IssuedAt.Add(-time.Hour) })
	bob.out.await(t, "#2")
	bob.enter("list")
	require.NoError(t, bob.input.Close())
	require.Zero(t, bob.exit(), bob.errOut)
	require.Less(t, strings.LastIndex(bob.out.String(), old.PickupCode), strings.LastIndex(bob.out.String(), young.PickupCode))
}

func TestStationUndoes(t *testing.T) {
	t.Parallel()
	floor := newFactoryFloor(t)
	ticket := floor.issue(func(ticket *kitchen.Ticket) { ticket.Kind, ticket.Made = kitchen.TicketUndo, true })
	bob := openStation(t, floor.kafka.Addr(), "--name", "bob")
	bob.out.await(t, "UNDO bake")
	bob.enter("start 1", "done 1 scrapped=4 staff ate the rest")
	require.NoError(t, bob.input.Close())
	require.Zero(t, bob.exit(), bob.errOut)
	undone := floor.acks(ticket)[1]
	require.Equal(t, kitchen.AckUndone, undone.Kind)
	require.Equal(t, 4, undone.Scrapped)
	require.Equal(t, "staff ate the rest", undone.Note)
}

func TestStationStopsWorkOfACancelledOrder(t *testing.T) {
	t.Parallel()
	floor := newFactoryFloor(t)
	bob := openStation(t, floor.kafka.Addr(), "--name", "bob")
	ticket := floor.issue(nil)
	bob.enter("start 1", "list") // start is over when list is done: a cancel meanwhile would be its answer
	bob.out.await(t, "in hand since")
	undo := floor.cancel(ticket, false)
	bob.out.await(t, "#1  "+ticket.PickupCode+"  STOP: this work was cancelled; put it aside, its UNDO ticket is #2\n"+
		"#2  "+ticket.PickupCode+"  UNDO bake")
	bob.out.await(t, "UNDO: this work was cancelled; set the cupcakes aside or bin them")
	bob.out.await(t, "the work was not done, but bob had it in hand")
	bob.enter("done 1", "done 1 scrapped=3 too late", "fail 1 burnt", "start 1", "list", "start 2", "done 2", "quit")
	require.Equal(t, exitRefused, bob.exit())
	require.Equal(t, 4, strings.Count(bob.errOut.String(), "! #1  withdrawn: this work was cancelled; see its UNDO ticket #2\n"), bob.errOut)
	require.Equal(t, 12, floor.acks(undo)[1].Scrapped)
	require.Len(t, floor.acks(ticket), 1, "nothing about it but started")
}

func TestStationFailsToUndo(t *testing.T) {
	t.Parallel()
	floor := newFactoryFloor(t)
	undo := floor.issue(func(ticket *kitchen.Ticket) { ticket.Kind, ticket.Made = kitchen.TicketUndo, true })
	bob := openStation(t, floor.kafka.Addr(), "--name", "bob")
	bob.enter("start 1", "fail 1", "fail 1 burnt sold to\x1b[2J somebody", "fail 1 burnt sold to somebody")
	require.NoError(t, bob.input.Close())
	require.Equal(t, exitRefused, bob.exit())
	require.Contains(t, bob.errOut.String(), "fail needs a reason")
	require.Contains(t, bob.errOut.String(), "2 of the commands were refused")
	failed := floor.acks(undo)[1]
	require.Equal(t, kitchen.AckFailed, failed.Kind)
	require.Equal(t, "burnt", failed.Reason)
	require.Equal(t, "sold to somebody", failed.Note)
	require.Zero(t, failed.Scrapped, "nothing starts again, so nothing is thrown away unless somebody says so")
	require.NotContains(t, bob.out.String()+bob.errOut.String(), "\x1b")
}

func TestStationListsUndoTicketsFirst(t *testing.T) {
	t.Parallel()
	floor := newFactoryFloor(t)
	bob := openStation(t, floor.kafka.Addr(), "--name", "bob")
	floor.issue(nil)
	bob.out.await(t, "#1")
	undo := floor.issue(func(ticket *kitchen.Ticket) { ticket.Kind, ticket.Made = kitchen.TicketUndo, true })
	bob.out.await(t, "#2")
	bob.enter("list")
	require.NoError(t, bob.input.Close())
	require.Zero(t, bob.exit(), bob.errOut)
	_, list, _ := strings.Cut(bob.out.String(), "the work was done\n")
	require.Less(t, strings.Index(list, "UNDO bake"), strings.Index(list, "#1"))
	require.NotContains(t, bob.out.String(), undo.OrderID)
}

func TestStationRobotStopsWhenAnOrderIsCancelled(t *testing.T) {
	t.Parallel()
	floor := newFactoryFloor(t)
	robot := openStation(t, floor.kafka.Addr(), "--auto", "--name", "arms", "--work-time", "1s", "--fail-rate", "1")
	ticket := floor.issue(nil)
	require.Eventually(t, func() bool { return len(floor.acks(ticket)) == 1 }, stationPatience, 10*time.Millisecond)
	undo := floor.cancel(ticket, false)
	robot.out.await(t, "STOP: this work was cancelled")
	robot.out.await(t, "undone, 12 scrapped by arms")
	robot.ctrlC()
	require.Zero(t, robot.exit(), robot.errOut)
	require.Equal(t, kitchen.AckUndone, floor.acks(undo)[1].Kind)
	require.Len(t, floor.acks(ticket), 1)
}

func TestTheTextOfAWithdrawnTicketSaysWhatToDo(t *testing.T) {
	t.Parallel()
	steering := "eve\x1b[2J"
	for name, test := range map[string]struct {
		event station.Event
		stop  bool
		says  string
	}{
		"not cancelled": {station.Event{}, false, "is not offered here any more"},
		"in hand here": {station.Event{Cancelled: true, Was: station.InHand, Undo: 5}, true,
			"STOP: this work was cancelled; put it aside, its UNDO ticket is #5"},
		"in hand here, undone elsewhere": {station.Event{Cancelled: true, Was: station.InHand, Ack: &kitchen.Ack{By: steering}}, true,
			`STOP: this work was cancelled; put it aside, its UNDO ticket is with eve\u001b[2J`},
		"in hand here, said to be undone": {station.Event{Cancelled: true, Was: station.InHand, Ack: &kitchen.Ack{By: "eve", Kind: kitchen.AckUndone}}, true,
			"STOP: this work was cancelled; put it away, eve has said already that it is undone"},
		"in hand here, nobody knows": {station.Event{Cancelled: true, Was: station.InHand}, true,
			"STOP: this work was cancelled; put it aside"},
		"yours from before": {station.Event{Cancelled: true, Was: station.Elsewhere, Item: station.Item{By: "bob"}, Undo: 5}, true,
			"STOP: this work was cancelled; put it aside, its UNDO ticket is #5"},
		"somebody else's": {station.Event{Cancelled: true, Was: station.Elsewhere, Item: station.Item{By: steering}, Undo: 5}, false,
			`this work was cancelled; eve\u001b[2J had it in hand`},
		"waiting": {station.Event{Cancelled: true, Was: station.Waiting}, false,
			"this work was cancelled; nobody needs to start it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := test.event
			e.Kind, e.Item.Number, e.Item.Ticket.PickupCode = station.Withdrawn, 3, "K7QF"
			require.Equal(t, "#3  K7QF  "+test.says, eventText(e, "bob"))
			require.Equal(t, test.stop, isStop(e, "bob"))
		})
	}
}

func TestStationRobotWorksUntilItIsStopped(t *testing.T) {
	t.Parallel()
	floor := newFactoryFloor(t)
	robot := openStation(t, floor.kafka.Addr(), "--auto", "--name", "arms", "--work-time", "1ms", "--parallel", "2", "--fail-rate", "0")
	var tickets []kitchen.Ticket
	for range 5 {
		tickets = append(tickets, floor.issue(nil))
	}
	for _, ticket := range tickets {
		robot.out.await(t, ticket.PickupCode+"  done by arms")
	}
	robot.ctrlC()
	require.Zero(t, robot.exit(), robot.errOut)
	require.NotContains(t, robot.out.String()+robot.errOut.String(), tickets[0].OrderID)
}

func TestStationWaitsForKafkaAndShowsThatOnce(t *testing.T) {
	t.Parallel()
	// Nobody else gets the port while the other broker has it.
	placeholder, err := devstack.StartKafka(t.Context(), devstack.KafkaConfig{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	port, addr := placeholder.Port(), placeholder.Addr()
	placeholder.Stop()
	bob := openStation(t, addr, "--name", "bob")
	bob.errOut.await(t, "Kafka does not answer")
	kafka, err := devstack.StartKafka(t.Context(), devstack.KafkaConfig{Port: port, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(kafka.Stop)
	floor := floorOn(t, kafka)
	ticket := floor.issue(nil)
	bob.enter("start 1", "done 1", "quit")
	require.Zero(t, bob.exit(), bob.errOut)
	require.Contains(t, bob.out.String(), ticket.PickupCode+"  done by bob")
	require.Equal(t, 1, strings.Count(bob.errOut.String(), "Kafka does not answer"), bob.errOut)
}

func TestStationRefusesSettingsThatContradict(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args []string
		says []string
	}{
		"unknown stage":       {[]string{"fry"}, []string{`unknown stage "fry"`}},
		"no stage":            {nil, []string{"accepts 1 arg"}},
		"robot without auto":  {[]string{"bake", "--work-time", "1s", "--fail-rate", "0.1"}, []string{"--work-time: is for robots", "--fail-rate: is for robots"}},
		"person's with auto":  {[]string{"bake", "--auto", "--plain", "--timeout", "1s"}, []string{"--plain: is for people", "--timeout: is for people"}},
		"bad numbers":         {[]string{"bake", "--auto", "--fail-rate", "1.5", "--parallel", "0", "--work-time", "-1s"}, []string{"--fail-rate 1.5", "--parallel 0", "--work-time -1s"}},
		"not a number":        {[]string{"bake", "--auto", "--fail-rate", "NaN"}, []string{"--fail-rate NaN"}},
		"name that steers":    {[]string{"bake", "--name", "bob\x1b[2J"}, []string{"--name: must have printable"}},
		"no name":             {[]string{"bake", "--name", " "}, []string{"--name: missing"}},
		"long name":           {[]string{"bake", "--name", strings.Repeat("b", 81)}, []string{"--name: must have at most 80"}},
		"brokers that cannot": {[]string{"bake", "--kafka-brokers", "nowhere"}, []string{`"nowhere" must read host:port`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var errOut bytes.Buffer
			code := run(t.Context(), append([]string{"station"}, test.args...), strings.NewReader(""), io.Discard, &errOut)
			require.Equal(t, exitUsage, code)
			for _, part := range test.says {
				require.Contains(t, errOut.String(), part)
			}
		})
	}
}

func TestPrintableIsShortAndSteersNothing(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Zoë 🧁 👩‍🍳 يوم": "Zoë 🧁 👩‍🍳 يوم",
		"\x1b[31mred":   `\u001b[31mred`,
		"a\nb\tc":       `a\u000ab\u0009c`,
		"bad \xff.":     "bad \ufffd.",
	} {
		require.Equal(t, want, printable(text))
	}
	require.Len(t, []rune(printable(strings.Repeat("é", 5000))), maxShown+1)
}
