// Removes what an earlier build left in dist, but not the file that keeps the
// folder there for Go's embed.
import { readdirSync, rmSync } from "node:fs";

for (const name of readdirSync("dist")) {
  if (name !== ".gitkeep") rmSync(`dist/${name}`, { recursive: true });
}
