package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
	"github.com/cupcakery/cupcakery/workflows"
)

// ExplainOrder tells everything that is known of an order.
func (s *Server) ExplainOrder(ctx context.Context, request ExplainOrderRequestObject) (ExplainOrderResponseObject, error) {
	ctx = requestContext(ctx)
	status, from, err := s.follower.status(ctx, request.ID)
	if err != nil {
		return nil, fmt.Errorf("follow the order: %w", err)
	}
	if from != fromClosed {
		s.floor.AddWork(&status)
	}
	ctx, cancel := context.WithTimeout(ctx, followWithin)
	defer cancel()
	in, _, err := s.follower.firstRequest(ctx, request.ID)
	if err != nil {
		return nil, fmt.Errorf("read what the order was placed with: %w", err)
	}
	happened, complete, err := s.follower.orders.Timeline(ctx, request.ID)
	if err != nil {
		return nil, fmt.Errorf("tell what has happened to the order: %w", err)
	}
	situation := situation{
		order: status, work: s.floor.Work(request.ID), happened: happened, now: now(), isBehind: !s.floor.Behind().Since.IsZero(),
		lead: s.leadOf(in), label: s.reasonLabel,
	}
	explained := wire.OrderExplanation{
		Behind: s.floor.Behind(), Order: status, Waiting: situation.waiting(), Happened: situation.told(), Incomplete: !complete,
		Boxes: s.kitchen.Packed(status.Lines), Rush: situation.work.Rush, TemporalURL: s.temporalURL(request.ID),
	}
	if late := situation.late(); late != nil {
		explained.Late = *late
	}
	return ExplainOrder200JSONResponse(explained), nil
}

// leadOf is how long the kitchen needs for an order: as it was when the order was placed,
// or as it is now for an order of a build that did not keep it.
func (s *Server) leadOf(in workflows.OrderInput) time.Duration {
	if in.Pickup != nil {
		return in.Pickup.At.Sub(in.Pickup.BeginAt)
	}
	return cmp.Or(in.Rules.Lead, &s.kitchen.Opening.Lead).For(in.Order.Pieces())
}

func (s *Server) reasonLabel(code string) string {
	for _, reason := range s.kitchen.Reasons {
		if reason.Code == code {
			return reason.Label
		}
	}
	return kitchen.Excerpt(code)
}

// CheckUIURL checks the address of Temporal's UI, which may be empty.
func CheckUIURL(address string) error {
	if address == "" {
		return nil
	}
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Host == "" || parsed.RawQuery != "" || parsed.Fragment != "" {
		return errors.New("write the address at which people open it, such as https://temporal.example.com")
	}
	return nil
}

// temporalURL is where Temporal's UI shows an order; empty without one.
func (s *Server) temporalURL(orderID string) string {
	if s.temporalUIURL == "" {
		return ""
	}
	return fmt.Sprintf("%s/namespaces/%s/workflows/%s", strings.TrimSuffix(s.temporalUIURL, "/"), url.PathEscape(s.follower.namespace), url.PathEscape(kitchen.WorkflowID(orderID)))
}

// told is everything that has happened, in words.
func (s situation) told() []wire.Happening {
	told := make([]wire.Happening, 0, len(s.happened)+2)
	add := func(h workflows.Happening, text string) {
		told = append(told, wire.Happening{At: h.At, Kind: wire.HappeningKind(h.Kind), Text: text, Stage: h.Stage, Pass: h.Pass, By: h.By})
	}
	for _, happened := range s.happened {
		add(happened, s.say(happened))
	}
	// Of an open ticket only the log knows that somebody has begun.
	if ticket := s.work.Ticket; s.work.Stage != "" && ticket.State == kitchen.TicketStarted && !ticket.StartedAt.IsZero() {
		taken := workflows.Happening{At: ticket.StartedAt, Kind: workflows.HappenedStarted, Stage: s.work.Stage, Pass: ticket.Pass, Undoing: ticket.Kind == kitchen.TicketUndo, By: ticket.By}
		add(taken, s.say(taken))
	}
	if rush := s.work.Rush; rush != (wire.Rush{}) {
		told = append(told, wire.Happening{At: rush.At, Kind: wire.HappenedRush, By: rush.By, Text: fmt.Sprintf("%s let it go before others: %s.", rush.By, strings.TrimSuffix(rush.Reason, "."))})
	}
	if flag := s.work.Collected; flag != nil {
		told = append(told, wire.Happening{At: flag.At.UTC(), Kind: wire.HappenedCollected, By: flag.By, Text: fmt.Sprintf("It was handed out, says %s.", flag.By)})
	}
	slices.SortStableFunc(told, func(x, y wire.Happening) int { return x.At.Compare(y.At) })
	return told
}

// say says in a sentence what has happened.
func (s situation) say(h workflows.Happening) string {
	task := string(h.Stage)
	if h.Undoing {
		task = "clearing away " + task
	}
	again := ""
	if h.Pass > 1 && !h.Undoing {
		again = fmt.Sprintf(", for the %s time", ordinal(h.Pass))
	}
	with := func(text string) string {
		if h.Note != "" {
			text += " “" + h.Note + "”"
		}
		if h.Scrapped > 0 {
			text += " " + capital(wasPieces(h.Scrapped)) + " thrown away."
		}
		return text
	}
	reason := strings.TrimSuffix(h.Reason, ".")
	if reason != "" {
		reason = ": " + reason
	}
	switch h.Kind {
	case workflows.HappenedPlaced:
		return fmt.Sprintf("It was ordered: %s.", pieces(kitchen.Order{Lines: s.order.Lines}.Pieces()))
	case workflows.HappenedIssued:
		if h.Attempt > 1 {
			return fmt.Sprintf("The ticket for %s went out again%s.", task, again)
		}
		return fmt.Sprintf("The ticket for %s went out%s.", task, again)
	case workflows.HappenedStarted:
		return fmt.Sprintf("%s began %s.", h.By, begun(h))
	case workflows.HappenedDone:
		return with(fmt.Sprintf("%s was done by %s.", capital(task), h.By))
	case workflows.HappenedUndone:
		return with(fmt.Sprintf("%s was cleared away by %s.", capital(h.Stage), h.By))
	case workflows.HappenedFailed:
		return with(fmt.Sprintf("%s failed, says %s%s.", capital(task), h.By, s.because(h.Reason)))
	case workflows.HappenedByHand:
		return fmt.Sprintf("The ticket for %s was ended in Temporal.", task)
	case workflows.HappenedWithdrawn:
		return fmt.Sprintf("The ticket for %s was withdrawn.", task)
	case workflows.HappenedAsked:
		return fmt.Sprintf("A manager was asked%s.", reason)
	case workflows.HappenedDecided:
		return with(fmt.Sprintf("%s decided: %s.", cmp.Or(h.By, "A manager"), h.Choice))
	case workflows.HappenedAmended:
		var changed []string
		for _, part := range []struct {
			is   bool
			name string
		}{{h.Notes, "notes"}, {h.Messages, "messages"}, {h.Phone, "phone number"}} {
			if part.is {
				changed = append(changed, part.name)
			}
		}
		verb := "were"
		if h.Phone && len(changed) == 1 {
			verb = "was"
		}
		return fmt.Sprintf("Its %s %s changed.", strings.Join(changed, " and "), verb)
	case workflows.HappenedCancelling:
		return fmt.Sprintf("%s asked to cancel it%s.", cmp.Or(h.By, "Somebody"), reason)
	case workflows.HappenedCancelled:
		return "It was cancelled, and nothing is left to clear away."
	case workflows.HappenedShipped:
		return "It was ready for pickup."
	case workflows.HappenedTerminated:
		return fmt.Sprintf("It was ended in Temporal%s.", reason)
	}
	return string(h.Kind)
}

// begun is what somebody began.
func begun(h workflows.Happening) string {
	if h.Undoing {
		return "to clear away " + string(h.Stage)
	}
	return "to " + string(h.Stage)
}

func pieces(n int) string {
	if n == 1 {
		return "1 cupcake"
	}
	return fmt.Sprintf("%d cupcakes", n)
}

func ordinal(n int) string {
	suffix := "th"
	switch {
	case n%100 >= 11 && n%100 <= 13:
	case n%10 == 1:
		suffix = "st"
	case n%10 == 2:
		suffix = "nd"
	case n%10 == 3:
		suffix = "rd"
	}
	return fmt.Sprintf("%d%s", n, suffix)
}
