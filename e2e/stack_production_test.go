//go:build production

package e2e

// onProduction says that the tests run on what `make production` runs on: the
// Temporal server on PostgreSQL, and a Kafka with TLS and ACLs, in which each
// process has its own least rights.
const onProduction = true
