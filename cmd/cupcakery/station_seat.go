package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/api"
	"github.com/cupcakery/cupcakery/internal/retry"
	"github.com/cupcakery/cupcakery/kitchen"
)

const (
	// seatSignEvery is how often whoever has taken a robot's seat shows that they are
	// still there: as often as a board's page, and well within seatKeptFor.
	seatSignEvery = 20 * time.Second
	// seatAnswerWithin is how long an answer about a seat is waited for.
	seatAnswerWithin = 5 * time.Second
)

// robotSeat is the seat of a demonstration's robot while somebody at a terminal has
// it. Nobody has a nil one.
type robotSeat struct {
	// ask takes the seat (PUT), shows that somebody is there (POST) or hands it back
	// (DELETE).
	ask   func(ctx context.Context, method string) (api.Seat, error)
	robot string
	by    string // who has taken it
	// isLost is set once the seat is not theirs any more.
	isLost bool
}

// takeSeat takes the seat of the robot at a stage, as the demo's person who works
// there.
func takeSeat(ctx context.Context, address string, stage kitchen.Stage) (*robotSeat, error) {
	settings := orderSettings{api: address, output: outputTable}
	if _, err := settings.connect(); err != nil {
		return nil, err
	}
	settings.session.role = stage.Info().Role
	seat := &robotSeat{ask: func(ctx context.Context, method string) (api.Seat, error) {
		return settings.askSeat(ctx, method, stage)
	}}
	taken, err := seat.ask(ctx, http.MethodPut)
	if err != nil {
		return nil, err
	}
	if taken.Robot == "" {
		return nil, &exitError{exitUnavailable, fmt.Errorf("--take-seat: no robot works at the %s station yet: the demo is still starting, try again in a moment", stage)}
	}
	seat.robot, seat.by = taken.Robot, taken.By
	return seat, nil
}

// askSeat asks the API for something about a seat.
func (s *orderSettings) askSeat(ctx context.Context, method string, stage kitchen.Stage) (api.Seat, error) {
	address, err := url.JoinPath(s.api, "/demo/seats", string(stage))
	if err != nil {
		return api.Seat{}, &exitError{exitUsage, err}
	}
	request, err := http.NewRequestWithContext(ctx, method, address, nil)
	if err != nil {
		return api.Seat{}, &exitError{exitUsage, err}
	}
	request.Header.Set("User-Agent", "cupcakery/"+version)
	answer, err := (&http.Client{Timeout: seatAnswerWithin, Transport: s.session}).Do(request)
	if err != nil {
		return api.Seat{}, s.unreachable(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	switch {
	case err != nil:
		return api.Seat{}, s.unreachable(err)
	case answer.StatusCode == http.StatusNotFound:
		return api.Seat{}, &exitError{exitNotFound, fmt.Errorf("--take-seat: no robot works at a station %q of the API at %s: robots are in a demo only, which \"make demo\" and \"cupcakery dev --demo\" start", stage, s.api)}
	case answer.StatusCode != http.StatusOK:
		return api.Seat{}, refusal(answer.StatusCode, body)
	}
	var seat api.Seat
	if err := json.Unmarshal(body, &seat); err != nil {
		return api.Seat{}, &exitError{exitFailed, fmt.Errorf("the API at %s answered, and not as Cupcakery does: check the address", s.api)}
	}
	return seat, nil
}

// keep shows that somebody is there until ctx ends, or somebody else has the seat,
// and tells what becomes of it.
func (s *robotSeat) keep(ctx context.Context, tell func(line string)) {
	if s == nil {
		return
	}
	tell("You have the seat of " + printable(s.robot) + ", which waits until you leave.")
	isAway := false
	for retry.Pause(ctx, seatSignEvery) {
		seat, err := s.ask(ctx, http.MethodPost)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !isAway:
			tell("! The robot's seat: " + printable(err.Error()))
		case err != nil:
		case seat.By == "":
			s.isLost = true
			tell("! " + printable(s.robot) + " works here again: its seat was handed back.")
			return
		case seat.By != s.by:
			s.isLost = true
			tell("! " + printable(seat.By) + " has taken the robot's seat.")
			return
		}
		isAway = err != nil
	}
}

// handBack gives the robot its seat, for somebody who leaves. It must not be called
// while keep runs.
func (s *robotSeat) handBack(cmd *cobra.Command) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), seatAnswerWithin)
	defer cancel()
	if s.isLost {
		return
	}
	seat, err := s.ask(ctx, http.MethodPost)
	if err == nil && seat.By == s.by { // nobody else's is handed back
		_, err = s.ask(ctx, http.MethodDelete)
	}
	if err != nil {
		cmd.PrintErrf("! The robot's seat was not handed back (%v): it comes back by itself within %s.\n", err, seatKeptFor)
		return
	}
	cmd.PrintErrf("%s works here again.\n", printable(s.robot))
}
