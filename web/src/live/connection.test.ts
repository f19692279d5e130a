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

  deliver(message: LiveMessage): void {
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

/** The server sends its state every ten seconds, for that long. */
function sendStates(seconds: number): void {
  for (let passed = 0; passed < seconds; passed += 10) {
    socket().deliver({ type: "state", at: at(passed) });
    vi.advanceTimersByTime(10_000);
  }
}

beforeEach(() => {
  vi.useFakeTimers({ now: start });
  FakeSocket.all.length = 0;
  chance = 1;
  live = new Live({ open: () => new FakeSocket() as unknown as WebSocket, timeOfDay: () => Date.now(), monotonic: () => performance.now(), random: () => chance });
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

  test("leaving twice does not unsubscribe a channel that was followed again", () => {
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

  test("a channel that nobody follows is forgotten", () => {
    const leave = live.follow("station/bake", ignore);
    socket().accept();
    socket().deliver(bakeSnapshot());
    leave();
    expect(live.state("station/bake")).toEqual({ version: 0 });
  });
});

describe("messages", () => {
  test("a snapshot replaces what was known", () => {
    live.follow("kitchen", ignore);
    live.follow("counter", ignore);
    live.follow("order/1", ignore);
    live.follow("station/bake", ignore);
    socket().accept();
    socket().deliver({ type: "snapshot", channel: "kitchen", cursor: "k.1", kitchen: kitchen(2) });
    socket().deliver({ type: "snapshot", channel: "counter", cursor: "c.1", counter: counter("K7QF") });
    socket().deliver({ type: "snapshot", channel: "order/1", cursor: "o.1", order: order() });
    socket().deliver(bakeSnapshot());
    expect(live.state("kitchen")).toEqual({ version: 1, kitchen: kitchen(2) });
    expect(live.state("counter")).toEqual({ version: 1, counter: counter("K7QF") });
    expect(live.state("order/1")).toEqual({ version: 1, order: order() });
    expect(live.state("station/bake").board?.tickets).toEqual([ticket({ ticketId: "a" })]);
  });

  test("only the followers of a channel are notified", () => {
    const [bakeFollower, kitchenFollower] = [vi.fn(), vi.fn()];
    live.follow("station/bake", bakeFollower);
    live.follow("kitchen", kitchenFollower);
    socket().accept();
    socket().deliver(bakeSnapshot());
    expect(bakeFollower).toHaveBeenCalledTimes(1);
    expect(kitchenFollower).not.toHaveBeenCalled();
  });

  test("equal snapshots can be told apart by their version", () => {
    live.follow("kitchen", ignore);
    socket().accept();
    socket().deliver({ type: "snapshot", channel: "kitchen", kitchen: kitchen(2) });
    socket().deliver({ type: "snapshot", channel: "kitchen", kitchen: kitchen(2) });
    expect(live.state("kitchen").version).toBe(2);
  });

  test("a change is applied to the board", () => {
    live.follow("station/bake", ignore);
    socket().accept();
    socket().deliver(bakeSnapshot());
    socket().deliver({ type: "change", channel: "station/bake", cursor: "e.2", change: { tickets: [startedTicket("Ben", { ticketId: "a" })], removed: [] } });
    expect(live.state("station/bake").board?.tickets[0]?.by).toBe("Ben");
    expect(live.state("station/bake").version).toBe(2);
  });

  test("a problem stands beside what was known, and a snapshot clears it", () => {
    live.follow("station/bake", ignore);
    socket().accept();
    socket().deliver(bakeSnapshot());
    socket().deliver({ type: "problem", channel: "station/bake", problem: problem("/problems/unavailable") });
    const state = live.state("station/bake");
    expect(state.board).toBeDefined();
    expect(state.problem?.message).toBe("What is wrong.");
    expect(state.problem?.is("/problems/unavailable")).toBe(true);
    socket().deliver(bakeSnapshot("e.2"));
    expect(live.state("station/bake").problem).toBeUndefined();
  });

  test("a problem without details shows its title", () => {
    live.follow("kitchen", ignore);
    socket().accept();
    const { detail, ...document } = problem("/problems/internal");
    socket().deliver({ type: "problem", channel: "kitchen", problem: document });
    expect(live.state("kitchen").problem?.message).toBe("Title");
  });

  test("resuming clears a problem and keeps what was known", () => {
    live.follow("station/bake", ignore);
    socket().accept();
    socket().deliver(bakeSnapshot());
    socket().deliver({ type: "problem", channel: "station/bake", problem: problem("/problems/refused") });
    socket().lose();
    pauseUntilNext();
    socket().accept();
    socket().deliver({ type: "resumed", channel: "station/bake", cursor: "e.1" });
    expect(live.state("station/bake").problem).toBeUndefined();
    expect(live.state("station/bake").board).toBeDefined();
  });

  test("resuming without a problem changes nothing", () => {
    const follower = vi.fn();
    live.follow("station/bake", follower);
    socket().accept();
    socket().deliver(bakeSnapshot());
    follower.mockClear();
    socket().deliver({ type: "resumed", channel: "station/bake", cursor: "e.1" });
    expect(follower).not.toHaveBeenCalled();
  });

  test("messages for a channel that nobody follows any more are ignored", () => {
    const leave = live.follow("station/bake", ignore);
    live.follow("kitchen", ignore);
    socket().accept();
    leave();
    socket().deliver(bakeSnapshot());
    expect(live.state("station/bake")).toEqual({ version: 0 });
  });

  test("messages of an old socket are ignored", () => {
    live.follow("kitchen", ignore);
    const old = socket();
    old.accept();
    live.reconnect();
    socket().accept();
    old.deliver({ type: "snapshot", channel: "kitchen", kitchen: kitchen(9) });
    old.deliver({ type: "state", at: at(500), behind: { since: at(0), reason: "kafka" } });
    expect(live.state("kitchen")).toEqual({ version: 0 });
    expect(live.status().kind).toBe("connecting");
    old.lose();
    expect(live.status().kind).toBe("connecting");
    sendStates(60);
    expect(FakeSocket.all).toHaveLength(2);
  });

  test("data that is no message ends the connection, and another one is opened", () => {
    live.follow("kitchen", ignore);
    socket().accept();
    socket().onmessage?.({ data: "<html>" });
    expect(socket().closedWith).toBe(1000);
    expect(live.status().kind).toBe("disconnected");
    expect(pauseUntilNext()).toBe(500);
  });
});

describe("a connection without any message", () => {
  test.each(["opens", "does not open"])("that %s is given up after ten seconds", (what) => {
    live.follow("kitchen", ignore);
    if (what === "opens") socket().accept();
    vi.advanceTimersByTime(9_999);
    expect(live.status().kind).toBe("connecting");
    vi.advanceTimersByTime(1);
    expect(live.status().kind).toBe("disconnected");
    expect(socket().closedWith).toBe(1000);
    expect(pauseUntilNext()).toBe(500);
  });

  test("is not one that has a message every ten seconds", () => {
    live.follow("kitchen", ignore);
    socket().accept();
    sendStates(3_600);
    expect(FakeSocket.all).toHaveLength(1);
  });
});

describe("a connection that stops delivering and does not close", () => {
  beforeEach(() => {
    live.follow("station/bake", ignore);
    socket().accept();
    socket().deliver({ type: "state", at: at(0) });
    vi.advanceTimersByTime(5_000);
    socket().deliver(bakeSnapshot("e.7"));
  });

  test("is given up after 25 seconds, and what is shown is of the time of the last message", () => {
    vi.advanceTimersByTime(24_999);
    expect(live.status()).toEqual({ kind: "live" });
    vi.advanceTimersByTime(1);
    expect(live.status()).toEqual({ kind: "disconnected", since: start + 5_000 });
    expect(socket().closedWith).toBe(1000);
    expect(pauseUntilNext()).toBe(500);
    socket().accept();
    expect(socket().sent).toEqual([{ type: "subscribe", channel: "station/bake", cursor: "e.7" }]);
  });

  test("does not count as current, although nothing has noticed yet", () => {
    expect(live.isCurrent()).toBe(true);
    vi.setSystemTime(Date.now() + 25_001); // its timers slept
    expect(live.status()).toEqual({ kind: "live" });
    expect(live.isCurrent()).toBe(false);
  });

  test.each([
    ["is behind", () => { socket().deliver({ type: "state", at: at(5), behind: { since: at(4), reason: "kafka" } }); }],
    ["was lost", () => { socket().lose(); }],
    ["is opened anew", () => { live.reconnect(); }],
  ])("is not current either once it %s", (_, happen) => {
    happen();
    expect(live.isCurrent()).toBe(false);
  });

  test("is noticed at once when somebody wakes the tablet, by whichever clock went on", () => {
    live.wake();
    expect(FakeSocket.all).toHaveLength(1);
    vi.setSystemTime(Date.now() + 25_001); // its timers slept
    live.wake();
    expect(FakeSocket.all).toHaveLength(2);
  });

  test("is disconnected since the last message, if the tablet wakes without a network", () => {
    vi.setSystemTime(Date.now() + 3_600_000);
    vi.advanceTimersByTime(10_000);
    live.wake();
    socket().lose();
    expect(live.status()).toEqual({ kind: "disconnected", since: start + 5_000 });
  });

  test("counts as disconnected since now, once somebody else signs in", () => {
    vi.advanceTimersByTime(10_000);
    live.reset();
    socket().lose();
    expect(live.status()).toEqual({ kind: "disconnected", since: start + 15_000 });
  });
});

describe("a connection that the server closes so that the session is shown again", () => {
  const end = () => { socket().lose(1001, "show again who you are: connect again"); };
  let kinds: string[];

  beforeEach(() => {
    live.follow("station/bake", ignore);
    socket().accept();
    socket().deliver({ type: "state", at: at(0) });
    socket().deliver(bakeSnapshot("e.7"));
    kinds = [];
    live.watchStatus(() => { kinds.push(live.status().kind); });
  });

  test("is opened again at once, resumes each channel, and never counts as lost", () => {
    end();
    expect(FakeSocket.all).toHaveLength(2);
    socket().accept();
    expect(socket().sent).toEqual([{ type: "subscribe", channel: "station/bake", cursor: "e.7" }]);
    socket().deliver({ type: "state", at: at(1) });
    expect(kinds).toEqual(["connecting", "live"]);
    sendStates(60);
    expect(FakeSocket.all).toHaveLength(2);
  });

  test("leaves the server's status behind while it reconnects", () => {
    socket().deliver({ type: "state", at: at(90), behind: { since: at(80), reason: "kafka" } });
    kinds.length = 0;
    end();
    socket().accept();
    socket().deliver({ type: "state", at: at(91), behind: { since: at(80), reason: "kafka" } });
    expect(kinds).toEqual([]);
  });

  test("is lost if the next one does not open", () => {
    end();
    socket().lose();
    expect(live.status().kind).toBe("disconnected");
    expect(pauseUntilNext()).toBe(500);
  });

  test.each([[1001, "the server stops"], [1008, "show again"]])("differs from one that is closed with %i and %j, which is lost", (code, reason) => {
    socket().lose(code, reason);
    expect(kinds).toEqual(["disconnected"]);
    expect(FakeSocket.all).toHaveLength(1);
  });
});

describe("a channel that has ended with a problem", () => {
  beforeEach(() => {
    live.follow("kitchen", ignore);
  });

  test("is not unsubscribed: the server has forgotten it", () => {
    const leave = live.follow("order/1", ignore);
    socket().accept();
    socket().deliver({ type: "problem", channel: "order/1", problem: problem("/problems/order-not-found") });
    leave();
    expect(socket().sent).not.toContainEqual({ type: "unsubscribe", channel: "order/1" });
  });

  test("is unsubscribed if the problem passes by itself", () => {
    const leave = live.follow("order/1", ignore);
    socket().accept();
    socket().deliver({ type: "problem", channel: "order/1", problem: problem("/problems/unavailable") });
    leave();
    expect(socket().sent).toContainEqual({ type: "unsubscribe", channel: "order/1" });
  });

  test("is subscribed again on the next connection, and unsubscribed after its last follower", () => {
    const leave = live.follow("order/1", ignore);
    socket().accept();
    socket().deliver({ type: "problem", channel: "order/1", problem: problem("/problems/order-not-found") });
    socket().lose();
    pauseUntilNext();
    socket().accept();
    expect(socket().sent).toContainEqual({ type: "subscribe", channel: "order/1" });
    leave();
    expect(socket().sent).toContainEqual({ type: "unsubscribe", channel: "order/1" });
  });

  test("is subscribed again by the first follower after the last one has left", () => {
    const leave = live.follow("order/1", ignore);
    socket().accept();
    socket().deliver({ type: "problem", channel: "order/1", problem: problem("/problems/order-not-found") });
    leave();
    live.follow("order/1", ignore);
    expect(socket().sent.at(-1)).toEqual({ type: "subscribe", channel: "order/1" });
    expect(live.state("order/1")).toEqual({ version: 0 });
  });
});

describe("a lost connection", () => {
  test("comes back by itself and resumes each channel", () => {
    live.follow("station/bake", ignore);
    live.follow("kitchen", ignore);
    socket().accept();
    socket().deliver(bakeSnapshot("e.7"));
    socket().deliver({ type: "change", channel: "station/bake", cursor: "e.8", change: { tickets: [], removed: [] } });
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

  // A server that is asked to resume from a problem answers "resumed" and does not
  // repeat the problem: the page would forget it, and wait for a board for ever.
  test("does not resume from the cursor of a problem", () => {
    live.follow("order/1", ignore);
    socket().accept();
    socket().deliver({ type: "problem", channel: "order/1", cursor: "o.2", problem: problem("/problems/unavailable") });
    socket().lose();
    pauseUntilNext();
    socket().accept();
    expect(socket().sent).toEqual([{ type: "subscribe", channel: "order/1" }]);
  });

  // A channel that was left and is followed again may still get what was sent
  // before: a change of a board that is not known.
  test("does not resume from a change that had no board to be applied to", () => {
    live.follow("station/bake", ignore);
    socket().accept();
    socket().deliver({ type: "change", channel: "station/bake", cursor: "e.8", change: { tickets: [], removed: [] } });
    socket().lose();
    pauseUntilNext();
    socket().accept();
    expect(socket().sent).toEqual([{ type: "subscribe", channel: "station/bake" }]);
  });

  test("is retried after pauses that grow to 15 seconds", () => {
    live.follow("kitchen", ignore);
    const pauses = Array.from({ length: 8 }, () => {
      socket().lose();
      return pauseUntilNext();
    });
    expect(pauses).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  });

  test("is retried by chance after half the pause, so that not all tabs come at once", () => {
    live.follow("kitchen", ignore);
    chance = 0;
    socket().lose();
    expect(pauseUntilNext()).toBe(250);
    chance = 0.5;
    socket().lose();
    expect(pauseUntilNext()).toBe(750);
  });

  test("is disconnected since it was lost, not since the last failed attempt", () => {
    live.follow("kitchen", ignore);
    socket().accept();
    socket().lose();
    pauseUntilNext();
    socket().lose();
    pauseUntilNext();
    expect(live.status()).toEqual({ kind: "disconnected", since: start });
  });

  test("starts with the first pause again once a connection was open for five seconds", () => {
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

  test("goes on with longer pauses if connections end soon", () => {
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

  test("is not retried while nothing is followed", () => {
    const leave = live.follow("kitchen", ignore);
    socket().lose();
    leave();
    vi.advanceTimersByTime(60_000);
    expect(FakeSocket.all).toHaveLength(1);
  });
});

describe("retryNow", () => {
  test("connects at once instead of after the pause, and only once", () => {
    live.follow("kitchen", ignore);
    socket().lose();
    live.retryNow();
    expect(FakeSocket.all).toHaveLength(2);
    socket().accept();
    sendStates(60);
    expect(FakeSocket.all).toHaveLength(2);
  });

  test("leaves an open connection alone", () => {
    live.follow("kitchen", ignore);
    socket().accept();
    live.retryNow();
    expect(FakeSocket.all).toHaveLength(1);
    expect(socket().closedWith).toBeUndefined();
  });
});

describe("reconnect", () => {
  test("opens another connection and resumes from the cursors", () => {
    live.follow("station/bake", ignore);
    const old = socket();
    old.accept();
    old.deliver(bakeSnapshot("e.7"));
    live.reconnect();
    expect(old.closedWith).toBe(1000);
    expect(FakeSocket.all).toHaveLength(2);
    socket().accept();
    expect(socket().sent).toEqual([{ type: "subscribe", channel: "station/bake", cursor: "e.7" }]);
    expect(live.state("station/bake").board).toBeDefined();
  });

  test("does not wait for the pause of a lost connection", () => {
    live.follow("kitchen", ignore);
    socket().lose();
    live.reconnect();
    expect(FakeSocket.all).toHaveLength(2);
  });

  test("opens nothing if nothing is followed", () => {
    live.reconnect();
    expect(FakeSocket.all).toHaveLength(0);
  });
});

describe("reset", () => {
  test("forgets what was known, and subscribes without cursors", () => {
    const follower = vi.fn();
    live.follow("station/bake", follower);
    const old = socket();
    old.accept();
    old.deliver(bakeSnapshot());
    old.deliver({ type: "state", at: at(0) });
    follower.mockClear();
    live.reset();
    expect(old.closedWith).toBe(1000);
    expect(follower).toHaveBeenCalled();
    expect(live.state("station/bake")).toEqual({ version: 0 });
    expect(live.status()).toEqual({ kind: "connecting", since: start });
    socket().accept();
    expect(FakeSocket.all).toHaveLength(2);
    expect(socket().sent).toEqual([{ type: "subscribe", channel: "station/bake" }]);
  });

  test("does not wait for the pause of a lost connection", () => {
    live.follow("kitchen", ignore);
    socket().lose();
    live.reset();
    expect(FakeSocket.all).toHaveLength(2);
    socket().accept();
    sendStates(60);
    expect(FakeSocket.all).toHaveLength(2);
  });
});

describe("the state of the server", () => {
  beforeEach(() => {
    live.follow("kitchen", ignore);
    socket().accept();
  });

  test("is live after its first message, and watchers are notified until they stop", () => {
    const watcher = vi.fn();
    const stop = live.watchStatus(watcher);
    socket().deliver({ type: "state", at: at(0) });
    expect(live.status()).toEqual({ kind: "live" });
    stop();
    socket().lose();
    expect(watcher).toHaveBeenCalledTimes(1);
  });

  test("gives the server's time, even if the browser's clock is wrong", () => {
    socket().deliver({ type: "state", at: at(90) });
    expect(live.clock.now()).toBe(start + 90_000);
    vi.advanceTimersByTime(1_000);
    expect(live.clock.now()).toBe(start + 91_000);
    socket().deliver({ type: "state", at: at(-59) });
    expect(live.clock.now(), "its clock was set back").toBe(start - 59_000);
  });

  test("gives a time that does not jump when the tablet's clock is set, nor with a message that was late", () => {
    socket().deliver({ type: "state", at: at(90) });
    vi.setSystemTime(start - 3_600_000);
    expect(live.clock.now()).toBe(start + 90_000);
    vi.advanceTimersByTime(10_000);
    socket().deliver({ type: "state", at: at(97) }); // three seconds late
    expect(live.clock.now()).toBe(start + 100_000);
  });

  test("notifies nobody when it has not changed", () => {
    socket().deliver({ type: "state", at: at(0) });
    const watcher = vi.fn();
    live.watchStatus(watcher);
    socket().deliver({ type: "state", at: at(10) });
    expect(watcher).not.toHaveBeenCalled();
  });

  test("says since when it is behind and why", () => {
    socket().deliver({ type: "state", at: at(90), behind: { since: at(80), reason: "kafka" } });
    expect(live.status()).toEqual({ kind: "behind", since: start + 80_000, reason: "kafka" });
  });

  test("is live again when it is no longer behind", () => {
    socket().deliver({ type: "state", at: at(0), behind: { since: at(0), reason: "starting" } });
    socket().deliver({ type: "state", at: at(1) });
    expect(live.status()).toEqual({ kind: "live" });
  });

  test("keeps the time that was known if a message has none", () => {
    socket().deliver({ type: "state", at: at(90) });
    socket().deliver({ type: "state" });
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

  test("goes to this server, retries at once when the network or the reader is back, and reconnects after a sleep", () => {
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
    socket().deliver({ type: "state", at: at(0) });
    become("hidden");
    sendStates(60);
    become("visible");
    expect(FakeSocket.all, "it had messages all the time").toHaveLength(3);

    become("hidden");
    vi.setSystemTime(Date.now() + 60_000);
    become("visible");
    expect(FakeSocket.all).toHaveLength(4);
    leave();
  });
});
