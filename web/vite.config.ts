import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { licencesOfFiles } from "./scripts/licences.ts";

// Where "npm run dev" finds the API: a running "cupcakery dev".
const api = process.env["CUPCAKERY_URL"] ?? "http://127.0.0.1:8080";

const licences = ".vite/licences.json";

export default defineConfig({
  plugins: [react({ jsxImportSource: "#jsx" }), licencesOfFiles(licences)],
  build: {
    emptyOutDir: false, // scripts/clean.mjs does, and leaves what keeps the folder
    manifest: true, // for scripts/budget.mjs
    license: { fileName: licences }, // for internal/make/notices
    assetsInlineLimit: 0, // the pages' policy allows nothing inline
    modulePreload: { polyfill: false },
    target: "es2022",
  },
  server: {
    proxy: Object.fromEntries(
      ["/api", "/demo", "/openapi.yaml", "/asyncapi.yaml", "/problems", "/third-party-notices.txt"].map((path) => [path, { target: api, ws: path === "/api", changeOrigin: false }]),
    ),
  },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["src/testing.ts"],
    testTimeout: 60_000,
    restoreMocks: true,
  },
});
