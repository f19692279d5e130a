import type { BoardRules, BoardTicket } from "./api/schema.gen";

/*
 * By what every page sorts tickets and says that one is late. The Go side of it is
 * kitchen/due.go; kitchen/testdata/due.json holds the two to the same.
 */

type Queued = Pick<BoardTicket, "ticketId" | "kind" | "since" | "dueAt" | "rush">;

/** Which of two tickets is to be worked on first: cancelled work, then orders in a rush, then what is due first. */
export function compareInQueue(a: Queued, b: Queued): number {
  return rankOf(a) - rankOf(b) || compareTimes(dueOf(a), dueOf(b)) || compareTimes(a.since, b.since) || compareTexts(a.ticketId, b.ticketId);
}

function rankOf({ kind, rush }: Queued): number {
  return kind === "undo" ? 0 : rush ? 1 : 2;
}

/** A ticket that does not tell is of an older build, and older than what is due later. */
function dueOf({ kind, dueAt, since }: Queued): string {
  return kind === "undo" ? since : (dueAt ?? since);
}

export type Urgency = "none" | "soon" | "late";

type Dated = Pick<BoardTicket, "dueAt" | "since">;
type DueRules = Pick<BoardRules, "dueSoonSeconds" | "lateAfterSeconds" | "overdueAfterSeconds">;

/** How much a ticket's time presses. One of which nobody knows when it is due goes by its age. */
export function urgencyOf({ dueAt, since }: Dated, rules: DueRules, now: number): Urgency {
  const from = Date.parse(dueAt ?? since);
  const [soon, late] = dueAt === undefined ? [rules.lateAfterSeconds, rules.overdueAfterSeconds] : [-rules.dueSoonSeconds, 0];
  const seconds = (now - from) / 1000;
  return seconds >= late ? "late" : seconds >= soon ? "soon" : "none";
}

export const urgencyWords: Readonly<Record<Urgency, string>> = { none: "", soon: "due soon", late: "late" };

/**
 * Times may have fractions of different lengths, so they are not compared as
 * texts. They may also be finer than a Date, so dates alone would sort tickets
 * otherwise than the server does, and then cut off other ones.
 */
export function compareTimes(a: string, b: string): number {
  return (Date.parse(a) || 0) - (Date.parse(b) || 0) || compareTexts(fractionOf(a), fractionOf(b));
}

function fractionOf(time: string): string {
  return (/\.(\d+)/.exec(time)?.[1] ?? "").replace(/0+$/, "");
}

export function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
