// Package live serves WebSocket connections, which follow the floor's channels.
//
// A connection has no queue: its writer takes what is new from the channels
// that it follows, and answers to the client's own messages. One that reads too
// slowly gets a snapshot instead of what it missed.
//
// # Locks
//
// Connections.mu guards who is connected, and conn.mu what a connection has yet
// to do. They are taken in this order, and before those of the floor.
package live
