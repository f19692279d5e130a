import { expect, test } from "vitest";
import type { OrderSummary } from "../../api/schema.gen";
import { pickupsOf, takings, totalsOf } from "./sheet";

function order(id: string, more: Partial<OrderSummary>): OrderSummary {
  return { id, pickupCode: id, state: "scheduled", customer: { name: "Ada" }, flavours: [], placedAt: "2026-01-31T08:00:00Z", ...more };
}

const eur = (amount: number) => ({ currency: "EUR", decimals: 2, amount });

test("pickups come by their time, without those that nobody will fetch", () => {
  const orders = [
    order("C", { dueAt: "2026-01-31T11:00:00Z" }), order("A", {}), order("X", { state: "cancelled" }), order("Y", { state: "cancelling" }),
    order("B", { dueAt: "2026-01-31T10:00:00Z" }), order("S", { state: "shipped", dueAt: "2026-01-31T11:00:00Z" }),
  ];
  expect(pickupsOf(orders).map(({ id }) => id)).toEqual(["A", "B", "C", "S"]);
});

test("totals by flavour and size, the most first", () => {
  const orders = [
    order("A", { lines: [{ flavour: "lemon", size: "M", quantity: 6 }, { flavour: "carrot", size: "S", quantity: 2 }] }),
    order("B", { lines: [{ flavour: "carrot", size: "S", quantity: 3 }, { flavour: "carrot", size: "L", quantity: 4 }] }),
    order("C", {}), // of an older build
  ];
  expect(totalsOf(orders)).toEqual([
    { flavour: "carrot", sizes: { S: 5, L: 4 }, pieces: 9 },
    { flavour: "lemon", sizes: { M: 6 }, pieces: 6 },
  ]);
});

test("what there is to take is added up in each currency", () => {
  const orders = [order("A", { total: eur(250) }), order("B", {}), order("C", { total: { currency: "JPY", decimals: 0, amount: 900 } }), order("D", { total: eur(50) })];
  expect(takings(orders)).toEqual([eur(300), { currency: "JPY", decimals: 0, amount: 900 }]);
  expect(orders[0]?.total).toEqual(eur(250));
});
