import { describe, expect, test } from "vitest";
import type { Line, PriceList } from "./api/schema.gen";
import { moneyText, priceOf, totalOf, totalText } from "./prices";

const prices: PriceList = { currency: "EUR", decimals: 2, sizes: { M: 240, L: 320 }, surcharges: { nut: 20 }, message: 50 };

/** A text without the spaces that languages put between a currency and its amount. */
const bare = (text: string) => text.replace(/\s/g, "");

describe("an amount", () => {
  test.each([
    [{ currency: "EUR", decimals: 2 }, 5, "€0.05"],
    [{ currency: "EUR", decimals: 2 }, 2880, "€28.80"],
    [{ currency: "EUR", decimals: 2 }, 30_000_000_000_001, "€300,000,000,000.01"],
    [{ currency: "JPY", decimals: 0 }, 1440, "¥1,440"],
    [{ currency: "KWD", decimals: 3 }, 2565, "KWD2.565"],
    // Browsers know other numbers of decimals for these.
    [{ currency: "EUR", decimals: 3 }, 2880, "€2.880"],
    [{ currency: "JPY", decimals: 2 }, 144_050, "¥1,440.50"],
  ])("in %j of %i is %s", (currency, amount, text) => {
    expect(bare(moneyText(currency, amount)).replace("JP¥", "¥")).toBe(text);
  });
});

describe("a line", () => {
  test.each([
    [{ flavour: "vanilla", size: "M" }, 240],
    [{ flavour: "nut", size: "M" }, 260],
    [{ flavour: "nut", size: "L", message: "Hi" }, 390],
    [{ flavour: "vanilla", size: "XL" }, undefined],
  ] as const)("%j costs %s a piece", (line, price) => {
    expect(priceOf(prices, line)).toBe(price);
  });
});

describe("the total", () => {
  test("of any lines is their sum, piece by piece", () => {
    const sizes = ["M", "L"] as const;
    for (let seed = 0; seed < 200; seed++) {
      const lines: Line[] = [];
      let sum = 0;
      for (let i = 0; i < 1 + (seed % 20); i++) {
        const size = sizes[(seed + i) % 2] ?? "M";
        const [nutty, piped, quantity] = [(seed * 7 + i) % 3 === 0, (seed + i * 5) % 4 === 0, 1 + ((seed * 31 + i * 17) % 500)];
        lines.push({ flavour: nutty ? "nut" : "vanilla", size, quantity, ...(piped && { message: "Hi" }) });
        for (let piece = 0; piece < quantity; piece++) sum += (size === "M" ? 240 : 320) + (nutty ? 20 : 0) + (piped ? 50 : 0);
      }
      expect(totalOf(prices, lines)).toEqual({ currency: "EUR", decimals: 2, amount: sum });
    }
  });

  test("is none without prices, and none if a line has no price", () => {
    expect(totalOf(undefined, [{ flavour: "vanilla", size: "M", quantity: 1 }])).toBeUndefined();
    expect(totalOf(prices, [{ flavour: "vanilla", size: "M", quantity: 1 }, { flavour: "vanilla", size: "S", quantity: 1 }])).toBeUndefined();
  });

  test("of an order says when it is paid", () => {
    const total = { currency: "EUR", decimals: 2, amount: 2880 };
    expect(totalText({ state: "in-progress", total })).toBe("€28.80, paid at pickup");
    expect(totalText({ state: "cancelled", total })).toBe("€28.80, nothing to pay");
    expect(totalText({ state: "shipped" })).toBeUndefined();
  });
});
