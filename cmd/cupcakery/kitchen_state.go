package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// staffCall is a command that asks the API for one thing in the name of somebody on
// the staff, and says what was done.
type staffCall struct {
	orderSettings
	back bool
}

// register adds the flags of such commands. What back takes back stands in usage; it
// is empty for a command without.
func (s *staffCall) register(cmd *cobra.Command, back string) {
	s.orderSettings.register(cmd)
	s.registerStaff(cmd)
	if back != "" {
		cmd.Flags().BoolVar(&s.back, "back", false, back)
	}
}

// answered is the answer to a call.
type answered struct {
	status int
	body   []byte
	// done is what to print if it is known only now; else empty.
	done string
}

// run asks for the PIN, connects and calls. It prints done once the API has done it.
func (s *staffCall) run(cmd *cobra.Command, done string, call func(context.Context, *client.ClientWithResponses) (answered, error)) error {
	apiClient, err := s.connectAsStaff(cmd)
	if err != nil {
		return err
	}
	answer, err := call(cmd.Context(), apiClient)
	var refused *exitError
	switch {
	case errors.As(err, &refused):
		return err
	case err != nil:
		return s.unreachable(err)
	case answer.status >= http.StatusMultipleChoices:
		return refusal(answer.status, answer.body)
	case s.output == outputJSON && len(answer.body) > 0:
		_, err = fmt.Fprintln(cmd.OutOrStdout(), strings.TrimSpace(string(answer.body)))
	case s.output != outputJSON:
		_, err = fmt.Fprintln(cmd.OutOrStdout(), cmp.Or(answer.done, done))
	}
	return err
}

func newKitchenSoldOutCommand() *cobra.Command {
	var (
		call staffCall
		till string
	)
	cmd := &cobra.Command{
		Use:   "sold-out FLAVOUR",
		Short: "Say that a flavour is sold out, or take that back",
		Long: `Say that a flavour is sold out: nobody can order it from now on. Orders that were
taken before are made as ever. It ends at --until, or with --back. This is for staff.`,
		Example: `  cupcakery kitchen sold-out lemon --until 14:00
  cupcakery kitchen sold-out lemon --back`,
		Args: exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			body := wire.SoldOutRequest{}
			done := fmt.Sprintf("%s is sold out until somebody takes that back.", safeText(args[0]))
			end, err := parseUntil(till) // before anybody is asked for a PIN
			if till != "" && err != nil {
				return &exitError{exitUsage, err}
			}
			if call.back {
				done = safeText(args[0]) + " can be ordered again."
			}
			return call.run(cmd, done, func(ctx context.Context, apiClient *client.ClientWithResponses) (answered, error) {
				if call.back {
					answer, err := apiClient.TakeBackSoldOutWithResponse(ctx, args[0])
					if err != nil {
						return answered{}, err
					}
					return answered{status: answer.StatusCode(), body: answer.Body}, nil
				}
				done := ""
				if till != "" {
					menu, err := apiClient.GetMenuWithResponse(ctx)
					switch {
					case err != nil:
						return answered{}, err
					case menu.JSON200 == nil:
						return answered{status: menu.StatusCode(), body: menu.Body}, nil
					}
					now := time.Now()
					until, err := end.onDayOf(now.In(zoneOf(*menu.JSON200)))
					if err != nil {
						return answered{}, &exitError{exitUsage, err}
					}
					body.Until = until.UTC().Format(time.RFC3339)
					done = fmt.Sprintf("%s is sold out until %s.", safeText(args[0]), dueClock(&until, now))
				}
				answer, err := apiClient.PutSoldOutWithResponse(ctx, args[0], body)
				if err != nil {
					return answered{}, err
				}
				return answered{answer.StatusCode(), answer.Body, done}, nil
			})
		},
		ValidArgsFunction: func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return startingWith(typed, call.flavours(cmd)), cobra.ShellCompDirectiveNoFileComp
		},
	}
	call.register(cmd, "it can be ordered again")
	cmd.Flags().StringVar(&till, "until", "", "when it ends by itself: a time of today at the bakery such as 14:00, or one like 2026-01-31T14:00:00+01:00")
	cmd.MarkFlagsMutuallyExclusive("until", "back")
	return cmd
}

// untilTime is when something ends.
type untilTime struct {
	at time.Time
	// ofToday says that at is a time of day alone.
	ofToday bool
}

func parseUntil(text string) (untilTime, error) {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return untilTime{at: at}, nil
	}
	at, err := time.Parse("15:04", text)
	if err != nil {
		return untilTime{}, fmt.Errorf("--until %q: give a time of today at the bakery such as 14:00, or one like 2026-01-31T14:00:00+01:00", safeText(text))
	}
	return untilTime{at: at, ofToday: true}, nil
}

// onDayOf is the time in the zone of now, which says what today is. It returns an error
// for a time of day that is over.
func (u untilTime) onDayOf(now time.Time) (time.Time, error) {
	if !u.ofToday {
		return u.at.In(now.Location()), nil
	}
	until := time.Date(now.Year(), now.Month(), now.Day(), u.at.Hour(), u.at.Minute(), 0, 0, now.Location())
	if !until.After(now) {
		return time.Time{}, fmt.Errorf("--until %s: that is over, it is %s at the bakery; give a time like %s",
			u.at.Format("15:04"), now.Format("15:04"), until.AddDate(0, 0, 1).Format(time.RFC3339))
	}
	return until, nil
}

func newStationsPauseCommand() *cobra.Command {
	var (
		call   staffCall
		reason string
	)
	cmd := &cobra.Command{
		Use:   "pause STAGE",
		Short: "Pause a station: nobody begins anything there",
		Long: `Pause a station: nobody can begin anything there until it goes on. What is in hand
can be finished. Meanwhile the station has no alarm, and no manager is asked about
silence there. This is for those who work there, and for managers.`,
		Example: `  cupcakery stations pause bake --reason "oven 2 is out"`,
		Args:    exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			stage, err := kitchen.ParseStage(args[0])
			if err != nil {
				return &exitError{exitUsage, err}
			}
			return call.run(cmd, fmt.Sprintf("The station %s is paused.", stage), func(ctx context.Context, apiClient *client.ClientWithResponses) (answered, error) {
				answer, err := apiClient.PauseStationWithResponse(ctx, stage, wire.PauseRequest{Reason: reason})
				if err != nil {
					return answered{}, err
				}
				return answered{status: answer.StatusCode(), body: answer.Body}, nil
			})
		},
		ValidArgsFunction: completeStage,
	}
	call.register(cmd, "")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the people who read it")
	return cmd
}

func newStationsResumeCommand() *cobra.Command {
	var call staffCall
	cmd := &cobra.Command{
		Use:     "resume STAGE",
		Short:   "Let a station go on that was paused",
		Example: `  cupcakery stations resume bake`,
		Args:    exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			stage, err := kitchen.ParseStage(args[0])
			if err != nil {
				return &exitError{exitUsage, err}
			}
			return call.run(cmd, fmt.Sprintf("The station %s goes on.", stage), func(ctx context.Context, apiClient *client.ClientWithResponses) (answered, error) {
				answer, err := apiClient.ResumeStationWithResponse(ctx, stage)
				if err != nil {
					return answered{}, err
				}
				return answered{status: answer.StatusCode(), body: answer.Body}, nil
			})
		},
		ValidArgsFunction: completeStage,
	}
	call.register(cmd, "")
	return cmd
}

func completeStage(_ *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return startingWith(typed, kitchen.StageNames()), cobra.ShellCompDirectiveNoFileComp
}

func newStaffSignOutCommand() *cobra.Command {
	var call staffCall
	cmd := &cobra.Command{
		Use:   "sign-out NAME",
		Short: "End all sessions of a person",
		Long: `End all sessions of a person, wherever they are signed in: when a tablet was lost,
for example. The person may sign in again; a new PIN keeps out whoever knows the old
one. This is for managers.`,
		Example: `  cupcakery staff sign-out bob`,
		Args:    exactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return call.run(cmd, fmt.Sprintf("All sessions of %s have ended.", safeText(args[0])), func(ctx context.Context, apiClient *client.ClientWithResponses) (answered, error) {
				answer, err := apiClient.EndSessionsWithResponse(ctx, args[0])
				if err != nil {
					return answered{}, err
				}
				return answered{status: answer.StatusCode(), body: answer.Body}, nil
			})
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	call.register(cmd, "")
	return cmd
}
