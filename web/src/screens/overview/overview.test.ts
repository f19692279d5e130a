import { describe, expect, test } from "vitest";
import type { Overview, OverviewTicket, Stage } from "../../api/schema.gen";
import { stages } from "../../design/stages";
import { at, start } from "../../testing-data";
import { happenings, lateOf, makeOf, piecesOf } from "./overview";

const ticket = (overrides: Partial<OverviewTicket> = {}): OverviewTicket => ({ pickupCode: "K7QF", kind: "make", state: "waiting", flavour: "lemon", pieces: 6, since: at(0), ...overrides });

/** A kitchen with those tickets at their stages. */
function overview(seconds: number, tickets: Partial<Record<Stage, readonly OverviewTicket[]>> = {}, ready: readonly string[] = []): Overview {
  return {
    at: at(seconds),
    stages: stages.map((stage) => ({ stage, waiting: 0, started: 0, failed: 0, lateAfterSeconds: 300, overdueAfterSeconds: 600, tickets: tickets[stage] ?? [] })),
    ready: ready.map((pickupCode) => ({ pickupCode, flavour: "lemon", pieces: 6, since: at(seconds) })),
  };
}

describe("between two overviews", () => {
  test("an order is placed", () => {
    expect(happenings(overview(0), overview(2, { mix: [ticket({ since: at(1) })] }))).toEqual([{ kind: "placed", at: at(1), pickupCode: "K7QF", flavour: "lemon", pieces: 6 }]);
  });

  test("an older order that comes into sight was not placed just now", () => {
    expect(happenings(overview(10), overview(12, { mix: [ticket({ since: at(1) })], bake: [ticket({ pickupCode: "AAAA", since: at(11) })] }))).toEqual([]);
  });

  test("work fails, and its order starts again", () => {
    const failed = overview(2, { bake: [ticket({ state: "failed", reason: "burnt" })] });
    expect(happenings(overview(1, { bake: [ticket({ state: "started" })] }), failed)).toEqual([{ kind: "failed", at: at(2), pickupCode: "K7QF", stage: "bake", reason: "burnt" }]);
    expect(happenings(failed, overview(3, { mix: [ticket()] }))).toEqual([{ kind: "remade", at: at(3), pickupCode: "K7QF", stage: "mix" }]);
  });

  test("a failure without a reason has some other one", () => {
    expect(happenings(overview(1, { bake: [ticket()] }), overview(2, { bake: [ticket({ state: "failed" })] }))).toMatchObject([{ kind: "failed", reason: "other" }]);
  });

  test("an order is cancelled, once, wherever its work is undone", () => {
    const undo = overview(2, { decorate: [ticket({ kind: "undo" })] });
    expect(happenings(overview(1, { decorate: [ticket()] }), undo)).toEqual([{ kind: "cancelled", at: at(2), pickupCode: "K7QF" }]);
    expect(happenings(undo, overview(3, { bake: [ticket({ kind: "undo" })] }))).toEqual([]);
  });

  test("an order becomes ready, and stays so without being told again", () => {
    const ready = overview(2, {}, ["K7QF"]);
    expect(happenings(overview(1, { package: [ticket()] }), ready)).toEqual([{ kind: "ready", at: at(2), pickupCode: "K7QF" }]);
    expect(happenings(ready, overview(3, {}, ["K7QF"]))).toEqual([]);
  });

  test("nothing is told of orders that only go on", () => {
    expect(happenings(overview(1, { mix: [ticket({ state: "started" })] }), overview(2, { bake: [ticket()] }))).toEqual([]);
  });
});

test("tickets are late from the stage's age on", () => {
  const [mix] = overview(0, { mix: [ticket(), ticket({ since: at(100) })] }).stages;
  if (!mix) throw new Error("There is no stage.");
  expect([299, 300, 399, 400].map((seconds) => lateOf(mix, start + seconds * 1000))).toEqual([0, 1, 1, 2]);
});

test("all pieces in sight count", () => {
  expect(piecesOf(overview(0, { mix: [ticket(), ticket({ pieces: 4 })], package: [ticket({ pieces: 1 })] }))).toBe(11);
});

test.each([
  ["mix", "waiting", "bowl"],
  ["mix", "started", "bowl"],
  ["bake", "waiting", "bowl"],
  ["bake", "started", "bare"],
  ["bake", "failed", "bowl"],
  ["decorate", "waiting", "bare"],
  ["decorate", "started", "decorated"],
  ["package", "waiting", "decorated"],
  ["package", "started", "decorated"],
] as const)("at %s, %s, an order is %s", (stage, state, make) => {
  expect(makeOf(stage, state)).toBe(make);
});
