import type { DayFigures, HistoryDay, HistoryDelay, LateOrder } from "../../api/schema.gen";

/** A day without anything. */
export function figures(overrides: Partial<DayFigures> = {}): DayFigures {
  return { day: "2026-03-04", orders: 0, pieces: 0, ready: 0, collected: 0, cancelled: 0, open: 0, late: 0, remakes: 0, scrapped: 0, revenue: [], ...overrides };
}

export function historyDay(overrides: Partial<HistoryDay> = {}): HistoryDay {
  return { figures: figures(), flavours: [], waste: [], people: [], hours: [], late: [], readUntil: "2026-03-04T08:59:00Z", ...overrides };
}

export function lateOrder(overrides: Partial<LateOrder> = {}): LateOrder {
  return { orderId: "0199c0de-7a11-7000-8000-00000000cafe", pickupCode: "K7QF", dueAt: "2026-03-04T08:00:00Z", readyAt: "2026-03-04T08:40:00Z", lateSeconds: 2400, cause: "queue", stage: "bake", ...overrides };
}

export function delay(overrides: Partial<HistoryDelay> = {}): HistoryDelay {
  return { orderId: "0199c0de-7a11-7000-8000-00000000cafe", pickupCode: "K7QF", state: "shipped", lateSeconds: 2400, cause: "queue", stage: "bake", steps: [], decisionSeconds: 0, ...overrides };
}
