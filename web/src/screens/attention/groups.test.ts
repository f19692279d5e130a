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
    expect(shown(itemsOf([asking("a", { stage: "mix" }), asking("b"), asking("c", { stage: "decorate" }), asking("d"), asking("e")], nobodyAlone))).toEqual(["a", ["b", "d", "e"], "c"]);
  });

  test("of two kinds make two groups", () => {
    expect(shown(itemsOf([asking("a"), asking("b", { stage: "mix" }), asking("c", { stage: "mix" }), asking("d")], nobodyAlone))).toEqual([["a", "d"], ["b", "c"]]);
  });

  test.each([
    ["cause", { cause: "silent" }],
    ["stage", { stage: "mix" }],
    ["direction", { undoing: true }],
    ["reason", { reasonCode: "dropped" }],
  ] as const)("of another %s stand apart", (_, other) => {
    expect(shown(itemsOf([asking("a"), asking("b", other)], nobodyAlone))).toEqual(["a", "b"]);
  });

  test("about somebody who went silent stand apart from those about others", () => {
    const silent = (id: string, by: string) => asking(id, { cause: "silent", by });
    expect(shown(itemsOf([silent("a", "bob"), silent("b", "bea"), silent("c", "bob")], nobodyAlone))).toEqual([["a", "c"], "b"]);
  });

  test("with one cause stand together whoever reported it, and then name nobody", () => {
    const [same] = itemsOf([asking("a"), asking("b")], nobodyAlone);
    expect(same?.group?.question.by).toBe("bob");
    const [several] = itemsOf([asking("a"), asking("b", { by: "bea" })], nobodyAlone);
    expect(several?.group?.orders).toHaveLength(2);
    expect(several?.group?.question.by).toBeUndefined();
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
