// Package client is the Go client of Cupcakery's API, generated from the
// API's openapi.yaml.
package client
