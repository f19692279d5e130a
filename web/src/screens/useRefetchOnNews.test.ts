import { renderHook } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { start } from "../testing-data";
import { useRefetchOnNews } from "./useRefetchOnNews";

beforeEach(() => { vi.useFakeTimers({ now: start }); });

afterEach(() => { vi.useRealTimers(); });

function setup() {
  const refetch = vi.fn();
  const { rerender, unmount } = renderHook(({ news }) => { useRefetchOnNews(news, refetch); }, { initialProps: { news: 0 } });
  return { refetch, unmount, hear: (news: number) => { rerender({ news }); } };
}

describe("useRefetchOnNews", () => {
  test("does not ask before there are news", () => {
    const { refetch } = setup();
    vi.advanceTimersByTime(60_000);
    expect(refetch).not.toHaveBeenCalled();
  });

  test("asks at once at the first news, and once for each", () => {
    const { refetch, hear } = setup();
    hear(1);
    vi.advanceTimersByTime(0);
    expect(refetch).toHaveBeenCalledTimes(1);
    hear(1);
    vi.advanceTimersByTime(60_000);
    expect(refetch).toHaveBeenCalledTimes(1);
  });

  test("asks at once again if the last time was long ago", () => {
    const { refetch, hear } = setup();
    hear(1);
    vi.advanceTimersByTime(2_000);
    hear(2);
    vi.advanceTimersByTime(0);
    expect(refetch).toHaveBeenCalledTimes(2);
  });

  test("asks at most every two seconds, however fast news come, and does not wait for them to stop", () => {
    const { refetch, hear } = setup();
    for (let news = 1; news <= 99; news++) {
      hear(news);
      vi.advanceTimersByTime(100); // not quite ten seconds in all
    }
    expect(refetch).toHaveBeenCalledTimes(5);
  });

  test("never misses the last news", () => {
    const { refetch, hear } = setup();
    hear(1);
    vi.advanceTimersByTime(100);
    hear(2);
    hear(3);
    vi.advanceTimersByTime(1_899);
    expect(refetch).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(1);
    expect(refetch).toHaveBeenCalledTimes(2);
  });

  test("does not ask for a page that is left", () => {
    const { refetch, hear, unmount } = setup();
    hear(1);
    unmount();
    vi.advanceTimersByTime(60_000);
    expect(refetch).not.toHaveBeenCalled();
  });
});
