package events

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/cupcakery/cupcakery/kitchen"
)

// The topics that do not belong to one stage; TicketTopic names the others.
const (
	TopicAcks        = "station-acks"
	TopicDeadLetters = "dead-letters"
	TopicFailures    = "order-failures"
	TopicShip        = "orders-to-ship"
)

// GroupAcks is the consumer group of the workers, which carry acks to the
// orders' workflows.
const GroupAcks = "order-acks"

const (
	defaultPartitions            = 8
	defaultRetention             = 7 * 24 * time.Hour
	defaultAnnouncementRetention = 30 * 24 * time.Hour
	// shortestRetention is longer than any reader looks back.
	shortestRetention = 24 * time.Hour
	// usableWithin bounds the wait for a cluster that has just been told
	// something, or has just begun.
	usableWithin = 30 * time.Second
)

// MaxDeadLetterBytes is the largest dead letter that the topic takes when
// ApplyTopics has made it. It is more than Kafka's default for other topics, so
// that what was too large to be understood still fits.
const MaxDeadLetterBytes = 16 << 20

// TicketTopic is where the tickets of a stage go.
func TicketTopic(stage kitchen.Stage) string { return "orders-to-" + string(stage) }

// TicketGroup is the consumer group that shares the tickets of a stage; empty
// for a stage that does not exist.
func TicketGroup(stage kitchen.Stage) string { return stage.Info().Group }

// Topics lists every topic of the factory.
func Topics() []string {
	var topics []string
	for _, stage := range kitchen.Stages() {
		topics = append(topics, TicketTopic(stage))
	}
	return append(topics, TopicAcks, TopicShip, TopicFailures, TopicDeadLetters)
}

// TopicSettings is how the topics shall be.
type TopicSettings struct {
	// Partitions bounds how many members of one group can work at a time.
	// Topics that have fewer get more, which moves keys; none is ever shrunk.
	// 0 leaves topics alone that exist; those that are created get as many as
	// the others have, and 8 if there are none.
	Partitions int
	// Replication is on how many brokers each message lies. It holds for
	// topics that are created; existing ones keep theirs. Defaults to what
	// the broker is set to.
	Replication int
	// Retention is how long tickets and acks are kept at least. Defaults to 7
	// days.
	Retention time.Duration
	// AnnouncementRetention is how long announcements that an order was shipped,
	// was cancelled or needs attention are kept at least. Defaults to 30 days.
	AnnouncementRetention time.Duration
	// Settle is how long the factory's processes get to notice that a topic is
	// about to have more partitions, and again that it has. Defaults to 20 s.
	Settle time.Duration
}

// Check returns every fault of the settings at once.
func (s TopicSettings) Check() error {
	var faults []error
	if s.Partitions < 0 || s.Partitions > 10_000 {
		faults = append(faults, fmt.Errorf("partitions: %d must be from 1 to 10000, or 0 for as many as there are, and %d if there are none", s.Partitions, defaultPartitions))
	}
	if s.Replication < 0 || s.Replication > 32_767 {
		faults = append(faults, fmt.Errorf("replication: %d must be at least 1, or 0 for the broker's own default", s.Replication))
	}
	for _, kept := range []struct {
		name string
		long time.Duration
	}{{"retention", s.Retention}, {"announcement retention", s.AnnouncementRetention}} {
		if kept.long != 0 && kept.long < shortestRetention {
			faults = append(faults, fmt.Errorf("%s: %s must be at least %s: boards and figures are put together from what is kept",
				kept.name, kitchen.Duration(kept.long), kitchen.Duration(shortestRetention)))
		}
	}
	return errors.Join(faults...)
}

func (s *TopicSettings) setDefaults() {
	if s.Retention == 0 {
		s.Retention = defaultRetention
	}
	if s.AnnouncementRetention == 0 {
		s.AnnouncementRetention = defaultAnnouncementRetention
	}
	if s.Settle == 0 {
		s.Settle = settleTime
	}
}

// command is the command line that applies the settings.
func (s TopicSettings) command() string {
	command := "cupcakery topics apply"
	if s.Partitions > 0 {
		command += fmt.Sprintf(" --partitions %d", s.Partitions)
	}
	if s.Replication > 0 {
		command += fmt.Sprintf(" --replication %d", s.Replication)
	}
	if s.Retention != defaultRetention {
		command += fmt.Sprintf(" --retention %s", kitchen.Duration(s.Retention))
	}
	if s.AnnouncementRetention != defaultAnnouncementRetention {
		command += fmt.Sprintf(" --announcement-retention %s", kitchen.Duration(s.AnnouncementRetention))
	}
	return "`" + command + "`"
}

// TopicChange is what ApplyTopics does, or would do, to one topic.
type TopicChange struct {
	Topic string
	// Created says that the topic was not there.
	Created bool
	// Partitions is how many it has afterwards, and Before how many it had.
	Before, Partitions int
	Settings           []SettingChange
}

// SettingChange is a change of one setting of a topic.
type SettingChange struct {
	Name string
	// Before is empty for a topic that is created.
	Before, After string
}

// Extended reports whether a topic that exists gets more partitions.
func (c TopicChange) Extended() bool { return !c.Created && c.Partitions > c.Before }

// String says what changes.
func (c TopicChange) String() string {
	var parts []string
	switch {
	case c.Created:
		parts = append(parts, fmt.Sprintf("created with %d partitions", c.Partitions))
	case c.Extended():
		parts = append(parts, fmt.Sprintf("extended from %d to %d partitions", c.Before, c.Partitions))
	}
	for _, setting := range c.Settings {
		if c.Created {
			parts = append(parts, setting.Name+"="+setting.After)
		} else {
			parts = append(parts, fmt.Sprintf("%s changed from %s to %s", setting.Name, setting.Before, setting.After))
		}
	}
	return strings.Join(parts, ", ")
}

// PlanTopics returns what ApplyTopics would change.
func PlanTopics(ctx context.Context, connection Connection, settings TopicSettings) ([]TopicChange, error) {
	admin, states, err := newTopicAdmin(ctx, connection, &settings)
	if err != nil {
		return nil, err
	}
	defer admin.close()
	return plan(settings, states), nil
}

// ApplyTopics creates the topics that are missing, adds partitions to those
// that have fewer than asked for, brings settings that have drifted to what is
// promised, and waits until all topics can be used. It returns what it has
// changed. Doing it again changes nothing.
//
// Before it adds partitions, and after they were added, by itself or another
// tool, it waits until every process has noticed. Then it notes up to where the
// former number held.
func ApplyTopics(ctx context.Context, connection Connection, settings TopicSettings) ([]TopicChange, error) {
	admin, states, err := newTopicAdmin(ctx, connection, &settings)
	if err != nil {
		return nil, err
	}
	defer admin.close()
	changes := plan(settings, states)
	if err := errors.Join(admin.createTopics(ctx, settings, changes), admin.extendTopics(ctx, settings, states, changes)); err != nil {
		return nil, err
	}
	if states, err = admin.awaitTopics(ctx, changes); err != nil {
		return nil, err
	}
	// A new topic's replication is known only now.
	if err := admin.alterTopics(ctx, plan(settings, states)); err != nil {
		return nil, err
	}
	return changes, admin.notePresent(ctx, settings, states)
}

// topicAdmin is a client for topics and one for what is noted of them.
type topicAdmin struct {
	*client
	notes *readClient
}

func (a topicAdmin) close() {
	a.client.close()
	a.notes.close()
}

// newTopicAdmin checks the settings and returns an admin and how the topics
// are.
func newTopicAdmin(ctx context.Context, connection Connection, settings *TopicSettings) (topicAdmin, map[string]topicState, error) {
	if err := settings.Check(); err != nil {
		return topicAdmin{}, nil, err
	}
	settings.setDefaults()
	topics, err := newClient(connection, Topics())
	if err != nil {
		return topicAdmin{}, nil, err
	}
	notes, err := newReadClient(connection)
	if err != nil {
		topics.close()
		return topicAdmin{}, nil, err
	}
	admin := topicAdmin{topics, notes}
	states, err := admin.topicDetails(ctx)
	if err != nil {
		admin.close()
		return topicAdmin{}, nil, err
	}
	return admin, states, nil
}

// CheckTopics returns why topics cannot be used, all at once, as sentences that
// name the remedy: one is missing, or has no partition or no leader.
func CheckTopics(ctx context.Context, connection Connection) error {
	admin, err := newClient(connection, Topics())
	if err != nil {
		return err
	}
	defer admin.close()
	states, err := admin.topicStates(ctx)
	if err != nil {
		return fmt.Errorf("list the topics: %w", connection.explain(err))
	}
	var faults []error
	for _, topic := range Topics() {
		faults = append(faults, states[topic].check(topic))
	}
	return errors.Join(faults...)
}

// CheckTopicSettings returns everything that CheckTopics does, and besides which
// replicas are behind and where a topic is not as promised, with the command that
// mends it.
func CheckTopicSettings(ctx context.Context, connection Connection, settings TopicSettings) error {
	admin, states, err := newTopicAdmin(ctx, connection, &settings)
	if err != nil {
		return err
	}
	defer admin.close()
	return errors.Join(drift(settings, connection, states)...)
}

// topicState is what the cluster knows of one topic.
type topicState struct {
	partitions int
	leaderless []int
	thin       []int // partitions with fewer replicas in sync than they have
	err        error

	replicas [][]int           // by partition
	brokers  []int             // of the whole cluster
	settings map[string]string // nil if they were not asked for
	placings map[int][]placing // by partition
}

func (s topicState) check(topic string) error {
	switch {
	case isMissingTopic(s.err):
		return fmt.Errorf("topic %q does not exist: run `cupcakery topics apply`", topic)
	case s.err != nil:
		return fmt.Errorf("topic %q cannot be used: %w", topic, s.err)
	case len(s.leaderless) > 0:
		return fmt.Errorf("topic %q has no leader for partition %s: start the brokers that hold it", topic, join(s.leaderless))
	}
	return nil
}

// replication is on how many brokers each message lies, at least.
func (s topicState) replication() int {
	least := 0
	for i, replicas := range s.replicas {
		if i == 0 || len(replicas) < least {
			least = len(replicas)
		}
	}
	return least
}

// unsettled reports whether partitions were added and nobody has noted up to
// where the former number held, and which that is.
func (s topicState) unsettled() (former int, unsettled bool) {
	for partition := range s.partitions {
		list := s.placings[partition]
		if isSettled(list, s.partitions) {
			continue
		}
		for _, placing := range list {
			if placing.Partitions != s.partitions {
				former = placing.Partitions
			}
		}
		return former, true
	}
	return 0, false
}

func join(numbers []int) string {
	texts := make([]string, len(numbers))
	for i, number := range numbers {
		texts[i] = strconv.Itoa(number)
	}
	return strings.Join(texts, ", ")
}

// topicStates asks what any user of the topics may ask.
func (c *client) topicStates(ctx context.Context) (map[string]topicState, error) {
	response, err := c.Metadata(ctx, &kafka.MetadataRequest{Topics: Topics()})
	if err != nil {
		return nil, err
	}
	var brokers []int
	for _, broker := range response.Brokers {
		brokers = append(brokers, broker.ID)
	}
	slices.Sort(brokers)
	states := make(map[string]topicState, len(response.Topics))
	for _, topic := range response.Topics {
		state := topicState{err: topic.Error, partitions: len(topic.Partitions), brokers: brokers, replicas: make([][]int, len(topic.Partitions))}
		for _, partition := range topic.Partitions {
			switch {
			case partition.Leader.Port == 0:
				state.leaderless = append(state.leaderless, partition.ID)
			case len(partition.Isr) < len(partition.Replicas):
				state.thin = append(state.thin, partition.ID)
			}
			for _, replica := range partition.Replicas {
				if partition.ID < len(state.replicas) {
					state.replicas[partition.ID] = append(state.replicas[partition.ID], replica.ID)
				}
			}
		}
		slices.Sort(state.leaderless)
		slices.Sort(state.thin)
		states[topic.Name] = state
	}
	return states, nil
}

// topicDetails asks for the settings and what is noted as well.
func (c topicAdmin) topicDetails(ctx context.Context) (states map[string]topicState, err error) {
	err = untilItAnswers(ctx, func() error {
		if states, err = c.topicStates(ctx); err != nil {
			return fmt.Errorf("list the topics: %w", c.connection.explain(err))
		}
		return c.describeTopics(ctx, states)
	})
	return states, err
}

// untilItAnswers tries again while the cluster can be reached and cannot answer
// for groups: a new one makes their topic only when it is asked first.
func untilItAnswers(ctx context.Context, ask func() error) error {
	ctx, cancel := context.WithTimeout(ctx, usableWithin)
	defer cancel()
	for backoff := newBackoff(); ; backoff.Wait(ctx) {
		err := ask()
		if ctx.Err() != nil || !isWithoutCoordinator(err) {
			return err
		}
	}
}

func isWithoutCoordinator(err error) bool {
	for _, passes := range []error{
		kafka.GroupCoordinatorNotAvailable, kafka.NotCoordinatorForGroup, kafka.GroupLoadInProgress,
		kerr.CoordinatorNotAvailable, kerr.NotCoordinator, kerr.CoordinatorLoadInProgress,
	} {
		if errors.Is(err, passes) {
			return true
		}
	}
	return false
}

func (c topicAdmin) describeTopics(ctx context.Context, states map[string]topicState) error {
	request := kafka.DescribeConfigsRequest{}
	counts := make(map[string]int)
	for _, topic := range Topics() {
		if states[topic].partitions == 0 {
			continue
		}
		counts[topic] = states[topic].partitions
		resource := kafka.DescribeConfigRequestResource{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic}
		for _, promise := range promises(topic, TopicSettings{}, 0) {
			resource.ConfigNames = append(resource.ConfigNames, promise.name)
		}
		request.Resources = append(request.Resources, resource)
	}
	if len(counts) == 0 {
		return nil
	}
	response, err := c.DescribeConfigs(ctx, &request)
	if err != nil {
		return fmt.Errorf("read the topics' settings: %w", c.connection.explain(err))
	}
	noted, err := c.notes.notedPlacings(ctx, counts)
	if err != nil {
		return err
	}
	for _, resource := range response.Resources {
		if resource.Error != nil {
			return fmt.Errorf("read the settings of topic %q, for which this user needs DESCRIBE_CONFIGS: %w", resource.ResourceName, resource.Error)
		}
		state := states[resource.ResourceName]
		state.placings = noted[resource.ResourceName]
		state.settings = make(map[string]string)
		for _, entry := range resource.ConfigEntries {
			state.settings[entry.ConfigName] = entry.ConfigValue
		}
		states[resource.ResourceName] = state
	}
	return nil
}

// createTopics creates what the plan says.
func (c topicAdmin) createTopics(ctx context.Context, settings TopicSettings, changes []TopicChange) error {
	replication := settings.Replication
	if replication == 0 {
		replication = -1 // the broker's default
	}
	var configs []kafka.TopicConfig
	for _, change := range changes {
		if !change.Created {
			continue
		}
		config := kafka.TopicConfig{Topic: change.Topic, NumPartitions: change.Partitions, ReplicationFactor: replication}
		for _, setting := range change.Settings {
			config.ConfigEntries = append(config.ConfigEntries, kafka.ConfigEntry{ConfigName: setting.Name, ConfigValue: setting.After})
		}
		configs = append(configs, config)
	}
	if len(configs) == 0 {
		return nil
	}
	// The transport waits for what it created to appear in its metadata, which
	// can take longer than the request; awaitTopics does that better.
	response, err := c.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: configs})
	if err != nil {
		return fmt.Errorf("create the topics: %w", c.connection.explain(err))
	}
	var faults []error
	for _, config := range configs {
		switch err := response.Errors[config.Topic]; {
		case err == nil, errors.Is(err, kafka.TopicAlreadyExists): // somebody else applies at the same time
		case errors.Is(err, kafka.InvalidReplicationFactor):
			faults = append(faults, fmt.Errorf("create topic %q: replication %d is more than there are brokers: ask for less or start more brokers: %w",
				config.Topic, settings.Replication, err))
		default:
			faults = append(faults, fmt.Errorf("create topic %q: %w", config.Topic, c.connection.explain(err)))
		}
	}
	return errors.Join(faults...)
}

// extendTopics adds the partitions that the plan says, once every reader knows
// of it: to one that does not, what a quick sender places by the new number
// would be misplaced.
func (c topicAdmin) extendTopics(ctx context.Context, settings TopicSettings, states map[string]topicState, changes []TopicChange) error {
	changes = slices.DeleteFunc(slices.Clone(changes), func(change TopicChange) bool { return !change.Extended() })
	if len(changes) == 0 {
		return nil
	}
	if err := untilItAnswers(ctx, func() error { return c.notePlacings(ctx, states, changes) }); err != nil {
		return err
	}
	if err := settings.settle(ctx); err != nil {
		return err
	}
	var configs []kafka.TopicPartitionsConfig
	for _, change := range changes {
		configs = append(configs, kafka.TopicPartitionsConfig{Name: change.Topic, Count: int32(change.Partitions)})
	}
	response, err := c.CreatePartitions(ctx, &kafka.CreatePartitionsRequest{Topics: configs})
	if err != nil {
		return fmt.Errorf("add partitions: %w", c.connection.explain(err))
	}
	var faults []error
	for _, config := range configs {
		if err := response.Errors[config.Name]; err != nil && !errors.Is(err, kafka.InvalidPartitionNumber) {
			faults = append(faults, fmt.Errorf("add partitions to topic %q: %w", config.Name, c.connection.explain(err)))
		}
	}
	return errors.Join(faults...)
}

// alterTopics brings settings to what the plan says.
func (c topicAdmin) alterTopics(ctx context.Context, changes []TopicChange) error {
	request := kafka.IncrementalAlterConfigsRequest{}
	for _, change := range changes {
		resource := kafka.IncrementalAlterConfigsRequestResource{ResourceType: kafka.ResourceTypeTopic, ResourceName: change.Topic}
		for _, setting := range change.Settings {
			resource.Configs = append(resource.Configs, kafka.IncrementalAlterConfigsRequestConfig{
				Name: setting.Name, Value: setting.After, ConfigOperation: kafka.ConfigOperationSet,
			})
		}
		if len(resource.Configs) > 0 {
			request.Resources = append(request.Resources, resource)
		}
	}
	if len(request.Resources) == 0 {
		return nil
	}
	response, err := c.IncrementalAlterConfigs(ctx, &request)
	if err != nil {
		return fmt.Errorf("change the topics' settings: %w", c.connection.explain(err))
	}
	var faults []error
	for _, resource := range response.Resources {
		if resource.Error != nil {
			faults = append(faults, fmt.Errorf("change the settings of topic %q: %w", resource.ResourceName, c.connection.explain(resource.Error)))
		}
	}
	return errors.Join(faults...)
}

// notePresent notes how many partitions the topics have. If that has changed
// everybody gets the time to notice first: what is written meanwhile may lie
// where either number puts it.
func (c topicAdmin) notePresent(ctx context.Context, settings TopicSettings, states map[string]topicState) error {
	if slices.ContainsFunc(Topics(), func(topic string) bool {
		_, unsettled := states[topic].unsettled()
		return unsettled
	}) {
		if err := settings.settle(ctx); err != nil {
			return err
		}
	}
	return untilItAnswers(ctx, func() error { return c.notePlacings(ctx, states, nil) })
}

// settle waits until every process of the factory has noticed.
func (s TopicSettings) settle(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("wait until everybody has noticed that partitions are added: %w; run %s again", ctx.Err(), s.command())
	case <-time.After(s.Settle):
		return nil
	}
}

// awaitTopics returns how the topics are once each has all its partitions and a
// leader for each: creating a topic answers before the cluster has spread the
// news.
func (c topicAdmin) awaitTopics(ctx context.Context, changes []TopicChange) (map[string]topicState, error) {
	ctx, cancel := context.WithTimeout(ctx, usableWithin)
	defer cancel()
	expected := make(map[string]int)
	for _, change := range changes {
		expected[change.Topic] = change.Partitions
	}
	for {
		states, err := c.topicStates(ctx)
		if err == nil && !slices.ContainsFunc(Topics(), func(topic string) bool {
			state := states[topic]
			return state.err != nil || len(state.leaderless) > 0 || state.partitions < max(expected[topic], 1)
		}) {
			return c.topicDetails(ctx)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait until the topics can be used: %w", c.connection.explain(ctx.Err()))
		case <-time.After(25 * time.Millisecond):
		}
		c.reset(time.Now())
	}
}
