import type { Menu, OrderStatus } from "../../api/schema.gen";
import { addLine, allergiesOf, lengthOf, type Draft } from "../order/draft";
import { menuFor, soldOutText } from "../order/soldOut";

/**
 * The draft with an order's cupcakes put into its basket, as far as they can be had,
 * and what was left out. Allergies come along: whoever leaves one out must do so on purpose.
 */
export function orderAgain(draft: Draft, order: Pick<OrderStatus, "pickupCode" | "customer" | "lines" | "allergies">, today: Menu): Draft {
  const menu = menuFor(today, draft);
  const { flavours, sizes, limits } = menu;
  const left: string[] = [];
  let lines = draft.lines;
  for (const line of order.lines) {
    const name = flavours.find(({ code }) => code === line.flavour)?.name;
    const soldOut = soldOutText(menu, line.flavour);
    if (name === undefined) left.push(`${line.flavour} (no longer on our menu)`);
    else if (soldOut !== null) left.push(`${name} (${soldOut.toLowerCase()})`);
    else if (!sizes.some(({ code }) => code === line.size)) left.push(`${name} in size ${line.size} (no longer on our menu)`);
    else {
      const { message, ...plain } = line;
      const next = addLine(lines, { ...plain, quantity: Math.min(limits.quantity, line.quantity), ...(message && lengthOf(message) <= limits.messageLength && { message }) }, limits);
      if (next.length > limits.lines) left.push(`${name} (the basket is full)`);
      else lines = next;
    }
  }
  const known = new Set(flavours.flatMap(({ allergens }) => allergens));
  const allergies = [...new Set([...allergiesOf(draft), ...(order.allergies ?? [])])];
  return {
    ...draft,
    lines,
    name: draft.name.trim() ? draft.name : order.customer.name,
    allergens: allergies.filter((each) => known.has(each)),
    otherAllergies: allergies.filter((each) => !known.has(each)).join(", "),
    again: { code: order.pickupCode, left },
  };
}

/** What a customer reads whose basket was filled from an order. */
export function againText({ code, left }: NonNullable<Draft["again"]>): string {
  return left.length > 0 ? `This was left out of order ${code}: ${left.join(", ")}.` : `What order ${code} had is in your basket.`;
}
