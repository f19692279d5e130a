package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/internal/make/dependencies"
)

func TestATextStandsOnceBelowAllThatItGoesWith(t *testing.T) {
	t.Parallel()
	text := string(render([]dependencies.Component{
		{Name: "b", Version: "v1", Texts: []string{"MIT\r\nby us\n"}}, {Name: "a", Version: "v2", Texts: []string{"MIT\nby us", "notice"}}, {Name: "a", Version: "v2", Texts: []string{"notice\n"}},
	}))
	rule := "================================================================================\n"
	require.Equal(t, "Third-party notices\n\nCupcakery contains the software below. Each text goes with what is named above it.\n"+
		"\n"+rule+"a v2\n"+rule+"\nnotice\n"+
		"\n"+rule+"a v2\nb v1\n"+rule+"\nMIT\nby us\n", text)
}
