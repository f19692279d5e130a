//go:build race

package kitchentest

// With the race detector sync.Pool forgets a quarter of what it is given, on
// purpose. So each match of a pattern may take some kilobytes.
const raceCost = 4 << 20

// RaceDetector reports whether tests run with the race detector.
const RaceDetector = true
