import type { Ack, Board } from "../../api/schema.gen";
import { noAnswer, Problem } from "../../api/problem";

export type Ending = Ack & { readonly kind: "done" | "failed" | "undone" };

/** Something that was said and is not in the log yet. */
export interface Saying {
  readonly ticketId: string;
  readonly pickupCode: string;
  readonly ack: Ending;
  /** It has not gone out, and can be taken back. */
  readonly canBeTakenBack: boolean;
  /** Kafka has not taken it yet; it is said again. */
  readonly troubled: boolean;
}

/** How long a slip of the finger can be taken back, in milliseconds. */
export const slipTime = 5_000;
const againAfter = 3_000;

interface Entry {
  saying: Saying;
  timer: ReturnType<typeof setTimeout> | undefined;
  sending: boolean;
  /** The log has it; it stays until the board has heard of that too. */
  delivered: boolean;
}

/**
 * What somebody says of tickets at a board. An ack in Kafka cannot be taken
 * back, so one that ends a ticket is kept for five seconds before it goes out;
 * leaving the page sends it at once. Saying the same twice is harmless, so it
 * is said again until the server has an answer.
 */
export class Sayings {
  readonly #send: (ticketId: string, ack: Ending) => Promise<unknown>;
  readonly #refused: (saying: Saying, problem: Problem) => void;
  readonly #entries = new Map<string, Entry>();
  readonly #watchers = new Set<() => void>();
  #list: readonly Saying[] = [];
  #board: Board | undefined;

  constructor(send: (ticketId: string, ack: Ending) => Promise<unknown>, refused: (saying: Saying, problem: Problem) => void) {
    this.#send = send;
    this.#refused = refused;
  }

  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  /** What is not in the log yet, the last said first. */
  readonly list = (): readonly Saying[] => this.#list;

  say(ticketId: string, pickupCode: string, ack: Ending): void {
    if (this.#entries.has(ticketId)) return;
    const entry: Entry = { saying: { ticketId, pickupCode, ack, canBeTakenBack: true, troubled: false }, timer: undefined, sending: false, delivered: false };
    entry.timer = setTimeout(() => void this.#deliver(entry), slipTime);
    this.#entries.set(ticketId, entry);
    this.#changed();
  }

  /** Takes back what was said, if it has not gone out. */
  takeBack(ticketId: string): boolean {
    const entry = this.#entries.get(ticketId);
    if (!entry || entry.sending || entry.saying.troubled) return false;
    clearTimeout(entry.timer);
    this.#entries.delete(ticketId);
    this.#changed();
    return true;
  }

  /** Sends everything that waits, because the page is left. */
  readonly flush = (): void => {
    for (const entry of this.#entries.values()) {
      if (entry.sending) continue;
      clearTimeout(entry.timer);
      void this.#deliver(entry);
    }
  };

  /** Looks at the board as it is now: what it shows need not be remembered. */
  see(board: Board): void {
    this.#board = board;
    this.#prune();
  }

  #prune(): void {
    let pruned = false;
    for (const [ticketId, { delivered, saying }] of this.#entries) {
      const ticket = this.#board?.tickets.find((each) => each.ticketId === ticketId);
      const isShown = !ticket || (saying.ack.kind === "failed" && ticket.state !== "started");
      if (delivered && isShown) pruned = this.#entries.delete(ticketId);
    }
    if (pruned) this.#changed();
  }

  async #deliver(entry: Entry): Promise<void> {
    entry.sending = true;
    entry.saying = { ...entry.saying, canBeTakenBack: false };
    this.#changed();
    const { ticketId, ack } = entry.saying;
    try {
      await this.#send(ticketId, ack);
      entry.delivered = true;
      this.#prune();
      return;
    } catch (error) {
      const problem = error instanceof Problem ? error : noAnswer();
      if (problem.isUncertain) {
        entry.sending = false;
        entry.saying = { ...entry.saying, troubled: true };
        entry.timer = setTimeout(() => void this.#deliver(entry), againAfter);
        this.#changed();
        return;
      }
      this.#refused(entry.saying, problem);
    }
    this.#entries.delete(ticketId);
    this.#changed();
  }

  #changed(): void {
    this.#list = [...this.#entries.values()].map((entry) => entry.saying).reverse();
    for (const watcher of this.#watchers) watcher();
  }
}
