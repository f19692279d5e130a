package tracing

import (
	"go.opentelemetry.io/otel/attribute"

	"github.com/cupcakery/cupcakery/kitchen"
)

// The attributes of the factory itself.
const (
	// PickupCodeKey names an order.
	PickupCodeKey = attribute.Key("cupcakery.pickup_code")
	// StageKey, PassKey and KindKey name a ticket of an order.
	StageKey = attribute.Key("cupcakery.ticket.stage")
	PassKey  = attribute.Key("cupcakery.ticket.pass")
	KindKey  = attribute.Key("cupcakery.ticket.kind")
	// AttemptKey counts a ticket's attempts.
	AttemptKey = attribute.Key("cupcakery.ticket.attempt")
	// AckKey is the kind of an ack.
	AckKey = attribute.Key("cupcakery.ack.kind")
	// OutcomeKey is what became of an ack, or how a wait ended.
	OutcomeKey = attribute.Key("cupcakery.outcome")
)

// Order names an order.
func Order(orderID string) attribute.KeyValue {
	return PickupCodeKey.String(kitchen.PickupCode(orderID))
}

// Ticket names a ticket and, if it is known, its attempt.
func Ticket(ref kitchen.TicketRef, attempt int) []attribute.KeyValue {
	attributes := []attribute.KeyValue{
		Order(ref.OrderID),
		StageKey.String(string(ref.Stage)),
		PassKey.Int(ref.Pass),
		KindKey.String(string(ref.Kind)),
	}
	if attempt > 0 {
		attributes = append(attributes, AttemptKey.Int(attempt))
	}
	return attributes
}
