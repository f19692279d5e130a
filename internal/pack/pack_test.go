package pack_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/cupcakery/cupcakery/internal/pack"
)

type kind string

type thing struct {
	Number int
	Long   int64
	Text   kind
	Flag   bool
	At     time.Time
	Maybe  *time.Time
	Inner  *thing
	Texts  []kind
	Inners []thing
}

func code(c *pack.Coder, t *thing) {
	pack.Number(c, &t.Number)
	pack.Number(c, &t.Long)
	pack.Text(c, &t.Text)
	pack.Flag(c, &t.Flag)
	pack.Time(c, &t.At)
	pack.Optional(c, &t.Maybe, pack.Time)
	pack.Optional(c, &t.Inner, code)
	pack.Slice(c, &t.Texts, pack.Text)
	pack.Slice(c, &t.Inners, code)
}

func draw(t *rapid.T, deep int) thing {
	at := func() time.Time {
		return time.Unix(rapid.Int64().Draw(t, "seconds")/2, rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")).UTC()
	}
	it := thing{
		Number: rapid.Int().Draw(t, "number"), Long: rapid.Int64().Draw(t, "long"), Text: kind(rapid.StringN(0, 200, -1).Draw(t, "text")),
		Flag: rapid.Bool().Draw(t, "flag"), At: at(),
	}
	if rapid.Bool().Draw(t, "maybe") {
		it.Maybe = new(at())
	}
	if deep > 0 && rapid.Bool().Draw(t, "inner") {
		it.Inner = new(draw(t, deep-1))
	}
	if n := rapid.IntRange(-1, 3).Draw(t, "texts"); n >= 0 {
		it.Texts = make([]kind, n)
		for i := range n {
			it.Texts[i] = kind(rapid.String().Draw(t, "one"))
		}
	}
	if n := rapid.IntRange(-1, 2).Draw(t, "inners"); deep > 0 && n >= 0 {
		it.Inners = make([]thing, n)
		for i := range n {
			it.Inners[i] = draw(t, deep-1)
		}
	}
	return it
}

func TestWhatIsPackedComesBackAsItWas(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := draw(t, 2)
		var got, zero thing
		pack.Unpack(pack.Pack(&want, code), &got, code)
		require.Equal(t, want, got)
		pack.Unpack(pack.Pack(&thing{}, code), &zero, code)
		require.Zero(t, zero)
	})
}
