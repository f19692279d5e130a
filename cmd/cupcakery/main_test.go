package main

import (
	"os"
	"testing"
)

// actAsProgram, set in the environment, makes this test binary the program
// itself, so that tests can run it as a process of its own.
const actAsProgram = "CUPCAKERY_TEST_ACT_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(actAsProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}
