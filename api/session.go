package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/cupcakery/cupcakery/floor"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/staff"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	sessionPath   = "/api/v1/session"
	sessionCookie = "cupcakery_session"
	sessionKey    = "cupcakery.session"
	deviceCookie  = "cupcakery_device"
)

// SignIn begins a session.
func (s *Server) SignIn(ctx context.Context, request SignInRequestObject) (SignInResponseObject, error) {
	c, err := ginContext(ctx)
	if err != nil {
		return nil, err
	}
	signedIn, err := s.sessions.SignIn(requestContext(ctx), staff.Attempt{
		Name:    request.Body.Name,
		PIN:     request.Body.Pin,
		Address: s.addressOf(c.Request),
		Devices: cookies(c.Request, deviceCookie),
	})
	if err != nil {
		s.refuseSignIn(c, request.Body.Name, err)
		return nil, err
	}
	s.endSession(ctx) // the new one takes its place
	session := signedIn.Session
	s.metrics.signIns.WithLabelValues(signInDone).Inc()
	s.logger.LogAttrs(ctx, slog.LevelInfo, "signed in",
		slog.String("name", session.Name), slog.String("role", string(session.Role)), slog.String("request_id", requestID(c)))
	return signInAnswer{
		SignIn200JSONResponse: SignIn200JSONResponse{
			Body:    s.sessionDocument(session),
			Headers: SignIn200ResponseHeaders{SetCookie: s.setCookie(c, sessionCookie, signedIn.Token, "/", staff.SessionLifetime)},
		},
		device: s.setCookie(c, deviceCookie, signedIn.Devices, sessionPath, staff.DeviceLifetime),
	}, nil
}

// signInAnswer is the answer to a good sign-in. The generated one has room for
// one cookie.
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
	if errors.Is(err, staff.ErrWrongNameOrPIN) {
		outcome = signInWrong
	}
	s.metrics.signIns.WithLabelValues(outcome).Inc()
	if errors.Is(err, staff.ErrNoStaff) {
		return
	}
	attributes := []slog.Attr{slog.String("problem", string(asProblem(err).Type)), slog.String("request_id", requestID(c))}
	if _, known := s.sessions.Find(name); known {
		attributes = append(attributes, slog.String("name", name))
	}
	s.logger.LogAttrs(c.Request.Context(), slog.LevelWarn, "a sign-in was refused", attributes...)
}

// SignOut ends the session, and takes its cookie out of the browser.
func (s *Server) SignOut(ctx context.Context, _ SignOutRequestObject) (SignOutResponseObject, error) {
	c, err := ginContext(ctx)
	if err != nil {
		return nil, err
	}
	s.endSession(ctx)
	return SignOut204Response{Headers: SignOut204ResponseHeaders{SetCookie: s.setCookie(c, sessionCookie, "", "/", -time.Second)}}, nil
}

// GetSession tells who is signed in.
func (s *Server) GetSession(ctx context.Context, _ GetSessionRequestObject) (GetSessionResponseObject, error) {
	session, signedIn := sessionOf(ctx)
	if !signedIn {
		return nil, &problemError{Type: wire.ProblemNotSignedIn, Detail: fmt.Sprintf("This request has no valid session: sign in with POST %s.", sessionPath)}
	}
	return GetSession200JSONResponse(s.sessionDocument(session)), nil
}

// GetDemoStaff returns names and PINs to try the factory with.
func (s *Server) GetDemoStaff(context.Context, GetDemoStaffRequestObject) (GetDemoStaffResponseObject, error) {
	if len(s.demo) == 0 {
		return nil, &problemError{Type: wire.ProblemNotFound, Detail: "There are no demo staff here: they exist under cupcakery dev only."}
	}
	return GetDemoStaff200JSONResponse{Staff: s.demo}, nil
}

// GetSignInNames tells who may sign in, if everybody may know.
func (s *Server) GetSignInNames(context.Context, GetSignInNamesRequestObject) (GetSignInNamesResponseObject, error) {
	return GetSignInNames200JSONResponse{People: s.signInNames}, nil
}

func signInNames(config Config) []wire.SignInName {
	people := []wire.SignInName{}
	if config.SignInNames {
		for _, person := range config.Staff.People {
			people = append(people, wire.SignInName{Name: person.Name, Role: person.Role})
		}
	}
	return people
}

func (s *Server) sessionDocument(session staff.Session) wire.Session {
	return wire.Session{Name: session.Name, Role: session.Role, ExpiresAt: session.ExpiresAt, HasHistory: s.reports.history != nil}
}

// sessionOf returns who is signed in, in a handler's context.
func sessionOf(ctx context.Context) (session staff.Session, signedIn bool) {
	session, signedIn = ctx.Value(sessionKey).(staff.Session)
	return session, signedIn
}

// readSession finds the session that a request comes from. An invalid cookie
// is treated as no cookie.
func (s *Server) readSession(request *http.Request) (session staff.Session, signedIn bool) {
	for _, token := range cookies(request, sessionCookie) {
		if session, valid := s.sessions.Read(token); valid {
			return session, true
		}
	}
	return staff.Session{}, false
}

// signOutWithin is how long whoever signs out waits until the other processes can
// know: the browser has lost its cookie anyway.
const signOutWithin = 2 * time.Second

// endSession ends a request's session, if it has one: here at once, and at the other
// processes as soon as they read of it.
func (s *Server) endSession(ctx context.Context) {
	session, signedIn := sessionOf(ctx)
	if !signedIn {
		return
	}
	s.sessionHasEnded(kitchen.Flag{FlagAt: kitchen.FlagAt{Kind: kitchen.FlagSession, Of: session.Mark()}, Until: &session.ExpiresAt})
	within, cancel := context.WithTimeout(requestContext(ctx), signOutWithin)
	defer cancel()
	end := kitchen.Flag{FlagAt: kitchen.FlagAt{Kind: kitchen.FlagSession, Of: session.Mark()}, By: session.Name, Until: &session.ExpiresAt}
	err := s.floor.PutFlag(within, end)
	if err != nil && !errors.Is(err, floor.ErrNoLog) {
		s.floor.PutFlagLater(end)
		s.logger.WarnContext(ctx, "other processes do not hear yet that somebody has signed out; telling them again until Kafka has it", slog.String("name", session.Name), slog.Any("error", err))
	}
}

// sessionHasEnded refuses the tokens of sessions that a flag ends, and ends their live
// connections.
func (s *Server) sessionHasEnded(flag kitchen.Flag) {
	switch {
	case flag.Kind == kitchen.FlagSessions:
		s.sessions.EndAll(flag.Of, flag.At)
	case flag.Until != nil:
		s.sessions.End(flag.Of, *flag.Until)
	default:
		return // it says not until when it is to be remembered
	}
	s.live.SessionsHaveEnded()
}

// EndSessions ends all sessions of a person, wherever they are used.
func (s *Server) EndSessions(ctx context.Context, request EndSessionsRequestObject) (EndSessionsResponseObject, error) {
	if _, found := s.sessions.Find(request.Name); !found {
		return nil, &problemError{Type: wire.ProblemNotFound, Detail: "Nobody on the staff has this name: write it as it stands in the staff file."}
	}
	by, _ := sessionOf(ctx)
	flag := kitchen.Flag{FlagAt: kitchen.FlagAt{Kind: kitchen.FlagSessions, Of: request.Name}, By: by.Name}
	if err := s.floor.PutFlag(requestContext(ctx), flag); err != nil {
		return nil, err
	}
	s.logger.InfoContext(ctx, "all sessions of a person have ended", slog.String("name", request.Name), slog.String("by", by.Name))
	return EndSessions204Response{}, nil
}

func cookies(request *http.Request, name string) []string {
	var values []string
	for _, cookie := range request.CookiesNamed(name) {
		values = append(values, cookie.Value)
	}
	return values
}

// setCookie is the header that gives a browser a cookie, or removes it if its
// lifetime is negative.
func (s *Server) setCookie(c *gin.Context, name, value, path string, lifetime time.Duration) string {
	cookie := http.Cookie{Name: name, Value: value, Path: path, MaxAge: int(lifetime.Seconds()),
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: s.isHTTPS(c)}
	return cookie.String()
}
