import type { CounterDisplay, CounterOrder } from "../../api/schema.gen";

/** How long each page of a full screen is shown, in milliseconds. */
export const pageFor = 8_000;

/** The orders of a page, by how often pages have turned. */
export function pageOf<T>(orders: readonly T[], each: number, turns: number): { readonly shown: readonly T[]; readonly page: number; readonly pages: number } {
  const pages = Math.max(1, Math.ceil(orders.length / each));
  const page = ((turns % pages) + pages) % pages;
  return { shown: orders.slice(page * each, (page + 1) * each), page: page + 1, pages };
}

/** How many things of a size, a gap apart, have room. At least one: it is cut off rather than left out. */
export function roomFor(space: number, size: number, gap: number): number {
  return size > 0 ? Math.max(1, Math.floor((space + gap) / (size + gap))) : 1;
}

/** What has become ready while the screen was watched. */
export interface Arrivals {
  readonly display: CounterDisplay | undefined;
  /** All orders that were ready, or the last of very many: one that comes back is no news. */
  readonly known: readonly string[];
  /** Counts the displays with something new. */
  readonly count: number;
  /** When the last of them was put together, in the server's milliseconds. */
  readonly at: number;
}

export const noArrivals: Arrivals = { display: undefined, known: [], count: 0, at: 0 };

const knownAtMost = 1_000;

export const keyOf = ({ pickupCode, since }: CounterOrder) => `${pickupCode} ${since}`;

/** The arrivals after another display. What the first one has was there before. */
export function afterDisplay(before: Arrivals, display: CounterDisplay): Arrivals {
  const known = new Set(before.known);
  const news = display.ready.map(keyOf).filter((key) => !known.has(key));
  const isNews = before.display !== undefined && news.length > 0;
  return {
    display,
    known: [...before.known, ...news].slice(-knownAtMost),
    count: before.count + (isNews ? 1 : 0),
    at: isNews ? Date.parse(display.at) : before.at,
  };
}
