import type { Board, BoardChange, BoardTicket } from "../api/schema.gen";

/** How many of the tickets that have just ended a board shows; the server sends no more. */
const endedShown = 20;

const hasEnded = (ticket: BoardTicket) => ticket.state === "done" || ticket.state === "undone";

/** A board after a change. Both stay as they were. */
export function applyChange(board: Board, change: BoardChange): Board {
  // A ticket may be named twice, when it made room for another one that went away again: the last one counts.
  const changed = new Map(change.tickets.map((ticket) => [ticket.ticketId, ticket]));
  const removed = new Set(change.removed);
  const isUnchanged = (ticket: BoardTicket) => !removed.has(ticket.ticketId) && !changed.has(ticket.ticketId);
  const tickets = [...board.tickets, ...board.ended].filter(isUnchanged).concat(...changed.values());
  return {
    ...board,
    tickets: tickets.filter((ticket) => !hasEnded(ticket)).sort((a, b) => compareTimes(a.since, b.since) || compareTexts(a.ticketId, b.ticketId)),
    ended: tickets.filter(hasEnded).sort((a, b) => compareTimes(b.endedAt ?? "", a.endedAt ?? "") || compareTexts(a.ticketId, b.ticketId)).slice(0, endedShown),
  };
}

/**
 * Times may have fractions of different lengths, so they are not compared as
 * texts. They may also be finer than a Date, so dates alone would sort tickets
 * otherwise than the server does, and then cut off other ones.
 */
function compareTimes(a: string, b: string): number {
  return (Date.parse(a) || 0) - (Date.parse(b) || 0) || compareTexts(fractionOf(a), fractionOf(b));
}

function fractionOf(time: string): string {
  return (/\.(\d+)/.exec(time)?.[1] ?? "").replace(/0+$/, "");
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
