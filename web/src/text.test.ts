import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { cleanText, countText, readCount } from "./text";

const range = { least: 1, most: 500 };

describe("a number of pieces", () => {
  test("may be written in the digits of every script that has ten digits", () => {
    for (const system of Intl.supportedValuesOf("numberingSystem")) {
      const digits = Array.from({ length: 10 }, (_, i) => new Intl.NumberFormat("en", { numberingSystem: system, useGrouping: false }).format(i));
      if (!digits.every((digit) => /^\p{Nd}$/u.test(digit))) continue; // not every system counts with ten digits
      expect([system, readCount(`${digits[2] ?? ""}${digits[7] ?? ""}`, range)]).toEqual([system, { value: 27 }]);
    }
  });

  test.each([["12", 12], [" 12 ", 12], ["\u206812\u2069", 12], ["007", 7], ["１２", 12], ["٣٤", 34], ["500", 500]])("%j is %i", (text, value) => {
    expect(readCount(text, range)).toEqual({ value });
  });

  test.each([
    ["", "Enter a whole number from 1 to 500, in digits."],
    ["1e2", "Enter a whole number from 1 to 500, in digits."],
    ["+5", "Enter a whole number from 1 to 500, in digits."],
    ["½", "Enter a whole number from 1 to 500, in digits."],
    ["1,5", "Whole pieces only, in digits: from 1 to 500."],
    ["1.5", "Whole pieces only, in digits: from 1 to 500."],
    ["1 000", "Whole pieces only, in digits: from 1 to 500."],
    ["0", "At least 1."],
    ["501", "At most 500."],
    ["9".repeat(400), "At most 500."],
  ])("%j is a fault: %s", (text, fault) => {
    expect(readCount(text, range)).toEqual({ fault });
  });
});

describe("a text that was pasted", () => {
  test.each([
    ["\u2068Ada\u2069", "Ada"],
    ["\uFEFFAda\u00AD Love\u2060lace", "Ada Lovelace"],
    ["Ada\tLovelace\u2028!\u0007", "Ada Lovelace !"],
    ["ring\r\nthe bell", "ring\nthe bell"],
  ])("%j is %j", (pasted, text) => {
    expect(cleanText(pasted)).toBe(text);
  });

  test.each(["👩‍👩‍👧", "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}", "می\u200Cخواهم", "ទឹក\u200Bដោះ", "שלום\u200F!", "❤️"])("keeps all parts of %s", (text) => {
    expect(cleanText(text)).toBe(text);
  });

  test("keeps exactly the invisible characters that the kitchen accepts", () => {
    const source = readFileSync("../kitchen/text.go", "utf8");
    const accepted = new Set<number>();
    for (const [, lo, hi, stride] of source.matchAll(/\{Lo: (0x\w+), Hi: (0x\w+), Stride: (\d+)\}/g)) {
      for (let code = Number(lo); code <= Number(hi); code += Number(stride)) accepted.add(code);
    }
    expect(accepted.size).toBeGreaterThan(100);
    for (let code = 0; code <= 0x10FFFF; code++) {
      const char = code >= 0xD800 && code <= 0xDFFF ? "" : String.fromCodePoint(code);
      if (/^[\p{Cf}\u2028\u2029]$/u.test(char) && (cleanText(char) === char) !== accepted.has(code)) throw new Error(`U+${code.toString(16)}: the kitchen ${accepted.has(code) ? "accepts" : "refuses"} it`);
    }
  });
});

test.each([[0, "0 pieces"], [1, "1 piece"], [6, "6 pieces"]])("%i things are %s", (count, text) => {
  expect(countText(count, "piece")).toBe(text);
});
