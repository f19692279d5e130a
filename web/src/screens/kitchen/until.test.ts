import { afterEach, expect, test } from "vitest";
import { setBakeryZone } from "../../design/time";
import { comingText, untilOf } from "./until";

const now = new Date(2026, 2, 4, 13, 30);

test("a time of day is the next moment of that time", () => {
  expect(untilOf("14:00", now)).toBe(new Date(2026, 2, 4, 14, 0).toISOString());
  expect(untilOf("13:30", now)).toBe(new Date(2026, 2, 5, 13, 30).toISOString());
  expect(untilOf("08:05", now)).toBe(new Date(2026, 2, 5, 8, 5).toISOString());
});

afterEach(() => { setBakeryZone(Intl.DateTimeFormat().resolvedOptions().timeZone); });

test.each([
  ["14:00", "2026-03-04T12:30:00Z", "2026-03-04T13:00:00.000Z"],
  ["13:30", "2026-03-04T12:30:20Z", "2026-03-05T12:30:00.000Z"],
  ["08:00", "2026-03-28T21:00:00Z", "2026-03-29T06:00:00.000Z"], // the clock is put forward in between
  ["08:00", "2026-10-24T20:00:00Z", "2026-10-25T07:00:00.000Z"], // and back
])("%s at %s is by the bakery's clock %s", (text, from, until) => {
  setBakeryZone("Europe/Berlin");
  expect(untilOf(text, new Date(from))).toBe(until);
});

test("no time is no end", () => {
  expect(untilOf("", now)).toBeUndefined();
});

test("a moment is told with its day, which may be tomorrow", () => {
  const told = (time: string) => comingText(untilOf(time, now) ?? "", now);
  expect(told("14:00")).toBe("today, 14:00");
  expect(told("08:05")).toBe("tomorrow, 8:05");
});
