import { describe, expect, test } from "vitest";
import { addressOf, isOwnAddress } from "./way";

describe("the way back after a sign-in", () => {
  test.each(["/find", "/find?q=Ada%20L&state=shipped", "/find/0199c0de-7a11-7000-8000-00000000cafe", "/sheet?day=2026-11-28", "/history?tab=trace", "/stations/bake", "/find?q=//evil.example"])("leads to %s", (to) => {
    expect(isOwnAddress(to)).toBe(true);
  });

  test.each(["//evil.example/find", "https://evil.example/find", "/\\evil.example", "/find@evil.example", "/find//evil.example", "javascript:alert(1)", "/sign-in?to=/find", "/find#x", `/find?q=${"a".repeat(600)}`, "find", "", 5, undefined])("never leads to %s", (to) => {
    expect(isOwnAddress(to)).toBe(false);
  });

  test("has the search, or only the page if that is too much", () => {
    expect(addressOf({ pathname: "/find", search: "?q=ada" })).toBe("/find?q=ada");
    expect(addressOf({ pathname: "/find", search: `?q=${"a".repeat(600)}` })).toBe("/find");
  });
});
