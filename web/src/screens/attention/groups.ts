import type { Attention, Choice, OrderSummary } from "../../api/schema.gen";

/** An order about which a manager is asked. */
export type AskingOrder = OrderSummary & { readonly attention: Attention };

/** Questions of one kind, which can be decided together. */
export interface Group {
  readonly key: string;
  /** The first of the questions; without who reported it if that were several. */
  readonly question: Attention;
  /** Two or more, in the list's order. */
  readonly orders: readonly AskingOrder[];
  /** What can be chosen for all of them. */
  readonly choices: readonly Choice[];
}

/** What the desk shows: orders that stand alone, and groups where their first order stands. */
export type Item = { readonly order: AskingOrder; readonly group?: never } | { readonly group: Group; readonly order?: never };

/**
 * Puts questions with one cause together: what happened, where and why. Who reported
 * it makes no difference; who went silent is the cause itself. Those that somebody wants to decide alone
 * stand alone, and so do those that do not tell their kind: they are of an older
 * build.
 */
export function itemsOf(orders: readonly AskingOrder[], alone: ReadonlySet<string>): readonly Item[] {
  const kinds = new Map<string, { readonly first: AskingOrder; readonly others: AskingOrder[] }>();
  for (const order of orders) {
    const key = alone.has(order.id) ? order.id : kindOf(order);
    const kind = kinds.get(key);
    if (kind) kind.others.push(order);
    else kinds.set(key, { first: order, others: [] });
  }
  return [...kinds].map(([key, { first, others }]) => (others.length > 0 ? { group: groupOf(key, first, others) } : { order: first }));
}

function kindOf({ id, attention }: AskingOrder): string {
  if (attention.cause === undefined) return id;
  const { cause, stage, undoing, by, reasonCode } = attention;
  return JSON.stringify([cause, stage, undoing ?? false, cause === "silent" ? (by ?? "") : "", reasonCode ?? ""]);
}

function groupOf(key: string, first: AskingOrder, others: readonly AskingOrder[]): Group {
  const choices = first.attention.choices.filter((choice) => others.every((order) => order.attention.choices.includes(choice)));
  const { by, ...question } = first.attention;
  const isOneReporter = by !== undefined && others.every((order) => order.attention.by === by);
  return { key, question: isOneReporter ? { ...question, by } : question, orders: [first, ...others], choices };
}

/** Not so is an order whose question Temporal's lists will tell in a moment. */
export function isAsking(order: OrderSummary): order is AskingOrder {
  return order.attention !== undefined;
}
