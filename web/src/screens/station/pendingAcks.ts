import type { Ack, Board, BoardTicket } from "../../api/schema.gen";
import { asProblem, type Problem } from "../../api/problem";

/** An ack that can be retracted for a while: it ends a ticket, or puts it back. */
export type RetractableAck = Ack & { readonly kind: "done" | "failed" | "undone" | "released" };

/** An ack that is not in the log yet. */
export interface PendingAck {
  readonly ticketId: string;
  readonly pickupCode: string;
  readonly ack: RetractableAck;
  /** It has not been sent, and can be retracted. */
  readonly isRetractable: boolean;
  /** It was sent and not confirmed; it is sent again. */
  readonly isRetrying: boolean;
  /** It was said of several tickets together, and is retracted with them: the first one's id. */
  readonly batch?: string | undefined;
}

/** How long a slip of the finger can be retracted, in milliseconds. */
export const retractableFor = 5_000;
const retryAfter = 3_000;

interface Entry {
  pending: PendingAck;
  /** When the work in hand began that the ack is about. */
  readonly startedAt: string | undefined;
  /** Those of a batch share one: all of them are sent, or none. */
  timer: ReturnType<typeof setTimeout> | undefined;
  isSending: boolean;
  /** The log has it; the entry stays until the board shows it too. */
  isRecorded: boolean;
}

/**
 * The acks of a person at a board that are not in the log yet. An ack in Kafka
 * cannot be retracted, so one that ends a ticket, or puts it back for others to
 * take, waits for five seconds before it is sent; leaving the page sends it at
 * once. Repeating an ack is harmless, so it is sent again until the server has
 * answered.
 */
export class PendingAcks {
  readonly #send: (ticketId: string, ack: RetractableAck) => Promise<unknown>;
  readonly #onRefused: (pending: PendingAck, problem: Problem) => void;
  readonly #entries = new Map<string, Entry>();
  readonly #watchers = new Set<() => void>();
  #list: readonly PendingAck[] = [];
  #board: Board | undefined;

  constructor(send: (ticketId: string, ack: RetractableAck) => Promise<unknown>, onRefused: (pending: PendingAck, problem: Problem) => void) {
    this.#send = send;
    this.#onRefused = onRefused;
  }

  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  /** The pending acks, newest first. */
  readonly list = (): readonly PendingAck[] => this.#list;

  /** Says the same of one ticket, or of several together. */
  add(tickets: readonly BoardTicket[], ack: RetractableAck): void {
    const said = tickets.filter(({ ticketId }) => !this.#entries.has(ticketId));
    const batch = said.length > 1 ? said[0]?.ticketId : undefined;
    const entries = said.map(({ ticketId, pickupCode, startedAt }): Entry => ({
      pending: { ticketId, pickupCode, ack, isRetractable: true, isRetrying: false, batch }, startedAt, timer: undefined, isSending: false, isRecorded: false,
    }));
    const timer = setTimeout(() => { for (const entry of entries) void this.#deliver(entry); }, retractableFor);
    for (const entry of entries) {
      entry.timer = timer;
      this.#entries.set(entry.pending.ticketId, entry);
    }
    this.#changed();
  }

  /** Retracts an ack, with its whole batch, and reports whether that was possible. */
  retract(ticketId: string): boolean {
    const entry = this.#entries.get(ticketId);
    if (!entry?.pending.isRetractable) return false;
    clearTimeout(entry.timer);
    for (const { pending, timer } of this.#entries.values()) {
      if (timer === entry.timer) this.#entries.delete(pending.ticketId);
    }
    this.#changed();
    return true;
  }

  /** Sends everything that waits, because the page is being left. */
  readonly flush = (): void => {
    for (const entry of this.#entries.values()) {
      if (entry.isSending) continue;
      clearTimeout(entry.timer);
      void this.#deliver(entry);
    }
  };

  /** Takes the board as it is now: an ack that it shows is no longer pending. */
  setBoard(board: Board): void {
    this.#board = board;
    for (const entry of this.#entries.values()) this.#removeIfShown(entry);
  }

  #removeIfShown(entry: Entry): void {
    const { ticketId, ack } = entry.pending;
    const ticket = this.#board?.tickets.find((each) => each.ticketId === ticketId);
    // A ticket that failed or was put back goes on, perhaps already in other hands.
    const goesOn = ack.kind === "failed" || ack.kind === "released";
    const isShown = !ticket || (goesOn && (ticket.state !== "started" || ticket.startedAt !== entry.startedAt));
    if (entry.isRecorded && isShown) this.#remove(entry);
  }

  async #deliver(entry: Entry): Promise<void> {
    entry.isSending = true;
    entry.pending = { ...entry.pending, isRetractable: false };
    this.#changed();
    try {
      await this.#send(entry.pending.ticketId, entry.pending.ack);
      entry.isRecorded = true;
      this.#removeIfShown(entry);
    } catch (error) {
      const problem = asProblem(error);
      if (problem.isUncertain) {
        this.#retry(entry);
      } else {
        this.#onRefused(entry.pending, problem);
        this.#remove(entry);
      }
    }
  }

  #retry(entry: Entry): void {
    entry.isSending = false;
    entry.pending = { ...entry.pending, isRetrying: true };
    entry.timer = setTimeout(() => void this.#deliver(entry), retryAfter);
    this.#changed();
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.pending.ticketId);
    this.#changed();
  }

  #changed(): void {
    this.#list = [...this.#entries.values()].map((entry) => entry.pending).reverse();
    for (const watcher of this.#watchers) watcher();
  }
}
