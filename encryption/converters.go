package encryption

import (
	"context"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// Configure makes a client of Temporal write and read through the codec. A nil codec
// leaves it as it is.
func (c *Codec) Configure(options *client.Options) {
	if c == nil {
		return
	}
	options.DataConverter = c.data()
	options.FailureConverter = c.failures()
}

// DataOf reads and writes what is of a workflow, with the default converter if the
// codec is nil.
func (c *Codec) DataOf(workflowID string) converter.DataConverter {
	if c == nil {
		return converter.GetDefaultDataConverter()
	}
	return c.in(converter.WorkflowSerializationContext{WorkflowID: workflowID}).data()
}

// FailureOf reads a failure that is of a workflow. The second error is that of
// reading, such as a MissingKeyError.
func (c *Codec) FailureOf(workflowID string, failure *failurepb.Failure) (error, error) {
	if c == nil {
		return temporal.GetDefaultFailureConverter().FailureToError(failure), nil
	}
	bound := c.in(converter.WorkflowSerializationContext{WorkflowID: workflowID})
	if err := bound.checkFailure(failure); err != nil {
		return nil, err
	}
	return bound.failures().FailureToError(failure), nil
}

func (c *Codec) data() dataConverter {
	return dataConverter{DataConverter: converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), c), codec: c}
}

func (c *Codec) failures() failureConverter {
	writes := *c
	writes.ofFailures = true
	return failureConverter{
		FailureConverter: temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{DataConverter: writes.data(), EncodeCommonAttributes: c.keys != nil}),
		codec:            c,
	}
}

// dataConverter is the SDK's with the codec. In workflow code a missing key is a
// panic: by it the SDK fails the workflow task, which another worker takes, while an
// error would fail the order.
type dataConverter struct {
	converter.DataConverter
	codec      *Codec
	inWorkflow bool
}

// WithSerializationContext implements converter.DataConverterWithSerializationContext.
func (d dataConverter) WithSerializationContext(context converter.SerializationContext) converter.DataConverter {
	bound := d.codec.in(context).data()
	bound.inWorkflow = d.inWorkflow
	return bound
}

// WithWorkflowContext implements converter.ContextAware.
func (d dataConverter) WithWorkflowContext(converter.WorkflowContext) converter.DataConverter {
	d.inWorkflow = true
	return d
}

// WithContext implements converter.ContextAware.
func (d dataConverter) WithContext(context.Context) converter.DataConverter { return d }

// ToPayload implements converter.DataConverter.
func (d dataConverter) ToPayload(value any) (*commonpb.Payload, error) {
	payload, err := d.DataConverter.ToPayload(value)
	return payload, d.raise(err)
}

// ToPayloads implements converter.DataConverter.
func (d dataConverter) ToPayloads(values ...any) (*commonpb.Payloads, error) {
	payloads, err := d.DataConverter.ToPayloads(values...)
	return payloads, d.raise(err)
}

// FromPayload implements converter.DataConverter.
func (d dataConverter) FromPayload(payload *commonpb.Payload, to any) error {
	return d.raise(d.DataConverter.FromPayload(payload, to))
}

// FromPayloads implements converter.DataConverter.
func (d dataConverter) FromPayloads(payloads *commonpb.Payloads, to ...any) error {
	err := d.DataConverter.FromPayloads(payloads, to...)
	if IsMissingKey(err) && isOfMarker(to) {
		panic(err)
	}
	return d.raise(err)
}

// isOfMarker reports whether the SDK reads a part of a marker that it takes for a zero
// if it cannot. Replay would go on as an older version of the workflow does, which
// ends as a nondeterminism error at best.
func isOfMarker(to []any) bool {
	for _, to := range to {
		switch to.(type) {
		case *workflow.Version, *int64: // the latter is a side effect's number
			return true
		}
	}
	return false
}

func (d dataConverter) raise(err error) error {
	if d.inWorkflow && IsMissingKey(err) {
		panic(err)
	}
	return err
}

// failureConverter is the SDK's with the codec. The SDK ignores what it cannot
// decode of a failure; here an unreadable one is a MissingKeyError instead, which
// nobody takes for a station's.
type failureConverter struct {
	converter.FailureConverter
	codec *Codec
}

// WithSerializationContext implements converter.FailureConverterWithSerializationContext.
func (f failureConverter) WithSerializationContext(context converter.SerializationContext) converter.FailureConverter {
	return f.codec.in(context).failures()
}

// FailureToError implements converter.FailureConverter.
func (f failureConverter) FailureToError(failure *failurepb.Failure) error {
	if err := f.codec.checkFailure(failure); err != nil {
		return err
	}
	return f.FailureConverter.FailureToError(failure)
}

// checkFailure returns a MissingKeyError if a key is missing for any part of a
// failure.
func (c *Codec) checkFailure(failure *failurepb.Failure) error {
	for ; failure != nil; failure = failure.GetCause() {
		payloads := []*commonpb.Payload{failure.GetEncodedAttributes()}
		for _, details := range []*commonpb.Payloads{
			failure.GetApplicationFailureInfo().GetDetails(),
			failure.GetCanceledFailureInfo().GetDetails(),
			failure.GetTimeoutFailureInfo().GetLastHeartbeatDetails(),
			failure.GetResetWorkflowFailureInfo().GetLastHeartbeatDetails(),
		} {
			payloads = append(payloads, details.GetPayloads()...)
		}
		for _, payload := range payloads {
			if !isEncrypted(payload) {
				continue
			}
			if err := c.checkKey(payload); IsMissingKey(err) {
				return err
			}
		}
	}
	return nil
}
