package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/internal/retry"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	// liveSilence is how long the API may be silent: it tells its state every ten
	// seconds, and after longer than this the connection is dead.
	liveSilence = 25 * time.Second
	// maxLiveMessage is the largest message that is read.
	maxLiveMessage = 32 << 20

	liveRetryAtFirst = 500 * time.Millisecond
	liveRetryAtMost  = 15 * time.Second
)

// liveNews is what comes of a live connection: a message, or why it was lost.
type liveNews struct {
	message wire.LiveMessage
	lost    error
}

// follow tells what comes on the API's live channels, for staff, until ctx ends. It
// connects again by itself; what the API refuses is an error.
func (s *orderSettings) follow(ctx context.Context, apiClient *client.ClientWithResponses, channels []string, tell func(liveNews)) error {
	backoff := retry.NewBackoff(liveRetryAtFirst, liveRetryAtMost)
	for {
		err := s.followOnce(ctx, apiClient, channels, func(message wire.LiveMessage) {
			backoff.Reset()
			tell(liveNews{message: message})
		})
		switch {
		case ctx.Err() != nil:
			return nil
		case !isAway(err):
			return err
		}
		tell(liveNews{lost: err})
		if !backoff.Wait(ctx) {
			return nil
		}
	}
}

// handOn tells what several sources send, one call at a time, until ctx ends or one of
// them ends, which ends the others. An error of one is the error.
func handOn[T any](ctx context.Context, tell func(T), sources ...func(ctx context.Context, send func(T)) error) error {
	group, ctx := errgroup.WithContext(ctx)
	news := make(chan T)
	send := func(n T) {
		select {
		case news <- n:
		case <-ctx.Done():
		}
	}
	for _, source := range sources {
		group.Go(func() error { return cmp.Or(source(ctx, send), context.Canceled) })
	}
	group.Go(func() error {
		for {
			select {
			case n := <-news:
				tell(n)
			case <-ctx.Done():
				return nil
			}
		}
	})
	if err := group.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// followOnce follows the channels on one connection. An error that isAway may pass.
func (s *orderSettings) followOnce(ctx context.Context, apiClient *client.ClientWithResponses, channels []string, tell func(wire.LiveMessage)) error {
	// Without a session some channels are refused: so something is asked first for
	// which session signs in.
	answer, err := apiClient.GetKitchenStateWithResponse(ctx)
	if err != nil {
		return s.unreachable(err)
	}
	if answer.JSON200 == nil {
		if answer.StatusCode() == http.StatusUnauthorized {
			s.session.forget()
		}
		return refusal(answer.StatusCode(), answer.Body)
	}
	address, err := url.JoinPath(s.api, "/api/v1/live")
	if err != nil {
		return &exitError{exitUsage, err}
	}
	connection, _, err := websocket.Dial(ctx, address, &websocket.DialOptions{ //nolint:bodyclose // the library closes it
		HTTPClient: &http.Client{Transport: s.session},
		HTTPHeader: http.Header{"User-Agent": {"cupcakery/" + version}},
	})
	if err != nil {
		return s.unreachable(err)
	}
	defer func() { _ = connection.CloseNow() }()
	connection.SetReadLimit(maxLiveMessage)
	for _, channel := range channels {
		request, err := json.Marshal(wire.LiveRequest{Channel: channel, Type: wire.LiveSubscribe})
		if err != nil {
			return fmt.Errorf("subscribe to %q: %w", channel, err)
		}
		if err := connection.Write(ctx, websocket.MessageText, request); err != nil {
			return s.unreachable(err)
		}
	}
	for {
		message, err := readLive(ctx, connection)
		if err != nil {
			return s.unreachable(err)
		}
		if message.Problem.Type != "" {
			if err := s.liveRefusal(message.Problem); err != nil {
				return err
			}
		}
		tell(message)
	}
}

func readLive(ctx context.Context, connection *websocket.Conn) (wire.LiveMessage, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, liveSilence, fmt.Errorf("it was silent for %s", liveSilence))
	defer cancel()
	_, data, err := connection.Read(ctx)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return wire.LiveMessage{}, err
	}
	var message wire.LiveMessage
	if err := json.Unmarshal(data, &message); err != nil {
		return wire.LiveMessage{}, fmt.Errorf("read a live message: %w", err)
	}
	return message, nil
}

// liveRefusal is why a channel has ended; nil if it goes on by itself.
func (s *orderSettings) liveRefusal(problem wire.Problem) error {
	switch problem.Type {
	case wire.ProblemUnavailable:
		return nil
	case wire.ProblemNotSignedIn: // the session is over: sign in again
		s.session.forget()
		return &exitError{exitUnavailable, errors.New(safeText(problem.Title))}
	}
	body, err := json.Marshal(problem)
	if err != nil {
		return fmt.Errorf("read a problem: %w", err)
	}
	return refusal(problem.Status, body)
}
