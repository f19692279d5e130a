// Package pack keeps values that a process has very many of in few bytes: what a
// value has one after the other, without names. In JSON the same takes three times as
// many. What is packed is for this process alone.
package pack

import (
	"encoding/binary"
	"strings"
	"time"
)

// Coder packs values, or unpacks them again: whoever has a value of some type says
// once, in a function, what it consists of, and that serves both ways. Unpacked texts
// are copies, so that one that is kept does not keep all that was packed with it.
type Coder struct {
	packed    []byte
	left      string
	unpacking bool
}

// Pack returns a value's bytes.
func Pack[T any](value *T, code func(*Coder, *T)) string {
	c := Coder{packed: make([]byte, 0, 512)}
	code(&c, value)
	return string(c.packed)
}

// Unpack sets a value to what was packed by the same function, or by one that begins
// in the same way.
func Unpack[T any](packed string, value *T, code func(*Coder, *T)) {
	code(&Coder{left: packed, unpacking: true}, value)
}

// Unpacking reports whether values are set to what was packed.
func (c *Coder) Unpacking() bool { return c.unpacking }

// Number codes a number.
func Number[T ~int | ~int64](c *Coder, value *T) {
	if !c.unpacking {
		c.packed = binary.AppendVarint(c.packed, int64(*value))
		return
	}
	var bits uint64
	for i, shift := 0, 0; ; i, shift = i+1, shift+7 {
		b := c.left[i]
		bits |= uint64(b&0x7f) << shift
		if b < 0x80 {
			c.left = c.left[i+1:]
			break
		}
	}
	*value = T(int64(bits>>1) ^ -int64(bits&1)) //nolint:gosec // as binary.Varint does it
}

// Text codes a text.
func Text[T ~string](c *Coder, value *T) {
	length := len(*value)
	Number(c, &length)
	if !c.unpacking {
		c.packed = append(c.packed, *value...)
		return
	}
	*value, c.left = T(strings.Clone(c.left[:length])), c.left[length:]
}

// Flag codes a boolean.
func Flag(c *Coder, value *bool) {
	var n int
	if *value {
		n = 1
	}
	Number(c, &n)
	if c.unpacking {
		*value = n == 1
	}
}

// Time codes a time, which comes back in UTC.
func Time(c *Coder, at *time.Time) {
	seconds, nanoseconds := at.Unix(), at.Nanosecond()
	Number(c, &seconds)
	Number(c, &nanoseconds)
	if c.unpacking {
		*at = time.Unix(seconds, int64(nanoseconds)).UTC()
	}
}

// Optional codes a value that there may be none of.
func Optional[T any](c *Coder, value **T, code func(*Coder, *T)) {
	has := *value != nil
	Flag(c, &has)
	if !has {
		return
	}
	if c.unpacking {
		*value = new(T)
	}
	code(c, *value)
}

// Slice codes values, of which there may also be none at all.
func Slice[S ~[]T, T any](c *Coder, values *S, code func(*Coder, *T)) {
	length := len(*values)
	if *values == nil {
		length = -1
	}
	Number(c, &length)
	if length < 0 {
		return
	}
	if c.unpacking {
		*values = make(S, length)
	}
	for i := range *values {
		code(c, &(*values)[i])
	}
}
