import { useEffect, useRef } from "react";

const pause = 2_000;

/** Asks again when a live channel has news, at most every two seconds; the last news is never missed. */
export function useRefetchOnNews(news: number, refetch: () => unknown): void {
  const last = useRef(-pause);
  useEffect(() => {
    if (news === 0) return undefined;
    const wait = Math.max(0, last.current + pause - performance.now());
    const timer = setTimeout(() => {
      last.current = performance.now();
      refetch();
    }, wait);
    return () => { clearTimeout(timer); };
  }, [news, refetch]);
}
