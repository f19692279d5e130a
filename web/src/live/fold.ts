import type { Board, BoardChange, BoardTicket } from "../api/schema.gen";

/** How many tickets a board shows that have just ended; the server sends no more. */
const endedShown = 20;

const hasEnded = (ticket: BoardTicket) => ticket.state === "done" || ticket.state === "undone";

/** A board after a change. Both stay as they were. */
export function applyChange(board: Board, change: BoardChange): Board {
  // One that is named twice made room for another that went away again: what was told last counts.
  const told = new Map(change.tickets.map((ticket) => [ticket.ticketId, ticket]));
  const gone = new Set(change.removed);
  const stays = (ticket: BoardTicket) => !gone.has(ticket.ticketId) && !told.has(ticket.ticketId);
  const news = [...told.values()];
  const open = [...board.tickets.filter(stays), ...news.filter((ticket) => !hasEnded(ticket))];
  const ended = [...board.ended.filter(stays), ...news.filter(hasEnded)];
  return {
    ...board,
    tickets: open.sort((a, b) => compareTimes(a.since, b.since) || compareTexts(a.ticketId, b.ticketId)),
    ended: ended.sort((a, b) => compareTimes(b.endedAt ?? "", a.endedAt ?? "") || compareTexts(a.ticketId, b.ticketId)).slice(0, endedShown),
  };
}

/**
 * Times may have fractions of different lengths, so they are not compared as
 * texts; and finer ones than a Date keeps, so dates alone would put tickets in
 * another order than the server, and then cut off another one.
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
