import type { OrderState, OrderSummary } from "./api/schema.gen";

/** The states of an order, for staff. */
export const stateWords: Readonly<Record<OrderState, string>> = {
  accepted: "Accepted",
  scheduled: "Scheduled",
  "in-progress": "In progress",
  "needs-attention": "Needs attention",
  cancelling: "Being cancelled",
  cancelled: "Cancelled",
  shipped: "Ready or collected",
};

/** The state of an order, and of one that is shipped whether it was collected, where that is known. */
export function stateText({ state, pickup }: { readonly state: OrderState; readonly pickup?: OrderSummary["pickup"] | undefined }): string {
  if (state !== "shipped" || pickup === undefined) return stateWords[state];
  return pickup === "collected" ? "Collected" : "Ready";
}
