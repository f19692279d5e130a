package api

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/events/deadletter"
	"github.com/cupcakery/cupcakery/floor"
	"github.com/cupcakery/cupcakery/internal/retry"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

// floorCollector gives what the process knows from the log, at the moment at which
// somebody asks. While the log has not been read to its end it gives only that: no
// queue would look like an empty one.
type floorCollector struct{ floor *floor.Floor }

var (
	waitingDesc = prometheus.NewDesc("cupcakery_tickets_waiting", "Tickets that wait until somebody begins, by stage. Every API process gives the same.", []string{"stage"}, nil)
	inHandDesc  = prometheus.NewDesc("cupcakery_tickets_in_hand", "Tickets that somebody has in hand, by stage. Every API process gives the same.", []string{"stage"}, nil)
	oldestDesc  = prometheus.NewDesc("cupcakery_oldest_ticket_seconds", "Age of the oldest open ticket of a stage, since its order's pass began; 0 if none is open.", []string{"stage"}, nil)
	untakenDesc = prometheus.NewDesc("cupcakery_station_untaken_seconds", "The station's alarm: for how long nobody has begun or finished anything although tickets wait, by stage; 0 while that is no longer than the kitchen file's attention.untakenAfter.", []string{"stage"}, nil)

	questionsDesc      = prometheus.NewDesc("cupcakery_questions_open", "Orders that wait for a manager's decision. Every API process gives the same.", nil, nil)
	oldestQuestionDesc = prometheus.NewDesc("cupcakery_oldest_question_seconds", "How long the first of them has waited; 0 if none does.", nil, nil)

	behindDesc = prometheus.NewDesc("cupcakery_board_behind_seconds", "For how long this process's boards have been behind the log, by reason: starting (it is being read), kafka (it does not answer); 0 while they are up to date.", []string{"reason"}, nil)
)

// Describe implements prometheus.Collector.
func (c *floorCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{waitingDesc, inHandDesc, oldestDesc, untakenDesc, questionsDesc, oldestQuestionDesc, behindDesc} {
		descs <- desc
	}
}

// Collect implements prometheus.Collector.
func (c *floorCollector) Collect(metrics chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	behind := c.floor.Behind()
	for _, reason := range []wire.BehindReason{wire.BehindStarting, wire.BehindKafka} {
		var since time.Duration
		if behind.Reason == reason {
			since = max(time.Since(behind.Since), time.Millisecond) // by the same clock
		}
		gauge(behindDesc, since.Seconds(), string(reason))
	}
	loads := c.floor.Loads()
	for _, load := range loads {
		stage := string(load.Stage)
		gauge(waitingDesc, float64(load.Waiting), stage)
		gauge(inHandDesc, float64(load.InHand), stage)
		gauge(oldestDesc, load.Oldest.Seconds(), stage)
		gauge(untakenDesc, load.Untaken.Seconds(), stage)
	}
	if loads == nil {
		return
	}
	open, oldest := c.floor.Questions()
	gauge(questionsDesc, float64(open))
	gauge(oldestQuestionDesc, oldest.Seconds())
}

// partCollector gives whether what the API works with is in order, as /readyz says.
type partCollector map[string]*probe

var partDesc = prometheus.NewDesc("cupcakery_part_up", "1 if a part that the API works with is in order, by part: temporal, kafka; otherwise 0.", []string{"part"}, nil)

// Describe implements prometheus.Collector.
func (c partCollector) Describe(descs chan<- *prometheus.Desc) { descs <- partDesc }

// Collect implements prometheus.Collector.
func (c partCollector) Collect(metrics chan<- prometheus.Metric) {
	var asking sync.WaitGroup
	for part, probe := range c {
		asking.Go(func() {
			up := 0.0
			if probe.ask() == nil {
				up = 1
			}
			metrics <- prometheus.MustNewConstMetric(partDesc, prometheus.GaugeValue, up, part)
		})
	}
	asking.Wait()
}

const (
	// closedQuestionsEvery is how often Temporal is asked about old questions, and
	// oldQuestion how old such are. QuestionsWait fires later than that.
	closedQuestionsEvery = 15 * time.Second
	oldQuestion          = 5 * time.Minute
	// questionsEachTime bounds what Temporal is asked at a time. Who has waited longest
	// comes first, and decides how long the first question has waited.
	questionsEachTime = 50
)

// closedQuestions finds the questions whose orders were ended in Temporal. The log
// never tells that, so they would count as open for as long as the log is kept.
type closedQuestions struct {
	floor interface {
		AskedLonger(than time.Duration) []string
		QuestionClosed(orderID string)
	}
	temporal client.Client
}

// run looks again and again until ctx ends.
func (c *closedQuestions) run(ctx context.Context) {
	for goOn := true; goOn; goOn = retry.Pause(ctx, closedQuestionsEvery) {
		c.look(ctx, oldQuestion)
	}
}

// look asks Temporal about the questions that are older than that. While Temporal is
// away nobody knows better than the log.
func (c *closedQuestions) look(ctx context.Context, older time.Duration) {
	asked := c.floor.AskedLonger(older)
	for _, orderID := range asked[:min(len(asked), questionsEachTime)] {
		asking, cancel := context.WithTimeout(ctx, closedWithin)
		description, err := c.temporal.DescribeWorkflowExecution(asking, kitchen.WorkflowID(orderID), "")
		cancel()
		switch {
		case workflows.IsNotFound(err), err == nil && description.GetWorkflowExecutionInfo().GetCloseTime() != nil:
			c.floor.QuestionClosed(orderID)
		case err != nil:
			return
		}
	}
}

// deadLettersEvery is how often dead letters are counted.
const deadLettersEvery = 15 * time.Second

// deadLetters counts the dead letters that nobody has decided about. A process that
// may not read them gives no number.
type deadLetters struct {
	connection events.Connection
	logger     *slog.Logger

	mu     sync.Mutex
	known  bool
	counts map[deadletter.State]int
}

func newDeadLetters(connection events.Connection, logger *slog.Logger) *deadLetters {
	return &deadLetters{connection: connection, logger: logger}
}

// run counts again and again until ctx ends.
func (d *deadLetters) run(ctx context.Context) {
	if len(d.connection.Brokers) == 0 {
		return
	}
	queue, err := deadletter.New(deadletter.Config{Connection: d.connection})
	if err != nil {
		d.logger.Warn("dead letters are not counted", slog.Any("error", err))
		return
	}
	defer func() { _ = queue.Close() }() // it has written nothing
	for goOn := true; goOn; goOn = retry.Pause(ctx, deadLettersEvery) {
		letters, err := queue.List(ctx)
		if err != nil {
			d.logger.Debug("the dead letters cannot be counted now", slog.Any("error", err))
		}
		d.count(letters, err == nil)
	}
}

func (d *deadLetters) count(letters []deadletter.Letter, known bool) {
	counts := make(map[deadletter.State]int)
	for _, letter := range letters {
		counts[letter.State]++
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known, d.counts = known, counts
}

var deadLettersDesc = prometheus.NewDesc("cupcakery_dead_letters", "Dead letters that wait for a person, by state: open, redriving (begun, and nobody knows whether it was sent). Every API process that may read them gives the same.", []string{"state"}, nil)

// Describe implements prometheus.Collector.
func (d *deadLetters) Describe(descs chan<- *prometheus.Desc) { descs <- deadLettersDesc }

// Collect implements prometheus.Collector.
func (d *deadLetters) Collect(metrics chan<- prometheus.Metric) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.known {
		return
	}
	for _, state := range []deadletter.State{deadletter.Open, deadletter.Redriving} {
		metrics <- prometheus.MustNewConstMetric(deadLettersDesc, prometheus.GaugeValue, float64(d.counts[state]), string(state))
	}
}
