import { useCallback, useLayoutEffect, useRef, type RefObject } from "react";

/** Gives the focus to a heading, which has none by itself: a keyboard goes on from there. */
function focusHeading(heading: HTMLElement | null | undefined, options?: FocusOptions): void {
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus(options);
}

const nobodyHasFocus = () => document.activeElement === null || document.activeElement === document.body;

/**
 * Moves the focus out of a row of a list that goes away because something in it was pressed: to the same
 * place in the next row, or in the one before, or else to the heading above.
 */
export function leaveRow(pressed: Element): void {
  const row = pressed.closest("li");
  const places = (of: Element | null | undefined) => [...(of?.querySelectorAll<HTMLElement>("button, a[href]") ?? [])];
  const others = places(row?.nextElementSibling ?? row?.previousElementSibling);
  const place = others[places(row).findIndex((each) => each === pressed)] ?? others[0];
  if (place) place.focus();
  else focusHeading((row?.closest("section") ?? document).querySelector<HTMLElement>("h1, h2"));
}

/**
 * For a button, which calls the answer when it is pressed. If it goes away after that with the focus, now or
 * later, the focus goes to the heading of the nearest part of the page that is left. What moves the focus
 * itself comes first; a place that does so later than at once has the attribute data-moves-focus.
 */
export function useHandOver(): (pressed: Element) => void {
  const button = useRef<Element>(null);
  useLayoutEffect(() => () => {
    if (button.current && button.current === document.activeElement) handOver(button.current);
  }, []);
  return useCallback((pressed: Element) => { button.current = pressed; }, []);
}

/** The button is still in the page. */
function handOver(button: Element): void {
  if (button.closest("[data-moves-focus]")) return;
  const around: Element[] = [];
  for (let part = button.closest("[aria-labelledby]"); part; part = part.parentElement?.closest("[aria-labelledby]") ?? null) around.push(part);
  // Whoever points at what they press sees where they are: the page does not move for them.
  const preventScroll = !button.matches(":focus-visible");
  setTimeout(() => {
    if (button.isConnected || !nobodyHasFocus()) return;
    const headings = around.filter((part) => part.isConnected).map((part) => document.getElementById(part.getAttribute("aria-labelledby") ?? ""));
    focusHeading(headings.find((heading) => heading !== null) ?? document.querySelector<HTMLElement>("h1"), { preventScroll });
  });
}

/**
 * For a list with a button for more of it. The button keeps the focus as long as there is more, and goes away
 * with the last of it: whoever has pressed it goes on at the first row that is new. The second of what is
 * returned is called when it is pressed.
 */
export function useRest<List extends Element>(shown: number, hasMore: boolean): [RefObject<List | null>, () => void] {
  const list = useRef<List>(null);
  const before = useRef<number>(undefined);
  useLayoutEffect(() => {
    if (hasMore || before.current === undefined) return;
    const row = list.current?.children.item(before.current);
    before.current = undefined;
    if (!(row instanceof HTMLElement) || !nobodyHasFocus()) return;
    const link = row.querySelector("a");
    if (!link) row.tabIndex = -1;
    (link ?? row).focus();
  }, [hasMore]);
  return [list, () => { before.current = shown; }];
}
