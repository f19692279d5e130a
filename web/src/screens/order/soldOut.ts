import type { Menu } from "../../api/schema.gen";
import { dayAndTime } from "../../design/time";
import type { Draft } from "./draft";

/** That a flavour is sold out, and until when if that is known; null if it can be ordered. */
export function soldOutText({ soldOut }: Pick<Menu, "soldOut">, flavour: string): string | null {
  const found = soldOut.find((each) => each.flavour === flavour);
  if (!found) return null;
  return found.until === undefined ? "Sold out" : `Sold out until ${dayAndTime(found.until)}`;
}

/** The menu by the time that the order is for: what can be had again by then is not sold out. */
export function menuFor(menu: Menu, { when, pickupAt }: Pick<Draft, "when" | "pickupAt">): Menu {
  if (when !== "later" || pickupAt === "") return menu;
  const isGone = ({ until }: Menu["soldOut"][number]) => until === undefined || Date.parse(pickupAt) < Date.parse(until);
  return { ...menu, soldOut: menu.soldOut.filter(isGone) };
}
