package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/workflows"
)

// forgetMeNot is in everything that is written for the customer who is forgotten.
const forgetMeNot = "Vergissmeinnicht"

// forgetMyNumber is the end of the phone number of who is forgotten.
const forgetMyNumber = "5550987654"

// One order is shipped after some trouble, the other is cancelled. Then their customers
// are forgotten, and the figures stay.
func TestOfACustomerWhoIsForgottenNothingIsLeftButFigures(t *testing.T) {
	t.Parallel()
	f := newLeverFactoryOn(t, everyKafka["embedded Kafka"],
		"opening: {lead: {base: 0s, perDozen: 0s}}", // every order is late
		"menu: {currency: EUR, flavours: [{code: lemon, name: Lemon, allergens: [egg]}], sizes: [{code: M, label: Medium, grams: 60, price: 2.40}]}")
	k := f.keepLedger()
	f.api.Kill()
	f.startAPI() // with the ledger

	order := func(customer string) kitchen.Order {
		phone := ""
		if strings.Contains(customer, forgetMeNot) {
			phone = "+49 30 " + forgetMyNumber
		}
		return kitchen.Order{
			Customer: kitchen.Customer{Name: customer}, Phone: phone, Notes: "ring at the door of " + customer, Allergies: []string{"nuts near " + customer},
			Lines: []kitchen.Line{{Flavour: "lemon", Size: kitchen.SizeM, Quantity: 6, Message: "For " + customer}},
		}
	}
	place := func(customer string) *leverOrder {
		code, answer := f.placeAgain(order(customer), customer)
		require.Equal(t, http.StatusCreated, code, answer)
		var status kitchen.Status
		require.NoError(t, json.Unmarshal([]byte(answer), &status))
		return &leverOrder{leverFactory: f, t: t, id: status.ID}
	}
	note := fmt.Sprintf(`,"note":%q`, "a word about "+forgetMeNot)
	shippedOne, cancelledOne, other := place("Ada "+forgetMeNot), place("Bea "+forgetMeNot), place("Zoe Remembered")
	for _, o := range []*leverOrder{shippedOne, other} {
		for _, stage := range kitchen.Stages() {
			o.awaitIssued(string(stage)+".1", 1)
			if o == shippedOne && stage == kitchen.Bake {
				o.say("bake.1", kitchen.AckFailed, `,"reason":"equipment"`+note)
				o.awaitIssued("bake.1", 2)
			}
			o.say(string(stage)+".1", kitchen.AckDone, "")
		}
		f.until(o.id, "shipped", shipped)
	}
	require.NoError(t, f.writer.WriteMessages(t.Context(), kafka.Message{Key: []byte(shippedOne.id), Value: []byte("done, " + forgetMeNot)}))
	f.awaitLetters(1)
	cancelledOne.awaitIssued("mix.1", 1)
	cancelledOne.say("mix.1", kitchen.AckDone, "")
	cancelledOne.awaitIssued("bake.1", 1)
	code, answer := cancelledOne.ask("cancel", fmt.Sprintf(`{"reason":%q}`, forgetMeNot+" has changed her mind"))
	require.Equal(t, http.StatusOK, code, answer)
	undone := make(map[string]bool)
	cancelledOne.eventually("it is undone", func() bool {
		for activityID := range cancelledOne.pending() {
			if strings.HasSuffix(activityID, ".undo") && len(cancelledOne.attempts(activityID)) > 0 && !undone[activityID] {
				undone[activityID] = true
				cancelledOne.say(activityID, kitchen.AckUndone, note)
			}
		}
		return cancelledOne.describe().GetWorkflowExecutionInfo().GetCloseTime() != nil
	})
	forgotten := []*leverOrder{shippedOne, cancelledOne}
	for _, o := range forgotten {
		o.eventually("the workflow has closed", func() bool { return o.describe().GetWorkflowExecutionInfo().GetCloseTime() != nil })
	}
	runs := make(map[string]string)
	for _, o := range forgotten {
		runs[o.id] = o.describe().GetWorkflowExecutionInfo().GetExecution().GetRunId()
	}
	k.awaitEnd()
	require.NotEmpty(t, k.has(forgetMeNot))
	require.NotEmpty(t, k.has(shippedOne.id))
	require.NotEmpty(t, k.filesWith(forgetMeNot))
	require.Empty(t, k.filesWith(forgetMyNumber), "the ledger never has it")
	for topic, messages := range map[string]int{events.TopicShip: 2, events.TopicFailures: 1, events.TopicStatus: 8, events.TicketTopic(kitchen.Mix): 3, events.TicketTopic(kitchen.Package): 2} {
		for _, m := range f.records(topic, messages) {
			require.NotContains(t, string(m.Value), forgetMyNumber, topic)
		}
	}
	listed, err := f.temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{})
	require.NoError(t, err)
	require.Contains(t, listed.String(), forgetMyNumber)
	days := other.figures()
	require.Contains(t, days, `"orders":3`)
	require.Contains(t, days, `"late":2`)
	require.Contains(t, days, `"cancelled":1`)
	require.Contains(t, days, `"currency":"EUR"`)

	var report struct {
		Letters []struct{ Cut bool }
		GoneAt  time.Time
	}
	printed := f.run("order", "erase", shippedOne.id, "--yes", "--by", "mia", "--cut-dead-letters", "--output", "json")
	require.NoError(t, json.Unmarshal([]byte(printed), &report), printed)
	require.Len(t, report.Letters, 1)
	require.True(t, report.Letters[0].Cut)
	require.True(t, report.GoneAt.After(time.Now()))
	require.Contains(t, f.run("order", "erase", kitchen.PickupCode(cancelledOne.id), "--yes", "--by", "mia"), "No topic has anything of it any more at the latest on 20")

	gone := func() {
		t.Helper()
		k.awaitEnd()
		for _, o := range forgotten {
			id := uuid.MustParse(o.id)
			for _, text := range []string{forgetMeNot, o.id, string(id[:])} {
				f.eventually(func() error { // it is cleaned behind the batch that has told it
					if found := k.filesWith(text); len(found) > 0 {
						return fmt.Errorf("%q is in %s", text, found)
					}
					return nil
				}, k.running)
			}
			require.Empty(t, k.has(o.id))
		}
		require.Empty(t, k.has(forgetMeNot))
		require.NotEmpty(t, k.has("Zoe Remembered"))
		require.Equal(t, days, other.figures(), "the figures stay")
	}
	gone()
	var lies bool
	for _, m := range f.announcements(events.TopicFailures) {
		lies = lies || bytes.Contains(m.Value, []byte(forgetMeNot))
	}
	require.True(t, lies, "topics keep it until their retention")
	f.run("ledger", "rebuild")
	gone()
	k.requireRebuildIsTheSame()

	for _, o := range forgotten {
		f.requireUnknownToTemporal(o.id, runs[o.id])
	}
	page, err := f.temporal.ListWorkflow(t.Context(), &workflowservice.ListWorkflowExecutionsRequest{})
	require.NoError(t, err)
	require.NotContains(t, page.String(), forgetMeNot)
	require.NotContains(t, page.String(), forgetMyNumber)
	for _, restarted := range []bool{false, true} {
		if restarted {
			f.api.Kill()
			f.startAPI()
		}
		for _, o := range forgotten {
			f.eventually(func() error {
				if code, answer := o.look("/api/v1/orders/" + o.id); code != http.StatusGone {
					return fmt.Errorf("the order is answered %d: %s", code, answer)
				}
				return nil
			}, f.api)
			_, answer := o.look("/api/v1/history/orders/" + o.id + "/delay")
			require.NotContains(t, answer, forgetMeNot)
		}
		code, answer := f.placeAgain(order("Ada "+forgetMeNot), "Ada "+forgetMeNot)
		require.Equal(t, http.StatusGone, code, answer)
		require.Contains(t, answer, "order-erased")
		f.eventually(func() error { // the process has read the log
			if code, answer := other.look("/api/v1/kitchen/ready"); !strings.Contains(answer, "Zoe R.") {
				return fmt.Errorf("what is ready is answered %d: %s", code, answer)
			}
			return nil
		}, f.api)
		now := time.Now().UTC()
		trace := fmt.Sprintf("/api/v1/history/trace?stage=bake&from=%s&to=%s", now.Add(-time.Hour).Format(time.RFC3339), now.Add(time.Hour).Format(time.RFC3339))
		shown := []string{"/api/v1/orders", "/api/v1/kitchen/ready", "/api/v1/kitchen/state", "/api/v1/history/days/" + now.Format(time.DateOnly), trace}
		for _, stage := range kitchen.Stages() {
			shown = append(shown, "/api/v1/stations/"+string(stage)+"/tickets")
		}
		answers := make(map[string]string)
		for _, path := range shown {
			code, answer := other.look(path)
			require.Equal(t, http.StatusOK, code, "%s: %s", path, answer)
			require.NotContains(t, answer, forgetMeNot, path)
			for _, o := range forgotten { // a ticket's id has the order's, which opens nothing any more
				require.NotContains(t, strings.ReplaceAll(answer, o.id+".", ""), o.id, path)
			}
			answers[path] = answer
		}
		require.Contains(t, answers[trace], kitchen.PickupCode(shippedOne.id), "it is traced without its customer")
		require.Contains(t, answers[trace], "Zoe Remembered")
		require.Contains(t, answers["/api/v1/history/days/"+now.Format(time.DateOnly)], kitchen.PickupCode(shippedOne.id), "it was late all the same")
	}
}

// placeAgain places an order whose Idempotency-Key is made from a text.
func (f *leverFactory) placeAgain(order kitchen.Order, key string) (code int, answer string) {
	f.t.Helper()
	body, err := json.Marshal(order)
	require.NoError(f.t, err)
	request, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, f.apiURL+"/api/v1/orders", bytes.NewReader(body))
	require.NoError(f.t, err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", uuid.NewSHA1(uuid.NameSpaceOID, []byte(key)).String())
	response, err := http.DefaultClient.Do(request)
	require.NoError(f.t, err)
	defer func() { _ = response.Body.Close() }() // read to its end
	read, err := io.ReadAll(response.Body)
	require.NoError(f.t, err)
	return response.StatusCode, string(read)
}

// figures are those of the last days.
func (o *leverOrder) figures() string {
	o.t.Helper()
	code, answer := o.look("/api/v1/history/days")
	require.Equal(o.t, http.StatusOK, code, answer)
	var history struct{ Days json.RawMessage }
	require.NoError(o.t, json.Unmarshal([]byte(answer), &history))
	return string(history.Days)
}

// requireUnknownToTemporal looks for an order wherever Temporal could show it.
func (f *leverFactory) requireUnknownToTemporal(orderID, runID string) {
	f.t.Helper()
	for _, run := range []string{"", runID} {
		_, err := f.temporal.DescribeWorkflowExecution(f.t.Context(), kitchen.WorkflowID(orderID), run)
		require.True(f.t, workflows.IsNotFound(err), "%v", err)
		_, err = f.temporal.WorkflowService().GetWorkflowExecutionHistory(f.t.Context(), &workflowservice.GetWorkflowExecutionHistoryRequest{
			Namespace: client.DefaultNamespace, Execution: &commonpb.WorkflowExecution{WorkflowId: kitchen.WorkflowID(orderID), RunId: run},
		})
		require.True(f.t, workflows.IsNotFound(err), "%v", err)
	}
	page, err := f.temporal.ListWorkflow(f.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{})
	require.NoError(f.t, err)
	require.NotContains(f.t, page.String(), orderID)
}

// has returns the tables of the ledger in which a text is.
func (k *keeper) has(text string) (tables []string) {
	t := k.f.t
	t.Helper()
	conn, err := pgx.Connect(t.Context(), k.url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	rows, err := conn.Query(t.Context(), "SELECT tablename FROM pg_tables WHERE schemaname = 'ledger'")
	require.NoError(t, err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Contains(t, names, "personal")
	for _, name := range names {
		var found bool
		query := fmt.Sprintf("SELECT EXISTS (SELECT FROM %s AS r WHERE strpos(r::text, $1) > 0)", pgx.Identifier{"ledger", name}.Sanitize())
		require.NoError(t, conn.QueryRow(t.Context(), query, text).Scan(&found))
		if found {
			tables = append(tables, name)
		}
	}
	return tables
}

// filesWith returns PostgreSQL's files of tables and indexes that have a text in them.
// What it has written last is on disk.
func (k *keeper) filesWith(text string) (files []string) {
	t := k.f.t
	t.Helper()
	admin, err := pgx.Connect(t.Context(), k.postgres.URL("postgres"))
	require.NoError(t, err)
	_, err = admin.Exec(t.Context(), "CHECKPOINT")
	require.NoError(t, errors.Join(err, admin.Close(t.Context())))
	require.NoError(t, filepath.WalkDir(filepath.Join(k.dir, "cluster", "base"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // a temporary file, or a table that was just dropped
		}
		if bytes.Contains(data, []byte(text)) {
			files = append(files, path)
		}
		return err
	}))
	return files
}
