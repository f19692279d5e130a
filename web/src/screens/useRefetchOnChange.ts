import { useEffect, useRef } from "react";

const pause = 2_000;

/** Fetches again when a live channel has changed, at most every two seconds. The last change is never missed. */
export function useRefetchOnChange(version: number, refetch: () => unknown): void {
  const last = useRef(-pause);
  useEffect(() => {
    if (version === 0) return undefined;
    const wait = Math.max(0, last.current + pause - performance.now());
    const timer = setTimeout(() => {
      last.current = performance.now();
      refetch();
    }, wait);
    return () => { clearTimeout(timer); };
  }, [version, refetch]);
}
