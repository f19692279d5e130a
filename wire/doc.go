// Package wire has the shapes that travel between the API and its clients: the
// bodies of requests and answers, and the messages of live connections. They
// are generated from api/openapi.yaml; where the factory has a type of its own
// for a shape, that is the kitchen package's.
package wire
