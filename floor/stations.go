package floor

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/cupcakery/cupcakery/board"
	"github.com/cupcakery/cupcakery/kitchen"
	"github.com/cupcakery/cupcakery/wire"
)

// endedShown is how many tickets a board shows that have just ended.
const endedShown = 20

// packagedKept is how many tickets of the last station are kept for the overview,
// collected ones among them.
const packagedKept = 240

// stationFeed is the channel of a station's board.
type stationFeed struct {
	*feed
	floor *Floor
	stage kitchen.Stage
	rules wire.BoardRules

	// The feed's lock guards what follows. Only who has the floor's lock as well
	// changes it.
	open openTickets
	// taken is when somebody last began a ticket or finished with one.
	taken time.Time
	// refused is set if that may have been taken back since.
	refused bool
	// resumed is when the station was last let go on after a pause.
	resumed time.Time
	ended   []endedTicket // the newest, newest first
	// moreEnded is set while the board knows of others that have ended before.
	moreEnded bool
	// packaged are those of the last station for the overview, newest first: what waits
	// to be collected is there longer than what a board shows as just done.
	packaged []endedTicket
}

// endedTicket is a ticket that has ended, and when its end was read. The time
// at which it ended is what some station's clock says.
type endedTicket struct {
	wire.BoardTicket
	readAt time.Time
}

func (f *Floor) newStationFeed(stage kitchen.Stage) *stationFeed {
	s := &stationFeed{floor: f, stage: stage, rules: boardRules(f.kitchenFile, stage), open: openTickets{byOrder: make(map[string][]*openTicket)}}
	s.feed = newFeed(ChannelStation+string(stage), func() wire.LiveMessage {
		return wire.LiveMessage{Type: wire.LiveMessageTypeSnapshot, Board: s.board()}
	})
	return s
}

// board is the whole board, as it is now. It does not tell whether the floor is
// behind. The feed's lock is held.
func (s *stationFeed) board() wire.Board {
	b := wire.Board{
		At:      s.floor.now().UTC(),
		Cursor:  s.cursor(s.number),
		Ended:   make([]wire.BoardTicket, 0, len(s.ended)),
		Paused:  s.floor.paused(s.stage),
		Rules:   s.rules,
		Stage:   s.stage,
		Tickets: make([]wire.BoardTicket, 0, s.open.len()),
	}
	for _, ticket := range s.ended {
		b.Ended = append(b.Ended, ticket.BoardTicket)
	}
	for _, ticket := range s.open.queue {
		b.Tickets = append(b.Tickets, ticket.BoardTicket)
	}
	return b
}

// count counts the open tickets; now is readUntil.
func (s *stationFeed) count(now time.Time) wire.StageCounts {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := wire.StageCounts{Stage: s.stage, Waiting: s.open.waiting(), Started: s.open.started, Failed: s.open.failed, Oldest: s.open.oldest()}
	alarm := time.Duration(s.floor.kitchenFile.UntakenAfter)
	last := latest(s.taken, s.resumed)
	if _, paused := s.floor.flags.Get(kitchen.FlagPaused, string(s.stage)); paused || counts.Waiting == 0 || alarm <= 0 || now.Sub(last) <= alarm {
		return counts
	}
	if untaken := latest(s.open.arrived(), last); now.Sub(untaken) > alarm {
		counts.UntakenSince = printable(untaken)
	}
	return counts
}

// rebuild shows every ticket of the log, and makes all followers start again.
// The floor's lock is held.
func (s *stationFeed) rebuild() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, entry := range s.floor.board.Entries(s.stage) {
		s.place(entry.Ticket.TicketID)
	}
	s.restart()
	s.floor.kitchen.ticketsChanged()
	s.floor.overview.changed()
}

// update shows tickets as they are now, and publishes what that changes. The
// floor's lock is held.
func (s *stationFeed) update(ids ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change := wire.BoardChange{Tickets: []wire.BoardTicket{}, Removed: []string{}}
	for _, id := range ids {
		ticket, removed := s.place(id)
		if ticket != nil {
			change.Tickets = append(change.Tickets, *ticket)
		}
		change.Removed = append(change.Removed, removed...)
	}
	if s.moreEnded && len(s.ended) < endedShown {
		change.Tickets = append(change.Tickets, s.refill()...)
	}
	switch {
	case len(change.Tickets)+len(change.Removed) == 0:
		return
	case len(change.Tickets) > 1 || len(change.Removed) > 0: // mostly one ticket has changed
		if change = s.normalise(change); len(change.Tickets)+len(change.Removed) == 0 {
			return
		}
	}
	s.publish(change)
	s.floor.kitchen.ticketsChanged()
	s.floor.overview.changed()
}

// normalise names each ticket of a change once, by whether it is shown in the
// end: one may have made room for another that was removed again.
func (s *stationFeed) normalise(change wire.BoardChange) wire.BoardChange {
	normal := wire.BoardChange{Tickets: []wire.BoardTicket{}, Removed: []string{}}
	named := make(map[string]bool)
	for _, ticket := range slices.Backward(change.Tickets) { // the last one counts
		if !named[ticket.TicketID] && s.isShown(ticket.TicketID) {
			normal.Tickets = append(normal.Tickets, ticket)
		}
		named[ticket.TicketID] = true
	}
	slices.Reverse(normal.Tickets)
	for _, id := range change.Removed {
		if !s.isShown(id) && !slices.Contains(normal.Removed, id) {
			normal.Removed = append(normal.Removed, id)
		}
	}
	return normal
}

func (s *stationFeed) isShown(id string) bool {
	return s.open.get(id) != nil || s.endedPlace(id) >= 0
}

// endedPlace is a ticket's index in ended, or -1.
func (s *stationFeed) endedPlace(id string) int {
	return slices.IndexFunc(s.ended, func(t endedTicket) bool { return t.TicketID == id })
}

// place puts a ticket where it belongs on the board now. It returns the ticket
// if it is shown and differs from what was shown before, and the ids of those
// that are not shown any more.
func (s *stationFeed) place(id string) (changed *wire.BoardTicket, removed []string) {
	s.packaged = slices.DeleteFunc(s.packaged, func(t endedTicket) bool { return t.TicketID == id })
	open, endedPlace := s.open.get(id), s.endedPlace(id)
	wasShown := open != nil || endedPlace >= 0
	entry, known := s.floor.board.Get(id)
	if !known && !wasShown {
		return nil, nil // most tickets have no undo ticket
	}
	var before, now wire.BoardTicket
	if open != nil {
		before = open.BoardTicket
		s.floor.queue.count(before, -1)
	}
	if endedPlace >= 0 {
		before = s.ended[endedPlace].BoardTicket
		s.ended = slices.Delete(s.ended, endedPlace, endedPlace+1)
	}

	if entry.Ticket.Attempt > 0 {
		now = s.floor.boardTicket(entry)
	}
	s.noteTaken(entry)
	isOpen := false
	switch {
	case entry.Ticket.Attempt == 0:
		// The board has forgotten it, or knows only acks of it.
	case entry.Withdrawn && entry.State != kitchen.TicketStarted:
		// Its undo ticket is shown instead.
	case !entry.Ended() && entry.State != kitchen.TicketStarted && s.floor.board.MadeAnew(id):
		// The order is made anew, and has other tickets.
	case !entry.Ended():
		isOpen = true
		s.open.put(openTicket{now, s.floor.arrivedAt(entry)})
		s.floor.queue.count(now, 1)
	default:
		ended := endedTicket{now, s.floor.readAt(entry.Heard)}
		removed = s.placeEnded(ended)
		s.keepPackaged(ended)
	}
	if open != nil && !isOpen {
		s.open.remove(open)
	}
	isShown := s.isShown(id)
	switch {
	case isShown && !(wasShown && reflect.DeepEqual(before, now)):
		changed = &now
	case wasShown && !isShown:
		removed = append(removed, id)
	}
	return changed, removed
}

// noteTaken notes when a ticket was last begun or finished with.
func (s *stationFeed) noteTaken(entry board.Entry) {
	if entry.Ticket.Attempt > 0 && entry.Taken != (board.Heard{}) {
		s.taken = latest(s.taken, s.floor.readAt(entry.Taken))
	}
}

// noteRefused notes that a worker has refused an ack. Many may be refused in a
// moment, so what that changes is found out later. The floor's lock is held.
func (s *stationFeed) noteRefused() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused = true
}

// forgetRefused finds out anew when a ticket was last begun or finished with, if a
// worker has refused acks since. The floor's lock is held.
func (s *stationFeed) forgetRefused() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.refused {
		return
	}
	s.taken, s.refused = time.Time{}, false
	for _, entry := range s.floor.board.Entries(s.stage) {
		s.noteTaken(entry)
	}
	s.floor.kitchen.ticketsChanged()
	s.floor.overview.changed()
}

// placeEnded shows a ticket that has ended, and returns the id of one that had
// to make room for it.
func (s *stationFeed) placeEnded(ticket endedTicket) (removed []string) {
	at, _ := slices.BinarySearchFunc(s.ended, ticket, newestEndFirst)
	s.ended = slices.Insert(s.ended, at, ticket)
	if len(s.ended) > endedShown {
		last := s.ended[endedShown].TicketID
		s.ended, s.moreEnded = s.ended[:endedShown], true
		if last != ticket.TicketID {
			removed = append(removed, last)
		}
	}
	return removed
}

// keepPackaged keeps a ticket for the overview if its order is ready with it.
func (s *stationFeed) keepPackaged(ticket endedTicket) {
	if stages := kitchen.Stages(); s.stage != stages[len(stages)-1] {
		return
	}
	at, _ := slices.BinarySearchFunc(s.packaged, ticket, newestEndFirst)
	s.packaged = slices.Insert(s.packaged, at, ticket)
	s.packaged = s.packaged[:min(len(s.packaged), packagedKept)]
}

// refill shows tickets again that had to make room for others which are not
// shown any more, and returns them.
func (s *stationFeed) refill() []wire.BoardTicket {
	var ended []endedTicket
	for _, entry := range s.floor.board.Entries(s.stage) {
		if entry.Ended() && !entry.Withdrawn {
			ended = append(ended, endedTicket{s.floor.boardTicket(entry), s.floor.readAt(entry.Heard)})
		}
	}
	slices.SortFunc(ended, newestEndFirst)
	s.moreEnded = len(ended) > endedShown
	ended = ended[:min(len(ended), endedShown)]
	var back []wire.BoardTicket
	for _, ticket := range ended {
		if s.endedPlace(ticket.TicketID) < 0 {
			back = append(back, ticket.BoardTicket)
		}
	}
	s.ended = ended
	return back
}

func newestEndFirst(x, y endedTicket) int {
	return cmp.Or(y.readAt.Compare(x.readAt), strings.Compare(x.TicketID, y.TicketID))
}

// show brings tickets on the boards up to date with the log, and with each the ticket
// that it undoes or that undoes it. The floor's lock is held.
func (f *Floor) show(ticketIDs ...string) {
	if !f.caughtUp {
		return // everything is shown at once then
	}
	ids := make(map[kitchen.Stage][]string, 1)
	for _, ticketID := range ticketIDs {
		ref, err := kitchen.ParseTicketID(ticketID)
		if err != nil {
			continue // not reached: what was decoded has a good id
		}
		counterpart := ref.Undo()
		if ref.Kind == kitchen.TicketUndo {
			counterpart.Kind = kitchen.TicketMake
		}
		ids[ref.Stage] = append(ids[ref.Stage], ticketID, counterpart.TicketID())
		if ref.Kind == kitchen.TicketMake && ref.Pass > 1 {
			// What failed in the pass before waits for nothing any more.
			for _, stage := range kitchen.Stages() {
				before := kitchen.TicketRef{OrderID: ref.OrderID, Stage: stage, Pass: ref.Pass - 1, Kind: kitchen.TicketMake}
				ids[stage] = append(ids[stage], before.TicketID())
			}
		}
		f.counter.ticketChanged(ticketID)
	}
	for stage, of := range ids {
		f.stations[stage].update(of...)
	}
}

// boardTicket is a ticket as its station sees it. The floor's lock is held.
func (f *Floor) boardTicket(e board.Entry) wire.BoardTicket {
	ticket := wire.BoardTicket{
		AckBy:      printable(e.Ticket.AckBy),
		Allergies:  e.Ticket.Allergies,
		Attempt:    e.Attempt,
		By:         e.By,
		DueAt:      printable(e.Ticket.Due()),
		IssuedAt:   printable(e.Ticket.IssuedAt),
		Kind:       e.Ticket.Kind,
		Lines:      e.Ticket.Lines,
		Made:       e.Ticket.Made,
		Notes:      e.Ticket.Notes,
		Pass:       e.Ticket.Pass,
		PickupCode: e.Ticket.PickupCode,
		Rush:       f.rush(e.Ticket.OrderID),
		Since:      printable(e.Since),
		State:      e.State,
		TicketID:   e.Ticket.TicketID,
		Withdrawn:  e.Withdrawn,
	}
	if ticket.Lines == nil {
		ticket.Lines = []kitchen.Line{}
	}
	ticket.SilentAfterSeconds = int(e.Ticket.AckWithin().Seconds())
	if e.State == kitchen.TicketStarted {
		ticket.HeardAt = printable(e.Sign.Time)
	}
	if e.Ticket.Kind == kitchen.TicketMake && len(e.Ticket.Allergies) > 0 {
		ticket.Conflicts = f.kitchenFile.Menu.AllergyConflicts(e.Ticket.Lines, e.Ticket.Allergies)
	}
	if e.Ticket.Kind == kitchen.TicketUndo {
		makeID, _ := board.UndoneBy(e.Ticket.TicketID)
		undone, _ := f.board.Get(makeID)
		ticket.BegunBy = undone.BegunBy
	}
	if e.Ticket.Stage == kitchen.Package && e.Ticket.Kind == kitchen.TicketMake {
		ticket.Boxes = f.kitchenFile.Boxes(e.Ticket.Pieces())
		ticket.Customer, ticket.Total = e.Ticket.Customer, e.Ticket.Total
	}
	if e.StartedAt != nil {
		ticket.StartedAt = printable(*e.StartedAt)
	}
	if e.Ack != nil && e.Ack.Kind.Ends() {
		ticket.EndedAt = printable(e.Ack.At)
	}
	if e.State == kitchen.TicketFailed {
		ticket.Failure = newTicketFailure(e.Ticket, e.Ack)
	}
	if e.LastFailure != nil {
		ticket.LastFailure = newTicketFailure(e.Ticket, e.LastFailure)
	}
	return ticket
}

// arrivedAt is since when a ticket is at its station, by the log as far as that was
// read. The floor's lock is held.
func (f *Floor) arrivedAt(e board.Entry) time.Time {
	issued := f.readAt(e.Issued)
	if e.Ticket.Pass == 1 && e.Since.Before(issued) {
		return e.Since // its first delivery may be older than what was read
	}
	return issued
}

// boardRules are what a stage's board needs of the kitchen file.
func boardRules(k *kitchen.Kitchen, stage kitchen.Stage) wire.BoardRules {
	age := k.Age[stage]
	rules := wire.BoardRules{
		DueSoonSeconds:      int(k.DueSoon(stage).Seconds()),
		Batch:               stage.Info().Batch,
		LateAfterSeconds:    int(time.Duration(age.Late).Seconds()),
		OverdueAfterSeconds: int(time.Duration(age.Overdue).Seconds()),
		Reasons:             make([]wire.ReasonOnOffer, 0, len(k.Reasons)),
	}
	for _, reason := range k.Reasons {
		rules.Reasons = append(rules.Reasons, wire.ReasonOnOffer{Code: reason.Code, Label: reason.Label, Remake: reason.Then == kitchen.OutcomeRemake})
	}
	return rules
}

func newTicketFailure(ticket kitchen.Ticket, ack *kitchen.Ack) wire.TicketFailure {
	scrapped := ack.Scrapped
	if ticket.CheckScrapped(scrapped) != nil {
		scrapped = ticket.Pieces() // other programs may write any number
	}
	return wire.TicketFailure{At: printable(ack.At), By: ack.By, Note: ack.Note, Reason: ack.Reason, Scrapped: scrapped}
}

// printable is a time in UTC, or none if JSON cannot express it: anybody can
// write records to Kafka that are from the year 20,000.
func printable(t time.Time) time.Time {
	if t = t.UTC(); t.Year() < 1 || t.Year() > 9999 {
		return time.Time{}
	}
	return t
}
