import type { Board, BoardChange, BoardTicket } from "../api/schema.gen";

/** How many tickets a board shows that have just ended; the server sends no more. */
const endedShown = 20;

const hasEnded = (ticket: BoardTicket) => ticket.state === "done" || ticket.state === "undone";

/** A board after a change. Both stay as they were. */
export function applyChange(board: Board, change: BoardChange): Board {
  const gone = new Set([...change.removed, ...change.tickets.map((ticket) => ticket.ticketId)]);
  const stays = (ticket: BoardTicket) => !gone.has(ticket.ticketId);
  const open = [...board.tickets.filter(stays), ...change.tickets.filter((ticket) => !hasEnded(ticket))];
  const ended = [...board.ended.filter(stays), ...change.tickets.filter(hasEnded)];
  return {
    ...board,
    tickets: open.sort((a, b) => compareTimes(a.since, b.since) || compareTexts(a.ticketId, b.ticketId)),
    ended: ended.sort((a, b) => compareTimes(b.endedAt ?? "", a.endedAt ?? "") || compareTexts(a.ticketId, b.ticketId)).slice(0, endedShown),
  };
}

/** Times may have fractions of different lengths, so they are not compared as texts. */
function compareTimes(a: string, b: string): number {
  return (Date.parse(a) || 0) - (Date.parse(b) || 0);
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
