// Package erase forgets the person of an order: what they were called, what they wrote,
// and that they ordered.
//
// An order that is open cannot be erased. Of one that has closed, in this order:
//
//	look            nothing is changed unless everything can be asked
//	put up a flag   erased/<key of the order> on kitchen-state. From then on every API
//	                process forgets the person and refuses the order's Idempotency-Key,
//	                and whoever builds something from the log again leaves them out
//	mark            the order in Temporal, for API processes that cannot read the flag
//	wait            until every request is over that was taken before that
//	Temporal        all runs of the order, and those of its standing order that placed
//	                it or none
//	Kafka           flags that name the order go, its dead letters are discarded
//	look again      nothing is left, but what lies on topics until their retention
//
// Every step may be done again: a crash is mended by erasing the order once more. The
// flag comes first, since without it a repeated request would start the order anew as
// soon as Temporal has forgotten it. It is never taken back.
package erase
