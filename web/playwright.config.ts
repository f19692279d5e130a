import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";

// tools/install-chromium.sh makes the link.
const chromium = "../.tools/chromium";
if (!existsSync(chromium)) throw new Error("There is no .tools/chromium: run the browser tests with make, or tools/install-chromium.sh first.");

const only = process.env["SCREENSHOTS"] !== undefined ? "screenshots.spec.ts" : process.env["BENCH"] !== undefined ? "bench.spec.ts" : undefined;

export default defineConfig({
  testDir: "browser",
  // Pictures and figures prove nothing by themselves: "make screenshots" and "make bench-board" take them, and only them.
  ...(only === undefined ? { testIgnore: ["screenshots.spec.ts", "bench.spec.ts"] } : { testMatch: only }),
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
      // The browser runs as whoever runs the tests, root too, and asks nobody but the factory.
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    },
    actionTimeout: 60_000,
    navigationTimeout: 60_000,
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    trace: "retain-on-failure",
  },
});
