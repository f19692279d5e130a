import { textOf } from "../../api/problem";
import type { Batch, Board, BoardTicket } from "../../api/schema.gen";
import { countText } from "../../text";
import { piecesOf, type Columns, type PendingKinds } from "./board";

/** What can be done at once with the tickets of one flavour. */
export interface FlavourBatch {
  /** Those that I may begin together; empty if that is not worth a button. */
  readonly start: readonly BoardTicket[];
  /** How many of the flavour wait in all: more than may be begun together, perhaps. */
  readonly waiting: number;
  /** Those that I have in hand, and may say of together that they are done. */
  readonly finish: readonly BoardTicket[];
}

/** The batches of a board by flavour: a ticket counts if all its lines have one flavour, the first in the queue first. */
export function batchesOf(board: Board, columns: Columns, pending: PendingKinds): ReadonlyMap<string, FlavourBatch> {
  const batches = new Map<string, FlavourBatch>();
  const limits = board.rules.batch;
  if (!limits) return batches;
  const waiting = byFlavour(board.paused ? [] : columns.waiting);
  const mine = byFlavour(columns.mine.filter((ticket) => !pending.has(ticket.ticketId)));
  for (const flavour of new Set([...waiting.keys(), ...mine.keys()])) {
    const queue = waiting.get(flavour) ?? [];
    const batch = { start: together(fitting(queue, limits)), waiting: queue.length, finish: together(mine.get(flavour) ?? []) };
    if (batch.start.length + batch.finish.length > 0) batches.set(flavour, batch);
  }
  return batches;
}

function byFlavour(tickets: readonly BoardTicket[]): ReadonlyMap<string, readonly BoardTicket[]> {
  const found = new Map<string, BoardTicket[]>();
  for (const ticket of tickets) {
    const flavour = ticket.lines[0]?.flavour;
    if (flavour === undefined || ticket.kind !== "make" || ticket.withdrawn || ticket.lines.some((line) => line.flavour !== flavour)) continue;
    found.set(flavour, [...(found.get(flavour) ?? []), ticket]);
  }
  return found;
}

/** As many as go together. One that is too large for what is left lets those behind it pass. */
function fitting(queue: readonly BoardTicket[], limits: Batch): readonly BoardTicket[] {
  const chosen: BoardTicket[] = [];
  let pieces = 0;
  for (const ticket of queue) {
    if (chosen.length === limits.tickets) break;
    if (pieces + piecesOf(ticket) > limits.pieces) continue;
    chosen.push(ticket);
    pieces += piecesOf(ticket);
  }
  return chosen;
}

const together = (tickets: readonly BoardTicket[]) => (tickets.length > 1 ? tickets : []);

/** A ticket of a batch for which the others do not wait, and why. */
export interface Refusal {
  readonly pickupCode: string;
  readonly why: string;
}

/**
 * Says the same of many tickets, to each on its own, as one person would who
 * presses one button after the other. There is no request for many: each ticket
 * is claimed by itself in the log, so half of such a request could count, and who
 * repeats it after an outage would have to know which half.
 */
export async function sayOfAll(tickets: readonly BoardTicket[], say: (ticket: BoardTicket) => Promise<unknown>): Promise<{ readonly counted: readonly BoardTicket[]; readonly refused: readonly Refusal[] }> {
  const outcomes = await Promise.all(tickets.map(async (ticket) => {
    try {
      await say(ticket);
      return { ticket };
    } catch (error) {
      return { refusal: { pickupCode: ticket.pickupCode, why: textOf(error) } };
    }
  }));
  return { counted: outcomes.flatMap(({ ticket }) => ticket ?? []), refused: outcomes.flatMap(({ refusal }) => refusal ?? []) };
}

/** What became of a batch, the codes of those that were refused with the reason. */
export function outcomeText(counted: string | null, refused: readonly Refusal[]): string {
  const reasons = new Map<string, string[]>();
  for (const { pickupCode, why } of refused) reasons.set(why, [...(reasons.get(why) ?? []), pickupCode]);
  return [...(counted === null ? [] : [counted]), ...[...reasons].map(([why, codes]) => `${codes.join(", ")}: ${why}`)].join(" ");
}

/** "4 tickets of Lemon". */
export function ticketsOf(count: number, flavour: string): string {
  return `${countText(count, "ticket")} of ${flavour}`;
}
