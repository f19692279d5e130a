import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { BoardTicket, TicketKind } from "./api/schema.gen";
import { compareInQueue, urgencyOf, type Urgency } from "./due";
import { ticket } from "./testing-data";

/** What Go's tests read as well. */
interface Table {
  readonly queue: readonly { readonly why: string; readonly ticketId: string; readonly kind: TicketKind; readonly rush?: boolean; readonly since: string; readonly dueAt?: string }[];
  readonly rules: { readonly dueSoonSeconds: number; readonly lateAfterSeconds: number; readonly overdueAfterSeconds: number };
  readonly urgency: readonly { readonly now: string; readonly since: string; readonly dueAt?: string; readonly urgency: "" | Urgency }[];
}

const table = JSON.parse(readFileSync("../kitchen/testdata/due.json", "utf8")) as Table;

test("a queue is in the order of the table", () => {
  const tickets: readonly BoardTicket[] = table.queue.map(({ why, rush, ...rest }) => ticket({ ...rest, ...(rush && { rush: { by: "ann", at: rest.since, reason: why } }) }));
  for (const [i, a] of tickets.entries()) {
    for (const [j, b] of tickets.entries()) expect(Math.sign(compareInQueue(a, b)), `${a.ticketId} and ${b.ticketId}`).toBe(Math.sign(i - j));
  }
});

describe("the urgency of a ticket", () => {
  test.each(table.urgency)("that is due at $dueAt and here since $since is '$urgency' at $now", ({ now, urgency, ...times }) => {
    expect(urgencyOf(times, table.rules, Date.parse(now))).toBe(urgency || "none");
  });
});
