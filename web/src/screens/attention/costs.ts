import type { Choice, Money, Pace, Stage } from "../../api/schema.gen";
import { stages } from "../../design/stages";
import { spanText } from "../../design/time";
import { moneyText } from "../../prices";
import { countText } from "../../text";
import type { AskingOrder } from "./groups";

/** What a choice costs the bakery and the customers, a line for each; as far as the figures tell. */
export function costsOf(choice: Choice, orders: readonly AskingOrder[], pace: Pace | undefined): readonly string[] {
  const [first] = orders;
  if (!first) return [];
  const { undoing = false, stage } = first.attention;
  const each = orders.length > 1 ? "Each customer" : "The customer";
  switch (choice) {
    case "retry":
      return undoing ? ["Nothing more is thrown away."] : ["Nothing more is thrown away.", waitText(each, takes(pace, stages.slice(stages.indexOf(stage))))];
    case "remake": {
      const work = takes(pace, stages);
      return [...scrapText(orders), ...(work === undefined ? [] : [`A remake takes about ${spanText(work)}${orders.length > 1 ? " per order" : ""}.`]), waitText(each, work)];
    }
    case "cancel":
      return [...scrapText(orders), ...lossText(orders), `${each} gets nothing.`];
  }
}

/** How long stages take one after the other, waiting included, in milliseconds; undefined if nobody knows. */
function takes(pace: Pace | undefined, through: readonly Stage[]): number | undefined {
  let sum = 0;
  for (const stage of through) {
    const typical = pace?.stages.find((each) => each.stage === stage)?.typicalSeconds;
    if (typical === undefined) return undefined;
    sum += typical * 1000;
  }
  return sum;
}

function waitText(who: string, span: number | undefined): string {
  return span === undefined ? `We can’t estimate yet how long ${who.toLowerCase()} waits.` : `${who} waits about ${spanText(span)} more.`;
}

/** Pieces of what was ordered may be scrapped already, or not made yet. */
function scrapText(orders: readonly AskingOrder[]): readonly string[] {
  let pieces = 0;
  for (const order of orders) {
    if (order.pieces === undefined) return []; // of an older build
    pieces += order.pieces;
  }
  return [`Whatever is left of ${countText(pieces, "piece")} is thrown away.`];
}

function lossText(orders: readonly AskingOrder[]): readonly string[] {
  const sums = new Map<string, Money>();
  for (const { total } of orders) {
    if (!total) continue;
    const key = `${total.currency} ${total.decimals}`;
    sums.set(key, { ...total, amount: (sums.get(key)?.amount ?? 0) + total.amount });
  }
  return sums.size === 0 ? [] : [`${[...sums.values()].map((sum) => moneyText(sum, sum.amount)).join(" and ")} will not be paid.`];
}
