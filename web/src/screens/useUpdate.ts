import { useCallback, useRef, useState } from "react";
import { newKey } from "../api/client";
import { asProblem, type Problem } from "../api/problem";

interface Update<Body> {
  readonly busy: boolean;
  readonly problem: Problem | null;
  /** Sends a body and reports whether the server accepted it. */
  readonly send: (body: Body) => Promise<boolean>;
}

/**
 * Changes an order. A body that got no answer can be sent again and takes effect
 * once: it keeps its key until the server has accepted or refused it.
 */
export function useUpdate<Body>(change: (body: Body, key: string) => Promise<unknown>): Update<Body> {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const last = useRef<{ text: string; key: string } | null>(null);
  const sending = useRef(false);
  const send = useCallback(async (body: Body) => {
    if (sending.current) return false;
    sending.current = true;
    setBusy(true);
    setProblem(null);
    const text = JSON.stringify(body);
    if (last.current?.text !== text) last.current = { text, key: newKey() };
    try {
      await change(body, last.current.key);
      last.current = null;
      return true;
    } catch (error) {
      const refusal = asProblem(error);
      if (!refusal.isUncertain) last.current = null;
      setProblem(refusal);
      return false;
    } finally {
      sending.current = false;
      setBusy(false);
    }
  }, [change]);
  return { busy, problem, send };
}
