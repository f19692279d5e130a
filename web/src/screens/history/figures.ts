import type { DayFigures, DayFlavour, DayHour, DayPerson, DayWaste, DelayStep, HistoryDelay, Money, Stage, StageHourTimes, Weekday } from "../../api/schema.gen";
import { moneyText } from "../../prices";

/** What all days of a span have together. */
export function sumOf(days: readonly DayFigures[], of: (day: DayFigures) => number): number {
  return days.reduce((sum, day) => sum + of(day), 0);
}

/** Whether the ledger knows anything of a day. */
export function hasAny({ orders, scrapped, remakes }: DayFigures): boolean {
  return orders + scrapped + remakes > 0;
}

/** How a figure compares with the same one of another day. */
export function changeText(now: number, before: number): string {
  if (now === before) return "as before";
  return `${now > before ? "▲" : "▼"} ${Math.abs(now - before).toLocaleString()}, was ${before.toLocaleString()}`;
}

/** Amounts of each currency; a bakery that never changed its currency has one. */
export function amountsText(amounts: readonly Money[]): string {
  return amounts.length === 0 ? "–" : amounts.map((money) => moneyText(money, money.amount)).join(" + ");
}

/** The currencies of a span of days, in the order in which they come. */
export function currenciesOf(days: readonly DayFigures[]): readonly Money[] {
  return [...new Map(days.flatMap(({ revenue }) => revenue).map((money) => [money.currency, money])).values()];
}

/** What a day took in a currency, in its smallest unit. */
export function takenOn({ revenue }: DayFigures, currency: string): number {
  return revenue.find((money) => money.currency === currency)?.amount ?? 0;
}

interface FlavourTotal {
  readonly flavour: string;
  readonly pieces: number;
  readonly scrapped: number;
}

/** A day's flavours in all sizes together, the most pieces first. */
export function byFlavour(rows: readonly DayFlavour[]): readonly FlavourTotal[] {
  const totals = new Map<string, FlavourTotal>();
  for (const { flavour, pieces, scrapped } of rows) {
    const before = totals.get(flavour);
    totals.set(flavour, { flavour, pieces: pieces + (before?.pieces ?? 0), scrapped: scrapped + (before?.scrapped ?? 0) });
  }
  return [...totals.values()].sort((a, b) => b.pieces - a.pieces || b.scrapped - a.scrapped);
}

export interface WasteTotal {
  readonly key: string;
  readonly stage: Stage;
  readonly what: string;
  readonly failures: number;
  readonly pieces: number;
}

/** A day's waste by reason or by who reported it, at each stage; what cost most first. */
export function wasteBy(rows: readonly DayWaste[], by: "reason" | "worker"): readonly WasteTotal[] {
  const totals = new Map<string, WasteTotal>();
  for (const row of rows) {
    const key = `${row.stage} ${row[by]}`;
    const before = totals.get(key);
    totals.set(key, { key, stage: row.stage, what: row[by], failures: row.failures + (before?.failures ?? 0), pieces: row.pieces + (before?.pieces ?? 0) });
  }
  return [...totals.values()].sort((a, b) => b.pieces - a.pieces || b.failures - a.failures);
}

/** The hours of a day between its first order and its last, without gaps. */
export function hoursOf(rows: readonly DayHour[]): readonly DayHour[] {
  const [first, last] = [rows[0], rows.at(-1)];
  if (!first || !last) return [];
  const known = new Map(rows.map((row) => [row.hour, row]));
  return Array.from({ length: last.hour - first.hour + 1 }, (_, i) => known.get(first.hour + i) ?? { hour: first.hour + i, placed: 0, due: 0, ready: 0 });
}

export interface Worker {
  readonly worker: string;
  readonly tickets: number;
  readonly stages: readonly DayPerson[];
}

/** Who was at work, each with their stages; who ended most tickets first. */
export function workersOf(rows: readonly DayPerson[]): readonly Worker[] {
  const workers = new Map<string, DayPerson[]>();
  for (const row of rows) workers.set(row.worker, [...(workers.get(row.worker) ?? []), row]);
  return [...workers].map(([worker, stages]) => ({ worker, stages, tickets: stages.reduce((sum, { tickets }) => sum + tickets, 0) })).sort((a, b) => b.tickets - a.tickets || a.worker.localeCompare(b.worker));
}

export const weekdays: readonly Weekday[] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

interface Heat {
  /** The hours that have a column. */
  readonly hours: readonly number[];
  /** The longest half of tickets took in an hour. */
  readonly most: number;
  readonly at: (weekday: Weekday, hour: number) => StageHourTimes | undefined;
}

export type Measure = "waited" | "inHand";

/** The hours of a week at one stage. */
export function heatOf(rows: readonly StageHourTimes[], stage: Stage, measure: Measure): Heat {
  const own = rows.filter((row) => row.stage === stage);
  const cells = new Map(own.map((row) => [`${row.weekday} ${row.hour}`, row]));
  const hours = own.map(({ hour }) => hour);
  const first = Math.min(...hours);
  return {
    hours: own.length === 0 ? [] : Array.from({ length: Math.max(...hours) - first + 1 }, (_, i) => first + i),
    most: Math.max(0, ...own.map((row) => row[measure]?.p50 ?? 0)),
    at: (weekday, hour) => cells.get(`${weekday} ${hour}`),
  };
}

/** A part of an order's way, in seconds. */
export interface Part {
  readonly key: string;
  readonly look: "waited" | "worked" | "asked";
  readonly stage?: Stage;
  readonly seconds: number;
}

/** An order's way, stage by stage without the time for decisions, which comes last; and what is usual for the same stages. What nobody knows is left out. */
export function partsOf({ steps, decisionSeconds }: Pick<HistoryDelay, "steps" | "decisionSeconds">): { readonly own: readonly Part[]; readonly usual: readonly Part[] } {
  const parts = (of: readonly DelayStep[], times: (step: DelayStep) => { readonly waited: number | undefined; readonly worked: number | undefined }) => of.flatMap((step) => (["waited", "worked"] as const).map((look): Part => (
    { key: `${step.stage} ${step.pass} ${step.kind} ${look}`, look, stage: step.stage, seconds: times(step)[look] ?? 0 }
  ))).filter(({ seconds }) => seconds > 0);
  return {
    own: [...parts(steps, withoutDecisions), ...(decisionSeconds > 0 ? [{ key: "asked", look: "asked" as const, seconds: decisionSeconds }] : [])],
    // An order usually goes through each stage once.
    usual: parts(steps.filter(({ pass, kind }) => pass === 1 && kind === "make"), (step) => ({ waited: step.usualWaitedSeconds, worked: step.usualInHandSeconds })),
  };
}

/** How long a step waited and was in hand while no manager was asked about it. Most questions come while it waits; the ledger does not tell. */
function withoutDecisions({ waitedSeconds = 0, inHandSeconds = 0, askedSeconds }: DelayStep): { readonly waited: number; readonly worked: number } {
  return { waited: Math.max(0, waitedSeconds - askedSeconds), worked: Math.min(inHandSeconds, Math.max(0, waitedSeconds + inHandSeconds - askedSeconds)) };
}

export function lengthOf(parts: readonly Part[]): number {
  return parts.reduce((sum, { seconds }) => sum + seconds, 0);
}
