package kitchen

import (
	"fmt"
	"strings"
	"time"
)

// Duration is a time.Duration that is written as text, such as "20m", in JSON
// and in the kitchen file.
type Duration time.Duration

// String writes d as short as ParseDuration reads it: "20m", not "20m0s".
func (d Duration) String() string {
	text := time.Duration(d).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a duration: write it like 20m, 90s or 1h30m", Excerpt(string(text)))
	}
	*d = Duration(parsed)
	return nil
}
