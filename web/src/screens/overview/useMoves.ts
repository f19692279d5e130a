import { useLayoutEffect, useRef, type RefObject } from "react";

/** How long a move is seen, in milliseconds. */
const moveFor = 900;

/**
 * Lets what has another place than before travel there. What moves has a
 * data-code; each code is expected once. Nothing moves for who asked for less
 * motion.
 */
export function useMoves(container: RefObject<HTMLElement | null>, changed: unknown): void {
  const before = useRef<ReadonlyMap<string, DOMRect>>(new Map());
  useLayoutEffect(() => {
    const pieces = [...(container.current?.querySelectorAll<HTMLElement>("[data-code]") ?? [])];
    const places = new Map(pieces.map((piece) => [piece.dataset["code"] ?? "", placeOf(piece)]));
    const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    for (const piece of isStill ? [] : pieces) {
      const code = piece.dataset["code"] ?? "";
      const [from, to] = [before.current.get(code), places.get(code)];
      if (!from || !to || (from.x === to.x && from.y === to.y)) continue;
      piece.animate([{ transform: `translate(${from.x - to.x}px, ${from.y - to.y}px)` }, { transform: "none" }], { duration: moveFor, easing: "cubic-bezier(0.3, 0.9, 0.3, 1)" });
    }
    before.current = places;
  }, [container, changed]);
}

/** Where something is on the page, wherever that is scrolled to, and without the move it may be in the middle of. */
function placeOf(piece: HTMLElement): DOMRect {
  piece.getAnimations().forEach((move) => { move.cancel(); });
  const { x, y, width, height } = piece.getBoundingClientRect();
  return new DOMRect(x + scrollX, y + scrollY, width, height);
}
