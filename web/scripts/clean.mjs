// Removes what an earlier build left in dist, but not the file that keeps the
// folder there for Go's embed.
import { mkdirSync, readdirSync, rmSync } from "node:fs";

mkdirSync("dist", { recursive: true });
for (const name of readdirSync("dist")) {
  if (name !== ".gitkeep") rmSync(`dist/${name}`, { recursive: true });
}
