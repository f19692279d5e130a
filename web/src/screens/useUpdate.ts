import { useCallback, useRef, useState } from "react";
import { newKey } from "../api/keys";
import { noAnswer, Problem } from "../api/problem";

interface Update<Body> {
  readonly busy: boolean;
  readonly problem: Problem | null;
  /** Sends it, and reports whether it was done. */
  readonly send: (body: Body) => Promise<boolean>;
}

/**
 * A change of an order. What gets no answer can be sent again and acts once:
 * the same body keeps its key until the server has said yes or no.
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
      const refusal = error instanceof Problem ? error : noAnswer();
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
