package pack_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cupcakery/cupcakery/internal/pack"
	"github.com/cupcakery/cupcakery/kitchen"
)

// fill sets all that a value has to what is drawn.
func fill(t *rapid.T, value reflect.Value) {
	switch value.Kind() {
	case reflect.Struct:
		if at, isTime := value.Addr().Interface().(*time.Time); isTime {
			*at = time.Unix(rapid.Int64().Draw(t, "seconds")/2, rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")).UTC()
			return
		}
		for i := range value.NumField() {
			fill(t, value.Field(i))
		}
	case reflect.Pointer:
		if rapid.IntRange(0, 3).Draw(t, "pointer") > 0 {
			value.Set(reflect.New(value.Type().Elem()))
			fill(t, value.Elem())
		}
	case reflect.Slice:
		if n := rapid.IntRange(-1, 3).Draw(t, "slice"); n >= 0 {
			value.Set(reflect.MakeSlice(value.Type(), n, n))
			for i := range n {
				fill(t, value.Index(i))
			}
		}
	case reflect.String:
		value.SetString(rapid.StringN(0, 200, -1).Draw(t, "text"))
	case reflect.Bool:
		value.SetBool(rapid.Bool().Draw(t, "bool"))
	default:
		value.SetInt(rapid.Int64().Draw(t, "number"))
	}
}

func comesBack[T any](t *testing.T) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		var want, got, zero, zeroBack T
		fill(t, reflect.ValueOf(&want).Elem())
		packed := pack.Append([]byte("before"), &want)
		require.Equal(t, "rest", pack.Read(string(packed[len("before"):])+"rest", &got))
		require.Equal(t, want, got)
		require.Empty(t, pack.Read(string(pack.Append(nil, &zero)), &zeroBack))
		require.Zero(t, zeroBack)
	})
}

func TestWhatIsPackedComesBackAsItWas(t *testing.T) {
	t.Parallel()
	comesBack[kitchen.LoggedStatus](t)
	comesBack[kitchen.Ticket](t)
}

func TestWhatCannotBePackedIsNoticed(t *testing.T) {
	t.Parallel()
	require.Panics(t, func() { pack.Append(nil, &map[string]int{}) })
	require.Panics(t, func() { pack.Append(nil, &struct{ hidden string }{"text"}) })
}
