package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	nameVariable = "CUPCAKERY_AS"
	pinVariable  = "CUPCAKERY_PIN"
	// sessionCookie is the session's among the cookies of a sign-in.
	sessionCookie = "cupcakery_session"
	// maxAnswer is how much of an answer to a sign-in is read.
	maxAnswer = 64 << 10
)

// registerStaff adds the flag of commands that are for staff.
func (s *orderSettings) registerStaff(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.as, "as", "", "sign in as this person of the staff, with the PIN from $"+pinVariable+" or a prompt; not needed under cupcakery dev")
	fromEnvironment(cmd.Flags(), "as", nameVariable)
}

// askForPIN reads the PIN of whom --as names, before anything is sent, so that
// no request waits for somebody to type.
func (s *orderSettings) askForPIN(cmd *cobra.Command) error {
	if s.as == "" {
		return nil
	}
	s.pin = os.Getenv(pinVariable)
	if s.pin == "" {
		terminal := terminalOf(cmd.InOrStdin())
		if terminal == nil {
			return &exitError{exitUsage, fmt.Errorf("the PIN of %q is missing: set $%s, or run this on a terminal", s.as, pinVariable)}
		}
		var err error
		if s.pin, err = promptPIN(cmd, terminal, "PIN of "+safeText(s.as)+": "); err != nil {
			return err
		}
	}
	if err := kitchen.CheckPIN(s.pin); err != nil {
		return &exitError{exitUsage, err}
	}
	return nil
}

// staffTransport signs in when the API asks for it, and sends the request once
// more. The session is kept in memory, for this command, and begun anew once it has
// ended.
//
// It signs in as the person named by --as. Otherwise, if the API says that it has
// demo staff, as the one of these with role, or as their manager: only "cupcakery dev"
// has some.
type staffTransport struct {
	base      http.RoundTripper
	api       string
	name, pin string
	role      kitchen.Role

	mu     sync.Mutex
	cookie *http.Cookie
}

func (t *staffTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	t.mu.Lock()
	cookie := t.cookie
	t.mu.Unlock()
	first := request
	if cookie != nil {
		first = withCookie(request, cookie)
	}
	answer, err := t.base.RoundTrip(first)
	// A session that was good may have ended meanwhile.
	if err != nil || answer.StatusCode != http.StatusUnauthorized || request.Body != nil && request.GetBody == nil {
		return answer, err
	}
	cookie, refused, err := t.signIn(request.Context())
	if err != nil || (cookie == nil && refused == nil) {
		return answer, nil //nolint:nilerr // nobody to sign in as: that it is needed is the answer
	}
	_ = answer.Body.Close() // its place is taken by another
	if refused != nil {
		return refused, nil
	}
	again := withCookie(request, cookie)
	if request.GetBody != nil {
		if again.Body, err = request.GetBody(); err != nil {
			return nil, fmt.Errorf("send the request again after signing in: %w", err)
		}
	}
	t.mu.Lock()
	t.cookie = cookie
	t.mu.Unlock()
	return t.base.RoundTrip(again)
}

// forget makes the next request sign in again.
func (t *staffTransport) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cookie = nil
}

// withCookie returns the request with the session. A cookie that is for https only
// is sent all the same: the PIN has just gone the same way.
func withCookie(request *http.Request, cookie *http.Cookie) *http.Request {
	with := request.Clone(request.Context())
	with.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
	return with
}

// signIn returns a session's cookie, or the answer that refuses it, or neither
// if there is nobody to sign in as.
func (t *staffTransport) signIn(ctx context.Context) (*http.Cookie, *http.Response, error) {
	name, pin := t.name, t.pin
	if name == "" {
		var err error
		if name, pin, err = t.demoPerson(ctx); err != nil || name == "" {
			return nil, nil, err
		}
	}
	body, err := json.Marshal(wire.SignIn{Name: name, Pin: pin})
	if err != nil {
		return nil, nil, err
	}
	answer, err := t.ask(ctx, http.MethodPost, "/api/v1/session", body)
	if err != nil {
		return nil, nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, answer, nil
	}
	_ = answer.Body.Close() // the session is in the header
	for _, cookie := range answer.Cookies() {
		if cookie.Name == sessionCookie {
			return cookie, nil, nil
		}
	}
	return nil, nil, errors.New("the API signed in and gave no session")
}

// demoPerson is who of the API's demo staff is signed in as; "" if it has none.
func (t *staffTransport) demoPerson(ctx context.Context) (name, pin string, err error) {
	answer, err := t.ask(ctx, http.MethodGet, "/api/v1/session/demo", nil)
	if err != nil {
		return "", "", err
	}
	defer func() { _ = answer.Body.Close() }()
	var demo wire.DemoStaff
	if answer.StatusCode != http.StatusOK {
		return "", "", nil
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxAnswer)).Decode(&demo); err != nil {
		return "", "", fmt.Errorf("read the demo staff: %w", err)
	}
	for _, person := range demo.Staff {
		if person.Role == cmp.Or(t.role, kitchen.RoleManager) {
			return person.Name, person.Pin, nil
		}
	}
	return "", "", nil
}

func (t *staffTransport) ask(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	address, err := url.JoinPath(t.api, path)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "cupcakery/"+version)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return t.base.RoundTrip(request)
}

// signInRemedy is what people at a command line can do about a refusal.
func signInRemedy(problemType wire.ProblemType) string {
	if strings.HasSuffix(string(problemType), "/not-signed-in") {
		return "\nHere: give --as NAME (or $" + nameVariable + "); the PIN comes from $" + pinVariable + " or a prompt."
	}
	return ""
}
