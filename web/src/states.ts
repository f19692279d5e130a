import type { OrderState } from "./api/schema.gen";

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
