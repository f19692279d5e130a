import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { allergensMet, allergyConflicts } from "./allergens";
import { menu } from "./testing-data";

interface Shared {
  readonly cases: readonly { readonly allergens: readonly string[]; readonly allergies: readonly string[]; readonly found: readonly string[] }[];
  /** Every word that either rule may know, with the others that meet it. */
  readonly words: Readonly<Record<string, readonly string[]>>;
}

const shared = JSON.parse(readFileSync("../kitchen/testdata/allergies.json", "utf8")) as Shared;

describe("the allergens that meet an allergy are those of the kitchen's rule", () => {
  test.each(shared.cases)("$allergies in $allergens", ({ allergens, allergies, found }) => {
    expect(allergensMet(allergens, allergies)).toEqual(found);
  });

  const words = Object.keys(shared.words);
  test.each(Object.entries(shared.words))("%s", (word, others) => {
    expect(allergensMet(words, [word])).toEqual(others);
  });
});

describe("an order's conflicts", () => {
  test("are its flavours that meet an allergy, each once", () => {
    const lines = ["vanilla", "lemon", "nut", "vanilla", "gone"].map((flavour) => ({ flavour }));
    expect(allergyConflicts(menu(), lines, ["hazelnuts", "flour"])).toEqual([{ flavour: "vanilla", allergens: ["wheat"] }, { flavour: "nut", allergens: ["Nuts", "wheat"] }]);
    expect(allergyConflicts(menu(), lines, ["soya"])).toEqual([]);
    expect(allergyConflicts(menu(), lines, [])).toEqual([]);
  });
});
