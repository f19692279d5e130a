package kitchen

import (
	"fmt"
	"strings"
)

// FileFault is a fault in one place of a kitchen file or a staff file.
type FileFault struct {
	// Line and Column count from 1.
	Line, Column int
	// Key is where in the file's structure, such as limits.lines or
	// menu.flavours[2].code; empty for the file as a whole.
	Key string
	// Detail says what is wrong and the remedy.
	Detail string
}

// FileError is what is wrong with a kitchen file or a staff file.
type FileError struct {
	// Name is what the file is called.
	Name   string
	Faults []FileFault
}

// Error has one line for each fault: file:line:column: key: detail.
func (e *FileError) Error() string {
	lines := make([]string, len(e.Faults))
	for i, fault := range e.Faults {
		lines[i] = fmt.Sprintf("%s:%d:%d: ", e.Name, fault.Line, fault.Column)
		if fault.Key != "" {
			lines[i] += fault.Key + ": "
		}
		lines[i] += fault.Detail
	}
	return strings.Join(lines, "\n")
}
