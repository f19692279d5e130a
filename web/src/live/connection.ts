import type { Behind, LiveMessage, LiveRequest } from "../api/schema.gen";
import { afterMessage, isEndedBy, isResumable, nothing, type ChannelState } from "./channel";
import type { Clock } from "./clock";
import { Watchdog, type Timing } from "./watchdog";

/** How the connection is. Times are the server's, in milliseconds. */
export type LiveStatus =
  | { readonly kind: "connecting"; readonly since: number }
  | { readonly kind: "live" }
  | { readonly kind: "behind"; readonly since: number; readonly reason: Behind["reason"] }
  | { readonly kind: "disconnected"; readonly since: number };

/** What the connection needs from the browser, so that tests can stand in for it. */
interface Environment extends Timing {
  readonly open: () => WebSocket;
}

interface Channel {
  state: ChannelState;
  cursor: string | undefined;
  readonly followers: Set<() => void>;
  /** The server has ended it; it is subscribed again on the next connection. */
  hasEnded: boolean;
}

/** How the server closes a connection so that the session's cookie is sent again: nothing is lost. */
const showAgain = { code: 1001, reason: "show again" };

/**
 * The one connection of this tab to `/api/v1/live`, shared by everything that
 * follows a channel. It is open while anything is followed, comes back by
 * itself, and resumes each channel from its cursor.
 */
export class Live {
  readonly #environment: Environment;
  readonly #watchdog: Watchdog;
  readonly #channels = new Map<string, Channel>();
  readonly #watchers = new Set<() => void>();
  #socket: WebSocket | undefined;
  #status: LiveStatus;

  constructor(environment: Environment) {
    this.#environment = environment;
    this.#watchdog = new Watchdog(environment, {
      onDead: () => { this.#lose(); },
      onRetry: () => { this.#connect(); },
      onUnused: () => { this.reset(); },
    });
    this.#status = { kind: "connecting", since: this.clock.now() };
  }

  get clock(): Clock {
    return this.#watchdog.clock;
  }

  readonly status = (): LiveStatus => this.#status;

  readonly watchStatus = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  };

  /** Whether the pages show what is so now. The connection may have died while the tablet slept, and the status not know it yet. */
  isCurrent(): boolean {
    return this.#status.kind === "live" && !this.#watchdog.isSilentTooLong();
  }

  state(channel: string): ChannelState {
    return this.#channels.get(channel)?.state ?? nothing;
  }

  follow(name: string, follower: () => void): () => void {
    this.#watchdog.used();
    let channel = this.#channels.get(name);
    if (!channel) {
      channel = { state: nothing, cursor: undefined, followers: new Set(), hasEnded: false };
      this.#channels.set(name, channel);
      this.#send({ type: "subscribe", channel: name });
    }
    channel.followers.add(follower);
    this.#connect();
    return () => {
      channel.followers.delete(follower);
      if (channel.followers.size > 0 || this.#channels.get(name) !== channel) return;
      this.#channels.delete(name);
      if (!channel.hasEnded) this.#send({ type: "unsubscribe", channel: name });
      if (this.#channels.size === 0) this.#watchdog.unused();
    };
  }

  /** Connects at once instead of after the pause. */
  retryNow(): void {
    if (this.#watchdog.isRetryDue) this.reconnect();
  }

  /** Somebody looks at the page again: the connection may have died while the tablet slept. */
  wake(): void {
    if (this.#watchdog.isSilentTooLong()) this.reconnect();
    else this.retryNow();
  }

  /** Opens a new connection, and resumes each channel: the old one may be dead and not know. */
  reconnect(): void {
    this.#disconnect();
    // A banner that is shown stays until more is known, or everything below it would move twice.
    if (this.#status.kind === "live") this.#setStatus({ kind: "connecting", since: this.clock.now() });
    this.#connect();
  }

  /** Closes the connection and forgets what is known. A new one opens if anything is followed, with the session that there is then. */
  reset(): void {
    this.#disconnect();
    this.#watchdog.forgetShown();
    for (const channel of this.#channels.values()) {
      channel.hasEnded = false;
      channel.cursor = undefined;
      this.#setState(channel, nothing);
    }
    this.#setStatus({ kind: "connecting", since: this.clock.now() });
    this.#connect();
  }

  #connect(): void {
    if (this.#socket || this.#watchdog.isRetryDue || this.#channels.size === 0) return;
    const socket = this.#environment.open();
    this.#socket = socket;
    this.#watchdog.connecting();
    const isCurrent = () => socket === this.#socket;
    socket.onopen = () => { if (isCurrent()) this.#subscribeAll(); };
    socket.onmessage = ({ data }: MessageEvent<string>) => { if (isCurrent()) this.#hear(data); };
    socket.onclose = ({ code, reason }) => {
      if (!isCurrent()) return;
      if (code === showAgain.code && reason.startsWith(showAgain.reason)) this.reconnect();
      else this.#lose();
    };
  }

  #subscribeAll(): void {
    this.#watchdog.opened();
    for (const [name, channel] of this.#channels) {
      channel.hasEnded = false;
      this.#send({ type: "subscribe", channel: name, ...(channel.cursor !== undefined && { cursor: channel.cursor }) });
    }
  }

  #hear(data: string): void {
    const message = parse(data);
    if (!message) {
      this.#lose();
      return;
    }
    this.#watchdog.heard(message.at);
    if (message.type === "state") {
      const { behind } = message;
      this.#setStatus(behind ? { kind: "behind", since: Date.parse(behind.since), reason: behind.reason } : { kind: "live" });
      return;
    }
    const channel = this.#channels.get(message.channel ?? "");
    if (!channel) return; // nobody follows it any more
    if (message.cursor !== undefined && isResumable(channel.state, message)) channel.cursor = message.cursor;
    if (message.type === "problem") channel.hasEnded = isEndedBy(message);
    this.#setState(channel, afterMessage(channel.state, message));
  }

  /** The connection is lost; another one is opened after a pause. */
  #lose(): void {
    this.#disconnect();
    if (this.#status.kind !== "disconnected") this.#setStatus({ kind: "disconnected", since: this.#watchdog.shownAt() });
    this.#watchdog.retryLater();
  }

  #disconnect(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#watchdog.stop();
    socket?.close(1000);
  }

  #send(request: LiveRequest): void {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(request));
  }

  #setState(channel: Channel, state: ChannelState): void {
    if (state === channel.state) return;
    channel.state = state;
    for (const follower of channel.followers) follower();
  }

  #setStatus(status: LiveStatus): void {
    // The server sends the same state every ten seconds; nobody needs to draw it again.
    if (JSON.stringify(status) === JSON.stringify(this.#status)) return;
    this.#status = status;
    for (const watcher of this.#watchers) watcher();
  }
}

/** A message of the server; undefined if it is none. */
function parse(data: string): LiveMessage | undefined {
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
    monotonic: () => performance.now(),
    random: () => Math.random(),
  });
  addEventListener("online", () => { live.reconnect(); }); // the old connection may be dead and not know
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") live.wake();
  });
  return live;
}
