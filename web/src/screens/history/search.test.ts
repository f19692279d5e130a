import { expect, test } from "vitest";
import { hrefOf, searchOf } from "./search";

test("an address without anything is today’s page", () => {
  expect(searchOf({})).toEqual({});
});

test("each tab reads what it shows, and nothing of the others", () => {
  const all = { day: "2026-11-26", late: "K7QF", range: 28, heat: "bake", stage: "mix", flavour: "lemon", worker: "bob", from: "2026-11-26T09:00", to: "2026-11-26T10:00" };
  expect(searchOf({ ...all, tab: "trends" })).toEqual({ tab: "trends", range: 28, heat: "bake" });
  expect(searchOf({ ...all, tab: "ahead" })).toEqual({ tab: "ahead", day: "2026-11-26" });
  expect(searchOf({ ...all, tab: "trace" })).toEqual({ tab: "trace", stage: "mix", flavour: "lemon", worker: "bob", from: "2026-11-26T09:00", to: "2026-11-26T10:00" });
  expect(searchOf({ day: "2026-11-26", late: "1234" }), "a code of digits").toEqual({ day: "2026-11-26", late: "1234" });
});

test("what an address has tells the tab that it does not name", () => {
  expect(searchOf({ range: "7" })).toEqual({ tab: "trends", range: 7 });
  expect(searchOf({ ticket: "a.bake.1", stage: "mix" }), "a ticket is enough by itself").toEqual({ tab: "trace", ticket: "a.bake.1" });
});

test("a pickup code is read in small letters too, and leaves out what else a trace has", () => {
  expect(searchOf({ code: "k7qf", stage: "mix" })).toEqual({ tab: "trace", code: "K7QF" });
  expect(searchOf({ tab: "trace", code: "K7Q" })).toEqual({ tab: "trace" });
});

test("what makes no sense is left out", () => {
  expect(searchOf({ tab: "cellar", day: "2026-13-40" })).toEqual({});
  expect(searchOf({ range: 12 })).toEqual({ tab: "trends" });
  expect(searchOf({ tab: "trace", stage: "fry", from: "9 o’clock", flavour: "  " })).toEqual({ tab: "trace" });
});

test("an address leads back to what it was made of", () => {
  for (const search of [{}, { day: "2026-11-26", late: "1234" }, { tab: "trends", range: 7 }, { tab: "trace", code: "2345" }, { tab: "trace", stage: "bake", from: "2026-11-26T09:00", worker: "Zoë & co" }] as const) {
    expect(searchOf(Object.fromEntries(new URL(hrefOf(search), "http://bakery.test").searchParams))).toEqual(search);
  }
});
