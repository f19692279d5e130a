package kitchen

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// FlagKind is what a flag says of what it stands at. The zero value is no kind.
type FlagKind string

// The kinds of flags, and what each stands at.
const (
	// FlagCollected stands at an order that was handed out.
	FlagCollected FlagKind = "collected"
	// FlagErased stands at an order whose person is forgotten, by OrderKey. Nobody takes
	// it back: it keeps the order out of everything that is built from the log again, and
	// its Idempotency-Key from placing it anew.
	FlagErased FlagKind = "erased"
	// FlagPaused stands at a stage at which nobody begins anything.
	FlagPaused FlagKind = "paused"
	// FlagRush stands at an order that goes before others.
	FlagRush FlagKind = "rush"
	// FlagSession stands at a session that has ended before its time, by
	// SessionMark.
	FlagSession FlagKind = "session"
	// FlagSessions stands at a person whose sessions have all ended that do not know
	// of the flag: it goes by the flag's time.
	FlagSessions FlagKind = "sessions"
	// FlagSoldOut stands at a flavour that cannot be ordered.
	FlagSoldOut FlagKind = "sold-out"
)

// CollectedKept is how long after an order was handed out the flag that says so is tidied
// away, unless somebody has taken it back before.
const CollectedKept = 48 * time.Hour

// MaxFlagReason is the longest reason of a flag, in characters.
const MaxFlagReason = 200

// FlagAt is what a flag stands at: of each kind there is one at a place, or none.
type FlagAt struct {
	Kind FlagKind
	// Of is an order's id or key, a stage, a flavour, a session's mark or a person's name.
	Of string
}

// String is the key of the flag's records.
func (a FlagAt) String() string { return string(a.Kind) + "/" + a.Of }

// ErrUnknownFlag means that a flag is of a kind that only another build knows.
var ErrUnknownFlag = errors.New("no kind of flag that is known here")

// ParseFlagAt reads the key of a flag's record. Its error is ErrUnknownFlag if the
// kind is not known.
func ParseFlagAt(key string) (FlagAt, error) {
	kind, of, _ := strings.Cut(key, "/")
	at := FlagAt{FlagKind(kind), of}
	var err error
	switch at.Kind {
	case FlagCollected, FlagRush:
		err = CheckOrderID(of)
	case FlagErased:
		err = CheckOrderKey(of)
	case FlagPaused, FlagSession, FlagSoldOut:
		if of == "" || len(of) > maxCodeLength {
			err = fmt.Errorf("must have 1 to %d bytes, it has %d", maxCodeLength, len(of))
		}
	case FlagSessions:
		if n := utf8.RuneCountInString(of); !utf8.ValidString(of) || n < 1 || n > MaxByLength {
			err = fmt.Errorf("must have 1 to %d characters, it has %d", MaxByLength, n)
		}
	default:
		return at, fmt.Errorf("%q: %w", Excerpt(kind), ErrUnknownFlag)
	}
	if err != nil {
		return at, fmt.Errorf("what the key %q names behind the /: %w", Excerpt(key), err)
	}
	return at, nil
}

// Flag says something that belongs to no order, or to an order and not to its work.
// It stands until somebody takes it back or, if it has an end, until then.
type Flag struct {
	FlagAt `json:"-"`
	// By is who has put it up, and At when.
	By string    `json:"by"`
	At time.Time `json:"at"`
	// Until is when it ends by itself; nil if it does not.
	Until *time.Time `json:"until,omitempty"`
	// Reason is for people.
	Reason string `json:"reason,omitempty"`
}

// IsOver reports whether a flag has ended by itself.
func (f Flag) IsOver(now time.Time) bool { return f.Until != nil && !now.Before(*f.Until) }

// ParseFlag reads the value of the record of a flag. Fields that it does not know are
// ignored. One that it refuses can never be understood.
func ParseFlag(at FlagAt, data []byte) (Flag, error) {
	flag := Flag{}
	if err := json.Unmarshal(bytes.TrimPrefix(data, []byte(byteOrderMark)), &flag); err != nil {
		return Flag{}, decodeError("flag", err)
	}
	flag.FlagAt = at
	if n := utf8.RuneCountInString(flag.By); n < 1 || n > MaxByLength {
		return Flag{}, fmt.Errorf("by: must have 1 to %d characters, it has %d", MaxByLength, n)
	}
	if n := utf8.RuneCountInString(flag.Reason); n > MaxFlagReason {
		return Flag{}, fmt.Errorf("reason: must have at most %d characters, it has %d", MaxFlagReason, n)
	}
	for field, t := range map[string]*time.Time{"at": &flag.At, "until": flag.Until} {
		if t == nil {
			continue
		}
		if *t = t.UTC(); t.Year() < 1970 || t.Year() > 9999 {
			return Flag{}, fmt.Errorf("%s: %s", field, timeRemedy)
		}
	}
	return flag, nil
}
