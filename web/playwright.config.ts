import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

// tools/install-chromium.sh makes the link.
const chromium = "../.tools/chromium";
if (!existsSync(chromium)) throw new Error("There is no .tools/chromium: run the browser tests with make, or tools/install-chromium.sh first.");

export default defineConfig({
  testDir: "browser",
  // Pictures prove nothing by themselves: "make screenshots" takes them, and only them.
  ...(process.env["SCREENSHOTS"] === undefined ? { testIgnore: "screenshots.spec.ts" } : { testMatch: "screenshots.spec.ts" }),
  outputDir: "test-results",
  // Each worker has a factory of its own; two cores carry no more.
  workers: 1,
  forbidOnly: true,
  retries: 0,
  timeout: 240_000,
  expect: { timeout: 60_000 },
  reporter: [["list"]],
  use: {
    browserName: "chromium",
    launchOptions: {
      executablePath: chromium,
      // The browser runs as whoever runs the tests, root too, and asks nobody but the factory. Sound needs a tap, as
      // it does in a shop.
      args: ["--no-sandbox", "--autoplay-policy=document-user-activation-required", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    },
    actionTimeout: 60_000,
    navigationTimeout: 60_000,
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    trace: "retain-on-failure",
  },
});
