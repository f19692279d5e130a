package events

import (
	"context"
	"errors"
	"fmt"
	"slices"

	kafka "github.com/segmentio/kafka-go"

	"github.com/cupcakery/cupcakery/kitchen"
)

// The processes that are the same everywhere; StationProcess names the others.
const (
	ProcessAPI         = "api"
	ProcessWorker      = "worker"
	ProcessTopics      = "topics"
	ProcessTopicsCheck = "topics-check"
	ProcessDeadLetters = "dead-letters"
	ProcessDoctor      = "doctor"
	ProcessLedger      = "ledger"
	ProcessErase       = "erase"
)

// StationProcess is the process at a stage's station.
func StationProcess(stage kitchen.Stage) string { return "station-" + string(stage) }

// Operation is what may be done with a resource, as Kafka and Strimzi spell it.
// Read, Write and Alter include Describe, and AlterConfigs includes
// DescribeConfigs.
type Operation string

// The operations that the factory needs.
const (
	OperationAlter        Operation = "Alter"
	OperationAlterConfigs Operation = "AlterConfigs"
	OperationCreate       Operation = "Create"
	OperationDelete       Operation = "Delete"
	OperationDescribe     Operation = "Describe"
	// OperationDescribeConfigs does not include Describe.
	OperationDescribeConfigs Operation = "DescribeConfigs"
	OperationRead            Operation = "Read"
	OperationWrite           Operation = "Write"
)

// The kinds of resources, as Strimzi spells them.
const (
	ResourceTopic = "topic"
	ResourceGroup = "group"
)

// Right is something that a process must be allowed to do.
type Right struct {
	// Resource is ResourceTopic or ResourceGroup, and Name its literal name.
	Resource  string    `json:"resource"`
	Name      string    `json:"name"`
	Operation Operation `json:"operation"`
}

// String is the right in words.
func (r Right) String() string { return fmt.Sprintf("%s on %s %s", r.Operation, r.Resource, r.Name) }

// ProcessRights is all that a process does in Kafka: with one right less it
// cannot do its work, and it needs no other.
type ProcessRights struct {
	Process string `json:"process"`
	// What tells what runs as this process.
	What   string  `json:"what"`
	Rights []Right `json:"rights"`
}

// Rights lists what each process needs. The ACLs of every deployment come from
// here.
func Rights() []ProcessRights {
	var tickets []string
	for _, stage := range kitchen.Stages() {
		tickets = append(tickets, TicketTopic(stage))
	}
	keyed := append(slices.Clone(tickets), TopicAcks)
	noted := Right{ResourceGroup, GroupPartitionCounts, OperationDescribe}

	api := ProcessRights{Process: ProcessAPI, What: "`cupcakery api`", Rights: slices.Concat(
		onTopics(OperationRead, append(slices.Clone(keyed), TopicShip, TopicFailures, TopicStatus, TopicKitchenState, TopicDeadLetters)...), // it counts dead letters
		onTopics(OperationWrite, TopicAcks, TopicKitchenState, TopicDeadLetters),                                                            // flags that nobody understands
		[]Right{noted},
	)}
	worker := ProcessRights{Process: ProcessWorker, What: "`cupcakery worker`", Rights: slices.Concat(
		onTopics(OperationRead, append(slices.Clone(keyed), TopicKitchenState)...),
		onTopics(OperationWrite, append(slices.Clone(keyed), TopicShip, TopicFailures, TopicStatus, TopicDeadLetters)...),
		[]Right{{ResourceGroup, GroupAcks, OperationRead}, noted},
	)}
	list := []ProcessRights{api, worker}
	for _, stage := range kitchen.Stages() {
		list = append(list, ProcessRights{Process: StationProcess(stage), What: "`cupcakery station " + string(stage) + "`", Rights: slices.Concat(
			onTopics(OperationRead, TicketTopic(stage), TopicAcks, TopicKitchenState),
			onTopics(OperationWrite, TopicAcks, TopicDeadLetters),
			[]Right{{ResourceGroup, TicketGroup(stage), OperationRead}, noted},
		)})
	}
	topics := ProcessRights{Process: ProcessTopics, What: "`cupcakery topics apply`", Rights: slices.Concat(
		onTopics(OperationCreate, Topics()...),
		onTopics(OperationAlter, slices.DeleteFunc(Topics(), func(topic string) bool { return topic == TopicKitchenState })...),
		onTopics(OperationDescribe, TopicKitchenState), // it always has one partition
		onTopics(OperationAlterConfigs, Topics()...),
		onTopics(OperationRead, keyed...), // it notes partitions as offsets
		[]Right{{ResourceGroup, GroupPartitionCounts, OperationRead}},
	)}
	check := ProcessRights{Process: ProcessTopicsCheck, What: "`cupcakery topics check`", Rights: slices.Concat(
		onTopics(OperationDescribe, Topics()...),
		onTopics(OperationDescribeConfigs, Topics()...),
		[]Right{noted},
	)}
	letters := ProcessRights{Process: ProcessDeadLetters, What: "`cupcakery dead-letters`", Rights: slices.Concat(
		onTopics(OperationRead, TopicDeadLetters),
		onTopics(OperationWrite, TopicDeadLetters, TopicAcks),
	)}
	doctor := ProcessRights{Process: ProcessDoctor, What: "`cupcakery order doctor`", Rights: slices.Concat(
		onTopics(OperationRead, keyed...),
		onTopics(OperationWrite, tickets...),
		[]Right{noted},
	)}
	ledger := ProcessRights{Process: ProcessLedger, What: "`cupcakery ledger`", Rights: slices.Concat(
		onTopics(OperationRead, append(slices.Clone(keyed), TopicStatus, TopicShip, TopicFailures, TopicKitchenState)...),
		[]Right{{ResourceGroup, GroupLedger, OperationRead}, noted},
	)}
	told := append(slices.Clone(keyed), TopicShip, TopicFailures, TopicStatus)
	erase := ProcessRights{Process: ProcessErase, What: "`cupcakery order erase`", Rights: slices.Concat(
		onTopics(OperationRead, append(slices.Clone(told), TopicKitchenState, TopicDeadLetters)...),
		onTopics(OperationWrite, TopicKitchenState, TopicDeadLetters),
		onTopics(OperationDescribeConfigs, told...), // until when they have what
		onTopics(OperationDelete, TopicDeadLetters), // --cut-dead-letters
		[]Right{noted},
	)}
	return append(list, topics, check, letters, doctor, ledger, erase)
}

// RightsOf returns the rights of one process, or nil if there is none of that
// name.
func RightsOf(process string) []Right {
	for _, p := range Rights() {
		if p.Process == process {
			return p.Rights
		}
	}
	return nil
}

func onTopics(operation Operation, topics ...string) []Right {
	rights := make([]Right, len(topics))
	for i, topic := range topics {
		rights[i] = Right{ResourceTopic, topic, operation}
	}
	return rights
}

// ResourceRights are the rights to one resource.
type ResourceRights struct {
	Resource, Name string
	Operations     []Operation
}

// OperationNames are the operations as text.
func (r ResourceRights) OperationNames() []string {
	names := make([]string, len(r.Operations))
	for i, operation := range r.Operations {
		names[i] = string(operation)
	}
	return names
}

// ByResource puts the rights to the same resource together.
func ByResource(rights []Right) []ResourceRights {
	var list []ResourceRights
	for _, right := range rights {
		at := slices.IndexFunc(list, func(r ResourceRights) bool { return r.Resource == right.Resource && r.Name == right.Name })
		if at < 0 {
			at = len(list)
			list = append(list, ResourceRights{Resource: right.Resource, Name: right.Name})
		}
		list[at].Operations = append(list[at].Operations, right.Operation)
	}
	return list
}

// AllowRights makes an ACL for each right, and DenyRights takes them away, from
// a principal such as "User:api". Both return once the broker that answers knows
// it, need Alter on the cluster, and change nothing the second time.
func AllowRights(ctx context.Context, connection Connection, principal string, rights []Right) error {
	return changeRights(ctx, connection, principal, rights, true)
}

// DenyRights takes away what AllowRights has allowed.
func DenyRights(ctx context.Context, connection Connection, principal string, rights []Right) error {
	return changeRights(ctx, connection, principal, rights, false)
}

func changeRights(ctx context.Context, connection Connection, principal string, rights []Right, allow bool) error {
	c, err := newClient(connection, Topics())
	if err != nil {
		return err
	}
	defer c.close()
	ctx, cancel := context.WithTimeout(ctx, usableWithin)
	defer cancel()
	if allow {
		err = c.createACLs(ctx, principal, rights)
	} else {
		err = c.deleteACLs(ctx, principal, rights)
	}
	if err != nil {
		return fmt.Errorf("change what %s may do: %w", principal, connection.explain(err))
	}
	for backoff := newBackoff(); ; backoff.Wait(ctx) {
		has, err := c.hasRights(ctx, principal)
		if err == nil && !slices.ContainsFunc(rights, func(right Right) bool { return has[right] != allow }) {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("wait until Kafka knows what %s may do: %w", principal, errors.Join(err, ctx.Err()))
		}
	}
}

func (c *client) createACLs(ctx context.Context, principal string, rights []Right) error {
	request := &kafka.CreateACLsRequest{}
	for _, right := range rights {
		resource, operation := right.kafka()
		request.ACLs = append(request.ACLs, kafka.ACLEntry{
			ResourceType: resource, ResourceName: right.Name, ResourcePatternType: kafka.PatternTypeLiteral,
			Principal: principal, Host: "*", Operation: operation, PermissionType: kafka.ACLPermissionTypeAllow,
		})
	}
	response, err := c.CreateACLs(ctx, request)
	if err != nil {
		return err
	}
	return errors.Join(response.Errors...)
}

func (c *client) deleteACLs(ctx context.Context, principal string, rights []Right) error {
	request := &kafka.DeleteACLsRequest{}
	for _, right := range rights {
		resource, operation := right.kafka()
		request.Filters = append(request.Filters, kafka.DeleteACLsFilter{
			ResourceTypeFilter: resource, ResourceNameFilter: right.Name, ResourcePatternTypeFilter: kafka.PatternTypeLiteral,
			PrincipalFilter: principal, HostFilter: "*", Operation: operation, PermissionType: kafka.ACLPermissionTypeAllow,
		})
	}
	response, err := c.DeleteACLs(ctx, request)
	if err != nil {
		return err
	}
	var faults []error
	for _, result := range response.Results {
		faults = append(faults, result.Error)
	}
	return errors.Join(faults...)
}

// hasRights is what a principal is allowed, of what the factory needs.
func (c *client) hasRights(ctx context.Context, principal string) (map[Right]bool, error) {
	response, err := c.DescribeACLs(ctx, &kafka.DescribeACLsRequest{Filter: kafka.ACLFilter{
		ResourceTypeFilter: kafka.ResourceTypeAny, ResourcePatternTypeFilter: kafka.PatternTypeAny, PrincipalFilter: principal,
		Operation: kafka.ACLOperationTypeAny, PermissionType: kafka.ACLPermissionTypeAllow,
	}})
	if err == nil {
		err = response.Error
	}
	if err != nil {
		return nil, err
	}
	has := make(map[Right]bool)
	for _, resource := range response.Resources {
		for _, acl := range resource.ACLs {
			for name, kind := range resourceTypes {
				if resource.ResourceType == kind && resource.PatternType == kafka.PatternTypeLiteral {
					has[Right{name, resource.ResourceName, Operation(acl.Operation.String())}] = true
				}
			}
		}
	}
	return has, nil
}

var resourceTypes = map[string]kafka.ResourceType{ResourceTopic: kafka.ResourceTypeTopic, ResourceGroup: kafka.ResourceTypeGroup}

var operationTypes = map[Operation]kafka.ACLOperationType{
	OperationAlter: kafka.ACLOperationTypeAlter, OperationAlterConfigs: kafka.ACLOperationTypeAlterConfigs,
	OperationCreate: kafka.ACLOperationTypeCreate, OperationDelete: kafka.ACLOperationTypeDelete, OperationDescribe: kafka.ACLOperationTypeDescribe,
	OperationDescribeConfigs: kafka.ACLOperationTypeDescribeConfigs, OperationRead: kafka.ACLOperationTypeRead, OperationWrite: kafka.ACLOperationTypeWrite,
}

func (r Right) kafka() (kafka.ResourceType, kafka.ACLOperationType) {
	return resourceTypes[r.Resource], operationTypes[r.Operation]
}
