package ledger

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cupcakery/cupcakery/events"
	"github.com/cupcakery/cupcakery/kitchen"
)

// factKind says what a fact is.
type factKind string

// The kinds of facts.
const (
	factTicket  factKind = "ticket"
	factAck     factKind = "ack"
	factStatus  factKind = "status"
	factShipped factKind = "shipped"
	// factFailed is an announcement: an order was cancelled, or a manager is asked.
	factFailed factKind = "failed"
	// factCollected is that an order was handed out, or that this was taken back.
	factCollected factKind = "collected"
)

// Why a record counts for nothing.
const (
	rejectPoison    = "poison"
	rejectMisplaced = "misplaced"
	rejectUnknown   = "unknown"
	rejectFuture    = "future"
	// rejectUnfit is for what PostgreSQL does not take.
	rejectUnfit = "unfit"
)

const unfitReason = "the database does not take it"

// versionAhead is how far a status's version, which goes by Temporal's clock, may be
// ahead of the broker's time. One further ahead is no order's own, and would outdate all
// that the order tells.
const versionAhead = 24 * time.Hour

// Topics are those that the ledger reads.
func Topics() []string {
	var topics []string
	for _, stage := range kitchen.Stages() {
		topics = append(topics, events.TicketTopic(stage))
	}
	return append(topics, events.TopicAcks, events.TopicStatus, events.TopicShip, events.TopicFailures, events.TopicKitchenState)
}

// record is what a message is to the ledger: a fact, a reject, an erasure, or nothing.
type record struct {
	message  events.Message
	at       time.Time
	key      string // the order's; empty if it is about none
	kind     factKind
	body     []byte
	personal *personal
	reject   *reject
	erasure  *kitchen.Flag
}

type reject struct{ kind, reason string }

// personal is what a record tells that is the customer's own, or free text. Records are
// read in any order and more than once, so it is merged by rules that do not depend on
// that: of notes, allergies and messages the newest count, and remarks add up.
type personal struct {
	orderID  string
	customer string
	// told says that notes, allergies and messages are told; empty is that there are none.
	told                       bool
	notes, allergies, messages string
	remarks                    map[string]string
}

// takenBack is the body of a factCollected that takes the flag back, or tidies it away.
var takenBack = []byte(`{"takenBack":true}`)

// ackFact is an ack as it is kept. Its At may have been corrected; SaidAt is by the
// sender's clock, by which two records of one ack are told from two acks.
type ackFact struct {
	kitchen.Ack
	SaidAt time.Time `json:"saidAt"`
}

// readRecord reads what a message is to the ledger. It judges nothing that depends on
// other messages.
func readRecord(m events.Message) record {
	r := record{message: m, at: kitchen.TimeThatCanBe(m.Time)}
	var err error
	switch m.Topic {
	case events.TopicAcks:
		err = r.readAck()
	case events.TopicStatus:
		err = r.readStatus()
	case events.TopicShip:
		err = r.readShipped()
	case events.TopicFailures:
		err = r.readFailed()
	case events.TopicKitchenState:
		err = r.readFlag()
	default:
		err = r.readTicket()
	}
	if err == nil {
		return r
	}
	r.reject = rejectFor(err)
	r.key, r.kind, r.body, r.personal = "", "", nil, nil
	return r
}

// rejectError is a reject of the ledger's own making.
type rejectError struct{ reject }

func (e *rejectError) Error() string { return e.reason }

// rejectFor says why a record counts for nothing, without a word of the record: what an
// error quotes may be somebody's.
func rejectFor(err error) *reject {
	var own *rejectError
	var misplaced *events.MisplacedError
	switch {
	case errors.As(err, &own):
		return &own.reject
	case errors.As(err, &misplaced):
		return &reject{rejectMisplaced, misplaced.Error()}
	}
	return &reject{rejectPoison, "nobody can understand it"}
}

func unknown(what string) error {
	return &rejectError{reject{rejectUnknown, what + " that this build does not know"}}
}

func (r *record) readTicket() error {
	if err := r.checkType(events.TypeTicket); err != nil {
		return err
	}
	ticket, err := events.DecodeTicket(r.message)
	if err != nil {
		return err
	}
	if !ticket.Stage.Valid() || r.message.Topic != events.TicketTopic(ticket.Stage) {
		return unknown("of a stage")
	}
	ref := ticket.Ref()
	r.personal = &personal{orderID: ticket.OrderID, customer: ticket.Customer.Name}
	if ticket.Kind == kitchen.TicketMake {
		r.personal.told = true
		r.personal.notes, r.personal.allergies, r.personal.messages = ticket.Notes, strings.Join(ticket.Allergies, "\n"), messagesOf(ticket.Lines)
	}
	ticket.Notes, ticket.Allergies, ticket.Customer, ticket.Lines = "", nil, kitchen.Customer{}, withoutMessages(ticket.Lines)
	ticket.OrderID = kitchen.OrderKey(ref.OrderID)
	ref.OrderID = ticket.OrderID
	ticket.TicketID = ref.TicketID()
	return r.set(ticket.OrderID, factTicket, ticket)
}

func (r *record) readAck() error {
	ack, err := events.DecodeAck(r.message)
	if err != nil {
		return err
	}
	if !ack.Stage.Valid() {
		return unknown("of a stage")
	}
	ref, err := kitchen.ParseTicketID(ack.TicketID)
	if err != nil {
		return err // not reached: what was decoded has a good id
	}
	said := ack.SaidAt()
	r.personal = &personal{orderID: ack.OrderID}
	if ack.Note != "" {
		r.personal.remarks = map[string]string{ref.ActivityID() + " " + string(ack.Kind) + " " + stamp(said): ack.Note}
	}
	ref.OrderID = kitchen.OrderKey(ack.OrderID)
	ack.Note, ack.OrderID, ack.TicketID = "", ref.OrderID, ref.TicketID()
	return r.set(ref.OrderID, factAck, ackFact{ack, said})
}

func (r *record) readStatus() error {
	if err := r.checkType(events.TypeStatus); err != nil {
		return err
	}
	told, err := events.DecodeStatus(r.message)
	if err != nil {
		return err
	}
	if err := checkOrder(told.PickupCode, told.Lines); err != nil {
		return err
	}
	if err := checkCounts(told.Remakes, told.Scrapped, told.Stages, told.Attention, told.Decisions); err != nil {
		return err
	}
	if r.message.Appended && told.Version > r.message.Time.Add(versionAhead).UnixMilli() {
		return &rejectError{reject{rejectFuture, "its version is more than a day ahead of the broker's time"}}
	}
	r.personal = &personal{orderID: told.OrderID}
	r.personal.remark("question "+stampOf(told.Attention), reasonOf(told.Attention))
	r.personal.remarkLeft(told.Stages)
	told.OrderID = kitchen.OrderKey(told.OrderID)
	told.Stages, told.Attention, told.Lines = withoutWords(told.Stages), withoutReason(told.Attention), withoutMessages(told.Lines)
	return r.set(told.OrderID, factStatus, told)
}

func (r *record) readShipped() error {
	if err := r.checkType(events.TypeShipped); err != nil {
		return err
	}
	var shipped kitchen.Shipped
	if err := r.decodeOrder(&shipped, func() string { return shipped.OrderID }, &shipped.Total); err != nil {
		return err
	}
	if err := checkOrder(shipped.PickupCode, shipped.Lines); err != nil {
		return err
	}
	r.personal = &personal{orderID: shipped.OrderID, customer: shipped.Customer.Name}
	shipped.OrderID, shipped.Customer, shipped.Allergies, shipped.Lines = kitchen.OrderKey(shipped.OrderID), kitchen.Customer{}, nil, withoutMessages(shipped.Lines)
	return r.set(shipped.OrderID, factShipped, shipped)
}

func (r *record) readFailed() error {
	if err := r.checkType(events.TypeFailed); err != nil {
		return err
	}
	var failed kitchen.Failed
	if err := r.decodeOrder(&failed, func() string { return failed.OrderID }, &failed.Total); err != nil {
		return err
	}
	if err := checkOrder(failed.PickupCode, failed.Lines); err != nil {
		return err
	}
	if err := checkCounts(failed.Remakes, failed.Scrapped, failed.Stages, failed.Attention, nil); err != nil {
		return err
	}
	r.personal = &personal{orderID: failed.OrderID, customer: failed.Customer.Name}
	if failed.State == kitchen.StateCancelled {
		r.personal.remark("cancelled", failed.Reason)
	}
	r.personal.remark("question "+stampOf(failed.Attention), reasonOf(failed.Attention))
	r.personal.remarkLeft(failed.Stages)
	for i := range failed.NotUndone {
		failed.NotUndone[i].Reason = ""
	}
	failed.OrderID, failed.Customer, failed.Reason = kitchen.OrderKey(failed.OrderID), kitchen.Customer{}, ""
	failed.Lines, failed.Stages, failed.Attention = withoutMessages(failed.Lines), withoutWords(failed.Stages), withoutReason(failed.Attention)
	return r.set(failed.OrderID, factFailed, failed)
}

// decodeOrder reads an announcement, whose fields nobody has checked.
func (r *record) decodeOrder(into any, orderID func() string, total **kitchen.Money) error {
	m := r.message
	if len(m.Value) > events.MaxMessageBytes {
		return errors.New("too large")
	}
	if err := json.Unmarshal(m.Value, into); err != nil {
		return err
	}
	if err := kitchen.CheckOrderID(orderID()); err != nil {
		return err
	}
	if string(m.Key) != orderID() {
		return &events.MisplacedError{Message: m, OrderID: orderID()}
	}
	if *total != nil && (*total).Check() != nil {
		*total = nil
	}
	return nil
}

// longestCode is an upper bound on a pickup code.
const longestCode = 64

// checkOrder checks what is counted of an order, and its code, by which it is found. No
// order is beyond the limits.
func checkOrder(pickupCode string, lines []kitchen.Line) error {
	hard := kitchen.HardLimits()
	if len(pickupCode) > longestCode || len(lines) > hard.Lines {
		return errors.New("no order has that much")
	}
	for _, line := range lines {
		if line.Quantity < 0 || line.Quantity > hard.Quantity {
			return errors.New("no order has that many")
		}
	}
	return nil
}

// checkCounts checks the numbers that an order tells of its passes. Passes beyond the limit
// may be one pass in the columns of a table.
func checkCounts(remakes, scrapped int, rows []kitchen.StageStatus, asked *kitchen.Attention, decisions []kitchen.Decision) error {
	passes, counts := []int{}, []int{remakes, scrapped}
	for _, row := range rows {
		passes = append(passes, row.Pass)
		if row.Undo != nil {
			counts = append(counts, row.Undo.Scrapped)
		}
	}
	if asked != nil {
		passes = append(passes, asked.Pass)
	}
	for _, decision := range decisions {
		passes = append(passes, decision.Pass)
	}
	if slices.ContainsFunc(passes, func(pass int) bool { return pass < 1 || pass > kitchen.MaxPass }) {
		return errors.New("no order has that pass")
	}
	if slices.ContainsFunc(counts, func(count int) bool { return count < 0 || count > math.MaxInt32 }) {
		return errors.New("no order has that many")
	}
	return nil
}

func (r *record) readFlag() error {
	at, flag, err := events.DecodeFlag(r.message)
	switch {
	case errors.Is(err, kitchen.ErrUnknownFlag):
		return nil // of a kind that only another build knows; it is about no order here
	case err != nil && len(r.message.Value) == 0:
		return nil // what nobody could understand was cleared away
	case err != nil:
		return err
	}
	switch at.Kind {
	case kitchen.FlagErased:
		if flag != nil {
			r.key, r.erasure = at.Of, flag
		}
	case kitchen.FlagCollected:
		if source, _ := r.message.Header("ce_source"); flag == nil && source == events.SourceErase {
			return nil // the order was handed out all the same
		}
		r.personal = &personal{orderID: at.Of}
		if flag == nil {
			r.key, r.kind, r.body = kitchen.OrderKey(at.Of), factCollected, takenBack
			return nil
		}
		flag.Reason = ""
		return r.set(kitchen.OrderKey(at.Of), factCollected, flag)
	case kitchen.FlagPaused, kitchen.FlagRush, kitchen.FlagSession, kitchen.FlagSessions, kitchen.FlagSoldOut:
	}
	return nil
}

// checkType refuses an event of the factory's that says that it is of another type or
// version. Acks are read as leniently as everywhere: what a station writes there does
// not matter.
func (r *record) checkType(want string) error {
	if has, given := r.message.Header("ce_type"); given && has != want {
		return unknown("an event of a type or version")
	}
	return nil
}

// set sets the fact that the record is. PostgreSQL takes no NUL in its texts.
func (r *record) set(key string, kind factKind, fact any) error {
	body, err := json.Marshal(fact)
	if err != nil {
		return err
	}
	r.key, r.kind, r.body = key, kind, withoutNUL(body)
	return nil
}

// withoutNUL replaces each escaped NUL in JSON. A backslash that is escaped itself
// escapes nothing.
func withoutNUL(body []byte) []byte {
	const nul = `\u0000`
	if !bytes.Contains(body, []byte(nul)) {
		return body
	}
	var clean []byte
	for i := 0; i < len(body); i++ {
		switch {
		case bytes.HasPrefix(body[i:], []byte(nul)):
			clean = append(clean, "\ufffd"...)
			i += len(nul) - 1
		case body[i] == '\\' && i+1 < len(body):
			clean = append(clean, body[i], body[i+1])
			i++
		default:
			clean = append(clean, body[i])
		}
	}
	return clean
}

// text is a text that PostgreSQL takes.
func text(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\ufffd"), "\ufffd")
}

func (p *personal) remark(at, words string) {
	if words == "" {
		return
	}
	if p.remarks == nil {
		p.remarks = make(map[string]string)
	}
	p.remarks[at] = words
}

func (p *personal) remarkLeft(rows []kitchen.StageStatus) {
	for _, row := range rows {
		if row.Undo != nil {
			p.remark(fmt.Sprintf("%s.%d left", row.Stage, row.Pass), row.Undo.Left)
		}
	}
}

// stamp is a time as it names a remark.
func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }

func stampOf(asked *kitchen.Attention) string {
	if asked == nil {
		return ""
	}
	return stamp(asked.Since)
}

func reasonOf(asked *kitchen.Attention) string {
	if asked == nil {
		return ""
	}
	return asked.Reason
}

func withoutReason(asked *kitchen.Attention) *kitchen.Attention {
	if asked == nil {
		return nil
	}
	kept := *asked
	kept.Reason = ""
	return &kept
}

// leftAsItIs stands for the words with which a manager has left work as it is.
const leftAsItIs = "left"

func withoutWords(rows []kitchen.StageStatus) []kitchen.StageStatus {
	kept := kitchen.CloneStages(rows)
	for i := range kept {
		kept[i].Note = ""
		if undo := kept[i].Undo; undo != nil && undo.Left != "" {
			undo.Left = leftAsItIs
		}
	}
	return kept
}

func withoutMessages(lines []kitchen.Line) []kitchen.Line {
	kept := slices.Clone(lines)
	for i := range kept {
		kept[i].Message = ""
	}
	return kept
}

// messagesOf has a row for each line with a message: its number, a tab and the message.
func messagesOf(lines []kitchen.Line) string {
	var rows []string
	for i, line := range lines {
		if line.Message != "" {
			rows = append(rows, strconv.Itoa(i+1)+"\t"+line.Message)
		}
	}
	return strings.Join(rows, "\n")
}
