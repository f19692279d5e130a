import { expect, test } from "vitest";
import { comingText, untilOf } from "./until";

const now = new Date(2026, 2, 4, 13, 30);

test("a time of day is the next moment of that time", () => {
  expect(untilOf("14:00", now)).toBe(new Date(2026, 2, 4, 14, 0).toISOString());
  expect(untilOf("13:30", now)).toBe(new Date(2026, 2, 5, 13, 30).toISOString());
  expect(untilOf("08:05", now)).toBe(new Date(2026, 2, 5, 8, 5).toISOString());
});

test("no time is no end", () => {
  expect(untilOf("", now)).toBeUndefined();
});

test("a moment is told with its day, which may be tomorrow", () => {
  const told = (time: string) => comingText(untilOf(time, now) ?? "", now);
  expect(told("14:00")).toBe("today, 14:00");
  expect(told("08:05")).toBe("tomorrow, 8:05");
});
