//go:build production

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/devstack"
	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/internal/process"
	"github.com/cupcakery/cupcakery/internal/production"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// newGuardedKafka starts the production stack's Kafka, in which nobody may do what
// no ACL allows.
func newGuardedKafka(t *testing.T, f *factory) server {
	t.Helper()
	stack, err := production.StartKafka(t.Context(), production.Config{})
	require.NoError(t, err)
	t.Cleanup(stack.Stop)
	f.production = stack
	return &productionPart{t, secureKafka{stack.Kafka}}
}

// refusal is how both Kafka clients say that an ACL is missing.
var refusal = regexp.MustCompile(`(?i)authorization.?failed`)

// withOneRightLess requires that the work is done with the rights that are listed
// for a process, and that Kafka refuses something when any of them is missing. The
// work is given the right that it does without, if any.
func withOneRightLess(t *testing.T, stack *production.Stack, process string, rights []events.Right, work func(t *testing.T, without events.Right) error) {
	t.Helper()
	require.NoError(t, work(t, events.Right{}), "the rights that are listed are not enough")
	principal := "User:" + process
	for _, right := range rights {
		t.Run("Without"+strings.ReplaceAll(right.String(), " ", "_"), func(t *testing.T) {
			require.NoError(t, events.DenyRights(t.Context(), stack.Admin(), principal, []events.Right{right}))
			err := work(t, right)
			require.NoError(t, events.AllowRights(context.WithoutCancel(t.Context()), stack.Admin(), principal, []events.Right{right}))
			require.Error(t, err, "all was done without this right: it is not needed")
			require.Regexp(t, refusal, err.Error())
		})
	}
}

// A process can do its work with exactly the rights that `cupcakery topics acls`
// lists: none is missing, and none is too many.
// TestTopicsAreMadeWithTheListedRights and TestTopicsAreCheckedWithTheListedRights
// are about topics.
func TestEachProcessNeedsItsRightsAndNoOther(t *testing.T) {
	t.Parallel()
	f := newLeverFactoryOn(t, newGuardedKafka)
	t.Run(events.ProcessAPI, func(t *testing.T) {
		o := f.at(t, kitchen.Mix)
		f.api.Kill()
		env := f.env
		f.env = append(slices.Clone(env), "CUPCAKERY_LOG_LEVEL=debug") // it does without counting dead letters, and says so quietly
		withOneRightLess(t, f.production, events.ProcessAPI, events.RightsOf(events.ProcessAPI), func(t *testing.T, _ events.Right) error { return apiWorks(o) })
		f.env = env
		f.startAPI()
	})
	for _, stage := range kitchen.Stages() {
		t.Run(events.StationProcess(stage), func(t *testing.T) {
			var untaken *leverOrder // while nobody is at the station who could take it
			withOneRightLess(t, f.production, events.StationProcess(stage), events.RightsOf(events.StationProcess(stage)), func(_ *testing.T, without events.Right) error {
				if untaken == nil {
					untaken = f.at(t, stage)
				}
				o := untaken
				if without == (events.Right{}) || without.Name == events.TopicDeadLetters {
					untaken = nil
				}
				return f.stationWorks(stage, o)
			})
		})
	}
	t.Run(events.ProcessDoctor, func(t *testing.T) {
		withOneRightLess(t, f.production, events.ProcessDoctor, events.RightsOf(events.ProcessDoctor), func(t *testing.T, without events.Right) error {
			for _, stage := range kitchen.Stages() { // tickets for the doctor to withdraw
				if without == (events.Right{}) || without.Operation == events.OperationWrite && without.Name == events.TicketTopic(stage) {
					require.NoError(t, f.temporal.TerminateWorkflow(t.Context(), kitchen.WorkflowID(f.at(t, stage).id), "", "by an operator"))
				}
			}
			return f.finishes("order", "doctor")
		})
	})
	t.Run(events.ProcessErase, func(t *testing.T) {
		writer := f.writerTo(events.TopicDeadLetters)
		withOneRightLess(t, f.production, events.ProcessErase, events.RightsOf(events.ProcessErase), func(t *testing.T, _ events.Right) error {
			// An order that was never placed needs all rights if it has a dead letter.
			id, err := kitchen.NewOrderID()
			require.NoError(t, err)
			require.NoError(t, writer.WriteMessages(t.Context(), kafka.Message{Key: []byte(id), Value: []byte("Ada"), Headers: []kafka.Header{
				{Key: events.HeaderDeadTopic, Value: []byte(events.TopicAcks)}, {Key: events.HeaderDeadReason, Value: []byte("no JSON")},
			}}))
			return f.finishes("order", "erase", id, "--yes", "--cut-dead-letters")
		})
	})
	t.Run(events.ProcessDeadLetters, func(t *testing.T) {
		f.at(t, kitchen.Mix).say("package.1", kitchen.AckDone, "") // too early
		var place string
		f.eventually(func() error {
			for _, letter := range f.awaitLetters(1) {
				if letter.Topic == events.TopicAcks {
					place = letter.Letter
					return nil
				}
			}
			return errors.New("the ack is not with the dead letters")
		})
		withOneRightLess(t, f.production, events.ProcessDeadLetters, events.RightsOf(events.ProcessDeadLetters), func(*testing.T, events.Right) error {
			return errors.Join(f.finishes("dead-letters", "list"), f.finishes("dead-letters", "redrive", place, "--again"))
		})
	})
	t.Run(events.ProcessLedger, func(t *testing.T) {
		postgres, err := devstack.StartPostgres(t.Context(), devstack.PostgresConfig{Fast: true})
		require.NoError(t, err)
		t.Cleanup(postgres.Stop)
		database, err := postgres.CreateDatabase(t.Context(), "ledger", "red velvet")
		require.NoError(t, err)
		f.at(t, kitchen.Mix) // so that there is something to write
		env := f.env
		f.env = append(slices.Clone(env), "CUPCAKERY_LEDGER_DATABASE="+database)
		withOneRightLess(t, f.production, events.ProcessLedger, events.RightsOf(events.ProcessLedger), func(t *testing.T, _ events.Right) error { return f.ledgerWorks(t) })
		f.env = env
	})
	t.Run(events.ProcessWorker, func(t *testing.T) {
		f.worker.Kill()
		f.env = append(f.env, "CUPCAKERY_LOG_LEVEL=debug") // it does without the log for a while, and says so quietly
		withOneRightLess(t, f.production, events.ProcessWorker, events.RightsOf(events.ProcessWorker), func(t *testing.T, _ events.Right) error { return f.workerWorks(t) })
	})
}

// finishes runs the binary to its end.
func (f *factory) finishes(args ...string) error {
	f.t.Helper()
	p := f.start(args[0], args...)
	defer p.Kill()
	return f.unlessRefused(p, func() error {
		select {
		case <-p.Exited():
			if code := p.ExitCode(); code != 0 && !refusal.MatchString(p.Output()) {
				require.FailNow(f.t, "it has failed, but not because Kafka refused it", p.Output())
			}
			return nil
		default:
			return errors.New("it runs")
		}
	})
}

// unlessRefused waits until all checks have passed, one after the other. It
// returns what a process printed as soon as that tells of a refusal, and the
// check's error if that does.
func (f *factory) unlessRefused(p *process.Process, checks ...func() error) error {
	f.t.Helper()
	deadline := time.Now().Add(patience)
	for len(checks) > 0 {
		err := checks[0]()
		if output := p.Output(); refusal.MatchString(output) {
			return errors.New(output)
		}
		if err == nil {
			checks = checks[1:]
			continue
		}
		if refusal.MatchString(err.Error()) {
			return err
		}
		require.True(f.t, time.Now().Before(deadline), "neither done nor refused: %v\n%s", err, p.Output())
		wait(20 * time.Millisecond)
	}
	return nil
}

// apiWorks starts an API, waits until it has read the log, counted the dead letters
// and put away what is no flag, and has somebody claim a ticket and put it back, and a
// flavour sold out and not.
func apiWorks(o *leverOrder) error {
	before := o.letters()
	writer := o.writerTo(events.TopicKitchenState)
	require.NoError(o.t, errors.Join(writer.WriteMessages(o.t.Context(), kafka.Message{Key: []byte("paused/decorate"), Value: []byte("stop!")}), writer.Close()))
	metrics := fmt.Sprintf("127.0.0.1:%d", freePort(o.t))
	p := o.start("api", "api", "--listen", o.apiURL[len("http://"):], "--metrics-listen", metrics, "--orders-per-address", "0")
	defer p.Kill()
	return o.unlessRefused(p, o.answers(o.apiURL+"/readyz"), func() error {
		if code, answer := o.look("/api/v1/stations/mix/tickets"); code != http.StatusOK || strings.Contains(answer, `"behind"`) {
			return fmt.Errorf("%d: %s", code, answer)
		}
		return nil
	}, func() error {
		response, err := http.Get("http://" + metrics + "/metrics")
		if err != nil {
			return err
		}
		defer func() { _ = response.Body.Close() }() // read to its end
		answer, err := io.ReadAll(response.Body)
		if err == nil && !strings.Contains(string(answer), "\ncupcakery_dead_letters{") {
			err = errors.New("the dead letters are not counted")
		}
		return err
	}, o.pressed(started), o.pressed(`{"kind":"released"}`),
		o.lemonIsSoldOut(http.MethodPut, 1), o.lemonIsSoldOut(http.MethodDelete, 0),
		func() error {
			if o.letters() == before {
				return errors.New("what is no flag is not put away")
			}
			return nil
		})
}

// lemonIsSoldOut says that lemon cannot, or can again, be ordered, after which so many
// flavours are sold out.
func (o *leverOrder) lemonIsSoldOut(method string, soldOut int) func() error {
	return func() error {
		request, err := http.NewRequestWithContext(o.t.Context(), method, o.apiURL+"/api/v1/kitchen/sold-out/lemon", strings.NewReader("{}"))
		require.NoError(o.t, err)
		request.Header.Set("Content-Type", "application/json")
		code, answer := o.send(request)
		var state wire.KitchenState
		if err := json.Unmarshal([]byte(answer), &state); err != nil || code != http.StatusOK || len(state.SoldOut) != soldOut {
			return fmt.Errorf("%d: %s", code, answer)
		}
		return nil
	}
}

// pressed says something about the order's mix ticket at the board.
func (o *leverOrder) pressed(body string) func() error {
	return func() error {
		if code, answer := o.press("mix.1", body); code != http.StatusOK {
			return fmt.Errorf("%d: %s", code, answer)
		}
		return nil
	}
}

// stationWorks has a robot do the order's ticket, and put what is no ticket away.
func (f *leverFactory) stationWorks(stage kitchen.Stage, o *leverOrder) error {
	before := f.letters()
	writer := f.writerTo(events.TicketTopic(stage))
	require.NoError(o.t, errors.Join(writer.WriteMessages(o.t.Context(), kafka.Message{Value: []byte("bake!")}), writer.Close()))
	robot := f.robot(stage, "--work-time", "10ms")
	defer robot.Kill()
	return f.unlessRefused(robot, func() error {
		status, err := f.get(o.id)
		if err == nil && (status.WaitingFor == stage || status.WaitingFor == "" && status.State != kitchen.StateShipped) {
			err = fmt.Errorf("the order waits for %q", status.WaitingFor)
		}
		return err
	}, func() error {
		if f.letters() == before {
			return errors.New("what is no ticket is not put away")
		}
		return nil
	})
}

// ledgerWorks starts a ledger and waits until it could write what all topics tell.
func (f *leverFactory) ledgerWorks(t *testing.T) error {
	address := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	p := f.start("ledger", "ledger", "--listen", address)
	defer p.Kill()
	return f.unlessRefused(p, f.answers("http://"+address+"/readyz"))
}

// workerWorks starts a worker and has it carry one order to its end, beside acks
// that nobody can understand or that come too early, and cancel another.
func (f *leverFactory) workerWorks(t *testing.T) error {
	address := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	worker := f.start("worker", "worker", "--listen", address)
	defer worker.Kill()
	shipped, cancelled := f.newOrder(t), f.newOrder(t)
	defer shipped.terminate()
	defer cancelled.terminate()
	before := f.letters()
	checks := []func() error{
		f.answers("http://" + address + "/readyz"),
		shipped.issuedAndSaid("mix.1", ""),
		func() error {
			require.NoError(t, f.writer.WriteMessages(t.Context(), kafka.Message{Key: []byte("nobody"), Value: []byte("done!")}))
			shipped.say("package.1", kitchen.AckDone, "")
			return nil
		},
		func() error {
			if letters := f.letters(); letters < before+2 {
				return fmt.Errorf("%d of 2 dead letters", letters-before)
			}
			return nil
		},
	}
	for _, stage := range kitchen.Stages() {
		checks = append(checks, shipped.issuedAndSaid(string(stage)+".1", kitchen.AckDone))
	}
	checks = append(checks, shipped.closed,
		cancelled.issuedAndSaid("mix.1", ""),
		func() error { return f.temporal.CancelWorkflow(t.Context(), kitchen.WorkflowID(cancelled.id), "") },
		cancelled.issuedAndSaid("mix.1.undo", kitchen.AckUndone),
		cancelled.closed,
	)
	return f.unlessRefused(worker, checks...)
}

// letters counts the dead letters.
func (f *leverFactory) letters() int {
	f.t.Helper()
	client, err := f.production.AdminClient()
	require.NoError(f.t, err)
	partitions, err := client.Metadata(f.t.Context(), &kafka.MetadataRequest{Topics: []string{events.TopicDeadLetters}})
	require.NoError(f.t, err)
	request := &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{}}
	for _, partition := range partitions.Topics[0].Partitions {
		request.Topics[events.TopicDeadLetters] = append(request.Topics[events.TopicDeadLetters], kafka.LastOffsetOf(partition.ID))
	}
	offsets, err := client.ListOffsets(f.t.Context(), request)
	require.NoError(f.t, err)
	count := 0
	for _, partition := range offsets.Topics[events.TopicDeadLetters] {
		count += int(partition.LastOffset)
	}
	return count
}

// issuedAndSaid passes once Kafka has the ticket, and then says something about it
// unless the kind is empty.
func (o *leverOrder) issuedAndSaid(activityID string, kind kitchen.AckKind) func() error {
	return func() error {
		if len(o.attempts(activityID)) == 0 {
			return fmt.Errorf("%s was not issued", activityID)
		}
		if kind != "" {
			o.say(activityID, kind, "")
		}
		return nil
	}
}

// closed passes once the order has ended, which it does after it has announced
// that.
func (o *leverOrder) closed() error {
	if status := o.describe().GetWorkflowExecutionInfo().GetStatus(); status.String() == "Running" {
		return errors.New("the order is under way")
	}
	return nil
}

func (o *leverOrder) terminate() {
	_ = o.temporal.TerminateWorkflow(context.WithoutCancel(o.t.Context()), kitchen.WorkflowID(o.id), "", "the test is over") // it may have ended
}

// The job that makes topics and keeps them as they should be can do so with the
// rights that are listed for it, and with none less.
func TestTopicsAreMadeWithTheListedRights(t *testing.T) {
	t.Parallel()
	stack, err := production.StartKafka(t.Context(), production.Config{})
	require.NoError(t, err)
	t.Cleanup(stack.Stop)
	admin, err := stack.AdminClient()
	require.NoError(t, err)
	partitions := 0
	withOneRightLess(t, stack, events.ProcessTopics, events.RightsOf(events.ProcessTopics), func(t *testing.T, without events.Right) error {
		if without.Operation == events.OperationCreate {
			deleteTopic(t, admin, without.Name)
		}
		if without.Operation == events.OperationAlterConfigs {
			response, err := admin.IncrementalAlterConfigs(t.Context(), &kafka.IncrementalAlterConfigsRequest{Resources: []kafka.IncrementalAlterConfigsRequestResource{{
				ResourceType: kafka.ResourceTypeTopic, ResourceName: without.Name,
				Configs: []kafka.IncrementalAlterConfigsRequestConfig{{Name: "retention.bytes", Value: "1000000", ConfigOperation: kafka.ConfigOperationSet}},
			}}})
			require.NoError(t, err)
			require.NoError(t, response.Resources[0].Error)
		}
		partitions++
		_, err := events.ApplyTopics(t.Context(), stack.Connection(events.ProcessTopics), events.TopicSettings{Partitions: partitions, NoticeTime: time.Millisecond})
		return err
	})
}

// The job that looks whether topics are as they should be needs less.
func TestTopicsAreCheckedWithTheListedRights(t *testing.T) {
	t.Parallel()
	stack, err := production.StartKafka(t.Context(), production.Config{})
	require.NoError(t, err)
	t.Cleanup(stack.Stop)
	_, err = events.ApplyTopics(t.Context(), stack.Admin(), events.TopicSettings{})
	require.NoError(t, err)
	withOneRightLess(t, stack, events.ProcessTopicsCheck, events.RightsOf(events.ProcessTopicsCheck), func(t *testing.T, _ events.Right) error {
		return events.CheckTopicSettings(t.Context(), stack.Connection(events.ProcessTopicsCheck), events.TopicSettings{})
	})
}

func deleteTopic(t *testing.T, admin *kafka.Client, topic string) {
	t.Helper()
	response, err := admin.DeleteTopics(t.Context(), &kafka.DeleteTopicsRequest{Topics: []string{topic}})
	require.NoError(t, err)
	require.NoError(t, response.Errors[topic])
	deadline := time.Now().Add(patience)
	for {
		metadata, err := admin.Metadata(t.Context(), &kafka.MetadataRequest{Topics: []string{topic}})
		require.NoError(t, err)
		if errors.Is(metadata.Topics[0].Error, kafka.UnknownTopicOrPartition) {
			return
		}
		require.True(t, time.Now().Before(deadline), "the topic is still there")
		wait(20 * time.Millisecond)
	}
}
