import type { Board, BoardTicket, Menu, Size } from "../../api/schema.gen";
import type { RetractableAck } from "./pendingAcks";

/** What a person has just said about tickets, by their ids, while the acks are pending. */
export type PendingKinds = ReadonlyMap<string, RetractableAck["kind"]>;

export interface Columns {
  /** Nobody has it in hand. */
  readonly waiting: readonly BoardTicket[];
  /** It failed, and waits for its next attempt or for its order's decision. */
  readonly failed: readonly BoardTicket[];
  readonly mine: readonly BoardTicket[];
  readonly others: readonly BoardTicket[];
  /** I have just said that they end, and may take that back. */
  readonly reported: readonly BoardTicket[];
  /** They ended last. */
  readonly ended: readonly BoardTicket[];
}

/** Ended tickets are there to look back a little; more would hide what there is to do. */
const endedShown = 8;

/**
 * The column of each ticket, for one person. Pending acks count already, but a
 * ticket that is put back stays where the hand is that may want to retract that.
 */
export function columnsOf(board: Board, me: string, pending: PendingKinds): Columns {
  const waiting: BoardTicket[] = [];
  const failed: BoardTicket[] = [];
  const mine: BoardTicket[] = [];
  const others: BoardTicket[] = [];
  const reported: BoardTicket[] = [];
  for (const ticket of board.tickets) {
    if (isEnding(ticket, pending)) reported.push(ticket);
    else if (ticket.state === "failed") failed.push(ticket);
    else if (ticket.state !== "started") waiting.push(ticket);
    else if (ticket.by === me) mine.push(ticket);
    else others.push(ticket);
  }
  return { waiting, failed, mine, others, reported, ended: board.ended.slice(0, endedShown) };
}

function isEnding({ ticketId }: BoardTicket, pending: PendingKinds): boolean {
  return pending.has(ticketId) && pending.get(ticketId) !== "released";
}

/**
 * For how long the owner of a ticket has not been heard of, in milliseconds, once
 * that is so long that somebody else may take it over; null until then.
 */
export function silenceOf({ heardAt, silentAfterSeconds }: BoardTicket, now: number): number | null {
  if (heardAt === undefined || !silentAfterSeconds) return null;
  const silence = now - Date.parse(heardAt);
  return silence >= silentAfterSeconds * 1000 ? silence : null;
}

/** The most pieces that the API accepts as scrapped for a ticket without lines. */
export const maxScrapped = 10_000;

export function piecesOf(ticket: BoardTicket): number {
  return ticket.lines.reduce((sum, line) => sum + line.quantity, 0);
}

interface FlavourCount {
  readonly flavour: string;
  /** The sizes that are to be made, the smallest first. */
  readonly sizes: readonly { readonly size: Size; readonly pieces: number }[];
  readonly pieces: number;
}

const sizeOrder: readonly Size[] = ["S", "M", "L", "XL"];

/** The all-day count: pieces that are still to be made here, by flavour and size, the most first. */
export function allDay(board: Board, pending: PendingKinds): readonly FlavourCount[] {
  const counts = new Map<string, Map<Size, number>>();
  for (const ticket of board.tickets) {
    if (ticket.kind !== "make" || ticket.state === "failed" || ticket.withdrawn || isEnding(ticket, pending)) continue;
    for (const { flavour, size, quantity } of ticket.lines) {
      const sizes = counts.get(flavour) ?? new Map<Size, number>();
      counts.set(flavour, sizes.set(size, (sizes.get(size) ?? 0) + quantity));
    }
  }
  return [...counts]
    .map(([flavour, sizes]) => ({
      flavour,
      sizes: sizeOrder.flatMap((size) => { const pieces = sizes.get(size); return pieces ? [{ size, pieces }] : []; }),
      pieces: [...sizes.values()].reduce((sum, pieces) => sum + pieces, 0),
    }))
    .sort((a, b) => b.pieces - a.pieces || (a.flavour < b.flavour ? -1 : 1));
}

/** What the counted pieces weigh, in grams; 0 if the menu does not say it of one of their sizes. */
export function gramsOf(counts: readonly FlavourCount[], menu: Menu): number {
  let grams = 0;
  for (const { size, pieces } of counts.flatMap((count) => count.sizes)) {
    const each = menu.sizes.find((onSale) => onSale.code === size)?.grams;
    if (!each) return 0;
    grams += each * pieces;
  }
  return grams;
}

/** How many pieces undoing a ticket's work is likely to cost: all of them, unless nobody is known to have begun. */
export function toScrap(ticket: BoardTicket): number {
  return ticket.made || ticket.begunBy !== undefined ? piecesOf(ticket) : 0;
}

/** Tickets that wait now and were not on the board before, or could not be started because they had failed. */
export function newlyWaiting(before: Board | undefined, now: Board): readonly BoardTicket[] {
  if (!before) return [];
  const known = new Set([...before.tickets, ...before.ended].filter((ticket) => ticket.state !== "failed").map((ticket) => ticket.ticketId));
  return now.tickets.filter((ticket) => ticket.state === "waiting" && !known.has(ticket.ticketId));
}
