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
	if root := r.parse(data); root != nil {
		r.staff(root, &staff)
	}
	if err := r.result(name); err != nil {
		return Staff{}, err
	}
	return staff, nil
}

func (r *yamlReader) staff(node *yaml.Node, staff *Staff) {
	r.mapping(node, "", []yamlField{
		{key: "staff", required: true, read: func(n *yaml.Node, at string) { staff.People = r.people(n, at) }},
		{key: "sessions", read: r.into(&staff.Sessions, 0, highestSessions)},
	})
}

func (r *yamlReader) people(node *yaml.Node, at string) []Person {
	var people []Person
	names := r.uniqueTexts("two people with the name %q: give one of them another")
	r.sequence(node, at, 0, maxPeople, func(n *yaml.Node, at string) {
		var person Person
		r.mapping(n, at, []yamlField{
			{key: "name", required: true, read: func(n *yaml.Node, at string) {
				person.Name = r.personName(n, at)
				names(n, at, person.Name)
			}},
			{key: "role", required: true, read: func(n *yaml.Node, at string) { person.Role = oneOf(r, n, at, "role", Roles()) }},
			{key: "pin", required: true, read: func(n *yaml.Node, at string) { person.PIN = r.pinHash(n, at) }},
		})
		people = append(people, person)
	})
	return people
}

func (r *yamlReader) personName(node *yaml.Node, at string) string {
	name := r.label(node, at)
	if utf8.RuneCountInString(name) <= MaxByLength && name != strings.TrimSpace(name) {
		r.faultf(node, at, "begins or ends with white space, which nobody types twice alike: remove it")
	}
	return name
}

// pinHash reads a PIN's hash. What stands there may be a PIN, so no fault
// repeats it.
func (r *yamlReader) pinHash(node *yaml.Node, at string) PINHash {
	var (
		hash PINHash
		err  error
	)
	switch {
	case isText(node) && !isBlock(node):
		hash, err = ParsePINHash(node.Value)
	case node.Kind == yaml.ScalarNode && node.ShortTag() == nullTag:
		err = errors.New("has no value: " + hashRemedy)
	case node.Kind == yaml.ScalarNode && (node.ShortTag() == intTag || node.ShortTag() == floatTag):
		err = errors.New("is a number: keep the hash of the PIN only; " + hashRemedy)
	default:
		err = errors.New("must be text on one line: " + hashRemedy)
	}
	if err != nil {
		r.faultf(node, at, "%v", err)
	}
	return hash
}
