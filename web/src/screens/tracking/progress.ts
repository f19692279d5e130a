import type { OrderStatus, Stage, StageStatus } from "../../api/schema.gen";
import { stagesClosingAmendments } from "../../api/stages.gen";
import { stages, stageWords } from "../../design/stages";
import { dueText, timeOfDay, zonedTime } from "../../design/time";

/** A stage of the order's present pass. */
export interface Step {
  readonly stage: Stage;
  readonly look: "ahead" | "dropped" | "waiting" | "working" | "done" | "failed" | "undone";
  readonly row: StageStatus | undefined;
}

/** The stages that the order goes through; all of them if an API of an older build, beside this page's, does not tell. */
function routeOf(order: OrderStatus): readonly Stage[] {
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- this build's API always tells it
  return order.route ?? stages;
}

/** The present pass, stage by stage. */
export function stepsOf(order: OrderStatus): readonly Step[] {
  const pass = Math.max(1, ...order.stages.map((row) => row.pass));
  // An order that is ending begins no further stage.
  const isEnding = order.state === "cancelling" || order.state === "cancelled" || order.attention?.undoing === true;
  return routeOf(order).map((stage) => {
    const row = order.stages.find((each) => each.stage === stage && each.pass === pass);
    return { stage, look: row ? lookOf(row) : isEnding ? "dropped" : "ahead", row };
  });
}

function lookOf(row: StageStatus): Step["look"] {
  return row.state === "started" ? "working" : row.state;
}

/** One sentence that says where the order is. */
export function headline(order: OrderStatus): string {
  switch (order.state) {
    case "shipped":
      return "Ready: your cupcakes are waiting for you";
    case "cancelled":
      return "Cancelled";
    case "cancelling":
      return "Being cancelled";
    case "needs-attention":
      return "Somebody is looking into your order";
    case "accepted":
      return "Your order is in";
    case "scheduled":
      return order.dueAt ? `Your order is in for ${dueText(order.dueAt)}` : "Your order is in";
    case "in-progress": {
      const stage = order.waitingFor ?? order.stage;
      if (!stage) return "Your order is in";
      const at = order.stages.filter((row) => row.stage === stage).at(-1);
      if (at?.state === "undone" || isBeingUndone(at)) return "We are starting again";
      if (at?.state === "started") return `Your cupcakes are ${stageWords[stage].doing}`;
      const route = routeOf(order);
      // Between two stages the order waits for nobody.
      const next = at?.state === "done" ? route[route.indexOf(stage) + 1] : stage;
      if (!next) return "Your cupcakes are nearly ready";
      return next === route[0] ? "You’re in the queue" : `In the queue to be ${stageWords[next].did}`;
    }
  }
}

/** An order in progress that waits for such a stage starts again afterwards. */
function isBeingUndone(row: StageStatus | undefined): boolean {
  return row?.undo !== undefined && row.undo.state !== "undone";
}

/** When the order may be ready, for the customer: what the API reckons from the queues before it. */
export function expectedText({ estimate, placedAt, dueAt }: OrderStatus): string {
  const due = dueAt === undefined ? "" : `They will be ready for you at ${dueText(dueAt)}.`;
  if (!estimate) return due || `Ordered at ${timeOfDay(placedAt)}. We can’t estimate a time yet.`;
  const [from, until] = [zonedTime(estimate.from), zonedTime(estimate.until)];
  if (dueAt !== undefined && Date.parse(estimate.from) <= Date.parse(dueAt)) return due;
  const late = dueAt === undefined ? "" : `We are running late for ${dueText(dueAt)}. `;
  if (estimate.slow) return `${late}It is taking longer than usual: ready at about ${until}, or later.`;
  return late + (from === until ? `Ready at about ${until}.` : `Ready between ${timeOfDay(estimate.from)} and ${until}.`);
}

export function canCancel(order: OrderStatus): boolean {
  return order.state === "accepted" || order.state === "scheduled" || order.state === "in-progress" || order.state === "needs-attention";
}

/** Text can change until the present pass comes to a stage that closes amending. */
export function canAmend(order: OrderStatus): boolean {
  const steps = stepsOf(order);
  const closing = steps.findIndex((step) => stagesClosingAmendments.includes(step.stage));
  return canCancel(order) && (closing < 0 || steps.slice(closing).every((step) => step.look === "ahead"));
}

/** Work that failed, for customers who wonder why it takes longer. */
export function mishaps(order: OrderStatus): readonly StageStatus[] {
  return order.stages.filter((row) => row.failedAt !== undefined || (row.reason !== undefined && row.state !== "done"));
}
