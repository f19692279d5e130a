package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/internal/retry"
	"github.com/cupcakery/cupcakery/wire"
)

// The channels that top follows.
const (
	channelKitchen  = "kitchen"
	channelOverview = "overview"
)

const (
	// statisticsEvery is how often what was done in the last hour is asked for.
	statisticsEvery = 10 * time.Second
	// onceWithin is how long --once waits for the API to know how the kitchen is.
	onceWithin = 20 * time.Second
)

func newTopCommand() *cobra.Command {
	var (
		settings orderSettings
		once     bool
	)
	cmd := &cobra.Command{
		Use:   "top",
		Short: "Show all stations live, on one screen",
		Long: `Show all stations live, on one screen: what waits, who has what in hand, what is
late and what failed, how much was done in the last hour, open questions, and what
is paused or sold out. It connects again by itself, and says while what it shows is
out of date. q ends it. This is for staff.

With --once, on a dumb terminal and in a pipe it shows that once. With -o json each
change is a document on a line of its own, until Ctrl-C; with --once it is one.`,
		Example: `  cupcakery top
  cupcakery top --once -o json | jq '.stages[] | {stage, waiting, late}'`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			apiClient, err := settings.connectAsStaff(cmd)
			if err != nil {
				return err
			}
			isScreen := isTerminal(cmd.InOrStdin()) && isTerminal(cmd.OutOrStdout()) && !isDumb() && settings.output != outputJSON
			switch {
			case isScreen && !once:
				return settings.showTop(cmd.Context(), apiClient, tea.WithInput(cmd.InOrStdin()), tea.WithOutput(cmd.OutOrStdout()))
			case settings.output == outputJSON && !once:
				return settings.printTops(cmd, apiClient)
			}
			return settings.printTop(cmd, apiClient)
		},
	}
	settings.register(cmd)
	settings.registerStaff(cmd)
	cmd.Flags().BoolVar(&once, "once", false, "show it once, and end")
	return cmd
}

// topNews is what has become known.
type topNews struct {
	liveNews
	statistics *wire.Statistics
	zone       *time.Location
}

// followTop tells what becomes known of the kitchen, one call at a time, until ctx
// ends.
func (s *orderSettings) followTop(ctx context.Context, apiClient *client.ClientWithResponses, tell func(topNews)) error {
	return handOn(ctx, tell,
		func(ctx context.Context, send func(topNews)) error {
			return s.follow(ctx, apiClient, []string{channelKitchen, channelOverview}, func(n liveNews) { send(topNews{liveNews: n}) })
		},
		func(ctx context.Context, send func(topNews)) error {
			for isZoneKnown := false; ; {
				// Whether the API is away, the live connection tells.
				if !isZoneKnown {
					if menu, err := apiClient.GetMenuWithResponse(ctx); err == nil && menu.JSON200 != nil {
						send(topNews{zone: zoneOf(*menu.JSON200)})
						isZoneKnown = true
					}
				}
				if answer, err := apiClient.GetStatisticsWithResponse(ctx); err == nil && answer.JSON200 != nil {
					send(topNews{statistics: answer.JSON200})
				}
				if !retry.Pause(ctx, statisticsEvery) {
					return nil
				}
			}
		})
}

// printTop prints how the kitchen is, once all of it is known.
func (s *orderSettings) printTop(cmd *cobra.Command, apiClient *client.ClientWithResponses) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), onceWithin)
	defer cancel()
	var (
		parts topParts
		lost  error
	)
	all := func() bool { return parts.complete() && parts.statistics != nil && parts.kitchen.Orders != nil }
	err := s.followTop(ctx, apiClient, func(n topNews) {
		parts.take(n)
		if lost = n.lost; lost != nil || all() {
			cancel()
		}
	})
	switch {
	case err != nil:
		return err
	case lost != nil:
		return lost
	case cmd.Context().Err() != nil:
		return &exitError{exitFailed, errors.New("interrupted")}
	case !parts.complete():
		return &exitError{exitUnavailable, fmt.Errorf("the API at %s has not told how the kitchen is within %s", s.api, onceWithin)}
	}
	report := parts.report(parts.at())
	if s.output == outputJSON {
		return writeJSON(cmd.OutOrStdout(), report, "  ")
	}
	if !report.Behind.Since.IsZero() {
		cmd.PrintErrln(outOfDate(report.Behind))
	}
	_, err = io.WriteString(coloured(cmd.OutOrStdout()), strings.Join(report.lines(0), "\n")+"\n")
	return err
}

// printTops prints each change as JSON.
func (s *orderSettings) printTops(cmd *cobra.Command, apiClient *client.ClientWithResponses) error {
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	var (
		parts   topParts
		failed  error
		away    bool
		printed topReport
	)
	err := s.followTop(ctx, apiClient, func(n topNews) {
		parts.take(n)
		switch {
		case n.lost != nil && !away:
			away = true
			cmd.PrintErrf("The API is away (%v); waiting for it.\n", n.lost)
		case n.lost == nil && away && n.message.Type != "":
			away = false
			cmd.PrintErrln("The API is back.")
		}
		if !parts.complete() || failed != nil {
			return
		}
		report := parts.report(parts.at())
		if printed.At = report.At; reflect.DeepEqual(printed, report) {
			return // only time has passed
		}
		printed = report
		if failed = writeJSON(cmd.OutOrStdout(), report, ""); failed != nil {
			cancel()
		}
	})
	return errors.Join(err, failed)
}

// take takes in what has become known.
func (p *topParts) take(n topNews) {
	if n.statistics != nil {
		p.statistics = n.statistics
	}
	if n.zone != nil {
		p.zone = n.zone
	}
	if n.message.Type != "" {
		p.add(n.message)
	}
}

// at is the newest of the API's times that have come.
func (p *topParts) at() time.Time {
	if p.kitchen.At.After(p.overview.At) {
		return p.kitchen.At
	}
	return p.overview.At
}

// showTop shows a full screen until the person quits.
func (s *orderSettings) showTop(ctx context.Context, apiClient *client.ClientWithResponses, options ...tea.ProgramOption) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	program := tea.NewProgram(newTopScreen(), append(options, tea.WithContext(ctx), tea.WithoutSignalHandler())...)
	var group errgroup.Group
	group.Go(func() error {
		defer program.Quit()
		return s.followTop(ctx, apiClient, func(n topNews) { program.Send(n) })
	})
	_, err := program.Run()
	interrupted := ctx.Err() != nil
	cancel()
	if err := group.Wait(); err != nil {
		return err
	}
	if err != nil && !interrupted {
		return fmt.Errorf("show the screen: %w; --once works without one", err)
	}
	return nil
}

// topScreen is the full screen of top.
type topScreen struct {
	clock         func() time.Time
	width, height int
	parts         topParts
	// ahead is how far the API's clock is ahead of ours.
	ahead time.Duration
	lost  error // nil while there is a connection
	since time.Time
}

func newTopScreen() *topScreen {
	return &topScreen{clock: time.Now, height: usualHeight, width: usualWidth}
}

// Init implements tea.Model.
func (s *topScreen) Init() tea.Cmd { return tick() }

// Update implements tea.Model.
func (s *topScreen) Update(message tea.Msg) (tea.Model, tea.Cmd) {
	switch message := message.(type) {
	case tea.WindowSizeMsg:
		s.width, s.height = message.Width, message.Height
	case topNews:
		s.take(message)
	case clockTick:
		return s, tick()
	case tea.KeyPressMsg:
		if key.Matches(message, keyQuit) {
			return s, tea.Quit
		}
	}
	return s, nil
}

func (s *topScreen) take(n topNews) {
	s.parts.take(n)
	switch {
	case n.lost != nil && s.lost == nil:
		s.lost, s.since = n.lost, s.clock()
	case n.lost != nil:
		s.lost = n.lost
	case n.message.Type == wire.LiveMessageTypeState:
		s.ahead = n.message.At.Sub(s.clock())
	case n.message.Type == wire.LiveMessageTypeSnapshot:
		s.lost = nil // what is shown is new again
	}
}

// View implements tea.Model.
func (s *topScreen) View() tea.View {
	view := tea.NewView(s.draw())
	view.AltScreen = true
	view.WindowTitle = "Cupcakery"
	return view
}

// draw returns the screen, as many lines as the terminal has.
func (s *topScreen) draw() string {
	var footer []string
	warn := func(look ansi.Style, text string) {
		for line := range strings.SplitSeq(ansi.Wrap(text, max(20, s.width), ""), "\n") {
			footer = append(footer, look.Styled(line))
		}
	}
	switch behind := s.parts.behind; {
	case s.lost != nil:
		warn(lookLate, "OUT OF DATE since "+timeOfDay(s.since)+", trying to connect again: "+printable(s.lost.Error()))
	case !behind.Since.IsZero():
		warn(lookSoon, outOfDate(behind))
	}
	footer = append(footer, faint.Styled("q quit"))
	room := max(1, s.height-len(footer))
	lines := []string{"waiting for the API…"}
	if s.parts.complete() {
		lines = s.parts.report(s.clock().Add(s.ahead)).lines(room)
	}
	lines = lines[:min(len(lines), room)]
	for len(lines) < room {
		lines = append(lines, "")
	}
	return cutTo(s.width, s.height, append(lines, footer...))
}
