import type { BoardTicket } from "../../api/schema.gen";

interface Renewal {
  /** What the board said when this was planned. */
  readonly heardAt: string;
  /** When to say it, in milliseconds of the server's time. */
  dueAt: number;
}

/**
 * Says of what a person has in hand that the work goes on, so that it stays
 * theirs however long it takes. It goes by when they were last heard of, which
 * every tab and device sees, so the first that says it speaks for all. Nobody
 * is told of a failure: there is time for more attempts before they are silent.
 */
export class Renewals {
  readonly #send: (ticketId: string) => Promise<unknown>;
  readonly #random: () => number;
  readonly #planned = new Map<string, Renewal>();
  readonly #sending = new Set<string>();

  constructor(send: (ticketId: string) => Promise<unknown>, random: () => number) {
    this.#send = send;
    this.#random = random;
  }

  /** Sends what is due for the tickets in hand, by the server's time. */
  check(inHand: readonly BoardTicket[], now: number): void {
    const ids = new Set(inHand.map((ticket) => ticket.ticketId));
    for (const ticketId of this.#planned.keys()) {
      if (!ids.has(ticketId)) this.#planned.delete(ticketId);
    }
    for (const { ticketId, heardAt, silentAfterSeconds } of inHand) {
      if (heardAt === undefined || !silentAfterSeconds || this.#sending.has(ticketId)) continue;
      const third = (silentAfterSeconds * 1000) / 3;
      let planned = this.#planned.get(ticketId);
      if (planned?.heardAt !== heardAt) {
        // Each tab waits for another time, or all would speak at the same moment.
        planned = { heardAt, dueAt: Date.parse(heardAt) + third * (1 + this.#random() / 4) };
        this.#planned.set(ticketId, planned);
      }
      if (now >= planned.dueAt) void this.#renew(ticketId, planned, now, third);
    }
  }

  async #renew(ticketId: string, planned: Renewal, now: number, third: number): Promise<void> {
    this.#sending.add(ticketId);
    try {
      await this.#send(ticketId);
      planned.dueAt = now + third; // the board tells in a moment when it was heard
    } catch {
      planned.dueAt = now + third / 4;
    } finally {
      this.#sending.delete(ticketId);
    }
  }
}
