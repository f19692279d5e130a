package main

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/kitchen"
)

// staffSettings say who may sign in at the API, and whom it believes where a
// request comes from.
type staffSettings struct {
	path    string
	names   bool
	proxies []string
}

func (s *staffSettings) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&s.path, "staff", "", "staff file: who may sign in, as what, with which PIN; without one, what is for staff is refused")
	fromEnvironment(flags, "staff", "CUPCAKERY_STAFF")
	flags.BoolVar(&s.names, "sign-in-names", false, "show everybody who opens the sign-in the staff's names and roles, as tiles for a shared tablet")
	fromEnvironment(flags, "sign-in-names", "CUPCAKERY_SIGN_IN_NAMES")
	flags.StringSliceVar(&s.proxies, "trusted-proxies", nil, "networks of proxies, such as 10.0.0.0/8, whose X-Forwarded-For and X-Forwarded-Proto count")
	fromEnvironment(flags, "trusted-proxies", "CUPCAKERY_TRUSTED_PROXIES")
}

// load reads the staff file. Its error names every fault in it. No file is no
// staff.
func (s *staffSettings) load() (kitchen.Staff, error) {
	if s.path == "" {
		return kitchen.Staff{}, nil
	}
	return loadStaff(s.path)
}

// loadStaff reads a staff file and refuses one in which the demo's staff have
// been copied: everybody knows their PINs. It never reveals whose PIN is which.
func loadStaff(path string) (kitchen.Staff, error) {
	staff, err := kitchen.LoadStaff(path)
	if err != nil {
		return kitchen.Staff{}, err
	}
	demo, _, err := demoStaff()
	if err != nil {
		return kitchen.Staff{}, err
	}
	var faults []error
	for _, person := range staff.People {
		if slices.ContainsFunc(demo.People, func(p kitchen.Person) bool { return p.PIN.String() == person.PIN.String() }) {
			faults = append(faults, fmt.Errorf("%s: the PIN of %q is that of the demo's staff, which everybody knows: make another one with \"cupcakery staff hash\"", path, person.Name))
		}
	}
	if len(faults) > 0 {
		return kitchen.Staff{}, &exitError{exitRefused, errors.Join(faults...)}
	}
	return staff, nil
}

func (s *staffSettings) trusted() ([]netip.Prefix, error) {
	var networks []netip.Prefix
	var faults []error
	for _, text := range s.proxies {
		network, err := readNetwork(strings.TrimSpace(text))
		if err != nil {
			faults = append(faults, fmt.Errorf("--trusted-proxies %q: give a network such as 10.0.0.0/8, or one address", text))
		}
		networks = append(networks, network)
	}
	return networks, errors.Join(faults...)
}

// readNetwork reads a network, or an address for a network of one.
func readNetwork(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		network, err := netip.ParsePrefix(text)
		return network.Masked(), err
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	return address.Prefix(address.BitLen())
}
