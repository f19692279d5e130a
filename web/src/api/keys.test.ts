import { afterEach, describe, expect, test, vi } from "vitest";
import { newKey } from "./keys";

afterEach(() => { vi.unstubAllGlobals(); });

describe("a new key", () => {
  // The API takes 16 to 128 printable characters without spaces.
  test("is one that the API takes, and another each time", () => {
    const keys = Array.from({ length: 50 }, newKey);
    expect(keys.every((key) => /^[!-~]{16,128}$/.test(key))).toBe(true);
    expect(new Set(keys).size).toBe(50);
  });

  test("is as good on a page without https, where browsers have no randomUUID", () => {
    const real = crypto;
    vi.stubGlobal("crypto", { getRandomValues: (bytes: Uint8Array<ArrayBuffer>) => real.getRandomValues(bytes) });
    const keys = Array.from({ length: 50 }, newKey);
    expect(keys.every((key) => /^[0-9a-f]{32}$/.test(key))).toBe(true);
    expect(new Set(keys).size).toBe(50);
  });
});
