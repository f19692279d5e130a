import { describe, expect, test } from "vitest";
import { choices } from "./slots";

const slots = (timezone: string, ...at: string[]) => ({ timezone, open: true, days: [], slots: at.map((each, i) => ({ at: each, left: i, free: i > 0 })) });

describe("slots", () => {
  test("are shown by the bakery's clock, wherever the customer is", () => {
    expect(choices(slots("Europe/Berlin", "2026-11-28T09:00:00Z", "2026-11-28T09:15:00Z"))).toEqual([
      { at: "2026-11-28T09:00:00Z", text: "10:00", free: false },
      { at: "2026-11-28T09:15:00Z", text: "10:15", free: true },
    ]);
    expect(choices(slots("America/New_York", "2026-11-28T14:00:00Z")).map(({ text }) => text)).toEqual(["09:00"]);
  });

  test("in the hour that comes twice can be told apart", () => {
    const texts = choices(slots("Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z")).map(({ text }) => text);
    expect(texts[0]).toBe("02:00");
    expect(texts[1]).toMatch(/^02:30 .+/);
    expect(texts[2]).toMatch(/^02:30 .+/);
    expect(texts[1]).not.toBe(texts[2]);
  });
});
