import { describe, expect, test, vi } from "vitest";
import { bakeryDay, bakeryWall, clockText, dayAfter, dayAndTime, dayOf, dayText, dueText, foreignZone, momentOf, setBakeryZone, spanText, timeOfDay, watchBakeryZone, zonedTime } from "./time";

const [s, min, h] = [1_000, 60_000, 3_600_000];

describe("a span in words", () => {
  test.each([
    [-5 * s, "0 s"],
    [0, "0 s"],
    [999, "0 s"],
    [59.9 * s, "59 s"],
    [min, "1 min"],
    [59 * min + 59 * s, "59 min"],
    [h, "1 h"],
    [h + 59 * s, "1 h"],
    [2 * h + 5 * min, "2 h 5 min"],
    [25 * h, "25 h"],
  ])("of %i ms is %s", (span, text) => {
    expect(spanText(span)).toBe(text);
  });
});

describe("a span on a clock", () => {
  test.each([
    [-5 * s, "0:00"],
    [999, "0:00"],
    [45 * s, "0:45"],
    [12 * min + 5 * s, "12:05"],
    [59 * min + 59.9 * s, "59:59"],
    [h, "1:00:00"],
    [h + 2 * min + 7 * s, "1:02:07"],
    [100 * h, "100:00:00"],
  ])("of %i ms is %s", (span, text) => {
    expect(clockText(span)).toBe(text);
  });
});

describe("the time of day", () => {
  test("is the same for a text and for milliseconds, and has minutes but no seconds", () => {
    const text = timeOfDay("2026-03-04T09:05:07Z");
    expect(timeOfDay(Date.parse("2026-03-04T09:05:07Z"))).toBe(text);
    const minutes = String(new Date("2026-03-04T09:05:07Z").getMinutes()).padStart(2, "0"); // not 05 everywhere
    expect(text).toMatch(new RegExp(`^\\d{1,2}\\D${minutes}\\D*$`));
  });
});

test("a day is the same everywhere", () => {
  expect(dayText("2026-11-28")).toBe("Sat 28 Nov");
});

test("days are counted across months, years and the days on which clocks are set", () => {
  expect([dayAfter("2026-02-28", 1), dayAfter("2026-03-01", -1), dayAfter("2026-12-31", 1), dayAfter("2026-10-28", -7)]).toEqual(["2026-03-01", "2026-02-28", "2027-01-01", "2026-10-21"]);
});

test("a moment of another day has its date", () => {
  const moment = new Date(2026, 2, 4, 14, 0).toISOString();
  expect(dayAndTime(moment, Date.parse("2026-03-04T09:00:00"))).toMatch(/^\D*\d{1,2}[:.]00/);
  expect(dayAndTime(moment, Date.parse("2026-03-05T09:00:00"))).toMatch(/4.*,/);
});

describe("times of a bakery elsewhere", () => {
  // 23:30 in London is the next day in Tokyo, which has no summer time.
  const time = "2026-03-04T23:30:00Z";

  test("are by its clock, with its zone where a customer reads them", () => {
    const changed = vi.fn();
    const leave = watchBakeryZone(changed);
    setBakeryZone("Nowhere/Atlantis");
    expect(changed).not.toHaveBeenCalled();
    setBakeryZone("Asia/Tokyo");
    setBakeryZone("Asia/Tokyo");
    expect(changed).toHaveBeenCalledTimes(1);
    leave();
    expect(foreignZone(time)).toBe("Asia/Tokyo");
    expect(timeOfDay(time)).toBe(new Date(time).toLocaleTimeString(undefined, { hour: "numeric", minute: "2-digit", timeZone: "Asia/Tokyo" }));
    expect(dayOf(time)).toBe(new Date("2026-03-05T12:00:00Z").toLocaleDateString(undefined, { day: "numeric", month: "short" }));
    for (const text of [zonedTime(time), dueText(time)]) expect(text).toMatch(/GMT\+9|JST/);
  });

  test("are days and clocks as addresses write them, and back again", () => {
    setBakeryZone("Asia/Tokyo");
    expect(bakeryDay(time)).toBe("2026-03-05");
    expect(bakeryWall(time)).toBe("2026-03-05T08:30");
    expect(momentOf("2026-03-05T08:30")).toBe(Date.parse(time));
    expect(momentOf("tomorrow")).toBeNaN();
  });

  test("go on where the clock is set", () => {
    setBakeryZone("Europe/Berlin");
    const berlin = (wall: string) => new Date(momentOf(wall)).toISOString();
    expect(berlin("2026-03-29T01:59"), "before summer time").toBe("2026-03-29T00:59:00.000Z");
    expect(berlin("2026-03-29T03:00"), "the next minute").toBe("2026-03-29T01:00:00.000Z");
    expect(berlin("2026-10-25T01:59")).toBe("2026-10-24T23:59:00.000Z");
    expect(berlin("2026-10-25T03:00"), "after the hour that comes twice").toBe("2026-10-25T02:00:00.000Z");
  });

  test("name no zone to who is there", () => {
    setBakeryZone(Intl.DateTimeFormat().resolvedOptions().timeZone);
    expect(foreignZone(time)).toBe("");
    expect(zonedTime(time)).toBe(timeOfDay(time));
    expect(dueText(time)).not.toMatch(/GMT|UTC/);
  });
});
