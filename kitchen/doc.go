// Package kitchen is the language of the cupcake factory: orders, tickets,
// acknowledgements, their ids and their rules, and the kitchen file that a
// bakery edits to make them its own.
//
// Everything here is plain data. The package does no I/O beyond reading a
// kitchen file it is given, and knows neither Temporal nor Kafka, so every
// other package may use it and a station written elsewhere can be checked
// against it.
//
// An order goes through the stages of its route. At each it becomes a ticket
// that a station answers with acks:
//
//	order ──► mix ──► bake ──► decorate ──► package ──► shipped
//	           │ ▲
//	    ticket ▼ │ ack
//	          station
package kitchen
