import { Problem } from "../api/problem";
import type { Board, BoardChange, BoardTicket, CounterDisplay, KitchenCounts, LiveMessage, OrderStatus, SoldOutMenu } from "../api/schema.gen";

/** What is known of a channel. A problem stands instead of it, or beside what was known before. */
export interface ChannelState {
  readonly board?: Board;
  readonly kitchen?: KitchenCounts;
  readonly counter?: CounterDisplay;
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
      const { board, kitchen, counter, menu, order } = message;
      return { version, ...(board && { board }), ...(kitchen && { kitchen }), ...(counter && { counter }), ...(menu && { menu }), ...(order && { order }) };
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
    tickets: tickets.filter((ticket) => !hasEnded(ticket)).sort((a, b) => Number(b.rush !== undefined) - Number(a.rush !== undefined) || compareTimes(a.since, b.since) || compareTexts(a.ticketId, b.ticketId)),
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
