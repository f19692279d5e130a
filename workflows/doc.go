// Package workflows holds OrderWorkflow, which drives one order through the
// factory, and the contract by which others start it and ask it.
//
// Temporal is the truth about every order. A stage is one activity, named
// after it (Mix, Bake, Decorate, Package), whose execution is one ticket: the
// activity publishes the ticket and stays pending until somebody completes it
// by its ids with the station's ack.
//
//	OrderWorkflow        activity Bake           Kafka               station
//	     │ schedule bake.1 ──►│                     │                    │
//	     │                    │── ticket, attempt 1 ─────────────────────►│
//	     │                    ┊ (pending)           │◄── ack: done ──────┤
//	     │◄── completed by id ┊─────────────────────┤
//
// What is lost heals by itself: if nobody is heard of in time, the activity's
// attempt times out, and its next attempt issues the same ticket again, for as
// long as it takes. Who has taken the ticket is the activity's heartbeat, and
// still has it then. An ack that says the work failed ends the attempt the same
// way. Neither costs an event of history. A second completion finds no pending
// activity and changes nothing, so an ack may be delivered often.
//
// The log tells where each order stands. A ticket's activity publishes that beside
// the ticket, and the announcement that an order is shipped beside that, so on the
// happy way it costs no event either. What else changes an order, such as an
// amendment or a question, it tells in a local activity: see telling.
//
// A happy order is 30 history events, which is what the server's throughput
// is made of; before adding an activity, a timer or an upsert on the happy
// way, look at docs/design.md.
package workflows
