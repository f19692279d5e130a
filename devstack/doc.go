// Package devstack starts what the factory stands on, Temporal and Kafka, on
// one machine and from Go: for "cupcakery dev", for tests and for benchmarks.
// Only commands and tests import it. It runs on Linux and macOS.
//
// Temporal is the Temporal CLI's dev server, a child process with a web UI
// and a SQLite file. Kafka is kfake, in process; StartApacheKafka starts the
// real one for tests. StartPostgres starts a PostgreSQL that a package brings.
//
// What a stack keeps lies in a DataDir:
//
//	version        the format of the directory; another one is refused
//	<part>.lock    held while a process runs that part, with its pid
//	temporal.pid   the dev server's process: its pid and when it started
//	temporal.db    Temporal's orders
//	temporal.log   what the dev server logged; temporal.log.old of the run before
//	kafka/         Kafka's topics
//	postgres/      PostgreSQL's databases, its log and its password
//
// A process that is killed with -9 cannot end its dev server. On Linux the
// kernel then kills that too; elsewhere the next OpenDataDir finds the orphan
// by temporal.pid and ends it. A recorded pid that another process has since
// been given is left alone: that process started at another time.
package devstack
