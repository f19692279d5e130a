import { Clock } from "./clock";

/** The browser's clocks and its chance, so that tests can stand in for them. */
export interface Timing {
  /** The time of day by the browser's clock, which may be set at any moment. */
  readonly timeOfDay: () => number;
  /** A clock that never jumps, but may stand still while the tablet sleeps. */
  readonly monotonic: () => number;
  readonly random: () => number;
}

/** What is to be done when a time is up. */
interface Alarms {
  /** The connection was silent for too long: it is dead, and may not know. */
  readonly onDead: () => void;
  readonly onRetry: () => void;
  readonly onUnused: () => void;
}

/** The server sends a message as soon as the connection is open; without one for this long it is dead. */
const firstMessageWithin = 10_000;
/** The server sends its state every ten seconds; a connection that was silent for this long is dead. */
const nextMessageWithin = 25_000;
const firstPause = 500;
const longestPause = 15_000;
/** After a connection that stayed open for this long the first pause is used again. */
const stableAfter = 5_000;
/** The next page may use the connection in a moment. */
const unusedAfter = 1_000;

/**
 * Watches the time for a connection: when the server was heard last, when the
 * connection counts as dead, how old the pages are, and when to connect again.
 */
export class Watchdog {
  /** The server's time. */
  readonly clock: Clock;
  readonly #timing: Timing;
  readonly #alarms: Alarms;
  /** While there is a connection, until it counts as dead; while there is none, until the next attempt. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #unusedTimer: ReturnType<typeof setTimeout> | undefined;
  #isRetryDue = false;
  #failures = 0;
  #openedAt: number | undefined;
  /** When the server was heard last on this connection, by the server's clock and by the browser's. */
  #heard: { readonly at: number; readonly timeOfDay: number } | undefined;
  #shownAt: number | undefined;

  constructor(timing: Timing, alarms: Alarms) {
    this.#timing = timing;
    this.#alarms = alarms;
    this.clock = new Clock(timing.monotonic, timing.timeOfDay());
  }

  /** A retry is scheduled, so nothing else connects before. */
  get isRetryDue(): boolean {
    return this.#isRetryDue;
  }

  /** A connection is being opened. One that does not open, or sends nothing, counts as dead. */
  connecting(): void {
    this.#heard = undefined;
    this.clock.expectNewServer();
    this.#setTimer(firstMessageWithin, this.#alarms.onDead);
  }

  opened(): void {
    this.#openedAt = this.#timing.monotonic();
  }

  /** The server has sent something, perhaps with its time. */
  heard(serverTime: string | undefined): void {
    const time = Date.parse(serverTime ?? "");
    if (Number.isFinite(time)) this.clock.sync(time, nextMessageWithin);
    this.#shownAt = this.clock.now();
    this.#heard = { at: this.#shownAt, timeOfDay: this.#timing.timeOfDay() };
    this.#setTimer(nextMessageWithin, this.#alarms.onDead);
  }

  /** The time of what the pages show: when the server was heard last, on whichever connection. */
  shownAt(): number {
    return this.#shownAt ?? this.clock.now();
  }

  /** The pages show nothing any more. */
  forgetShown(): void {
    this.#shownAt = undefined;
  }

  /**
   * Whether the connection was silent for so long that it counts as dead. Timers
   * may sleep with the tablet, so both clocks are asked. A browser's clock that
   * was set costs a new connection and nothing else.
   */
  isSilentTooLong(): boolean {
    if (!this.#heard) return false;
    const { at, timeOfDay } = this.#heard;
    return Math.max(this.clock.now() - at, Math.abs(this.#timing.timeOfDay() - timeOfDay)) > nextMessageWithin;
  }

  /** There is no connection, and none to wait for. */
  stop(): void {
    if (this.#openedAt !== undefined && this.#timing.monotonic() - this.#openedAt >= stableAfter) this.#failures = 0;
    this.#openedAt = undefined;
    this.#isRetryDue = false;
    clearTimeout(this.#timer);
  }

  /** The connection was lost. Each tab waits for another time, or all would come back at the same moment. */
  retryLater(): void {
    this.stop();
    const pause = Math.min(firstPause * 2 ** this.#failures, longestPause) * (0.5 + this.#timing.random() / 2);
    this.#failures++;
    this.#isRetryDue = true;
    this.#setTimer(pause, () => {
      this.#isRetryDue = false;
      this.#alarms.onRetry();
    });
  }

  used(): void {
    clearTimeout(this.#unusedTimer);
  }

  unused(): void {
    this.#unusedTimer = setTimeout(this.#alarms.onUnused, unusedAfter);
  }

  #setTimer(after: number, alarm: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(alarm, after);
  }
}
