// Vite notes the licences of the packages whose code is in the pages. This adds
// those whose files are there, such as fonts.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin } from "vite";

export function licencesOfFiles(noted: string): Plugin {
  return {
    name: "licences-of-files",
    apply: "build",
    writeBundle: {
      order: "post",
      handler({ dir }, bundle) {
        const file = join(dir ?? "dist", noted);
        const licences = JSON.parse(readFileSync(file, "utf8")) as object[];
        const origins = Object.values(bundle).flatMap((part) => (part.type === "asset" ? part.originalFileNames : []));
        const packages = new Set(origins.flatMap((origin) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(origin)?.[0] ?? []));
        for (const folder of [...packages].sort()) {
          const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Readonly<Record<string, string>>;
          licences.push({ name, version, identifier: license, text: readFileSync(join(folder, "LICENSE"), "utf8") });
        }
        writeFileSync(file, JSON.stringify(licences, null, 2));
      },
    },
  };
}
