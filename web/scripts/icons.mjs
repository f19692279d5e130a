// Draws the icons that phones and tablets put on their screens from our own
// cupcake, public/favicon.svg. Run it when that changes: npm run icons.
import { readFileSync, writeFileSync } from "node:fs";
import { chromium } from "@playwright/test";

const cupcake = readFileSync("public/favicon.svg", "utf8");
const background = "#fdf6ec"; // as in the manifests

const browser = await chromium.launch({ executablePath: "../.tools/chromium", args: ["--no-sandbox", "--disable-gpu"] });
for (const { name, size, share } of [
  { name: "icon-192", size: 192, share: 0.8 },
  { name: "icon-512", size: 512, share: 0.8 },
  // Whoever masks it cuts off all but a circle of four fifths.
  { name: "icon-maskable-512", size: 512, share: 0.56 },
]) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(`<body style="margin:0;display:grid;place-items:center;height:100vh;background:${background}"><div style="width:${share * 100}%">${cupcake}</div></body>`);
  writeFileSync(`public/icons/${name}.png`, await page.screenshot());
}
await browser.close();
