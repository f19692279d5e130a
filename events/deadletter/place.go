package deadletter

import (
	"fmt"
	"strconv"
	"strings"
)

// Place is where a letter lies in the topic of dead letters. People call a letter
// by it.
type Place struct {
	Partition int
	Offset    int64
}

// ParsePlace is the inverse of String.
func ParsePlace(text string) (Place, error) {
	left, right, _ := strings.Cut(text, "/")
	partition, err := strconv.ParseInt(left, 10, 32)
	offset, offsetErr := strconv.ParseInt(right, 10, 64)
	place := Place{int(partition), offset}
	if err != nil || offsetErr != nil || partition < 0 || offset < 0 || place.String() != text {
		return Place{}, fmt.Errorf("dead letter %q: call it by its place, PARTITION/OFFSET such as 3/17", clip(text, maxKeyBytes))
	}
	return place, nil
}

// String is the place as people write it: 3/17.
func (p Place) String() string { return fmt.Sprintf("%d/%d", p.Partition, p.Offset) }

// MarshalText implements encoding.TextMarshaler.
func (p Place) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Place) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePlace(string(text))
	return err
}
