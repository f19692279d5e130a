import { Problem } from "../api/problem";
import type { Board, CounterDisplay, KitchenCounts, LiveMessage, OrderStatus } from "../api/schema.gen";
import { applyChange } from "./applyChange";

/** What is known of a channel. A problem stands instead of it, or beside what was known before. */
export interface ChannelState {
  readonly board?: Board;
  readonly kitchen?: KitchenCounts;
  readonly counter?: CounterDisplay;
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
      const { board, kitchen, counter, order } = message;
      return { version, ...(board && { board }), ...(kitchen && { kitchen }), ...(counter && { counter }), ...(order && { order }) };
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
