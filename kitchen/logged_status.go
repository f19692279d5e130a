package kitchen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// MaxLoggedStatusBytes is the most that a LoggedStatus is in JSON: readers of the log
// read no more of a message.
const MaxLoggedStatusBytes = 64 << 10

// LoggedStatus is what the log tells of an order: its Status without what is the
// customer's own. It has neither their name nor their notes, allergies and piped
// messages, nor the words with which the order was cancelled, which may be theirs.
//
// It does have the words of staff: notes on work, why work is left as it is, and
// what a manager is asked. They are about the work, every page of an order shows
// them, and the same readers have them from the acks and from the announcements of
// questions. Without them a page would have to ask the workflow about each.
type LoggedStatus struct {
	OrderID    string `json:"orderId"`
	PickupCode string `json:"pickupCode"`
	// Version grows with each step of the order. Of two, the one with the higher
	// version is right, in whatever order they are read.
	Version int64 `json:"version"`
	// Repeated says that this is not the first try to tell it: it may be outdated if
	// nothing else of the order was read.
	Repeated bool `json:"repeated,omitempty"`
	// DetailsVersion is the version with which something last changed that is left
	// out here.
	DetailsVersion int64 `json:"detailsVersion"`
	// At is when the order took the step, by Temporal's clock.
	At         time.Time  `json:"at"`
	State      OrderState `json:"state"`
	Route      Route      `json:"route"`
	Stage      Stage      `json:"stage,omitempty"`
	WaitingFor Stage      `json:"waitingFor,omitempty"`
	Lines      []Line     `json:"lines"`
	// UnitPrices and Total are those of Status.
	UnitPrices  []int64    `json:"unitPrices,omitempty"`
	Total       *Money     `json:"total,omitempty"`
	PlacedAt    time.Time  `json:"placedAt"`
	DueAt       *time.Time `json:"dueAt,omitempty"`
	ShippedAt   *time.Time `json:"shippedAt,omitempty"`
	CancelledAt *time.Time `json:"cancelledAt,omitempty"`
	// Stages are the passes, the oldest first. Of an order that was made again very
	// often the oldest are left out: see ForLog.
	Stages    []StageStatus `json:"stages"`
	Remakes   int           `json:"remakes"`
	Scrapped  int           `json:"scrapped"`
	Attention *Attention    `json:"attention,omitempty"`
	// Decisions and CancelledBy are those of Status.
	Decisions   []Decision `json:"decisions,omitempty"`
	CancelledBy string     `json:"cancelledBy,omitempty"`
}

// ForLog is what the log tells of the status. It shares nothing with it that
// changes, and is at most MaxLoggedStatusBytes in JSON: for that the oldest passes
// are left out, about which nothing can change any more, and if the last one is still
// too large, its texts are cut.
func (s Status) ForLog(at time.Time) LoggedStatus {
	told := LoggedStatus{
		OrderID:        s.ID,
		PickupCode:     s.PickupCode,
		Version:        s.Version,
		DetailsVersion: s.DetailsVersion,
		At:             at.UTC(),
		State:          s.State,
		Route:          slices.Clone(s.Route),
		Stage:          s.Stage,
		WaitingFor:     s.WaitingFor,
		Lines:          slices.Clone(s.Lines),
		UnitPrices:     slices.Clone(s.UnitPrices),
		Total:          s.Total,
		PlacedAt:       s.PlacedAt,
		DueAt:          s.DueAt,
		ShippedAt:      s.ShippedAt,
		CancelledAt:    s.CancelledAt,
		Remakes:        s.Remakes,
		Scrapped:       s.Scrapped,
		Attention:      s.Attention,
		Decisions:      slices.Clone(s.Decisions),
		CancelledBy:    s.CancelledBy,
	}
	for i := range told.Lines {
		told.Lines[i].Message = ""
	}
	told.setStages(s.Stages)
	return told
}

// setStages sets as many of the newest passes as there is room for.
func (s *LoggedStatus) setStages(rows []StageStatus) {
	if s.sizeAtMost(rows) <= MaxLoggedStatusBytes {
		s.Stages = CloneStages(rows)
		return
	}
	// Whoever tells it again says so. Rows stand in brackets instead of null, and the
	// last one has no comma.
	first, room := len(rows), MaxLoggedStatusBytes-sizeOf(s)-len(`"repeated":true,`)+len("null")-len("[]")+len(",")
	for first > 0 {
		if room -= sizeOf(rows[first-1]) + len(","); room < 0 {
			break
		}
		first--
	}
	for first > 0 && first < len(rows) && rows[first].Pass == rows[first-1].Pass {
		first++ // a pass is told as a whole
	}
	isLast := func(row StageStatus) bool { return row.Pass == rows[len(rows)-1].Pass }
	if room >= 0 || first < len(rows) {
		s.Stages = CloneStages(rows[first:])
		return
	}
	// Not even the last pass fits: somebody who ended its tickets by hand in Temporal
	// has written much.
	s.Stages = CloneStages(rows[max(0, slices.IndexFunc(rows, isLast)):])
	s.cutTexts()
}

// cutTexts cuts all texts whose length nothing else bounds.
func (s *LoggedStatus) cutTexts() {
	cut := func(texts ...*string) {
		for _, text := range texts {
			*text = Excerpt(*text)
		}
	}
	for i := range s.Stages {
		row := &s.Stages[i]
		cut(&row.By, &row.MadeBy, &row.Reason, &row.Note)
		if undo := row.Undo; undo != nil {
			cut(&undo.By, &undo.Left)
		}
	}
	if s.Attention != nil {
		asked := *s.Attention
		cut(&asked.Reason, &asked.By, &asked.ReasonCode)
		s.Attention = &asked
	}
}

// sizeAtMost is an upper bound of the size of the status with these rows in JSON, which
// writes at most six bytes for one of a text: nearly all are so small that nothing needs
// to be encoded.
func (s *LoggedStatus) sizeAtMost(rows []StageStatus) int {
	const status, line, row, perByte = 1000, 100, 700, 6 // without texts
	texts := len(s.Route) * maxStageLength
	for i := range s.Lines {
		texts += len(s.Lines[i].Flavour)
	}
	for i := range rows {
		of := &rows[i]
		texts += len(of.By) + len(of.MadeBy) + len(of.Reason) + len(of.Note)
		if of.Undo != nil {
			texts += len(of.Undo.By) + len(of.Undo.Left)
		}
	}
	if asked := s.Attention; asked != nil {
		texts += len(asked.Reason) + len(asked.By) + len(asked.ReasonCode)
	}
	decisions := 0
	for i := range s.Decisions {
		decisions += s.Decisions[i].sizeAtMost()
	}
	texts += len(s.CancelledBy)
	return status + len(s.Lines)*line + len(rows)*row + decisions + perByte*texts
}

func sizeOf(told any) int {
	//workflowcheck:ignore the encoder's caches and pools do not show in what it writes
	written, err := json.Marshal(told)
	if err != nil {
		return 0 // then nobody can write it
	}
	return len(written)
}

// With is the status as the log tells it now; what the log leaves out stays as it
// is in s, and so do the prices, which go by the messages.
func (s Status) With(told LoggedStatus) Status {
	var stages []StageStatus
	for _, row := range s.Stages {
		if len(told.Stages) > 0 && row.Pass < told.Stages[0].Pass {
			stages = append(stages, row)
		}
	}
	s.Version, s.DetailsVersion = told.Version, told.DetailsVersion
	s.State, s.Route, s.Stage, s.WaitingFor = told.State, told.Route, told.Stage, told.WaitingFor
	s.PlacedAt, s.DueAt, s.ShippedAt, s.CancelledAt = told.PlacedAt, told.DueAt, told.ShippedAt, told.CancelledAt
	s.Stages = append([]StageStatus{}, CloneStages(append(stages, told.Stages...))...) // in JSON a list, never null
	s.Remakes, s.Scrapped, s.Attention = told.Remakes, told.Scrapped, told.Attention
	s.Decisions, s.CancelledBy = slices.Clone(told.Decisions), told.CancelledBy
	return s
}

// CloneStages copies stages in full.
func CloneStages(stages []StageStatus) []StageStatus {
	clones := slices.Clone(stages)
	for i, row := range clones {
		if row.Undo != nil {
			undo := *row.Undo
			clones[i].Undo = &undo
		}
	}
	return clones
}

// ParseLoggedStatus reads what the log tells of an order as the factory wrote it.
// Unknown fields are ignored; a missing or wrong one is named in the error.
func ParseLoggedStatus(data []byte) (LoggedStatus, error) {
	var told LoggedStatus
	if err := json.Unmarshal(bytes.TrimPrefix(data, []byte(byteOrderMark)), &told); err != nil {
		return LoggedStatus{}, fmt.Errorf("not an order's status: %w", decodeError("status", err))
	}
	if err := told.check(); err != nil {
		return LoggedStatus{}, err
	}
	return told, nil
}

// maxVersion is the largest number that every reader of JSON takes exactly.
const maxVersion = 1<<53 - 1

// check returns an error that names the first field that is missing or wrong.
func (s LoggedStatus) check() error {
	if err := CheckOrderID(s.OrderID); err != nil {
		return fmt.Errorf("orderId: %w", err)
	}
	switch {
	case s.Version < 1 || s.Version > maxVersion:
		return fmt.Errorf("version: must be from 1 to %d, it is %d", int64(maxVersion), s.Version)
	case s.DetailsVersion < 0 || s.DetailsVersion > s.Version:
		return fmt.Errorf("detailsVersion: must be from 0 to version, it is %d", s.DetailsVersion)
	case !slices.Contains(OrderStates(), s.State):
		return fmt.Errorf("state: %q is no state of an order", Excerpt(string(s.State)))
	}
	if s.Total != nil {
		if err := s.Total.Check(); err != nil {
			return fmt.Errorf("total: %w", err)
		}
		if len(s.UnitPrices) != len(s.Lines) {
			return fmt.Errorf("unitPrices: must have one price for each of %d lines, it has %d", len(s.Lines), len(s.UnitPrices))
		}
	}
	return atMost("pickupCode", s.PickupCode, maxPickupCode)
}
