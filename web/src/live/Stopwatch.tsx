import { useLayoutEffect, useRef } from "react";
import { clockText } from "../design/time";
import { useLiveConnection } from "./hooks";

/**
 * How long ago something was, to the second. A board may have hundreds of
 * these, so each writes its text itself, and React need not draw anything. One
 * that is far from the screen is written when somebody comes near it: what a
 * browser lays out each second is a handful.
 */
export function Stopwatch({ since }: { readonly since: string }) {
  const { clock } = useLiveConnection();
  const element = useRef<HTMLSpanElement>(null);
  useLayoutEffect(() => {
    const start = Date.parse(since);
    let shown = "";
    let isFar = false;
    const show = () => {
      if (isFar) return;
      const text = clockText(clock.moment() - start);
      if (text === shown || !element.current) return;
      shown = text;
      element.current.textContent = text;
    };
    show();
    const stop = clock.watch(show);
    const leave = watchNearness(element.current, (isNear) => {
      isFar = !isNear;
      show();
    });
    return () => {
      stop();
      leave();
    };
  }, [clock, since]);
  return <span ref={element} role="timer" translate="no" />;
}

const nearnessWatchers = new WeakMap<Element, (isNear: boolean) => void>();
let observer: IntersectionObserver | undefined;

/** Tells whether an element is on the screen or within a screen of it. Everything is near where a browser cannot say. */
function watchNearness(element: Element | null, changed: (isNear: boolean) => void): () => void {
  if (!element || typeof IntersectionObserver === "undefined") return () => undefined;
  observer ??= new IntersectionObserver(
    (entries) => { for (const { target, isIntersecting } of entries) nearnessWatchers.get(target)?.(isIntersecting); },
    { rootMargin: "100%" },
  );
  nearnessWatchers.set(element, changed);
  observer.observe(element);
  return () => {
    observer?.unobserve(element);
    nearnessWatchers.delete(element);
  };
}
