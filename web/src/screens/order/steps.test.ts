import { describe, expect, test } from "vitest";
import { continueTo, nextStep } from "./steps";

const lines = [{ flavour: "lemon", size: "M", quantity: 6 }] as const;

describe("the next step", () => {
  test.each([
    ["choose", [], ""],
    ["choose", [], "Grace"],
    ["continue", lines, ""],
    ["continue", lines, "  "],
    ["order", lines, "Grace"],
  ] as const)("is to %s", (step, lines, name) => {
    expect(nextStep({ lines, name })).toBe(step);
  });
});

describe("Continue", () => {
  test.each([
    ["basket", { basket: 1400, details: 2100 }],
    ["details", { basket: 80, details: 780 }],
    ["details", { basket: -900, details: -200 }],
    [null, { basket: -500, details: 200 }],
    [null, { basket: 100, details: 500 }],
  ] as const)("leads to %s", (to, places) => {
    expect(continueTo({ ...places, height: 740 })).toBe(to);
  });
});
