import { describe, expect, test } from "vitest";
import type { Attention } from "../../api/schema.gen";
import { askingOrder, attention, summary } from "../../testing-data";
import { isAsking, itemsOf, type Item } from "./groups";

const nobodyAlone: ReadonlySet<string> = new Set();

/** An order that asks, with what its question differs in. */
const asking = (id: string, overrides: Partial<Attention> = {}) => askingOrder({ id, attention: attention({ cause: "failed", by: "bob", reasonCode: "burnt", ...overrides }) });

/** The ids of each item: a group's in brackets. */
const shown = (items: readonly Item[]) => items.map((item) => item.group?.orders.map((order) => order.id) ?? item.order?.id);

describe("questions", () => {
  test("of one kind stand together, where the first of them stands, in their order", () => {
    expect(shown(itemsOf([asking("a", { by: "bea" }), asking("b"), asking("c", { by: "ben" }), asking("d"), asking("e")], nobodyAlone))).toEqual(["a", ["b", "d", "e"], "c"]);
  });

  test("of two kinds make two groups", () => {
    expect(shown(itemsOf([asking("a"), asking("b", { stage: "mix" }), asking("c", { stage: "mix" }), asking("d")], nobodyAlone))).toEqual([["a", "d"], ["b", "c"]]);
  });

  test.each([
    ["cause", { cause: "silent" }],
    ["stage", { stage: "mix" }],
    ["direction", { undoing: true }],
    ["person", { by: "bea" }],
    ["reason", { reasonCode: "dropped" }],
  ] as const)("of another %s stand apart", (_, other) => {
    expect(shown(itemsOf([asking("a"), asking("b", other)], nobodyAlone))).toEqual(["a", "b"]);
  });

  test("stand together whatever else they differ in", () => {
    const items = itemsOf([asking("a"), asking("b", { reason: "It failed for the third time.", pass: 3, since: "2026-03-04T10:00:00Z", undoing: false })], nobodyAlone);
    expect(shown(items)).toEqual([["a", "b"]]);
  });

  test("of an older build do not tell their kind, and stand alone", () => {
    const older = (id: string) => askingOrder({ id });
    expect(shown(itemsOf([older("a"), older("b")], nobodyAlone))).toEqual(["a", "b"]);
  });

  test("that somebody wants to decide alone leave their group", () => {
    expect(shown(itemsOf([asking("a"), asking("b"), asking("c")], new Set(["b"])))).toEqual([["a", "c"], "b"]);
    expect(shown(itemsOf([asking("a"), asking("b")], new Set(["b"]))), "one alone is no group").toEqual(["a", "b"]);
  });
});

test("an order whose question is not told yet is not asking", () => {
  expect([summary(), askingOrder()].filter(isAsking)).toEqual([askingOrder()]);
});

test("a group offers what can be chosen for all of its orders", () => {
  const [item] = itemsOf([asking("a", { choices: ["retry", "remake", "cancel"] }), asking("b", { choices: ["cancel", "retry"] })], nobodyAlone);
  expect(item?.group?.choices).toEqual(["retry", "cancel"]);
});
