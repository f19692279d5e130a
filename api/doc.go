// Package api takes orders over HTTP and shows their status.
//
// The contract is openapi.yaml. Handlers are generated from it, and so are the
// shapes of bodies (package wire) and the client in the package below. Requests
// are checked against it before a handler sees them (contract.go). What it cannot
// express, such as what is on the menu, is checked against the kitchen file.
//
//	request ─► access log, metrics, recover, deadline
//	        ─► route ─► parameters and body against openapi.yaml ─► generated binding
//	        ─► handler (context, request) → (response, error)
//	        ─► error → problem document (RFC 9457)
//
// What an error becomes is decided in errors.go, and how it is written in
// problem.go. Who may do what is one table, in access.go. Orders are limited
// before anything is stored (limits.go); package staff signs people in.
//
// Cancelling, amending and resolving are updates of the order's workflow; an
// idempotency key is the update's id there, by which Temporal keeps the answer.
//
// Package floor has what the process knows from the log in Kafka: boards, figures
// and the counter. Package live serves the connections that follow its channels.
// Here the errors of both become problems (errors.go).
//
// The process keeps no state that it cannot read again: Temporal has every
// order. An order is durable before it is answered with 201, and an idempotency
// key needs no store: the order id is derived from the key, Temporal refuses to
// start an order twice, and the workflow's memo has the hash of the order that
// the key was used for.
//
// An order's id is its customer's capability. It is part of answers to whoever
// has asked for it, and of nothing else: logs and metrics have the route's
// pattern.
package api

//go:generate go tool -modfile=../tools/go.mod oapi-codegen -config ../wire/wire.cfg.yaml openapi.yaml
//go:generate go tool -modfile=../tools/go.mod oapi-codegen -config server.cfg.yaml openapi.yaml
//go:generate go tool -modfile=../tools/go.mod oapi-codegen -config client/client.cfg.yaml openapi.yaml
