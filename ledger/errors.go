package ledger

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// FencedError says that another process has taken a partition over, or that the database
// has less of it than we had written: nothing of the batch was written.
type FencedError struct {
	Topic     string
	Partition int
	// Behind says that the database has less: it was restored, or made anew.
	Behind bool
}

// Error names the partition.
func (e *FencedError) Error() string {
	if e.Behind {
		return fmt.Sprintf("the ledger has less of %s partition %d than was written: it was restored or made anew", e.Topic, e.Partition)
	}
	return fmt.Sprintf("another process writes %s partition %d now", e.Topic, e.Partition)
}

// AwayError says that the database cannot be reached or did not answer in time. The same
// call may succeed later.
type AwayError struct{ Err error }

// Error tells the cause.
func (e *AwayError) Error() string { return fmt.Sprintf("the ledger's database is away: %v", e.Err) }

// Unwrap returns the cause.
func (e *AwayError) Unwrap() error { return e.Err }

// RefusedError says that the database answers and does not let us write: it is full or
// read-only, or the account may not. The same call may succeed once somebody has changed
// that.
type RefusedError struct{ Err error }

// Error tells the cause.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("the ledger's database does not take anything: %v", e.Err)
}

// Unwrap returns the cause.
func (e *RefusedError) Unwrap() error { return e.Err }

// SchemaError says that the database's schema is not this build's.
type SchemaError struct {
	// Has is the schema's version, 0 if there is none; Wants is this build's.
	Has, Wants int64
}

// Error names the remedy.
func (e *SchemaError) Error() string {
	switch {
	case e.Has == 0:
		return "the database has no ledger: start `cupcakery ledger`, or run `cupcakery ledger migrate`"
	case e.Has < e.Wants:
		return fmt.Sprintf("the ledger's schema has version %d, and this build needs %d: run `cupcakery ledger migrate`", e.Has, e.Wants)
	}
	return fmt.Sprintf("the ledger's schema has version %d, and this build knows %d: use a newer build", e.Has, e.Wants)
}

// DataError says that PostgreSQL refuses something of a batch itself: it will refuse it
// every time.
type DataError struct{ Err error }

// Error tells the cause.
func (e *DataError) Error() string {
	return fmt.Sprintf("the database does not take what was read: %v", e.Err)
}

// Unwrap returns the cause.
func (e *DataError) Unwrap() error { return e.Err }

// The classes of PostgreSQL's errors that say what to do.
const (
	classData      = "22"
	classIntegrity = "23"
	classAuth      = "28"
	classResources = "53"
	classLimits    = "54"
	classShutdown  = "57"
	codeReadOnly   = "25006"
	codeRights     = "42501"
	codeNoTable    = "42P01"
	codeNoSchema   = "3F000"
	codeHasSchema  = "42P06"
	codeNeeded     = "2BP01" // something depends on what is to be dropped
	codeDiskFull   = "53100"
	codeCancelled  = "57014"
	codeDeadlock   = "40P01"
	codeLocked     = "55P03"
	codeClosed     = "55000" // when connecting: somebody has closed the database to everybody
)

// explain gives an error of the database its type.
func explain(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	var fenced *FencedError
	if errors.As(err, &fenced) {
		return err
	}
	var connecting *pgconn.ConnectError
	isConnecting := errors.As(err, &connecting)
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch class := answer.Code[:min(2, len(answer.Code))]; {
		case class == classData || class == classIntegrity || class == classLimits:
			return &DataError{err}
		case answer.Code == codeReadOnly || answer.Code == codeRights || answer.Code == codeDiskFull:
			return &RefusedError{err}
		case class == classAuth:
			return &RefusedError{err}
		case class == classResources || class == classShutdown || class == "40" || class == "08",
			isConnecting && answer.Code == codeClosed:
			return &AwayError{err}
		}
		return err
	}
	var network net.Error
	if isConnecting || errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) || isBroken(err) {
		return &AwayError{err}
	}
	return err
}

// isBroken reports whether a connection has gone while it was in use; pgx has no type for
// that.
func isBroken(err error) bool {
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) { // the same in database/sql, which migrations use
		return true
	}
	text := err.Error()
	for _, sign := range []string{"EOF", "conn closed", "connection reset", "broken pipe", "closed pool"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

// isTooMuch reports whether something may have failed because it was too much at once.
func isTooMuch(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return errors.Is(err, context.DeadlineExceeded) || ok && answer.Code == codeCancelled // by statement_timeout
}

// isInTheWay reports whether somebody else has had a lock for too long.
func isInTheWay(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (answer.Code == codeLocked || answer.Code == codeDeadlock)
}

// isTaken reports whether a schema is there that is not empty.
func isTaken(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (answer.Code == codeHasSchema || answer.Code == codeNeeded)
}

// isMissing reports whether a table or its schema does not exist.
func isMissing(err error) bool {
	answer, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (answer.Code == codeNoTable || answer.Code == codeNoSchema)
}
