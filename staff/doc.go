// Package staff signs people in and knows who is signed in.
//
// Names, roles and PIN hashes come from the kitchen's staff file. Nothing is
// stored: a session is a signed token that the browser keeps, and so is a
// device on which somebody has signed in before.
//
//	name, PIN ─► limits of attempts ─► PIN compared with its hash ─► session and device tokens
//	token     ─► signature and expiry checked                     ─► session
//
// A token is good at every process that has the same secret and staff file. It
// is no longer good once it has expired, the person's PIN or the number of
// sessions in the staff file has changed, or the person has left. A role is not
// part of a token: the staff file decides.
package staff
