import type { Money, OrderSummary } from "../../api/schema.gen";

export interface FlavourTotal {
  readonly flavour: string;
  /** How many pieces of each size. */
  readonly sizes: Readonly<Record<string, number>>;
  readonly pieces: number;
}

/** The orders of a day that somebody will fetch, by the time for which they are. */
export function pickupsOf(orders: readonly OrderSummary[]): readonly OrderSummary[] {
  const due = ({ dueAt, placedAt }: OrderSummary) => Date.parse(dueAt ?? placedAt);
  return orders.filter(({ state }) => state !== "cancelled" && state !== "cancelling").sort((a, b) => due(a) - due(b) || a.pickupCode.localeCompare(b.pickupCode));
}

/** How much there is of each flavour, the most first. */
export function totalsOf(orders: readonly OrderSummary[]): readonly FlavourTotal[] {
  const totals = new Map<string, { flavour: string; sizes: Record<string, number>; pieces: number }>();
  for (const { flavour, size, quantity } of orders.flatMap((order) => order.lines ?? [])) {
    const total = totals.get(flavour) ?? { flavour, sizes: {}, pieces: 0 };
    total.sizes[size] = (total.sizes[size] ?? 0) + quantity;
    total.pieces += quantity;
    totals.set(flavour, total);
  }
  return [...totals.values()].sort((a, b) => b.pieces - a.pieces || a.flavour.localeCompare(b.flavour));
}

/** What there is to take, in each currency: the kitchen file may have changed it. */
export function takings(orders: readonly OrderSummary[]): readonly Money[] {
  const sums = new Map<string, { currency: string; decimals: number; amount: number }>();
  for (const { total } of orders) {
    if (!total) continue;
    const key = `${total.currency} ${total.decimals}`;
    const sum = sums.get(key) ?? { ...total, amount: 0 };
    sum.amount += total.amount;
    sums.set(key, sum);
  }
  return [...sums.values()];
}
