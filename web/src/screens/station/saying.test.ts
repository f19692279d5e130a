import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { noAnswer, Problem } from "../../api/problem";
import type { Problem as ProblemDocument } from "../../api/schema.gen";
import { board, start, startedTicket, ticket } from "../../testing-data";
import { Sayings, slipTime, type Ending, type Saying } from "./saying";

const done: Ending = { kind: "done" };
const failed: Ending = { kind: "failed", reason: "burnt", scrapped: 6 };
const unavailable = () => refusal("/problems/unavailable", 503);

function refusal(type: ProblemDocument["type"], status: number): Problem {
  return new Problem("What is wrong.", status, { type, title: "Title", status, detail: "What is wrong." });
}

/** The server, which answers when the test says so. */
class Answers {
  readonly asked: { ticketId: string; ack: Ending; accept: () => void; refuse: (error: unknown) => void }[] = [];

  readonly send = (ticketId: string, ack: Ending) =>
    new Promise<void>((accept, refuse) => { this.asked.push({ ticketId, ack, accept, refuse }); });

  last() {
    const last = this.asked.at(-1);
    if (!last) throw new Error("Nothing was sent.");
    return last;
  }
}

let answers: Answers;
let told: [Saying, Problem][];
let sayings: Sayings;

/** Lets what was answered arrive. */
const settle = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers({ now: start });
  answers = new Answers();
  told = [];
  sayings = new Sayings(answers.send, (saying, problem) => told.push([saying, problem]));
});

afterEach(() => { vi.useRealTimers(); });

describe("what is said", () => {
  test("waits for five seconds, and goes out once", async () => {
    sayings.say("a", "K7QF", failed);
    expect(slipTime).toBe(5_000);
    expect(sayings.list()).toEqual([{ ticketId: "a", pickupCode: "K7QF", ack: failed, canBeTakenBack: true, troubled: false }]);
    vi.advanceTimersByTime(4_999);
    expect(answers.asked).toHaveLength(0);
    vi.advanceTimersByTime(1);
    expect(answers.asked).toMatchObject([{ ticketId: "a", ack: failed }]);
    answers.last().accept();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(answers.asked).toHaveLength(1);
    expect(sayings.list()).toEqual([]);
    expect(told).toEqual([]);
  });

  test("is on its way until the server has answered", async () => {
    sayings.say("a", "K7QF", done);
    vi.advanceTimersByTime(5_000);
    expect(sayings.list()).toMatchObject([{ ticketId: "a", canBeTakenBack: false, troubled: false }]);
    answers.last().accept();
    await settle();
    expect(sayings.list()).toEqual([]);
  });

  test("is listed with the last first", () => {
    sayings.say("a", "K7QF", done);
    sayings.say("b", "M2XY", done);
    expect(sayings.list().map((each) => each.ticketId)).toEqual(["b", "a"]);
  });

  test("cannot be said twice of one ticket: the first counts", () => {
    sayings.say("a", "K7QF", done);
    sayings.say("a", "K7QF", failed);
    vi.advanceTimersByTime(5_000);
    expect(answers.asked).toMatchObject([{ ack: done }]);
  });

  test("is told to who watches, until they stop", () => {
    const watcher = vi.fn();
    const stop = sayings.watch(watcher);
    const before = sayings.list();
    sayings.say("a", "K7QF", done);
    expect(watcher).toHaveBeenCalledTimes(1);
    expect(sayings.list()).not.toBe(before);
    expect(sayings.list()).toBe(sayings.list()); // or React would never come to rest
    stop();
    sayings.takeBack("a");
    expect(watcher).toHaveBeenCalledTimes(1);
  });
});

describe("taking back", () => {
  test("lets nothing go out, and the ticket can be told of again", () => {
    sayings.say("a", "K7QF", done);
    vi.advanceTimersByTime(4_999);
    expect(sayings.takeBack("a")).toBe(true);
    expect(sayings.list()).toEqual([]);
    sayings.say("a", "K7QF", failed);
    vi.advanceTimersByTime(4_999);
    expect(answers.asked).toHaveLength(0);
    vi.advanceTimersByTime(1);
    expect(answers.asked).toMatchObject([{ ack: failed }]);
  });

  test("does nothing to other tickets", () => {
    sayings.say("a", "K7QF", done);
    sayings.say("b", "M2XY", done);
    sayings.takeBack("a");
    vi.advanceTimersByTime(5_000);
    expect(answers.asked.map((each) => each.ticketId)).toEqual(["b"]);
  });

  test("is too late once it is on its way", () => {
    sayings.say("a", "K7QF", done);
    vi.advanceTimersByTime(5_000);
    expect(sayings.takeBack("a")).toBe(false);
    expect(sayings.list()).toHaveLength(1);
  });

  test("is too late while Kafka is away: it may have gone through", async () => {
    sayings.say("a", "K7QF", done);
    vi.advanceTimersByTime(5_000);
    answers.last().refuse(unavailable());
    await settle();
    expect(sayings.takeBack("a")).toBe(false);
  });

  test("of what nobody has said does nothing", () => {
    expect(sayings.takeBack("a")).toBe(false);
  });
});

describe("leaving the page", () => {
  test("sends at once what waits, so that it outlives the page, and not again later", async () => {
    sayings.say("a", "K7QF", done);
    sayings.say("b", "M2XY", failed);
    sayings.flush();
    expect(answers.asked).toMatchObject([{ ticketId: "a", ack: done }, { ticketId: "b", ack: failed }]);
    for (const each of answers.asked) each.accept();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(answers.asked).toHaveLength(2);
  });

  test("does not send what is on its way already", () => {
    sayings.say("a", "K7QF", done);
    vi.advanceTimersByTime(5_000);
    sayings.flush();
    sayings.flush();
    expect(answers.asked).toHaveLength(1);
  });

  test("sends what Kafka has not taken yet, without waiting for the next time", async () => {
    sayings.say("a", "K7QF", done);
    vi.advanceTimersByTime(5_000);
    answers.last().refuse(unavailable());
    await settle();
    sayings.flush();
    expect(answers.asked).toHaveLength(2);
    answers.last().accept();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(answers.asked).toHaveLength(2);
  });

  test("sends nothing that was taken back", () => {
    sayings.say("a", "K7QF", done);
    sayings.takeBack("a");
    sayings.flush();
    expect(answers.asked).toHaveLength(0);
  });
});

describe("while there is no answer that counts", () => {
  test.each([
    ["Kafka is away", unavailable()],
    ["there is no network", noAnswer()],
    ["something broke that is no problem of the API", new TypeError("broken")],
  ])("because %s, it is said again every three seconds, until it is taken", async (_, error) => {
    sayings.say("a", "K7QF", failed);
    vi.advanceTimersByTime(5_000);
    for (let times = 1; times <= 3; times++) {
      answers.last().refuse(error);
      await settle();
      expect(sayings.list()).toMatchObject([{ ticketId: "a", troubled: true }]);
      await vi.advanceTimersByTimeAsync(2_999);
      expect(answers.asked).toHaveLength(times);
      await vi.advanceTimersByTimeAsync(1);
      expect(answers.asked).toHaveLength(times + 1);
    }
    expect(answers.asked.every((each) => each.ticketId === "a" && each.ack === failed)).toBe(true);
    answers.last().accept();
    await settle();
    expect(sayings.list()).toEqual([]);
    expect(told).toEqual([]);
  });
});

describe("a refusal", () => {
  test("is told, and it is not said again", async () => {
    sayings.say("a", "K7QF", done);
    vi.advanceTimersByTime(5_000);
    answers.last().refuse(refusal("/problems/ticket-ended", 409));
    await vi.advanceTimersByTimeAsync(60_000);
    expect(answers.asked).toHaveLength(1);
    expect(sayings.list()).toEqual([]);
    expect(told).toMatchObject([[{ ticketId: "a", pickupCode: "K7QF" }, { message: "What is wrong." }]]);
  });

  test("of what was said again is told once", async () => {
    sayings.say("a", "K7QF", done);
    vi.advanceTimersByTime(5_000);
    answers.last().refuse(noAnswer());
    await vi.advanceTimersByTimeAsync(3_000);
    answers.last().refuse(refusal("/problems/ticket-ended", 409));
    await settle();
    expect(told).toHaveLength(1);
    expect(sayings.list()).toEqual([]);
  });
});

describe("what the log has", () => {
  test("stays said until the board has heard of it, so that nobody says it again", async () => {
    const inHand = board({ tickets: [startedTicket("Ben", { ticketId: "a" })] });
    sayings.see(inHand);
    sayings.say("a", "K7QF", done);
    vi.advanceTimersByTime(slipTime);
    answers.last().accept();
    await settle();
    expect(sayings.list()).toHaveLength(1);
    sayings.see(inHand);
    expect(sayings.list()).toHaveLength(1);
    sayings.see(board({}));
    expect(sayings.list()).toEqual([]);
  });

  test("is over at once when the board has heard of it before the answer", async () => {
    sayings.say("a", "K7QF", done);
    vi.advanceTimersByTime(slipTime);
    sayings.see(board({}));
    expect(sayings.list(), "nobody knows yet whether it counts").toHaveLength(1);
    answers.last().accept();
    await settle();
    expect(sayings.list()).toEqual([]);
  });

  test("is over for a failure when the ticket comes again", async () => {
    sayings.say("a", "K7QF", failed);
    vi.advanceTimersByTime(slipTime);
    answers.last().accept();
    sayings.see(board({ tickets: [startedTicket("Ben", { ticketId: "a" })] }));
    await settle();
    expect(sayings.list()).toHaveLength(1);
    sayings.see(board({ tickets: [ticket({ ticketId: "a", attempt: 2 })] }));
    expect(sayings.list()).toEqual([]);
  });
});
