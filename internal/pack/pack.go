// Package pack keeps values that a process has very many of in few bytes. What is
// packed is for this process alone: nothing says what the bytes mean.
package pack

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Append appends a value to data: what a struct has one after the other, without
// names. It takes structs of exported fields, pointers, slices, texts, integers,
// booleans and times, and panics for anything else. In JSON the same takes three
// times as many bytes.
func Append[T any](data []byte, value *T) []byte {
	return appendValue(data, reflect.ValueOf(value).Elem())
}

// Read sets a value, which must be zero, to what was appended, and returns the rest
// of data. Times come back in UTC. Texts are copies: one that is kept does not keep
// all that it was packed with.
func Read[T any](data string, value *T) (rest string) {
	r := reader(data)
	r.read(reflect.ValueOf(value).Elem())
	return string(r)
}

func appendValue(data []byte, value reflect.Value) []byte {
	switch value.Kind() {
	case reflect.Struct:
		if at, isTime := value.Addr().Interface().(*time.Time); isTime {
			return binary.AppendUvarint(binary.AppendVarint(data, at.Unix()), uint64(at.Nanosecond())) //nolint:gosec // never negative
		}
		for i := range value.NumField() {
			if !value.Field(i).CanSet() {
				panic(fmt.Sprintf("%s.%s is not exported and could not be read again", value.Type(), value.Type().Field(i).Name))
			}
			data = appendValue(data, value.Field(i))
		}
		return data
	case reflect.Pointer:
		if value.IsNil() {
			return append(data, 0)
		}
		return appendValue(append(data, 1), value.Elem())
	case reflect.Slice:
		if value.IsNil() {
			return append(data, 0)
		}
		data = binary.AppendUvarint(data, uint64(value.Len())+1)
		for i := range value.Len() {
			data = appendValue(data, value.Index(i))
		}
		return data
	case reflect.String:
		return append(binary.AppendUvarint(data, uint64(value.Len())), value.String()...)
	case reflect.Bool:
		if value.Bool() {
			return append(data, 1)
		}
		return append(data, 0)
	default:
		return binary.AppendVarint(data, value.Int())
	}
}

// reader is what is left to be read.
type reader string

func (r *reader) read(value reflect.Value) {
	switch value.Kind() {
	case reflect.Struct:
		if at, isTime := value.Addr().Interface().(*time.Time); isTime {
			seconds := r.varint()
			*at = time.Unix(seconds, int64(r.count())).UTC()
			return
		}
		for i := range value.NumField() {
			r.read(value.Field(i))
		}
	case reflect.Pointer:
		if r.count() == 1 {
			value.Set(reflect.New(value.Type().Elem()))
			r.read(value.Elem())
		}
	case reflect.Slice:
		if n := r.count(); n > 0 {
			value.Set(reflect.MakeSlice(value.Type(), n-1, n-1))
			for i := range n - 1 {
				r.read(value.Index(i))
			}
		}
	case reflect.String:
		n := r.count()
		value.SetString(strings.Clone(string((*r)[:n])))
		*r = (*r)[n:]
	case reflect.Bool:
		value.SetBool(r.count() == 1)
	default:
		value.SetInt(r.varint())
	}
}

// uvarint is binary.Uvarint for a string.
func (r *reader) uvarint() (n uint64) {
	for i, shift := 0, 0; ; i, shift = i+1, shift+7 {
		b := (*r)[i]
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			*r = (*r)[i+1:]
			return n
		}
	}
}

func (r *reader) varint() int64 {
	n := r.uvarint()
	return int64(n>>1) ^ -int64(n&1) //nolint:gosec // zigzag
}

func (r *reader) count() int {
	return int(r.uvarint()) //nolint:gosec // the length of something
}
