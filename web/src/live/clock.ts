/**
 * The server's time, by which everything in the pages is dated: a tablet's own
 * clock may be wrong, and jumps when somebody sets it. Between the server's
 * messages it goes on by a clock that never jumps.
 */
export class Clock {
  readonly #steady: () => number;
  readonly #watchers = new Set<() => void>();
  /** How far the server's time is before the steady clock, in milliseconds. */
  #offset: number;
  /** The next time that is heard counts, whatever was heard before. */
  #isFresh = true;
  #moment: number;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** The browser's own time counts until the server has told its. */
  constructor(steady: () => number, browserTime: number) {
    this.#steady = steady;
    this.#offset = browserTime - steady();
    this.#moment = browserTime;
  }

  /** The server's time, in milliseconds, as well as it is known. */
  now(): number {
    return this.#steady() + this.#offset;
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

  /** Another connection begins, perhaps with another server. */
  restart(): void {
    this.#isFresh = true;
  }

  /**
   * Hears the server's time. A message is late by as long as it was on its way,
   * so the one that was fastest counts; one that would be later than any can be
   * tells of a server whose clock was set back.
   */
  hear(time: number, lateAtMost: number): void {
    const offset = time - this.#steady();
    if (!this.#isFresh && offset <= this.#offset && offset > this.#offset - lateAtMost) return;
    this.#isFresh = false;
    this.#offset = offset;
    this.#tick();
  }

  readonly #tick = (): void => {
    this.#moment = this.now();
    for (const watcher of this.#watchers) watcher();
  };
}
