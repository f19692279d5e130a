import { describe, expect, test } from "vitest";
import type { Board, BoardChange, BoardTicket } from "../api/schema.gen";
import { at, board, doneTicket, startedTicket, ticket } from "../testing-data";
import { applyChange } from "./channel";

const change = (tickets: readonly BoardTicket[], removed: readonly string[] = []): BoardChange => ({ tickets, removed });
const ids = (tickets: readonly BoardTicket[]) => tickets.map((each) => each.ticketId);

describe("applyChange", () => {
  test("a new ticket is placed by its age", () => {
    const before = board({ tickets: [ticket({ ticketId: "a", since: at(0) }), ticket({ ticketId: "c", since: at(20) })] });
    expect(ids(applyChange(before, change([ticket({ ticketId: "b", since: at(10) })])).tickets)).toEqual(["a", "b", "c"]);
    const rush = { by: "ann", at: at(30), reason: "the bride is at the door" };
    expect(ids(applyChange(before, change([ticket({ ticketId: "c", since: at(20), rush })])).tickets)).toEqual(["c", "a"]);
  });

  test("a ticket that changes is shown once, in its new state", () => {
    const before = board({ tickets: [ticket({ ticketId: "a" })] });
    expect(applyChange(before, change([startedTicket("Ben", { ticketId: "a" })])).tickets).toEqual([startedTicket("Ben", { ticketId: "a" })]);
  });

  test("a ticket that ends moves to the ended ones", () => {
    const after = applyChange(board({ tickets: [ticket({ ticketId: "a" })] }), change([doneTicket("Ben", at(5), { ticketId: "a" })]));
    expect(after.tickets).toEqual([]);
    expect(ids(after.ended)).toEqual(["a"]);
  });

  test("an undone ticket has ended too", () => {
    const after = applyChange(board(), change([ticket({ ticketId: "a", kind: "undo", state: "undone", endedAt: at(5) })]));
    expect(ids(after.ended)).toEqual(["a"]);
  });

  test("a failed ticket stays open: it waits for its next attempt", () => {
    const after = applyChange(board(), change([ticket({ ticketId: "a", state: "failed", endedAt: at(5) })]));
    expect(ids(after.tickets)).toEqual(["a"]);
    expect(after.ended).toEqual([]);
  });

  test("a ticket that is issued again moves back to the open ones", () => {
    const before = board({ ended: [doneTicket("Ben", at(5), { ticketId: "a" })] });
    const after = applyChange(before, change([ticket({ ticketId: "a", attempt: 2 })]));
    expect(ids(after.tickets)).toEqual(["a"]);
    expect(after.ended).toEqual([]);
  });

  test("a removed ticket disappears, open or ended", () => {
    const before = board({ tickets: [ticket({ ticketId: "a" }), ticket({ ticketId: "b" })], ended: [doneTicket("Ben", at(5), { ticketId: "c" })] });
    const after = applyChange(before, change([], ["a", "c", "never-seen"]));
    expect(ids(after.tickets)).toEqual(["b"]);
    expect(after.ended).toEqual([]);
  });

  test("the last ended comes first", () => {
    const before = board({ ended: [doneTicket("Ben", at(5), { ticketId: "a" })] });
    expect(ids(applyChange(before, change([doneTicket("Ben", at(9), { ticketId: "b" })])).ended)).toEqual(["b", "a"]);
  });

  test("with equal times the lower id comes first, in both lists", () => {
    const after = applyChange(board(), change([
      ticket({ ticketId: "b" }), ticket({ ticketId: "a" }), ticket({ ticketId: "B" }),
      doneTicket("Ben", at(5), { ticketId: "d" }), doneTicket("Ben", at(5), { ticketId: "c" }),
    ]));
    expect(ids(after.tickets)).toEqual(["B", "a", "b"]);
    expect(ids(after.ended)).toEqual(["c", "d"]);
  });

  test.each([
    ["2026-03-04T09:00:00Z", "2026-03-04T09:00:00.5Z"],
    ["2026-03-04T09:00:00.12Z", "2026-03-04T09:00:00.123Z"],
    ["2026-03-04T09:00:00.9Z", "2026-03-04T09:00:01Z"],
    // The server orders by nanoseconds; a browser's dates have milliseconds only.
    ["2026-03-04T09:00:00.1234567Z", "2026-03-04T09:00:00.12349Z"],
    ["2026-03-04T09:00:00.123Z", "2026-03-04T09:00:00.123000001Z"],
  ])("%s is before %s, whichever has more digits", (earlier, later) => {
    const after = applyChange(board(), change([
      ticket({ ticketId: "a", since: later }), ticket({ ticketId: "b", since: earlier }),
      doneTicket("Ben", earlier, { ticketId: "c" }), doneTicket("Ben", later, { ticketId: "d" }),
    ]));
    expect(ids(after.tickets)).toEqual(["b", "a"]);
    expect(ids(after.ended)).toEqual(["d", "c"]);
  });

  test("a time with more digits than an equal one is equal", () => {
    const after = applyChange(board(), change([ticket({ ticketId: "b", since: "2026-03-04T09:00:00Z" }), ticket({ ticketId: "a", since: "2026-03-04T09:00:00.000000Z" })]));
    expect(ids(after.tickets)).toEqual(["a", "b"]);
  });

  test("at most 20 ended tickets are kept, the newest", () => {
    const ended = Array.from({ length: 20 }, (_, i) => doneTicket("Ben", at(100 - i), { ticketId: `t${i}` }));
    const after = applyChange(board({ ended }), change([doneTicket("Ben", at(200), { ticketId: "new" })]));
    expect(after.ended).toHaveLength(20);
    expect(after.ended[0]?.ticketId).toBe("new");
    expect(ids(after.ended)).not.toContain("t19");
  });

  test("a ticket that a change names twice is shown once, in its last state", () => {
    // The server does so when a ticket made room for another one that went away in the same change.
    const repeated = change([doneTicket("Ben", at(5), { ticketId: "a", notes: "first" }), doneTicket("Ben", at(5), { ticketId: "a", notes: "last" })], ["a"]);
    expect(applyChange(board(), repeated).ended.map((each) => each.notes)).toEqual(["last"]);
  });

  test("the board before the change stays as it was", () => {
    const before = board({ tickets: [ticket({ ticketId: "b", since: at(5) })], ended: [doneTicket("Ben", at(5), { ticketId: "a" })] });
    const copy = structuredClone(before);
    applyChange(before, change([ticket({ ticketId: "c" }), doneTicket("Ben", at(9), { ticketId: "b" })], ["a"]));
    expect(before).toEqual(copy);
  });

  test.each([1, 2, 3, 4, 5])("after any series of changes the board is what a fresh snapshot shows (seed %i)", (seed) => {
    const server = new Server(seed);
    let shown = server.snapshot();
    for (let i = 0; i < 300; i++) {
      shown = applyChange(shown, server.step());
      expect(shown).toEqual(server.snapshot());
    }
  });
});

/** What the server does, from scratch each time: it knows all tickets, shows some of them, and sends what differs. */
class Server {
  readonly #random: () => number;
  readonly #known = new Map<string, BoardTicket>();
  #made = 0;

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  snapshot(): Board {
    const all = [...this.#known.values()];
    const ended = all.filter((each) => each.state === "done" || each.state === "undone");
    const nanos = (time: string | undefined) => BigInt(Date.parse((time ?? "").slice(0, 19) + "Z")) * 1_000_000n + BigInt((/\.(\d+)Z/.exec(time ?? "")?.[1] ?? "").padEnd(9, "0"));
    const order = (x: bigint, y: bigint) => (x < y ? -1 : x > y ? 1 : 0);
    return board({
      tickets: all.filter((each) => !ended.includes(each)).sort((a, b) => order(nanos(a.since), nanos(b.since)) || (a.ticketId < b.ticketId ? -1 : 1)),
      ended: ended.sort((a, b) => order(nanos(b.endedAt), nanos(a.endedAt)) || (a.ticketId < b.ticketId ? -1 : 1)).slice(0, 20),
    });
  }

  /** Up to four tickets come, move or go; the change names them in any order. */
  step(): BoardChange {
    const before = this.#shown();
    for (let n = this.#below(4); n >= 0; n--) this.#disturb();
    const after = this.#shown();
    return {
      tickets: this.#shuffled([...after.values()].filter((each) => before.get(each.ticketId) !== each)),
      removed: this.#shuffled([...before.keys()].filter((id) => !after.has(id))),
    };
  }

  #shown(): ReadonlyMap<string, BoardTicket> {
    const { tickets, ended } = this.snapshot();
    return new Map([...tickets, ...ended].map((each) => [each.ticketId, each]));
  }

  #disturb(): void {
    const known = [...this.#known.keys()];
    const id = known[this.#below(known.length + 8)] ?? `t${this.#made++ % 60}`;
    switch (this.#below(6)) {
      case 0:
        this.#known.delete(id);
        break;
      case 1:
        this.#known.set(id, startedTicket("Ben", { ticketId: id, since: this.#time() }));
        break;
      case 2:
        this.#known.set(id, ticket({ ticketId: id, since: this.#time() }));
        break;
      default:
        this.#known.set(id, doneTicket("Ben", this.#time(), { ticketId: id }));
    }
  }

  /** One of a few times, so that many are equal, with fractions of different lengths. */
  #time(): string {
    const fraction = ["", ".5", ".25", ".123", ".1234", ".123456789"][this.#below(6)] ?? "";
    return `2026-03-04T09:00:0${this.#below(5)}${fraction}Z`;
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n);
  }

  #shuffled<T>(list: readonly T[]): readonly T[] {
    return list.map((value) => ({ value, place: this.#random() })).sort((a, b) => a.place - b.place).map(({ value }) => value);
  }
}

/** Random numbers that are the same in every run: a linear congruential generator. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}
