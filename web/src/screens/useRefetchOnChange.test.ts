import { act, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { start } from "../testing-data";
import { useRefetchOnChange } from "./useRefetchOnChange";

beforeEach(() => { vi.useFakeTimers({ now: start }); });

afterEach(() => { vi.useRealTimers(); });

function setup() {
  const refetch = vi.fn();
  const { rerender, unmount } = renderHook(({ version }) => { useRefetchOnChange(version, refetch); }, { initialProps: { version: 0 } });
  return { refetch, unmount, change: (version: number) => { rerender({ version }); } };
}

describe("useRefetchOnChange", () => {
  test("does not fetch before the first change", () => {
    const { refetch } = setup();
    vi.advanceTimersByTime(60_000);
    expect(refetch).not.toHaveBeenCalled();
  });

  test("fetches at once on the first change, and once for each", () => {
    const { refetch, change } = setup();
    change(1);
    vi.advanceTimersByTime(0);
    expect(refetch).toHaveBeenCalledTimes(1);
    change(1);
    vi.advanceTimersByTime(60_000);
    expect(refetch).toHaveBeenCalledTimes(1);
  });

  test("fetches at once again if the last time was long ago", () => {
    const { refetch, change } = setup();
    change(1);
    vi.advanceTimersByTime(2_000);
    change(2);
    vi.advanceTimersByTime(0);
    expect(refetch).toHaveBeenCalledTimes(2);
  });

  test("fetches at most every two seconds, however fast changes come, and does not wait for them to stop", () => {
    const { refetch, change } = setup();
    for (let version = 1; version <= 99; version++) {
      change(version);
      vi.advanceTimersByTime(100); // not quite ten seconds in all
    }
    expect(refetch).toHaveBeenCalledTimes(5);
  });

  test("never misses the last change", () => {
    const { refetch, change } = setup();
    change(1);
    vi.advanceTimersByTime(100);
    change(2);
    change(3);
    vi.advanceTimersByTime(1_899);
    expect(refetch).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(1);
    expect(refetch).toHaveBeenCalledTimes(2);
  });

  test("waits for a fetch that takes longer than changes are apart, and then does not miss the last one", async () => {
    const { refetch, change } = setup();
    const ends: (() => void)[] = [];
    refetch.mockImplementation(() => new Promise<void>((end) => { ends.push(end); }));
    for (let version = 1; version <= 9; version++) {
      change(version);
      act(() => { vi.advanceTimersByTime(1_000); });
    }
    expect(refetch).toHaveBeenCalledTimes(1);
    await act(() => { ends[0]?.(); return Promise.resolve(); });
    act(() => { vi.advanceTimersByTime(0); });
    expect(refetch).toHaveBeenCalledTimes(2);
    await act(() => { ends[1]?.(); return Promise.resolve(); });
    act(() => { vi.advanceTimersByTime(60_000); });
    expect(refetch, "nothing has changed since").toHaveBeenCalledTimes(2);
  });

  test("goes on after a fetch that has failed", async () => {
    const { refetch, change } = setup();
    refetch.mockRejectedValueOnce(new Error("away"));
    change(1);
    await act(() => vi.advanceTimersByTimeAsync(0));
    change(2);
    await act(() => vi.advanceTimersByTimeAsync(2_000));
    expect(refetch).toHaveBeenCalledTimes(2);
  });

  test("does not fetch for a page that was left", () => {
    const { refetch, change, unmount } = setup();
    change(1);
    unmount();
    vi.advanceTimersByTime(60_000);
    expect(refetch).not.toHaveBeenCalled();
  });
});
