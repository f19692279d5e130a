import type { OrderStatus, Pace, Stage, StageStatus } from "../../api/schema.gen";
import { stagesClosingAmendments } from "../../api/stages.gen";
import { stages, stageWords } from "../../design/stages";
import { dueText, spanText, timeOfDay } from "../../design/time";

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

/** When an order may be ready, in milliseconds of the server's time. */
interface Estimate {
  readonly from: number;
  readonly until: number;
  /** It takes longer at its stage than nine in ten orders. */
  readonly slow: boolean;
}

/** With fewer, they say little. */
const enoughSamples = 3;

/**
 * From how long the stages take at present: each stage that is ahead counts
 * whole, the present one as far as it is not over; all of them, if the order
 * is about to start again. Null if nobody can say.
 */
export function estimate(order: OrderStatus, pace: Pace, now: number): Estimate | null {
  if (order.state !== "in-progress" || !order.waitingFor) return null;
  const waitedFor = order.stages.filter((row) => row.stage === order.waitingFor).at(-1);
  const again = isBeingUndone(waitedFor);
  const route = routeOf(order);
  const ahead = again ? route : route.slice(route.indexOf(order.waitingFor));
  const issuedAt = again ? undefined : waitedFor?.issuedAt;
  const sofar = issuedAt ? Math.max(0, (now - Date.parse(issuedAt)) / 1000) : 0;
  let typical = 0;
  let slowly = 0;
  let isSlow = false;
  for (const [i, stage] of ahead.entries()) {
    const known = pace.stages.find((each) => each.stage === stage);
    if (known?.typicalSeconds === undefined || known.slowSeconds === undefined || known.samples < enoughSamples) return null;
    const spent = i === 0 ? sofar : 0;
    isSlow ||= spent > known.slowSeconds;
    typical += Math.max(0, known.typicalSeconds - spent);
    slowly += Math.max(0, known.slowSeconds - spent);
  }
  return { from: now + typical * 1000, until: now + Math.max(slowly, typical) * 1000, slow: isSlow };
}

/** When the order may be ready, for the customer. */
export function expectedText(order: OrderStatus, pace: Pace, now: number): string {
  const ready = estimate(order, pace, now);
  if (!ready) return `Ordered at ${timeOfDay(order.placedAt)}.${order.waitingFor ? " We can’t estimate a time yet." : ""}`;
  if (ready.slow) return `It is taking longer than usual; ready in about ${spanText(Math.max(60_000, ready.until - now))} or later.`;
  const [from, until] = [Math.ceil((ready.from - now) / 60_000), Math.ceil((ready.until - now) / 60_000)];
  return `Ready in about ${from < until ? `${Math.max(1, from)} to ${until}` : Math.max(1, until)} min, around ${timeOfDay(ready.until)}.`;
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
