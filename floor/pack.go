package floor

import (
	"encoding/binary"
	"reflect"
	"time"
)

// pack appends a value to data in few bytes: what a struct has one after the other,
// without names. In JSON an order's status takes three times as many, and there may
// be very many orders. What was packed is for this process alone. Times come back as
// printable.
func pack(data []byte, value reflect.Value) []byte {
	switch value.Kind() {
	case reflect.Struct:
		if at, isTime := value.Interface().(time.Time); isTime {
			return binary.AppendUvarint(binary.AppendVarint(data, at.Unix()), uint64(at.Nanosecond())) //nolint:gosec // never negative
		}
		for i := range value.NumField() {
			data = pack(data, value.Field(i))
		}
		return data
	case reflect.Pointer:
		if value.IsNil() {
			return append(data, 0)
		}
		return pack(append(data, 1), value.Elem())
	case reflect.Slice:
		if value.IsNil() {
			return append(data, 0)
		}
		data = binary.AppendUvarint(data, uint64(value.Len())+1)
		for i := range value.Len() {
			data = pack(data, value.Index(i))
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
		return binary.AppendVarint(data, value.Int()) // and panics for what is no number
	}
}

// unpack is the inverse of pack: it sets a value, which must be zero, and returns the
// rest of data.
func unpack(data []byte, value reflect.Value) []byte {
	count := func() int {
		n, size := binary.Uvarint(data)
		data = data[size:]
		return int(n) //nolint:gosec // the length of something
	}
	number := func() int64 {
		n, size := binary.Varint(data)
		data = data[size:]
		return n
	}
	switch value.Kind() {
	case reflect.Struct:
		if at, isTime := value.Addr().Interface().(*time.Time); isTime {
			seconds := number()
			*at = printable(time.Unix(seconds, int64(count())))
			return data
		}
		for i := range value.NumField() {
			data = unpack(data, value.Field(i))
		}
	case reflect.Pointer:
		if count() == 1 {
			value.Set(reflect.New(value.Type().Elem()))
			data = unpack(data, value.Elem())
		}
	case reflect.Slice:
		if n := count(); n > 0 {
			value.Set(reflect.MakeSlice(value.Type(), n-1, n-1))
			for i := range n - 1 {
				data = unpack(data, value.Index(i))
			}
		}
	case reflect.String:
		n := count()
		value.SetString(string(data[:n]))
		data = data[n:]
	case reflect.Bool:
		value.SetBool(count() == 1)
	default:
		value.SetInt(number())
	}
	return data
}
