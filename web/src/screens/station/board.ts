import type { Board, BoardRules, BoardTicket, Stage } from "../../api/schema.gen";
import { stagesShowingMessages } from "../../api/stages.gen";

/** What a person has said of a ticket a moment ago, while it can still be taken back or is on its way. */
export type Said = ReadonlyMap<string, "done" | "failed" | "undone">;

export interface Columns {
  /** Nobody has it in hand. */
  readonly waiting: readonly BoardTicket[];
  /** It failed, and waits for its next attempt or for what its order decides. */
  readonly failed: readonly BoardTicket[];
  readonly mine: readonly BoardTicket[];
  readonly others: readonly BoardTicket[];
  /** What I have just said comes first. */
  readonly justDone: readonly BoardTicket[];
}

/** What has ended is to look back a little; more would hide what there is to do. */
const endedShown = 8;

/** Where each ticket stands for one person. What was just said counts already. */
export function columnsOf(board: Board, me: string, said: Said): Columns {
  const waiting: BoardTicket[] = [];
  const failed: BoardTicket[] = [];
  const mine: BoardTicket[] = [];
  const others: BoardTicket[] = [];
  const now: BoardTicket[] = [];
  for (const ticket of board.tickets) {
    if (said.has(ticket.ticketId)) now.push(ticket);
    else if (ticket.state === "failed") failed.push(ticket);
    else if (ticket.state !== "started") waiting.push(ticket);
    else if (ticket.by === me) mine.push(ticket);
    else others.push(ticket);
  }
  // Work that was cancelled is put away first: it takes up hands and room.
  const first = (ticket: BoardTicket) => (ticket.kind === "undo" ? 0 : 1);
  waiting.sort((a, b) => first(a) - first(b));
  return { waiting, failed, mine, others, justDone: [...now, ...board.ended.slice(0, endedShown)] };
}

export type Age = "fresh" | "late" | "overdue";

/** How a ticket's age looks, by the kitchen file's two thresholds. */
export function ageOf(ticket: BoardTicket, rules: BoardRules, now: number): Age {
  const seconds = (now - Date.parse(ticket.since)) / 1000;
  if (seconds >= rules.overdueAfterSeconds) return "overdue";
  return seconds >= rules.lateAfterSeconds ? "late" : "fresh";
}

/** The most pieces that the API takes as scrapped of a ticket without lines. */
export const maxScrapped = 10_000;

export function piecesOf(ticket: BoardTicket): number {
  return ticket.lines.reduce((sum, line) => sum + line.quantity, 0);
}

export interface FlavourCount {
  readonly flavour: string;
  readonly pieces: number;
}

/** The all-day count: pieces that are still to be made here, by flavour, the most first. */
export function allDay(board: Board, said: Said): readonly FlavourCount[] {
  const pieces = new Map<string, number>();
  for (const ticket of board.tickets) {
    if (ticket.kind !== "make" || ticket.state === "failed" || ticket.withdrawn || said.has(ticket.ticketId)) continue;
    for (const line of ticket.lines) pieces.set(line.flavour, (pieces.get(line.flavour) ?? 0) + line.quantity);
  }
  return [...pieces].map(([flavour, count]) => ({ flavour, pieces: count })).sort((a, b) => b.pieces - a.pieces || (a.flavour < b.flavour ? -1 : 1));
}

/** Whether what is piped on matters at a stage: to who pipes it, and to who checks it before the box is closed. */
export function showsMessages(stage: Stage): boolean {
  return stagesShowingMessages.includes(stage);
}

/** Tickets that have come since a board was looked at last. */
export function newlyWaiting(before: Board | undefined, now: Board): readonly BoardTicket[] {
  if (!before) return [];
  const known = new Set([...before.tickets, ...before.ended].map(nameOf));
  return now.tickets.filter((ticket) => ticket.state === "waiting" && !known.has(nameOf(ticket)));
}

function nameOf(ticket: BoardTicket): string {
  return `${ticket.ticketId} ${ticket.attempt}`;
}
