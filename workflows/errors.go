package workflows

import (
	"errors"

	"go.temporal.io/api/serviceerror"
)

// IsNotFound reports whether Temporal has no such order, or none that is still
// open, or no such pending activity. It has one error for all of them. A
// missing namespace is another error.
func IsNotFound(err error) bool {
	_, is := errors.AsType[*serviceerror.NotFound](err)
	return is
}
