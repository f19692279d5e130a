// Package e2e holds the tests of the whole factory: the real binary, as
// separate operating-system processes, on the embedded stack and on real
// Apache Kafka. Nothing imports it.
package e2e
