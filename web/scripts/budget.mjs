// Fails if the compressed JavaScript of a page exceeds the budget. It counts
// everything that the page loads: the entry, the page's own chunk and all that
// these import.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const budget = 150_000; // bytes

const manifest = JSON.parse(readFileSync("dist/.vite/manifest.json", "utf8"));
const pages = Object.keys(manifest).filter((name) => /^src\/screens\/.*Screen\.tsx$/.test(name));
for (const page of ["src/screens/order/OrderScreen.tsx", "src/screens/station/StationScreen.tsx"]) {
  if (!pages.includes(page)) throw new Error(`${page} is not in the build: which pages are there?`);
}
let tooLarge = false;
for (const page of pages) {
  const loaded = new Set();
  const load = (name) => {
    if (loaded.has(name)) return;
    loaded.add(name);
    (manifest[name].imports ?? []).forEach(load);
  };
  load("index.html");
  load(page);
  const files = [...new Set([...loaded].map((name) => manifest[name].file).filter((file) => file.endsWith(".js")))];
  const size = files.reduce((sum, file) => sum + gzipSync(readFileSync(`dist/${file}`), { level: 9 }).length, 0);
  const result = size > budget ? "TOO LARGE" : "ok";
  tooLarge ||= size > budget;
  console.log(`${result}: ${page} loads ${(size / 1000).toFixed(1)} kB of JavaScript, compressed, in ${files.length} files; the budget is ${budget / 1000} kB`);
}
process.exitCode = tooLarge ? 1 : 0;
