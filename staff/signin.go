package staff

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

// How many attempts to sign in may be made at once, and after which time each
// is restored: for one name, and from one address. A kitchen may have one
// address, and good attempts do not count.
const (
	NameBurst    = 5
	NameEvery    = 3 * time.Minute
	AddressBurst = 20
	AddressEvery = 30 * time.Second

	// maxKeys is how many addresses, devices or names are remembered.
	maxKeys = 10_000
	// hashWithin is how long an attempt waits for its turn to be compared. One
	// comparison needs 19 MiB, or what the staff file says, so only two run at
	// the same time: one for known devices, which therefore never wait behind
	// strangers, and one for all others.
	hashWithin = 5 * time.Second
)

// Errors of SignIn, besides *LimitError.
var (
	ErrNoStaff = errors.New("there is no staff")
	// ErrWrongNameOrPIN does not say which of the two is wrong.
	ErrWrongNameOrPIN = errors.New("nobody has this name and this PIN")
	ErrBusy           = errors.New("too many people are signing in at this moment")
)

// LimitError says that too many attempts failed and how long to wait.
type LimitError struct {
	Limit Limit
	Wait  time.Duration
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("too many wrong PINs for this %s: wait %s", e.Limit, e.Wait)
}

// Limit is what the attempts are counted for.
type Limit string

// The limits.
const (
	LimitAddress Limit = "address"
	LimitDevice  Limit = "device"
	LimitName    Limit = "name"
)

// Attempt is an attempt to sign in.
type Attempt struct {
	Name, PIN string
	// Address is where the attempt comes from.
	Address string
	// Devices are the device tokens that it brings.
	Devices []string
}

// SignedIn is the outcome of a good attempt.
type SignedIn struct {
	Session Session
	// Token is the session's, and Devices those of the device.
	Token, Devices string
}

// SignIn begins a session for somebody whose name and PIN are right.
func (s *Sessions) SignIn(ctx context.Context, attempt Attempt) (SignedIn, error) {
	if !s.HasStaff() {
		return SignedIn{}, ErrNoStaff
	}
	device := ""
	if person, known := s.staff.Find(attempt.Name); known {
		device = s.deviceID(attempt.Devices, person)
	}
	person, err := s.authenticate(ctx, attempt.Name, attempt.PIN, attempt.Address, device)
	if err != nil {
		return SignedIn{}, err
	}
	session, token := s.Begin(person)
	return SignedIn{Session: session, Token: token, Devices: s.addDevice(attempt.Devices, person)}, nil
}

// authenticate returns the person with the name and the PIN. It limits
// attempts: on a device that is known for the person those on it, otherwise
// those for the name and those from the address. What a limit refuses is not
// compared. A name that nobody has takes as much work as any other.
func (s *Sessions) authenticate(ctx context.Context, name, pin, address, device string) (kitchen.Person, error) {
	person, known := s.staff.Find(name)
	hash, hashing := person.PIN, s.hashing
	if !known {
		hash = s.decoy
	}
	if device != "" {
		hashing = s.hashingKnown
	}
	refund, err := s.spend(name, known, address, device)
	if err != nil {
		return kitchen.Person{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, hashWithin)
	defer cancel()
	select {
	case hashing <- struct{}{}:
	case <-ctx.Done():
		refund()
		return kitchen.Person{}, fmt.Errorf("%w: %w", ErrBusy, ctx.Err())
	}
	matches := s.Matches(hash, pin)
	<-hashing
	if !matches || !known {
		return kitchen.Person{}, ErrWrongNameOrPIN
	}
	// Only this attempt: whoever guesses must not gain by the owner's sign-ins.
	refund()
	return person, nil
}

// spend counts an attempt before it is known to be wrong, so that many at once
// are not more than the limit.
func (s *Sessions) spend(name string, known bool, address, device string) (refund func(), err error) {
	now := s.Now()
	if device != "" {
		if wait := s.devices.Spend(device, 1, now); wait > 0 {
			return nil, &LimitError{LimitDevice, wait}
		}
		return func() { s.devices.Refund(device, 1) }, nil
	}
	names := s.names
	if !known {
		names = s.otherNames
	}
	if wait := s.addresses.Spend(address, 1, now); wait > 0 {
		return nil, &LimitError{LimitAddress, wait}
	}
	if wait := names.Spend(name, 1, now); wait > 0 {
		s.addresses.Refund(address, 1)
		return nil, &LimitError{LimitName, wait}
	}
	return func() { s.addresses.Refund(address, 1); names.Refund(name, 1) }, nil
}
