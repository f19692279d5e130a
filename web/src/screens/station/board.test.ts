import { describe, expect, test } from "vitest";
import type { BoardTicket } from "../../api/schema.gen";
import { at, board, doneTicket, menu, start, startedTicket, ticket, undoTicket } from "../../testing-data";
import { allDay, columnsOf, gramsOf, newlyWaiting, piecesOf, silenceOf, toScrap, type PendingKinds } from "./board";

const ids = (tickets: readonly BoardTicket[]) => tickets.map((each) => each.ticketId);
const nothingPending: PendingKinds = new Map();

describe("the columns", () => {
  const shown = board({
    tickets: [
      ticket({ ticketId: "waiting" }),
      startedTicket("Ben", { ticketId: "mine" }),
      startedTicket("Bea", { ticketId: "hers" }),
      ticket({ ticketId: "failed", state: "failed", by: "Ben" }),
    ],
    ended: [doneTicket("Ben", "2026-03-04T09:00:00Z", { ticketId: "done" })],
  });

  test("have what waits, what I have in hand, what others have, and what has ended", () => {
    const columns = columnsOf(shown, "Ben", nothingPending);
    expect(ids(columns.waiting)).toEqual(["waiting"]);
    expect(ids(columns.failed)).toEqual(["failed"]);
    expect(ids(columns.mine)).toEqual(["mine"]);
    expect(ids(columns.others)).toEqual(["hers"]);
    expect(columns.reported).toEqual([]);
    expect(ids(columns.ended)).toEqual(["done"]);
  });

  test("apply my pending acks already, and show them apart from what has ended", () => {
    const columns = columnsOf(shown, "Ben", new Map([["mine", "done"], ["waiting", "undone"]]));
    expect(columns.waiting).toEqual([]);
    expect(columns.mine).toEqual([]);
    expect(ids(columns.reported)).toEqual(["waiting", "mine"]);
    expect(ids(columns.ended)).toEqual(["done"]);
  });

  test("leave a ticket that I am putting back where I can still retract that", () => {
    const columns = columnsOf(shown, "Ben", new Map([["mine", "released"]]));
    expect(ids(columns.mine)).toEqual(["mine"]);
    expect(columns.reported).toEqual([]);
  });

  // The board may change before the ack is answered: the ticket was shown nowhere then.
  test("show a ticket once, and not never, when the board shows its end before the ack is answered", () => {
    const columns = columnsOf(board({ ended: [doneTicket("Ben", "2026-03-04T09:00:00Z", { ticketId: "done" })] }), "Ben", new Map([["done", "done"]]));
    expect([...ids(columns.reported), ...ids(columns.ended)]).toEqual(["done"]);
  });
});

describe("an owner is silent", () => {
  const heardOf = (seconds: number) => startedTicket("Bea", { heardAt: at(seconds), silentAfterSeconds: 900 });

  test.each([
    [899, null],
    [900, 900_000],
    [1_500, 1_500_000],
    [-30, null], // the server's clock is not known to the second
  ])("after %i seconds: %j", (seconds, silence) => {
    expect(silenceOf(heardOf(0), start + seconds * 1000)).toBe(silence);
  });

  test("only since somebody was heard of last, however long the work takes", () => {
    expect(silenceOf(heardOf(7_200), start + 7_300_000)).toBeNull();
  });

  test.each([
    ["that does not tell how long its owner may be silent", startedTicket("Bea", { heardAt: at(0), silentAfterSeconds: 0 })],
    ["of an API that does not tell either", startedTicket("Bea")],
    ["that nobody has", ticket({ silentAfterSeconds: 900 })],
  ])("never, for a ticket %s", (_, of) => {
    expect(silenceOf(of, start + 86_400_000)).toBeNull();
  });
});

describe("what undoing is likely to cost", () => {
  const pieces = { lines: [{ flavour: "nut", size: "M", quantity: 6 }, { flavour: "lemon", size: "L", quantity: 4 }] } as const;

  test.each([
    ["everything that was made", { made: true }, 10],
    ["everything that somebody had begun", { made: false, begunBy: "Bea" }, 10],
    ["nothing, where nobody had begun", { made: false }, 0],
  ])("is %s", (_, work, scrapped) => {
    expect(toScrap(undoTicket({ ...pieces, ...work }))).toBe(scrapped);
  });
});

test("a ticket has the pieces of all its lines", () => {
  expect(piecesOf(ticket({ lines: [{ flavour: "nut", size: "M", quantity: 6 }, { flavour: "lemon", size: "L", quantity: 4 }] }))).toBe(10);
});

describe("the all-day count", () => {
  const of = (flavour: string, quantity: number) => ({ lines: [{ flavour, size: "M", quantity }] }) as const;

  test("adds up the pieces of each flavour that somebody can make now, the most first, and equal ones by name", () => {
    const counts = allDay(board({
      tickets: [
        ticket({ ticketId: "a", ...of("nut", 5) }),
        startedTicket("Bea", { ticketId: "b", ...of("lemon", 4) }),
        ticket({ ticketId: "c", state: "failed", ...of("nut", 1) }),
        ticket({ ticketId: "d", ...of("vanilla", 9) }),
        ticket({ ticketId: "e", ...of("apple", 4) }),
      ],
    }), nothingPending);
    expect(counts.map(({ flavour, pieces }) => [flavour, pieces])).toEqual([["vanilla", 9], ["nut", 5], ["apple", 4], ["lemon", 4]]);
  });

  test("leaves out what is to be undone, was withdrawn, has ended or has a pending ack", () => {
    const counts = allDay(board({
      tickets: [undoTicket({ ticketId: "a" }), startedTicket("Ben", { ticketId: "b", withdrawn: true }), startedTicket("Ben", { ticketId: "c" })],
      ended: [doneTicket("Ben", "2026-03-04T09:00:00Z", { ticketId: "d" })],
    }), new Map([["c", "done"]]));
    expect(counts).toEqual([]);
  });

  test("counts what is being put back: it is still to be made", () => {
    expect(allDay(board({ tickets: [startedTicket("Ben", { ticketId: "a", ...of("nut", 5) })] }), new Map([["a", "released"]]))).toMatchObject([{ flavour: "nut", pieces: 5 }]);
  });

  const lines = [{ flavour: "nut", size: "L", quantity: 2 }, { flavour: "lemon", size: "S", quantity: 1 }, { flavour: "nut", size: "S", quantity: 7 }] as const;

  test("tells the sizes of each flavour, the smallest first", () => {
    expect(allDay(board({ tickets: [ticket({ ticketId: "a", lines }), ticket({ ticketId: "b", lines })] }), nothingPending)).toEqual([
      { flavour: "nut", sizes: [{ size: "S", pieces: 14 }, { size: "L", pieces: 4 }], pieces: 18 },
      { flavour: "lemon", sizes: [{ size: "S", pieces: 2 }], pieces: 2 },
    ]);
  });

  test("weighs what the sizes weigh, and nothing if one has no weight", () => {
    const counts = allDay(board({ tickets: [ticket({ lines })] }), nothingPending);
    const onSale = (grams?: number) => menu({ sizes: [{ code: "S", label: "Small", grams: 35 }, { code: "L", label: "Large", ...(grams && { grams }) }] });
    expect(gramsOf(counts, onSale(90))).toBe(8 * 35 + 2 * 90);
    expect(gramsOf(counts, onSale())).toBe(0);
    expect(gramsOf([], onSale(90))).toBe(0);
  });
});

describe("newly waiting tickets", () => {
  const before = board({ tickets: [ticket({ ticketId: "a" })], ended: [doneTicket("Ben", "2026-03-04T09:00:00Z", { ticketId: "b" })] });

  test("are none on the first board: it would chime for all of them", () => {
    expect(newlyWaiting(undefined, before)).toEqual([]);
  });

  test("are those that were not there before", () => {
    expect(ids(newlyWaiting(before, board({ tickets: [ticket({ ticketId: "a" }), ticket({ ticketId: "c" })] })))).toEqual(["c"]);
  });

  // A ticket that is issued again is only delivered again.
  test("are not those that were issued again", () => {
    expect(newlyWaiting(before, board({ tickets: [ticket({ ticketId: "a", attempt: 2 })] }))).toEqual([]);
  });

  test("are those that had failed and are there again", () => {
    const failed = board({ tickets: [ticket({ ticketId: "a", state: "failed", by: "Bea" })] });
    expect(ids(newlyWaiting(failed, board({ tickets: [ticket({ ticketId: "a", attempt: 2 })] })))).toEqual(["a"]);
  });

  test("are not those that somebody puts back: whoever does that is here", () => {
    expect(newlyWaiting(board({ tickets: [startedTicket("Ben", { ticketId: "a" })] }), board({ tickets: [ticket({ ticketId: "a", attempt: 2 })] }))).toEqual([]);
  });

  test("are not those that somebody has in hand, or that wait again", () => {
    expect(newlyWaiting(before, board({ tickets: [startedTicket("Ben", { ticketId: "c" }), ticket({ ticketId: "b" })] }))).toEqual([]);
  });
});
