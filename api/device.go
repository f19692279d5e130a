package api

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strings"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	deviceCookie = "cupcakery_device"
	// deviceLasts is how long a device is known on which somebody has signed in;
	// each sign-in begins it anew.
	deviceLasts = 180 * 24 * time.Hour
	// devicePeople is how many people a device is known for: those who signed in
	// last.
	devicePeople = 8

	deviceIDBytes    = 16
	deviceTokenBytes = deviceIDBytes + 8 + sha256.Size
)

// deviceToken says that somebody has signed in on a device, and when: the
// device's id, the time in seconds of Unix time, and a signature. The signature
// covers the person's name and the hash of the PIN, which are not in the token,
// so a tablet does not tell who uses it, and a new PIN makes its devices
// strange again. It is no session: all that it gives is a number of attempts to
// sign in of its own, which nobody else can use up.
type deviceToken [deviceTokenBytes]byte

func (t *deviceToken) id() []byte { return t[:deviceIDBytes] }

func (t *deviceToken) at() time.Time {
	return time.Unix(int64(binary.BigEndian.Uint64(t[deviceIDBytes:])), 0) //nolint:gosec // of a signed token: it was one
}

// newDeviceToken makes the token of a device, which keeps its id for a person.
func (s *sessions) newDeviceToken(id string, person kitchen.Person) deviceToken {
	var token deviceToken
	if copy(token[:], id) == 0 {
		_, _ = rand.Read(token.id()) // never fails
	}
	binary.BigEndian.PutUint64(token[deviceIDBytes:], uint64(s.now().Unix())) //nolint:gosec // after 1970
	copy(token[deviceIDBytes+8:], s.signDevice(token, person))
	return token
}

func (s *sessions) signDevice(token deviceToken, person kitchen.Person) []byte {
	mac := hmac.New(sha256.New, s.deviceKey)
	mac.Write(token[:deviceIDBytes+8])
	mac.Write([]byte(person.Name + "\x00" + person.PIN.String()))
	return mac.Sum(nil)
}

// knows reports whether a token is a person's.
func (s *sessions) knows(token deviceToken, person kitchen.Person) bool {
	return hmac.Equal(token[deviceIDBytes+8:], s.signDevice(token, person)) && s.now().Sub(token.at()) < deviceLasts
}

// deviceOf is the id of the device from which a request comes, if the person
// has signed in on it before; "" if not.
func (s *sessions) deviceOf(request *http.Request, person kitchen.Person) string {
	for _, token := range deviceTokens(request) {
		if s.knows(token, person) {
			return string(token.id())
		}
	}
	return ""
}

// deviceTokens are the tokens that a request brings, whosever they are.
func deviceTokens(request *http.Request) []deviceToken {
	var tokens []deviceToken
	for _, cookie := range request.CookiesNamed(deviceCookie) {
		for text := range strings.SplitSeq(cookie.Value, ".") {
			if len(tokens) == devicePeople {
				return tokens
			}
			data, err := base64.RawURLEncoding.Strict().DecodeString(text)
			if err == nil && len(data) == deviceTokenBytes {
				tokens = append(tokens, deviceToken(data))
			}
		}
	}
	return tokens
}

// deviceCookie is the header by which a browser remembers that the person has
// signed in on it, beside those who did before.
func (s *sessions) deviceCookie(request *http.Request, person kitchen.Person, https bool) string {
	tokens := []deviceToken{s.newDeviceToken(s.deviceOf(request, person), person)}
	for _, token := range deviceTokens(request) {
		if len(tokens) < devicePeople && !bytes.Equal(token.id(), tokens[0].id()) {
			tokens = append(tokens, token)
		}
	}
	texts := make([]string, len(tokens))
	for i, token := range tokens {
		texts[i] = base64.RawURLEncoding.EncodeToString(token[:])
	}
	cookie := http.Cookie{Name: deviceCookie, Value: strings.Join(texts, "."), Path: sessionPath, MaxAge: int(deviceLasts.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: https}
	return cookie.String()
}
