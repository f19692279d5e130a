package board

import (
	"os"
	"testing"
)

// All tests run twice: with each ended ticket packed at once, and as it is usual.
func TestMain(m *testing.M) {
	usual := keptUnpacked
	keptUnpacked = 0
	if code := m.Run(); code != 0 {
		println("with each ended ticket packed at once")
		os.Exit(code)
	}
	keptUnpacked = usual
	os.Exit(m.Run())
}
