package events_test

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cupcakery/cupcakery/events"
)

// Whoever is asked what is kept of a person reads one table, so no topic may be missing.
func TestTheTableOfRetentionHasEveryTopicOnce(t *testing.T) {
	t.Parallel()
	page := read(t, "../docs/retention.md")
	names := regexp.MustCompile("`([a-z-]+)`")
	found := map[string]int{}
	for _, row := range regexp.MustCompile(`(?m)^\| ([^|]*) \|`).FindAllStringSubmatch(page, -1) {
		for _, name := range names.FindAllStringSubmatch(row[1], -1) {
			found[name[1]]++
		}
	}
	for _, topic := range events.Topics() {
		require.Equal(t, 1, found[topic], topic)
	}
}
