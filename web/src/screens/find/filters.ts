import type { OrderState } from "../../api/schema.gen";

/** What the page of orders shows, as its address says. */
export interface Filters {
  readonly q?: string;
  readonly state?: OrderState;
  /** A date, or "today". */
  readonly day?: string;
}

/** The states that can be looked for: an order is accepted for a moment only. */
export const states: readonly OrderState[] = ["scheduled", "in-progress", "needs-attention", "cancelling", "shipped", "cancelled"];

/** Reads the filters of an address; what makes no sense is left out. */
export function filtersOf(search: Readonly<Record<string, unknown>>): Filters {
  const { q, day } = search;
  const state = states.find((each) => each === search["state"]);
  return {
    ...(typeof q === "string" && q.trim() !== "" && { q: q.trim().slice(0, 80) }),
    ...(state && { state }),
    ...(typeof day === "string" && /^(today|\d{4}-\d\d-\d\d)$/.test(day) && { day }),
  };
}
