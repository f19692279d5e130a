import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { at, start } from "../testing-data";
import { Watchdog } from "./watchdog";

let chance = 1;
let alarms: { readonly onDead: () => void; readonly onRetry: () => void; readonly onUnused: () => void };
let watchdog: Watchdog;

beforeEach(() => {
  vi.useFakeTimers({ now: start });
  chance = 1;
  alarms = { onDead: vi.fn(), onRetry: vi.fn(), onUnused: vi.fn() };
  watchdog = new Watchdog({ timeOfDay: () => Date.now(), monotonic: () => performance.now(), random: () => chance }, alarms);
});

afterEach(() => { vi.useRealTimers(); });

/** Lets time pass until just before an alarm, and then until it. */
function expectAfter(milliseconds: number, alarm: () => void): void {
  vi.mocked(alarm).mockClear();
  vi.advanceTimersByTime(milliseconds - 1);
  expect(alarm).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(alarm).toHaveBeenCalledTimes(1);
}

describe("a connection counts as dead", () => {
  test("ten seconds after it began to open, if the server has sent nothing", () => {
    watchdog.connecting();
    vi.advanceTimersByTime(2_000);
    watchdog.opened();
    expectAfter(8_000, alarms.onDead);
  });

  test("25 seconds after the last message", () => {
    watchdog.connecting();
    for (let i = 0; i < 3; i++) {
      vi.advanceTimersByTime(9_999);
      watchdog.heard(undefined);
    }
    expectAfter(25_000, alarms.onDead);
  });

  test("never once it is stopped", () => {
    watchdog.connecting();
    watchdog.heard(undefined);
    watchdog.stop();
    vi.advanceTimersByTime(600_000);
    expect(alarms.onDead).not.toHaveBeenCalled();
  });
});

describe("a silence", () => {
  test("is too long by either clock: one of them may have slept or been set", () => {
    watchdog.connecting();
    expect(watchdog.isSilentTooLong(), "it has not been heard yet").toBe(false);
    watchdog.heard(undefined);
    for (const [seconds, isTooLong] of [[25, false], [25.001, true], [-25.001, true]] as const) {
      vi.setSystemTime(start + seconds * 1_000);
      expect(watchdog.isSilentTooLong()).toBe(isTooLong);
    }
    vi.advanceTimersByTime(25_001);
    vi.setSystemTime(start);
    expect(watchdog.isSilentTooLong()).toBe(true);
  });
});

describe("what is shown", () => {
  test("is of the time when the server was heard last, on whichever connection, by the server's clock", () => {
    expect(watchdog.shownAt(), "nothing was heard").toBe(start);
    watchdog.connecting();
    watchdog.heard(at(90));
    vi.advanceTimersByTime(5_000);
    watchdog.heard("no time");
    watchdog.stop();
    watchdog.connecting();
    vi.advanceTimersByTime(5_000);
    expect(watchdog.shownAt()).toBe(start + 95_000);
    watchdog.forgetShown();
    expect(watchdog.shownAt()).toBe(start + 100_000);
  });
});

describe("a retry", () => {
  test("is due after pauses that double up to 15 seconds, and half as long by chance", () => {
    for (const pause of [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]) {
      watchdog.retryLater();
      expect(watchdog.isRetryDue).toBe(true);
      expectAfter(pause, alarms.onRetry);
      expect(watchdog.isRetryDue).toBe(false);
    }
    chance = 0;
    watchdog.retryLater();
    expectAfter(7_500, alarms.onRetry);
  });

  test.each([[4_999, 1_000], [5_000, 500]])("after a connection that was open for %i ms is due after %i ms", (open, pause) => {
    watchdog.retryLater();
    vi.runOnlyPendingTimers();
    watchdog.connecting();
    watchdog.opened();
    vi.advanceTimersByTime(open);
    watchdog.retryLater();
    expectAfter(pause, alarms.onRetry);
  });

  test("is not made once it is stopped", () => {
    watchdog.retryLater();
    watchdog.stop();
    expect(watchdog.isRetryDue).toBe(false);
    vi.advanceTimersByTime(60_000);
    expect(alarms.onRetry).not.toHaveBeenCalled();
  });
});

test("an unused connection is reported after a second, unless it is used again", () => {
  watchdog.unused();
  vi.advanceTimersByTime(999);
  watchdog.used();
  vi.advanceTimersByTime(60_000);
  expect(alarms.onUnused).not.toHaveBeenCalled();
  watchdog.unused();
  expectAfter(1_000, alarms.onUnused);
});
