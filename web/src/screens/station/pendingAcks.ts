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
}

/** How long a slip of the finger can be retracted, in milliseconds. */
export const retractableFor = 5_000;
const retryAfter = 3_000;

interface Entry {
  pending: PendingAck;
  /** When the work in hand began that the ack is about. */
  readonly startedAt: string | undefined;
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

  add({ ticketId, pickupCode, startedAt }: BoardTicket, ack: RetractableAck): void {
    if (this.#entries.has(ticketId)) return;
    const entry: Entry = { pending: { ticketId, pickupCode, ack, isRetractable: true, isRetrying: false }, startedAt, timer: undefined, isSending: false, isRecorded: false };
    entry.timer = setTimeout(() => void this.#deliver(entry), retractableFor);
    this.#entries.set(ticketId, entry);
    this.#changed();
  }

  /** Retracts an ack and reports whether that was possible. */
  retract(ticketId: string): boolean {
    const entry = this.#entries.get(ticketId);
    if (!entry?.pending.isRetractable) return false;
    clearTimeout(entry.timer);
    this.#remove(entry);
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
