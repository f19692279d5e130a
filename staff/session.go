package staff

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/cupcakery/cupcakery/internal/ratelimit"
	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// SessionLifetime is longer than a shift.
	SessionLifetime = 12 * time.Hour
	// maxToken is how many bytes of a session's token are read: a name has at
	// most 80 characters, and each may need 12 bytes of JSON.
	maxToken = 2 << 10
)

// Session is somebody who is signed in.
type Session struct {
	// ID tells the session from all others. It is the signature of its token.
	ID        string
	Name      string
	Role      kitchen.Role
	ExpiresAt time.Time
	// knows is the last end of all the person's sessions that was known when it began.
	knows int64
}

// Sessions signs people in and reads the tokens of their sessions.
type Sessions struct {
	// Now is the clock, and Matches compares a PIN with a hash. Tests replace
	// them before the first use.
	Now     func() time.Time
	Matches func(hash kitchen.PINHash, pin string) bool

	staff                 kitchen.Staff
	sessionKey, deviceKey []byte
	// decoy takes the place of the hash of somebody unknown.
	decoy kitchen.PINHash
	// devices limits attempts on devices on which the person has signed in
	// before; the others limit those from everywhere else. Names of people are
	// counted apart from other names, so that no flood of these makes one
	// forget a person's attempts.
	devices, addresses, names, otherNames *ratelimit.Limiter
	// hashing and hashingKnown hold a place for each PIN that is compared at
	// the same time, from unknown and from known devices.
	hashing, hashingKnown chan struct{}
	ended                 endedSessions
}

// New returns the sessions of a staff. The keys that sign tokens are derived
// from the deployment's secret and the number of sessions in the staff file, so
// another number ends every session.
func New(staff kitchen.Staff, secret []byte) (*Sessions, error) {
	derive := func(use string) ([]byte, error) {
		return hkdf.Key(sha256.New, secret, nil, fmt.Sprintf("cupcakery: sign %s, number %d", use, staff.Sessions), sha256.Size)
	}
	sessionKey, err := derive("sessions")
	if err != nil {
		return nil, fmt.Errorf("derive the key that signs sessions: %w", err)
	}
	deviceKey, err := derive("devices")
	if err != nil {
		return nil, fmt.Errorf("derive the key that signs devices: %w", err)
	}
	return &Sessions{
		Now:          time.Now,
		Matches:      kitchen.PINHash.Matches,
		staff:        staff,
		sessionKey:   sessionKey,
		deviceKey:    deviceKey,
		decoy:        staff.Decoy(),
		devices:      ratelimit.New(NameBurst, NameEvery, maxKeys),
		addresses:    ratelimit.New(AddressBurst, AddressEvery, maxKeys),
		names:        ratelimit.New(NameBurst, NameEvery, max(1, len(staff.People))),
		otherNames:   ratelimit.New(NameBurst, NameEvery, maxKeys),
		hashing:      make(chan struct{}, 1),
		hashingKnown: make(chan struct{}, 1),
		ended:        endedSessions{marks: make(map[string]time.Time), ends: make(map[string]int64)},
	}, nil
}

// HasStaff reports whether there is anybody who could sign in.
func (s *Sessions) HasStaff() bool { return len(s.staff.People) > 0 }

// Find returns the person with the name.
func (s *Sessions) Find(name string) (kitchen.Person, bool) { return s.staff.Find(name) }

// sessionToken is what a session's token says.
type sessionToken struct {
	Name string `json:"name"`
	// Expires is in seconds of Unix time.
	Expires int64 `json:"expires"`
	// Nonce tells sessions apart that begin in the same second.
	Nonce string `json:"id"`
	// Knows is Session.knows.
	Knows int64 `json:"knows,omitempty"`
}

// Begin begins a session of a person and returns it with its token. It asks
// for no PIN.
func (s *Sessions) Begin(person kitchen.Person) (Session, string) {
	expires := s.Now().Add(SessionLifetime).UTC().Truncate(time.Second)
	knows := s.endOf(person.Name)
	payload, err := json.Marshal(sessionToken{Name: person.Name, Expires: expires.Unix(), Nonce: rand.Text(), Knows: knows})
	if err != nil {
		panic(err) // texts and a number
	}
	encode := base64.RawURLEncoding.EncodeToString
	id := encode(s.sign(payload, person))
	return Session{ID: id, Name: person.Name, Role: person.Role, ExpiresAt: expires, knows: knows}, encode(payload) + "." + id
}

// Read returns the session of a token, if the token is valid.
func (s *Sessions) Read(token string) (Session, bool) {
	first, id, found := strings.Cut(token, ".")
	if !found || len(token) > maxToken {
		return Session{}, false
	}
	decoding := base64.RawURLEncoding.Strict()
	payload, err := decoding.DecodeString(first)
	if err != nil {
		return Session{}, false
	}
	signature, err := decoding.DecodeString(id)
	if err != nil {
		return Session{}, false
	}
	var claim sessionToken
	if err := json.Unmarshal(payload, &claim); err != nil {
		return Session{}, false
	}
	person, found := s.staff.Find(claim.Name)
	if !found || !hmac.Equal(signature, s.sign(payload, person)) {
		return Session{}, false
	}
	expires := time.Unix(claim.Expires, 0).UTC()
	if !s.Now().Before(expires) {
		return Session{}, false
	}
	session := Session{ID: id, Name: person.Name, Role: person.Role, ExpiresAt: expires, knows: claim.Knows}
	return session, !s.HasEnded(session)
}

// sign signs a session's payload together with the hash of the person's PIN,
// which is not part of the token. So a new PIN ends the sessions of the old one.
func (s *Sessions) sign(payload []byte, person kitchen.Person) []byte {
	mac := hmac.New(sha256.New, s.sessionKey)
	mac.Write(fmt.Appendf(nil, "session of %d bytes: %s", len(payload), payload))
	mac.Write([]byte(person.PIN.String()))
	return mac.Sum(nil)
}
