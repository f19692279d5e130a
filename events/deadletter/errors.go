package deadletter

import "fmt"

// NotFoundError says that no dead letter lies at a place.
type NotFoundError struct {
	Place Place
	Why   string
}

// Error says what is there instead.
func (e *NotFoundError) Error() string { return fmt.Sprintf("no dead letter %s: %s", e.Place, e.Why) }

// RefusedError says that nothing was done to a letter, and why.
type RefusedError struct {
	Place Place
	Err   error
}

// Error names the letter and the reason.
func (e *RefusedError) Error() string { return fmt.Sprintf("dead letter %s: %v", e.Place, e.Err) }

// Unwrap returns the reason.
func (e *RefusedError) Unwrap() error { return e.Err }
