import { asProblem, type Problem } from "../../api/problem";
import type { Money } from "../../api/schema.gen";
import { moneyText } from "../../prices";
import type { Unanswered } from "./draft";

/** What happened to an order that was sent. */
type Outcome =
  | { readonly kind: "accepted"; readonly id: string }
  /** Instead of this order an earlier one was accepted, whose answer was lost. Whoever sends this one again wants both. */
  | { readonly kind: "earlier-accepted"; readonly id: string }
  /** Nothing was started. Earlier orders may still be unanswered. */
  | { readonly kind: "refused"; readonly problem: Problem; readonly unanswered: Unanswered | undefined }
  /** Nobody knows. Sending it again is safe. */
  | { readonly kind: "unknown"; readonly problem: Problem };

/**
 * Sends the newest of the bodies with their key. The server accepts one order
 * for each key. If it says that it has accepted another one, sending the earlier
 * ones again finds out which, and places no further order.
 */
export async function place(sent: Unanswered, send: (body: string, key: string) => Promise<{ readonly id: string }>): Promise<Outcome> {
  const earlier = sent.bodies.slice(0, -1);
  const body = sent.bodies.at(-1) ?? "";
  try {
    return { kind: "accepted", id: (await send(body, sent.key)).id };
  } catch (error) {
    const problem = asProblem(error);
    if (problem.isUncertain) return { kind: "unknown", problem };
    if (problem.is("/problems/order-erased")) return { kind: "refused", problem, unanswered: undefined }; // the key is spent, and nothing is left to find
    if (!problem.is("/problems/idempotency-conflict")) return { kind: "refused", problem, unanswered: earlier.length > 0 ? { key: sent.key, bodies: earlier } : undefined };
    for (const other of earlier.toReversed()) {
      try {
        return { kind: "earlier-accepted", id: (await send(other, sent.key)).id };
      } catch (error) {
        const problem = asProblem(error);
        if (problem.isUncertain) return { kind: "unknown", problem };
      }
    }
    return { kind: "refused", problem, unanswered: undefined }; // another tab with the same draft has used the key
  }
}

/** What a customer reads whose order does not cost what they have seen. */
export function priceChange(seen: Money | undefined, now: Money | undefined): string {
  const was = seen ? `, not ${moneyText(seen, seen.amount)}` : "";
  const news = now ? `Our prices have just changed: your order costs ${moneyText(now, now.amount)} now${was}.` : "Our prices have just changed, and are not shown at the moment.";
  return `${news} Nothing was ordered. Press the button again if that is fine.`;
}
