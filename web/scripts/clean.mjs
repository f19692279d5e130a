// Removes the output of earlier builds from dist, but not the file that keeps
// the folder for Go's embed.
import { mkdirSync, readdirSync, rmSync } from "node:fs";

mkdirSync("dist", { recursive: true });
for (const name of readdirSync("dist")) {
  if (name !== ".gitkeep") rmSync(`dist/${name}`, { recursive: true });
}
