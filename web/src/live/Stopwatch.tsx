import { useLayoutEffect, useRef } from "react";
import { clockText } from "../design/time";
import { useLiveConnection } from "./hooks";

/**
 * How long ago something was, to the second. A board may have hundreds of
 * these, so each writes its text itself, and React need not draw anything.
 */
export function Stopwatch({ since }: { readonly since: string }) {
  const { clock } = useLiveConnection();
  const element = useRef<HTMLSpanElement>(null);
  useLayoutEffect(() => {
    const start = Date.parse(since);
    let shown = "";
    const show = () => {
      const text = clockText(clock.moment() - start);
      if (text === shown || !element.current) return;
      shown = text;
      element.current.textContent = text;
    };
    show();
    return clock.watch(show);
  }, [clock, since]);
  return <span ref={element} role="timer" translate="no" />;
}
