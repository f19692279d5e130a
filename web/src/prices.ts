// What things cost. Amounts are whole numbers of a currency's smallest unit; only what is shown has a point.
import type { Line, Money, OrderStatus, PriceList } from "./api/schema.gen";

type Currency = Pick<Money, "currency" | "decimals">;

/** Making one for each amount is slow in long lists. */
const formats = new Map<string, Intl.NumberFormat>();

/** An amount in the reader's own way of writing it. */
export function moneyText({ currency, decimals }: Currency, amount: number): string {
  const key = `${currency} ${decimals}`;
  let format = formats.get(key);
  if (!format) {
    // The kitchen says how many decimals the amount has: browsers have their own opinion on some currencies.
    format = new Intl.NumberFormat(undefined, { style: "currency", currency, minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    formats.set(key, format);
  }
  return format.format(amount / 10 ** decimals);
}

/** What each piece of a line costs; undefined if its size has no price. */
export function priceOf(prices: PriceList, { flavour, size, message }: Pick<Line, "flavour" | "size" | "message">): number | undefined {
  const price = prices.sizes[size];
  return price === undefined ? undefined : price + (prices.surcharges[flavour] ?? 0) + (message ? prices.message : 0);
}

/** What lines cost together; undefined without prices, or if one of them has none. */
export function totalOf(prices: PriceList | undefined, lines: readonly Line[]): Money | undefined {
  if (!prices) return undefined;
  let amount = 0;
  for (const line of lines) {
    const price = priceOf(prices, line);
    if (price === undefined) return undefined;
    amount += price * line.quantity;
  }
  return { currency: prices.currency, decimals: prices.decimals, amount };
}

/** What an order costs, and when that is paid; undefined if it has no price. */
export function totalText({ total, state }: Pick<OrderStatus, "total" | "state">): string | undefined {
  if (!total) return undefined;
  return `${moneyText(total, total.amount)}, ${state === "cancelling" || state === "cancelled" ? "nothing to pay" : "paid at pickup"}`;
}
