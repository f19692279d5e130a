// Fails when the JavaScript of a customer's pages, compressed, is more than the
// budget. Counted is all that such a page loads: the entry, its own chunk and
// everything that these import.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const budget = 150_000; // bytes
const pages = ["src/screens/order/OrderScreen.tsx", "src/screens/tracking/TrackingScreen.tsx"];

const manifest = JSON.parse(readFileSync("dist/.vite/manifest.json", "utf8"));
let tooLarge = false;
for (const page of pages) {
  if (!manifest[page]) throw new Error(`${page} is not in the build: is it still a customer's page?`);
  const wanted = new Set();
  const want = (name) => {
    if (wanted.has(name)) return;
    wanted.add(name);
    (manifest[name].imports ?? []).forEach(want);
  };
  want("index.html");
  want(page);
  const files = [...new Set([...wanted].map((name) => manifest[name].file).filter((file) => file.endsWith(".js")))];
  const size = files.reduce((sum, file) => sum + gzipSync(readFileSync(`dist/${file}`), { level: 9 }).length, 0);
  const verdict = size > budget ? "TOO LARGE" : "ok";
  tooLarge ||= size > budget;
  console.log(`${verdict}: ${page} loads ${(size / 1000).toFixed(1)} kB of JavaScript, compressed, in ${files.length} files; the budget is ${budget / 1000} kB`);
}
process.exitCode = tooLarge ? 1 : 0;
