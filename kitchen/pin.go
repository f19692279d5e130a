package kitchen

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// A PIN is digits, so that it can be typed on a tablet with floury hands.
const (
	MinPINLength = 6
	MaxPINLength = 12
)

// Bounds of a hash's parameters. Below the least a stolen staff file gives its
// PINs away too cheaply; above the most a sign-in costs the API too much. A new
// hash has the least memory and time, which OWASP recommends for argon2id.
const (
	minHashMemory, maxHashMemory = 19 << 10, 128 << 10 // KiB
	minHashTime, maxHashTime     = 2, 10
	minHashLanes, maxHashLanes   = 1, 4
	minHashSalt, maxHashSalt     = 16, 64
	minHashSum, maxHashSum       = 32, 64
)

// hashRemedy is what to do about a hash that is not accepted.
const hashRemedy = "make the line with `cupcakery staff hash`"

// PINHash is a PIN as the staff file keeps it: its argon2id hash, with salt and
// parameters. The zero value matches no PIN.
type PINHash struct {
	memory, time uint32
	lanes        uint8
	salt, sum    []byte
}

// CheckPIN returns an error that says what is wrong with a PIN. It does not
// repeat the PIN.
func CheckPIN(pin string) error {
	if len(pin) < MinPINLength || len(pin) > MaxPINLength || strings.Trim(pin, "0123456789") != "" {
		return fmt.Errorf("a PIN has %d to %d digits and nothing else", MinPINLength, MaxPINLength)
	}
	return nil
}

// HashPIN hashes a PIN with a fresh salt.
func HashPIN(pin string) (PINHash, error) {
	if err := CheckPIN(pin); err != nil {
		return PINHash{}, err
	}
	h := PINHash{memory: minHashMemory, time: minHashTime, lanes: minHashLanes, salt: make([]byte, minHashSalt)}
	_, _ = rand.Read(h.salt) // never fails
	h.sum = h.of(pin, minHashSum)
	return h, nil
}

// ParsePINHash reads a hash in the PHC string format:
// $argon2id$v=19$m=<KiB>,t=<passes>,p=<lanes>$<salt>$<hash>, with salt and hash
// in base64 without padding.
func ParsePINHash(text string) (PINHash, error) {
	var h PINHash
	parts := strings.Split(text, "$")
	switch {
	case CheckPIN(text) == nil:
		return h, errors.New("is a PIN itself: keep its hash only; " + hashRemedy)
	case len(parts) != 6 || parts[0] != "":
		return h, errors.New("not a hash of the form $argon2id$v=19$m=…,t=…,p=…$salt$hash: " + hashRemedy)
	case parts[1] != "argon2id":
		return h, fmt.Errorf("hashed by %q: argon2id is taken only; %s", Excerpt(parts[1]), hashRemedy)
	case parts[2] != "v="+strconv.Itoa(argon2.Version):
		return h, fmt.Errorf("version %q of argon2id: v=%d is taken only; %s", Excerpt(parts[2]), argon2.Version, hashRemedy)
	}
	if err := h.parseParameters(parts[3]); err != nil {
		return h, err
	}
	return h, h.parseSums(parts[4], parts[5])
}

// parseParameters reads m=<KiB>,t=<passes>,p=<lanes>.
func (h *PINHash) parseParameters(text string) error {
	parameters := strings.Split(text, ",")
	if len(parameters) != 3 {
		return fmt.Errorf("the parameters %q are not of the form m=%d,t=%d,p=%d: %s", Excerpt(text), minHashMemory, minHashTime, minHashLanes, hashRemedy)
	}
	var lanes uint32
	for i, bound := range []struct {
		name, what  string
		least, most uint32
		into        *uint32
	}{
		{"m", "memory in KiB", minHashMemory, maxHashMemory, &h.memory},
		{"t", "passes", minHashTime, maxHashTime, &h.time},
		{"p", "lanes", minHashLanes, maxHashLanes, &lanes},
	} {
		digits, named := strings.CutPrefix(parameters[i], bound.name+"=")
		value, err := strconv.ParseUint(digits, 10, 32)
		if errors.Is(err, strconv.ErrRange) {
			value, err = math.MaxUint32, nil
		}
		if !named || err != nil {
			return fmt.Errorf("the parameter %q is not %s=<number>: %s", Excerpt(parameters[i]), bound.name, hashRemedy)
		}
		switch *bound.into = uint32(value); { //nolint:gosec // read with 32 bits
		case *bound.into < bound.least:
			return fmt.Errorf("%s=%s is too weak: the %s must be from %d to %d; %s", bound.name, Excerpt(digits), bound.what, bound.least, bound.most, hashRemedy)
		case *bound.into > bound.most:
			return fmt.Errorf("%s=%s is too costly: the %s must be from %d to %d; %s", bound.name, Excerpt(digits), bound.what, bound.least, bound.most, hashRemedy)
		}
	}
	h.lanes = uint8(lanes) //nolint:gosec // within its bounds
	return nil
}

// parseSums reads the salt and the hash itself.
func (h *PINHash) parseSums(salt, sum string) error {
	for _, bound := range []struct {
		text, what  string
		least, most int
		into        *[]byte
	}{
		{salt, "salt", minHashSalt, maxHashSalt, &h.salt},
		{sum, "hash", minHashSum, maxHashSum, &h.sum},
	} {
		data, err := base64.RawStdEncoding.Strict().DecodeString(bound.text)
		if err != nil {
			return fmt.Errorf("the %s is not base64 without padding: %s", bound.what, hashRemedy)
		}
		if len(data) < bound.least || len(data) > bound.most {
			return fmt.Errorf("the %s has %d bytes, and must have from %d to %d: %s", bound.what, len(data), bound.least, bound.most, hashRemedy)
		}
		*bound.into = data
	}
	return nil
}

// String is the hash in the PHC string format.
func (h PINHash) String() string {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.lanes, encode(h.salt), encode(h.sum))
}

// Matches reports whether pin is the PIN that was hashed. It takes as much
// memory and time as the hash's parameters say, whatever the answer.
func (h PINHash) Matches(pin string) bool {
	if len(h.sum) == 0 {
		return false
	}
	return subtle.ConstantTimeCompare(h.of(pin, uint32(len(h.sum))), h.sum) == 1 //nolint:gosec // at most maxHashSum
}

func (h PINHash) of(pin string, length uint32) []byte {
	return argon2.IDKey([]byte(pin), h.salt, h.time, h.memory, h.lanes, length)
}

// Decoy is a hash that no PIN matches and that takes as long to check as the
// slowest hash of the staff. Checked for a name that nobody has, it keeps the
// time of the answer from showing that.
func (s Staff) Decoy() PINHash {
	decoy := PINHash{memory: minHashMemory, time: minHashTime, lanes: minHashLanes, salt: make([]byte, minHashSalt), sum: make([]byte, minHashSum)}
	cost := func(h PINHash) uint64 { return uint64(h.memory) * uint64(h.time) }
	for _, person := range s.People {
		if cost(person.PIN) > cost(decoy) {
			decoy.memory, decoy.time, decoy.lanes = person.PIN.memory, person.PIN.time, person.PIN.lanes
		}
	}
	_, _ = rand.Read(decoy.salt) // never fails
	_, _ = rand.Read(decoy.sum)
	return decoy
}
