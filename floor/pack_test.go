package floor

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cupcakery/cupcakery/internal/pack"
	"github.com/cupcakery/cupcakery/kitchen"
)

// fill sets everything that a value has to something else than zero, as drawn.
func fill(t *rapid.T, value reflect.Value) {
	switch value.Kind() {
	case reflect.Struct:
		if at, isTime := value.Addr().Interface().(*time.Time); isTime {
			*at = time.Unix(rapid.Int64Range(-62_135_596_800, 253_402_300_799).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")).UTC()
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

func TestWhatIsPackedIsUnpackedAsItWas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var want, got kitchen.LoggedStatus
		fill(t, reflect.ValueOf(&want).Elem())
		pack.Unpack(pack.Pack(&want, codeStatus), &got, codeStatus)
		want.OrderID, want.Lines, want.UnitPrices, want.Total = "", nil, nil, nil // which are not kept
		require.Equal(t, want, got)
	})
}
