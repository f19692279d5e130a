package main

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

//go:embed dev_staff.yaml
var demoStaffFile []byte

// demoStaff are people to try the factory as, with the PINs that the API shows
// everybody. Their hashes are always the same, so that whoever is signed in
// stays so when the factory is started again.
func demoStaff() (kitchen.Staff, []wire.DemoPerson, error) {
	staff, err := kitchen.ParseStaff("the demo's staff file", demoStaffFile)
	if err != nil {
		return kitchen.Staff{}, nil, err
	}
	var people []wire.DemoPerson
	for _, person := range kitchen.DemoStaff() {
		people = append(people, wire.DemoPerson{Name: person.Name, Role: person.Role, Pin: person.PIN})
	}
	return staff, people, nil
}

// describeStaff lists who can sign in, and with which PIN.
func describeStaff(people []wire.DemoPerson) string {
	var each []string
	for _, person := range people {
		each = append(each, fmt.Sprintf("%s %s (%s)", person.Name, person.Pin, person.Role))
	}
	return strings.Join(each, ", ")
}
