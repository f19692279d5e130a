// Package api takes orders over HTTP and shows where they stand.
//
// The contract is openapi.yaml. Handlers and models are generated from it, as
// is the client in the package below; requests are checked against it before
// a handler sees them, and what it cannot say (what is on the menu, what may
// be piped) is checked by the kitchen file.
//
//	request ─► access log, metrics, recover, deadline
//	        ─► route ─► parameters and body against openapi.yaml ─► generated binding
//	        ─► handler (context, request) → (response, error)
//	        ─► error → problem document (RFC 9457)
//
// Orders are limited before anything is stored (limits.go), and attempts to sign
// in before a PIN is compared (session.go, device.go).
//
// Cancelling, amending and resolving are updates of the order's workflow; an
// idempotency key is the update's id there, by which Temporal keeps the answer.
//
// One reader of the log in Kafka folds the stations' boards for the whole
// process (floor.go), counts what the stations did (figures.go), and shows what
// customers at the counter wait for (counter.go). Acks are written to the log and
// answered by what it makes of them (stations.go). Live connections have a place
// in the changes of the channels that they follow, and no queue (feed.go,
// live.go); orders are asked about, and counted, when the log speaks of them
// (live_orders.go, order_counts.go).
//
// The process keeps no state that it cannot read again: Temporal has every order. An order is durable
// before it is answered with 201, and an idempotency key needs no store: the
// order id is derived from the key, Temporal refuses to start an order twice,
// and the workflow's memo keeps the hash of the order it was made for.
//
// An order's id is its customer's capability. It stands in answers to who
// asked for it and nowhere else: logs and metrics have the route's pattern.
package api

//go:generate go tool -modfile=../tools/go.mod oapi-codegen -config ../wire/wire.cfg.yaml openapi.yaml
//go:generate go tool -modfile=../tools/go.mod oapi-codegen -config server.cfg.yaml openapi.yaml
//go:generate go tool -modfile=../tools/go.mod oapi-codegen -config client/client.cfg.yaml openapi.yaml
