import { expect, test } from "vitest";
import { untilOf } from "./until";

const now = new Date(2026, 2, 4, 13, 30);

test("a time of day is the next moment of that time", () => {
  expect(untilOf("14:00", now)).toBe(new Date(2026, 2, 4, 14, 0).toISOString());
  expect(untilOf("13:30", now)).toBe(new Date(2026, 2, 5, 13, 30).toISOString());
  expect(untilOf("08:05", now)).toBe(new Date(2026, 2, 5, 8, 5).toISOString());
});

test("no time is no end", () => {
  expect(untilOf("", now)).toBeUndefined();
});
