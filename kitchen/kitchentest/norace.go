//go:build !race

package kitchentest

const raceCost = 0

// RaceDetector reports whether tests run with the race detector.
const RaceDetector = false
