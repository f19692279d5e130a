import type { Menu } from "../../api/schema.gen";
import { timeOfDay } from "../../design/time";

/** That a flavour is sold out, and until when if that is known; null if it can be ordered. */
export function soldOutText({ soldOut }: Pick<Menu, "soldOut">, flavour: string): string | null {
  const found = soldOut.find((each) => each.flavour === flavour);
  if (!found) return null;
  return found.until === undefined ? "Sold out" : `Sold out until ${dayAndTime(found.until)}`;
}

/** The time of the day, with its date if that is another day. */
export function dayAndTime(time: string, now: Date = new Date()): string {
  const date = new Date(time);
  if (date.toDateString() === now.toDateString()) return timeOfDay(time);
  return `${date.toLocaleDateString(undefined, { day: "numeric", month: "short" })}, ${timeOfDay(time)}`;
}
