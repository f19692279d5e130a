import { describe, expect, test } from "vitest";
import { menu, order } from "../../testing-data";
import { emptyDraft } from "../order/draft";
import { againText, orderAgain } from "./again";

const today = menu({ soldOut: [{ flavour: "nut" }] });
const lemon = { flavour: "lemon", size: "M", quantity: 6 } as const;
const again = (lines: Parameters<typeof order>[0], draft = emptyDraft) => orderAgain(draft, order(lines), today);

describe("ordering again", () => {
  test("puts the same into the basket, for the same person with the same allergies", () => {
    const lines = [{ ...lemon, message: "Hi" }, { flavour: "vanilla", size: "L", quantity: 2 }] as const;
    expect(again({ lines, allergies: ["egg", "kiwi"], notes: "ring" })).toEqual({ ...emptyDraft, lines, name: "Ada", allergens: ["egg"], otherAllergies: "kiwi", again: { code: "K7QF", left: [] } });
  });

  test("leaves out what is sold out or no longer on the menu, and says so", () => {
    const found = again({ lines: [lemon, { ...lemon, flavour: "nut" }, { ...lemon, flavour: "kale" }, { ...lemon, size: "XL" }] });
    expect(found.lines).toEqual([lemon]);
    expect(found.again && againText(found.again)).toBe("This was left out of order K7QF: Nutty (sold out), kale (no longer on our menu), Lemon in size XL (no longer on our menu).");
  });

  test("has again what is back by the time for which it is ordered", () => {
    const later = menu({ soldOut: [{ flavour: "lemon", until: "2026-03-05T09:00:00Z" }] });
    const pickupAt = "2026-03-06T09:00:00Z";
    expect(orderAgain({ ...emptyDraft, when: "later", pickupAt }, order({ lines: [lemon] }), later).lines).toEqual([lemon]);
    expect(orderAgain(emptyDraft, order({ lines: [lemon] }), later).lines).toEqual([]);
  });

  test("adds to what is in the basket, and to what the customer has said", () => {
    const found = again({ lines: [lemon], allergies: ["egg"] }, { ...emptyDraft, lines: [lemon], name: "Grace", otherAllergies: "kiwi" });
    expect(found.lines).toEqual([{ ...lemon, quantity: 12 }]);
    expect([found.name, found.allergens, found.otherAllergies]).toEqual(["Grace", ["egg"], "kiwi"]);
  });

  test("never makes an order that would be refused", () => {
    const kinds = ["M", "L"].flatMap((size) => ["vanilla", "lemon"].map((flavour) => ({ flavour, size: size as "M", quantity: 900, message: "much too long for it" })));
    const found = again({ lines: kinds });
    expect(found.lines).toHaveLength(today.limits.lines);
    expect(found.lines.every((line) => line.quantity === today.limits.quantity && line.message === undefined)).toBe(true);
    expect(found.again?.left).toEqual(["Lemon (the basket is full)"]);
  });
});
