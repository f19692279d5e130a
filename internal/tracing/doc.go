// Package tracing makes the factory's spans. docs/traces.md draws how they hang
// together.
//
// Without a provider there are none, and asking costs one atomic load; internal
// packages below this one make a provider from the standard OTEL_* variables
// (export), bring Temporal into it (temporaltrace), and show traces in development
// (viewer). This package imports neither Temporal nor an exporter, so that a
// station does not.
//
// # What no span tells
//
// Traces go to systems that more people read than orders. So no span has an order's
// id, which is its customer's capability, nor anything that contains it: not the id
// of a workflow or a ticket, not a Kafka message's key or CloudEvents id, no
// address of a request. None has what people wrote: names, notes, reasons, or the
// text of an error, which may repeat any of these. An order is named by its pickup
// code, which is derived from its id by a one-way function and is what people
// call out; a ticket by that and its stage, pass and kind.
package tracing
