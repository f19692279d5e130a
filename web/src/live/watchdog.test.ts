import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { start } from "../testing-data";
import { Watchdog } from "./watchdog";

// What a watchdog does for a connection is in connection.test.ts. This one has
// alarms that do nothing, so that a long silence does not end the connection.

beforeEach(() => { vi.useFakeTimers({ now: start }); });

afterEach(() => { vi.useRealTimers(); });

test("a silence is too long by either clock: one of them may have slept or been set", () => {
  const alarm = () => undefined;
  const watchdog = new Watchdog({ timeOfDay: () => Date.now(), monotonic: () => performance.now(), random: () => 1 }, { onDead: alarm, onRetry: alarm, onUnused: alarm });
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
