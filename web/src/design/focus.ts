import { useCallback, useEffect, useRef } from "react";

/** Gives the focus to a heading, which has none by itself: a keyboard goes on from there. */
function focusHeading(heading: HTMLElement | null | undefined): void {
  if (!heading) return;
  heading.tabIndex = -1;
  heading.focus();
}

/** Gives the focus to the page's heading if nothing has it. */
export function focusPage(): void {
  if (document.activeElement === null || document.activeElement === document.body) focusHeading(document.querySelector<HTMLElement>("h1"));
}

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

/** For what goes away some time after something in it was pressed: whoever calls the answer then goes on at the page's heading. */
export function usePageWhenGone(): () => void {
  const wanted = useRef(false);
  useEffect(() => () => { if (wanted.current) focusPage(); }, []);
  return useCallback(() => { wanted.current = true; }, []);
}
