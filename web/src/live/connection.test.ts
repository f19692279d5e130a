import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { LiveMessage, Problem as ProblemDocument } from "../api/schema.gen";
import { at, board, counter, kitchen, order, start, startedTicket, ticket } from "../testing-data";
import { Live, openLive } from "./connection";

/** A WebSocket whose other end is the test. */
class FakeSocket {
  static readonly all: FakeSocket[] = [];
  readyState = 0;
  closedWith: number | undefined;
  readonly sent: unknown[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;

  constructor(readonly url = "") {
    FakeSocket.all.push(this);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(code?: number): void {
    this.closedWith = code;
    this.readyState = 2;
  }

  accept(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  say(message: LiveMessage): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  lose(code = 1006, reason = ""): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
}

const ignore = () => undefined;
const problem = (type: ProblemDocument["type"]): ProblemDocument => ({ type, title: "Title", status: 400, detail: "What is wrong." });
const bakeSnapshot = (cursor = "e.1"): LiveMessage => ({ type: "snapshot", channel: "station/bake", cursor, board: board({ tickets: [ticket({ ticketId: "a" })] }) });

let chance = 1;
let live: Live;

function socket(): FakeSocket {
  const last = FakeSocket.all.at(-1);
  if (!last) throw new Error("No socket has been opened.");
  return last;
}

/** How many milliseconds pass until another socket is opened. */
function pauseUntilNext(): number {
  const before = FakeSocket.all.length;
  for (let waited = 0; waited <= 60_000; waited++) {
    if (FakeSocket.all.length > before) return waited;
    vi.advanceTimersByTime(1);
  }
  throw new Error("No socket was opened within a minute.");
}

/** The server says so many seconds long that all is well. */
function speak(seconds: number): void {
  for (let spoken = 0; spoken < seconds; spoken += 10) {
    socket().say({ type: "state", at: at(spoken) });
    vi.advanceTimersByTime(10_000);
  }
}

beforeEach(() => {
  vi.useFakeTimers({ now: start });
  FakeSocket.all.length = 0;
  chance = 1;
  live = new Live({ open: () => new FakeSocket() as unknown as WebSocket, timeOfDay: () => Date.now(), steady: () => performance.now(), random: () => chance });
});

afterEach(() => { vi.useRealTimers(); });

describe("following", () => {
  test("nothing is opened before anything is followed", () => {
    expect(FakeSocket.all).toHaveLength(0);
    expect(live.status()).toEqual({ kind: "connecting", since: start });
  });

  test("several channels share one connection, and each is subscribed once it is open", () => {
    live.follow("kitchen", ignore);
    live.follow("station/bake", ignore);
    expect(socket().sent).toEqual([]);
    socket().accept();
    live.follow("counter", ignore);
    expect(FakeSocket.all).toHaveLength(1);
    expect(socket().sent).toEqual([
      { type: "subscribe", channel: "kitchen" },
      { type: "subscribe", channel: "station/bake" },
      { type: "subscribe", channel: "counter" },
    ]);
  });

  test("a channel is subscribed for its first follower and unsubscribed after its last", () => {
    const leaveFirst = live.follow("kitchen", ignore);
    socket().accept();
    const leaveSecond = live.follow("kitchen", () => 2);
    leaveFirst();
    leaveFirst();
    expect(socket().sent).toEqual([{ type: "subscribe", channel: "kitchen" }]);
    leaveSecond();
    expect(socket().sent).toEqual([{ type: "subscribe", channel: "kitchen" }, { type: "unsubscribe", channel: "kitchen" }]);
  });

  test("leaving twice does not take the channel from whoever came meanwhile", () => {
    const leave = live.follow("kitchen", ignore);
    socket().accept();
    leave();
    live.follow("kitchen", ignore);
    leave();
    expect(socket().sent.at(-1)).toEqual({ type: "subscribe", channel: "kitchen" });
  });

  test("the connection stays for a second, for the next page", () => {
    const leave = live.follow("kitchen", ignore);
    socket().accept();
    leave();
    vi.advanceTimersByTime(999);
    live.follow("counter", ignore);
    vi.advanceTimersByTime(5_000);
    expect(FakeSocket.all).toHaveLength(1);
    expect(socket().closedWith).toBeUndefined();
  });

  test("the connection ends when nothing is followed any more", () => {
    const leave = live.follow("kitchen", ignore);
    socket().accept();
    leave();
    vi.advanceTimersByTime(1_000);
    expect(socket().closedWith).toBe(1000);
    vi.advanceTimersByTime(60_000);
    expect(FakeSocket.all).toHaveLength(1);
  });

  test("a channel that is left is forgotten", () => {
    const leave = live.follow("station/bake", ignore);
    socket().accept();
    socket().say(bakeSnapshot());
    leave();
    expect(live.state("station/bake")).toEqual({ news: 0 });
  });
});

describe("messages", () => {
  test("a snapshot is what is known from then on", () => {
    live.follow("kitchen", ignore);
    live.follow("counter", ignore);
    live.follow("order/1", ignore);
    live.follow("station/bake", ignore);
    socket().accept();
    socket().say({ type: "snapshot", channel: "kitchen", cursor: "k.1", kitchen: kitchen(2) });
    socket().say({ type: "snapshot", channel: "counter", cursor: "c.1", counter: counter("K7QF") });
    socket().say({ type: "snapshot", channel: "order/1", cursor: "o.1", order: order() });
    socket().say(bakeSnapshot());
    expect(live.state("kitchen")).toEqual({ news: 1, kitchen: kitchen(2) });
    expect(live.state("counter")).toEqual({ news: 1, counter: counter("K7QF") });
    expect(live.state("order/1")).toEqual({ news: 1, order: order() });
    expect(live.state("station/bake").board?.tickets).toEqual([ticket({ ticketId: "a" })]);
  });

  test("only the followers of a channel hear of it", () => {
    const [ofBake, ofKitchen] = [vi.fn(), vi.fn()];
    live.follow("station/bake", ofBake);
    live.follow("kitchen", ofKitchen);
    socket().accept();
    socket().say(bakeSnapshot());
    expect(ofBake).toHaveBeenCalledTimes(1);
    expect(ofKitchen).not.toHaveBeenCalled();
  });

  test("equal snapshots can be told apart by their news", () => {
    live.follow("kitchen", ignore);
    socket().accept();
    socket().say({ type: "snapshot", channel: "kitchen", kitchen: kitchen(2) });
    socket().say({ type: "snapshot", channel: "kitchen", kitchen: kitchen(2) });
    expect(live.state("kitchen").news).toBe(2);
  });

  test("a change is put into the board", () => {
    live.follow("station/bake", ignore);
    socket().accept();
    socket().say(bakeSnapshot());
    socket().say({ type: "change", channel: "station/bake", cursor: "e.2", change: { tickets: [startedTicket("Ben", { ticketId: "a" })], removed: [] } });
    expect(live.state("station/bake").board?.tickets[0]?.by).toBe("Ben");
    expect(live.state("station/bake").news).toBe(2);
  });

  test("a problem stands beside what was known, and a snapshot ends it", () => {
    live.follow("station/bake", ignore);
    socket().accept();
    socket().say(bakeSnapshot());
    socket().say({ type: "problem", channel: "station/bake", problem: problem("/problems/unavailable") });
    const troubled = live.state("station/bake");
    expect(troubled.board).toBeDefined();
    expect(troubled.problem?.message).toBe("What is wrong.");
    expect(troubled.problem?.is("/problems/unavailable")).toBe(true);
    socket().say(bakeSnapshot("e.2"));
    expect(live.state("station/bake").problem).toBeUndefined();
  });

  test("a problem without details is told by its title", () => {
    live.follow("kitchen", ignore);
    socket().accept();
    const { detail, ...document } = problem("/problems/internal");
    socket().say({ type: "problem", channel: "kitchen", problem: document });
    expect(live.state("kitchen").problem?.message).toBe("Title");
  });

  test("going on from a cursor ends a problem and keeps what was known", () => {
    live.follow("station/bake", ignore);
    socket().accept();
    socket().say(bakeSnapshot());
    socket().say({ type: "problem", channel: "station/bake", problem: problem("/problems/refused") });
    socket().lose();
    pauseUntilNext();
    socket().accept();
    socket().say({ type: "resumed", channel: "station/bake", cursor: "e.1" });
    expect(live.state("station/bake").problem).toBeUndefined();
    expect(live.state("station/bake").board).toBeDefined();
  });

  test("going on without a problem is no news", () => {
    const follower = vi.fn();
    live.follow("station/bake", follower);
    socket().accept();
    socket().say(bakeSnapshot());
    follower.mockClear();
    socket().say({ type: "resumed", channel: "station/bake", cursor: "e.1" });
    expect(follower).not.toHaveBeenCalled();
  });

  test("messages for a channel that was left are ignored", () => {
    const leave = live.follow("station/bake", ignore);
    live.follow("kitchen", ignore);
    socket().accept();
    leave();
    socket().say(bakeSnapshot());
    expect(live.state("station/bake")).toEqual({ news: 0 });
  });

  test("messages of an old socket are ignored", () => {
    live.follow("kitchen", ignore);
    const old = socket();
    old.accept();
    live.refresh();
    socket().accept();
    old.say({ type: "snapshot", channel: "kitchen", kitchen: kitchen(9) });
    old.say({ type: "state", at: at(500), behind: { since: at(0), reason: "kafka" } });
    expect(live.state("kitchen")).toEqual({ news: 0 });
    expect(live.status().kind).toBe("connecting");
    old.lose();
    expect(live.status().kind).toBe("connecting");
    speak(60);
    expect(FakeSocket.all).toHaveLength(2);
  });

  test("what is no message ends the connection, and another is tried", () => {
    live.follow("kitchen", ignore);
    socket().accept();
    socket().onmessage?.({ data: "<html>" });
    expect(socket().closedWith).toBe(1000);
    expect(live.status().kind).toBe("disconnected");
    expect(pauseUntilNext()).toBe(500);
  });
});

describe("a connection that never says anything", () => {
  test.each(["opens", "does not open"])("and %s is given up after ten seconds", (what) => {
    live.follow("kitchen", ignore);
    if (what === "opens") socket().accept();
    vi.advanceTimersByTime(9_999);
    expect(live.status().kind).toBe("connecting");
    vi.advanceTimersByTime(1);
    expect(live.status().kind).toBe("disconnected");
    expect(socket().closedWith).toBe(1000);
    expect(pauseUntilNext()).toBe(500);
  });

  test("is not one that speaks every ten seconds", () => {
    live.follow("kitchen", ignore);
    socket().accept();
    speak(3_600);
    expect(FakeSocket.all).toHaveLength(1);
  });
});

describe("a connection that stops delivering and does not close", () => {
  beforeEach(() => {
    live.follow("station/bake", ignore);
    socket().accept();
    socket().say({ type: "state", at: at(0) });
    vi.advanceTimersByTime(5_000);
    socket().say(bakeSnapshot("e.7"));
  });

  test("is given up after 25 seconds, and what is shown is of the moment when it was heard last", () => {
    vi.advanceTimersByTime(24_999);
    expect(live.status()).toEqual({ kind: "live" });
    vi.advanceTimersByTime(1);
    expect(live.status()).toEqual({ kind: "disconnected", since: start + 5_000 });
    expect(socket().closedWith).toBe(1000);
    expect(pauseUntilNext()).toBe(500);
    socket().accept();
    expect(socket().sent).toEqual([{ type: "subscribe", channel: "station/bake", cursor: "e.7" }]);
  });

  test("is known at once by somebody who wakes the tablet, by whichever clock went on", () => {
    live.wake();
    expect(FakeSocket.all).toHaveLength(1);
    vi.setSystemTime(Date.now() + 25_001); // its timers slept
    live.wake();
    expect(FakeSocket.all).toHaveLength(2);
  });

  test("and was asleep is disconnected since it was heard last, if it wakes without a network", () => {
    vi.setSystemTime(Date.now() + 3_600_000);
    vi.advanceTimersByTime(10_000);
    live.wake();
    socket().lose();
    expect(live.status()).toEqual({ kind: "disconnected", since: start + 5_000 });
  });

  test("is of no time any more once somebody else signs in", () => {
    vi.advanceTimersByTime(10_000);
    live.close();
    socket().lose();
    expect(live.status()).toEqual({ kind: "disconnected", since: start + 15_000 });
  });
});

describe("a connection that the server ends so that who has signed in shows it again", () => {
  const end = () => { socket().lose(1001, "show again who you are: connect again"); };
  let kinds: string[];

  beforeEach(() => {
    live.follow("station/bake", ignore);
    socket().accept();
    socket().say({ type: "state", at: at(0) });
    socket().say(bakeSnapshot("e.7"));
    kinds = [];
    live.watchStatus(() => { kinds.push(live.status().kind); });
  });

  test("is opened anew at once, goes on from where each channel was, and was never lost", () => {
    end();
    expect(FakeSocket.all).toHaveLength(2);
    socket().accept();
    expect(socket().sent).toEqual([{ type: "subscribe", channel: "station/bake", cursor: "e.7" }]);
    socket().say({ type: "state", at: at(1) });
    expect(kinds).toEqual(["connecting", "live"]);
    speak(60);
    expect(FakeSocket.all).toHaveLength(2);
  });

  test("leaves it said that the server is behind", () => {
    socket().say({ type: "state", at: at(90), behind: { since: at(80), reason: "kafka" } });
    kinds.length = 0;
    end();
    socket().accept();
    socket().say({ type: "state", at: at(91), behind: { since: at(80), reason: "kafka" } });
    expect(kinds).toEqual([]);
  });

  test("is lost all the same if the next one does not open", () => {
    end();
    socket().lose();
    expect(live.status().kind).toBe("disconnected");
    expect(pauseUntilNext()).toBe(500);
  });

  test.each([[1001, "the server stops"], [1008, "show again"]])("is another one than that ended with %i and %j, which is lost", (code, reason) => {
    socket().lose(code, reason);
    expect(kinds).toEqual(["disconnected"]);
    expect(FakeSocket.all).toHaveLength(1);
  });
});

describe("a channel that has ended with a problem", () => {
  beforeEach(() => {
    live.follow("kitchen", ignore);
  });

  test("is not unsubscribed: the server does not know it any more", () => {
    const leave = live.follow("order/1", ignore);
    socket().accept();
    socket().say({ type: "problem", channel: "order/1", problem: problem("/problems/order-not-found") });
    leave();
    expect(socket().sent).not.toContainEqual({ type: "unsubscribe", channel: "order/1" });
  });

  test("is unsubscribed all the same if the problem passes by itself", () => {
    const leave = live.follow("order/1", ignore);
    socket().accept();
    socket().say({ type: "problem", channel: "order/1", problem: problem("/problems/unavailable") });
    leave();
    expect(socket().sent).toContainEqual({ type: "unsubscribe", channel: "order/1" });
  });

  test("is subscribed again on the next connection, and then it can be left in the usual way", () => {
    const leave = live.follow("order/1", ignore);
    socket().accept();
    socket().say({ type: "problem", channel: "order/1", problem: problem("/problems/order-not-found") });
    socket().lose();
    pauseUntilNext();
    socket().accept();
    expect(socket().sent).toContainEqual({ type: "subscribe", channel: "order/1" });
    leave();
    expect(socket().sent).toContainEqual({ type: "unsubscribe", channel: "order/1" });
  });

  test("is subscribed anew by whoever comes after the last one has left", () => {
    const leave = live.follow("order/1", ignore);
    socket().accept();
    socket().say({ type: "problem", channel: "order/1", problem: problem("/problems/order-not-found") });
    leave();
    live.follow("order/1", ignore);
    expect(socket().sent.at(-1)).toEqual({ type: "subscribe", channel: "order/1" });
    expect(live.state("order/1")).toEqual({ news: 0 });
  });
});

describe("a lost connection", () => {
  test("comes back by itself and goes on from where each channel was", () => {
    live.follow("station/bake", ignore);
    live.follow("kitchen", ignore);
    socket().accept();
    socket().say(bakeSnapshot("e.7"));
    socket().say({ type: "change", channel: "station/bake", cursor: "e.8", change: { tickets: [], removed: [] } });
    socket().lose();
    expect(live.status()).toEqual({ kind: "disconnected", since: start });
    expect(live.state("station/bake").board).toBeDefined();
    pauseUntilNext();
    socket().accept();
    expect(socket().sent).toEqual([
      { type: "subscribe", channel: "station/bake", cursor: "e.8" },
      { type: "subscribe", channel: "kitchen" },
    ]);
  });

  // A server that is asked to go on from a problem says "resumed" and not the
  // problem again: the page would forget it, and wait for a board for ever.
  test("does not go on from the cursor of a problem", () => {
    live.follow("order/1", ignore);
    socket().accept();
    socket().say({ type: "problem", channel: "order/1", cursor: "o.2", problem: problem("/problems/unavailable") });
    socket().lose();
    pauseUntilNext();
    socket().accept();
    expect(socket().sent).toEqual([{ type: "subscribe", channel: "order/1" }]);
  });

  // Left and followed again, a channel may still get what was sent before: a
  // change of a board that is not there.
  test("does not go on from a change that could not be put into a board", () => {
    live.follow("station/bake", ignore);
    socket().accept();
    socket().say({ type: "change", channel: "station/bake", cursor: "e.8", change: { tickets: [], removed: [] } });
    socket().lose();
    pauseUntilNext();
    socket().accept();
    expect(socket().sent).toEqual([{ type: "subscribe", channel: "station/bake" }]);
  });

  test("is waited for longer each time, at most 15 seconds", () => {
    live.follow("kitchen", ignore);
    const pauses = Array.from({ length: 8 }, () => {
      socket().lose();
      return pauseUntilNext();
    });
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  });

  test("is waited for by chance half as long, so that not all tabs come at once", () => {
    live.follow("kitchen", ignore);
    chance = 0;
    socket().lose();
    expect(pauseUntilNext()).toBe(250);
    chance = 0.5;
    socket().lose();
    expect(pauseUntilNext()).toBe(750);
  });

  test("is disconnected since it was lost, not since the last vain attempt", () => {
    live.follow("kitchen", ignore);
    socket().accept();
    socket().lose();
    pauseUntilNext();
    socket().lose();
    pauseUntilNext();
    expect(live.status()).toEqual({ kind: "disconnected", since: start });
  });

  test("starts the pauses anew once a connection has stayed for five seconds", () => {
    live.follow("kitchen", ignore);
    for (let i = 0; i < 4; i++) {
      socket().lose();
      pauseUntilNext();
    }
    socket().accept();
    vi.advanceTimersByTime(5_000);
    socket().lose();
    expect(pauseUntilNext()).toBe(500);
  });

  test("goes on with longer pauses if connections end at once", () => {
    live.follow("kitchen", ignore);
    for (let i = 0; i < 3; i++) {
      socket().accept();
      vi.advanceTimersByTime(4_999);
      socket().lose();
      pauseUntilNext();
    }
    socket().lose();
    expect(pauseUntilNext()).toBe(4000);
  });

  test("is not sought again while nothing is followed", () => {
    const leave = live.follow("kitchen", ignore);
    socket().lose();
    leave();
    vi.advanceTimersByTime(60_000);
    expect(FakeSocket.all).toHaveLength(1);
  });
});

describe("hurry", () => {
  test("connects at once instead of after the pause, and only once", () => {
    live.follow("kitchen", ignore);
    socket().lose();
    live.hurry();
    expect(FakeSocket.all).toHaveLength(2);
    socket().accept();
    speak(60);
    expect(FakeSocket.all).toHaveLength(2);
  });

  test("leaves a connection alone that is there", () => {
    live.follow("kitchen", ignore);
    socket().accept();
    live.hurry();
    expect(FakeSocket.all).toHaveLength(1);
    expect(socket().closedWith).toBeUndefined();
  });
});

describe("refresh", () => {
  test("opens another connection and goes on from the cursors", () => {
    live.follow("station/bake", ignore);
    const old = socket();
    old.accept();
    old.say(bakeSnapshot("e.7"));
    live.refresh();
    expect(old.closedWith).toBe(1000);
    expect(FakeSocket.all).toHaveLength(2);
    socket().accept();
    expect(socket().sent).toEqual([{ type: "subscribe", channel: "station/bake", cursor: "e.7" }]);
    expect(live.state("station/bake").board).toBeDefined();
  });

  test("does not wait for the pause of a lost connection", () => {
    live.follow("kitchen", ignore);
    socket().lose();
    live.refresh();
    expect(FakeSocket.all).toHaveLength(2);
  });

  test("opens nothing if nothing is followed", () => {
    live.refresh();
    expect(FakeSocket.all).toHaveLength(0);
  });
});

describe("close", () => {
  test("forgets what was known, and subscribes anew without cursors", () => {
    const follower = vi.fn();
    live.follow("station/bake", follower);
    const old = socket();
    old.accept();
    old.say(bakeSnapshot());
    old.say({ type: "state", at: at(0) });
    follower.mockClear();
    live.close();
    expect(old.closedWith).toBe(1000);
    expect(follower).toHaveBeenCalled();
    expect(live.state("station/bake")).toEqual({ news: 0 });
    expect(live.status()).toEqual({ kind: "connecting", since: start });
    socket().accept();
    expect(FakeSocket.all).toHaveLength(2);
    expect(socket().sent).toEqual([{ type: "subscribe", channel: "station/bake" }]);
  });

  test("does not wait for the pause of a lost connection", () => {
    live.follow("kitchen", ignore);
    socket().lose();
    live.close();
    expect(FakeSocket.all).toHaveLength(2);
    socket().accept();
    speak(60);
    expect(FakeSocket.all).toHaveLength(2);
  });
});

describe("the state of the server", () => {
  beforeEach(() => {
    live.follow("kitchen", ignore);
    socket().accept();
  });

  test("is live once it has said so, and those who watch hear of it until they stop", () => {
    const watcher = vi.fn();
    const stop = live.watchStatus(watcher);
    socket().say({ type: "state", at: at(0) });
    expect(live.status()).toEqual({ kind: "live" });
    stop();
    socket().lose();
    expect(watcher).toHaveBeenCalledTimes(1);
  });

  test("gives the server's time, though the browser's clock is wrong", () => {
    socket().say({ type: "state", at: at(90) });
    expect(live.clock.now()).toBe(start + 90_000);
    vi.advanceTimersByTime(1_000);
    expect(live.clock.now()).toBe(start + 91_000);
    socket().say({ type: "state", at: at(-59) });
    expect(live.clock.now(), "its clock was set back").toBe(start - 59_000);
  });

  test("gives a time that does not jump when the tablet's clock is set, nor with a message that was late", () => {
    socket().say({ type: "state", at: at(90) });
    vi.setSystemTime(start - 3_600_000);
    expect(live.clock.now()).toBe(start + 90_000);
    vi.advanceTimersByTime(10_000);
    socket().say({ type: "state", at: at(97) }); // three seconds under way
    expect(live.clock.now()).toBe(start + 100_000);
  });

  test("is told anew to nobody when it has not changed", () => {
    socket().say({ type: "state", at: at(0) });
    const watcher = vi.fn();
    live.watchStatus(watcher);
    socket().say({ type: "state", at: at(10) });
    expect(watcher).not.toHaveBeenCalled();
  });

  test("tells since when it is behind and why", () => {
    socket().say({ type: "state", at: at(90), behind: { since: at(80), reason: "kafka" } });
    expect(live.status()).toEqual({ kind: "behind", since: start + 80_000, reason: "kafka" });
  });

  test("is live again when it is not behind any more", () => {
    socket().say({ type: "state", at: at(0), behind: { since: at(0), reason: "starting" } });
    socket().say({ type: "state", at: at(1) });
    expect(live.status()).toEqual({ kind: "live" });
  });

  test("keeps the time that was known if a message has none", () => {
    socket().say({ type: "state", at: at(90) });
    socket().say({ type: "state" });
    expect(live.clock.now()).toBe(start + 90_000);
  });
});

describe("the connection of a tab", () => {
  let visibility: DocumentVisibilityState = "visible";
  const become = (next: DocumentVisibilityState) => {
    visibility = next;
    document.dispatchEvent(new Event("visibilitychange"));
  };

  beforeEach(() => {
    vi.stubGlobal("WebSocket", FakeSocket);
    vi.spyOn(document, "visibilityState", "get").mockImplementation(() => visibility);
    vi.spyOn(Math, "random").mockReturnValue(1);
  });

  afterEach(() => { vi.unstubAllGlobals(); });

  test("goes to this server, hurries when the network or the reader is back, and is refreshed after a sleep", () => {
    const leave = openLive().follow("kitchen", ignore);
    expect(socket().url).toBe(`ws://${location.host}/api/v1/live`);

    socket().lose();
    dispatchEvent(new Event("online"));
    expect(FakeSocket.all).toHaveLength(2);

    socket().lose();
    become("hidden");
    become("visible");
    expect(FakeSocket.all).toHaveLength(3);

    socket().accept();
    socket().say({ type: "state", at: at(0) });
    become("hidden");
    speak(60);
    become("visible");
    expect(FakeSocket.all, "it was heard all the time").toHaveLength(3);

    become("hidden");
    vi.setSystemTime(Date.now() + 60_000);
    become("visible");
    expect(FakeSocket.all).toHaveLength(4);
    leave();
  });
});
