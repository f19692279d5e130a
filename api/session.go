package api

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	sessionPath   = "/api/v1/session"
	sessionCookie = "cupcakery_session"
	sessionKey    = "cupcakery.session"
	// sessionLasts is longer than a shift.
	sessionLasts = 12 * time.Hour
	// maxToken is how long a session's token may be; a name has at most 80
	// characters, of which each may need 12 bytes of JSON.
	maxToken = 2 << 10

	// Attempts to sign in, for one name and from one address. A kitchen may
	// have one address, and good attempts do not count.
	nameBurst    = 5
	nameEvery    = 3 * time.Minute
	addressBurst = 20
	addressEvery = 30 * time.Second
	maxAttempts  = 10_000

	// parallelHashes bounds the memory of sign-ins, of which each needs 19 MiB,
	// or what the staff file says: one at a time on devices that are known, so
	// that these never wait behind strangers, and one on all others.
	parallelHashes = 2
	hashWithin     = 5 * time.Second
	hashRetryAfter = 2 * time.Second
)

// sessions signs people in and knows who is. It keeps no sessions: a session is
// a token that says who and until when, signed.
//
// What is signed ends with the hash of the person's PIN, which the token does
// not have, so a new PIN ends the sessions of the old one. The key is derived
// from the deployment's secret and the number of sessions in the staff file, so
// another number ends all. The role is not in it: the staff file's counts.
type sessions struct {
	staff kitchen.Staff
	// key signs sessions, and deviceKey devices.
	key, deviceKey []byte
	decoy          kitchen.PINHash
	// devices counts attempts on devices on which the person has signed in
	// before, and the others those from everywhere else: names for people, whose
	// number is bounded, and strangers for other names, so that no flood of them
	// makes one forget a person's.
	devices, names, strangers, addresses *attempts
	// hashing and hashingKnown have room for one PIN each.
	hashing, hashingKnown chan struct{}
	matches               func(hash kitchen.PINHash, pin string) bool
	now                   func() time.Time
}

func newSessions(staff kitchen.Staff, secret []byte) (*sessions, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, fmt.Sprintf("cupcakery: sign sessions, number %d", staff.Sessions), sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive the key that signs sessions: %w", err)
	}
	deviceKey, err := hkdf.Key(sha256.New, secret, nil, fmt.Sprintf("cupcakery: sign devices, number %d", staff.Sessions), sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive the key that signs devices: %w", err)
	}
	return &sessions{
		staff:     staff,
		key:       key,
		deviceKey: deviceKey,
		decoy:     staff.Decoy(),
		devices:   newAttempts(nameBurst, nameEvery, maxAttempts),
		names:     newAttempts(nameBurst, nameEvery, max(1, len(staff.People))),
		strangers: newAttempts(nameBurst, nameEvery, maxAttempts),
		addresses: newAttempts(addressBurst, addressEvery, maxAttempts),
		matches:   kitchen.PINHash.Matches,
		now:       time.Now,

		hashing:      make(chan struct{}, 1),
		hashingKnown: make(chan struct{}, parallelHashes-1),
	}, nil
}

// nobody reports whether there is no staff at all.
func (s *sessions) nobody() bool { return len(s.staff.People) == 0 }

// token is what a session's token says.
type token struct {
	Name string `json:"name"`
	// Expires is in seconds of Unix time.
	Expires int64 `json:"expires"`
	// ID tells sessions apart that begin in the same second.
	ID string `json:"id"`
}

// issue makes a session and its token.
func (s *sessions) issue(person kitchen.Person) (wire.Session, string) {
	expires := s.now().Add(sessionLasts).UTC().Truncate(time.Second)
	payload, err := json.Marshal(token{Name: person.Name, Expires: expires.Unix(), ID: rand.Text()})
	if err != nil {
		panic(err) // texts and a number
	}
	encode := base64.RawURLEncoding.EncodeToString
	return wire.Session{Name: person.Name, Role: person.Role, ExpiresAt: expires}, encode(payload) + "." + encode(s.sign(payload, person))
}

func (s *sessions) sign(payload []byte, person kitchen.Person) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write(fmt.Appendf(nil, "session of %d bytes: %s", len(payload), payload))
	mac.Write([]byte(person.PIN.String()))
	return mac.Sum(nil)
}

// openSession is a session with what tells it from others: its token's
// signature.
type openSession struct {
	wire.Session
	mark string
}

// of finds who a request comes from. A cookie that is not good is as none.
func (s *sessions) of(request *http.Request) (openSession, bool) {
	for _, cookie := range request.CookiesNamed(sessionCookie) {
		if session, good := s.read(cookie.Value); good {
			return session, true
		}
	}
	return openSession{}, false
}

// read is the session of a token, if we have signed it and it is still good.
func (s *sessions) read(text string) (openSession, bool) {
	first, second, found := strings.Cut(text, ".")
	if !found || len(text) > maxToken {
		return openSession{}, false
	}
	decoding := base64.RawURLEncoding.Strict()
	payload, err := decoding.DecodeString(first)
	if err != nil {
		return openSession{}, false
	}
	signature, err := decoding.DecodeString(second)
	if err != nil {
		return openSession{}, false
	}
	var said token
	if err := json.Unmarshal(payload, &said); err != nil {
		return openSession{}, false
	}
	person, found := s.staff.Find(said.Name)
	if !found || !hmac.Equal(signature, s.sign(payload, person)) {
		return openSession{}, false
	}
	expires := time.Unix(said.Expires, 0).UTC()
	if !s.now().Before(expires) {
		return openSession{}, false
	}
	return openSession{wire.Session{Name: person.Name, Role: person.Role, ExpiresAt: expires}, second}, true
}

// authenticate returns the person with the name and the PIN. It takes the same
// work for a name that nobody has, and limits attempts: on a device that is
// known for the person those on it, otherwise those for the name and those from
// the address. An attempt that is refused by a limit is not compared.
func (s *sessions) authenticate(ctx context.Context, name, pin, address, device string) (kitchen.Person, error) {
	person, known := s.staff.Find(name)
	names, hash, hashing := s.names, person.PIN, s.hashing
	if !known {
		names, hash = s.strangers, s.decoy
	}
	// An attempt is taken before it is known to be wrong, so that many at once
	// are not more than the limit.
	now := s.now()
	giveBack := func() { s.devices.giveBack(device, 1) }
	if device != "" {
		hashing = s.hashingKnown
		if wait := s.devices.take(device, 1, now); wait > 0 {
			return kitchen.Person{}, tooManyAttempts(wait, "on this device", "")
		}
	} else {
		const remedy = ", or sign in on a device on which you have signed in before"
		giveBack = func() { s.addresses.giveBack(address, 1); names.giveBack(name, 1) }
		if wait := s.addresses.take(address, 1, now); wait > 0 {
			return kitchen.Person{}, tooManyAttempts(wait, "from your address", remedy)
		}
		if wait := names.take(name, 1, now); wait > 0 {
			s.addresses.giveBack(address, 1)
			return kitchen.Person{}, tooManyAttempts(wait, "under this name", remedy)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, hashWithin)
	defer cancel()
	select {
	case hashing <- struct{}{}:
	case <-ctx.Done():
		giveBack()
		return kitchen.Person{}, &problemError{Type: wire.ProblemTooManyAttempts, RetryAfter: hashRetryAfter, Cause: ctx.Err(),
			Detail: "Too many people sign in at this moment: try again in a few seconds."}
	}
	matches := s.matches(hash, pin)
	<-hashing
	if !matches || !known {
		return kitchen.Person{}, &problemError{Type: wire.ProblemWrongNameOrPIN, Detail: "Nobody has this name and this PIN: check both. After a few wrong PINs one has to wait."}
	}
	// Only this attempt: whoever guesses must not gain by the owner's sign-ins.
	giveBack()
	return person, nil
}

func tooManyAttempts(wait time.Duration, where, remedy string) error {
	wait = (wait + time.Second - 1).Truncate(time.Second)
	return &problemError{Type: wire.ProblemTooManyAttempts, RetryAfter: wait,
		Detail: fmt.Sprintf("There were too many wrong PINs %s: try again in %d seconds%s.", where, int(wait.Seconds()), remedy)}
}

// setCookie is the header that gives a browser a token, or takes it away if it
// is empty.
func setCookie(token string, https bool) string {
	cookie := http.Cookie{Name: sessionCookie, Value: token, Path: "/", MaxAge: int(sessionLasts.Seconds()), HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: https}
	if token == "" {
		cookie.MaxAge = -1
	}
	return cookie.String()
}

// SignIn begins a session.
func (s *Server) SignIn(ctx context.Context, request SignInRequestObject) (SignInResponseObject, error) {
	c, err := ginContext(ctx)
	if err != nil {
		return nil, err
	}
	if s.sessions.nobody() {
		s.metrics.signIns.WithLabelValues(signInRefused).Inc()
		return nil, noStaffProblem()
	}
	device := ""
	if person, known := s.sessions.staff.Find(request.Body.Name); known {
		device = s.sessions.deviceOf(c.Request, person)
	}
	person, err := s.sessions.authenticate(requestContext(ctx), request.Body.Name, request.Body.Pin, s.addressOf(c.Request), device)
	if err != nil {
		s.refuseSignIn(c, request.Body.Name, err)
		return nil, err
	}
	s.endSession(c) // the new one takes its place
	session, token := s.sessions.issue(person)
	s.metrics.signIns.WithLabelValues(signInDone).Inc()
	s.logger.LogAttrs(ctx, slog.LevelInfo, "signed in",
		slog.String("name", person.Name), slog.String("role", string(person.Role)), slog.String("request_id", requestID(c)))
	https := s.isHTTPS(c)
	return signInAnswer{
		SignIn200JSONResponse: SignIn200JSONResponse{Body: session, Headers: SignIn200ResponseHeaders{SetCookie: setCookie(token, https)}},
		device:                s.sessions.deviceCookie(c.Request, person, https),
	}, nil
}

// signInAnswer is the answer to a good sign-in. The generated one has room for one
// cookie.
type signInAnswer struct {
	SignIn200JSONResponse
	device string
}

// VisitSignInResponse writes the answer.
func (a signInAnswer) VisitSignInResponse(w http.ResponseWriter) error {
	return a.SignIn200JSONResponse.VisitSignInResponse(&twoCookies{w, a.device})
}

// twoCookies adds a cookie when the header is written.
type twoCookies struct {
	http.ResponseWriter
	second string
}

func (w *twoCookies) WriteHeader(status int) {
	w.Header().Add("Set-Cookie", w.second)
	w.ResponseWriter.WriteHeader(status)
}

// refuseSignIn logs and counts. A name that nobody has is not logged: it may be
// a PIN that was typed into the wrong field.
func (s *Server) refuseSignIn(c *gin.Context, name string, err error) {
	outcome := signInRefused
	if asProblem(err).Type == wire.ProblemWrongNameOrPIN {
		outcome = signInWrong
	}
	s.metrics.signIns.WithLabelValues(outcome).Inc()
	attributes := []slog.Attr{slog.String("problem", string(asProblem(err).Type)), slog.String("request_id", requestID(c))}
	if _, known := s.sessions.staff.Find(name); known {
		attributes = append(attributes, slog.String("name", name))
	}
	s.logger.LogAttrs(c.Request.Context(), slog.LevelWarn, "a sign-in was refused", attributes...)
}

// SignOut takes the session's cookie out of the browser.
func (s *Server) SignOut(ctx context.Context, _ SignOutRequestObject) (SignOutResponseObject, error) {
	c, err := ginContext(ctx)
	if err != nil {
		return nil, err
	}
	s.endSession(c)
	return SignOut204Response{Headers: SignOut204ResponseHeaders{SetCookie: setCookie("", s.isHTTPS(c))}}, nil
}

// endSession ends the live connections of a request's session, if it has one.
func (s *Server) endSession(c *gin.Context) {
	if session, signedIn := sessionOf(c); signedIn {
		s.live.EndSession(session.mark)
	}
}

// GetSession tells who is signed in.
func (s *Server) GetSession(ctx context.Context, _ GetSessionRequestObject) (GetSessionResponseObject, error) {
	c, err := ginContext(ctx)
	if err != nil {
		return nil, err
	}
	session, signedIn := staffOf(c)
	if !signedIn {
		return nil, &problemError{Type: wire.ProblemNotSignedIn, Detail: fmt.Sprintf("This request has no session that is good: sign in with POST %s.", sessionPath)}
	}
	return GetSession200JSONResponse(session), nil
}

// GetDemoStaff tells names and PINs to try the factory with.
func (s *Server) GetDemoStaff(context.Context, GetDemoStaffRequestObject) (GetDemoStaffResponseObject, error) {
	if len(s.demo) == 0 {
		return nil, &problemError{Type: wire.ProblemNotFound, Detail: "There are no demo staff here: they exist under cupcakery dev only."}
	}
	return GetDemoStaff200JSONResponse{Staff: s.demo}, nil
}

// ginContext is the context that the generated code hands to handlers.
func ginContext(ctx context.Context) (*gin.Context, error) {
	c, is := ctx.(*gin.Context)
	if !is {
		return nil, fmt.Errorf("a handler was called with %T instead of gin's context", ctx)
	}
	return c, nil
}
