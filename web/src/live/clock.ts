/**
 * The server's time, by which the pages date everything: a tablet's own clock
 * may be wrong, and jumps when somebody sets it. Between the server's messages
 * it advances by a clock that never jumps.
 */
export class Clock {
  readonly #monotonic: () => number;
  readonly #watchers = new Set<() => void>();
  /** The server's time less the monotonic clock's, in milliseconds. */
  #offset: number;
  /** The next sync counts whatever it says: it may be by another server. */
  #isUnsynced = true;
  #moment: number;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** The browser's own time counts until the server has sent its time. */
  constructor(monotonic: () => number, browserTime: number) {
    this.#monotonic = monotonic;
    this.#offset = browserTime - monotonic();
    this.#moment = browserTime;
  }

  /** The server's time, in milliseconds, as well as it is known. */
  now(): number {
    return this.#monotonic() + this.#offset;
  }

  /** The time that pages show: the same for all of them until the next second. */
  readonly moment = (): number => {
    if (this.#timer === undefined && Math.abs(this.now() - this.#moment) >= 1000) this.#moment = this.now();
    return this.#moment;
  };

  /** Calls a watcher each second, all of them at the same moment. */
  readonly watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    this.#timer ??= setInterval(this.#tick, 1000);
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size > 0) return;
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  };

  /** A new connection begins, perhaps to another server. */
  expectNewServer(): void {
    this.#isUnsynced = true;
  }

  /**
   * Takes the server's time from a message. Each message is late by the time it
   * was under way, so the fastest one counts. One that is later than maxDelay
   * allows comes from a server whose clock was set back.
   */
  sync(serverTime: number, maxDelay: number): void {
    const offset = serverTime - this.#monotonic();
    if (!this.#isUnsynced && offset <= this.#offset && offset > this.#offset - maxDelay) return;
    this.#isUnsynced = false;
    this.#offset = offset;
    this.#tick();
  }

  readonly #tick = (): void => {
    this.#moment = this.now();
    for (const watcher of this.#watchers) watcher();
  };
}
