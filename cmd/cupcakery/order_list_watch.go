package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/cupcakery/cupcakery/api/client"
	"github.com/cupcakery/cupcakery/internal/retry"
	"github.com/cupcakery/cupcakery/wire"
)

const (
	// listAtMostEvery is how often a watched list is asked for, if the kitchen's
	// counts change all the time.
	listAtMostEvery = 2 * time.Second
	// listAtLeastEvery is how often it is asked for though they do not.
	listAtLeastEvery = 30 * time.Second
	// listLooks is how many looks a change is worth: Temporal's lists lag behind.
	listLooks = 3
)

// listNews is what has become known of a watched list.
type listNews struct {
	page *wire.OrderPage
	lost error
}

// watchOrders keeps a list of orders up to date until the person or ctx ends it.
func (s *orderSettings) watchOrders(cmd *cobra.Command, apiClient *client.ClientWithResponses, list func(context.Context) (wire.OrderPage, error), wide bool) error {
	if isTerminal(cmd.InOrStdin()) && isTerminal(cmd.OutOrStdout()) && !isDumb() && s.output != outputJSON {
		ctx, cancel := context.WithCancel(cmd.Context())
		defer cancel()
		program := tea.NewProgram(newListScreen(wide), tea.WithInput(cmd.InOrStdin()), tea.WithOutput(cmd.OutOrStdout()), tea.WithContext(ctx), tea.WithoutSignalHandler())
		var group errgroup.Group
		group.Go(func() error {
			defer program.Quit()
			return s.followOrders(ctx, apiClient, list, func(n listNews) { program.Send(n) })
		})
		_, err := program.Run()
		interrupted := ctx.Err() != nil
		cancel()
		if err := group.Wait(); err != nil {
			return err
		}
		if err != nil && !interrupted {
			return fmt.Errorf("show the list: %w", err)
		}
		return nil
	}
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	changes := listChanges{out: coloured(cmd.OutOrStdout()), json: s.output == outputJSON}
	var failed error
	err := s.followOrders(ctx, apiClient, list, func(n listNews) {
		switch {
		case n.lost != nil && !changes.away:
			changes.away = true
			cmd.PrintErrf("The API is away (%v); waiting for it.\n", n.lost)
		case n.page != nil && changes.away:
			changes.away = false
			cmd.PrintErrln("The API is back.")
		}
		if n.page != nil && failed == nil {
			if failed = changes.show(n.page.Orders, time.Now()); failed != nil {
				cancel()
			}
		}
	})
	return errors.Join(err, failed)
}

// followOrders tells a list anew whenever it may have changed, one call at a time.
func (s *orderSettings) followOrders(ctx context.Context, apiClient *client.ClientWithResponses, list func(context.Context) (wire.OrderPage, error), tell func(listNews)) error {
	changed := make(chan struct{}, 1)
	return handOn(ctx, tell,
		func(ctx context.Context, send func(listNews)) error {
			return s.follow(ctx, apiClient, []string{channelKitchen}, func(n liveNews) {
				switch {
				case n.lost != nil:
					send(listNews{lost: n.lost})
				case n.message.Type == wire.LiveMessageTypeSnapshot:
					select {
					case changed <- struct{}{}:
					default:
					}
				}
			})
		},
		func(ctx context.Context, send func(listNews)) error {
			for looks := 1; ; looks-- {
				page, err := list(ctx)
				switch {
				case err == nil:
					send(listNews{page: &page})
				case ctx.Err() != nil:
					return nil
				case !isAway(err):
					return err
				}
				if !retry.Pause(ctx, listAtMostEvery) {
					return nil
				}
				select {
				case <-changed:
					looks = listLooks
					continue
				default:
				}
				if looks > 1 {
					continue
				}
				select {
				case <-changed:
					looks = listLooks
				case <-time.After(listAtLeastEvery):
					looks = 1
				case <-ctx.Done():
					return nil
				}
			}
		})
}

// listChanges writes what changes in a list, a line each.
type listChanges struct {
	out   io.Writer
	json  bool
	away  bool
	known map[string]wire.OrderSummary
}

func (c *listChanges) show(orders []wire.OrderSummary, now time.Time) error {
	before := c.known
	c.known = make(map[string]wire.OrderSummary, len(orders))
	var lines []string
	for _, order := range orders {
		c.known[order.ID] = order
		was, known := before[order.ID]
		delete(before, order.ID)
		switch {
		case known && reflect.DeepEqual(was, order):
		case c.json:
			if err := writeJSON(c.out, order, ""); err != nil {
				return err
			}
		default:
			lines = append(lines, orderLine(order, now))
		}
	}
	if c.json {
		return nil
	}
	for _, order := range before {
		lines = append(lines, fmt.Sprintf("%s  %s  is not in this list any more", timeOfDay(now), bold.Styled(safeText(order.PickupCode))))
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(c.out, line); err != nil {
			return err
		}
	}
	return nil
}

// orderLine is an order in one line of its own.
func orderLine(order wire.OrderSummary, now time.Time) string {
	state, look := orderState(order.State)
	words := []string{timeOfDay(now), bold.Styled(safeText(order.PickupCode)), look.Styled(state)}
	if order.Stage != "" {
		words = append(words, printable(string(order.Stage)))
	}
	if order.InHand.By != "" {
		words = append(words, "with "+inHandWords(order.InHand))
	}
	if order.Attention != nil {
		words = append(words, printable(order.Attention.Reason))
	}
	return strings.Join(append(words, printable(order.Customer.Name), orderTotal(order)), "  ")
}

// listScreen is a list that is kept up to date on a terminal.
type listScreen struct {
	wide          bool
	clock         func() time.Time
	width, height int
	top           int // the first order that is shown
	orders        []wire.OrderSummary
	behind        wire.Behind
	known         bool
	lost          error
	since         time.Time
}

func newListScreen(wide bool) *listScreen {
	return &listScreen{clock: time.Now, height: usualHeight, wide: wide, width: usualWidth}
}

// Init implements tea.Model.
func (s *listScreen) Init() tea.Cmd { return tick() }

// Update implements tea.Model.
func (s *listScreen) Update(message tea.Msg) (tea.Model, tea.Cmd) {
	switch message := message.(type) {
	case tea.WindowSizeMsg:
		s.width, s.height = message.Width, message.Height
	case clockTick:
		return s, tick()
	case listNews:
		switch {
		case message.page != nil:
			s.orders, s.behind, s.known, s.lost = message.page.Orders, message.page.Behind, true, nil
		case s.lost == nil:
			s.lost, s.since = message.lost, s.clock()
		}
	case tea.KeyPressMsg:
		switch {
		case key.Matches(message, keyQuit):
			return s, tea.Quit
		case key.Matches(message, keyUp):
			s.top--
		case key.Matches(message, keyDown):
			s.top++
		case key.Matches(message, keyPageUp):
			s.top -= s.height - 4
		case key.Matches(message, keyPageDown):
			s.top += s.height - 4
		case key.Matches(message, keyFirst):
			s.top = 0
		case key.Matches(message, keyLast):
			s.top = len(s.orders)
		}
	}
	return s, nil
}

// View implements tea.Model.
func (s *listScreen) View() tea.View {
	view := tea.NewView(s.draw())
	view.AltScreen = true
	view.WindowTitle = "Cupcakery: orders"
	return view
}

// draw returns the screen, as many lines as the terminal has.
func (s *listScreen) draw() string {
	now := s.clock()
	var heading []string
	footer := []string{faint.Styled("q quit · ↑↓ pgup/pgdn scroll")}
	switch {
	case s.lost != nil:
		footer = append([]string{lookLate.Styled("OUT OF DATE since " + timeOfDay(s.since) + ", trying to connect again: " + printable(s.lost.Error()))}, footer...)
	case !s.behind.Since.IsZero():
		footer = append([]string{lookSoon.Styled(outOfDate(s.behind))}, footer...)
	}
	lines := []string{"waiting for the API…"}
	switch {
	case s.known && len(s.orders) == 0:
		lines = []string{"No order matches."}
	case s.known && s.wide:
		lines = wideOrderLines(s.orders)
	case s.known:
		lines = orderLines(s.orders, s.width, now)
	}
	if len(s.orders) > 0 {
		heading, lines = lines[:1], lines[1:]
	}
	room := max(1, s.height-len(heading)-len(footer))
	s.top = min(max(0, s.top), max(0, len(lines)-room))
	if shown := lines[s.top:min(len(lines), s.top+room)]; len(shown) < len(lines) {
		footer[len(footer)-1] += faint.Styled(fmt.Sprintf(" · %d–%d of %d", s.top+1, s.top+len(shown), len(lines)))
		lines = shown
	}
	for len(lines) < room {
		lines = append(lines, "")
	}
	return cutTo(s.width, s.height, slices.Concat(heading, lines, footer))
}
