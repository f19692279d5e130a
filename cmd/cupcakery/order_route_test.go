package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/kitchen"
)

func TestAnOrderIsShownWithItsOwnRoute(t *testing.T) {
	t.Parallel()
	status := at(kitchen.Mix, kitchen.TicketStarted, "bob")
	status.Route = kitchen.Route{"mix", "dust", "package"}
	lines := watchLines(status)
	require.Len(t, lines, 4)
	assert.Contains(t, lines[1], "mix ")
	assert.Equal(t, []string{"  dust      -", "  package   -"}, lines[2:])

	var text strings.Builder
	require.NoError(t, writeStatus(&text, status))
	assert.Contains(t, text.String(), "mix, dust, package")
}
