import { useLayoutEffect, useState, type RefObject } from "react";
import { roomFor } from "./wall";

interface Room {
  readonly columns: number;
  readonly rows: number;
}

/** The size of a thing and the gap between two, in the list's own em. */
export interface Cell {
  readonly width: number;
  readonly height: number;
  readonly gap: number;
}

/** How many things fit into a list, whose size does not depend on what is in it. */
export function useRoom(list: RefObject<HTMLElement | null>, { width, height, gap }: Cell): Room {
  const [room, setRoom] = useState<Room>({ columns: 1, rows: 1 });
  useLayoutEffect(() => {
    const element = list.current;
    if (!element || typeof ResizeObserver === "undefined") return undefined;
    const measure = () => {
      const em = parseFloat(getComputedStyle(element).fontSize);
      const next = { columns: roomFor(element.clientWidth, width * em, gap * em), rows: roomFor(element.clientHeight, height * em, gap * em) };
      setRoom((before) => (before.columns === next.columns && before.rows === next.rows ? before : next));
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => { observer.disconnect(); };
  }, [list, width, height, gap]);
  return room;
}
