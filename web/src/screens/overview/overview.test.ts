import { expect, test } from "vitest";
import type { Overview, OverviewTicket, Stage } from "../../api/schema.gen";
import { stages } from "../../design/stages";
import { at, start } from "../../testing-data";
import { lateOf, makeOf, piecesOf } from "./overview";

const ticket = (overrides: Partial<OverviewTicket> = {}): OverviewTicket => ({ pickupCode: "K7QF", kind: "make", state: "waiting", flavour: "lemon", pieces: 6, since: at(0), ...overrides });

/** A kitchen with those tickets at their stages. */
function overview(tickets: Partial<Record<Stage, readonly OverviewTicket[]>>): Overview {
  return {
    at: at(0),
    stages: stages.map((stage) => ({ stage, waiting: 0, started: 0, failed: 0, dueSoonSeconds: 900, lateAfterSeconds: 300, overdueAfterSeconds: 600, tickets: tickets[stage] ?? [] })),
    ready: [],
    news: [],
  };
}

test("tickets are late once their orders are due", () => {
  const [mix] = overview({ mix: [ticket({ dueAt: at(300) }), ticket({ dueAt: at(400) })] }).stages;
  if (!mix) throw new Error("There is no stage.");
  expect([299, 300, 399, 400].map((seconds) => lateOf(mix, start + seconds * 1000))).toEqual([0, 1, 1, 2]);
});

test("all pieces in sight count", () => {
  expect(piecesOf(overview({ mix: [ticket(), ticket({ pieces: 4 })], package: [ticket({ pieces: 1 })] }))).toBe(11);
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
