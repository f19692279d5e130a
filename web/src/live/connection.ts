import type { Behind, Board, CounterDisplay, KitchenCounts, LiveMessage, LiveRequest, OrderStatus } from "../api/schema.gen";
import { Problem } from "../api/problem";
import { Clock } from "./clock";
import { applyChange } from "./fold";

/** What is known of a channel. A problem stands instead of what is not known, or beside what was. */
export interface ChannelState {
  readonly board?: Board;
  readonly kitchen?: KitchenCounts;
  readonly counter?: CounterDisplay;
  readonly order?: OrderStatus;
  readonly problem?: Problem;
  /** Counts what has come, so that equal snapshots can be told apart. */
  readonly news: number;
}

/** How the connection is. Times are the server's, in milliseconds. */
export type LiveStatus =
  | { readonly kind: "connecting"; readonly since: number }
  | { readonly kind: "live" }
  | { readonly kind: "behind"; readonly since: number; readonly reason: Behind["reason"] }
  | { readonly kind: "disconnected"; readonly since: number };

/** What the connection needs of the browser, so that tests can stand in for it. */
export interface Surroundings {
  readonly open: () => WebSocket;
  /** The time of day by the browser's clock, which may be set at any moment. */
  readonly timeOfDay: () => number;
  /** A clock that never jumps, but may stand still while the tablet sleeps. */
  readonly steady: () => number;
  readonly random: () => number;
}

interface Channel {
  state: ChannelState;
  cursor: string | undefined;
  followers: Set<() => void>;
  /** The server has ended it; it begins anew with the next connection. */
  over: boolean;
}

const firstPause = 500;
const longestPause = 15_000;
/** A connection that was never refused and stays this long starts the pauses anew. */
const steadyAfter = 5_000;
/** The server speaks as soon as the connection is open; one that has said nothing for so long is dead. */
const openedWithin = 10_000;
/** The server says every ten seconds how it is; a connection that was silent for so long is dead and does not know. */
const silentAtMost = 25_000;
/** How the server ends a connection so that somebody who has signed in shows it again: nothing is lost. */
const showAgain = { code: 1001, reason: "show again" };

/**
 * The one connection of this tab to `/api/v1/live`, shared by everything that
 * follows a channel. It is open while anything is followed, comes back by
 * itself, and goes on from where each channel was.
 */
export class Live {
  readonly #surroundings: Surroundings;
  readonly #channels = new Map<string, Channel>();
  readonly #watchers = new Set<() => void>();
  #socket: WebSocket | undefined;
  #status: LiveStatus;
  #failures = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #steady: ReturnType<typeof setTimeout> | undefined;
  #closing: ReturnType<typeof setTimeout> | undefined;
  #silence: ReturnType<typeof setTimeout> | undefined;
  /** Of what time, by the server, what the pages show is: when it was heard last, on whichever connection. */
  #knownAt: number | undefined;
  /** When the server was heard last on this connection: the server's time, and what the browser's clock showed. */
  #heard: { readonly at: number; readonly timeOfDay: number } | undefined;
  readonly clock: Clock;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
    this.clock = new Clock(surroundings.steady, surroundings.timeOfDay());
    this.#status = { kind: "connecting", since: this.clock.now() };
  }

  readonly status = (): LiveStatus => this.#status;

  readonly watchStatus = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  state(channel: string): ChannelState {
    return this.#channels.get(channel)?.state ?? nothing;
  }

  follow(name: string, follower: () => void): () => void {
    clearTimeout(this.#closing);
    let channel = this.#channels.get(name);
    if (!channel) {
      channel = { state: nothing, cursor: undefined, followers: new Set(), over: false };
      this.#channels.set(name, channel);
      this.#send({ type: "subscribe", channel: name });
    }
    channel.followers.add(follower);
    this.#connect();
    return () => {
      channel.followers.delete(follower);
      if (channel.followers.size > 0 || this.#channels.get(name) !== channel) return;
      this.#channels.delete(name);
      if (!channel.over) this.#send({ type: "unsubscribe", channel: name });
      // The next page may follow something in a moment.
      if (this.#channels.size === 0) this.#closing = setTimeout(() => { this.close(); }, 1000);
    };
  }

  /** Tries at once, when there is reason to think that it may work now. */
  readonly hurry = (): void => {
    if (this.#retry === undefined) return;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#connect();
  };

  /**
   * Somebody looks at the page again. While it slept its timers may have slept
   * as well, so both clocks are asked how long the server was silent; a browser's
   * clock that was set costs a new connection and nothing else.
   */
  wake(): void {
    const heard = this.#heard;
    const silence = heard ? Math.max(this.clock.now() - heard.at, Math.abs(this.#surroundings.timeOfDay() - heard.timeOfDay)) : 0;
    if (silence > silentAtMost) this.refresh();
    else this.hurry();
  }

  /** Opens the connection anew, and goes on from where each channel was: it may be dead and not know. */
  refresh(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    clearTimeout(this.#steady);
    clearTimeout(this.#silence);
    socket?.close(1000);
    // A banner that is there stays until more is known, or everything below it would move twice.
    if (this.#status.kind === "live") this.#setStatus({ kind: "connecting", since: this.clock.now() });
    this.hurry();
    this.#connect();
  }

  /** Ends the connection. It opens again if anything is followed; with another session, if there is one. */
  close(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    const socket = this.#socket;
    this.#socket = undefined;
    this.#knownAt = undefined;
    clearTimeout(this.#steady);
    clearTimeout(this.#silence);
    socket?.close(1000);
    for (const channel of this.#channels.values()) {
      channel.over = false;
      channel.cursor = undefined;
      this.#tell(channel, nothing);
    }
    this.#setStatus({ kind: "connecting", since: this.clock.now() });
    this.#connect();
  }

  #connect(): void {
    if (this.#socket || this.#retry !== undefined || this.#channels.size === 0) return;
    const socket = this.#surroundings.open();
    this.#socket = socket;
    this.#heard = undefined;
    this.clock.restart();
    // One that opens and never says anything, or does not even open, is as good as none.
    this.#expectWithin(openedWithin, socket);
    socket.onopen = () => {
      this.#steady = setTimeout(() => (this.#failures = 0), steadyAfter);
      for (const [name, channel] of this.#channels) {
        channel.over = false;
        this.#send({ type: "subscribe", channel: name, ...(channel.cursor !== undefined && { cursor: channel.cursor }) });
      }
    };
    socket.onmessage = (event: MessageEvent<string>) => {
      if (socket !== this.#socket) return;
      this.#expectWithin(silentAtMost, socket);
      const message = read(event.data);
      if (!message) {
        this.#drop(socket);
        return;
      }
      this.#hear(message);
      this.#knownAt = this.clock.now();
      this.#heard = { at: this.#knownAt, timeOfDay: this.#surroundings.timeOfDay() };
    };
    socket.onclose = ({ code, reason }) => {
      if (socket === this.#socket && code === showAgain.code && reason.startsWith(showAgain.reason)) this.refresh();
      else this.#lost(socket);
    };
  }

  /** Gives a connection up that stays silent for longer. */
  #expectWithin(silence: number, socket: WebSocket): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => { this.#drop(socket); }, silence);
  }

  /** Gives a connection up that does not do what it should. */
  #drop(socket: WebSocket): void {
    this.#lost(socket);
    socket.close(1000);
  }

  /** The connection is gone; another is tried after a pause. */
  #lost(socket: WebSocket): void {
    if (socket !== this.#socket) return;
    this.#socket = undefined;
    clearTimeout(this.#steady);
    clearTimeout(this.#silence);
    // What the page shows is of the moment when the server was heard last.
    if (this.#status.kind !== "disconnected") this.#setStatus({ kind: "disconnected", since: this.#knownAt ?? this.clock.now() });
    // Each tab waits another time, or all would come back at the same moment.
    const pause = Math.min(firstPause * 2 ** this.#failures, longestPause) * (0.5 + this.#surroundings.random() / 2);
    this.#failures++;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#connect();
    }, pause);
  }

  #send(request: LiveRequest): void {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(request));
  }

  #hear(message: LiveMessage): void {
    if (message.type === "state") {
      const at = Date.parse(message.at ?? "");
      if (Number.isFinite(at)) this.clock.hear(at, silentAtMost);
      const { behind } = message;
      this.#setStatus(behind ? { kind: "behind", since: Date.parse(behind.since), reason: behind.reason } : { kind: "live" });
      return;
    }
    const channel = this.#channels.get(message.channel ?? "");
    if (!channel) return; // left meanwhile
    // Only from what is known can it go on: not from a problem, nor from a change of a board that was left.
    const isKnown = message.type === "snapshot" || channel.state.board !== undefined;
    if (message.cursor !== undefined && isKnown && message.type !== "problem") channel.cursor = message.cursor;
    const news = channel.state.news + 1;
    switch (message.type) {
      case "snapshot": {
        const { board, kitchen, counter, order } = message;
        this.#tell(channel, { news, ...(board && { board }), ...(kitchen && { kitchen }), ...(counter && { counter }), ...(order && { order }) });
        break;
      }
      case "change":
        if (channel.state.board && message.change) this.#tell(channel, { board: applyChange(channel.state.board, message.change), news });
        break;
      case "problem":
        if (message.problem) {
          const problem = new Problem(message.problem.detail ?? message.problem.title, message.problem.status, message.problem);
          channel.over = !problem.is("/problems/unavailable");
          this.#tell(channel, { ...channel.state, problem, news });
        }
        break;
      case "resumed":
        if (channel.state.problem) {
          const { problem, ...rest } = channel.state;
          this.#tell(channel, { ...rest, news });
        }
    }
  }

  #tell(channel: Channel, state: ChannelState): void {
    channel.state = state;
    for (const follower of channel.followers) follower();
  }

  #setStatus(status: LiveStatus): void {
    if (isSame(status, this.#status)) return;
    this.#status = status;
    for (const watcher of this.#watchers) watcher();
  }
}

const nothing: ChannelState = { news: 0 };

/** The server says the same every ten seconds; nobody needs to draw it anew. */
function isSame(a: LiveStatus, b: LiveStatus): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** A message of the server; undefined if it is none. */
function read(data: string): LiveMessage | undefined {
  try {
    return JSON.parse(data) as LiveMessage;
  } catch {
    return undefined;
  }
}

/** The connection of this tab. */
export function openLive(): Live {
  const live = new Live({
    open: () => new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/live`),
    timeOfDay: () => Date.now(),
    steady: () => performance.now(),
    random: () => Math.random(),
  });
  addEventListener("online", () => { live.refresh(); }); // the old connection may be dead and not know
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") live.wake();
  });
  return live;
}
