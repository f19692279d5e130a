import { useEffect, useRef } from "react";

/** The ledger is a few seconds behind the log, and a report costs more than a list. */
const pause = 15_000;

/** Asks the ledger again some time after the kitchen has changed, however often it does meanwhile. */
export function useRefetchNowAndThen(version: number, refetch: () => unknown): void {
  const seen = useRef(version);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    if (version === seen.current) return;
    seen.current = version;
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      void refetch();
    }, pause);
  }, [version, refetch]);
  useEffect(() => () => {
    clearTimeout(timer.current);
    timer.current = undefined;
  }, [refetch]);
}
