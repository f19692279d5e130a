import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { noAnswer, Problem } from "../../api/problem";
import type { Problem as ProblemDocument } from "../../api/schema.gen";
import { Answers, at, board, start, startedTicket, ticket } from "../../testing-data";
import { PendingAcks, retractableFor, type RetractableAck, type PendingAck } from "./pendingAcks";

const done: RetractableAck = { kind: "done" };
const failed: RetractableAck = { kind: "failed", reason: "burnt", scrapped: 6 };
const released: RetractableAck = { kind: "released" };
const a = startedTicket("Ben", { ticketId: "a" });
const b = startedTicket("Ben", { ticketId: "b", pickupCode: "M2XY" });
const unavailable = () => refusal("/problems/unavailable", 503);

function refusal(type: ProblemDocument["type"], status: number): Problem {
  return new Problem("What is wrong.", status, { type, title: "Title", status, detail: "What is wrong." });
}

let answers: Answers<{ readonly ticketId: string; readonly ack: RetractableAck }>;
let refused: [PendingAck, Problem][];
let pendingAcks: PendingAcks;

/** Lets the answers arrive. */
const answersArrive = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers({ now: start });
  answers = new Answers();
  refused = [];
  pendingAcks = new PendingAcks((ticketId, ack) => answers.ask({ ticketId, ack }), (pending, problem) => refused.push([pending, problem]));
});

afterEach(() => { vi.useRealTimers(); });

describe("a pending ack", () => {
  test("waits for five seconds, and is sent once", async () => {
    pendingAcks.add([a], failed);
    expect(retractableFor).toBe(5_000);
    expect(pendingAcks.list()).toEqual([{ ticketId: "a", pickupCode: "K7QF", ack: failed, isRetractable: true, isRetrying: false }]);
    vi.advanceTimersByTime(4_999);
    expect(answers.asked).toHaveLength(0);
    vi.advanceTimersByTime(1);
    expect(answers.asked).toMatchObject([{ ticketId: "a", ack: failed }]);
    answers.last().accept();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(answers.asked).toHaveLength(1);
    expect(pendingAcks.list()).toEqual([]);
    expect(refused).toEqual([]);
  });

  test("is pending until the server has answered", async () => {
    pendingAcks.add([a], done);
    vi.advanceTimersByTime(5_000);
    expect(pendingAcks.list()).toMatchObject([{ ticketId: "a", isRetractable: false, isRetrying: false }]);
    answers.last().accept();
    await answersArrive();
    expect(pendingAcks.list()).toEqual([]);
  });

  test("is listed before older ones", () => {
    pendingAcks.add([a], done);
    pendingAcks.add([b], done);
    expect(pendingAcks.list().map((each) => each.ticketId)).toEqual(["b", "a"]);
  });

  test("cannot be added twice for one ticket: the first counts", () => {
    pendingAcks.add([a], done);
    pendingAcks.add([a], failed);
    vi.advanceTimersByTime(5_000);
    expect(answers.asked).toMatchObject([{ ack: done }]);
  });

  test("is reported to watchers, until they stop", () => {
    const watcher = vi.fn();
    const stop = pendingAcks.watch(watcher);
    const before = pendingAcks.list();
    pendingAcks.add([a], done);
    expect(watcher).toHaveBeenCalledTimes(1);
    expect(pendingAcks.list()).not.toBe(before);
    expect(pendingAcks.list()).toBe(pendingAcks.list()); // or React would never come to rest
    stop();
    pendingAcks.retract("a");
    expect(watcher).toHaveBeenCalledTimes(1);
  });
});

describe("retracting", () => {
  test("prevents sending, and the ticket can have another ack", () => {
    pendingAcks.add([a], done);
    vi.advanceTimersByTime(4_999);
    expect(pendingAcks.retract("a")).toBe(true);
    expect(pendingAcks.list()).toEqual([]);
    pendingAcks.add([a], failed);
    vi.advanceTimersByTime(4_999);
    expect(answers.asked).toHaveLength(0);
    vi.advanceTimersByTime(1);
    expect(answers.asked).toMatchObject([{ ack: failed }]);
  });

  test("does nothing to other tickets", () => {
    pendingAcks.add([a], done);
    pendingAcks.add([b], done);
    pendingAcks.retract("a");
    vi.advanceTimersByTime(5_000);
    expect(answers.asked.map((each) => each.ticketId)).toEqual(["b"]);
  });

  test("is too late once the ack is being sent", () => {
    pendingAcks.add([a], done);
    vi.advanceTimersByTime(5_000);
    expect(pendingAcks.retract("a")).toBe(false);
    expect(pendingAcks.list()).toHaveLength(1);
  });

  test("is too late while Kafka is away: the ack may have been written", async () => {
    pendingAcks.add([a], done);
    vi.advanceTimersByTime(5_000);
    answers.last().refuse(unavailable());
    await answersArrive();
    expect(pendingAcks.retract("a")).toBe(false);
  });

  test("does nothing for a ticket without an ack", () => {
    expect(pendingAcks.retract("a")).toBe(false);
  });
});

describe("leaving the page", () => {
  test("sends at once what waits, so that it outlives the page, and not again later", async () => {
    pendingAcks.add([a], done);
    pendingAcks.add([b], failed);
    pendingAcks.flush();
    expect(answers.asked).toMatchObject([{ ticketId: "a", ack: done }, { ticketId: "b", ack: failed }]);
    for (const each of answers.asked) each.accept();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(answers.asked).toHaveLength(2);
  });

  test("does not send what is being sent already", () => {
    pendingAcks.add([a], done);
    vi.advanceTimersByTime(5_000);
    pendingAcks.flush();
    pendingAcks.flush();
    expect(answers.asked).toHaveLength(1);
  });

  test("sends what is not confirmed yet, without waiting for the next retry", async () => {
    pendingAcks.add([a], done);
    vi.advanceTimersByTime(5_000);
    answers.last().refuse(unavailable());
    await answersArrive();
    pendingAcks.flush();
    expect(answers.asked).toHaveLength(2);
    answers.last().accept();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(answers.asked).toHaveLength(2);
  });

  test("sends nothing that was retracted", () => {
    pendingAcks.add([a], done);
    pendingAcks.retract("a");
    pendingAcks.flush();
    expect(answers.asked).toHaveLength(0);
  });
});

describe("without a certain answer", () => {
  test.each([
    ["Kafka is away", unavailable()],
    ["there is no network", noAnswer()],
    ["something failed that is no problem of the API", new TypeError("broken")],
  ])("because %s, an ack is sent again every three seconds, until it is accepted", async (_, error) => {
    pendingAcks.add([a], failed);
    vi.advanceTimersByTime(5_000);
    for (let times = 1; times <= 3; times++) {
      answers.last().refuse(error);
      await answersArrive();
      expect(pendingAcks.list()).toMatchObject([{ ticketId: "a", isRetrying: true }]);
      await vi.advanceTimersByTimeAsync(2_999);
      expect(answers.asked).toHaveLength(times);
      await vi.advanceTimersByTimeAsync(1);
      expect(answers.asked).toHaveLength(times + 1);
    }
    expect(answers.asked.every((each) => each.ticketId === "a" && each.ack === failed)).toBe(true);
    answers.last().accept();
    await answersArrive();
    expect(pendingAcks.list()).toEqual([]);
    expect(refused).toEqual([]);
  });
});

describe("a refusal", () => {
  test("is reported, and the ack is not sent again", async () => {
    pendingAcks.add([a], done);
    vi.advanceTimersByTime(5_000);
    answers.last().refuse(refusal("/problems/ticket-ended", 409));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(answers.asked).toHaveLength(1);
    expect(pendingAcks.list()).toEqual([]);
    expect(refused).toMatchObject([[{ ticketId: "a", pickupCode: "K7QF" }, { message: "What is wrong." }]]);
  });

  test("of an ack that was sent again is reported once", async () => {
    pendingAcks.add([a], done);
    vi.advanceTimersByTime(5_000);
    answers.last().refuse(noAnswer());
    await vi.advanceTimersByTimeAsync(3_000);
    answers.last().refuse(refusal("/problems/ticket-ended", 409));
    await answersArrive();
    expect(refused).toHaveLength(1);
    expect(pendingAcks.list()).toEqual([]);
  });
});

describe("a recorded ack", () => {
  test("stays until the board shows it, so that nobody repeats it", async () => {
    const inHand = board({ tickets: [startedTicket("Ben", { ticketId: "a" })] });
    pendingAcks.setBoard(inHand);
    pendingAcks.add([a], done);
    vi.advanceTimersByTime(retractableFor);
    answers.last().accept();
    await answersArrive();
    expect(pendingAcks.list()).toHaveLength(1);
    pendingAcks.setBoard(inHand);
    expect(pendingAcks.list()).toHaveLength(1);
    pendingAcks.setBoard(board({}));
    expect(pendingAcks.list()).toEqual([]);
  });

  test("goes at once if the board shows it before the answer", async () => {
    pendingAcks.add([a], done);
    vi.advanceTimersByTime(retractableFor);
    pendingAcks.setBoard(board({}));
    expect(pendingAcks.list(), "nobody knows yet whether it counts").toHaveLength(1);
    answers.last().accept();
    await answersArrive();
    expect(pendingAcks.list()).toEqual([]);
  });

  test.each([
    ["of a failure, when the ticket is issued again", failed, ticket({ ticketId: "a", attempt: 2 })],
    ["of a ticket put back, when it waits again", released, ticket({ ticketId: "a" })],
    ["of a failure, when somebody else has the ticket already", failed, startedTicket("Bea", { ticketId: "a", attempt: 2, startedAt: at(90) })],
    ["of a ticket put back, when the same person has taken it again", released, startedTicket("Ben", { ticketId: "a", startedAt: at(90) })],
  ])("goes, %s", async (_, ack, after) => {
    pendingAcks.add([a], ack);
    vi.advanceTimersByTime(retractableFor);
    answers.last().accept();
    pendingAcks.setBoard(board({ tickets: [{ ...a, attempt: 2, heardAt: at(60) }] }));
    await answersArrive();
    expect(pendingAcks.list(), "being issued or heard of again changes nothing").toHaveLength(1);
    pendingAcks.setBoard(board({ tickets: [after] }));
    expect(pendingAcks.list()).toEqual([]);
  });
});

describe("a batch of acks", () => {
  const c = startedTicket("Ben", { ticketId: "c", pickupCode: "P3RS" });
  const sent = () => answers.asked.map(({ ticketId }) => ticketId);

  test("is sent as an ack for each ticket, all at once", () => {
    pendingAcks.add([a, b, c], done);
    expect(pendingAcks.list().map(({ ticketId, batch }) => [ticketId, batch])).toEqual([["c", "a"], ["b", "a"], ["a", "a"]]);
    vi.advanceTimersByTime(4_999);
    expect(sent()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(sent()).toEqual(["a", "b", "c"]);
  });

  test("is retracted as a whole, by any of its tickets, and nothing else with it", () => {
    pendingAcks.add([c], failed);
    pendingAcks.add([a, b], done);
    expect(pendingAcks.retract("b")).toBe(true);
    expect(pendingAcks.list().map(({ ticketId }) => ticketId)).toEqual(["c"]);
    vi.advanceTimersByTime(5_000);
    expect(sent()).toEqual(["c"]);
  });

  test("leaves out what was reported before", () => {
    pendingAcks.add([b], failed);
    pendingAcks.add([a, b], done);
    expect(pendingAcks.list().map(({ ticketId, ack, batch }) => [ticketId, ack, batch])).toEqual([["a", done, undefined], ["b", failed, undefined]]);
  });

  test("goes on with the others when one is refused or not answered, and repeats only that one", async () => {
    pendingAcks.add([a, b, c], done);
    vi.advanceTimersByTime(5_000);
    const [ofA, ofB, ofC] = answers.asked;
    ofA?.refuse(refusal("/problems/ticket-taken", 409));
    ofB?.refuse(unavailable());
    ofC?.accept();
    await answersArrive();
    expect(refused.map(([{ pickupCode }]) => pickupCode)).toEqual(["K7QF"]);
    expect(pendingAcks.list()).toMatchObject([{ ticketId: "b", isRetrying: true }]);
    vi.advanceTimersByTime(3_000);
    expect(sent()).toEqual(["a", "b", "c", "b"]);
  });

  test("is sent once when the page is left", () => {
    pendingAcks.add([a, b], done);
    pendingAcks.flush();
    vi.advanceTimersByTime(60_000);
    expect(sent()).toEqual(["a", "b"]);
  });
});
