// Package eventstest holds what package events promises, as one suite that
// every Kafka we claim to work with has to pass. Only tests import it.
//
// A broker under test is started by a constructor and can be killed and
// started again. Messages are put in and looked at with franz-go, so that the
// promises are held against a client that is not ours.
package eventstest
