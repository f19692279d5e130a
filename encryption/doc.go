// Package encryption keeps what Temporal stores of an order from everybody who has
// no key: inputs, results, memos, heartbeats, messages and details of failures,
// summaries. It is a codec of the Temporal SDK's data converter, with Tink's AEAD.
//
//	value ─► JSON ─► payload ─► sealed with the keyset's primary key, for its workflow ─► Temporal
//	value ◄─ JSON ◄─ payload ◄─ opened with the key that it names, if it is for this workflow ◄─ Temporal
//
// What no codec ever sees stays readable: workflow and activity ids, types, task
// queues, the types of failures, search attributes. So with encryption the
// customer's name is no search attribute.
//
// A payload is bound to its workflow: the workflow's id is authenticated with it,
// so that whoever can write to Temporal's database cannot have one order answer
// with another's name. The id also stands beside the payload, since the codec
// endpoint is not told whose payload it opens. A payload that is encoded there is
// bound to no workflow.
//
// What is not encrypted is read as it is, so that orders from before encryption was
// switched on go on. What is encrypted under a key that a process lacks is never
// taken for something else: reading it is a MissingKeyError, which in workflow code
// fails the workflow task and not the order, so that a worker with the key goes on.
package encryption
