// Package ledger remembers what the log forgets: a projection of Kafka's topics into
// PostgreSQL that anybody can query, and that can be thrown away and built again.
package ledger
