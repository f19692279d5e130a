package staff

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// DeviceLifetime is how long a device is known after a sign-in on it.
	DeviceLifetime = 180 * 24 * time.Hour
	// devicePeople is how many people a device is known for: those who have
	// signed in last.
	devicePeople = 8

	deviceIDBytes    = 16
	deviceTokenBytes = deviceIDBytes + 8 + sha256.Size
)

// deviceToken says that somebody has signed in on a device, and when: the
// device's id, the time in seconds of Unix time, and a signature. The signature
// covers the person's name and the hash of the PIN. They are not part of the
// token, so a tablet does not tell who uses it, and after a change of the PIN
// the device is unknown again. The token is no session: all that it gives is
// attempts to sign in of its own, which nobody else can use up.
type deviceToken [deviceTokenBytes]byte

func (t *deviceToken) id() []byte { return t[:deviceIDBytes] }

func (t *deviceToken) at() time.Time {
	return time.Unix(int64(binary.BigEndian.Uint64(t[deviceIDBytes:])), 0) //nolint:gosec // of a signed token: it was one
}

// readDevices reads tokens as browsers keep them: several in one text, for
// several people.
func readDevices(texts []string) []deviceToken {
	var tokens []deviceToken
	for _, text := range texts {
		for each := range strings.SplitSeq(text, ".") {
			if len(tokens) == devicePeople {
				return tokens
			}
			data, err := base64.RawURLEncoding.Strict().DecodeString(each)
			if err == nil && len(data) == deviceTokenBytes {
				tokens = append(tokens, deviceToken(data))
			}
		}
	}
	return tokens
}

// deviceID is the id of the device with these tokens, or "" if it is not known
// for the person.
func (s *Sessions) deviceID(texts []string, person kitchen.Person) string {
	for _, token := range readDevices(texts) {
		if hmac.Equal(token[deviceIDBytes+8:], s.signDevice(token, person)) && s.Now().Sub(token.at()) < DeviceLifetime {
			return string(token.id())
		}
	}
	return ""
}

// addDevice returns the tokens of a device on which the person has just signed
// in. The device keeps its id for the person, and the tokens of others.
func (s *Sessions) addDevice(texts []string, person kitchen.Person) string {
	var own deviceToken
	if copy(own[:], s.deviceID(texts, person)) == 0 {
		_, _ = rand.Read(own.id()) // never fails
	}
	binary.BigEndian.PutUint64(own[deviceIDBytes:], uint64(s.Now().Unix())) //nolint:gosec // after 1970
	copy(own[deviceIDBytes+8:], s.signDevice(own, person))
	tokens := []string{base64.RawURLEncoding.EncodeToString(own[:])}
	for _, token := range readDevices(texts) {
		if len(tokens) < devicePeople && !bytes.Equal(token.id(), own.id()) {
			tokens = append(tokens, base64.RawURLEncoding.EncodeToString(token[:]))
		}
	}
	return strings.Join(tokens, ".")
}

func (s *Sessions) signDevice(token deviceToken, person kitchen.Person) []byte {
	mac := hmac.New(sha256.New, s.deviceKey)
	mac.Write(token[:deviceIDBytes+8])
	mac.Write([]byte(person.Name + "\x00" + person.PIN.String()))
	return mac.Sum(nil)
}
