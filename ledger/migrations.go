package ledger

import "embed"

// migrations lead an empty schema to the present one. None names a schema: they run
// in whichever the connection's search path begins with.
//
//go:embed migrations/*.sql
var migrations embed.FS
