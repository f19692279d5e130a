import { expect, test } from "vitest";
import { emptyDraft, check } from "./draft";
import { dayAndTime } from "../../design/time";
import { menu } from "../../testing-data";
import { menuFor, soldOutText } from "./soldOut";

test("a flavour that is sold out says so, and until when if that is known", () => {
  const until = new Date(2026, 2, 4, 14, 0);
  const sale = menu({ soldOut: [{ flavour: "nut" }, { flavour: "lemon", until: until.toISOString() }] });
  expect(soldOutText(sale, "vanilla")).toBeNull();
  expect(soldOutText(sale, "nut")).toBe("Sold out");
  expect(soldOutText(sale, "lemon")).toBe(`Sold out until ${dayAndTime(until.toISOString())}`);
});

test("what can be had again by the time of the order is not sold out", () => {
  const until = "2026-03-04T14:00:00Z";
  const sale = menu({ soldOut: [{ flavour: "nut" }, { flavour: "lemon", until }] });
  const gone = (when: "now" | "later", pickupAt: string) => menuFor(sale, { when, pickupAt }).soldOut.map(({ flavour }) => flavour);
  expect(gone("now", "2026-03-07T10:00:00Z"), "a time that was chosen before does not count").toEqual(["nut", "lemon"]);
  expect(gone("later", "")).toEqual(["nut", "lemon"]);
  expect(gone("later", "2026-03-04T13:59:00Z")).toEqual(["nut", "lemon"]);
  expect(gone("later", until)).toEqual(["nut"]);
});

test("what is in the basket and sold out cannot be ordered", () => {
  const draft = { ...emptyDraft, name: "Ada", lines: [{ flavour: "vanilla", size: "M", quantity: 1 }, { flavour: "nut", size: "M", quantity: 1 }] as const };
  expect(check(draft, menu()).lines).toEqual({});
  expect(check(draft, menu({ soldOut: [{ flavour: "nut" }] })).lines).toEqual({ 1: "Sold out: remove it, or choose another flavour." });
});
