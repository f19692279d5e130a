package events

import _ "embed" // for AsyncAPI

// AsyncAPI is the contract for stations in any language: the topics, headers
// and payloads as an AsyncAPI 3.0 document in YAML.
//
//go:embed asyncapi.yaml
var AsyncAPI []byte
