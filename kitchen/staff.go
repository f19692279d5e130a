package kitchen

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Limits of the staff file.
const (
	maxPeople       = 500
	highestSessions = 1_000_000
)

// Role is what a person of the staff does.
type Role string

// The roles: one for each stage, as the table of stages has it, and the manager,
// who decides what waits for a decision.
const (
	RoleMixer     Role = "mixer"
	RoleBaker     Role = "baker"
	RoleDecorator Role = "decorator"
	RolePackager  Role = "packager"
	RoleManager   Role = "manager"
)

// Roles lists the roles in the order of the stages; the manager comes last.
func Roles() []Role {
	var roles []Role
	for _, info := range stages {
		roles = append(roles, info.Role)
	}
	return append(roles, RoleManager)
}

// Stage returns the stage whose station the role works at. A manager works at
// none.
func (r Role) Stage() (stage Stage, works bool) {
	for _, info := range stages {
		if info.Role == r {
			return info.Stage, true
		}
	}
	return "", false
}

// WorksAt reports whether somebody with the role may speak for the station of
// the stage: its own role may, and a manager for all.
func (r Role) WorksAt(stage Stage) bool {
	own, works := r.Stage()
	return r == RoleManager || works && own == stage
}

// Person is somebody who may sign in.
type Person struct {
	// Name is what the person signs in with, and what acks are given by.
	Name string
	Role Role
	PIN  PINHash
}

// DemoPerson is somebody to try the factory as, with a PIN that everybody knows.
type DemoPerson struct {
	Name string
	Role Role
	PIN  string
}

// DemoStaff are the people of a demonstration, one for each role.
func DemoStaff() []DemoPerson {
	var people []DemoPerson
	for _, info := range stages {
		people = append(people, DemoPerson{info.Demo.Name, info.Role, info.Demo.PIN})
	}
	return append(people, DemoPerson{"max", RoleManager, "555555"})
}

// Staff is a staff file, read and checked. It is not changed after it was
// read, so it may be shared. The zero value is a kitchen without staff.
type Staff struct {
	People []Person
	// Sessions numbers the sessions that are good: another number ends all
	// that were begun before.
	Sessions int
}

// Find returns the person with the name.
func (s Staff) Find(name string) (Person, bool) {
	i := slices.IndexFunc(s.People, func(p Person) bool { return p.Name == name })
	if i < 0 {
		return Person{}, false
	}
	return s.People[i], true
}

// LoadStaff reads the staff file at path. Its error names every fault, with
// line, column and remedy.
func LoadStaff(path string) (Staff, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Staff{}, fmt.Errorf("read the staff file: %w", err)
	}
	return ParseStaff(path, data)
}

// ParseStaff reads a staff file's text; name is what the error calls it. The
// error is a *FileError that has every fault, with line, column and remedy. It
// never repeats a PIN or a hash.
func ParseStaff(name string, data []byte) (Staff, error) {
	r := newYAMLReader()
	r.file, r.startFrom = "staff file", "write staff: [], and people into the list"
	var staff Staff
	r.document(data, r.staff(&staff))
	if err := r.result(name); err != nil {
		return Staff{}, err
	}
	return staff, nil
}

func (r *yamlReader) staff(staff *Staff) yamlRead {
	names := r.unique("two people with the name %q: give one of them another")
	return r.mapping(
		required("staff", listOf(r, &staff.People, 0, maxPeople, func(person *Person) yamlRead {
			return r.mapping(
				required("name", once(names, &person.Name, r.personName(&person.Name))),
				required("role", oneOf(r, &person.Role, "role", Roles())),
				required("pin", r.pinHash(&person.PIN)),
			)
		})),
		optional("sessions", r.whole(&staff.Sessions, 0, highestSessions)),
	)
}

func (r *yamlReader) personName(name *string) yamlRead {
	label := r.label(name)
	return func(p yamlPlace) {
		label(p)
		if utf8.RuneCountInString(*name) <= MaxByLength && *name != strings.TrimSpace(*name) {
			r.faultf(p, "begins or ends with white space, which nobody types twice alike: remove it")
		}
	}
}

// pinHash reads the hash of a PIN. Somebody may have written the PIN itself, so
// no fault repeats the value.
func (r *yamlReader) pinHash(hash *PINHash) yamlRead {
	return func(p yamlPlace) {
		var err error
		switch node := p.node; {
		case isText(node) && !isBlock(node):
			*hash, err = ParsePINHash(node.Value)
		case node.Kind == yaml.ScalarNode && node.ShortTag() == nullTag:
			err = errors.New("has no value: " + hashRemedy)
		case node.Kind == yaml.ScalarNode && (node.ShortTag() == intTag || node.ShortTag() == floatTag):
			err = errors.New("is a number: keep the hash of the PIN only; " + hashRemedy)
		default:
			err = errors.New("must be text on one line: " + hashRemedy)
		}
		if err != nil {
			r.faultf(p, "%v", err)
		}
	}
}
