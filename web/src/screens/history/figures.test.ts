import { describe, expect, test } from "vitest";
import type { DayFigures, DayPerson, DayWaste, DelayStep, StageHourTimes } from "../../api/schema.gen";
import { amountsText, byFlavour, changeText, currenciesOf, hasAny, heatOf, hoursOf, lengthOf, partsOf, sumOf, takenOn, wasteBy, workersOf } from "./figures";
import { figures } from "./testing-data";

const euros = (amount: number) => ({ currency: "EUR", decimals: 2, amount });
const yen = (amount: number) => ({ currency: "JPY", decimals: 0, amount });

test("a figure says how it compares", () => {
  expect([changeText(5, 5), changeText(1200, 3), changeText(0, 4)]).toEqual(["as before", "▲ 1,197, was 3", "▼ 4, was 4"]);
});

test("a day is empty if nothing was ordered, thrown away or made again", () => {
  expect([figures(), figures({ orders: 1 }), figures({ scrapped: 3 }), figures({ remakes: 1 })].map(hasAny)).toEqual([false, true, true, true]);
});

describe("money", () => {
  const days: readonly DayFigures[] = [figures({ revenue: [yen(500)] }), figures({ revenue: [euros(1050), yen(20)] }), figures()];

  test("of one currency is never added to another’s", () => {
    expect(currenciesOf(days).map(({ currency }) => currency)).toEqual(["JPY", "EUR"]);
    expect(days.map((day) => takenOn(day, "EUR"))).toEqual([0, 1050, 0]);
    expect(amountsText([euros(1050), yen(20)])).toBe("€10.50 + JP¥20");
    expect(amountsText([])).toBe("–");
  });

  test("and counts are summed over days", () => {
    expect(sumOf(days, (day) => takenOn(day, "JPY"))).toBe(520);
  });
});

test("a flavour’s sizes are one bar, and what was only thrown away has one too", () => {
  const row = { size: "M" as const, revenue: [] };
  expect(byFlavour([{ ...row, flavour: "lemon", pieces: 6, scrapped: 0 }, { ...row, flavour: "nut", pieces: 0, scrapped: 3 }, { ...row, size: "L", flavour: "lemon", pieces: 2, scrapped: 1 }, { ...row, flavour: "carrot", pieces: 9, scrapped: 0 }])).toEqual([
    { flavour: "carrot", pieces: 9, scrapped: 0 },
    { flavour: "lemon", pieces: 8, scrapped: 1 },
    { flavour: "nut", pieces: 0, scrapped: 3 },
  ]);
});

test("waste is counted by reason or by person, and never across stages", () => {
  const row = (part: Partial<DayWaste>): DayWaste => ({ stage: "bake", reason: "burnt", flavour: "lemon", worker: "bob", failures: 1, pieces: 6, ...part });
  const rows = [row({}), row({ flavour: "nut", worker: "ben" }), row({ stage: "mix", worker: "bob", pieces: 20 }), row({ reason: "dropped", pieces: 1 })];
  expect(wasteBy(rows, "reason").map(({ key, pieces, failures }) => [key, pieces, failures])).toEqual([["mix burnt", 20, 1], ["bake burnt", 12, 2], ["bake dropped", 1, 1]]);
  expect(wasteBy(rows, "worker").map(({ stage, what, pieces }) => [stage, what, pieces])).toEqual([["mix", "bob", 20], ["bake", "bob", 7], ["bake", "ben", 6]]);
});

test("hours in which nothing happened are shown between others", () => {
  const hour = (at: number) => ({ hour: at, placed: 1, due: 2, ready: 3 });
  expect(hoursOf([hour(8), hour(11)])).toEqual([hour(8), { hour: 9, placed: 0, due: 0, ready: 0 }, { hour: 10, placed: 0, due: 0, ready: 0 }, hour(11)]);
  expect(hoursOf([])).toEqual([]);
});

test("somebody who worked at two stages is one person", () => {
  const row = (worker: string, stage: DayPerson["stage"], tickets: number): DayPerson => ({ worker, stage, tickets, pieces: 0, inHandSeconds: 0, failures: 0, scrapped: 0 });
  expect(workersOf([row("mia", "mix", 5), row("max", "bake", 4), row("bob", "bake", 9), row("max", "mix", 3)]).map(({ worker, tickets, stages }) => [worker, tickets, stages.length])).toEqual([["bob", 9, 1], ["max", 7, 2], ["mia", 5, 1]]);
});

describe("a heat map", () => {
  const cell = (part: Partial<StageHourTimes>): StageHourTimes => ({ stage: "bake", weekday: "monday", hour: 9, tickets: 2, ...part });
  const rows = [cell({ hour: 12, inHand: { p50: 90, p90: 100 } }), cell({ weekday: "friday", waited: { p50: 30, p90: 300 } }), cell({ stage: "mix", hour: 23, inHand: { p50: 999, p90: 999 } })];

  test("is of one stage, from its first hour to its last", () => {
    const heat = heatOf(rows, "bake", "inHand");
    expect([heat.hours, heat.most]).toEqual([[9, 10, 11, 12], 90]);
    expect(heat.at("friday", 9)?.tickets).toBe(2);
    expect(heat.at("tuesday", 9)).toBeUndefined();
  });

  test("has no hours for a stage at which nothing was done", () => {
    expect(heatOf(rows, "package", "waited")).toMatchObject({ hours: [], most: 0 });
  });
});

const step = (part: Partial<DelayStep>): DelayStep => ({ stage: "mix", pass: 1, kind: "make", waitedSeconds: 10, usualWaitedSeconds: 5, inHandSeconds: 100, usualInHandSeconds: 50, extraSeconds: 55, failures: 0, silentSeconds: 0, askedSeconds: 0, ...part });

test("an order’s way has what is known of each stage, and the usual of each stage once", () => {
  const { own, usual } = partsOf({ steps: [step({}), { stage: "bake", pass: 1, kind: "make", inHandSeconds: 30, extraSeconds: 0, failures: 1, silentSeconds: 0, askedSeconds: 0 }, step({ pass: 2 })], decisionSeconds: 60 });
  expect(own.map(({ look, stage, seconds }) => [look, stage, seconds])).toEqual([["waited", "mix", 10], ["worked", "mix", 100], ["worked", "bake", 30], ["waited", "mix", 10], ["worked", "mix", 100], ["asked", undefined, 60]]);
  expect(usual.map(({ look, stage, seconds }) => [look, stage, seconds])).toEqual([["waited", "mix", 5], ["worked", "mix", 50]]);
  expect(lengthOf(usual)).toBe(55);
});

test.each([
  [4, [6, 100, 4]],
  [30, [80, 30]],
  [110, [110]],
  [200, [200]], // a clock that is wrong
])("%d s for a manager are shown once in an order’s way", (askedSeconds, want) => {
  const { own } = partsOf({ steps: [step({ askedSeconds })], decisionSeconds: askedSeconds });
  expect(own.map(({ seconds }) => seconds)).toEqual(want);
});
