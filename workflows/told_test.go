package workflows_test

import (
	"fmt"
	"reflect"

	"github.com/cupcakery/cupcakery/kitchen"
)

// told is what the log has of an order's status: each version that was told.
type told struct {
	versions map[int64]kitchen.LoggedStatus
	newest   int64
}

// take reads a status from the log. It may come again, and always tells the same.
func (l *told) take(status kitchen.LoggedStatus) error {
	if before, again := l.versions[status.Version]; again && !reflect.DeepEqual(before, status) {
		return fmt.Errorf("version %d was told as\n%+v\nand now as\n%+v", status.Version, before, status)
	}
	if l.versions == nil {
		l.versions = map[int64]kitchen.LoggedStatus{}
	}
	l.versions[status.Version] = status
	l.newest = max(l.newest, status.Version)
	return nil
}

// takeFirst reads a status that nobody has told before.
func (l *told) takeFirst(status kitchen.LoggedStatus) error {
	if _, again := l.versions[status.Version]; again {
		return fmt.Errorf("version %d is told twice", status.Version)
	}
	return l.take(status)
}

// check compares what the log tells with the order's own answer, but for what is the
// customer's own.
func (l *told) check(status kitchen.Status) error {
	newest := l.versions[l.newest]
	if want := status.ForLog(newest.At); !reflect.DeepEqual(want, newest) {
		return fmt.Errorf("the log tells\n%+v\nand the order\n%+v", newest, want)
	}
	return nil
}
