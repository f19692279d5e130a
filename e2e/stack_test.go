//go:build !production

package e2e

// onProduction says that the tests run on the production stack.
const onProduction = false
