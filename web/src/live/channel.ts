import { Problem } from "../api/problem";
import type { Board, BoardChange, BoardTicket, CounterDisplay, KitchenCounts, LiveMessage, OrderStatus, Overview, SoldOutMenu } from "../api/schema.gen";
import { compareInQueue, compareTexts, compareTimes } from "../due";

/** What is known of a channel. A problem stands instead of it, or beside what was known before. */
export interface ChannelState {
  readonly board?: Board;
  readonly kitchen?: KitchenCounts;
  readonly counter?: CounterDisplay;
  readonly overview?: Overview;
  readonly menu?: SoldOutMenu;
  readonly order?: OrderStatus;
  readonly problem?: Problem;
  /** Counts the messages that changed it, so that equal snapshots can be told apart. */
  readonly version: number;
}

export const nothing: ChannelState = { version: 0 };

/** A channel's state after a message of the server; the same one if the message changes nothing. */
export function afterMessage(state: ChannelState, message: LiveMessage): ChannelState {
  const version = state.version + 1;
  switch (message.type) {
    case "snapshot": {
      const { board, kitchen, counter, overview, menu, order } = message;
      return { version, ...(board && { board }), ...(kitchen && { kitchen }), ...(counter && { counter }), ...(overview && { overview }), ...(menu && { menu }), ...(order && { order }) };
    }
    case "change":
      return state.board && message.change ? { version, board: applyChange(state.board, message.change) } : state;
    case "problem":
      return message.problem ? { ...state, version, problem: new Problem(message.problem.detail ?? message.problem.title, message.problem.status, message.problem) } : state;
    case "resumed": {
      const { problem, ...known } = state;
      return problem ? { ...known, version } : state;
    }
    default:
      return state;
  }
}

/** Whether a message's cursor can be resumed from: not from a problem, nor from a change of a board that is not known. */
export function isResumable(state: ChannelState, message: LiveMessage): boolean {
  return message.type === "snapshot" || (message.type !== "problem" && state.board !== undefined);
}

/** Whether the server ends the channel with a message. A channel that is only unavailable goes on by itself. */
export function isEndedBy(message: LiveMessage): boolean {
  return message.problem !== undefined && message.problem.type !== "/problems/unavailable";
}

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
    tickets: tickets.filter((ticket) => !hasEnded(ticket)).sort(compareInQueue),
    ended: tickets.filter(hasEnded).sort((a, b) => compareTimes(b.endedAt ?? "", a.endedAt ?? "") || compareTexts(a.ticketId, b.ticketId)).slice(0, endedShown),
  };
}
