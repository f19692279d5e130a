import { useEffect, useRef, useState } from "react";

const pause = 2_000;

/**
 * Fetches again when a live channel has changed, at most every two seconds, and
 * never while a fetch is under way, this one's or one that makes the page busy: that
 * may take longer than changes are apart. The last change is never missed.
 */
export function useRefetchOnChange(version: number, refetch: () => unknown, busy = false): void {
  const last = useRef({ version: 0, began: -pause });
  const [fetching, setFetching] = useState(false);
  useEffect(() => {
    if (busy || fetching || version === last.current.version) return undefined;
    const wait = Math.max(0, last.current.began + pause - performance.now());
    const timer = setTimeout(() => {
      last.current = { version, began: performance.now() };
      const fetched = refetch();
      if (!(fetched instanceof Promise)) return;
      setFetching(true);
      const end = () => { setFetching(false); };
      fetched.then(end, end);
    }, wait);
    return () => { clearTimeout(timer); };
  }, [version, refetch, busy, fetching]);
}
