package kitchen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// LoggedStatus is what the log tells of an order: its Status without what is the
// customer's own. It has neither their name nor their notes, allergies and piped
// messages, nor the words with which the order was cancelled.
type LoggedStatus struct {
	OrderID    string `json:"orderId"`
	PickupCode string `json:"pickupCode"`
	// Version grows with each step of the order. Of two, the one with the higher
	// version is right, in whatever order they are read.
	Version int64 `json:"version"`
	// Repeated says that this was told before, beside the same ticket: it may be
	// outdated if nothing else of the order was read.
	Repeated bool `json:"repeated,omitempty"`
	// DetailsVersion is the version with which something last changed that is left
	// out here.
	DetailsVersion int64 `json:"detailsVersion"`
	// At is when the order took the step, by Temporal's clock.
	At          time.Time     `json:"at"`
	State       OrderState    `json:"state"`
	Route       Route         `json:"route"`
	Stage       Stage         `json:"stage,omitempty"`
	WaitingFor  Stage         `json:"waitingFor,omitempty"`
	Lines       []Line        `json:"lines"`
	PlacedAt    time.Time     `json:"placedAt"`
	ShippedAt   *time.Time    `json:"shippedAt,omitempty"`
	CancelledAt *time.Time    `json:"cancelledAt,omitempty"`
	Stages      []StageStatus `json:"stages"`
	Remakes     int           `json:"remakes"`
	Scrapped    int           `json:"scrapped"`
	Attention   *Attention    `json:"attention,omitempty"`
}

// ForLog is what the log tells of the status. It shares nothing with it that
// changes.
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
		PlacedAt:       s.PlacedAt,
		ShippedAt:      s.ShippedAt,
		CancelledAt:    s.CancelledAt,
		Stages:         CloneStages(s.Stages),
		Remakes:        s.Remakes,
		Scrapped:       s.Scrapped,
		Attention:      s.Attention,
	}
	for i := range told.Lines {
		told.Lines[i].Message = ""
	}
	return told
}

// With is the status as the log tells it now; what the log leaves out stays as it
// is in s.
func (s Status) With(told LoggedStatus) Status {
	s.Version, s.DetailsVersion = told.Version, told.DetailsVersion
	s.State, s.Route, s.Stage, s.WaitingFor = told.State, told.Route, told.Stage, told.WaitingFor
	s.PlacedAt, s.ShippedAt, s.CancelledAt = told.PlacedAt, told.ShippedAt, told.CancelledAt
	s.Stages = append([]StageStatus{}, CloneStages(told.Stages)...) // in JSON a list, never null
	s.Remakes, s.Scrapped, s.Attention = told.Remakes, told.Scrapped, told.Attention
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
	return atMost("pickupCode", s.PickupCode, maxPickupCode)
}
