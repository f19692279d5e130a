package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/cupcakery/cupcakery/wire"
)

const (
	wallPath   = "/wall"
	wallCookie = "cupcakery_wall"
	// wallCookiePath is all that the cookie is sent to.
	wallCookiePath = "/api/v1/live"
	// wallCookieKept is the longest that browsers keep a cookie. A screen that was off
	// for longer needs its link again.
	wallCookieKept = 400 * 24 * time.Hour
	// maxWallAddresses is how many addresses are remembered that showed a wrong token.
	maxWallAddresses = 10_000
)

// GetWall tells a manager what to open on the shop's wall.
func (s *Server) GetWall(context.Context, GetWallRequestObject) (GetWallResponseObject, error) {
	switch {
	case s.wallToken != "":
		address := url.URL{Path: wallPath, Fragment: s.wallToken}
		return GetWall200JSONResponse{Address: address.String()}, nil
	case len(s.demo) > 0:
		return GetWall200JSONResponse{Address: wallPath}, nil
	}
	return GetWall200JSONResponse{}, nil
}

// OpenWall lets a browser that has the operator's token follow the counter.
func (s *Server) OpenWall(ctx context.Context, request OpenWallRequestObject) (OpenWallResponseObject, error) {
	c, err := ginContext(ctx)
	if err != nil {
		return nil, err
	}
	if s.wallToken == "" {
		return nil, &problemError{Type: wire.ProblemNotFound, Detail: "No screen can be let in here: the operator has set no token for the screen on the wall."}
	}
	// Counted before it is known to be wrong, as at a sign-in: many at once are not more
	// than the limit.
	address := s.addressOf(c.Request)
	if wait := s.wallLimit.Spend(address, 1, s.sessions.Now()); wait > 0 {
		s.logger.LogAttrs(ctx, slog.LevelWarn, "a screen was refused: too many wrong tokens came from its address", slog.String("request_id", requestID(c)))
		return nil, &problemError{Type: wire.ProblemTooManyAttempts, RetryAfter: wait,
			Detail: fmt.Sprintf("Too many links that do not open the screen were tried from your address: try again in %s.", inWords(wait))}
	}
	// Of the same length whatever was sent, so that the time that this takes tells nothing.
	if !hmac.Equal(s.wallMark(request.Body.Token), s.wallMark(s.wallToken)) {
		s.logger.LogAttrs(ctx, slog.LevelWarn, "a screen was refused: its token is not that of the screen on the wall", slog.String("request_id", requestID(c)))
		return nil, &problemError{Type: wire.ProblemNotAllowed, Detail: "This link does not open the screen, or not any more: a manager can copy the present one at /counter."}
	}
	s.wallLimit.Refund(address, 1)
	cookie := s.setCookie(c, wallCookie, base64.RawURLEncoding.EncodeToString(s.wallMark(s.wallToken)), wallCookiePath, wallCookieKept)
	return OpenWall204Response{Headers: OpenWall204ResponseHeaders{SetCookie: cookie}}, nil
}

// wallMark is what a browser keeps instead of a token: it changes with the token, and
// the token cannot be found by it.
func (s *Server) wallMark(token string) []byte {
	mark := hmac.New(sha256.New, s.secret)
	_, _ = mark.Write([]byte("screen on the wall\x00" + token)) // it never fails
	return mark.Sum(nil)
}

// isWall reports whether a request comes from a screen that was let in by the token
// that is set now.
func (s *Server) isWall(request *http.Request) bool {
	if s.wallToken == "" {
		return false
	}
	for _, value := range cookies(request, wallCookie) {
		if mark, err := base64.RawURLEncoding.DecodeString(value); err == nil && hmac.Equal(mark, s.wallMark(s.wallToken)) {
			return true
		}
	}
	return false
}
